// SPDX-License-Identifier: MIT
/*
 * vsock.c - the host end of a vsock device: Unix sockets, by Firecracker's convention (its
 * docs/vsock.md).
 *
 * A program of the host connects to PATH and writes "CONNECT PORT\n"; what follows is the stream,
 * once "OK PORT\n" has come back. A request that is none, or that the guest refuses, is answered by
 * the end of the stream. A port P that the guest connects to is the socket PATH_P of a program that
 * listens there. Who may connect, the rights of the socket's file and folder say.
 */
#include "vmm/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/host.h"
#include "vmm/log.h"
#include "vmm/parse.h"

#define UNIX_REQUEST "CONNECT "
#define UNIX_LINE    (sizeof UNIX_REQUEST - 1 + sizeof "4294967295") /* with its newline */
#define UNIX_SUFFIX  (sizeof "_4294967295" - 1)
#define UNIX_BACKLOG 128

struct unix_peer {
    struct vsock_unix *u;
    bool open;
    int fd;
    struct loop_watch in, out;
    unsigned n_line;
    char line[UNIX_LINE]; /* what has come of the request */
};

struct vsock_unix {
    struct vsock v;
    struct loop *loop;
    struct sockaddr_un addr;
    size_t n_path;
    int fd; /* that listens; or -1 */
    dev_t dev;
    ino_t ino; /* of the socket's file: another's is not removed */
    struct loop_watch arrive;
    struct loop_timer timer;
    struct unix_peer peers[VSOCK_SLOTS];
};

static struct vsock_unix *unix_of(struct vsock *v)
{
    return container_of(v, struct vsock_unix, v);
}

static struct unix_peer *unix_peer(struct vsock *v, unsigned slot)
{
    return &unix_of(v)->peers[slot];
}

/* ---- from the loop's thread ---- */

static void unix_arrived(void *arg)
{
    struct vsock_unix *u = arg;
    u->v.arrived(u->v.arg);
}

static void unix_due(void *arg)
{
    struct vsock_unix *u = arg;
    u->v.due(u->v.arg);
}

static void unix_ready(void *arg)
{
    const struct unix_peer *p = arg;
    p->u->v.ready(p->u->v.arg, (unsigned)(p - p->u->peers));
}

/* ---- the socket's file ---- */

static int unix_bind_failed(const struct vsock_unix *u, int code, struct err *err)
{
    const char *path = u->addr.sun_path, *why = "";
    if (code == EADDRINUSE) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        bool heard = fd >= 0 && !connect(fd, (const struct sockaddr *)&u->addr, sizeof u->addr);
        why = heard                   ? " (and another program listens there)"
              : errno == ECONNREFUSED ? " (left by a run that was killed, or no socket: remove it)"
                                      : "";
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_HOST, EEXIST, "--vsock %s: there is such a file already%s", path,
                       why);
    }
    err_sys(err, code, "--vsock %s", path);
    if (err)
        err->kind = ERR_HOST; /* a folder to write to is no image that is missing */
    return -code;
}

static int unix_listen(struct vsock *v, struct err *err)
{
    struct vsock_unix *u = unix_of(v);
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&u->addr, sizeof u->addr)) {
        int code = errno;
        if (fd >= 0)
            close(fd);
        return unix_bind_failed(u, code, err);
    }
    if (listen(fd, UNIX_BACKLOG) || lstat(u->addr.sun_path, &st)) {
        int code = errno;
        close(fd);
        unlink(u->addr.sun_path);
        return unix_bind_failed(u, code, err);
    }
    u->fd = fd;
    u->dev = st.st_dev;
    u->ino = st.st_ino;
    return 0;
}

static void unix_unlisten(struct vsock *v)
{
    struct vsock_unix *u = unix_of(v);
    struct stat st;
    if (u->fd < 0)
        return;
    loop_unwatch(u->loop, &u->arrive);
    close(u->fd);
    u->fd = -1;
    if (!lstat(u->addr.sun_path, &st) && st.st_dev == u->dev && st.st_ino == u->ino)
        unlink(u->addr.sun_path);
}

