// SPDX-License-Identifier: MIT
/*
 * signals.c - signals and the ^A keys: how a run is ended from outside, with the terminal as it
 * was.
 *
 * The first SIGTERM, SIGINT, SIGHUP or SIGQUIT stops the machine, so that the report is written;
 * the second ends the process at once. Of an exec the first goes to the program in the machine, and
 * these two come after it. A signal that was ignored when we began (nohup, a background
 * job) stays ignored.
 */
#include "launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/host.h"

#define SIGNAL_SAME_NS (NS_PER_SEC / 10)

static struct {
    _Atomic(struct vm *) vm;
    _Atomic int pending; /* a signal that came while there was no machine */
    _Atomic int seen;
    _Atomic bool quit;   /* ^A x, likewise */
    _Atomic int forward; /* a descriptor and 1, for the first one; 0: none */
    _Atomic uint64_t forwarded_ns;
} sig_state;

/*
 * One that comes close behind is the same one: a program that ends us, such as timeout(1), signals
 * us and then our process group. Async-signal-safe.
 */
static bool signal_forward(int sig)
{
    int fd = atomic_load(&sig_state.forward) - 1;
    uint64_t now = clock_mono_ns(), none = 0;
    if (fd < 0)
        return false;
    if (!atomic_compare_exchange_strong(&sig_state.forwarded_ns, &none, now))
        return now - none < SIGNAL_SAME_NS;
    uint8_t byte = (uint8_t)sig;
    return write(fd, &byte, 1) == 1;
}

static void signal_end(int sig)
{
    int saved = errno;
    if (signal_forward(sig)) {
        errno = saved;
        return;
    }
    if (atomic_exchange(&sig_state.seen, sig)) {
        term_restore();
        _exit(STATUS_SIGNAL + sig);
    }
    atomic_store(&sig_state.pending, sig);
    struct vm *vm = atomic_load(&sig_state.vm);
    if (vm)
        vm_stop(vm, VM_END_SIGNAL, sig);
    errno = saved;
}

/* Our own crash: SA_RESETHAND has put the default action back, which the return or raise() meets.
 */
static void signal_crash(int sig)
{
    term_restore();
    raise(sig);
}

static void signal_stop(int sig);

static void signal_cont(int sig)
{
    (void)sig;
    struct sigaction sa = {.sa_handler = signal_stop, .sa_flags = SA_RESTART};
    sigaction(SIGTSTP, &sa, NULL);
    term_resume();
}

/* Stop as the default action would, once the terminal is back: the signal waits until we return. */
static void signal_stop(int sig)
{
    int saved = errno;
    term_restore();
    struct sigaction sa = {.sa_handler = SIG_DFL};
    sigaction(sig, &sa, NULL);
    kill(getpid(), sig);
    errno = saved;
}

void signals_install(void)
{
    static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (unsigned i = 0; i < ARRAY_LEN(ending); i++) {
        struct sigaction sa = {.sa_handler = signal_end, .sa_flags = SA_RESTART}, old;
        sigaction(ending[i], &sa, &old);
        if (old.sa_handler == SIG_IGN)
            sigaction(ending[i], &old, NULL);
    }
}

void signals_forward(int fd)
{
    atomic_store(&sig_state.forward, fd + 1);
}

void signals_terminal(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    for (unsigned i = 0; i < ARRAY_LEN(crashes); i++) {
        struct sigaction sa = {.sa_handler = signal_crash, .sa_flags = (int)SA_RESETHAND};
        sigaction(crashes[i], &sa, NULL);
    }
    struct sigaction cont = {.sa_handler = signal_cont, .sa_flags = SA_RESTART};
    sigaction(SIGCONT, &cont, NULL);
    struct sigaction stop = {.sa_handler = signal_stop, .sa_flags = SA_RESTART};
    sigaction(SIGTSTP, &stop, NULL);
}

void signals_vm(struct vm *vm)
{
    atomic_store(&sig_state.vm, vm);
    int sig = atomic_load(&sig_state.pending);
    if (vm && sig)
        vm_stop(vm, VM_END_SIGNAL, sig);
    if (vm && atomic_load(&sig_state.quit))
        vm_stop(vm, VM_END_QUIT, 0);
}

/* ---- ^A keys; on the thread that reads the terminal ---- */

static void escape_quit(void)
{
    atomic_store(&sig_state.quit, true);
    struct vm *vm = atomic_load(&sig_state.vm);
    if (vm)
        vm_stop(vm, VM_END_QUIT, 0);
}

static void escape_power(void)
{
    struct vm *vm = atomic_load(&sig_state.vm);
    if (!vm || !vm_power_key(vm))
        say("^A p: this board has no power key");
}

static void escape_pause(void)
{
    struct vm *vm = atomic_load(&sig_state.vm);
    if (!vm)
        return;
    if (vm_is_paused(vm))
        vm_resume(vm);
    else
        vm_pause(vm);
    say(vm_is_paused(vm) ? "paused; ^A s goes on" : "goes on");
}

static void escape_help(void);

static const struct {
    uint8_t key;
    const char *help;
    void (*fn)(void);
} escapes[] = {
    {'x', "x end the run",         escape_quit },
    {'p', "p press the power key", escape_power},
    {'s', "s stop, and go on",     escape_pause},
    {'h', "h this list",           escape_help },
};

static void escape_help(void)
{
    struct text t = {0};
    text_add(&t, "^A then: ^A sends ^A");
    for (unsigned i = 0; i < ARRAY_LEN(escapes); i++)
        text_add(&t, ", %s", escapes[i].help);
    say_text(&t);
}

bool escape_filter(void *arg, uint8_t byte)
{
    static bool prefix;
    (void)arg;
    if (!prefix) {
        prefix = byte == 1;
        return !prefix;
    }
    prefix = false;
    if (byte == 1)
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(escapes); i++)
        if ((byte | 0x20) == escapes[i].key) {
            escapes[i].fn();
            return false;
        }
    escape_help();
    return false;
}
