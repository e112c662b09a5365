// SPDX-License-Identifier: MIT
/*
 * net_passt.c - user-mode networking by passt (passt(1)): frames over a Unix socket to a program
 * that speaks TCP, UDP and ICMP for the guest by sockets of the host. No rights are needed.
 *
 * A passt of our own has one end of a socket pair. It is started by the event loop's thread when
 * the guest's driver is there and not before, so that a launch does not wait for it; what the guest
 * sends meanwhile is in the socket. passt ends when its socket does, and so with this process,
 * however that ends; it has a process group of its own, so that ^C is first of all the guest's end.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/log.h"

#define PASST_FD   3 /* of its socket, in passt */
#define PASST_SAID 1024u
#define PASST_SPEC 64u /* "ADDR/HOST:GUEST" */

struct passt {
    struct net_stream s;
    char *path; /* of the program */
    struct netif_publish *publish;
    unsigned n_publish;
    void (*failed)(void *arg, const char *text);
    void *arg;
    int peer;      /* passt's end of the pair, until it runs; or -1 */
    pid_t pid;     /* 0: it does not run */
    int pidfd;     /* readable when it has ended; or -1 */
    int said_fd;   /* its standard error; or -1 */
    bool starting; /* once; under the device's lock */
    struct loop_timer start;
    struct loop_watch ended, says;
    char said[PASST_SAID]; /* the newest of it */
    unsigned n_said;
};

static struct passt *passt_of(struct netif *nif)
{
    return container_of(nif, struct passt, s.nif);
}

/* ---- what it says, and how it ends; on the loop's thread ---- */

static void passt_listen(struct passt *p)
{
    ssize_t got;
    for (;;) {
        if (p->n_said > sizeof p->said / 2) {
            memmove(p->said, p->said + p->n_said - sizeof p->said / 2, sizeof p->said / 2);
            p->n_said = sizeof p->said / 2;
        }
        got = read(p->said_fd, p->said + p->n_said, sizeof p->said - 1 - p->n_said);
        if (got <= 0 && (got == 0 || errno != EINTR))
            break;
        p->n_said += got > 0 ? (unsigned)got : 0;
    }
    if (got == 0 || errno != EAGAIN) {
        close(p->said_fd);
        p->said_fd = -1;
    }
}

static void passt_says(void *arg)
{
    struct passt *p = arg;
    passt_listen(p);
    if (p->said_fd >= 0)
        loop_watch(p->s.loop, &p->says, p->said_fd, POLLIN);
}

/* Its last line that tells something. */
static const char *passt_last(struct passt *p)
{
    static const char *const noise[] = {"Failed to send ", "Don't run as root"};
    const char *last = "";
    p->said[p->n_said] = '\0';
    for (char *line = p->said, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        bool tells = end > line;
        for (unsigned i = 0; i < ARRAY_LEN(noise); i++)
            tells = tells && strncmp(line, noise[i], strlen(noise[i])) != 0;
        if (*end)
            *end++ = '\0';
        last = tells ? line : last;
    }
    return last;
}

/* One that never sent a frame could not do what it was asked for; else its end is a cable pulled.
 */
static void passt_ended(void *arg)
{
    struct passt *p = arg;
    int status = 0;
    char text[160];
    if (waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    p->pid = 0;
    if (p->said_fd >= 0)
        passt_listen(p);
    const char *last = passt_last(p);
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "passt was ended by signal %d%s%.110s", WTERMSIG(status),
                 *last ? ": " : "", last);
    else
        snprintf(text, sizeof text, "passt ended with status %d%s%.110s", WEXITSTATUS(status),
                 *last ? ": " : "", last);
    if (WIFEXITED(status) && !atomic_load(&p->s.heard))
        p->failed(p->arg, text);
    else
        log_at(LOG_WARN, "%s; the guest's link is down", text);
}

/* ---- starting ---- */

static int passt_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0); /* Linux 5.3; it closes on exec */
#else
    (void)pid;
    return -1;
#endif
}

/* argv of passt; the specs of its ports go into `specs`. */
static void passt_args(const struct passt *p, const char **argv, char (*specs)[PASST_SPEC])
{
    static const char *const fixed[] = {"passt",    "--foreground", "--quiet",
                                        "--stderr", "--fd",         "3"};
    unsigned n = 0;
    for (; n < ARRAY_LEN(fixed); n++)
        argv[n] = fixed[n];
    for (unsigned i = 0; i < p->n_publish; i++) {
        const struct netif_publish *pub = &p->publish[i];
        snprintf(specs[i], PASST_SPEC, "%s/%u:%u", pub->addr, pub->host, pub->guest);
        argv[n++] = pub->udp ? "--udp-ports" : "--tcp-ports";
        argv[n++] = specs[i];
    }
    argv[n] = NULL;
}

/* 0 or an errno. `err_fd` becomes its standard error; it has nothing else of ours. */
static int passt_spawn(struct passt *p, int err_fd)
{
    extern char **environ;
    const char *argv[8 + 2 * NETIF_PUBLISH_MAX];
    char specs[NETIF_PUBLISH_MAX][PASST_SPEC];
    passt_args(p, argv, specs);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, pipe;
    sigemptyset(&none);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigaddset(&pipe, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, p->peer, PASST_FD);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe);
    posix_spawnattr_setpgroup(&attr, 0);
    pid_t pid;
    int rc = posix_spawn(&pid, p->path, &files, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    p->pid = rc ? 0 : pid;
    return rc;
}

