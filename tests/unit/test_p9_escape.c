// SPDX-License-Identifier: MIT
/*
 * test_p9_escape.c - ways out of a shared folder, tried: links, devices, FIFOs, mounts, folders
 * that others move or exchange at the same time.
 *
 * The promise is vmm/p9.h's: what a client can reach lies below the folder, on its file system.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/p9_rig.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2 /* linux/fs.h */
#endif

static void links_are_not_followed(void)
{
    static const char *const links[] = {"abs", "up", "out", "rel"};
    struct p9_rig r;
    p9_rig_init(&r, true);
    for (uint32_t i = 0; i < ARRAY_LEN(links); i++) {
        uint32_t fid = 10 + i, to = 20 + i;
        expect_u32(p9_rig_walk(&r, 0, fid, links[i]), 0);
        skip(&r, 2);
        expect_u32(got(&r, 1), 2); /* QTSYMLINK: the link, and not what it leads to */
        for (uint32_t flags = 0; flags < 3; flags++)
            expect_u32(ask(&r, TLOPEN, "dd", fid, flags), ELOOP);
        expect_u32(ask(&r, TLOPEN, "dd", fid, 0200000), ELOOP);
        expect_u32(p9_rig_walk(&r, fid, to, "secret"), ENOTDIR);
        expect_u32(ask(&r, TWALK, "ddw", fid, to, 0), 0); /* the clone of a link is a link */
        expect_u32(ask(&r, TLOPEN, "dd", to, 0), ELOOP);
        expect_u32(ask(&r, TREADLINK, "d", to), 0);
        /* Neither made through it, nor in it, nor by it. */
        expect_u32(ask(&r, TWALK, "ddw", 0, 30 + i, 0), 0);
        expect_u32(ask(&r, TLCREATE, "dsddd", 30 + i, links[i], 0102, 0644, 0), EEXIST);
        expect_u32(ask(&r, TLCREATE, "dsddd", 30 + i, links[i], 01102, 0644, 0), EEXIST);
        expect_u32(ask(&r, TLCREATE, "dsddd", fid, "x", 0102, 0644, 0), ENOTDIR);
        expect_u32(ask(&r, TMKDIR, "dsdd", fid, "x", 0755, 0), ENOTDIR);
        expect_u32(ask(&r, TUNLINKAT, "dsd", fid, "secret", 0), ENOTDIR);
        expect_u32(ask(&r, TRENAMEAT, "dsds", fid, "secret", 0, "x"), ENOTDIR);
        expect_u32(ask(&r, TRENAMEAT, "dsds", 0, "f", fid, "x"), ENOTDIR);
        expect_u32(ask(&r, TSETATTR, "dddddqqqqq", fid, 8, 0, 0, 0, UINT64_C(0), UINT64_C(0),
                       UINT64_C(0), UINT64_C(0), UINT64_C(0)),
                   EPERM);
    }
    /* A link of a link is a link, with the same text. */
    expect_u32(ask(&r, TLINK, "dds", 0, 11, "again"), 0);
    expect_u32(p9_rig_walk(&r, 0, 1, "again"), 0);
    skip(&r, 2);
    expect_u32(got(&r, 1), 2);
    /* One that the client makes itself is no better. */
    expect_u32(ask(&r, TSYMLINK, "dssd", 0, "mine", r.base, 0), 0);
    expect_u32(ask(&r, TWALK, "ddwss", 0, 2, 2, "mine", "secret"), 0);
    expect_u32(got(&r, 2), 1);
    expect_u32(ask(&r, TCLUNK, "d", 2), EBADF);
    p9_rig_expect(&r, "secret", "secret");
    p9_rig_expect(&r, "x", NULL);
    p9_rig_fini(&r);
}

