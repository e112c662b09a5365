// SPDX-License-Identifier: MIT
/*
 * boot_fit.c - the tree of an appliance: which parts, where in the file, under what rules.
 *
 * Follows U-Boot's doc/usage/fit/source_file_format.rst: images (§"'/images' node"), hash nodes,
 * configurations, and external data (data-offset counts from the end of the tree, rounded up to 4).
 * The tree is hostile until fdt_check_full() has walked it, and its values until they are checked
 * here. Not taken: images split in several parts, overlays, loadables, x86 setup code, ciphers;
 * signatures are named and not verified.
 */
#include "boot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/app.h"
#include "vmm/tree.h"

#define FIT_TREE_MAX INT32_MAX /* libfdt's offsets are int */
#define FIT_HEADER   40        /* DTSpec 0.4 §5.2 */

const char *const fit_role_names[FIT_ROLES] = {"kernel", "ramdisk", "fdt"};

/* ---- properties ---- */

/* Names and values go into messages: no byte there that moves a terminal's cursor. */
static bool fit_is_plain(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)s[i] < ' ' || s[i] == 0x7f)
            return false;
    return true;
}

/* A node's name, or NULL with err filled. */
static const char *fit_name(const struct fit *fit, int node, struct err *err)
{
    int len;
    const char *name = fdt_get_name(fit->tree, node, &len);
    if (name && len > 0 && fit_is_plain(name, (size_t)len))
        return name;
    err_set(err, ERR_IMAGE, EINVAL, "%s: a node's name is empty or has control characters",
            fit->path);
    return NULL;
}

/* A property that must be text, when it is there; *val is "" when it is not. */
static int fit_text(const struct fit *fit, int node, const char *where, const char *name,
                    const char **val, struct err *err)
{
    int len;
    const char *p = fdt_getprop(fit->tree, node, name, &len);
    *val = "";
    if (!p)
        return 0;
    if (len < 1 || strnlen(p, (size_t)len) != (size_t)len - 1 || !fit_is_plain(p, (size_t)len - 1))
        return err_set(err, ERR_IMAGE, EINVAL, "%s: %s: %s is not one string of text", fit->path,
                       where, name);
    *val = p;
    return 0;
}

/* A number of one cell, or of two where `wide`. *has: it is there. */
static int fit_cells(const struct fit *fit, int node, const char *where, const char *name,
                     bool wide, uint64_t *val, bool *has, struct err *err)
{
    int len;
    const void *p = fdt_getprop(fit->tree, node, name, &len);
    *has = p != NULL;
    if (!p)
        return 0;
    if (len == 4)
        *val = be32_get(p);
    else if (len == 8 && wide)
        *val = (uint64_t)be32_get(p) << 32 | be32_get((const uint8_t *)p + 4);
    else
        return err_set(err, ERR_IMAGE, EINVAL, "%s: %s: %s has %d bytes; it takes %s", fit->path,
                       where, name, len, wide ? "4 or 8" : "4");
    return 0;
}

static bool fit_named(const struct fit *fit, int node, const char *stem)
{
    const char *name = fdt_get_name(fit->tree, node, NULL);
    return name && !strncmp(name, stem, strlen(stem));
}

/* ---- hashes and signatures ---- */

static const struct {
    const char *name;
    int len;
} fit_algos[] = {
    [FIT_CRC32] = {"crc32",  4         },
    [FIT_SHA256] = {"sha256", SHA256_LEN},
};

static int fit_hash(const struct fit *fit, struct fit_part *part, int node, struct err *err)
{
    if (part->n_hashes == FIT_HASHES_MAX)
        return err_set(err, ERR_IMAGE, EINVAL, "%s: has more than %d hashes", part->label,
                       FIT_HASHES_MAX);
    struct fit_hash *h = &part->hashes[part->n_hashes++];
    int rc = fit_text(fit, node, part->label, "algo", &h->name, err);
    if (rc)
        return rc;
    if (!*h->name)
        return err_set(err, ERR_IMAGE, EINVAL, "%s: a hash has no algo", part->label);
    h->algo = FIT_OTHER;
    for (unsigned i = 0; i < ARRAY_LEN(fit_algos); i++)
        if (!strcmp(h->name, fit_algos[i].name))
            h->algo = (enum fit_algo)i;
    if (h->algo == FIT_OTHER)
        return 0;
    int len;
    const void *val = fdt_getprop(fit->tree, node, "value", &len);
    if (!val || len != fit_algos[h->algo].len)
        return err_set(err, ERR_IMAGE, EINVAL, "%s: its %s has %d bytes; it takes %d", part->label,
                       h->name, val ? len : 0, fit_algos[h->algo].len);
    memcpy(h->value, val, (size_t)len);
    part->verified = true;
    return 0;
}

