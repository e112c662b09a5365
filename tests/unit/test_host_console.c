// SPDX-License-Identifier: MIT
/*
 * test_host_console.c - the console's host end: no byte lost, none invented, back-pressure, and an
 * end to every blocked write.
 */
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/host.h"
#include "vmm/park.h"

struct rig {
    struct loop *loop;
    struct console con;
    int in[2], out[2]; /* pipes: the test writes in[1] and reads out[0] */
    struct park ready;
    _Atomic unsigned n_ready;
    int gone_code;
    unsigned n_gone;
};

static void rig_ready(void *arg)
{
    struct rig *r = arg;
    atomic_fetch_add(&r->n_ready, 1);
    park_wake(&r->ready);
}

static void rig_gone(void *arg, int code)
{
    struct rig *r = arg;
    r->n_gone++;
    r->gone_code = code;
}

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    signal(SIGPIPE, SIG_IGN);
    expect_u32(loop_new(&r->loop, NULL), 0);
    expect_u32(pipe(r->in), 0);
    expect_u32(pipe(r->out), 0);
    console_init(&r->con, r->loop, r->in[0], r->out[1]);
    r->con.gone = rig_gone;
    r->con.arg = r;
    r->con.chr.ready = rig_ready;
    r->con.chr.arg = r;
}

