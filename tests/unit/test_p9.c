// SPDX-License-Identifier: MIT
/*
 * test_p9.c - the 9P server's messages: what each answers, and what it refuses.
 *
 * Layouts: 9P2000.L, diod's protocol.md; errors are Linux's numbers, as Rlerror carries them.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/p9_rig.h"

static void version_agrees_on_a_size(void) /* Tversion: msize is the smaller of the two */
{
    struct p9_rig r;
    p9_rig_init(&r, false);
    expect_u32(ask(&r, TVERSION, "ds", 8192, "9P2000.L"), 0);
    expect_u32(got(&r, 4), 8192);
    expect_u32(got(&r, 2), 8);
    expect_true(!memcmp(r.rep + r.at, "9P2000.L", 8));
    expect_u32(ask(&r, TVERSION, "ds", UINT32_MAX, "9P2000.L"), 0);
    expect_u32(got(&r, 4), KIB(512));
    static const char *const others[] = {"9P2000", "9P2000.u", "", "9P2000.L2"};
    for (unsigned i = 0; i < ARRAY_LEN(others); i++) {
        expect_u32(ask(&r, TVERSION, "ds", 8192, others[i]), 0);
        skip(&r, 4);
        expect_u32(got(&r, 2), 7);
        expect_true(!memcmp(r.rep + r.at, "unknown", 7));
        expect_u32(ask(&r, TATTACH, "ddssd", 0, NOFID, "", "", 0), EPROTO);
    }
    expect_u32(ask(&r, TVERSION, "ds", 4095, "9P2000.L"), 0); /* names would not fit */
    skip(&r, 4);
    expect_u32(got(&r, 2), 7);
    p9_rig_fini(&r);
}

static void version_ends_the_session(void) /* all fids are clunked */
{
    struct p9_rig r;
    p9_rig_init(&r, false);
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    expect_u32(ask(&r, TVERSION, "ds", 8192, "9P2000.L"), 0);
    expect_u32(ask(&r, TCLUNK, "d", 1), EBADF);
    expect_u32(ask(&r, TCLUNK, "d", 0), EBADF);
    p9_rig_session(&r);
    p9_reset(r.p9);
    expect_u32(ask(&r, TGETATTR, "dq", 0, UINT64_C(0x7ff)), EPROTO);
    p9_rig_fini(&r);
}

static void attach_gives_the_root(void)
{
    struct p9_rig r;
    p9_rig_init(&r, false);
    expect_u32(ask(&r, TATTACH, "ddssd", 1, NOFID, "user", "/", 1000), 0);
    expect_u32(got(&r, 1), 0x80);                                          /* QTDIR */
    expect_u32(ask(&r, TATTACH, "ddssd", 1, NOFID, "user", "", 0), EBADF); /* in use */
    expect_u32(ask(&r, TATTACH, "ddssd", 2, NOFID, "user", "/etc", 0), ENOENT);
    expect_u32(ask(&r, TATTACH, "ddssd", 2, 0, "user", "", 0), EOPNOTSUPP);
    expect_u32(ask(&r, TATTACH, "ddssd", NOFID, NOFID, "user", "", 0), EBADF);
    expect_u32(ask(&r, TAUTH, "dssd", 2, "user", "", 0), EOPNOTSUPP);
    p9_rig_fini(&r);
}

static void walk_goes_name_by_name(void)
{
    struct p9_rig r;
    p9_rig_init(&r, false);
    expect_u32(ask(&r, TWALK, "ddwss", 0, 1, 2, "d", "g"), 0);
    expect_u32(got(&r, 2), 2);
    expect_u32(got(&r, 1), 0x80);
    r.at = 9 + 13;
    expect_u32(got(&r, 1), 0);
    /* The second name is not there: one qid, and no fid (walk(5)). */
    expect_u32(ask(&r, TWALK, "ddwss", 0, 2, 2, "d", "none"), 0);
    expect_u32(got(&r, 2), 1);
    expect_u32(r.rep_len, 9 + 13);
    expect_u32(ask(&r, TCLUNK, "d", 2), EBADF);
    expect_u32(p9_rig_walk(&r, 0, 2, "none"), ENOENT);
    expect_u32(ask(&r, TWALK, "ddws", 1, 2, 1, "x"), ENOTDIR); /* from a file */
    expect_u32(ask(&r, TWALK, "ddw", 0, 1, 0), EBADF);         /* in use */
    expect_u32(ask(&r, TWALK, "ddw", 77, 2, 0), EBADF);        /* unknown */
    expect_u32(ask(&r, TWALK, "ddw", 0, 2, 0), 0);             /* a clone */
    expect_u32(got(&r, 2), 0);
    expect_u32(ask(&r, TWALK, "ddws", 2, 2, 1, "d"), 0); /* newfid may be fid */
    expect_u32(ask(&r, TWALK, "ddws", 2, 3, 1, "g"), 0);
    expect_u32(ask(&r, TWALK, "ddw", 0, 9, 17), EINVAL); /* MAXWELEM is 16 */
    expect_u32(ask(&r, TWALK, "ddw", 0, 9, 3), EPROTO);  /* names that are not there */
    p9_rig_fini(&r);
}