static void fit_note_signature(struct fit *fit, int node, const char *of)
{
    const char *algo;
    if (fit->signature)
        return;
    if (fit_text(fit, node, of, "algo", &algo, NULL) || !*algo)
        algo = "unknown";
    fit->signature = algo;
    fit->signed_node = of;
}

static int fit_hashes(struct fit *fit, struct fit_part *part, int node, struct err *err)
{
    int sub, rc = 0;
    fdt_for_each_subnode(sub, fit->tree, node)
    {
        if (fit_named(fit, sub, "signature"))
            fit_note_signature(fit, sub, part->name);
        else if (fit_named(fit, sub, "cipher"))
            rc = err_set(err, ERR_IMAGE, ENOTSUP, "%s: is encrypted; it must be in the clear",
                         part->label);
        else if (fit_named(fit, sub, "hash") && !fdt_getprop(fit->tree, sub, "uboot-ignore", NULL))
            rc = fit_hash(fit, part, sub, err);
        if (rc)
            return rc;
    }
    if (part->n_hashes && !part->verified)
        return err_set(err, ERR_IMAGE, ENOTSUP,
                       "%s: its only hash is %s, which is not verified here; crc32 and sha256 are",
                       part->label, part->hashes[0].name);
    return 0;
}

/* ---- where a part's bytes are ---- */

static int fit_external(const struct fit *fit, struct fit_part *part, int node, struct err *err)
{
    uint64_t at = 0, from = 0, size = 0;
    bool has_at, has_from, has_size;
    int rc = fit_cells(fit, node, part->label, "data-position", false, &at, &has_at, err);
    if (!rc)
        rc = fit_cells(fit, node, part->label, "data-offset", false, &from, &has_from, err);
    if (!rc)
        rc = fit_cells(fit, node, part->label, "data-size", false, &size, &has_size, err);
    if (rc)
        return rc;
    if (!has_at && !has_from)
        return err_set(err, ERR_IMAGE, ENODATA,
                       "%s: has no data: neither data, data-offset nor data-position", part->label);
    if (has_at && has_from)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: has data-offset and data-position; one of them says where it is",
                       part->label);
    if (!has_size)
        return err_set(err, ERR_IMAGE, EINVAL, "%s: has %s without data-size", part->label,
                       has_at ? "data-position" : "data-offset");
    if (has_from) /* sums of 32-bit numbers: nothing wraps */
        at = align_up(fit->tree_len, 4) + from;
    if (at < fit->tree_len)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: data-position %" PRIu64 " is inside the tree of %" PRIu64 " bytes",
                       part->label, at, fit->tree_len);
    if (at > fit->file_len || size > fit->file_len - at)
        return err_set(err, ERR_IMAGE, ENODATA,
                       "%s: its %" PRIu64 " bytes at %" PRIu64
                       " reach past the end of the file of %" PRIu64 " bytes",
                       part->label, size, at, fit->file_len);
    part->external = true;
    part->off = at;
    part->len = size;
    return 0;
}

static int fit_data(const struct fit *fit, struct fit_part *part, int node, struct err *err)
{
    int len, rc = 0;
    const uint8_t *p = fdt_getprop(fit->tree, node, "data", &len);
    if (p && (fdt_getprop(fit->tree, node, "data-offset", NULL) ||
              fdt_getprop(fit->tree, node, "data-position", NULL)))
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: has data in the tree and outside of it; one of them counts",
                       part->label);
    if (p) {
        part->off = (uint64_t)(p - fit->tree);
        part->len = (uint64_t)len;
    } else {
        rc = fit_external(fit, part, node, err);
    }
    if (!rc && !part->len)
        rc = err_set(err, ERR_IMAGE, ENODATA, "%s: is empty (0 bytes)", part->label);
    return rc;
}

/* ---- parts ---- */

/* columns: the role, its types, and how it may be packed */
static const struct fit_rule {
    const char *types[3], *packings[2];
    const char *types_text, *packings_text;
} fit_rules[FIT_ROLES] = {
    [FIT_KERNEL] = {{"kernel", "kernel_noload", "standalone"},
                    {"none", "gzip"},
                    "kernel, kernel_noload or standalone",                          "none and gzip are accepted"},
 /* a kernel unpacks its initramfs itself, whatever is said here: U-Boot does not either */
    [FIT_RAMDISK] = {{"ramdisk"},                               {NULL},   "ramdisk", ""                          },
    [FIT_FDT] = {{"flat_dt"},                               {"none"}, "flat_dt", "none is accepted"          },
};