static void rig_fini(struct rig *r)
{
    loop_free(r->loop);
    int fds[] = {r->in[0], r->in[1], r->out[0], r->out[1]};
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void rig_close(int *fd)
{
    close(*fd);
    *fd = -1;
}

/* ---- input ---- */

static void input_is_read_when_asked_for(void)
{
    struct rig r;
    uint8_t buf[8] = {0};
    rig_init(&r);
    expect_u32(write(r.in[1], "hello", 5), 5);
    expect_u32(chr_read(&r.con.chr, buf, 2), 2);
    expect_u32(chr_read(&r.con.chr, buf + 2, 6), 3);
    expect_true(!memcmp(buf, "hello", 5));
    expect_true(!chr_eof(&r.con.chr));
    rig_fini(&r);
}

static void ready_comes_once_after_an_empty_read(void)
{
    struct rig r;
    uint8_t buf[8];
    rig_init(&r);
    expect_u32(chr_read(&r.con.chr, buf, 8), 0);
    expect_u32(chr_read(&r.con.chr, buf, 8), 0); /* asking twice is one promise */
    expect_u32(write(r.in[1], "ab", 2), 2);
    park_wait(&r.ready, UINT64_MAX);
    expect_u32(atomic_load(&r.n_ready), 1);
    expect_u32(chr_read(&r.con.chr, buf, 8), 2);
    expect_u32(write(r.in[1], "c", 1), 1);
    park_wait(&r.ready, clock_mono_ns() + 3000000);
    expect_u32(atomic_load(&r.n_ready), 1); /* no empty read, no call */
    rig_fini(&r);
}

static void the_end_comes_after_the_last_byte(void)
{
    struct rig r;
    uint8_t buf[8];
    rig_init(&r);
    expect_u32(write(r.in[1], "z", 1), 1);
    rig_close(&r.in[1]);
    expect_true(!chr_eof(&r.con.chr));
    expect_u32(chr_read(&r.con.chr, buf, 8), 1);
    expect_u32(chr_read(&r.con.chr, buf, 8), 0);
    expect_true(chr_eof(&r.con.chr) || (park_wait(&r.ready, UINT64_MAX), true));
    expect_u32(chr_read(&r.con.chr, buf, 8), 0);
    expect_true(chr_eof(&r.con.chr));
    rig_fini(&r);
}

static void an_end_wakes_a_waiting_device(void)
{
    struct rig r;
    uint8_t buf[8];
    rig_init(&r);
    expect_u32(chr_read(&r.con.chr, buf, 8), 0);
    rig_close(&r.in[1]);
    park_wait(&r.ready, UINT64_MAX);
    expect_u32(chr_read(&r.con.chr, buf, 8), 0);
    expect_true(chr_eof(&r.con.chr));
    rig_fini(&r);
}

static void no_input_is_at_its_end(void)
{
    struct rig r;
    uint8_t buf[1];
    rig_init(&r);
    console_init(&r.con, r.loop, -1, r.out[1]);
    expect_u32(chr_read(&r.con.chr, buf, 1), 0);
    expect_true(chr_eof(&r.con.chr));
    rig_fini(&r);
}

static void a_directory_or_a_closed_descriptor_ends_at_once(void)
{
    struct rig r;
    uint8_t buf[1];
    rig_init(&r);
    int dir = open("/", O_RDONLY);
    console_init(&r.con, r.loop, dir, r.out[1]);
    expect_u32(chr_read(&r.con.chr, buf, 1), 0);
    expect_true(chr_eof(&r.con.chr)); /* EISDIR */
    close(dir);
    console_init(&r.con, r.loop, dir, r.out[1]);
    expect_u32(chr_read(&r.con.chr, buf, 1), 0);
    expect_true(chr_eof(&r.con.chr)); /* EBADF */
    rig_fini(&r);
}

/* The reader takes one small buffer ahead, so what a slow guest leaves stays with the writer. */
static void a_slow_reader_holds_the_writer_back(void)
{
    struct rig r;
    uint8_t byte, block[4096];
    size_t sent = 0, got = 0;
    rig_init(&r);
    fcntl(r.in[1], F_SETFL, O_NONBLOCK);
    for (unsigned i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(i * 7);
    for (ssize_t n; (n = write(r.in[1], block, sizeof block)) > 0;)
        sent += (size_t)n;
    expect_u32(chr_read(&r.con.chr, &byte, 1), 1);
    got = 1;
    size_t refill = 0;
    for (ssize_t n; (n = write(r.in[1], block, sizeof block)) > 0;)
        refill += (size_t)n;
    expect_true(refill <= sizeof r.con.buf);
    sent += refill;
    rig_close(&r.in[1]);
    bool same = true;
    while (chr_read(&r.con.chr, &byte, 1)) {
        same = same && byte == block[got % sizeof block];
        got++;
    }
    expect_u64(got, sent);
    expect_true(same);
    rig_fini(&r);
}

static bool no_x(void *arg, uint8_t byte)
{
    (void)arg;
    return byte != 'x';
}

static void a_filter_sees_keys_nobody_asked_for(void)
{
    struct rig r;
    uint8_t buf[8] = {0};
    rig_init(&r);
    r.con.filter = no_x;
    expect_u32(chr_read(&r.con.chr, buf, 8), 0);
    expect_u32(console_start(&r.con), 0);
    expect_u32(write(r.in[1], "xxx", 3), 3); /* swallowed: no call */
    park_wait(&r.ready, clock_mono_ns() + 3000000);
    expect_u32(atomic_load(&r.n_ready), 0);
    expect_u32(write(r.in[1], "axbx", 4), 4);
    park_wait(&r.ready, UINT64_MAX);
    expect_u32(chr_read(&r.con.chr, buf, 8), 2);
    expect_text((char *)buf, "ab");
    rig_fini(&r);
}

/* ---- output ---- */

static void output_is_written_at_once(void)
{
    struct rig r;
    char buf[8] = {0};
    rig_init(&r);
    expect_u64(atomic_load(&r.con.first_ns), 0);
    uint64_t before = clock_mono_ns();
    chr_write(&r.con.chr, "Hi", 2);
    expect_u32(read(r.out[0], buf, 8), 2);
    expect_text(buf, "Hi");
    expect_true(atomic_load(&r.con.first_ns) >= before);
    expect_u64(atomic_load(&r.con.bytes_out), 2);
    rig_fini(&r);
}

static void *drain(void *arg)
{
    struct rig *r = arg;
    char buf[1000];
    uint64_t total = 0;
    for (ssize_t n; (n = read(r->out[0], buf, sizeof buf)) > 0;)
        total += (uint64_t)n;
    return (void *)(uintptr_t)total;
}

/* The descriptor's flags are not ours to change, and EAGAIN loses no byte. */
static void a_nonblocking_output_is_waited_for(void)
{
    struct rig r;
    static const char block[3000];
    pthread_t thread;
    void *total;
    rig_init(&r);
    fcntl(r.out[1], F_SETFL, O_NONBLOCK);
    pthread_create(&thread, NULL, drain, &r);
    for (unsigned i = 0; i < 200; i++)
        chr_write(&r.con.chr, block, sizeof block);
    expect_true(fcntl(r.out[1], F_GETFL) & O_NONBLOCK);
    rig_close(&r.out[1]);
    pthread_join(thread, &total);
    expect_u64((uintptr_t)total, 200 * sizeof block);
    expect_u32(r.n_gone, 0);
    rig_fini(&r);
}

static void a_closed_reader_is_told_once(void)
{
    struct rig r;
    rig_init(&r);
    rig_close(&r.out[0]);
    chr_write(&r.con.chr, "a", 1);
    chr_write(&r.con.chr, "b", 1);
    expect_u32(r.n_gone, 1);
    expect_u32(r.gone_code, EPIPE);
    expect_u64(atomic_load(&r.con.bytes_out), 0);
    rig_fini(&r);
}

static void a_full_disk_is_told(void)
{
    struct rig r;
    int full = open("/dev/full", O_WRONLY);
    if (full < 0) {
        tap_skip("no /dev/full");
        return;
    }
    rig_init(&r);
    console_init(&r.con, r.loop, -1, full);
    r.con.gone = rig_gone;
    r.con.arg = &r;
    chr_write(&r.con.chr, "a", 1);
    expect_u32(r.gone_code, ENOSPC);
    close(full);
    rig_fini(&r);
}

/* ---- output that does not wait ---- */

static int64_t some(struct rig *r, const char *text)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    return r->con.chr.ops->write_some(&r->con.chr, &iov, 1);
}

static void a_full_pipe_is_not_waited_for(void)
{
    struct rig r;
    static char block[4096];
    uint64_t sent = 0, got = 0;
    rig_init(&r);
    for (int64_t n = 1; n > 0; sent += (uint64_t)n) {
        struct iovec iov[2] = {
            {block, sizeof block},
            {block, 100         }
        };
        n = r.con.chr.ops->write_some(&r.con.chr, iov, 2);
        expect_true(n >= 0);
    }
    expect_u64(sent, atomic_load(&r.con.bytes_out));
    expect_true(sent >= 4096);
    expect_u32(atomic_load(&r.n_ready), 0);
    expect_true(!(fcntl(r.out[1], F_GETFL) & O_NONBLOCK)); /* the others' flags are left alone */
    while (got < sent) {
        ssize_t n = read(r.out[0], block, sizeof block);
        got += n > 0 ? (uint64_t)n : 0;
    }
    park_wait(&r.ready, UINT64_MAX);
    expect_u32(atomic_load(&r.n_ready), 1);
    expect_u64((uint64_t)some(&r, "x"), 1);
    console_fini(&r.con);
    rig_fini(&r);
}

static void a_reader_that_leaves_ends_what_waits(void)
{
    struct rig r;
    rig_init(&r);
    static char block[65536 + 4096];
    struct iovec iov = {block, sizeof block};
    while (r.con.chr.ops->write_some(&r.con.chr, &iov, 1) > 0)
        ;
    rig_close(&r.out[0]);
    park_wait(&r.ready, UINT64_MAX);
    expect_true(some(&r, "x") == -EPIPE);
    expect_true(some(&r, "x") == -EPIPE);
    expect_u32(r.n_gone, 1);
    console_fini(&r.con);
    rig_fini(&r);
}

static void a_full_socket_is_not_waited_for(void)
{
    struct rig r;
    int s[2];
    char byte;
    rig_init(&r);
    expect_u32(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    console_init(&r.con, r.loop, -1, s[1]);
    r.con.chr.ready = rig_ready;
    r.con.chr.arg = &r;
    expect_u64((uint64_t)some(&r, "hello"), 5);
    while (some(&r, "some more bytes than fit") > 0)
        ;
    while (recv(s[0], &byte, 1, MSG_DONTWAIT) == 1)
        ;
    park_wait(&r.ready, UINT64_MAX);
    expect_u64((uint64_t)some(&r, "room"), 4);
    console_fini(&r.con);
    close(s[0]);
    close(s[1]);
    rig_fini(&r);
}

static void no_output_refuses_bytes(void)
{
    struct rig r;
    rig_init(&r);
    console_init(&r.con, r.loop, -1, -1);
    expect_true(some(&r, "x") == -EBADF);
    rig_fini(&r);
}

struct taken {
    char text[64];
    size_t len;
};

static void take(void *arg, const void *buf, size_t len)
{
    struct taken *t = arg;
    memcpy(t->text + t->len, buf, len);
    t->len += len;
}

static void a_sink_takes_all_and_nothing_is_written(void)
{
    struct rig r;
    rig_init(&r);
    struct taken t = {0};
    console_init(&r.con, r.loop, r.in[0], -1);
    console_sink(&r.con, take, &t);
    chr_write(&r.con.chr, "ab", 2);
    const struct iovec iov[] = {
        {"cd", 2},
        {"",   0},
        {"e",  1}
    };
    expect_u64(r.con.chr.ops->write_some(&r.con.chr, iov, ARRAY_LEN(iov)), 3);
    expect_u64(t.len, 5);
    expect_true(!memcmp(t.text, "abcde", 5));
    expect_u64(atomic_load(&r.con.bytes_out), 5);
    expect_true(atomic_load(&r.con.first_ns) != 0);
    expect_u32(write(r.in[1], "x", 1), 1); /* its input is as before */
    char got = 0;
    expect_u64(chr_read(&r.con.chr, &got, 1), 1);
    expect_u32(got, 'x');
    console_fini(&r.con);
    rig_fini(&r);
}

static void nop(int sig)
{
    (void)sig;
}

struct writer {
    struct rig *r;
    struct park begun;
};

static void *fill_up(void *arg)
{
    struct writer *w = arg;
    static const char block[4096];
    park_wake(&w->begun);
    while (!atomic_load(&w->r->con.stop))
        chr_write(&w->r->con.chr, block, sizeof block);
    return NULL;
}

/* Many rounds, so that the stop meets the writer before, in and after its system call. */
static void stop_frees_a_blocked_writer(void)
{
    struct sigaction sa = {.sa_handler = nop}, old;
    sigaction(SIGUSR1, &sa, &old);
    for (unsigned round = 0; round < 200; round++) {
        struct rig r;
        pthread_t thread;
        rig_init(&r);
        if (round % 2)
            fcntl(r.out[1], F_SETFL, O_NONBLOCK);
        struct writer w = {.r = &r};
        pthread_create(&thread, NULL, fill_up, &w);
        park_wait(&w.begun, UINT64_MAX);
        for (volatile unsigned spin = 0; spin < round * 500; spin++)
            ;
        console_stop(&r.con);
        pthread_kill(thread, SIGUSR1);
        pthread_join(thread, NULL); /* would hang */
        expect_u32(r.n_gone, 0);
        rig_fini(&r);
    }
    sigaction(SIGUSR1, &old, NULL);
}

static const struct tap_test tests[] = {
    TAP_TEST(a_full_pipe_is_not_waited_for),
    TAP_TEST(a_reader_that_leaves_ends_what_waits),
    TAP_TEST(a_full_socket_is_not_waited_for),
    TAP_TEST(no_output_refuses_bytes),
    TAP_TEST(a_sink_takes_all_and_nothing_is_written),
    TAP_TEST(input_is_read_when_asked_for),
    TAP_TEST(ready_comes_once_after_an_empty_read),
    TAP_TEST(the_end_comes_after_the_last_byte),
    TAP_TEST(an_end_wakes_a_waiting_device),
    TAP_TEST(no_input_is_at_its_end),
    TAP_TEST(a_directory_or_a_closed_descriptor_ends_at_once),
    TAP_TEST(a_slow_reader_holds_the_writer_back),
    TAP_TEST(a_filter_sees_keys_nobody_asked_for),
    TAP_TEST(output_is_written_at_once),
    TAP_TEST(a_nonblocking_output_is_waited_for),
    TAP_TEST(a_closed_reader_is_told_once),
    TAP_TEST(a_full_disk_is_told),
    TAP_TEST(stop_frees_a_blocked_writer),
};

TAP_MAIN(tests)
