// SPDX-License-Identifier: MIT
/*
 * p9_rig.h - a 9P client under which the server stands: a folder with traps in and around it, and
 * messages written field by field.
 *
 * BASE/secret is outside; BASE/share is served: f ("inside"), d/g, links abs (/etc/passwd), up
 * (../secret), out (..), a FIFO, and where the test may make one, a device. Fid 0 is the root.
 */
#ifndef TESTS_UNIT_P9_RIG_H
#define TESTS_UNIT_P9_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"
#include "vmm/p9.h"

/* Types of requests; a reply's is one more (diod's protocol.md). */
enum {
    RLERROR = 7,
    TSTATFS = 8,
    TLOPEN = 12,
    TLCREATE = 14,
    TSYMLINK = 16,
    TMKNOD = 18,
    TRENAME = 20,
    TREADLINK = 22,
    TGETATTR = 24,
    TSETATTR = 26,
    TXATTRWALK = 30,
    TREADDIR = 40,
    TFSYNC = 50,
    TLOCK = 52,
    TGETLOCK = 54,
    TLINK = 70,
    TMKDIR = 72,
    TRENAMEAT = 74,
    TUNLINKAT = 76,
    TVERSION = 100,
    TAUTH = 102,
    TATTACH = 104,
    TFLUSH = 108,
    TWALK = 110,
    TREAD = 116,
    TWRITE = 118,
    TCLUNK = 120,
    TREMOVE = 122,
};

#define NOFID UINT32_MAX
#define TAG   0x1234u

struct p9_rig {
    char base[64], dir[80];
    struct p9 *p9;
    uint8_t req[KIB(16)], rep[KIB(16)];
    uint32_t req_len, rep_len, rep_room;
    uint32_t at; /* of the reply, what is read next */
};

static inline void p9_rig_file(const char *dir, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
    expect_true(f != NULL);
}

/* The host's file `name` (below the base) has these contents; NULL: there is none. */
static inline void p9_rig_expect(struct p9_rig *r, const char *name, const char *text)
{
    char path[160], got[256] = "";
    snprintf(path, sizeof path, "%s/%s", r->base, name);
    FILE *f = fopen(path, "r");
    if (f) {
        got[fread(got, 1, sizeof got - 1, f)] = '\0';
        fclose(f);
    }
    expect_true((f != NULL) == (text != NULL));
    if (text && strcmp(got, text) != 0)
        expect_text(got, text);
}

static inline void p9_rig_put(struct p9_rig *r, const void *p, size_t len)
{
    if (r->req_len + len <= sizeof r->req)
        memcpy(r->req + r->req_len, p, len);
    r->req_len += (uint32_t)len;
}

/* Send r->req as it is; the reply's type, 0 when there is none. */
static inline unsigned p9_rig_send(struct p9_rig *r)
{
    const struct iovec req = {r->req, r->req_len}, rep = {r->rep, r->rep_room};
    memset(r->rep, 0xee, sizeof r->rep);
    r->rep_len = p9_serve(r->p9, &req, 1, &rep, 1);
    r->at = 7;
    if (!r->rep_len)
        return 0;
    expect_u32(le32_get(r->rep), r->rep_len);
    return r->rep[4];
}

static inline void p9_rig_begin(struct p9_rig *r, unsigned type)
{
    r->req_len = 0;
    p9_rig_put(r, &(uint32_t){0}, 4);
    p9_rig_put(r, &(uint8_t){(uint8_t)type}, 1);
    p9_rig_put(r, &(uint16_t){TAG}, 2);
}

/* Fields: b, w, d (int) and q (uint64_t) are numbers, s a string. Returns 0, or the error that came
 * back, positive. */
static inline unsigned ask(struct p9_rig *r, unsigned type, const char *fields, ...)
{
    va_list ap;
    va_start(ap, fields);
    p9_rig_begin(r, type);
    for (; *fields; fields++) {
        if (*fields == 's') {
            const char *s = va_arg(ap, const char *);
            uint16_t len = (uint16_t)strlen(s);
            p9_rig_put(r, &len, 2);
            p9_rig_put(r, s, len);
        } else if (*fields == 'q') {
            uint64_t v = va_arg(ap, uint64_t);
            p9_rig_put(r, &v, 8);
        } else {
            uint32_t v = va_arg(ap, uint32_t);
            p9_rig_put(r, &v, *fields == 'd' ? 4 : *fields == 'w' ? 2 : 1);
        }
    }
    va_end(ap);
    le32_put(r->req, r->req_len);
    unsigned got = p9_rig_send(r);
    expect_u32(le16_get(r->rep + 5), TAG);
    if (got == RLERROR) {
        expect_u32(r->rep_len, 11);
        return le32_get(r->rep + 7);
    }
    expect_u32(got, type + 1);
    return 0;
}

