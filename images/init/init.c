// SPDX-License-Identifier: MIT
/*
 * init.c - process 1 of `vibevmm exec`: runs one program, with the launcher's standard streams.
 *
 * Started by the kernel from the initramfs that the launcher made, which says in EXEC_RUN_FILE what
 * to do (vmm/exec_init.h). Loads the drivers, mounts, connects three ports with three pipes, starts
 * the program, forwards signals, and hands its status to the launcher, which stops the machine.
 * What goes wrong before the ports are there is said on the console; after that, on the program's
 * standard error.
 *
 * Linux as documented by its man pages: proc(5), signalfd(2), inotify(7), finit_module(2); the 9P
 * mount by Documentation/filesystems/9p.rst; ports by their driver (see relay.c).
 */
#include "init.h"

#include "vmm/exec_init.h"

#define SHARES_MAX 32
#define FIELDS_MAX 65536
#define PORT_TRIES 1000000

/* What the launcher asks for. */
static struct {
    const char *share[SHARES_MAX];
    unsigned n_shares;
    bool write, merge;
    const char *dir, *program;
    const char **argv, **envp;
} run;

static struct relay relay_in, relay_out, relay_err;

static void power_off(void)
{
    for (;;)
        sys(reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWEROFF, NULL);
}

/* ---- the machine ---- */

static void make_dir(const char *path)
{
    sys(mkdirat, AT_FDCWD, path, 0755);
}

/* columns: file system, folder, flags, options */
static const struct {
    const char *type, *at;
    long flags;
    const char *options;
} mounts[] = {
    {"devtmpfs", "/dev",     MS_NOSUID,                        NULL                   },
    {"proc",     "/proc",    MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL                   },
    {"sysfs",    "/sys",     MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL                   },
    {"tmpfs",    "/tmp",     MS_NOSUID | MS_NODEV,             "mode=1777"            },
    {"devpts",   "/dev/pts", MS_NOSUID | MS_NOEXEC,            "mode=620,ptmxmode=666"},
    {"tmpfs",    "/dev/shm", MS_NOSUID | MS_NODEV,             "mode=1777"            },
};

