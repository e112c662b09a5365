// SPDX-License-Identifier: MIT
/*
 * test_boot_fit.c - appliances: what is loaded of a good one, and one bad one per rule.
 *
 * Rules are those of U-Boot's doc/usage/fit/source_file_format.rst and of docs/images.md.
 */
#include <errno.h>

#include "fit_rig.h"

/* Opens the bytes; the fit is the caller's, and the file the rig's. */
static struct fit *fit_of(struct boot_rig *r, struct bytes b, const char *config)
{
    struct fit *fit = NULL;
    boot_rig_init(r, RIG_SIZE);
    r->p.image = boot_rig_file(r, b);
    if (fit_open(&fit, r->p.image, config, false, &r->err))
        printf("# %s\n", r->err.text);
    r->p.fit = fit;
    return fit;
}

static void default_configuration_loads(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    struct bytes want = arm64_new(FIT_RIG_IMAGE, 0, MIB(2), 0xa);
    struct fit *fit = fit_of(&r, fit_rig_bytes(&a), NULL);
    expect_true(fit != NULL);
    if (!fit)
        return;
    expect_text(fit->chosen, "conf-1");
    expect_true(fit->parts[FIT_KERNEL].external && fit->parts[FIT_KERNEL].verified);
    expect_true(!fit->parts[FIT_RAMDISK].external && fit->parts[FIT_RAMDISK].verified);
    expect_u64(fit->parts[FIT_KERNEL].off, FIT_RIG_TREE);
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_ARM64);
    expect_u64(r.res.start.entry, RIG_RAM);
    expect_u64(r.res.mapped_len, 0); /* it has a hash */
    expect_true(!memcmp(mem_hva(&r.mem, RIG_RAM, want.len), want.p, want.len));
    expect_u64(r.res.initrd_len, 7);
    expect_true(!memcmp(mem_hva(&r.mem, r.res.initrd_gpa, 7), "ramdisk", 7));
    void *dtb = NULL;
    size_t len = 0;
    expect_u64(fit_dtb_read(fit, MIB(1), &dtb, &len, &r.err), 0);
    expect_u64(len, 4);
    expect_true(dtb && !memcmp(dtb, "tree", 4));
    free(dtb);
    fit_free(fit);
    boot_rig_fini(&r);
    free(want.p);
}

static void chosen_configuration_loads(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    struct fit *fit = fit_of(&r, fit_rig_bytes(&a), "conf-2");
    expect_true(fit && !fit->parts[FIT_RAMDISK].name && !fit->parts[FIT_FDT].name);
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.initrd_len, 0);
    fit_free(fit);
    boot_rig_fini(&r);
}

/* Nothing to check it against, uncompressed, at a page of the file: pages of the file are RAM. */
static void unhashed_payload_is_mapped(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    struct bytes want = arm64_new(FIT_RIG_IMAGE, 0, MIB(2), 0xa);
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/images/kernel-1/hash-1"));
    struct fit *fit = fit_of(&r, fit_rig_bytes(&a), NULL);
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.mapped_len, MIB(1));
    uint8_t *at = mem_hva(&r.mem, RIG_RAM, want.len + 1);
    expect_true(!memcmp(at, want.p, want.len));
    expect_u64(at[want.len], 0);
    at[100] ^= 0xff; /* copy-on-write: the file keeps its byte */
    uint8_t byte = 0;
    expect_u64(pread(r.files[0].fd, &byte, 1, FIT_RIG_TREE + 100), 1);
    expect_u64(byte, want.p[100]);
    /* what the guest gives back reads as zero, not as the file again */
    mem_discard(&r.mem, RIG_RAM + 0x10000, 0x2000);
    expect_u64(at[0x10001], 0);
    expect_u64(at[0x12001], want.p[0x12001]);
    fit_free(fit);
    boot_rig_fini(&r);
    free(want.p);
}