static void names_are_single_steps(void) /* no '/', no "." or "..", not empty, at most 255 */
{
    static const char *const bad[] = {"",   ".",     "..",    "d/g",       "/",
                                      "/f", "../..", "d/../", "../secret", "./f"};
    struct p9_rig r;
    char name[300];
    p9_rig_init(&r, true);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        expect_u32(p9_rig_walk(&r, 0, 1, bad[i]), EINVAL);
        expect_u32(ask(&r, TWALK, "ddwss", 0, 1, 2, "d", bad[i]), EINVAL);
        expect_u32(ask(&r, TLCREATE, "dsddd", 0, bad[i], 0102, 0644, 0), EINVAL);
        expect_u32(ask(&r, TMKDIR, "dsdd", 0, bad[i], 0755, 0), EINVAL);
        expect_u32(ask(&r, TSYMLINK, "dssd", 0, bad[i], "x", 0), EINVAL);
        expect_u32(ask(&r, TMKNOD, "dsdddd", 0, bad[i], 0100644, 0, 0, 0), EINVAL);
        expect_u32(ask(&r, TUNLINKAT, "dsd", 0, bad[i], 0), EINVAL);
        expect_u32(ask(&r, TUNLINKAT, "dsd", 0, bad[i], 0x200), EINVAL);
        expect_u32(ask(&r, TRENAMEAT, "dsds", 0, bad[i], 0, "x"), EINVAL);
        expect_u32(ask(&r, TRENAMEAT, "dsds", 0, "f", 0, bad[i]), EINVAL);
        expect_u32(ask(&r, TLINK, "dds", 0, 0, bad[i]), EINVAL);
        expect_u32(ask(&r, TRENAME, "dds", 0, 0, bad[i]), EINVAL);
    }
    memset(name, 'n', 256);
    name[256] = '\0';
    expect_u32(p9_rig_walk(&r, 0, 1, name), ENAMETOOLONG);
    name[255] = '\0';
    expect_u32(p9_rig_walk(&r, 0, 1, name), ENOENT);
    /* A NUL inside. */
    p9_rig_begin(&r, TWALK);
    p9_rig_put(&r, "\0\0\0\0\1\0\0\0\1\0\3\0f\0x", 15);
    le32_put(r.req, r.req_len);
    expect_u32(p9_rig_send(&r), RLERROR);
    expect_u32(got(&r, 4), EINVAL);
    p9_rig_expect(&r, "share/f", "inside");
    p9_rig_fini(&r);
}

static void attributes_are_the_hosts(void)
{
    struct p9_rig r;
    struct stat st;
    char path[160];
    p9_rig_init(&r, false);
    snprintf(path, sizeof path, "%s/f", r.dir);
    expect_true(!stat(path, &st));
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    expect_u32(ask(&r, TGETATTR, "dq", 1, UINT64_C(0x7ff)), 0);
    expect_u64(r.rep_len, 7 + 153);
    expect_u64(got(&r, 8), 0x7ff);
    expect_u32(got(&r, 1), 0);
    skip(&r, 4);
    expect_u64(got(&r, 8), st.st_ino);
    expect_u64(got(&r, 4), st.st_mode);
    expect_u64(got(&r, 4), st.st_uid);
    expect_u64(got(&r, 4), st.st_gid);
    expect_u64(got(&r, 8), st.st_nlink);
    expect_u64(got(&r, 8), st.st_rdev);
    expect_u64(got(&r, 8), 6);
    skip(&r, 32); /* blksize, blocks, atime */
    expect_u64(got(&r, 8), st.st_mtim.tv_sec);
    expect_u64(got(&r, 8), st.st_mtim.tv_nsec);
    expect_u32(ask(&r, TSTATFS, "d", 1), 0);
    expect_u64(r.rep_len, 7 + 60);
    r.at = r.rep_len - 4;
    expect_u32(got(&r, 4), 255);
    expect_u32(ask(&r, TXATTRWALK, "dds", 1, 2, "user.x"), EOPNOTSUPP);
    expect_u32(ask(&r, TFLUSH, "w", 7), 0);
    p9_rig_fini(&r);
}

