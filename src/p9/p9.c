// SPDX-License-Identifier: MIT
/*
 * p9.c - 9P2000.L: messages taken apart and answered, the session.
 *
 * A request's fields are checked by one table before its handler runs: strings hold no NUL, names
 * no
 * '/' and are neither "." nor "..", files are known, and nothing changes a folder that is
 * read-only. Not there: authentication, extended attributes (EOPNOTSUPP), legacy messages of 9P2000
 * and 9P2000.u. Requests are done one after the other, so that a Tflush finds nothing to end.
 */
#include "p9_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- fields ---- */

static int p9_take(struct p9 *p, struct p9_call *c, unsigned bytes, uint64_t *val)
{
    if (c->end - c->at < bytes)
        return -EPROTO;
    *val = 0;
    memcpy(val, p->in + c->at, bytes);
    c->at += bytes;
    return 0;
}

/* A string becomes one of C's in place: moved over its length's first byte, which leaves room for
 * the NUL. */
static int p9_take_text(struct p9 *p, struct p9_call *c, const char **text)
{
    uint64_t len;
    if (p9_take(p, c, 2, &len) || c->end - c->at < len)
        return -EPROTO;
    char *s = (char *)p->in + c->at - 1;
    memmove(s, s + 1, len);
    s[len] = '\0';
    c->at += (uint32_t)len;
    *text = s;
    return memchr(s, 0, len) ? -EINVAL : 0;
}

int p9_take_name(struct p9 *p, struct p9_call *c, const char **name)
{
    int rc = p9_take_text(p, c, name);
    if (rc)
        return rc;
    const char *s = *name;
    if (!*s || !strcmp(s, ".") || !strcmp(s, "..") || strchr(s, '/'))
        return -EINVAL;
    return strlen(s) > P9_NAME_MAX ? -ENAMETOOLONG : 0;
}

/*
 * The fields of a request. b, w, d, q: a number of 1, 2, 4, 8 bytes. f: the number of a file that
 * is known; o: and open. s: a string. n: a name. ?: what follows may be missing, and is 0.
 */
static int p9_fields(struct p9 *p, struct p9_call *c, const char *fields)
{
    int rc = 0;
    bool may_end = false;
    for (unsigned i = 0; *fields && !rc; fields++) {
        struct p9_arg *a = &c->a[i];
        switch (*fields) {
        case '?':
            may_end = true;
            continue;
        case 's':
            rc = p9_take_text(p, c, &a->s);
            break;
        case 'n':
            rc = p9_take_name(p, c, &a->s);
            break;
        case 'f':
        case 'o':
            rc = p9_take(p, c, 4, &a->n);
            a->fid = rc ? NULL : p9_fid_find(p, (uint32_t)a->n);
            if (!rc && (!a->fid || (*fields == 'o' && !a->fid->open)))
                rc = -EBADF;
            break;
        default:
            if (may_end && c->at == c->end)
                break;
            rc = p9_take(p, c,
                         *fields == 'q'   ? 8
                         : *fields == 'd' ? 4
                         : *fields == 'w' ? 2
                                          : 1,
                         &a->n);
        }
        i++;
    }
    return rc;
}

/* ---- replies ---- */

void p9_put(struct p9 *p, struct p9_call *c, uint64_t val, unsigned bytes)
{
    memcpy(p->out + c->out, &val, bytes);
    c->out += bytes;
}

void p9_put_text(struct p9 *p, struct p9_call *c, const char *text, size_t len)
{
    p9_put(p, c, len, 2);
    memcpy(p->out + c->out, text, len);
    c->out += (uint32_t)len;
}

/* type[1] version[4] path[8]. A file system may give its files other device numbers than its root
 * has (btrfs, overlayfs), and the same number in two of them is two files. */
