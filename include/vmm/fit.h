// SPDX-License-Identifier: MIT
/*
 * fit.h - an appliance: a FIT (flattened image tree) of kernel, ramdisk and device tree, with
 * configurations that name what belongs together.
 *
 * The format is U-Boot's (doc/usage/fit/source_file_format.rst; flat_image_tree 0.8), so that
 * mkimage and dumpimage read and write the same files. What a machine needs beside is in the
 * properties "vibevmm,NAME" of a configuration (docs/images.md).
 */
#ifndef VMM_FIT_H
#define VMM_FIT_H

#include "vmm/base.h"
#include "vmm/board.h"
#include "vmm/err.h"
#include "vmm/sha256.h"

enum fit_role { FIT_KERNEL, FIT_RAMDISK, FIT_FDT, FIT_ROLES };

extern const char *const fit_role_names[FIT_ROLES]; /* as configurations say: "kernel", ... */

#define FIT_HASHES_MAX  4
#define FIT_CONFIGS_MAX 32

enum fit_algo { FIT_CRC32, FIT_SHA256, FIT_OTHER };

struct fit_hash {
    enum fit_algo algo;
    const char *name;          /* "crc32", "sha256", "sha1" */
    uint8_t value[SHA256_LEN]; /* of those that are verified: crc32 has 4 bytes, big-endian */
};

/* Strings belong to the tree; "" where the node does not say. */
struct fit_part {
    const char *name; /* of the node; NULL: the configuration has no such part */
    char label[160];  /* "FILE (NAME)", for messages */
    const char *type, *arch, *os, *compression, *description;
    bool has_load, has_entry;
    gpa_t load, entry;
    uint64_t off, len; /* its bytes, from the start of the appliance */
    bool external;     /* after the tree, not in it */
    struct fit_hash hashes[FIT_HASHES_MAX];
    unsigned n_hashes;
    bool verified; /* it has a hash that is checked before use */
};

struct fit {
    const char *path; /* the caller's */
    int fd;
    uint64_t base, file_len; /* of the appliance in its file: all of it, except in an executable */
    uint8_t *tree;           /* tree_len bytes; hostile, but a whole tree */
    uint64_t tree_len;
    const char *description;
    const char *configs[FIT_CONFIGS_MAX]; /* their names; n_configs of them */
    unsigned n_configs;
    const char *chosen;    /* one of them */
    const char *normal;    /* the default; "" where there is none */
    const char *signature; /* algorithm of a signature that was found, and is not verified; NULL */
    const char *signed_node; /* what it signs: a configuration's or an image's name */
    struct fit_part parts[FIT_ROLES];
    int images_node, configs_node, config_node;
};

/*
 * Open an appliance, or the one inside of an executable (app.h), and choose `config`, or its
 * default when that is NULL. `path` must outlive it. Everything the file says of sizes and places
 * is checked here; payloads are read by boot_load(). An appliance with a signature is refused
 * unless `ignore_signature`.
 */
int fit_open(struct fit **fit, const char *path, const char *config, bool ignore_signature,
             struct err *err);
/* The same, with no configuration chosen: `configs`, `normal` and `description` are known. */
int fit_scan(struct fit **fit, const char *path, struct err *err);
void fit_free(struct fit *fit);

/*
 * The i-th property "vibevmm,NAME" of the configuration: its NAME, and its value as len bytes of
 * NUL-terminated strings (len 0: it has none). 1; 0 after the last one; -errno with err filled.
 */
int fit_property(const struct fit *fit, unsigned i, const char **name, const char **val,
                 size_t *len, struct err *err);

/* The CPU that a kernel is for; false: none of ours. */
bool fit_arch(const struct fit_part *part, enum board_arch *arch);

/* The device tree of the appliance, verified; *data is malloc'ed. */
int fit_dtb_read(const struct fit *fit, uint64_t max, void **data, size_t *len, struct err *err);

#endif