static void files_are_read(void)
{
    struct p9_rig r;
    char text[201];
    p9_rig_init(&r, false);
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    expect_u32(ask(&r, TREAD, "dqd", 1, UINT64_C(0), 10), EBADF); /* not open */
    expect_u32(ask(&r, TLOPEN, "dd", 1, 0), 0);
    expect_u32(ask(&r, TLOPEN, "dd", 1, 0), EBUSY);
    expect_u32(p9_rig_read(&r, 1, 0, text), 0);
    expect_text(text, "inside");
    expect_u32(p9_rig_read(&r, 1, 2, text), 0);
    expect_true(!strcmp(text, "side"));
    expect_u32(p9_rig_read(&r, 1, 6, text), 0);
    expect_true(!*text);
    expect_u32(p9_rig_read(&r, 1, UINT64_MAX, text), EINVAL);
    expect_u32(ask(&r, TREAD, "dqd", 1, UINT64_C(0), UINT32_MAX), 0); /* what there is room for */
    expect_u32(got(&r, 4), 6);
    /* A clone of an open file is not open. */
    expect_u32(ask(&r, TWALK, "ddw", 1, 2, 0), 0);
    expect_u32(ask(&r, TREAD, "dqd", 2, UINT64_C(0), 10), EBADF);
    expect_u32(ask(&r, TCLUNK, "d", 1), 0);
    expect_u32(ask(&r, TREAD, "dqd", 1, UINT64_C(0), 10), EBADF);
    expect_u32(p9_rig_open(&r, 3, "d", 0), 0);
    expect_u32(ask(&r, TREAD, "dqd", 3, UINT64_C(0), 10), EISDIR);
    p9_rig_fini(&r);
}

static void data_go_where_the_pieces_are(void)
{
    struct p9_rig r;
    uint8_t a[5], b[8], c[40];
    p9_rig_init(&r, true);
    expect_u32(p9_rig_open(&r, 1, "f", 2), 0);
    p9_rig_begin(&r, TREAD);
    p9_rig_put(&r, "\1\0\0\0\0\0\0\0\0\0\0\0\x64\0\0\0", 16);
    le32_put(r.req, r.req_len);
    const struct iovec req[] = {
        {r.req,     3             },
        {r.req + 3, r.req_len - 3U}
    };
    const struct iovec rep[] = {
        {a, sizeof a},
        {b, sizeof b},
        {c, sizeof c}
    };
    expect_u32(p9_serve(r.p9, req, 2, rep, 3), 17);
    expect_true(!memcmp(b + 6, "in", 2) && !memcmp(c, "side", 4));
    /* A write whose data begin inside a piece and go on in the next. */
    p9_rig_begin(&r, TWRITE);
    p9_rig_put(&r, "\1\0\0\0\2\0\0\0\0\0\0\0\4\0\0\0WXYZ", 20);
    le32_put(r.req, r.req_len);
    const struct iovec parts[] = {
        {r.req,      10},
        {r.req + 10, 15},
        {r.req + 25, 2 }
    };
    expect_u32(p9_serve(r.p9, parts, 3, rep, 3), 11);
    expect_u32(b[2], 4); /* byte 7 of the reply */
    p9_rig_expect(&r, "share/f", "inWXYZ");
    p9_rig_fini(&r);
}

static unsigned dir_names(struct p9_rig *r, uint32_t fid, uint32_t count, unsigned *rounds)
{
    uint64_t off = 0;
    unsigned n = 0;
    for (*rounds = 0;; ++*rounds) {
        expect_u32(ask(r, TREADDIR, "dqd", fid, off, count), 0);
        uint32_t len = (uint32_t)got(r, 4);
        expect_true(len <= count && r->rep_len == 11 + len);
        if (!len)
            return n;
        while (r->at < r->rep_len) {
            skip(r, 13);
            off = got(r, 8);
            skip(r, 1);
            uint32_t name = (uint32_t)got(r, 2);
            r->at += name;
            n++;
        }
    }
}