/* ---- peers ---- */

static int unix_wait_peer(struct vsock *v)
{
    struct vsock_unix *u = unix_of(v);
    return u->fd < 0 ? -EBADF : loop_watch(u->loop, &u->arrive, u->fd, POLLIN);
}

static void unix_open(struct vsock *v, unsigned slot, int fd)
{
    struct unix_peer *p = unix_peer(v, slot);
    *p = (struct unix_peer){
        .u = unix_of(v),
        .open = true,
        .fd = fd,
        .in = {.fn = unix_ready, .arg = p},
        .out = {.fn = unix_ready, .arg = p},
    };
}

static int unix_take_peer(struct vsock *v, unsigned slot)
{
    struct vsock_unix *u = unix_of(v);
    if (u->fd < 0)
        return -EAGAIN;
    int fd = accept4(u->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
    unix_open(v, slot, fd);
    return 0;
}

/* "CONNECT PORT", without its newline. */
static bool unix_parse(const char *line, uint32_t *port)
{
    uint64_t n = 0;
    size_t word = sizeof UNIX_REQUEST - 1;
    if (strncmp(line, UNIX_REQUEST, word) != 0)
        return false;
    line += word;
    if (!*line || line[strspn(line, "0123456789")] || !parse_number(line, &n) || n > UINT32_MAX)
        return false;
    *port = (uint32_t)n;
    return true;
}

/* Of what has come only the line is taken: the rest is the stream's. */
static int unix_peer_port(struct vsock *v, unsigned slot, uint32_t *port)
{
    struct unix_peer *p = unix_peer(v, slot);
    while (p->n_line < sizeof p->line) {
        char *at = p->line + p->n_line;
        ssize_t got = recv(p->fd, at, sizeof p->line - p->n_line, MSG_PEEK);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got <= 0)
            return -ECONNRESET;
        char *end = memchr(at, '\n', (size_t)got);
        size_t take = end ? (size_t)(end - at) + 1 : (size_t)got;
        if (recv(p->fd, at, take, 0) != (ssize_t)take)
            return -ECONNRESET;
        p->n_line += (unsigned)take;
        if (!end)
            continue;
        *end = '\0';
        if (strlen(p->line) + 1 == p->n_line && unix_parse(p->line, port))
            return 1;
        log_at(LOG_INFO, "--vsock %s: \"%s\" is no request; \"CONNECT PORT\" is",
               p->u->addr.sun_path, p->line);
        return -EPROTO;
    }
    log_at(LOG_INFO, "--vsock %s: a request of more than %zu bytes", p->u->addr.sun_path,
           sizeof p->line - 1);
    return -EPROTO;
}

static int unix_welcome(struct vsock *v, unsigned slot, uint32_t port)
{
    char line[sizeof "OK 4294967295\n"];
    int n = snprintf(line, sizeof line, "OK %" PRIu32 "\n", port);
    ssize_t put = send(unix_peer(v, slot)->fd, line, (size_t)n, MSG_NOSIGNAL);
    return put == n ? 0 : -EPIPE; /* nothing was sent before: there is room, or nobody */
}

static int unix_connect(struct vsock *v, unsigned slot, uint32_t port)
{
    struct sockaddr_un addr = unix_of(v)->addr;
    size_t n = unix_of(v)->n_path;
    snprintf(addr.sun_path + n, sizeof addr.sun_path - n, "_%" PRIu32, port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof addr)) {
        int code = errno;
        log_at(LOG_INFO, "--vsock: %s: %s", addr.sun_path, strerror(code));
        if (fd >= 0)
            close(fd);
        return -code;
    }
    unix_open(v, slot, fd);
    return 0;
}

/* ---- streams ---- */