static inline uint64_t got(struct p9_rig *r, unsigned bytes)
{
    uint64_t v = 0;
    expect_true(r->at + bytes <= r->rep_len);
    memcpy(&v, r->rep + r->at, bytes);
    r->at += bytes;
    return v;
}

static inline unsigned p9_rig_walk(struct p9_rig *r, uint32_t from, uint32_t to, const char *name)
{
    return ask(r, TWALK, "ddws", from, to, 1, name);
}

static inline void skip(struct p9_rig *r, unsigned bytes)
{
    expect_true(r->at + bytes <= r->rep_len);
    r->at += bytes;
}

/* Walk from the root to `name`, and open it. */
static inline unsigned p9_rig_open(struct p9_rig *r, uint32_t fid, const char *name, uint32_t flags)
{
    unsigned rc = p9_rig_walk(r, 0, fid, name);
    return rc ? rc : ask(r, TLOPEN, "dd", fid, flags);
}

/* Up to 200 bytes of an open file; the error, or 0. */
static inline unsigned p9_rig_read(struct p9_rig *r, uint32_t fid, uint64_t off, char text[201])
{
    unsigned rc = ask(r, TREAD, "dqd", fid, off, 200);
    *text = '\0';
    if (rc)
        return rc;
    uint32_t n = (uint32_t)got(r, 4);
    expect_u32(r->rep_len, 11 + n);
    memcpy(text, r->rep + 11, n);
    text[n] = '\0';
    return 0;
}

static inline unsigned p9_rig_write(struct p9_rig *r, uint32_t fid, uint64_t off, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    p9_rig_begin(r, TWRITE);
    p9_rig_put(r, &fid, 4);
    p9_rig_put(r, &off, 8);
    p9_rig_put(r, &len, 4);
    p9_rig_put(r, text, len);
    le32_put(r->req, r->req_len);
    if (p9_rig_send(r) == RLERROR)
        return le32_get(r->rep + 7);
    expect_u32(got(r, 4), len);
    return 0;
}

static inline void p9_rig_session(struct p9_rig *r)
{
    expect_u32(ask(r, TVERSION, "ds", 8192, "9P2000.L"), 0);
    expect_u32(ask(r, TATTACH, "ddssd", 0, NOFID, "root", "", 0), 0);
}

static inline void p9_rig_tree(struct p9_rig *r)
{
    char path[160];
    memset(r, 0, sizeof *r);
    r->rep_room = sizeof r->rep;
    strcpy(r->base, "/tmp/vibevmm-p9.XXXXXX");
    expect_true(mkdtemp(r->base) != NULL);
    p9_rig_file(r->base, "secret", "secret");
    snprintf(r->dir, sizeof r->dir, "%s/share", r->base);
    mkdir(r->dir, 0755);
    p9_rig_file(r->dir, "f", "inside");
    snprintf(path, sizeof path, "%s/d", r->dir);
    mkdir(path, 0755);
    p9_rig_file(path, "g", "deeper");
    static const char *const links[][2] = {
        {"/etc/passwd", "abs"},
        {"../secret",   "up" },
        {"..",          "out"},
        {"f",           "rel"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(links); i++) {
        snprintf(path, sizeof path, "%s/%s", r->dir, links[i][1]);
        expect_true(!symlink(links[i][0], path));
    }
    snprintf(path, sizeof path, "%s/fifo", r->dir);
    expect_true(!mkfifo(path, 0666));
    snprintf(path, sizeof path, "%s/dev", r->dir);
    (void)!mknod(path, S_IFCHR | 0666, (1 << 8) | 3); /* /dev/null; only root may */
}

static inline void p9_rig_init(struct p9_rig *r, bool rw)
{
    struct err err;
    p9_rig_tree(r);
    expect_u64(p9_new(&r->p9, r->dir, rw, &err), 0);
    p9_rig_session(r);
}

static inline void p9_rig_fini(struct p9_rig *r)
{
    char command[100];
    p9_free(r->p9);
    snprintf(command, sizeof command, "rm -rf %s", r->base);
    expect_u32(system(command), 0);
}

#endif