static bool fit_one_of(const char *const *words, unsigned n, const char *word)
{
    for (unsigned i = 0; i < n; i++)
        if (words[i] && !strcmp(words[i], word))
            return true;
    return false;
}

static int fit_part_rules(const struct fit_part *part, enum fit_role role, struct err *err)
{
    const struct fit_rule *r = &fit_rules[role];
    if (!fit_one_of(r->types, ARRAY_LEN(r->types), part->type))
        return err_set(err, ERR_IMAGE, EINVAL, "%s: is of type \"%.40s\"; a %s is %s", part->label,
                       part->type, fit_role_names[role], r->types_text);
    if (r->packings[0] && *part->compression &&
        !fit_one_of(r->packings, ARRAY_LEN(r->packings), part->compression))
        return err_set(err, ERR_IMAGE, ENOTSUP,
                       "%s: compression \"%.40s\" is not unpacked here; %s", part->label,
                       part->compression, r->packings_text);
    if (role != FIT_KERNEL)
        return 0;
    enum board_arch arch;
    if (!fit_arch(part, &arch))
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%s: arch is \"%.40s\"; arm64, x86_64 and x86 are accepted", part->label,
                       part->arch);
    if (part->has_load != part->has_entry)
        return err_set(err, ERR_IMAGE, EINVAL, "%s: has %s; raw code needs both, others neither",
                       part->label, part->has_load ? "load without entry" : "entry without load");
    if (!strcmp(part->type, "standalone") && !part->has_load)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: is raw code (standalone) without load and entry", part->label);
    return 0;
}

bool fit_arch(const struct fit_part *part, enum board_arch *arch)
{
    static const struct {
        const char *name;
        enum board_arch arch;
    } names[] = {
        {"arm64",  ARCH_ARM64 },
        {"x86_64", ARCH_X86_64},
        {"x86",    ARCH_X86_64}, /* how bzImages are often marked */
    };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(part->arch, names[i].name)) {
            *arch = names[i].arch;
            return true;
        }
    return false;
}

static int fit_part_read(struct fit *fit, enum fit_role role, int images, const char *name,
                         struct err *err)
{
    struct fit_part *part = &fit->parts[role];
    int node = fdt_subnode_offset(fit->tree, images, name);
    if (node < 0)
        return err_set(err, ERR_IMAGE, ENOENT,
                       "%s: configuration %s: its %s \"%.60s\" is not in /images", fit->path,
                       fit->chosen, fit_role_names[role], name);
    part->name = fit_name(fit, node, err);
    if (!part->name)
        return -EINVAL;
    snprintf(part->label, sizeof part->label, "%.110s (%.40s)", fit->path, part->name);
    /* columns: property, where it goes */
    const struct {
        const char *name;
        const char **val;
    } texts[] = {
        {"type",        &part->type       },
        {"arch",        &part->arch       },
        {"os",          &part->os         },
        {"compression", &part->compression},
        {"description", &part->description},
    };
    int rc = 0;
    for (unsigned i = 0; !rc && i < ARRAY_LEN(texts); i++)
        rc = fit_text(fit, node, part->label, texts[i].name, texts[i].val, err);
    if (!rc)
        rc = fit_cells(fit, node, part->label, "load", true, &part->load, &part->has_load, err);
    if (!rc)
        rc = fit_cells(fit, node, part->label, "entry", true, &part->entry, &part->has_entry, err);
    if (!rc)
        rc = fit_part_rules(part, role, err);
    if (!rc)
        rc = fit_data(fit, part, node, err);
    return rc ? rc : fit_hashes(fit, part, node, err);
}

/* ---- configurations ---- */

static int fit_configs(struct fit *fit, int node, struct err *err)
{
    int sub;
    fdt_for_each_subnode(sub, fit->tree, node)
    {
        if (fit->n_configs == FIT_CONFIGS_MAX)
            return err_set(err, ERR_IMAGE, E2BIG, "%s: has more than %d configurations", fit->path,
                           FIT_CONFIGS_MAX);
        const char *name = fit_name(fit, sub, err);
        if (!name)
            return -EINVAL;
        fit->configs[fit->n_configs++] = name;
    }
    if (!fit->n_configs)
        return err_set(err, ERR_IMAGE, ENOENT, "%s: /configurations is empty", fit->path);
    return fit_text(fit, node, "/configurations", "default", &fit->normal, err);
}

