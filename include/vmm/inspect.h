// SPDX-License-Identifier: MIT
/*
 * inspect.h - what an image file is, as facts: names with values, in groups and lists.
 *
 * Texts may come from the file: any bytes but NUL.
 */
#ifndef VMM_INSPECT_H
#define VMM_INSPECT_H

#include "vmm/base.h"
#include "vmm/err.h"

/* Where the facts go. `key` is NULL in a list. */
struct inspect_out {
    void *ctx;
    void (*open)(void *ctx, const char *key,
                 bool list); /* a group, or a list of values or groups */
    void (*close)(void *ctx, bool list);
    void (*text)(void *ctx, const char *key, const char *val);
    void (*number)(void *ctx, const char *key, uint64_t val);
    void (*address)(void *ctx, const char *key, uint64_t val);
    void (*flag)(void *ctx, const char *key, bool val);
};

/*
 * Say what the file at `path` holds, whatever it is; compressed images are unpacked, and hashes
 * verified, in memory. 0, or -errno with err filled when the file cannot be read: what is wrong
 * inside of it is a fact too ("damage").
 */
int inspect_file(const char *path, const struct inspect_out *out, struct err *err);

#endif