static void folders_are_listed_in_parts(void)
{
    struct p9_rig r;
    unsigned rounds;
    char name[20];
    p9_rig_init(&r, false);
    char dir[100];
    snprintf(dir, sizeof dir, "%s/d", r.dir);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "file%u", i);
        p9_rig_file(dir, name, "");
    }
    expect_u32(p9_rig_open(&r, 1, "d", 0), 0);
    expect_u32(dir_names(&r, 1, 8192 - 11, &rounds), 503); /* with ".", ".." and "g" */
    expect_true(rounds > 1);
    expect_u32(dir_names(&r, 1, 100, &rounds), 503);
    expect_true(rounds > 150);
    expect_u32(ask(&r, TREADDIR, "dqd", 1, UINT64_C(0), 20), EINVAL); /* not room for one */
    expect_u32(p9_rig_open(&r, 2, "f", 0), 0);
    expect_u32(ask(&r, TREADDIR, "dqd", 2, UINT64_C(0), 100), ENOTDIR);
    p9_rig_fini(&r);
}

static void above_the_root_is_nothing(void) /* ".." of the root has the root's own number */
{
    struct p9_rig r;
    struct stat st;
    p9_rig_init(&r, false);
    expect_true(!stat(r.dir, &st));
    expect_u32(ask(&r, TWALK, "ddw", 0, 1, 0), 0);
    expect_u32(ask(&r, TLOPEN, "dd", 1, 0200000), 0);
    expect_u32(ask(&r, TREADDIR, "dqd", 1, UINT64_C(0), 4000), 0);
    unsigned seen = 0;
    for (skip(&r, 4); r.at < r.rep_len;) {
        skip(&r, 5);
        uint64_t ino = got(&r, 8);
        skip(&r, 8);
        skip(&r, 1);
        uint32_t len = (uint32_t)got(&r, 2);
        if (len == 2 && !memcmp(r.rep + r.at, "..", 2)) {
            expect_u64(ino, st.st_ino);
            seen++;
        }
        r.at += len;
    }
    expect_u32(seen, 1);
    p9_rig_fini(&r);
}

static void a_folder_is_changed(void)
{
    struct p9_rig r;
    char text[201];
    p9_rig_init(&r, true);
    /* create, write, append, read */
    expect_u32(ask(&r, TWALK, "ddw", 0, 1, 0), 0);
    expect_u32(ask(&r, TLCREATE, "dsddd", 1, "new", 0102, 0640, 0), 0);
    expect_u32(p9_rig_write(&r, 1, 0, "one"), 0);
    expect_u32(ask(&r, TFSYNC, "dd", 1, 0), 0);
    expect_u32(ask(&r, TFSYNC, "d", 1), 0); /* older clients send no datasync */
    expect_u32(p9_rig_read(&r, 1, 0, text), 0);
    expect_text(text, "one");
    expect_u32(p9_rig_open(&r, 2, "new", 02001), 0); /* O_WRONLY | O_APPEND */
    expect_u32(p9_rig_write(&r, 2, 0, "two"), 0);
    p9_rig_expect(&r, "share/new", "onetwo");
    expect_u32(p9_rig_read(&r, 2, 0, text), EBADF);
    expect_u32(ask(&r, TCLUNK, "d", 2), 0);
    expect_u32(p9_rig_open(&r, 2, "new", 01001), 0); /* O_WRONLY | O_TRUNC */
    p9_rig_expect(&r, "share/new", "");
    /* without EXCL what is there is opened, with it it is refused */
    expect_u32(ask(&r, TWALK, "ddw", 0, 3, 0), 0);
    expect_u32(ask(&r, TLCREATE, "dsddd", 3, "f", 0302, 0640, 0), EEXIST);
    expect_u32(ask(&r, TLCREATE, "dsddd", 3, "f", 0102, 0640, 0), 0);
    expect_u32(p9_rig_read(&r, 3, 0, text), 0);
    expect_text(text, "inside");
    /* folders, links, renames, removal */
    expect_u32(ask(&r, TMKDIR, "dsdd", 0, "dir", 0750, 0), 0);
    expect_u32(got(&r, 1), 0x80);
    expect_u32(ask(&r, TMKNOD, "dsdddd", 0, "node", 0100600, 0, 0, 0), 0);
    expect_u32(ask(&r, TSYMLINK, "dssd", 0, "sym", "../../anything", 0), 0);
    expect_u32(got(&r, 1), 2); /* QTSYMLINK */
    expect_u32(p9_rig_walk(&r, 0, 4, "sym"), 0);
    expect_u32(ask(&r, TREADLINK, "d", 4), 0);
    expect_u32(got(&r, 2), 14);
    expect_true(!memcmp(r.rep + r.at, "../../anything", 14));
    expect_u32(ask(&r, TREADLINK, "d", 3), EINVAL);
    expect_u32(p9_rig_walk(&r, 0, 5, "dir"), 0);
    expect_u32(ask(&r, TLINK, "dds", 5, 3, "hard"), 0);
    expect_u32(ask(&r, TLINK, "dds", 5, 4, "hardsym"), 0);
    p9_rig_expect(&r, "share/dir/hard", "inside");
    expect_u32(ask(&r, TLINK, "dds", 0, 5, "harddir"), EPERM);
    expect_u32(ask(&r, TRENAMEAT, "dsds", 0, "node", 5, "moved"), 0);
    p9_rig_expect(&r, "share/dir/moved", "");
    expect_u32(ask(&r, TUNLINKAT, "dsd", 0, "dir", 0x200), ENOTEMPTY);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 0, "dir", 0), EISDIR);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 0, "f", 0x200), ENOTDIR);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 0, "f", 1), EINVAL);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 5, "hard", 0), 0);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 5, "hardsym", 0), 0);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 5, "moved", 0), 0);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 0, "dir", 0x200), 0);
    expect_u32(ask(&r, TMKDIR, "dsdd", 5, "x", 0755, 0), ENOENT); /* it is held, and gone */
    p9_rig_expect(&r, "share/f", "inside");
    p9_rig_fini(&r);
}