static int fit_choose(struct fit *fit, int configs, const char *asked, struct err *err)
{
    char list[200] = "";
    size_t at = 0;
    for (unsigned i = 0; i < fit->n_configs && at < sizeof list; i++) {
        int n = snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", fit->configs[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    const char *want = asked ? asked : fit->normal && *fit->normal ? fit->normal : NULL;
    if (!want && fit->n_configs > 1)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: has no default configuration; choose one by --config: %s", fit->path,
                       list);
    for (unsigned i = 0; i < fit->n_configs; i++)
        if (!want || !strcmp(want, fit->configs[i])) {
            fit->chosen = fit->configs[i];
            fit->config_node = fdt_subnode_offset(fit->tree, configs, fit->chosen);
            return 0;
        }
    return err_set(err, asked ? ERR_HOST : ERR_IMAGE, ENOENT,
                   "%s: %s \"%.60s\": no such configuration; there are %s", fit->path,
                   asked ? "--config" : "default", want, list);
}

/* What a configuration may name and a machine here does not load. */
static const char *const fit_not_loaded[] = {"loadables", "setup", "firmware", "fpga", "script"};

static int fit_config(struct fit *fit, int images, struct err *err)
{
    int node = fit->config_node, sub, len, rc = 0;
    for (unsigned i = 0; i < ARRAY_LEN(fit_not_loaded); i++)
        if (fdt_getprop(fit->tree, node, fit_not_loaded[i], NULL))
            return err_set(err, ERR_IMAGE, ENOTSUP,
                           "%s: configuration %s: has %s, which is not loaded here; kernel, "
                           "ramdisk and fdt are",
                           fit->path, fit->chosen, fit_not_loaded[i]);
    const char *list = fdt_getprop(fit->tree, node, "fdt", &len);
    if (list && len > 0 && strnlen(list, (size_t)len) + 1 < (size_t)len)
        return err_set(err, ERR_IMAGE, ENOTSUP,
                       "%s: configuration %s: has several device trees; overlays are not applied "
                       "here",
                       fit->path, fit->chosen);
    for (unsigned role = 0; !rc && role < FIT_ROLES; role++) {
        const char *name;
        rc = fit_text(fit, node, fit->chosen, fit_role_names[role], &name, err);
        if (!rc && *name)
            rc = fit_part_read(fit, (enum fit_role)role, images, name, err);
    }
    if (!rc && !fit->parts[FIT_KERNEL].name)
        rc = err_set(err, ERR_IMAGE, ENOENT, "%s: configuration %s: names no kernel", fit->path,
                     fit->chosen);
    fdt_for_each_subnode(sub, fit->tree, node)
    {
        if (fit_named(fit, sub, "signature"))
            fit_note_signature(fit, sub, fit->chosen);
    }
    return rc;
}

int fit_property(const struct fit *fit, unsigned i, const char **name, const char **val,
                 size_t *len, struct err *err)
{
    static const char prefix[] = "vibevmm,";
    const unsigned nth = i;
    int off, n;
    fdt_for_each_property_offset(off, fit->tree, fit->config_node)
    {
        const char *key;
        const char *p = fdt_getprop_by_offset(fit->tree, off, &key, &n);
        if (!p || strncmp(key, prefix, sizeof prefix - 1) != 0 || i--)
            continue;
        *name = key + sizeof prefix - 1;
        *val = p;
        *len = (size_t)n;
        bool plain = fit_is_plain(key, strlen(key)) && (!n || !p[n - 1]);
        for (int at = 0; plain && at < n; at += (int)strlen(p + at) + 1)
            plain = fit_is_plain(p + at, strlen(p + at));
        if (!plain)
            return err_set(err, ERR_IMAGE, EINVAL,
                           "%s: configuration %s: property %u for vibevmm is not text: it takes "
                           "strings, such as vibevmm,cpus = \"2\"",
                           fit->path, fit->chosen, nth + 1);
        return 1;
    }
    return 0;
}

/* ---- the file ---- */

/* Versions before 17 lack the structure block's size, and nothing writes them any more. */
static int fit_tree_check(const struct fit *fit)
{
    int rc = fdt_check_header(fit->tree);
    if (!rc && fdt_version(fit->tree) < 17)
        rc = -FDT_ERR_BADVERSION;
    /* it may have changed since the header was read: what was read last counts */
    if (!rc && fdt_totalsize(fit->tree) != fit->tree_len)
        rc = -FDT_ERR_TRUNCATED;
    if (!rc &&
        !tree_struct_sound(fit->tree + fdt_off_dt_struct(fit->tree), fdt_size_dt_struct(fit->tree)))
        rc = -FDT_ERR_BADSTRUCTURE;
    return rc ? rc : fdt_check_full(fit->tree, (size_t)fit->tree_len);
}

