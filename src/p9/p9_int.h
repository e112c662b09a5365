// SPDX-License-Identifier: MIT
/*
 * p9_int.h - what the files of the 9P server share.
 */
#ifndef P9_INT_H
#define P9_INT_H

#include <sys/stat.h>

#include "vmm/p9.h"

#define P9_HEAD     7u      /* size[4] type[1] tag[2] */
#define P9_ERROR    11u     /* with ecode[4] */
#define P9_BUF      KIB(10) /* the longest request but for data: two strings of 4095 bytes */
#define P9_NAME_MAX 255u
#define P9_PATH_MAX 4095u /* of a link's target, and of a file's path below the root */
#define P9_WALK_MAX 16u   /* names in one Twalk */
#define P9_BUCKETS  1024u

/*
 * What the client calls a file. `fd` is an O_PATH descriptor until the client opens the file, then
 * one for its reads and writes. Which object it is does not change; its name may.
 */
struct p9_fid {
    uint32_t num;
    int fd;
    bool open;
    mode_t type; /* S_IFREG, S_IFDIR... */
    char *path;  /* as it was walked to, from the root: "" or "a/b" */
    struct p9_fid *next;
};

struct p9 {
    int root; /* O_PATH */
    int proc; /* /proc/self/fd: the way from an O_PATH descriptor to the same file opened */
    bool rw;
    dev_t dev; /* of the root */
    ino_t ino;
    int fd_limit;   /* descriptors from here on are not the client's: others in the process need
                       them */
    uint32_t msize; /* 0 before Tversion */
    unsigned n_fids;
    struct p9_fid *fids[P9_BUCKETS];
    uint8_t in[P9_BUF], out[P9_BUF];
};

/* A field of a request, by the letters in p9.c's table. */
struct p9_arg {
    uint64_t n;
    const char *s; /* ends with NUL, holds none */
    struct p9_fid *fid;
};

#define P9_ARGS 10u

/* One request on its way. */
struct p9_call {
    struct p9_arg a[P9_ARGS];
    uint32_t at, end; /* what of p->in is not taken yet */
    uint32_t size;    /* of the whole message */
    const struct iovec *req, *rep;
    unsigned n_req, n_rep;
    uint64_t room; /* of the reply */
    uint32_t out;  /* bytes of the reply in p->out, its head included */
    uint32_t tail; /* bytes of the reply behind those, already in rep[] */
};

/* A handler: 0 or -errno, which becomes the reply. */
typedef int p9_fn(struct p9 *p, struct p9_call *c);

p9_fn p9_version, p9_attach, p9_walk, p9_clunk, p9_getattr, p9_statfs, p9_readlink; /* p9_look.c */
p9_fn p9_lopen, p9_read, p9_readdir, p9_write, p9_fsync, p9_lock, p9_getlock;       /* p9_io.c */
p9_fn p9_lcreate, p9_mkdir, p9_symlink, p9_mknod, p9_link, p9_rename, p9_renameat,  /* p9_edit.c */
    p9_unlinkat, p9_remove, p9_setattr;

/* ---- requests and replies, p9.c ---- */

/* A further name or string of the request; 0 or -errno. */
int p9_take_name(struct p9 *p, struct p9_call *c, const char **name);

void p9_put(struct p9 *p, struct p9_call *c, uint64_t val, unsigned bytes);
void p9_put_text(struct p9 *p, struct p9_call *c, const char *text, size_t len);
void p9_put_qid(struct p9 *p, struct p9_call *c, const struct stat *st);
#define P9_QID 13u
void p9_qid(const struct p9 *p, const struct stat *st, uint8_t qid[static P9_QID]);

/* ---- files, p9_fid.c: descriptors are returned, or -errno ---- */

struct p9_fid *p9_fid_find(const struct p9 *p, uint32_t num);
/* Takes `fd`, also when it fails. `path` is copied. */
int p9_fid_new(struct p9 *p, uint32_t num, int fd, mode_t type, const char *path);
void p9_fid_free(struct p9 *p, struct p9_fid *fid);
void p9_fids_free(struct p9 *p);

/* A name below the folder `dir`, never followed when it is a link: one step that cannot leave. */
int p9_at(const struct p9 *p, int dir, const char *name, int flags, mode_t mode);
/* The file behind a descriptor of any kind, opened anew. */
int p9_reopen(const struct p9 *p, int fd, int flags);
/* The text after /proc/self/fd/: for calls that want a path. */
#define P9_FD_TEXT 12u
const char *p9_fd_text(int fd, char text[static P9_FD_TEXT]);
/* path + "/" + name, allocated by malloc(). */
int p9_path_join(const char *path, const char *name, char **out);
/* The folder that holds `fid` now by the path it was walked to: O_PATH, and its name there in
 * *name, which points into fid->path. -ESTALE when something else is there by now. */
int p9_parent(const struct p9 *p, const struct p9_fid *fid, const char **name);

#endif