static int64_t unix_read(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n)
{
    ssize_t got;
    do
        got = readv(unix_peer(v, slot)->fd, iov, (int)n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static int64_t unix_write(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n)
{
    ssize_t put;
    do
        put = writev(unix_peer(v, slot)->fd, iov, (int)n); /* SIGPIPE is ignored in every run */
    while (put < 0 && errno == EINTR);
    return put < 0 ? -errno : put;
}

static void unix_shut(struct vsock *v, unsigned slot, unsigned how)
{
    if (how & VSOCK_SHUT_RECEIVE)
        shutdown(unix_peer(v, slot)->fd, SHUT_RD);
    if (how & VSOCK_SHUT_SEND)
        shutdown(unix_peer(v, slot)->fd, SHUT_WR);
}

static bool unix_gone(struct vsock *v, unsigned slot)
{
    struct pollfd pfd = {.fd = unix_peer(v, slot)->fd};
    return poll(&pfd, 1, 0) > 0;
}

static int unix_wait_in(struct vsock *v, unsigned slot, bool ended)
{
    struct unix_peer *p = unix_peer(v, slot);
    return loop_watch(p->u->loop, &p->in, p->fd, ended ? 0 : POLLIN);
}

static int unix_wait_out(struct vsock *v, unsigned slot)
{
    struct unix_peer *p = unix_peer(v, slot);
    return loop_watch(p->u->loop, &p->out, p->fd, POLLOUT);
}

static void unix_close(struct vsock *v, unsigned slot)
{
    struct unix_peer *p = unix_peer(v, slot);
    if (!p->open)
        return;
    loop_unwatch(p->u->loop, &p->in);
    loop_unwatch(p->u->loop, &p->out);
    close(p->fd);
    p->open = false;
}

static int unix_alarm(struct vsock *v, uint64_t deadline_ns)
{
    return loop_arm(unix_of(v)->loop, &unix_of(v)->timer, deadline_ns);
}

static void unix_free(struct vsock *v)
{
    struct vsock_unix *u = unix_of(v);
    unix_unlisten(v);
    loop_arm(u->loop, &u->timer, UINT64_MAX);
    for (unsigned i = 0; i < VSOCK_SLOTS; i++)
        unix_close(v, i);
    free(u);
}

static const struct vsock_ops unix_ops = {
    .listen = unix_listen,
    .unlisten = unix_unlisten,
    .wait_peer = unix_wait_peer,
    .take_peer = unix_take_peer,
    .peer_port = unix_peer_port,
    .welcome = unix_welcome,
    .connect = unix_connect,
    .read = unix_read,
    .write = unix_write,
    .shut = unix_shut,
    .gone = unix_gone,
    .wait_in = unix_wait_in,
    .wait_out = unix_wait_out,
    .close = unix_close,
    .alarm = unix_alarm,
    .free = unix_free,
};

int vsock_unix_new(struct vsock **v, struct loop *loop, const char *path, struct err *err)
{
    size_t n = strlen(path), room = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 - UNIX_SUFFIX;
    if (n > room)
        return err_set(err, ERR_HOST, ENAMETOOLONG,
                       "--vsock %.150s: the name has %zu bytes; a socket's, with a port behind it, "
                       "up to %zu",
                       path, n, room);
    struct vsock_unix *u = calloc(1, sizeof *u);
    if (!u)
        return err_sys(err, ENOMEM, "--vsock %s", path);
    u->v.ops = &unix_ops;
    u->loop = loop;
    u->fd = -1;
    u->n_path = n;
    u->addr.sun_family = AF_UNIX;
    memcpy(u->addr.sun_path, path, n + 1);
    u->arrive = (struct loop_watch){.fn = unix_arrived, .arg = u};
    u->timer = (struct loop_timer){.fn = unix_due, .arg = u, .deadline_ns = UINT64_MAX};
    *v = &u->v;
    return 0;
}