static int fit_tree_read(struct fit *fit, struct err *err)
{
    struct boot_file f = {
        .path = fit->path, .fd = fit->fd, .base = fit->base, .len = fit->file_len};
    uint8_t head[FIT_HEADER];
    int rc = boot_file_read(&f, 0, head, sizeof head, err);
    if (rc)
        return rc;
    fit->tree_len = be32_get(head + 4);
    if (fit->tree_len > fit->file_len)
        return err_set(err, ERR_IMAGE, ENODATA,
                       "%s: is truncated: its tree has %" PRIu64 " bytes, the file %" PRIu64,
                       fit->path, fit->tree_len, fit->file_len);
    if (fit->tree_len < FIT_HEADER || fit->tree_len > FIT_TREE_MAX)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: its tree has %" PRIu64 " bytes; a tree has %d to %d", fit->path,
                       fit->tree_len, FIT_HEADER, FIT_TREE_MAX);
    fit->tree = malloc((size_t)fit->tree_len);
    if (!fit->tree)
        return err_sys(err, ENOMEM, "%s: its tree", fit->path);
    rc = boot_file_read(&f, 0, fit->tree, fit->tree_len, err);
    if (rc)
        return rc;
    int code = fit_tree_check(fit);
    if (code)
        return err_set(err, ERR_IMAGE, EINVAL, "%s: the tree is damaged: %s", fit->path,
                       fdt_strerror(code));
    return 0;
}

/* The tree, and the names of its configurations. */
static int fit_read(struct fit *fit, struct err *err)
{
    int rc = fit_tree_read(fit, err);
    if (rc)
        return rc;
    fit->images_node = fdt_path_offset(fit->tree, "/images");
    fit->configs_node = fdt_path_offset(fit->tree, "/configurations");
    if (fit->images_node < 0 && fit->configs_node < 0)
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%s: is a device tree, not an appliance: it has no /images; give a kernel, "
                       "and the tree by --dtb %s",
                       fit->path, fit->path);
    if (fit->images_node < 0 || fit->configs_node < 0)
        return err_set(err, ERR_IMAGE, ENOENT, "%s: has no %s", fit->path,
                       fit->images_node < 0 ? "/images" : "/configurations");
    rc = fit_text(fit, 0, "/", "description", &fit->description, err);
    return rc ? rc : fit_configs(fit, fit->configs_node, err);
}

int fit_scan(struct fit **out, const char *path, struct err *err)
{
    struct stat st = {0};
    struct fit *fit = calloc(1, sizeof *fit);
    int rc = 0;
    *out = NULL;
    if (!fit)
        return err_sys(err, ENOMEM, "%s", path);
    fit->path = path;
    fit->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fit->fd < 0 || fstat(fit->fd, &st))
        rc = err_sys(err, errno, "%s", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(err, ERR_IMAGE, EINVAL, "%s: an appliance is a regular file", path);
    if (!rc) {
        fit->file_len = (uint64_t)st.st_size;
        app_find(fit->fd, fit->file_len, &fit->base, &fit->file_len);
        rc = fit_read(fit, err);
    }
    if (rc)
        fit_free(fit);
    else
        *out = fit;
    return rc;
}

int fit_open(struct fit **out, const char *path, const char *config, bool ignore_signature,
             struct err *err)
{
    struct fit *fit;
    *out = NULL;
    int rc = fit_scan(&fit, path, err);
    if (!fit)
        return rc;
    rc = fit_choose(fit, fit->configs_node, config, err);
    if (!rc)
        rc = fit_config(fit, fit->images_node, err);
    if (!rc && fit->signature && !ignore_signature)
        rc = err_set(err, ERR_IMAGE, ENOTSUP,
                     "%s: %s has a signature (%.40s), and this program verifies none: nobody has "
                     "checked who made it. --ignore-signature boots it all the same; hashes are "
                     "verified",
                     fit->path, fit->signed_node, fit->signature);
    if (rc)
        fit_free(fit);
    else
        *out = fit;
    return rc;
}

void fit_free(struct fit *fit)
{
    if (!fit)
        return;
    if (fit->fd >= 0)
        close(fit->fd);
    free(fit->tree);
    free(fit);
}