static void by_fid_means_where_it_was_walked_to(void) /* Trename, Tremove */
{
    struct p9_rig r;
    char path[160], to[160];
    p9_rig_init(&r, true);
    expect_u32(ask(&r, TWALK, "ddwss", 0, 1, 2, "d", "g"), 0);
    expect_u32(ask(&r, TRENAME, "dds", 1, 0, "h"), 0);
    p9_rig_expect(&r, "share/h", "deeper");
    expect_u32(ask(&r, TREMOVE, "d", 1), 0);
    p9_rig_expect(&r, "share/h", NULL);
    expect_u32(ask(&r, TCLUNK, "d", 1), EBADF); /* gone by Tremove */
    /* Another file is there by now: it is not taken for this one. */
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    snprintf(path, sizeof path, "%s/f", r.dir);
    snprintf(to, sizeof to, "%s/old", r.dir);
    expect_true(!rename(path, to));
    p9_rig_file(r.dir, "f", "another");
    expect_u32(ask(&r, TRENAME, "dds", 1, 0, "x"), ESTALE);
    expect_u32(ask(&r, TREMOVE, "d", 1), ESTALE);
    expect_u32(ask(&r, TCLUNK, "d", 1), EBADF); /* also when it failed: remove(5) */
    p9_rig_expect(&r, "share/f", "another");
    expect_u32(ask(&r, TWALK, "ddw", 0, 2, 0), 0);
    expect_u32(ask(&r, TRENAME, "dds", 2, 0, "x"), EBUSY);
    expect_u32(p9_rig_walk(&r, 0, 3, "d"), 0);
    expect_u32(ask(&r, TREMOVE, "d", 3), 0);
    p9_rig_fini(&r);
}

/* fid, valid, mode, uid, gid, size, atime, mtime */
static unsigned set(struct p9_rig *r, uint32_t fid, uint32_t valid, uint32_t mode, uint64_t size,
                    uint64_t atime, uint64_t mtime)
{
    return ask(r, TSETATTR, "dddddqqqqq", fid, valid, mode, getuid(), getgid(), size, atime,
               UINT64_C(5), mtime, UINT64_C(6));
}

