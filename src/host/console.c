// SPDX-License-Identifier: MIT
/*
 * console.c - standard output and input as the host end of a console device.
 *
 * Output: one system call per write of the device, retried until the host took every byte, so a
 * reader that is slow holds the guest back. The descriptor's flags are left alone, because its file
 * description is shared with other processes; an inherited non-blocking one is waited for.
 * write_some() never blocks: a pipe or a terminal is opened once more for it, non-blocking.
 * Input: read when the device asks and at most one small buffer ahead; a terminal with a filter is
 * read as its keys come.
 * Lock order: device lock, then console lock. `ready` is called with neither.
 */
#include "vmm/host.h"

#include "vmm/clock.h"
#include "vmm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * How a blocked write is ended without a race: a signal that comes before the system call begins
 * would be lost, and the call would sleep. But the kernel reads the iovec when the call begins, so
 * console_stop() sets its length to 0 first: then a call that begins later writes nothing and
 * returns. In the same way INT_MAX, a descriptor nobody has open, makes poll() return at once.
 * The thread sanitizer sees a race with the system call's read, which is the purpose.
 */
__attribute__((no_sanitize("thread"))) void console_stop(struct console *con)
{
    atomic_store(&con->stop, true);
    __atomic_store_n(&con->iov.iov_len, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&con->pfd.fd, INT_MAX, __ATOMIC_SEQ_CST);
}

/*
 * Not inlined: gcc 12 takes the address of a struct for that of its first member, and warns that
 * the system call overruns it.
 */
static __attribute__((noinline)) struct iovec *console_iov(struct console *con)
{
    return &con->iov;
}

static __attribute__((noinline)) struct pollfd *console_pfd(struct console *con)
{
    return &con->pfd;
}

/* Wait until a non-blocking descriptor takes bytes again. False when that will not be. */
static bool console_wait_out(struct console *con)
{
    struct pollfd *pfd = console_pfd(con);
    pfd->events = POLLOUT;
    __atomic_store_n(&pfd->fd, con->out_fd, __ATOMIC_SEQ_CST);
    if (atomic_load(&con->stop)) /* after that store: console_stop() stores in the other order */
        return false;
    return poll(pfd, 1, -1) >= 0 || errno == EINTR;
}

static void console_gone(struct console *con, int code)
{
    con->failed = true;
    con->out_error = code;
    if (con->gone)
        con->gone(con->arg, code);
}

static void console_wrote(struct console *con, uint64_t n)
{
    if (!atomic_load_explicit(&con->first_ns, memory_order_relaxed))
        atomic_store(&con->first_ns, clock_mono_ns());
    atomic_fetch_add_explicit(&con->bytes_out, n, memory_order_relaxed);
}

static void console_write(struct chr *chr, const void *buf, size_t len)
{
    struct console *con = container_of(chr, struct console, chr);
    const uint8_t *p = buf;
    if (con->sink && len) {
        con->sink(con->sink_arg, buf, len);
        console_wrote(con, len);
        return;
    }
    while (len && !con->failed) {
        struct iovec *iov = console_iov(con);
        iov->iov_base = (void *)(uintptr_t)p;
        __atomic_store_n(&iov->iov_len, len, __ATOMIC_SEQ_CST);
        if (atomic_load(&con->stop)) /* as in console_wait_out() */
            return;
        ssize_t n = writev(con->out_fd, iov, 1);
        if (n > 0) {
            console_wrote(con, (uint64_t)n);
            p += n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!console_wait_out(con) && !atomic_load(&con->stop))
                console_gone(con, errno);
        } else if (n < 0 && errno != EINTR) {
            console_gone(con, errno);
        }
    }
}

/* ---- output that does not wait ---- */

/*
 * A pipe or a terminal may have room for some bytes and then block. Opened by its name in /proc it
 * has flags of its own. Where that cannot be, and for what else there is (files do not block), the
 * descriptor is asked first, and given no more than a pipe with any room takes (pipe(7)).
 */
static void console_out_open(struct console *con)
{
    struct stat st;
    con->out_kind = CONSOLE_OUT_SHARED;
    if (fstat(con->out_fd, &st))
        return;
    if (S_ISSOCK(st.st_mode))
        con->out_kind = CONSOLE_OUT_SOCKET;
#ifdef __linux__
    if (!S_ISFIFO(st.st_mode) && !isatty(con->out_fd))
        return;
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", con->out_fd);
    con->own_fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (con->own_fd >= 0)
        con->out_kind = CONSOLE_OUT_OWN;
#endif
}

/* As write(2) on a non-blocking descriptor. */
static ssize_t console_out_try(struct console *con, const struct iovec *iov, unsigned n)
{
    if (con->out_kind == CONSOLE_OUT_UNKNOWN)
        console_out_open(con);
    if (con->out_kind == CONSOLE_OUT_OWN)
        return writev(con->own_fd, iov, (int)n);
    if (con->out_kind == CONSOLE_OUT_SOCKET) {
        struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov};
        msg.msg_iovlen = (__typeof__(msg.msg_iovlen))n; /* an int or a size_t: libraries differ */
        return sendmsg(con->out_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    struct pollfd pfd = {.fd = con->out_fd, .events = POLLOUT};
    int rc = poll(&pfd, 1, 0);
    if (rc <= 0) {
        errno = rc ? errno : EAGAIN;
        return -1;
    }
    return write(con->out_fd, iov->iov_base, MIN(iov->iov_len, (size_t)PIPE_BUF));
}

static int64_t console_write_sink(struct console *con, const struct iovec *iov, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        con->sink(con->sink_arg, iov[i].iov_base, iov[i].iov_len);
        sum += iov[i].iov_len;
    }
    console_wrote(con, sum);
    return (int64_t)sum;
}

