// SPDX-License-Identifier: MIT
/*
 * err.h - how a set-up path says no: a code and one sentence for the user.
 *
 * The one who knows the detail fills `struct err`; callers pass it on; only launcher/ prints it and
 * picks the exit status.
 */
#ifndef VMM_ERR_H
#define VMM_ERR_H

/* What the launcher makes of it (DESIGN §6): the exit status a failed set-up ends with. */
enum err_kind {
    ERR_HOST,  /* 125: the launcher, an option or the host */
    ERR_IMAGE, /* 126: the image cannot boot on this board */
    ERR_FILE,  /* 127: a file was not found */
};

struct err {
    enum err_kind kind;
    int code; /* positive errno, 0 while nothing failed */
    char
        text[400]; /* no newline at the end; names the thing, the value found, the value accepted */
};

/*
 * Fill `err` and return -code, so that `return err_set(...)` is the whole error path. `err` may be
 * NULL. A message longer than the buffer is cut. Any thread; `err` belongs to the caller.
 */
int err_set(struct err *err, enum err_kind kind, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* As err_set() with ": <strerror(code)>" at the end; kind is ERR_FILE when code is ENOENT or
 * ENOTDIR. */
int err_sys(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