/* The same at an odd place of the file is copied. */
static void unaligned_payload_is_copied(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/images/kernel-1/hash-1"));
    fit_rig_set(&a, "/images/kernel-1", "data-offset", "\0\0\0\4", 4);
    struct bytes b = fit_rig_bytes(&a), c = bytes_new(b.len + 4, 0);
    memcpy(c.p, b.p, FIT_RIG_TREE);
    memcpy(c.p + FIT_RIG_TREE + 4, b.p + FIT_RIG_TREE, b.len - FIT_RIG_TREE);
    free(b.p);
    struct fit *fit = fit_of(&r, c, NULL);
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.mapped_len, 0);
    expect_u64(le32_get(mem_hva(&r.mem, RIG_RAM + 0x38, 4)), 0x644d5241); /* "ARM\x64" */
    fit_free(fit);
    boot_rig_fini(&r);
}

/* Raw code: load and entry place it, in two cells as well as in one. */
static void raw_code_goes_to_load(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "type", "standalone", 11);
    fit_rig_set(&a, "/images/kernel-1", "load", "\0\0\0\0\x40\x10\0\0", 8);
    fit_rig_set(&a, "/images/kernel-1", "entry", "\x40\x10\0\x08", 4);
    struct fit *fit = fit_of(&r, fit_rig_bytes(&a), NULL);
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_RAW);
    expect_u64(r.res.load_gpa, 0x40100000);
    expect_u64(r.res.start.entry, 0x40100008);
    fit_free(fit);
    boot_rig_fini(&r);
}

static void properties_are_listed(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    const char *name = NULL, *val = NULL;
    size_t len = 0;
    fit_rig_set(&a, "/configurations/conf-1", "vibevmm,disk", "a\0b", 4);
    struct fit *fit = fit_of(&r, fit_rig_bytes(&a), NULL);
    expect_u64(fit_property(fit, 0, &name, &val, &len, &r.err), 1);
    expect_text(name, "disk");
    expect_true(len == 4 && !memcmp(val, "a\0b", 4));
    expect_u64(fit_property(fit, 1, &name, &val, &len, &r.err), 0);
    fit_free(fit);
    boot_rig_fini(&r);
}

/* ---- one bad appliance per rule ---- */

