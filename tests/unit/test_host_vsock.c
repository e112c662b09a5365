// SPDX-License-Identifier: MIT
/*
 * test_host_vsock.c - the Unix sockets behind a vsock device, with the test as program of the host.
 *
 * The words are Firecracker's (docs/vsock.md): "CONNECT PORT\n", "OK PORT\n", PATH_PORT.
 */
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/host.h"
#include "vmm/park.h"
#include "vmm/vsock.h"

static struct rig {
    char dir[40], path[64];
    struct loop *loop;
    struct vsock *v;
    struct park park;
    _Atomic unsigned arrived, ready, due;
} r;

static void count(_Atomic unsigned *n)
{
    atomic_fetch_add(n, 1);
    park_wake(&r.park);
}

static void on_arrived(void *arg)
{
    (void)arg;
    count(&r.arrived);
}

static void on_ready(void *arg, unsigned slot)
{
    (void)arg;
    expect_u32(slot, 3);
    count(&r.ready);
}

static void on_due(void *arg)
{
    (void)arg;
    count(&r.due);
}

static void wait_for(_Atomic unsigned *n)
{
    while (!atomic_load(n))
        park_wait(&r.park, UINT64_MAX);
    atomic_store(n, 0);
}

static void rig_init(void)
{
    struct err err = {0};
    memset(&r, 0, sizeof r);
    signal(SIGPIPE, SIG_IGN);
    strcpy(r.dir, "/tmp/vibevmm-vsock.XXXXXX");
    expect_true(mkdtemp(r.dir) != NULL);
    snprintf(r.path, sizeof r.path, "%s/v", r.dir);
    expect_u64(loop_new(&r.loop, NULL), 0);
    expect_u64(vsock_unix_new(&r.v, r.loop, r.path, &err), 0);
    r.v->arrived = on_arrived;
    r.v->ready = on_ready;
    r.v->due = on_due;
}

static void rig_listen(void)
{
    struct err err = {0};
    rig_init();
    expect_u64(r.v->ops->listen(r.v, &err), 0);
    expect_u64(r.v->ops->take_peer(r.v, 3), -EAGAIN); /* it does not wait */
}

static void rig_fini(void)
{
    loop_stop(r.loop);
    r.v->ops->free(r.v);
    loop_free(r.loop);
    expect_true(access(r.path, F_OK) != 0);
    expect_true(!rmdir(r.dir)); /* and nothing else is left */
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_true(!connect(fd, (struct sockaddr *)&addr, sizeof addr));
    return fd;
}

/* A peer in slot 3 that has said `line`. */
static int rig_peer(const char *line)
{
    int fd = connect_to(r.path);
    expect_u64(r.v->ops->take_peer(r.v, 3), 0);
    expect_true(send(fd, line, strlen(line), 0) == (ssize_t)strlen(line));
    return fd;
}

static int64_t read_slot(char *buf, size_t len)
{
    const struct iovec iov = {buf, len};
    return r.v->ops->read(r.v, 3, &iov, 1);
}

static int64_t write_slot(const char *text)
{
    const struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    return r.v->ops->write(r.v, 3, &iov, 1);
}

static void the_sockets_file_comes_and_goes(void)
{
    struct stat st;
    rig_init();
    expect_true(access(r.path, F_OK) != 0); /* not before it is asked for */
    struct err err = {0};
    expect_u64(r.v->ops->listen(r.v, &err), 0);
    expect_true(!lstat(r.path, &st) && S_ISSOCK(st.st_mode));
    r.v->ops->unlisten(r.v);
    expect_true(access(r.path, F_OK) != 0);
    r.v->ops->unlisten(r.v);
    expect_u64(r.v->ops->take_peer(r.v, 3), -EAGAIN);
    rig_fini();
}