static void attributes_are_set(void)
{
    struct p9_rig r;
    struct stat st;
    char path[160];
    p9_rig_init(&r, true);
    snprintf(path, sizeof path, "%s/f", r.dir);
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    expect_u32(set(&r, 1, 1, 0600, 0, 0, 0), 0);
    expect_u32(set(&r, 1, 8, 0, 3, 0, 0), 0);
    p9_rig_expect(&r, "share/f", "ins");
    expect_u32(set(&r, 1, 0x10 | 0x80 | 0x20 | 0x100, 0, 0, 1000, 2000), 0);
    expect_true(!stat(path, &st));
    expect_u32(st.st_mode, 0100600);
    expect_u64(st.st_atim.tv_sec, 1000);
    expect_u64(st.st_atim.tv_nsec, 5);
    expect_u64(st.st_mtim.tv_sec, 2000);
    expect_u32(set(&r, 1, 0x10 | 0x80, 0, 0, 3000, 9), 0); /* one of them alone */
    expect_true(!stat(path, &st));
    expect_u64(st.st_atim.tv_sec, 3000);
    expect_u64(st.st_mtim.tv_sec, 2000);
    expect_u32(set(&r, 1, 0x20, 0, 0, 0, 0), 0); /* now */
    expect_true(!stat(path, &st));
    expect_true(st.st_mtim.tv_sec > 2000);
    expect_u32(set(&r, 1, 2 | 4, 0, 0, 0, 0), 0); /* the owner it has */
    expect_u32(set(&r, 1, 8, 0, UINT64_MAX, 0, 0), EFBIG);
    /* A link's times are its own. */
    expect_u32(p9_rig_walk(&r, 0, 2, "rel"), 0);
    expect_u32(set(&r, 2, 0x20 | 0x100, 0, 0, 0, 4000), 0);
    snprintf(path, sizeof path, "%s/rel", r.dir);
    expect_true(!lstat(path, &st));
    expect_u64(st.st_mtim.tv_sec, 4000);
    expect_u32(set(&r, 2, 1, 0777, 0, 0, 0), EPERM);
    expect_u32(set(&r, 2, 8, 0, 0, 0, 0), EPERM);
    expect_u32(set(&r, 0, 8, 0, 0, 0, 0), EISDIR);
    expect_u32(set(&r, 0, 1, 02755, 0, 0, 0), 0); /* of a folder it is harmless */
    p9_rig_fini(&r);
}

static void set_uid_is_refused(void) /* vmm/p9.h: no programs of the host's user */
{
    struct p9_rig r;
    p9_rig_init(&r, true);
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    expect_u32(set(&r, 1, 1, 04755, 0, 0, 0), EPERM);
    expect_u32(set(&r, 1, 1, 02755, 0, 0, 0), EPERM);
    expect_u32(ask(&r, TWALK, "ddw", 0, 2, 0), 0);
    expect_u32(ask(&r, TLCREATE, "dsddd", 2, "s", 0102, 04755, 0), EPERM);
    expect_u32(ask(&r, TMKNOD, "dsdddd", 0, "s", 0104755, 0, 0, 0), EPERM);
    p9_rig_expect(&r, "share/s", NULL);
    p9_rig_fini(&r);
}

static void locks_are_the_hosts(void)
{
    struct p9_rig r;
    p9_rig_init(&r, true);
    expect_u32(p9_rig_open(&r, 1, "f", 2), 0);
    expect_u32(p9_rig_open(&r, 2, "f", 2), 0);
    enum { RD, WR, UN };
    expect_u32(ask(&r, TLOCK, "dbdqqds", 1, WR, 0, UINT64_C(0), UINT64_C(10), 1, "c"), 0);
    expect_u32(got(&r, 1), 0);
    expect_u32(ask(&r, TLOCK, "dbdqqds", 2, RD, 1, UINT64_C(5), UINT64_C(0), 1, "c"), 0);
    expect_u32(got(&r, 1), 1); /* BLOCKED */
    expect_u32(ask(&r, TGETLOCK, "dbqqds", 2, RD, UINT64_C(5), UINT64_C(0), 1, "c"), 0);
    expect_u32(got(&r, 1), WR);
    expect_u64(got(&r, 8), 0);
    expect_u64(got(&r, 8), 10);
    expect_u32(ask(&r, TGETLOCK, "dbqqds", 2, RD, UINT64_C(20), UINT64_C(3), 9, "me"), 0);
    expect_u32(got(&r, 1), UN);
    expect_u64(got(&r, 8), 20);
    expect_u64(got(&r, 8), 3);
    expect_u32(got(&r, 4), 9);
    expect_u32(got(&r, 2), 2);
    expect_u32(ask(&r, TCLUNK, "d", 1), 0); /* and its locks with it */
    expect_u32(ask(&r, TLOCK, "dbdqqds", 2, WR, 0, UINT64_C(0), UINT64_C(0), 1, "c"), 0);
    expect_u32(got(&r, 1), 0);
    expect_u32(ask(&r, TLOCK, "dbdqqds", 2, 3, 0, UINT64_C(0), UINT64_C(0), 1, "c"), EINVAL);
    expect_u32(ask(&r, TLOCK, "dbdqqds", 2, 0, 0, UINT64_MAX, UINT64_C(0), 1, "c"), EINVAL);
    p9_rig_fini(&r);
}