/* columns: node, property, its value and length (-1: taken away), what the message must say */
static const struct bad {
    const char *node, *prop, *val;
    int len;
    const char *message;
} bads[] = {
    {"/",                                  "description",   "\xff",             0,  "description is not one string"                     },
    {"/configurations",                    "default",       "x",                2,  "default \"x\": no such configu"                    },
    {"/configurations",                    "default",       NULL,               -1,
     "has no default configuration; choose one by --config: conf-1, conf-2"                                                             },
    {"/configurations",                    "default",       "ab",               2,  "/configurations: default is not one string of text"},
    {"/configurations/conf-1",             "kernel",        NULL,               -1, "conf-1: names no kernel"                           },
    {"/configurations/conf-1",             "kernel",        "nope",             5,  "its kernel \"nope\" is not in /images"             },
    {"/configurations/conf-1",             "kernel",        "ramdisk-1",        10,
     "type \"ramdisk\"; a kernel is kernel, kernel_noload"                                                                              },
    {"/configurations/conf-1",             "ramdisk",       "kernel-1",         9,  "type \"kernel\"; a ramdisk is ramdisk"             },
    {"/configurations/conf-1",             "fdt",           "fdt-1\0fdt-1",     12, "several device trees"                              },
    {"/configurations/conf-1",             "loadables",     "fdt-1",            6,  "has loadables, which is not loaded"                },
    {"/configurations/conf-1",             "setup",         "fdt-1",            6,  "has setup, which is not loaded"                    },
    {"/configurations/conf-1/signature-1", "algo",          "sha256,rsa2048",   15,
     "conf-1 has a signature (sha256,rsa2048)"                                                                                          },
    {"/images/kernel-1/signature-1",       "algo",          "sha1,rsa2048",     13,
     "kernel-1 has a signature (sha1,rsa2048)"                                                                                          },
    {"/images/kernel-1/cipher",            "algo",          "aes256",           7,  "is encrypted"                                      },
    {"/images/kernel-1",                   "arch",          "riscv",            6,  "arch is \"riscv\"; arm64, x86_64"                  },
    {"/images/kernel-1",                   "arch",          NULL,               -1, "arch is \"\""                                      },
    {"/images/kernel-1",                   "compression",   "lzma",             5,
     "compression \"lzma\" is not unpacked here; none and gzip"                                                                         },
    {"/images/fdt-1",                      "compression",   "gzip",             5,
     "compression \"gzip\" is not unpacked here; none is"                                                                               },
    {"/images/kernel-1",                   "load",          "\0\0\0\0",         4,  "has load without entry"                            },
    {"/images/kernel-1",                   "entry",         "\0\0\0\0",         4,  "has entry without load"                            },
    {"/images/kernel-1",                   "load",          "\0\0\0",           3,  "load has 3 bytes; it takes 4 or 8"                 },
    {"/images/kernel-1",                   "type",          "standalone",       11, "raw code (standalone) without load and entry"      },
    {"/images/kernel-1",                   "data-size",     NULL,               -1, "has data-offset without data-size"                 },
    {"/images/kernel-1",                   "data-size",     "\0",               1,  "data-size has 1 bytes; it takes 4"                 },
    {"/images/kernel-1",                   "data-size",     "\0\0\0\0",         4,  "is empty (0 bytes)"                                },
    {"/images/kernel-1",                   "data-size",     "\xff\xff\xff\xff", 4,  "reach past the end of the file"                    },
    {"/images/kernel-1",                   "data-offset",   "\xff\xff\xff\xff", 4,  "reach past the end of the file"                    },
    {"/images/kernel-1",                   "data-offset",   NULL,               -1, "has no data: neither data, data-offset nor"        },
    {"/images/kernel-1",                   "data-position", "\0\0\x10\0",       4,  "has data-offset and data-position"                 },
    {"/images/kernel-1",                   "data",          "x",                1,  "in the tree and outside of it"                     },
    {"/images/ramdisk-1",                  "data",          "",                 0,  "(ramdisk-1): is empty (0 bytes)"                   },
    {"/images/kernel-1/hash-1",            "algo",          NULL,               -1, "a hash has no algo"                                },
    {"/images/kernel-1/hash-1",            "algo",          "sha1",             5,
     "its only hash is sha1, which is not verified here"                                                                                },
    {"/images/kernel-1/hash-1",            "value",         "abc",              3,  "its sha256 has 3 bytes; it takes 32"               },
    {"/images/kernel-1/hash-1",            "value",         NULL,               -1, "its sha256 has 0 bytes; it takes 32"               },
};

static void expect_not_opened(struct bytes b, const char *message)
{
    struct boot_rig r;
    struct fit *fit = NULL;
    boot_rig_init(&r, RIG_SIZE);
    const char *path = boot_rig_file(&r, b);
    expect_true(fit_open(&fit, path, NULL, false, &r.err) < 0);
    expect_true(fit == NULL);
    expect_text(r.err.text, message);
    expect_text(r.err.text, path);
    expect_u64(r.err.kind, ERR_IMAGE);
    boot_rig_fini(&r);
}

static void each_rule_has_its_message(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(bads); i++) {
        struct fit_rig a = fit_rig_new();
        fit_rig_set(&a, bads[i].node, bads[i].prop, bads[i].val, bads[i].len);
        expect_not_opened(fit_rig_bytes(&a), bads[i].message);
    }
}

static void data_position_inside_the_tree(void)
{
    struct fit_rig a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "data-offset", NULL, -1);
    fit_rig_set(&a, "/images/kernel-1", "data-position", "\0\0\x0f\xff", 4);
    expect_not_opened(fit_rig_bytes(&a), "data-position 4095 is inside the tree of 4096 bytes");
}