static int64_t console_write_some(struct chr *chr, const struct iovec *iov, unsigned n)
{
    struct console *con = container_of(chr, struct console, chr);
    if (con->sink)
        return console_write_sink(con, iov, n);
    ssize_t got = -1;
    errno = con->out_error;
    if (!con->failed)
        do
            got = console_out_try(con, iov, MIN(n, (unsigned)IOV_MAX));
        while (got < 0 && errno == EINTR);
    if (got > 0) {
        console_wrote(con, (uint64_t)got);
        return got;
    }
    int code = got < 0 ? errno : EIO; /* no bytes of some: no file of ours does that */
    if (!con->failed && (code == EAGAIN || code == EWOULDBLOCK)) {
        int fd = con->out_kind == CONSOLE_OUT_OWN ? con->own_fd : con->out_fd;
        int rc = loop_watch(con->loop, &con->out_watch, fd, POLLOUT);
        if (!rc)
            return 0;
        code = -rc;
    }
    if (!con->failed)
        console_gone(con, code);
    return -code;
}

/* From the loop: out_fd has room, or nobody reads it any more. */
static void console_output(void *arg)
{
    const struct console *con = arg;
    con->chr.ready(con->chr.arg);
}

/* ---- input ---- */

/* Bytes in the buffer pass the terminal's filter once, when they come in. Returns how many stay. */
static unsigned console_filter(struct console *con, uint8_t *p, unsigned n)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++)
        if (con->filter(con->arg, p[i]))
            p[kept++] = p[i];
    return kept;
}

/*
 * Read what is there, into the empty end of the buffer. True when the host has nothing more now (or
 * for ever). Lock held.
 */
static bool console_fill(struct console *con)
{
    if (con->head) {
        memmove(con->buf, con->buf + con->head, con->len);
        con->head = 0;
    }
    struct pollfd pfd = {.fd = con->in_fd, .events = POLLIN};
    int rc = poll(&pfd, 1, 0);
    if (rc == 0 || (rc < 0 && errno == EINTR))
        return true;
    ssize_t n = read(con->in_fd, con->buf + con->len, sizeof con->buf - con->len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return true;
    if (n <= 0) { /* the end, or EIO of a terminal that hung up, EISDIR, EBADF: no byte will come */
        con->ended = true;
        return true;
    }
    con->len += con->filter ? console_filter(con, con->buf + con->len, (unsigned)n) : (unsigned)n;
    return false;
}

/* Ask the loop to say when there is something to read. Lock held. */
static int console_watch(struct console *con)
{
    if (con->watching || con->ended)
        return 0;
    int rc = loop_watch(con->loop, &con->watch, con->in_fd, POLLIN);
    if (rc) {
        log_at(LOG_WARN, "console input: no thread to wait for it: %s", strerror(-rc));
        con->ended = true;
        return rc;
    }
    con->watching = true;
    return 0;
}

/* From the loop: in_fd has bytes, or its end. */
static void console_input(void *arg)
{
    struct console *con = arg;
    pthread_mutex_lock(&con->lock);
    con->watching = false;
    if (con->filter) {
        console_fill(con);
        if (con->len < sizeof con->buf) /* a full one is watched again when the guest has read */
            console_watch(con);
    }
    bool call = con->wanted && (!con->filter || con->len || con->ended);
    if (call)
        con->wanted = false;
    else if (con->wanted)
        console_watch(con);
    pthread_mutex_unlock(&con->lock);
    if (call && con->chr.ready)
        con->chr.ready(con->chr.arg);
}

static size_t console_read(struct chr *chr, void *buf, size_t max)
{
    struct console *con = container_of(chr, struct console, chr);
    pthread_mutex_lock(&con->lock);
    while (max && !con->len && !con->ended && !con->watching)
        if (console_fill(con))
            break;
    size_t n = MIN(max, con->len);
    memcpy(buf, con->buf + con->head, n);
    con->head += (unsigned)n;
    con->len -= (unsigned)n;
    if (max && !n && !con->ended) {
        con->wanted = true;
        console_watch(con);
    } else if (n && con->filter) {
        console_watch(con);
    }
    pthread_mutex_unlock(&con->lock);
    return n;
}

static bool console_eof(const struct chr *chr)
{
    struct console *con = container_of((struct chr *)(uintptr_t)chr, struct console, chr);
    pthread_mutex_lock(&con->lock);
    bool eof = con->ended && !con->len;
    pthread_mutex_unlock(&con->lock);
    return eof;
}

static const struct chr_ops console_ops = {
    .write = console_write,
    .write_some = console_write_some,
    .read = console_read,
    .eof = console_eof,
};

void console_init(struct console *con, struct loop *loop, int in_fd, int out_fd)
{
    memset(con, 0, sizeof *con);
    con->chr.ops = &console_ops;
    con->loop = loop;
    con->in_fd = in_fd;
    con->out_fd = out_fd;
    con->ended = in_fd < 0;
    con->watch = (struct loop_watch){.fn = console_input, .arg = con};
    con->out_watch = (struct loop_watch){.fn = console_output, .arg = con};
    con->own_fd = -1;
    con->failed = out_fd < 0;
    con->out_error = EBADF;
    pthread_mutex_init(&con->lock, NULL);
}

void console_sink(struct console *con, void (*fn)(void *arg, const void *buf, size_t len),
                  void *arg)
{
    con->sink = fn;
    con->sink_arg = arg;
}

void console_fini(struct console *con)
{
    if (con->own_fd >= 0)
        close(con->own_fd);
    pthread_mutex_destroy(&con->lock);
}

int console_start(struct console *con)
{
    if (!con->filter)
        return 0;
    pthread_mutex_lock(&con->lock);
    int rc = console_watch(con);
    pthread_mutex_unlock(&con->lock);
    return rc;
}
