// SPDX-License-Identifier: MIT
/*
 * console.c - standard output and input as the host end of a console device.
 *
 * Output: one system call per write of the device, retried until the host took every byte, so a
 * reader that is slow holds the guest back. The descriptor's flags are left alone, because its file
 * description is shared with other processes; an inherited non-blocking one is waited for. Input:
 * read when the device asks and at most one small buffer ahead; a terminal with a filter is read as
 * its keys come.
 * Lock order: device lock, then console lock. `ready` is called with neither.
 */
#include "vmm/host.h"

#include "vmm/clock.h"
#include "vmm/log.h"

#include <errno.h>
#include <limits.h>
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
    if (con->gone)
        con->gone(con->arg, code);
}

static void console_write(struct chr *chr, const void *buf, size_t len)
{
    struct console *con = container_of(chr, struct console, chr);
    const uint8_t *p = buf;
    while (len && !con->failed) {
        struct iovec *iov = console_iov(con);
        iov->iov_base = (void *)(uintptr_t)p;
        __atomic_store_n(&iov->iov_len, len, __ATOMIC_SEQ_CST);
        if (atomic_load(&con->stop)) /* as in console_wait_out() */
            return;
        ssize_t n = writev(con->out_fd, iov, 1);
        if (n > 0) {
            if (!atomic_load_explicit(&con->first_ns, memory_order_relaxed))
                atomic_store(&con->first_ns, clock_mono_ns());
            atomic_fetch_add_explicit(&con->bytes_out, (uint64_t)n, memory_order_relaxed);
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
    pthread_mutex_init(&con->lock, NULL);
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