static void names_with_control_characters(void)
{
    struct fit_rig a = fit_rig_new();
    fit_rig_set(&a, "/configurations/c\033[2J", NULL, NULL, 0);
    expect_not_opened(fit_rig_bytes(&a), "a node's name is empty or has control characters");
    a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "arch", "\033[2J", 5);
    expect_not_opened(fit_rig_bytes(&a), "arch is not one string of text");
}

static void nodes_that_are_missing(void)
{
    struct fit_rig a = fit_rig_new();
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/images"));
    expect_not_opened(fit_rig_bytes(&a), "has no /images");
    a = fit_rig_new();
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/configurations"));
    expect_not_opened(fit_rig_bytes(&a), "has no /configurations");
    a = fit_rig_new();
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/images"));
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/configurations"));
    expect_not_opened(fit_rig_bytes(&a), "is a device tree, not an appliance");
    a = fit_rig_new();
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/configurations/conf-1"));
    fdt_del_node(a.tree, fdt_path_offset(a.tree, "/configurations/conf-2"));
    expect_not_opened(fit_rig_bytes(&a), "/configurations is empty");
}

static void truncated_files(void)
{
    static const struct {
        size_t len;
        const char *message;
    } cuts[] = {
        {4,                                "is truncated"                          },
        {39,                               "is truncated"                          },
        {FIT_RIG_TREE - 1,                 "its tree has 4096 bytes, the file 4095"},
        {FIT_RIG_TREE,                     "reach past the end of the file of 4096"},
        {FIT_RIG_TREE + FIT_RIG_IMAGE - 1, "reach past the end of the file"        },
    };
    for (unsigned i = 0; i < ARRAY_LEN(cuts); i++) {
        struct fit_rig a = fit_rig_new();
        struct bytes b = fit_rig_bytes(&a);
        b.len = cuts[i].len;
        expect_not_opened(b, cuts[i].message);
    }
}

static void damaged_trees(void)
{
    struct fit_rig a = fit_rig_new();
    struct bytes b = fit_rig_bytes(&a);
    memset(b.p + 4, 0, 4); /* totalsize */
    expect_not_opened(b, "its tree has 0 bytes");
    a = fit_rig_new();
    b = fit_rig_bytes(&a);
    memset(b.p + be32_get(b.p + 8), 0xee, 64); /* the structure block */
    expect_not_opened(b, "the tree is damaged");
    a = fit_rig_new();
    b = fit_rig_bytes(&a);
    b.p[23] = 16; /* version */
    expect_not_opened(b, "the tree is damaged");
}

static void too_many(void)
{
    struct fit_rig a = fit_rig_new();
    char node[64];
    for (unsigned i = 2; i <= FIT_HASHES_MAX + 1; i++) {
        snprintf(node, sizeof node, "/images/kernel-1/hash-%u", i);
        fit_rig_set(&a, node, "algo", "md5", 4);
    }
    expect_not_opened(fit_rig_bytes(&a), "has more than 4 hashes");
    a = fit_rig_new();
    for (unsigned i = 3; i <= FIT_CONFIGS_MAX + 1; i++) {
        snprintf(node, sizeof node, "/configurations/conf-%u", i);
        fit_rig_set(&a, node, NULL, NULL, 0);
    }
    expect_not_opened(fit_rig_bytes(&a), "has more than 32 configurations");
}

/* Opened, and refused when it is loaded. */
static void expect_not_loaded(struct bytes b, const char *message)
{
    struct boot_rig r;
    struct fit *fit = fit_of(&r, b, NULL);
    expect_true(fit != NULL);
    if (fit) {
        expect_true(boot_rig_load(&r) < 0);
        expect_text(r.err.text, message);
        expect_text(r.err.text, r.p.image);
        expect_u64(r.err.kind, ERR_IMAGE);
    }
    fit_free(fit);
    boot_rig_fini(&r);
}