static void special_files_are_not_opened(void) /* and no open waits for the other end of a FIFO */
{
    struct p9_rig r;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    p9_rig_init(&r, true);
    snprintf(at.sun_path, sizeof at.sun_path, "%.60s/sock", r.dir);
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    expect_true(!bind(sock, (struct sockaddr *)&at, sizeof at));
    static const char *const names[] = {"fifo", "sock", "dev"};
    for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
        uint32_t fid = 10 + i;
        if (p9_rig_walk(&r, 0, fid, names[i]))
            continue; /* a device could not be made */
        expect_u32(ask(&r, TGETATTR, "dq", fid, UINT64_C(0x7ff)), 0);
        for (uint32_t flags = 0; flags < 3; flags++)
            expect_u32(ask(&r, TLOPEN, "dd", fid, flags), EPERM);
        expect_u32(ask(&r, TWALK, "ddw", 0, 20 + i, 0), 0);
        expect_u32(ask(&r, TLCREATE, "dsddd", 20 + i, names[i], 0102, 0644, 0), EEXIST);
        expect_u32(ask(&r, TLINK, "dds", 0, fid, "x"), EPERM);
        expect_u32(ask(&r, TSETATTR, "dddddqqqqq", fid, 1, 0666, 0, 0, UINT64_C(0), UINT64_C(0),
                       UINT64_C(0), UINT64_C(0), UINT64_C(0)),
                   EPERM);
        expect_u32(ask(&r, TSETATTR, "dddddqqqqq", fid, 8, 0, 0, 0, UINT64_C(0), UINT64_C(0),
                       UINT64_C(0), UINT64_C(0), UINT64_C(0)),
                   EPERM);
    }
    /* S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFDIR, S_IFLNK */
    static const uint32_t types[] = {0020000, 0060000, 0010000, 0140000, 0040000, 0120000};
    for (unsigned i = 0; i < ARRAY_LEN(types); i++)
        expect_u32(ask(&r, TMKNOD, "dsdddd", 0, "x", types[i] | 0666, 1, 3, 0), EPERM);
    p9_rig_expect(&r, "share/x", NULL);
    close(sock);
    p9_rig_fini(&r);
}

static void a_folder_that_is_moved_out_is_a_folder_without_a_way_up(void)
{
    struct p9_rig r;
    char from[160], to[160], text[201];
    p9_rig_init(&r, true);
    expect_u32(p9_rig_walk(&r, 0, 1, "d"), 0);
    snprintf(from, sizeof from, "%s/d", r.dir);
    snprintf(to, sizeof to, "%s/moved", r.base);
    expect_true(!rename(from, to));
    expect_u32(ask(&r, TWALK, "ddws", 1, 2, 1, "g"), 0); /* held is held */
    expect_u32(ask(&r, TLOPEN, "dd", 2, 0), 0);
    expect_u32(p9_rig_read(&r, 2, 0, text), 0);
    expect_text(text, "deeper");
    expect_u32(p9_rig_walk(&r, 1, 3, ".."), EINVAL);
    expect_u32(p9_rig_walk(&r, 0, 3, "d"), ENOENT);
    expect_u32(ask(&r, TREMOVE, "d", 1), ESTALE); /* by its path there is nothing */
    p9_rig_expect(&r, "moved/g", "deeper");
    p9_rig_fini(&r);
}

/* A file system that is mounted below the folder is another one; in a namespace of our own. */
static void mounts_are_not_crossed(void)
{
    struct p9_rig r;
    p9_rig_tree(&r);
    pid_t pid = fork();
    if (!pid) {
        char at[160];
        struct err err;
        snprintf(at, sizeof at, "%s/d", r.dir);
        if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("none", at, "tmpfs", 0, NULL))
            _exit(77);
        p9_rig_file(at, "t", "other");
        if (p9_new(&r.p9, r.dir, true, &err))
            _exit(1);
        p9_rig_session(&r);
        bool ok = p9_rig_walk(&r, 0, 1, "d") == EXDEV &&
                  ask(&r, TUNLINKAT, "dsd", 0, "d", 0x200) == EBUSY &&
                  ask(&r, TLCREATE, "dsddd", 0, "d", 0102, 0644, 0) != 0;
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        tap_skip("no mount namespace can be had here");
    else
        expect_u32(status, 0);
    p9_rig_fini(&r);
}

/* ---- others exchange files meanwhile ---- */

struct swapper {
    char a[160], b[160];
    atomic_bool stop;
    atomic_ulong swaps;
};

static void *swap(void *arg)
{
    struct swapper *s = arg;
    while (!s->stop)
        if (!syscall(SYS_renameat2, AT_FDCWD, s->a, AT_FDCWD, s->b, RENAME_EXCHANGE))
            s->swaps++;
    return NULL;
}

static bool swap_start(struct swapper *s, pthread_t *thread, const char *dir, const char *a,
                       const char *b)
{
    snprintf(s->a, sizeof s->a, "%s/%s", dir, a);
    snprintf(s->b, sizeof s->b, "%s/%s", dir, b);
    if (syscall(SYS_renameat2, AT_FDCWD, s->a, AT_FDCWD, s->b, RENAME_EXCHANGE)) {
        tap_skip("this file system exchanges no files");
        return false;
    }
    s->stop = false;
    s->swaps = 0;
    expect_u32(pthread_create(thread, NULL, swap, s), 0);
    return true;
}

