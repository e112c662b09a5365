// SPDX-License-Identifier: MIT
/*
 * p9_io.c - 9P2000.L: files opened, read, written, locked.
 *
 * Only regular files and folders are ever opened. Locks are the host's own (open file descriptions,
 * fcntl(2)): they hold against other machines and programs of the host that use the same kind.
 */
#include "p9_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The protocol's own values for flags of open, those of Linux on x86; others have no meaning for
 * us. */
static const struct {
    uint32_t p9;
    int host;
} p9_flags[] = {
    {01000,    O_TRUNC },
    {02000,    O_APPEND},
    {010000,   O_DSYNC },
    {04000000, O_SYNC  },
};
#define P9_ACCMODE   3u
#define P9_EXCL      0200u
#define P9_DIRECTORY 0200000u

/* Host flags, or -errno. */
static int p9_open_flags(const struct p9 *p, uint32_t flags)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    if ((flags & P9_ACCMODE) >= ARRAY_LEN(modes))
        return -EINVAL;
    int host = modes[flags & P9_ACCMODE];
    for (unsigned i = 0; i < ARRAY_LEN(p9_flags); i++)
        host |= flags & p9_flags[i].p9 ? p9_flags[i].host : 0;
    return !p->rw && (host & (O_ACCMODE | O_TRUNC)) ? -EROFS : host;
}

/* `fid` is the file behind the open descriptor from here on. */
static int p9_opened(struct p9 *p, struct p9_call *c, struct p9_fid *fid, int fd)
{
    struct stat st;
    if (fstat(fd, &st)) {
        close(fd);
        return -errno;
    }
    close(fid->fd);
    fid->fd = fd;
    fid->type = st.st_mode & S_IFMT;
    fid->open = true;
    p9_put_qid(p, c, &st);
    p9_put(p, c, 0, 4); /* iounit: whatever msize allows */
    return 0;
}

int p9_lopen(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *fid = c->a[0].fid;
    int flags = p9_open_flags(p, (uint32_t)c->a[1].n);
    if (flags < 0)
        return flags;
    if (fid->open)
        return -EBUSY;
    if (!S_ISREG(fid->type) && !S_ISDIR(fid->type)) /* a device, a FIFO, a socket, a link */
        return S_ISLNK(fid->type) ? -ELOOP : -EPERM;
    if (c->a[1].n & P9_DIRECTORY && !S_ISDIR(fid->type))
        return -ENOTDIR;
    int fd = p9_reopen(p, fid->fd, flags);
    return fd < 0 ? fd : p9_opened(p, c, fid, fd);
}

/*
 * Opens a file that is there already unless EXCL says no: but by its descriptor, since it may be a
 * device.
 */
int p9_lcreate(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *fid = c->a[0].fid;
    const char *name = c->a[1].s;
    int flags = p9_open_flags(p, (uint32_t)c->a[2].n);
    mode_t mode = (mode_t)c->a[3].n & 07777;
    if (flags < 0)
        return flags;
    if (fid->open)
        return -EBUSY;
    if (mode & (S_ISUID | S_ISGID))
        return -EPERM;
    char *path;
    int rc = p9_path_join(fid->path, name, &path);
    if (rc)
        return rc;
    int fd = p9_at(p, fid->fd, name, flags | O_CREAT | O_EXCL | O_NONBLOCK | O_NOCTTY, mode);
    if (fd == -EEXIST && !(c->a[2].n & P9_EXCL)) {
        struct stat st;
        int there = p9_at(p, fid->fd, name, O_PATH, 0);
        if (there < 0)
            fd = there;
        else if (!fstat(there, &st) && S_ISREG(st.st_mode))
            fd = p9_reopen(p, there, flags);
        if (there >= 0)
            close(there);
    }
    rc = fd < 0 ? fd : p9_opened(p, c, fid, fd);
    if (rc) {
        free(path);
        return rc;
    }
    free(fid->path);
    fid->path = path;
    return 0;
}

/* Bytes of data a reply has room for behind count[4]. */
static uint64_t p9_data_room(const struct p9_call *c)
{
    return c->room - P9_HEAD - 4;
}

int p9_read(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *fid = c->a[0].fid;
    uint64_t want = MIN(c->a[2].n, p9_data_room(c));
    struct iovec iov[P9_IOV_MAX];
    if (!S_ISREG(fid->type))
        return -EISDIR;
    unsigned n = iov_slice(c->rep, c->n_rep, P9_HEAD + 4, want, iov);
    ssize_t got = n ? preadv(fid->fd, iov, (int)n, (off_t)c->a[1].n) : 0;
    if (got < 0)
        return -errno;
    c->tail = (uint32_t)got;
    p9_put(p, c, c->tail, 4);
    return 0;
}

int p9_write(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *fid = c->a[0].fid;
    struct iovec iov[P9_IOV_MAX];
    if (!S_ISREG(fid->type))
        return -EISDIR;
    if (c->a[2].n > c->size - c->at)
        return -EPROTO;
    unsigned n = iov_slice(c->req, c->n_req, c->at, c->a[2].n, iov);
    ssize_t put = n ? pwritev(fid->fd, iov, (int)n, (off_t)c->a[1].n) : 0;
    if (put < 0)
        return -errno;
    p9_put(p, c, (uint64_t)put, 4);
    return 0;
}

/* ---- folders ---- */

/* struct linux_dirent64, getdents64(2): ino[8] off[8] reclen[2] type[1] name */
enum { DIRENT_OFF = 8, DIRENT_RECLEN = 16, DIRENT_TYPE = 18, DIRENT_NAME = 19 };