static void a_changed_byte_is_found(void)
{
    struct fit_rig a = fit_rig_new();
    a.image.p[FIT_RIG_IMAGE - 1] ^= 1;
    expect_not_loaded(fit_rig_bytes(&a), "(kernel-1): is damaged or was changed: its sha256 is");
    a = fit_rig_new();
    fit_rig_set(&a, "/images/ramdisk-1", "data", "ramdisc", 7);
    expect_not_loaded(fit_rig_bytes(&a), "(ramdisk-1): is damaged or was changed: its crc32 is");
}

static void kernels_that_do_not_load(void)
{
    struct fit_rig a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "arch", "x86_64", 7);
    expect_not_loaded(fit_rig_bytes(&a), "is for x86_64; board t");
    a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "compression", "gzip", 5);
    expect_not_loaded(fit_rig_bytes(&a), "gzip data is corrupt");
    a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "type", "standalone", 11);
    fit_rig_set(&a, "/images/kernel-1", "load", "\0\1\0\0", 4);
    fit_rig_set(&a, "/images/kernel-1", "entry", "\0\1\0\0", 4);
    expect_not_loaded(fit_rig_bytes(&a), "load address 0x10000 is outside RAM");
    a = fit_rig_new();
    fit_rig_set(&a, "/images/kernel-1", "type", "standalone", 11);
    fit_rig_set(&a, "/images/kernel-1", "load", "\x40\0\0\0", 4);
    fit_rig_set(&a, "/images/kernel-1", "entry", "\x4f\0\0\0", 4);
    expect_not_loaded(fit_rig_bytes(&a), "entry 0x4f000000 is not in the");
}

static void a_property_that_is_no_text(void)
{
    struct boot_rig r;
    struct fit_rig a = fit_rig_new();
    const char *name = NULL, *val = NULL;
    size_t len = 0;
    fit_rig_set(&a, "/configurations/conf-1", "vibevmm,cpus", "\0\0\0\2", 4);
    struct fit *fit = fit_of(&r, fit_rig_bytes(&a), NULL);
    expect_true(fit_property(fit, 0, &name, &val, &len, &r.err) < 0);
    expect_text(r.err.text, "property 1 for vibevmm is not text");
    fit_free(fit);
    boot_rig_fini(&r);
}

/* A signature may be passed over; the hashes still count. */
static void signature_is_passed_over_when_asked(void)
{
    struct boot_rig r;
    struct fit *fit = NULL;
    struct fit_rig a = fit_rig_new();
    fit_rig_set(&a, "/configurations/conf-1/signature-1", "algo", "sha256,rsa2048", 15);
    a.image.p[99] ^= 1;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, fit_rig_bytes(&a));
    expect_u64(fit_open(&fit, r.p.image, NULL, true, &r.err), 0);
    expect_text(fit->signature, "sha256,rsa2048");
    expect_text(fit->signed_node, "conf-1");
    r.p.fit = fit;
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, "was changed");
    fit_free(fit);
    boot_rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(default_configuration_loads),
    TAP_TEST(chosen_configuration_loads),
    TAP_TEST(unhashed_payload_is_mapped),
    TAP_TEST(unaligned_payload_is_copied),
    TAP_TEST(raw_code_goes_to_load),
    TAP_TEST(properties_are_listed),
    TAP_TEST(each_rule_has_its_message),
    TAP_TEST(data_position_inside_the_tree),
    TAP_TEST(names_with_control_characters),
    TAP_TEST(nodes_that_are_missing),
    TAP_TEST(truncated_files),
    TAP_TEST(damaged_trees),
    TAP_TEST(too_many),
    TAP_TEST(a_changed_byte_is_found),
    TAP_TEST(kernels_that_do_not_load),
    TAP_TEST(a_property_that_is_no_text),
    TAP_TEST(signature_is_passed_over_when_asked),
};

TAP_MAIN(tests)