/* Until both the client and the other side have done enough to meet. */
static bool swap_more(struct swapper *s, unsigned *rounds)
{
    return ++*rounds < 20000 || (s->swaps < 20000 && *rounds < 1000000);
}

/* `x` is by turns a folder and a link to one outside. */
static void a_folder_becomes_a_link(void)
{
    struct p9_rig r;
    struct swapper s;
    pthread_t thread;
    char path[160], text[201];
    unsigned inside = 0, rounds = 0;
    p9_rig_init(&r, true);
    snprintf(path, sizeof path, "%s/outside", r.base);
    mkdir(path, 0755);
    p9_rig_file(path, "t", "secret");
    p9_rig_file(path, "r", "secret");
    snprintf(path, sizeof path, "%s/y", r.dir);
    expect_true(!symlink("../outside", path));
    snprintf(path, sizeof path, "%s/x", r.dir);
    mkdir(path, 0755);
    p9_rig_file(path, "t", "inside");
    if (swap_start(&s, &thread, r.dir, "x", "y")) {
        while (swap_more(&s, &rounds)) {
            /* read */
            expect_u32(ask(&r, TWALK, "ddwss", 0, 1, 2, "x", "t"), 0); /* at least one of them */
            if (!ask(&r, TLOPEN, "dd", 1, 0)) {
                p9_rig_read(&r, 1, 0, text);
                expect_true(!strcmp(text, "inside"));
                inside++;
            }
            ask(&r, TCLUNK, "d", 1);
            /* make, and remove by the file, whose folder is looked up anew */
            if (!p9_rig_walk(&r, 0, 2, "x") && !ask(&r, TLCREATE, "dsddd", 2, "r", 0302, 0644, 0)) {
                p9_rig_write(&r, 2, 0, "client");
                ask(&r, TREMOVE, "d", 2);
            }
            ask(&r, TCLUNK, "d", 2);
            /* remove and rename by name */
            if (!p9_rig_walk(&r, 0, 3, "x")) {
                ask(&r, TUNLINKAT, "dsd", 3, "r", 0);
                ask(&r, TMKDIR, "dsdd", 3, "made", 0755, 0);
                ask(&r, TRENAMEAT, "dsds", 3, "made", 3, "made2");
                ask(&r, TUNLINKAT, "dsd", 3, "made2", 0x200);
                ask(&r, TCLUNK, "d", 3);
            }
        }
        s.stop = true;
        pthread_join(thread, NULL);
        expect_true(inside > 0);
        expect_true(s.swaps > 0);
    }
    p9_rig_expect(&r, "outside/t", "secret");
    p9_rig_expect(&r, "outside/r", "secret");
    p9_rig_expect(&r, "outside/made", NULL);
    p9_rig_expect(&r, "outside/made2", NULL);
    p9_rig_fini(&r);
}

/* `f` is by turns a file and something else: a link out, a FIFO that nobody writes. */
static void a_file_becomes_something_else(void)
{
    static const char *const others[] = {"up", "fifo"};
    for (unsigned i = 0; i < ARRAY_LEN(others); i++) {
        struct p9_rig r;
        struct swapper s;
        pthread_t thread;
        char text[201];
        unsigned inside = 0, rounds = 0;
        p9_rig_init(&r, true);
        if (swap_start(&s, &thread, r.dir, "f", others[i])) {
            while (swap_more(&s, &rounds)) {
                if (!p9_rig_open(&r, 1, "f", rounds & 1 ? 2 : 0)) {
                    expect_u32(p9_rig_read(&r, 1, 0, text), 0);
                    expect_true(!strcmp(text, "inside"));
                    inside++;
                }
                ask(&r, TCLUNK, "d", 1);
                if (!ask(&r, TWALK, "ddw", 0, 1, 0) &&
                    !ask(&r, TLCREATE, "dsddd", 1, "f", 0102, 0644, 0))
                    p9_rig_write(&r, 1, 0, "inside");
                ask(&r, TCLUNK, "d", 1);
            }
            s.stop = true;
            pthread_join(thread, NULL);
            expect_true(inside > 0);
            expect_true(s.swaps > 0);
        }
        p9_rig_expect(&r, "secret", "secret");
        p9_rig_fini(&r);
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(links_are_not_followed),
    TAP_TEST(special_files_are_not_opened),
    TAP_TEST(a_folder_that_is_moved_out_is_a_folder_without_a_way_up),
    TAP_TEST(mounts_are_not_crossed),
    TAP_TEST(a_folder_becomes_a_link),
    TAP_TEST(a_file_becomes_something_else),
};

TAP_MAIN(tests)