#define P9_DIRENT_HEAD 24u /* qid[13] offset[8] type[1], the name's length[2] */

/* One entry of the host's as the protocol has it; returns its length. What is above the root is
 * nobody's business: there ".." is the root again. */
static uint32_t p9_dirent(const struct p9 *p, const struct stat *dir, const uint8_t *host,
                          uint8_t *out)
{
    const char *name = (const char *)host + DIRENT_NAME;
    size_t len = strlen(name);
    struct stat st = {.st_ino = le64_get(host), .st_dev = p->dev};
    st.st_mode = (mode_t)DTTOIF(host[DIRENT_TYPE]);
    if (!strcmp(name, "..") && dir->st_ino == p->ino && dir->st_dev == p->dev)
        st.st_ino = p->ino;
    p9_qid(p, &st, out);
    le64_put(out + P9_QID, le64_get(host + DIRENT_OFF));
    out[P9_QID + 8] = host[DIRENT_TYPE];
    le16_put(out + P9_QID + 9, (uint16_t)len);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): its length goes before it */
    memcpy(out + P9_DIRENT_HEAD, name, len);
    return P9_DIRENT_HEAD + (uint32_t)len;
}

/* The host's own positions are the protocol's: each request says from which on. */
int p9_readdir(struct p9 *p, struct p9_call *c)
{
    const struct p9_fid *fid = c->a[0].fid;
    uint64_t room = MIN(c->a[2].n, p9_data_room(c));
    _Alignas(8) uint8_t host[KIB(16)];
    uint8_t entry[P9_DIRENT_HEAD + P9_NAME_MAX + 1];
    struct stat dir;
    if (!S_ISDIR(fid->type))
        return -ENOTDIR;
    if (fstat(fid->fd, &dir) || lseek(fid->fd, (off_t)c->a[1].n, SEEK_SET) < 0)
        return -errno;
    for (bool full = false; !full;) {
        long got = syscall(SYS_getdents64, fid->fd, host, sizeof host);
        if (got < 0 && !c->tail)
            return -errno;
        if (got <= 0)
            break;
        for (long at = 0; at < got && !full; at += le16_get(host + at + DIRENT_RECLEN)) {
            uint32_t len = p9_dirent(p, &dir, host + at, entry);
            full = c->tail + len > room;
            if (!full) {
                iov_put(c->rep, c->n_rep, P9_HEAD + 4 + c->tail, entry, len);
                c->tail += len;
            } else if (!c->tail) {
                return -EINVAL; /* as getdents(2): not room for one */
            }
        }
    }
    p9_put(p, c, c->tail, 4);
    return 0;
}

/* ---- the rest of what an open file is for ---- */

int p9_fsync(struct p9 *p, struct p9_call *c)
{
    (void)p;
    int fd = c->a[0].fid->fd;
    return (c->a[1].n ? fdatasync(fd) : fsync(fd)) ? -errno : 0;
}

/* The protocol's types are those of fcntl(2) on Linux, by number. */
enum { P9_RDLCK, P9_WRLCK, P9_UNLCK };
enum { P9_LOCK_SUCCESS, P9_LOCK_BLOCKED };

static int p9_flock(const struct p9_fid *fid, uint64_t type, uint64_t start, uint64_t len,
                    struct flock *l)
{
    static const short types[] = {[P9_RDLCK] = F_RDLCK, [P9_WRLCK] = F_WRLCK, [P9_UNLCK] = F_UNLCK};
    if (type >= ARRAY_LEN(types) || start > INT64_MAX || len > INT64_MAX)
        return -EINVAL;
    if (!S_ISREG(fid->type))
        return -EBADF;
    *l = (struct flock){
        .l_type = types[type], .l_whence = SEEK_SET, .l_start = (off_t)start, .l_len = (off_t)len};
    return 0;
}

/* The client asks again when it wants to wait. */
int p9_lock(struct p9 *p, struct p9_call *c)
{
    struct flock l;
    int rc = p9_flock(c->a[0].fid, c->a[1].n, c->a[3].n, c->a[4].n, &l);
    if (rc)
        return rc;
    bool blocked = false;
    if (fcntl(c->a[0].fid->fd, F_OFD_SETLK, &l)) {
        blocked = errno == EAGAIN || errno == EACCES;
        if (!blocked)
            return -errno;
    }
    p9_put(p, c, blocked ? P9_LOCK_BLOCKED : P9_LOCK_SUCCESS, 1);
    return 0;
}

int p9_getlock(struct p9 *p, struct p9_call *c)
{
    struct flock l;
    int rc = p9_flock(c->a[0].fid, c->a[1].n, c->a[2].n, c->a[3].n, &l);
    if (rc || c->a[1].n == P9_UNLCK)
        return rc ? rc : -EINVAL;
    if (fcntl(c->a[0].fid->fd, F_OFD_GETLK, &l))
        return -errno;
    bool none = l.l_type == F_UNLCK; /* then the rest is as it was asked */
    p9_put(p, c, none ? P9_UNLCK : l.l_type == F_WRLCK ? P9_WRLCK : P9_RDLCK, 1);
    p9_put(p, c, (uint64_t)l.l_start, 8);
    p9_put(p, c, (uint64_t)l.l_len, 8);
    p9_put(p, c, none ? c->a[4].n : 0, 4); /* whose it is, is not said */
    p9_put_text(p, c, none ? c->a[5].s : "", none ? strlen(c->a[5].s) : 0);
    return 0;
}
