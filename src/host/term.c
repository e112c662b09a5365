// SPDX-License-Identifier: MIT
/*
 * term.c - the user's terminal: raw while the guest has it, as it was before and after.
 *
 * Follows termios(3) (POSIX.1-2017 §11). tcgetattr, tcsetattr, tcgetpgrp and getpgrp are
 * async-signal-safe there (§2.4.3), so every function here may run in a signal handler.
 */
#include "vmm/host.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct {
    _Atomic int fd; /* -1: term_raw() found no terminal */
    _Atomic bool raw;
    struct termios cooked; /* written before `fd` */
} term = {.fd = -1};

/*
 * SIGTTOU stops a process that changes its terminal from the background; with the signal blocked
 * the change is made.
 */
static bool term_set(int fd, const struct termios *t)
{
    sigset_t ttou, old;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &ttou, &old);
    int rc;
    do
        rc = tcsetattr(fd, TCSANOW, t);
    while (rc < 0 && errno == EINTR);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0;
}

void term_resume(void)
{
    int saved = errno;
    int fd = atomic_load(&term.fd);
    /* In the background the terminal belongs to someone else: SIGCONT comes when it is ours. */
    if (fd >= 0 && tcgetpgrp(fd) == getpgrp()) {
        struct termios t = term.cooked;
        t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        t.c_oflag &= ~(tcflag_t)OPOST;
        t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
        t.c_cflag |= CS8;
        t.c_cc[VMIN] = 1;
        t.c_cc[VTIME] = 0;
        atomic_store(&term.raw, true); /* first: a crash between the two restores */
        if (!term_set(fd, &t))
            atomic_store(&term.raw, false);
    }
    errno = saved;
}

bool term_raw(int fd)
{
    if (atomic_load(&term.fd) < 0) {
        if (tcgetattr(fd, &term.cooked) < 0)
            return false;
        atomic_store(&term.fd, fd);
    }
    term_resume();
    return true;
}

void term_restore(void)
{
    int saved = errno;
    int fd = atomic_load(&term.fd);
    if (fd >= 0 && atomic_exchange(&term.raw, false))
        term_set(fd, &term.cooked);
    errno = saved;
}

bool term_is_raw(void)
{
    return atomic_load(&term.raw);
}

bool term_size(int fd, uint16_t *cols, uint16_t *rows)
{
    struct winsize w = {0};
    if (ioctl(fd, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row)
        return false;
    *cols = w.ws_col;
    *rows = w.ws_row;
    return true;
}