void p9_qid(const struct p9 *p, const struct stat *st, uint8_t qid[static P9_QID])
{
    qid[0] = S_ISDIR(st->st_mode) ? 0x80 : S_ISLNK(st->st_mode) ? 0x02 : 0;
    uint64_t changed = (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec;
    le32_put(qid + 1, (uint32_t)(changed ^ changed >> 32));
    le64_put(qid + 5, st->st_ino ^ (uint64_t)(st->st_dev ^ p->dev) << 40);
}

void p9_put_qid(struct p9 *p, struct p9_call *c, const struct stat *st)
{
    p9_qid(p, st, p->out + c->out);
    c->out += P9_QID;
}

/* ---- messages ---- */

static int p9_flush(struct p9 *p, struct p9_call *c)
{
    (void)p, (void)c; /* what it would end has been answered */
    return 0;
}

static int p9_none(struct p9 *p, struct p9_call *c)
{
    (void)p, (void)c;
    return -EOPNOTSUPP;
}

enum { P9_LOOKS, P9_EDITS };

#define P9_TVERSION 100u
#define P9_TWRITE   118u
#define P9_RLERROR  7u
#define P9_WRITE_AT 23u /* where the data of a Twrite begin */

/* columns: type, fields behind the tag, whether it changes the folder, handler */
static const struct {
    uint8_t type;
    const char *fields;
    int edits;
    p9_fn *fn;
} p9_messages[] = {
    {8,           "f",          P9_LOOKS, p9_statfs  }, /* fid */
    {12,          "fd",         P9_LOOKS, p9_lopen   }, /* fid flags */
    {14,          "fnddd",      P9_EDITS, p9_lcreate }, /* fid name flags mode gid */
    {16,          "fnsd",       P9_EDITS, p9_symlink }, /* dfid name target gid */
    {18,          "fndddd",     P9_EDITS, p9_mknod   }, /* dfid name mode major minor gid */
    {20,          "ffn",        P9_EDITS, p9_rename  }, /* fid dfid name */
    {22,          "f",          P9_LOOKS, p9_readlink}, /* fid */
    {24,          "fq",         P9_LOOKS, p9_getattr }, /* fid mask */
    {26,          "fddddqqqqq", P9_EDITS, p9_setattr },
    {30,          "",           P9_LOOKS, p9_none    }, /* Txattrwalk */
    {32,          "",           P9_EDITS, p9_none    }, /* Txattrcreate */
    {40,          "oqd",        P9_LOOKS, p9_readdir }, /* fid offset count */
    {50,          "o?d",        P9_LOOKS, p9_fsync   }, /* fid datasync */
    {52,          "obdqqds",    P9_LOOKS, p9_lock    }, /* fid type flags start len pid client */
    {54,          "obqqds",     P9_LOOKS, p9_getlock }, /* fid type start len pid client */
    {70,          "ffn",        P9_EDITS, p9_link    }, /* dfid fid name */
    {72,          "fndd",       P9_EDITS, p9_mkdir   }, /* dfid name mode gid */
    {74,          "fnfn",       P9_EDITS, p9_renameat}, /* olddirfid oldname newdirfid newname */
    {76,          "fnd",        P9_EDITS, p9_unlinkat}, /* dirfid name flags */
    {P9_TVERSION, "ds",         P9_LOOKS, p9_version }, /* msize version */
    {102,         "",           P9_LOOKS, p9_none    }, /* Tauth */
    {104,         "ddss?d",     P9_LOOKS, p9_attach  }, /* fid afid uname aname n_uname */
    {108,         "w",          P9_LOOKS, p9_flush   }, /* oldtag */
    {110,         "fdw",        P9_LOOKS, p9_walk    }, /* fid newfid nwname, then names */
    {116,         "oqd",        P9_LOOKS, p9_read    }, /* fid offset count */
    {P9_TWRITE,   "oqd",        P9_EDITS, p9_write   }, /* fid offset count, then data */
    {120,         "f",          P9_LOOKS, p9_clunk   }, /* fid */
    {122,         "f",          P9_EDITS, p9_remove  }, /* fid */
};

static int p9_do(struct p9 *p, struct p9_call *c, unsigned type)
{
    if (!p->msize && type != P9_TVERSION)
        return -EPROTO;
    for (unsigned i = 0; i < ARRAY_LEN(p9_messages); i++) {
        if (p9_messages[i].type != type)
            continue;
        int rc = p9_fields(p, c, p9_messages[i].fields);
        if (!rc && p9_messages[i].edits == P9_EDITS && !p->rw)
            rc = -EROFS;
        return rc ? rc : p9_messages[i].fn(p, c);
    }
    return -EOPNOTSUPP;
}

uint32_t p9_serve(struct p9 *p, const struct iovec *req, unsigned n_req, const struct iovec *rep,
                  unsigned n_rep)
{
    struct p9_call c = {
        .req = req,
        .n_req = n_req,
        .rep = rep,
        .n_rep = n_rep,
        .room = MIN(iov_len(rep, n_rep), p->msize ? p->msize : P9_MSIZE_MIN),
        .at = P9_HEAD,
        .out = P9_HEAD,
    };
    c.end = (uint32_t)iov_get(req, n_req, 0, p->in, sizeof p->in);
    if (c.end < P9_HEAD || c.room < P9_ERROR)
        return 0;
    c.size = le32_get(p->in);
    unsigned type = p->in[4];
    uint16_t tag = le16_get(p->in + 5);
    int rc = 0;
    if (c.size < P9_HEAD || c.size > iov_len(req, n_req) || (p->msize && c.size > p->msize) ||
        (type != P9_TWRITE && c.size > c.end))
        rc = -EMSGSIZE;
    else if (type == P9_TWRITE) /* its data stay where they are */
        c.end = (uint32_t)MIN(c.size, P9_WRITE_AT);
    else
        c.end = c.size;
    rc = rc ? rc : p9_do(p, &c, type);
    if (!rc && c.out + (uint64_t)c.tail > c.room)
        rc = -EMSGSIZE;
    if (rc) {
        c.out = P9_HEAD;
        c.tail = 0;
        p9_put(p, &c, (uint64_t)-rc, 4);
        type = P9_RLERROR - 1;
    }
    le32_put(p->out, c.out + c.tail);
    p->out[4] = (uint8_t)(type + 1);
    le16_put(p->out + 5, tag);
    iov_put(rep, n_rep, 0, p->out, c.out);
    return c.out + c.tail;
}

/* ---- sessions ---- */

void p9_reset(struct p9 *p)
{
    p9_fids_free(p);
    p->msize = 0;
}

void p9_free(struct p9 *p)
{
    if (!p)
        return;
    p9_reset(p);
    if (p->proc >= 0)
        close(p->proc);
    if (p->root >= 0)
        close(p->root);
    free(p);
}

/* The soft limit becomes the hard one, as far as files of a client can use it. */
static int p9_raise_limit(void)
{
    enum { OTHERS = 64 };
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return OTHERS;
    rlim_t want = MIN(r.rlim_max, (rlim_t)(P9_FIDS_MAX + 1024));
    if (want > r.rlim_cur) {
        rlim_t was = r.rlim_cur;
        r.rlim_cur = want;
        if (setrlimit(RLIMIT_NOFILE, &r))
            r.rlim_cur = was;
    }
    rlim_t top = MIN(r.rlim_cur, (rlim_t)INT32_MAX);
    return (int)(top > 2 * OTHERS ? top - OTHERS : top / 2);
}

int p9_new(struct p9 **out, const char *path, bool rw, struct err *err)
{
    struct p9 *p = calloc(1, sizeof *p);
    if (!p)
        return err_sys(err, ENOMEM, "%s", path);
    p->rw = rw;
    p->proc = -1;
    p->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    int rc = 0;
    if (p->root < 0 || fstat(p->root, &st)) {
        rc = err_sys(err, errno, "%s", path);
        goto out;
    }
    p->dev = st.st_dev;
    p->ino = st.st_ino;
    p->fd_limit = p9_raise_limit();
    int probe = p9_at(p, p->root, ".", O_PATH | O_DIRECTORY, 0);
    if (probe < 0) {
        rc = err_sys(err, -probe,
                     "%s: to stay inside a folder takes openat2(2), which Linux has since 5.6",
                     path);
        goto out;
    }
    close(probe);
    p->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p->proc < 0) {
        rc = err_set(err, ERR_HOST, errno,
                     "%s: sharing a folder takes /proc, and /proc/self/fd does not open: %s", path,
                     strerror(errno));
        goto out;
    }
out:
    if (rc)
        p9_free(p);
    else
        *out = p;
    return rc;
}