static void read_only_means_it(void) /* each message that changes something: EROFS */
{
    struct p9_rig r;
    p9_rig_init(&r, false);
    expect_u32(p9_rig_walk(&r, 0, 1, "f"), 0);
    for (uint32_t flags = 1; flags < 3; flags++)
        expect_u32(ask(&r, TLOPEN, "dd", 1, flags), EROFS);
    expect_u32(ask(&r, TLOPEN, "dd", 1, 01000), EROFS); /* O_RDONLY | O_TRUNC */
    expect_u32(ask(&r, TLOPEN, "dd", 1, 3), EINVAL);
    expect_u32(ask(&r, TLOPEN, "dd", 1, 0), 0);
    expect_u32(p9_rig_write(&r, 1, 0, "x"), EROFS);
    expect_u32(ask(&r, TLCREATE, "dsddd", 0, "x", 0102, 0644, 0), EROFS);
    expect_u32(ask(&r, TLCREATE, "dsddd", 0, "f", 0, 0644, 0), EROFS);
    expect_u32(ask(&r, TMKDIR, "dsdd", 0, "x", 0755, 0), EROFS);
    expect_u32(ask(&r, TSYMLINK, "dssd", 0, "x", "f", 0), EROFS);
    expect_u32(ask(&r, TMKNOD, "dsdddd", 0, "x", 0100644, 0, 0, 0), EROFS);
    expect_u32(ask(&r, TLINK, "dds", 0, 1, "x"), EROFS);
    expect_u32(ask(&r, TRENAME, "dds", 1, 0, "x"), EROFS);
    expect_u32(ask(&r, TRENAMEAT, "dsds", 0, "f", 0, "x"), EROFS);
    expect_u32(ask(&r, TUNLINKAT, "dsd", 0, "f", 0), EROFS);
    expect_u32(set(&r, 1, 1, 0600, 0, 0, 0), EROFS);
    expect_u32(ask(&r, TREMOVE, "d", 1), EROFS);
    p9_rig_expect(&r, "share/f", "inside");
    p9_rig_expect(&r, "share/x", NULL);
    p9_rig_fini(&r);
}

static void sizes_are_checked(void)
{
    struct p9_rig r;
    p9_rig_init(&r, true);
    /* Less than a header is no message. */
    for (r.req_len = 0; r.req_len < 7; r.req_len++)
        expect_u32(p9_rig_send(&r), 0);
    /* Every message cut off at every byte, with a size field that says so: an error, or what is
     * left happens to be whole. */
    static const uint8_t types[] = {8,   12,  14,  16,  18,  20,  22,  24, 26, 30,
                                    32,  40,  50,  52,  54,  70,  72,  74, 76, 102,
                                    104, 108, 110, 116, 118, 120, 122, 200};
    for (unsigned t = 0; t < sizeof types; t++)
        for (uint32_t len = 7; len < 80; len++) {
            memset(r.req, 0xff, sizeof r.req);
            r.req_len = len;
            le32_put(r.req, len);
            r.req[4] = types[t];
            unsigned type = p9_rig_send(&r);
            expect_true(type == RLERROR || types[t] == TFLUSH);
        }
    /* A size that is more than came, less than a header, more than msize. */
    static const uint32_t sizes[] = {0, 6, 20, 9000, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        p9_rig_begin(&r, TCLUNK);
        p9_rig_put(&r, &(uint32_t){0}, 4);
        le32_put(r.req, sizes[i]);
        expect_u32(p9_rig_send(&r), RLERROR);
        expect_u32(got(&r, 4), EMSGSIZE);
    }
    r.req_len = 9000;
    le32_put(r.req, 9000);
    expect_u32(p9_rig_send(&r), RLERROR);
    expect_u32(got(&r, 4), EMSGSIZE);
    /* A Twrite that says it has more data than it has. */
    expect_u32(p9_rig_open(&r, 1, "f", 1), 0);
    expect_u32(ask(&r, TWRITE, "dqd", 1, UINT64_C(0), 1), EPROTO);
    expect_u32(ask(&r, TWRITE, "dqd", 1, UINT64_C(0), UINT32_MAX), EPROTO);
    expect_u32(ask(&r, TWRITE, "dqd", 1, UINT64_C(0), 0), 0);
    p9_rig_expect(&r, "share/f", "inside");
    p9_rig_fini(&r);
}