static void a_file_in_its_place_is_refused_and_kept(void)
{
    struct err err = {0};
    rig_init();
    int fd = open(r.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    expect_u64(r.v->ops->listen(r.v, &err), -EEXIST);
    expect_u32(err.kind, ERR_HOST);
    expect_text(err.text, r.path);
    expect_text(err.text, "already");
    expect_true(!access(r.path, F_OK));
    unlink(r.path);
    rig_fini();
}

static void another_machines_socket_is_refused(void)
{
    struct err err = {0};
    struct vsock *second = NULL;
    rig_listen();
    expect_u64(vsock_unix_new(&second, r.loop, r.path, &err), 0);
    expect_u64(second->ops->listen(second, &err), -EEXIST);
    expect_text(err.text, "another program listens");
    second->ops->free(second);
    expect_true(!access(r.path, F_OK));
    rig_fini();
}

static void another_file_in_its_place_is_not_removed(void)
{
    rig_listen();
    unlink(r.path);
    close(open(r.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    r.v->ops->unlisten(r.v);
    expect_true(!access(r.path, F_OK));
    unlink(r.path);
    rig_fini();
}

static void names_have_room_for_a_port(void)
{
    struct err err = {0};
    struct vsock *v = NULL;
    char path[108];
    rig_init();
    memset(path, 'a', sizeof path);
    path[97] = '\0';
    expect_u64(vsock_unix_new(&v, r.loop, path, &err), -ENAMETOOLONG);
    expect_text(err.text, "97 bytes");
    path[96] = '\0';
    expect_u64(vsock_unix_new(&v, r.loop, path, &err), 0);
    v->ops->free(v);
    expect_u64(vsock_unix_new(&v, r.loop, "/none/v", &err), 0);
    expect_u64(v->ops->listen(v, &err), -ENOENT);
    expect_u32(err.kind, ERR_HOST);
    v->ops->free(v);
    rig_fini();
}

static void a_request_names_a_port(void)
{
    static const struct {
        const char *line;
        int rc;
        uint32_t port;
    } rows[] = {
        {"CONNECT 5000\n",        1,       5000      },
        {"CONNECT 0\n",           1,       0         },
        {"CONNECT 4294967295\n",  1,       UINT32_MAX},
        {"CONNECT 4294967296\n",  -EPROTO, 0         },
        {"CONNECT 99999999999\n", -EPROTO, 0         }, /* longer than any */
        {"CONNECT 0x10\n",        -EPROTO, 0         },
        {"CONNECT -1\n",          -EPROTO, 0         },
        {"CONNECT +1\n",          -EPROTO, 0         },
        {"CONNECT \n",            -EPROTO, 0         },
        {"CONNECT\n",             -EPROTO, 0         },
        {"CONNECT 1 \n",          -EPROTO, 0         },
        {"CONNECT 1\r\n",         -EPROTO, 0         },
        {"connect 1\n",           -EPROTO, 0         },
        {"GET / HTTP/1.0\n",      -EPROTO, 0         },
        {"\n",                    -EPROTO, 0         },
        {"CONNECT 5",             0,       0         },
        {"",                      0,       0         },
    };
    rig_listen();
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t port = 0;
        int fd = rig_peer(rows[i].line);
        expect_u64(r.v->ops->peer_port(r.v, 3, &port), rows[i].rc);
        expect_u32(port, rows[i].port);
        r.v->ops->close(r.v, 3);
        close(fd);
    }
    rig_fini();
}

static void a_request_may_come_in_pieces_and_takes_no_more_than_its_line(void)
{
    uint32_t port = 0;
    char buf[8];
    rig_listen();
    int fd = rig_peer("CONN");
    expect_u64(r.v->ops->peer_port(r.v, 3, &port), 0);
    expect_true(send(fd, "ECT 12", 6, 0) == 6);
    expect_u64(r.v->ops->peer_port(r.v, 3, &port), 0);
    expect_true(send(fd, "3\nnext", 6, 0) == 6);
    expect_u64(r.v->ops->peer_port(r.v, 3, &port), 1);
    expect_u32(port, 123);
    expect_u64(read_slot(buf, sizeof buf), 4);
    expect_true(!memcmp(buf, "next", 4));
    close(fd);
    fd = connect_to(r.path);
    r.v->ops->close(r.v, 3);
    expect_u64(r.v->ops->take_peer(r.v, 3), 0);
    expect_true(send(fd, "CONNECT \0001\n", 11, 0) == 11); /* a NUL in it */
    expect_u64(r.v->ops->peer_port(r.v, 3, &port), -EPROTO);
    r.v->ops->close(r.v, 3);
    close(fd);
    fd = rig_peer("CONNECT ");
    close(fd);
    expect_u64(r.v->ops->peer_port(r.v, 3, &port), -ECONNRESET);
    rig_fini();
}

static void a_peer_is_welcomed_by_a_port(void)
{
    char buf[32] = "";
    rig_listen();
    int fd = rig_peer("");
    expect_u64(r.v->ops->welcome(r.v, 3, UINT32_MAX), 0);
    expect_u64(read(fd, buf, sizeof buf - 1), 14);
    expect_true(!strcmp(buf, "OK 4294967295\n"));
    close(fd);
    expect_u64(r.v->ops->welcome(r.v, 3, 1), -EPIPE);
    rig_fini();
}

static void ports_of_the_host_are_sockets_beside_it(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char buf[8];
    rig_listen();
    expect_u64(r.v->ops->connect(r.v, 3, 52), -ENOENT);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%.60s_52", r.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_true(!bind(fd, (struct sockaddr *)&addr, sizeof addr));
    expect_u64(r.v->ops->connect(r.v, 3, 52), -ECONNREFUSED);
    expect_true(!listen(fd, 1));
    expect_u64(r.v->ops->connect(r.v, 3, 52), 0);
    int peer = accept(fd, NULL, NULL);
    expect_u64(write_slot("abc"), 3);
    expect_u64(read(peer, buf, sizeof buf), 3);
    close(peer);
    close(fd);
    unlink(addr.sun_path);
    rig_fini();
}

static void neither_direction_waits(void)
{
    char buf[8];
    int64_t put, all = 0;
    rig_listen();
    int fd = rig_peer("");
    expect_u64(read_slot(buf, sizeof buf), -EAGAIN);
    while ((put = write_slot("0123456789012345678901234567890123456789")) > 0)
        all += put;
    expect_u64(put, -EAGAIN);
    expect_true(all > 0);
    close(fd);
    expect_u64(write_slot("x"), -EPIPE);
    rig_fini();
}

static void ends_are_told_apart(void)
{
    char buf[8];
    rig_listen();
    int fd = rig_peer("last");
    expect_true(!shutdown(fd, SHUT_WR));
    expect_u64(read_slot(buf, sizeof buf), 4);
    expect_u64(read_slot(buf, sizeof buf), 0);
    expect_true(!r.v->ops->gone(r.v, 3)); /* it still takes */
    expect_u64(write_slot("x"), 1);
    expect_u64(r.v->ops->wait_in(r.v, 3, true), 0);
    expect_u64(read(fd, buf, sizeof buf), 1);
    close(fd);
    wait_for(&r.ready);
    expect_true(r.v->ops->gone(r.v, 3));
    rig_fini();
}

static void the_guests_ends_are_the_peers(void)
{
    char buf[8];
    rig_listen();
    int fd = rig_peer("");
    r.v->ops->shut(r.v, 3, VSOCK_SHUT_SEND);
    expect_u64(read(fd, buf, sizeof buf), 0);
    expect_true(send(fd, "y", 1, MSG_NOSIGNAL) == 1);
    expect_u64(read_slot(buf, sizeof buf), 1);
    r.v->ops->shut(r.v, 3, VSOCK_SHUT_RECEIVE);
    expect_true(send(fd, "z", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
    close(fd);
    rig_fini();
}

static void the_loop_tells_what_is_asked_for(void)
{
    char buf[8], *fill = calloc(1, MIB(1));
    rig_listen();
    expect_u64(r.v->ops->wait_peer(r.v), 0);
    int fd = connect_to(r.path);
    wait_for(&r.arrived);
    expect_u64(r.v->ops->take_peer(r.v, 3), 0);
    expect_u64(r.v->ops->wait_in(r.v, 3, false), 0);
    expect_true(send(fd, "a", 1, 0) == 1);
    wait_for(&r.ready);
    expect_u64(read_slot(buf, sizeof buf), 1);
    const struct iovec iov = {fill, MIB(1)};
    while (r.v->ops->write(r.v, 3, &iov, 1) > 0)
        ;
    expect_u64(r.v->ops->wait_out(r.v, 3), 0);
    while (recv(fd, fill, MIB(1), MSG_DONTWAIT) > 0)
        ;
    wait_for(&r.ready);
    expect_u64(r.v->ops->alarm(r.v, clock_mono_ns()), 0);
    wait_for(&r.due);
    r.v->ops->close(r.v, 3);
    r.v->ops->close(r.v, 3);
    expect_u64(read(fd, buf, sizeof buf), 0);
    close(fd);
    free(fill);
    rig_fini();
}

static const struct tap_test tests[] = {
    TAP_TEST(the_sockets_file_comes_and_goes),
    TAP_TEST(a_file_in_its_place_is_refused_and_kept),
    TAP_TEST(another_machines_socket_is_refused),
    TAP_TEST(another_file_in_its_place_is_not_removed),
    TAP_TEST(names_have_room_for_a_port),
    TAP_TEST(a_request_names_a_port),
    TAP_TEST(a_request_may_come_in_pieces_and_takes_no_more_than_its_line),
    TAP_TEST(a_peer_is_welcomed_by_a_port),
    TAP_TEST(ports_of_the_host_are_sockets_beside_it),
    TAP_TEST(neither_direction_waits),
    TAP_TEST(ends_are_told_apart),
    TAP_TEST(the_guests_ends_are_the_peers),
    TAP_TEST(the_loop_tells_what_is_asked_for),
};

TAP_MAIN(tests)
