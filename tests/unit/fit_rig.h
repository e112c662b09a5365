// SPDX-License-Identifier: MIT
/*
 * fit_rig.h - appliances that a test makes and spoils, by libfdt.
 *
 * A good one has kernel-1 (an ARM64 Image, external, at 4096), ramdisk-1 (in the tree) and fdt-1,
 * and configurations conf-1 (the default) and conf-2.
 */
#ifndef TESTS_UNIT_FIT_RIG_H
#define TESTS_UNIT_FIT_RIG_H

#include <libfdt.h>
#include <zlib.h>

#include "boot_rig.h"
#include "vmm/fit.h"

#define FIT_RIG_TREE  4096
#define FIT_RIG_IMAGE (MIB(1) + 4096 + 77)

struct fit_rig {
    uint8_t *tree; /* FIT_RIG_TREE bytes, writable by libfdt */
    struct bytes image;
};

static inline void fit_rig_str(void *tree, int node, const char *name, const char *val)
{
    expect_u64(fdt_setprop(tree, node, name, val, (int)strlen(val) + 1), 0);
}

static inline void fit_rig_hash(void *tree, const char *part, const char *algo, const void *p,
                                size_t len)
{
    char path[64];
    uint8_t sum[SHA256_LEN];
    int n = 4;
    if (!strcmp(algo, "sha256")) {
        struct sha256 s;
        sha256_init(&s);
        sha256_update(&s, p, len);
        sha256_end(&s, sum);
        n = SHA256_LEN;
    } else {
        uint32_t be = cpu_to_fdt32((uint32_t)crc32_z(0, p, len));
        memcpy(sum, &be, sizeof be);
    }
    snprintf(path, sizeof path, "/images/%s", part);
    int node = fdt_add_subnode(tree, fdt_path_offset(tree, path), "hash-1");
    expect_true(node >= 0);
    fdt_setprop(tree, node, "value", sum, n);
    fit_rig_str(tree, node, "algo", algo);
}

static inline int fit_rig_part(void *tree, const char *name, const char *type)
{
    int node = fdt_add_subnode(tree, fdt_path_offset(tree, "/images"), name);
    fit_rig_str(tree, node, "compression", "none");
    fit_rig_str(tree, node, "arch", "arm64");
    fit_rig_str(tree, node, "type", type);
    return node;
}

static inline struct fit_rig fit_rig_new(void)
{
    struct fit_rig r = {calloc(1, FIT_RIG_TREE), arm64_new(FIT_RIG_IMAGE, 0, MIB(2), 0xa)};
    void *t = r.tree;
    expect_u64(fdt_create_empty_tree(t, FIT_RIG_TREE), 0);
    int node = fdt_add_subnode(t, 0, "configurations");
    fit_rig_str(t, node, "default", "conf-1");
    for (unsigned i = 2; i; i--) {
        const char *name = i == 1 ? "conf-1" : "conf-2";
        int conf = fdt_add_subnode(t, fdt_path_offset(t, "/configurations"), name);
        fit_rig_str(t, conf, "kernel", "kernel-1");
        if (i == 1) {
            fit_rig_str(t, conf, "ramdisk", "ramdisk-1");
            fit_rig_str(t, conf, "fdt", "fdt-1");
        }
    }
    fdt_add_subnode(t, 0, "images");
    node = fit_rig_part(t, "kernel-1", "kernel");
    fdt_setprop_u32(t, node, "data-size", FIT_RIG_IMAGE);
    fdt_setprop_u32(t, node, "data-offset", 0);
    node = fit_rig_part(t, "ramdisk-1", "ramdisk");
    fdt_setprop(t, node, "data", "ramdisk", 7);
    node = fit_rig_part(t, "fdt-1", "flat_dt");
    fdt_setprop(t, node, "data", "tree", 4);
    fit_rig_hash(t, "kernel-1", "sha256", r.image.p, r.image.len);
    fit_rig_hash(t, "ramdisk-1", "crc32", "ramdisk", 7);
    return r;
}

static inline void fit_rig_set(struct fit_rig *r, const char *path, const char *prop,
                               const void *val, int len)
{
    int node = fdt_path_offset(r->tree, path);
    if (node < 0) { /* a new node under one that is there */
        char parent[64];
        snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
        node = fdt_add_subnode(r->tree, fdt_path_offset(r->tree, parent), strrchr(path, '/') + 1);
    }
    expect_true(node >= 0);
    if (len < 0)
        expect_u64(fdt_delprop(r->tree, node, prop), 0);
    else if (prop)
        expect_u64(fdt_setprop(r->tree, node, prop, val, len), 0);
}

/* The file: the tree (it keeps its room, so that data-offset 0 is a page), then the image. */
static inline struct bytes fit_rig_bytes(struct fit_rig *r)
{
    struct bytes b = bytes_new(FIT_RIG_TREE + r->image.len, 0);
    memcpy(b.p, r->tree, FIT_RIG_TREE);
    memcpy(b.p + FIT_RIG_TREE, r->image.p, r->image.len);
    free(r->tree);
    free(r->image.p);
    return b;
}

#endif