static void passt_run(void *arg)
{
    struct passt *p = arg;
    int said[2] = {-1, -1};
    int rc = pipe2(said, O_CLOEXEC) ? errno : passt_spawn(p, said[1]);
    close(p->peer);
    p->peer = -1;
    if (said[1] >= 0)
        close(said[1]);
    p->said_fd = said[0];
    if (rc) {
        char text[160];
        snprintf(text, sizeof text, "%s cannot be run: %s", p->path, strerror(rc));
        p->failed(p->arg, text);
        return;
    }
    fcntl(p->said_fd, F_SETFL, O_NONBLOCK);
    loop_watch(p->s.loop, &p->says, p->said_fd, POLLIN);
    p->pidfd = passt_pidfd(p->pid);
    if (p->pidfd >= 0)
        loop_watch(p->s.loop, &p->ended, p->pidfd, POLLIN);
}

static void passt_start(struct netif *nif, unsigned rx)
{
    struct passt *p = passt_of(nif);
    (void)rx;
    if (p->starting || !p->path)
        return;
    p->starting = true;
    if (loop_arm(p->s.loop, &p->start, 0))
        p->failed(p->arg, "the host refuses the thread that starts passt");
}

/* One that we started says itself how it ended. */
static int passt_recv(struct netif *nif)
{
    int rc = net_stream_recv(nif);
    if (rc < 0 && !passt_of(nif)->path)
        log_at(LOG_WARN, "--net passt=SOCKET: %s; the guest's link is down",
               rc == -EPIPE ? "passt has ended" : strerror(-rc));
    return rc;
}

/* ---- life ---- */

static void passt_free(struct netif *nif)
{
    struct passt *p = passt_of(nif);
    loop_arm(p->s.loop, &p->start, UINT64_MAX);
    loop_unwatch(p->s.loop, &p->ended);
    loop_unwatch(p->s.loop, &p->says);
    net_stream_fini(&p->s);
    const int fds[] = {p->peer, p->pidfd, p->said_fd};
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (p->pid) { /* its ports are free again when this returns */
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    free(p->publish);
    free(p->path);
    free(p);
}

static const struct netif_ops passt_ops = {
    .start = passt_start,
    .recv = passt_recv,
    .peek = net_stream_peek,
    .skip = net_stream_skip,
    .send = net_stream_send,
    .wait_in = net_stream_wait_in,
    .wait_out = net_stream_wait_out,
    .free = passt_free,
};

static struct passt *passt_alloc(struct loop *loop, int fd)
{
    struct passt *p = calloc(1, sizeof *p);
    if (!p) {
        close(fd);
        return NULL;
    }
    net_stream_init(&p->s, &passt_ops, loop, fd);
    p->peer = p->pidfd = p->said_fd = -1;
    p->start = (struct loop_timer){.fn = passt_run, .arg = p, .deadline_ns = UINT64_MAX};
    p->ended = (struct loop_watch){.fn = passt_ended, .arg = p};
    p->says = (struct loop_watch){.fn = passt_says, .arg = p};
    return p;
}

int netif_passt_connect(struct netif **nif, struct loop *loop, const char *path, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path)
        return err_set(err, ERR_HOST, ENAMETOOLONG,
                       "--net passt=%.100s: the name of a socket has up to %zu bytes", path,
                       sizeof addr.sun_path - 1);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr)) {
        int rc = err_sys(err, errno, "--net passt=%s%s", path,
                         errno == ECONNREFUSED ? " (nobody listens there)" : "");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    struct passt *p = passt_alloc(loop, fd);
    if (!p)
        return err_sys(err, ENOMEM, "--net passt=%s", path);
    *nif = &p->s.nif;
    return 0;
}

/* The program `passt` in $PATH, or NULL. */
static char *passt_find(void)
{
    const char *path = getenv("PATH");
    for (path = path ? path : "/usr/bin:/bin"; *path;) {
        size_t len = strcspn(path, ":");
        char *file = malloc(len + sizeof "/passt");
        if (!file)
            return NULL;
        memcpy(file, path, len);
        memcpy(file + len, "/passt", sizeof "/passt");
        if (len && !access(file, X_OK))
            return file;
        free(file);
        path += len + (path[len] == ':');
    }
    return NULL;
}

int netif_passt_new(struct netif **nif, struct loop *loop, const struct netif_passt_params *params,
                    struct err *err)
{
    int fds[2];
    char *path = passt_find();
    if (!path)
        return err_set(err, ERR_HOST, ENOENT,
                       "--net: there is no passt in $PATH; on Debian: apt install passt");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
        free(path);
        return err_sys(err, errno, "--net: a socket for passt");
    }
    struct passt *p = passt_alloc(loop, fds[0]);
    struct netif_publish *publish = calloc(params->n_publish + 1, sizeof *publish);
    if (!p || !publish) {
        if (p)
            passt_free(&p->s.nif);
        close(fds[1]);
        free(publish);
        free(path);
        return err_sys(err, ENOMEM, "--net");
    }
    if (params->n_publish)
        memcpy(publish, params->publish, params->n_publish * sizeof *publish);
    int size = (int)MIB(1); /* its way to us; as net_stream_init() has for ours */
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    p->path = path;
    p->publish = publish;
    p->n_publish = params->n_publish;
    p->failed = params->failed;
    p->arg = params->arg;
    p->peer = fds[1];
    *nif = &p->s.nif;
    return 0;
}
