// SPDX-License-Identifier: MIT
/*
 * boot_fit_inspect.c - facts about appliances and device trees.
 *
 * Each configuration is opened as `run` would open it, so that what is wrong with one is said in
 * the same words.
 */
#include "boot_int.h"

#include <libfdt.h>
#include <stdlib.h>

#include "vmm/tree.h"

#define TREE_MAX MIB(16)

/* The tree at the start of the file, checked; NULL: it is none. */
static void *tree_read(const struct boot_file *f)
{
    uint8_t head[40];
    if (f->len < sizeof head || boot_file_read(f, 0, head, sizeof head, NULL))
        return NULL;
    uint64_t len = be32_get(head + 4);
    if (len < sizeof head || len > f->len || len > TREE_MAX)
        return NULL;
    uint8_t *t = malloc((size_t)len);
    if (t && (boot_file_read(f, 0, t, len, NULL) || fdt_check_header(t) || fdt_version(t) < 17 ||
              fdt_totalsize(t) != len ||
              !tree_struct_sound(t + fdt_off_dt_struct(t), fdt_size_dt_struct(t)) ||
              fdt_check_full(t, (size_t)len))) {
        free(t);
        t = NULL;
    }
    return t;
}

/* A damaged tree of more than 16 MiB is an appliance with its data inside, if anything. */
bool inspect_is_fit(const struct boot_file *f)
{
    void *t = tree_read(f);
    bool is = t ? fdt_path_offset(t, "/images") >= 0 : f->len > TREE_MAX;
    free(t);
    return is;
}

static void tree_text(const void *t, const struct inspect_out *o, const char *name)
{
    int len;
    const char *p = fdt_getprop(t, 0, name, &len);
    if (p && len > 0 && !p[len - 1])
        o->text(o->ctx, name, p);
}

void inspect_tree(const struct boot_file *f, const struct inspect_out *o)
{
    void *t = tree_read(f);
    if (!t) {
        o->text(o->ctx, "damage", "the tree is damaged or cut short");
        return;
    }
    tree_text(t, o, "model");
    tree_text(t, o, "compatible");
    uint64_t nodes = 0;
    for (int node = 0; node >= 0; node = fdt_next_node(t, node, NULL))
        nodes++;
    o->number(o->ctx, "nodes", nodes);
    free(t);
}

/* ---- appliances ---- */

static void part_hashes(const struct fit_part *part, bool whole, const struct inspect_out *o)
{
    o->open(o->ctx, "hashes", true);
    for (unsigned i = 0; i < part->n_hashes; i++) {
        const struct fit_hash *h = &part->hashes[i];
        char hex[2 * SHA256_LEN + 1] = "";
        unsigned len = h->algo == FIT_CRC32 ? 4 : h->algo == FIT_SHA256 ? SHA256_LEN : 0;
        fit_hex(h->value, len, hex);
        o->open(o->ctx, NULL, false);
        o->text(o->ctx, "algorithm", h->name);
        if (len)
            o->text(o->ctx, "value", hex);
        o->flag(o->ctx, "verified", len && whole);
        o->close(o->ctx, false);
    }
    o->close(o->ctx, true);
}

static void part_facts(const struct fit *fit, enum fit_role role, const struct inspect_out *o)
{
    const struct fit_part *part = &fit->parts[role];
    const struct {
        const char *key, *val;
    } texts[] = {
        {"name",        part->name       },
        {"description", part->description},
        {"type",        part->type       },
        {"os",          part->os         },
        {"compression", part->compression},
    };
    struct err err = {0};
    struct boot_file f;
    o->open(o->ctx, fit_role_names[role], false);
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
        if (*texts[i].val)
            o->text(o->ctx, texts[i].key, texts[i].val);
    if (part->has_load)
        o->address(o->ctx, "load", part->load);
    if (part->has_entry)
        o->address(o->ctx, "entry", part->entry);
    o->number(o->ctx, "offset", part->off);
    int rc = boot_fit_file(fit, part, UINT64_MAX, &f, &err);
    part_hashes(part, !rc, o);
    if (rc)
        inspect_damage(o, &err);
    else if (!strcmp(part->type, "standalone"))
        o->number(o->ctx, "bytes", part->len);
    else
        inspect_bytes(&f, o, 0);
    o->flag(o->ctx, "mapped",
            !rc && f.map && part->len > KIB(256) && !((fit->base + part->off) % MEM_PAGE) &&
                strcmp(part->compression, "gzip") != 0);
    if (!rc)
        boot_file_close(&f);
    o->close(o->ctx, false);
}

static void config_properties(const struct fit *fit, const struct inspect_out *o)
{
    struct err err = {0};
    const char *name, *val;
    size_t len;
    int rc;
    o->open(o->ctx, "machine", false);
    for (unsigned i = 0; (rc = fit_property(fit, i, &name, &val, &len, &err)) > 0; i++) {
        bool one = len && strlen(val) + 1 == len;
        if (!len)
            o->flag(o->ctx, name, true);
        else if (one)
            o->text(o->ctx, name, val);
        else
            o->open(o->ctx, name, true);
        for (size_t at = 0; !one && at < len; at += strlen(val + at) + 1)
            o->text(o->ctx, NULL, val + at);
        if (len && !one)
            o->close(o->ctx, true);
    }
    o->close(o->ctx, false);
    if (rc)
        inspect_damage(o, &err);
}

static void config_facts(const char *path, const char *name, const struct inspect_out *o)
{
    struct err err = {0};
    struct fit *fit;
    o->open(o->ctx, NULL, false);
    o->text(o->ctx, "name", name);
    if (fit_open(&fit, path, name, true, &err)) {
        inspect_damage(o, &err);
    } else {
        o->flag(o->ctx, "default", fit->normal && !strcmp(fit->normal, name));
        if (fit->signature) {
            o->text(o->ctx, "signature", fit->signature);
            o->text(o->ctx, "signature_of", fit->signed_node);
        }
        config_properties(fit, o);
        for (unsigned role = 0; role < FIT_ROLES; role++)
            if (fit->parts[role].name)
                part_facts(fit, (enum fit_role)role, o);
        fit_free(fit);
    }
    o->close(o->ctx, false);
}

void inspect_fit(const char *path, bool app, const struct inspect_out *o)
{
    struct err err = {0};
    struct fit *fit;
    o->text(o->ctx, "kind", app ? "a vibevmm program with an appliance inside" : "a FIT appliance");
    if (fit_scan(&fit, path, &err)) {
        inspect_damage(o, &err);
        return;
    }
    o->number(o->ctx, "bytes", fit->file_len);
    if (*fit->description)
        o->text(o->ctx, "description", fit->description);
    o->open(o->ctx, "configurations", true);
    for (unsigned i = 0; i < fit->n_configs; i++)
        config_facts(path, fit->configs[i], o);
    o->close(o->ctx, true);
    fit_free(fit);
}