/* columns: name, what it leads to */
static const char *const links[][2] = {
    {"/dev/fd",     "/proc/self/fd"  },
    {"/dev/stdin",  "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
};

/* A kernel without one of these file systems runs most programs all the same. */
static void mount_all(void)
{
    for (unsigned i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        make_dir(mounts[i].at);
        sys(mount, mounts[i].type, mounts[i].at, mounts[i].type, mounts[i].flags,
            mounts[i].options);
    }
    for (unsigned i = 0; i < sizeof links / sizeof links[0]; i++)
        sys(symlinkat, links[i][1], AT_FDCWD, links[i][0]);
}

/* netdevice(7): struct ifreq begins with a name of 16 bytes, flags behind it. */
static void loopback_up(void)
{
    struct {
        char name[16];
        short flags;
        char rest[22];
    } ifreq = {.name = "lo", .flags = IFF_UP};
    long fd = sys(socket, AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        return;
    sys(ioctl, fd, SIOCSIFFLAGS, &ifreq);
    sys(close, fd);
}

static void load_module(const char *path)
{
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long rc = fd < 0 ? fd : sys(finit_module, fd, "", 0);
    if (rc < 0 && rc != -SYS_EEXIST)
        SAY(path, ": the kernel does not take this module");
    if (fd >= 0)
        sys(close, fd);
}

/* ---- what to do ---- */

/* A letter and its value, ended by a NUL that the launcher put there. */
static void run_field(const char *field, unsigned *argc, unsigned *envc)
{
    const char *value = field + 1;
    switch (field[0]) {
    case EXEC_RUN_MODULE:
        load_module(value);
        break;
    case EXEC_RUN_SHARE:
        if (run.n_shares < SHARES_MAX)
            run.share[run.n_shares++] = value;
        break;
    case EXEC_RUN_WRITE:
        run.write = true;
        break;
    case EXEC_RUN_DIR:
        run.dir = value;
        break;
    case EXEC_RUN_MERGE:
        run.merge = true;
        break;
    case EXEC_RUN_PROGRAM:
        run.program = value;
        break;
    case EXEC_RUN_ARG:
        if (*argc < FIELDS_MAX)
            run.argv[(*argc)++] = value;
        break;
    case EXEC_RUN_ENV:
        if (*envc < FIELDS_MAX)
            run.envp[(*envc)++] = value;
        break;
    default:
        break;
    }
}

static bool run_read(void)
{
    long fd = sys(openat, AT_FDCWD, "/" EXEC_RUN_FILE, O_RDONLY | O_CLOEXEC);
    long len = fd < 0 ? fd : sys(lseek, fd, 0, SEEK_END);
    if (len <= 0)
        return false;
    long map = sys(mmap, NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    long lists = sys(mmap, NULL, 2 * (FIELDS_MAX + 1) * sizeof(char *), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sys(close, fd);
    const char *p = (const char *)map, *end = p + len;
    if ((map < 0 && map > -4096) || (lists < 0 && lists > -4096) || end[-1] ||
        !text_is(p, EXEC_RUN_MAGIC))
        return false;
    run.argv = (const char **)lists;
    run.envp = run.argv + FIELDS_MAX + 1;
    unsigned argc = 0, envc = 0;
    for (p += text_len(p) + 1; p < end; p += text_len(p) + 1)
        if (*p)
            run_field(p, &argc, &envc);
    return argc > 0;
}

/* ---- ports ---- */

/* The N of "vportNpM" when that is port M, else -1. */
static int port_device(const char *name, unsigned port)
{
    static const char head[] = "vport";
    for (unsigned i = 0; head[i]; i++)
        if (name[i] != head[i])
            return -1;
    int n = 0;
    const char *p = name + sizeof head - 1;
    for (; *p >= '0' && *p <= '9' && n < 100000; p++)
        n = n * 10 + (*p - '0');
    return p[0] == 'p' && p[1] == (char)('0' + port) && !p[2] ? n : -1;
}

/* In /dev, whichever device has it; -1: not there yet. */
static int port_find(unsigned port)
{
    char buf[4096] __attribute__((aligned(8)));
    long fd = sys(openat, AT_FDCWD, "/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int found = -1;
    for (long n; found < 0 && fd >= 0 && (n = sys(getdents64, fd, buf, sizeof buf)) > 0;)
        for (long at = 0; at < n && found < 0;) {
            const struct dirent64 *d = (const void *)(buf + at);
            found = port_device(d->name, port);
            at += d->reclen;
        }
    if (fd >= 0)
        sys(close, fd);
    return found;
}

/* Wait until the last port is there. `watch`: an inotify of /dev, since before the first look. */
static int port_wait(int watch)
{
    int device = port_find(EXEC_PORT_CONTROL);
    while (device < 0) {
        char buf[4096] __attribute__((aligned(8)));
        long n = sys(read, watch, buf, sizeof buf);
        if (n < 0)
            return -1;
        for (long at = 0; at < n && device < 0;) {
            const struct inotify_event *e = (const void *)(buf + at);
            if (e->len)
                device = port_device(e->name, EXEC_PORT_CONTROL);
            at += (long)(sizeof *e + e->len);
        }
    }
    return device;
}

/*
 * The driver makes the node a moment before it knows the port by it (add_port(), then
 * find_port_by_devt(), which says ENXIO): let its thread go on.
 */
static int port_open(int device, unsigned port, int flags)
{
    char number[8], path[32];
    unsigned at = sizeof number - 1;
    number[at] = '\0';
    do
        number[--at] = (char)('0' + device % 10);
    while ((device /= 10) && at);
    const char *const parts[] = {
        "/dev/vport", number + at, "p", (const char[]){(char)('0' + port), '\0'},
              NULL
    };
    text_join(path, sizeof path, parts);
    long fd = -SYS_ENXIO;
    for (unsigned i = 0; fd == -SYS_ENXIO && i < PORT_TRIES; i++) {
        if (i)
            sys(sched_yield, 0);
        fd = sys(openat, AT_FDCWD, path, flags | O_CLOEXEC);
    }
    return (int)fd;
}

/* ---- folders ---- */

static void share_mount(const char *tag)
{
    char at[64];
    const char *const parts[] = {"/mnt/", tag, NULL};
    make_dir("/mnt");
    if (!text_join(at, sizeof at, parts))
        return;
    make_dir(at);
    long rc = sys(mount, tag, at, "9p", 0, "trans=virtio,version=9p2000.L,msize=262144");
    if (rc < 0)
        SAY("the folder ", at, " cannot be mounted: this kernel has no 9P");
}

/* ---- the program ---- */

static const char *env_get(const char *name)
{
    for (const char **e = run.envp; *e; e++) {
        const char *p = *e, *n = name;
        while (*n && *p == *n)
            p++, n++;
        if (!*n && *p == '=')
            return p + 1;
    }
    return NULL;
}

static void exec_failed(const char *name, const char *path, long rc)
{
    bool there = sys(faccessat, AT_FDCWD, path, 0) == 0;
    if (rc == -SYS_ENOENT && there)
        SAY(name, ": the program that should run this script is not in the machine");
    else if (rc == -SYS_ENOENT)
        SAY(name, ": no such program in the machine");
    else
        SAY(name, ": the kernel cannot execute this file");
    sys(exit_group, rc == -SYS_ENOENT ? EXEC_STATUS_NOT_FOUND : EXEC_STATUS_CANNOT);
}

/* As execvp(3): the first of PATH's folders that has such a program. */
static void exec_by_path(const char *name)
{
    const char *p = env_get("PATH");
    char path[4096];
    while (p && *p) {
        size_t n = 0;
        while (p[n] && p[n] != ':')
            n++;
        if (n && n + text_len(name) + 2 < sizeof path) {
            memcpy(path, p, n);
            const char *const parts[] = {"/", name, NULL};
            text_join(path + n, sizeof path - n, parts);
            if (!sys(faccessat, AT_FDCWD, path, X_OK))
                exec_failed(name, path, sys(execve, path, run.argv, run.envp));
        }
        p += n + (p[n] == ':');
    }
    exec_failed(name, "", -SYS_ENOENT);
}

/* In the child: never returns. */
static void exec_program(const int *fds)
{
    uint64_t none = ~UINT64_C(0);
    const char *name = run.argv[0];
    sys(setsid, 0);
    for (int i = 0; i < 3; i++)
        sys(dup3, fds[i], i, 0);
    sys(rt_sigprocmask, SIG_UNBLOCK, &none, NULL, sizeof none);
    if (run.dir && sys(chdir, run.dir) < 0)
        SAY(run.dir, ": no such folder in the machine");
    if (run.program)
        exec_failed(name, run.program, sys(execve, run.program, run.argv, run.envp));
    exec_by_path(name);
}

static void set_nonblock(int fd)
{
    sys(fcntl, fd, 4 /* F_SETFL */, O_NONBLOCK);
}

/* Its pid. The parent waits until the child has executed, so that its session is there. */
static long program_start(void)
{
    int in[2], out[2], err[2];
    if (sys(pipe2, in, O_CLOEXEC) < 0 || sys(pipe2, out, O_CLOEXEC) < 0 ||
        sys(pipe2, err, O_CLOEXEC) < 0)
        return -1;
    const int fds[3] = {in[0], out[1], run.merge ? out[1] : err[1]};
    long pid = sys(clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (!pid)
        exec_program(fds);
    sys(close, in[0]);
    sys(close, out[1]);
    sys(close, err[1]);
    relay_in.out = in[1];
    relay_out.in = out[0];
    relay_err.in = err[0];
    set_nonblock(in[1]);
    set_nonblock(out[0]);
    set_nonblock(err[0]);
    return pid;
}

/* Reap whoever has ended; the wait(2) status of `pid` when it is among them, else -1. */
static int reap(long pid)
{
    int status, of_pid = -1;
    for (long p; (p = sys(wait4, -1, &status, WNOHANG, NULL)) > 0;)
        if (p == pid)
            of_pid = status;
    return of_pid;
}

/*
 * A signal of the launcher's. Those of keys go to all that the program has started in its session's
 * first group, as a terminal's would; the others to the program.
 */
static void forward(long pid, uint8_t sig)
{
    bool key = sig == 2 || sig == 3; /* SIGINT, SIGQUIT */
    if (sig >= 1 && sig < 32)
        sys(kill, key ? -pid : pid, sig);
}

/* Until the program ends: its wait(2) status. */
static int program_serve(long pid, int control, int children)
{
    struct relay *const relays[] = {&relay_in, &relay_out, &relay_err};
    enum { N = 3 };
    for (;;) {
        struct pollfd p[2 + 2 * N] = {
            {control,  POLLIN, 0},
            {children, POLLIN, 0}
        };
        for (unsigned i = 0; i < N; i++)
            relay_ask(relays[i], &p[2 + 2 * i]);
        sys(ppoll, p, 2 + 2 * N, NULL, NULL, 0);
        if (p[0].revents & POLLIN) {
            uint8_t sig[16];
            long n = sys(read, control, sig, sizeof sig);
            for (long i = 0; i < n; i++)
                forward(pid, sig[i]);
        }
        for (unsigned i = 0; i < N; i++)
            relay_go(relays[i], &p[2 + 2 * i]);
        if (p[1].revents & POLLIN) {
            uint8_t info[128]; /* struct signalfd_siginfo; which child it was, wait4() tells */
            sys(read, children, info, sizeof info);
            int status = reap(pid);
            if (status >= 0)
                return status;
        }
    }
}

/* As a shell counts it: the status, or 128 and the signal. */
static uint8_t shell_status(int status)
{
    return (uint8_t)(status & 0x7f ? 128 + (status & 0x7f) : status >> 8);
}

static void control_say(int control, const uint8_t *msg, size_t len)
{
    sys(write, control, msg, len);
}

static int serve(int device, int control)
{
    uint64_t set = UINT64_C(1) << (SIGCHLD - 1);
    sys(rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof set);
    int children = (int)sys(signalfd4, -1, &set, sizeof set, O_CLOEXEC | O_NONBLOCK);
    relay_in.in = port_open(device, EXEC_PORT_STDIN, O_RDONLY | O_NONBLOCK);
    relay_out.out = port_open(device, EXEC_PORT_STDOUT, O_WRONLY | O_NONBLOCK);
    relay_err.out = port_open(device, EXEC_PORT_STDERR, O_WRONLY | O_NONBLOCK);
    long pid = program_start();
    if (pid < 0)
        return EXEC_STATUS_CANNOT;
    control_say(control, (const uint8_t[]){EXEC_SAYS_PROGRAM}, 1);
    int status = program_serve(pid, control, children);
    sys(kill, -1, 9); /* what it left behind writes no more */
    relay_drain(&relay_out);
    relay_drain(&relay_err);
    if (run.write)
        sys(sync, 0);
    return shell_status(status);
}

void init_main(void);

void init_main(void)
{
    make_dir("/dev");
    int watch = (int)sys(inotify_init1, O_CLOEXEC);
    mount_all();
    sys(inotify_add_watch, watch, "/dev", IN_CREATE);
    if (!run_read()) {
        SAY("the initramfs says nothing of what to run");
        power_off();
    }
    static const char *const drivers[] = {"/sys/bus/platform/drivers/virtio-mmio",
                                          "/sys/bus/virtio/drivers/virtio_console"};
    for (unsigned i = 0; i < 2; i++)
        if (sys(faccessat, AT_FDCWD, drivers[i], 0) < 0) {
            SAY("this kernel has no driver ", drivers[i]);
            power_off();
        }
    loopback_up();
    int device = port_wait(watch);
    sys(close, watch);
    int control = device < 0 ? -1 : port_open(device, EXEC_PORT_CONTROL, O_RDWR);
    if (control < 0) {
        SAY("the ports of the virtio console cannot be opened");
        power_off();
    }
    /* This waits until the host is connected, there and at the ports before. */
    control_say(control, (const uint8_t[]){EXEC_SAYS_INIT}, 1);
    for (unsigned i = 0; i < run.n_shares; i++)
        share_mount(run.share[i]);
    uint8_t end[2] = {EXEC_SAYS_ENDED, (uint8_t)serve(device, control)};
    control_say(control, end, sizeof end);
    power_off();
}

/* The stack as the kernel leaves it is aligned (x86-64 ABI, AAPCS64), and nothing on it is used. */
__asm__(".globl _start\n"
        "_start:\n"
#ifdef __aarch64__
        "    mov x29, xzr\n"
        "    bl init_main\n"
#else
        "    xor %ebp, %ebp\n"
        "    call init_main\n"
#endif
);