static void replies_stay_in_their_room(void)
{
    struct p9_rig r;
    p9_rig_init(&r, false);
    expect_u32(p9_rig_open(&r, 1, "f", 0), 0);
    for (r.rep_room = 0; r.rep_room < 170; r.rep_room++) {
        p9_rig_begin(&r, TGETATTR);
        p9_rig_put(&r, "\1\0\0\0\xff\7\0\0\0\0\0\0", 12);
        le32_put(r.req, r.req_len);
        unsigned type = p9_rig_send(&r);
        expect_u32(type, r.rep_room < 11 ? 0 : r.rep_room < 160 ? RLERROR : TGETATTR + 1);
        expect_u32(r.rep[r.rep_room], 0xee);
    }
    for (r.rep_room = 11; r.rep_room < 20; r.rep_room++) { /* reads give what there is room for */
        expect_u32(ask(&r, TREAD, "dqd", 1, UINT64_C(0), 100), 0);
        expect_u32(r.rep_len, MIN(r.rep_room, 17));
        expect_u32(r.rep[r.rep_room], 0xee);
    }
    r.rep_room = sizeof r.rep;
    p9_rig_fini(&r);
}

static void files_held_are_bounded(void) /* by the limit of descriptors: EMFILE, and on it goes */
{
    struct p9_rig r;
    p9_rig_tree(&r);
    pid_t pid = fork();
    if (!pid) {
        const struct rlimit few = {200, 200};
        struct err err;
        uint32_t n = 1;
        if (setrlimit(RLIMIT_NOFILE, &few) || p9_new(&r.p9, r.dir, true, &err))
            _exit(1);
        p9_rig_session(&r);
        while (n < 1000 && !p9_rig_walk(&r, 0, n, "f"))
            n++;
        bool ok = n > 100 && n < 140 && p9_rig_walk(&r, 0, n, "f") == EMFILE &&
                  ask(&r, TLCREATE, "dsddd", 0, "none", 0102, 0644, 0) == EMFILE;
        int spare = open("/dev/null", O_RDONLY); /* some are left to others */
        ok = ok && spare >= 0 && !ask(&r, TCLUNK, "d", 5) && !p9_rig_walk(&r, 0, 5, "f");
        p9_free(r.p9);
        _exit(ok && !tap_failed ? 0 : 2);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    expect_u32(status, 0);
    r.p9 = NULL;
    p9_rig_fini(&r);
}

static void a_folder_that_is_not_there(void)
{
    struct p9 *p9;
    struct err err;
    expect_u64(p9_new(&p9, "/nonexistent/x", false, &err), -ENOENT);
    expect_u32(err.kind, ERR_FILE);
    expect_text(err.text, "/nonexistent/x");
    expect_u64(p9_new(&p9, "/dev/null", false, &err), -ENOTDIR);
    expect_text(err.text, "/dev/null");
}

static const struct tap_test tests[] = {
    TAP_TEST(version_agrees_on_a_size),
    TAP_TEST(version_ends_the_session),
    TAP_TEST(attach_gives_the_root),
    TAP_TEST(walk_goes_name_by_name),
    TAP_TEST(names_are_single_steps),
    TAP_TEST(attributes_are_the_hosts),
    TAP_TEST(files_are_read),
    TAP_TEST(data_go_where_the_pieces_are),
    TAP_TEST(folders_are_listed_in_parts),
    TAP_TEST(above_the_root_is_nothing),
    TAP_TEST(a_folder_is_changed),
    TAP_TEST(by_fid_means_where_it_was_walked_to),
    TAP_TEST(attributes_are_set),
    TAP_TEST(set_uid_is_refused),
    TAP_TEST(locks_are_the_hosts),
    TAP_TEST(read_only_means_it),
    TAP_TEST(sizes_are_checked),
    TAP_TEST(replies_stay_in_their_room),
    TAP_TEST(files_held_are_bounded),
    TAP_TEST(a_folder_that_is_not_there),
};

TAP_MAIN(tests)
