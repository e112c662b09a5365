// SPDX-License-Identifier: MIT
/*
 * test_boot_packed.c - gzip and EFI zboot around images, and the formats that are recognised and
 * refused.
 */
#include <errno.h>
#include <zlib.h>

#include "boot_rig.h"

/* b as one gzip member (RFC 1952); frees b. */
static struct bytes gz_new(struct bytes b)
{
    z_stream z = {0};
    struct bytes out = bytes_new(b.len + b.len / 8 + 256, 0);
    expect_u64(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = b.p;
    z.avail_in = (unsigned)b.len;
    z.next_out = out.p;
    z.avail_out = (unsigned)out.len;
    expect_u64(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    free(b.p);
    return out;
}

static struct bytes joined(struct bytes a, struct bytes b)
{
    struct bytes out = bytes_new(a.len + b.len, 0);
    memcpy(out.p, a.p, a.len);
    memcpy(out.p + a.len, b.p, b.len);
    free(a.p);
    free(b.p);
    return out;
}

static struct bytes cut(struct bytes b, size_t from, size_t to)
{
    struct bytes out = bytes_new(to - from, 0);
    memcpy(out.p, b.p + from, to - from);
    free(b.p);
    return out;
}

/* zboot-header.S */
static struct bytes zboot_new(struct bytes payload, const char *type)
{
    struct bytes b = bytes_new(0x100, 0);
    memcpy(b.p, "MZ", 2);
    memcpy(b.p + 4, "zimg", 4);
    le32_put(b.p + 8, 0x100);
    le32_put(b.p + 12, (uint32_t)payload.len);
    memcpy(b.p + 24, type, strlen(type) + 1);
    return joined(joined(b, payload), bytes_new(64, 0xcc));
}

#define IMAGE_LEN (MIB(5) + 123)

/* Loads `b`, which must hold arm64_new(IMAGE_LEN, ...). */
static void expect_image(struct bytes b, const char *packing)
{
    struct boot_rig r;
    struct bytes want = arm64_new(IMAGE_LEN, 0x1000, MIB(6), 0xa);
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, b);
    expect_u64(boot_rig_load(&r), 0);
    if (r.err.code)
        printf("# %s\n", r.err.text);
    expect_u64(r.res.kind, IMAGE_ARM64);
    expect_true(!strcmp(r.res.packing, packing));
    expect_u64(r.res.start.entry, RIG_RAM + 0x1000);
    expect_u64(r.res.file_len, IMAGE_LEN);
    expect_u64(r.res.load_len, MIB(6));
    const void *at = mem_hva(&r.mem, RIG_RAM + 0x1000, IMAGE_LEN + 1);
    expect_true(at && !memcmp(at, want.p, IMAGE_LEN));
    expect_true(at && !((const uint8_t *)at)[IMAGE_LEN]);
    boot_rig_fini(&r);
    free(want.p);
}

static struct bytes image(void)
{
    return arm64_new(IMAGE_LEN, 0x1000, MIB(6), 0xa);
}

static void gzip_of_an_image(void)
{
    expect_image(image(), "");
    expect_image(gz_new(image()), "gzip");
}

static void gzip_members_follow_one_another(void)
{
    struct bytes a = cut(image(), 0, 100), b = cut(image(), 100, MIB(4)),
                 c = cut(image(), MIB(4), IMAGE_LEN);
    expect_image(joined(joined(gz_new(a), gz_new(b)), gz_new(c)), "gzip");
}

static void bytes_after_gzip_are_ignored(void)
{
    expect_image(joined(gz_new(image()), bytes_new(1, 0)), "gzip");
    expect_image(joined(gz_new(image()), bytes_new(5000, 0)), "gzip");
    expect_image(joined(gz_new(image()), bytes_new(70000, 0x55)), "gzip");
}

static void gzip_of_an_elf(void)
{
    static const struct rig_seg seg = {1, 0x1000, RIG_RAM + 0x200000, MIB(3), MIB(4)};
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, gz_new(elf_new(0x1010, &seg, 1)));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_ELF);
    expect_true(!strcmp(r.res.packing, "gzip"));
    expect_u64(r.res.start.entry, RIG_RAM + 0x200010);
    expect_u64(r.res.file_len, 0x1000 + MIB(3));
    expect_u64(*(uint8_t *)mem_hva(&r.mem, RIG_RAM + 0x200000 + MIB(3) - 1, 1), 0xa0);
    boot_rig_fini(&r);
}

static void zboot_of_an_image(void)
{
    expect_image(zboot_new(gz_new(image()), "gzip"), "EFI zboot (gzip)");
}

static void corrupt_gzip_is_seen(void)
{
    struct bytes b = gz_new(image());
    b.p[b.len - 5] ^= 1; /* the CRC */
    expect_refused(b, "the gzip data is corrupt at byte");
    b = gz_new(image());
    b.p[b.len - 1] ^= 1; /* the length */
    expect_refused(b, "incorrect length check");
    b = gz_new(image());
    memset(b.p + b.len / 2, 0xff, 64);
    expect_refused(b, "the gzip data is corrupt at byte");
    b = gz_new(image());
    b.p[2] = 7; /* RFC 1952 §2.3.1: CM 8 is deflate */
    expect_refused(b, "unknown compression method");
    expect_refused(cut(gz_new(image()), 0, 9), "the gzip data is truncated: it ends at byte 9");
    b = gz_new(image());
    expect_refused(cut(b, 0, b.len - 1), "the gzip data is truncated");
    b = gz_new(image());
    expect_refused(cut(b, 0, b.len / 2), "the gzip data is truncated");
    b = gz_new(image()); /* a second member that is none */
    expect_refused(joined(b, cut(gz_new(image()), 0, 40)), "the gzip data is truncated");
    expect_refused(gz_new(bytes_new(0, 0)), "the gzip data is empty");
}

/* More than RAM: refused as soon as RAM is full. */
static void a_gzip_bomb_is_bounded_by_ram(void)
{
    static const struct rig_seg seg = {1, RIG_RAM, RIG_RAM, 16, 16};
    expect_refused(gz_new(arm64_new(MIB(64), 0, MIB(1), 0)), "inflates to more than the 16 MiB");
    expect_refused(gz_new(joined(elf_new(RIG_RAM, &seg, 1), bytes_new(MIB(64), 0))),
                   "inflates to more than 16 MiB, all the RAM");
    expect_refused(gz_new(bytes_new(MIB(64), 0)), "inside its gzip data is all zero bytes");
}

static void gzip_of_something_else(void)
{
    struct bytes cpio = bytes_new(512, '0');
    memcpy(cpio.p, "070701", 6);
    expect_refused(gz_new(cpio), "inside its gzip data is a cpio archive (initramfs)");
    expect_refused(gz_new(gz_new(image())), "inside its gzip data is compressed once more");
    expect_refused(gz_new(bytes_new(100, 0xd5)),
                   "inside its gzip data is of no known image format");
}

static void cut_image_inside_gzip(void)
{
    struct bytes b = arm64_new(0x1000, 0, 0x4000, 0xa);
    memcpy(b.p, "MZ", 2);
    le32_put(b.p + 0x3c, 0x40);
    memcpy(b.p + 0x40, "PE\0\0\x64\xaa\1\0", 8);
    memset(b.p + 0x48, 0, 0x80);
    le32_put(b.p + 0x40 + 24 + 16, 0x3000);
    expect_refused(gz_new(b), "the ARM64 Image inside is truncated: has 4096 bytes of 12288");
}

static void zboot_headers_that_cannot_be(void)
{
    static const struct {
        unsigned at;
        uint32_t val;
    } outside[] = {
        {8,  0         },
        {8,  63        },
        {8,  0x7fffffff},
        {12, 0         },
        {12, UINT32_MAX}
    };
    for (unsigned i = 0; i < ARRAY_LEN(outside); i++) {
        struct bytes b = zboot_new(bytes_new(64, 1), "gzip");
        le32_put(b.p + outside[i].at, outside[i].val);
        expect_refused(b, "is outside the file of 384 bytes");
    }
    expect_refused(zboot_new(bytes_new(64, 1), "gzip"), "begins with 01 01, gzip data with 1f 8b");
    expect_refused(zboot_new(bytes_new(64, 1), "brot\033li"), "EFI zboot with \"brot?li\" inside");
    expect_refused(cut(zboot_new(bytes_new(64, 1), "gzip"), 0, 40), "is truncated: has 40 bytes");
    static const struct {
        const char *type, *command;
    } rows[] = {
        {"zstd22", "| head -c 64 | zstd -dc > kernel"},
        {"zstd",   "| zstd -dc > kernel"             },
        {"xzkern", "tail -c +257 "                   },
        {"xz",     "| xz -dc > kernel"               },
        {"lz4",    "| lz4 -dc > kernel"              },
        {"lzma",   "| xz -dc --format=lzma > kernel" },
        {"lzo",    "| lzop -dc > kernel"             },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        expect_refused(zboot_new(bytes_new(64, 1), rows[i].type), rows[i].command);
}

/* Each format that does not boot: its first bytes, its name, and what to do. */
static void known_formats_are_named(void)
{
    static const struct {
        unsigned at;
        const char *bytes;
        unsigned len;
        const char *name, *advice;
    } rows[] = {
        {0,      "BZh91AY",                 7,  "is bzip2-compressed data",          "Unpack it: bzip2 -dc /proc"  },
        {0,
         "\xfd"
         "7zXZ\0",                          6,  "is xz-compressed data",             "Unpack it: xz -dc /proc"     },
        {0,      "\x5d\0\0\x80",            4,  "is LZMA-compressed data",           "xz -dc --format=lzma /proc"  },
        {0,      "\x04\x22\x4d\x18",        4,  "is LZ4-compressed data",            "lz4 -dc /proc"               },
        {0,      "\x02\x21\x4c\x18",        4,  "(legacy frame)",                    "lz4 -dc /proc"               },
        {0,      "\x28\xb5\x2f\xfd",        4,  "is Zstandard-compressed data",      "zstd -dc /proc"              },
        {0,      "\x89LZO\0\r\n",           7,  "is lzop-compressed data",           "lzop -dc /proc"              },
        {0,      "\x1f\x9d\x90",            3,  "is compress(1)ed data",             "gzip -dc /proc"              },
        {0,      "PK\3\4",                  4,  "is a zip archive",                  "unzip /proc"                 },
        {0,      "7z\xbc\xaf\x27\x1c",      6,  "is a 7-zip archive",                "7z x /proc"                  },
        {0,      "\x27\x05\x19\x56",        4,  "is a U-Boot legacy image (uImage)", "dumpimage -T kernel"         },
        {0,      "\xd0\x0d\xfe\xed",        4,  "FIT appliance",                     "boots from a file of its own"},
        {0,      "ANDROID!",                8,  "is an Android boot image",          "unpack_bootimg"              },
        {0,      "QFI\xfb",                 4,  "is a qcow2 disk image",             "--initrd"                    },
        {0,      "KDMV",                    4,  "is a VMDK disk image",              "give its kernel"             },
        {0,      "vhdxfile",                8,  "is a VHDX disk image",              "give its kernel"             },
        {0,      "conectix",                8,  "is a VHD disk image",               "give its kernel"             },
        {0,      "hsqs",                    4,  "is a squashfs file system",         "give its kernel"             },
        {512,    "EFI PART",                8,  "is a GPT disk image",               "give its kernel"             },
        {0x438,  "\x53\xef",                2,  "is an ext2/3/4 file system",        "give its kernel"             },
        {510,    "\x55\xaa",                2,  "is a disk image with an MBR",       "give its kernel"             },
        {0x8001, "CD001",                   5,  "is an ISO 9660 CD image",           "give its kernel"             },
        {0,      "070701",                  6,  "is a cpio archive (initramfs)",     "pass it with --initrd /proc" },
        {0,      "070702",                  6,  "is a cpio archive (initramfs)",     "pass it with --initrd /proc" },
        {0,      "070707",                  6,  "is a cpio archive",                 "pass it with --initrd /proc" },
        {0,      "\xc7\x71",                2,  "is a cpio archive",                 "pass it with --initrd /proc" },
        {257,    "ustar",                   5,  "is a tar archive",                  "tar -xf /proc"               },
        {0x202,  "HdrS",                    4,  "is an x86 Linux kernel (bzImage)",  "needs an ARM64 one"          },
        {0x38,   "RSC\5",                   4,  "is a RISC-V Linux Image",           "needs an ARM64 one"          },
        {0x24,   "\x18\x28\x6f\x01",        4,  "is a 32-bit ARM Linux zImage",      "needs an ARM64 one"          },
        {0,      "\xcf\xfa\xed\xfe",        4,  "is a Mach-O file",                  "give a kernel"               },
        {0,      "\xca\xfe\xba\xbe",        4,  "Java class file",                   "give a kernel"               },
        {0,      "#!/bin/sh\n",             10, "is a script",                       "its shell"                   },
        {0,      "version https://git-lfs", 23, "is a Git LFS pointer",              "git lfs pull"                },
        {0,      "MZ",                      2,  "is a DOS or Windows program",       "give a kernel"               },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned pass = 0; pass < 2; pass++) {
            struct bytes b = bytes_new(0x9000, 0);
            b.p[0] = rows[i].at ? 0xd5 : 0;
            memcpy(b.p + rows[i].at, rows[i].bytes, rows[i].len);
            expect_refused(b, pass ? rows[i].advice : rows[i].name);
        }
}

static void efi_programs_are_named_by_machine(void)
{
    static const struct {
        unsigned machine;
        const char *message;
    } rows[] = {
        {0xaa64, "is an EFI program for ARM64 (PE)" },
        {0xaa64, "need UEFI firmware (--firmware)"  },
        {0x8664, "is an EFI program for x86-64 (PE)"},
        {0x014c, "is an EFI program for x86 (PE)"   },
        {0x01c2, "is an EFI program for 32-bit ARM" },
        {0x5064, "is an EFI program for RISC-V"     },
        {0x6264, "is an EFI program for LoongArch"  },
        {0x1234, "is an EFI program for another CPU"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct bytes b = bytes_new(0x200, 0);
        memcpy(b.p, "MZ", 2);
        le32_put(b.p + 0x3c, 0x80);
        memcpy(b.p + 0x80, "PE\0\0", 4);
        le32_put(b.p + 0x84, rows[i].machine);
        expect_refused(b, rows[i].message);
    }
    struct bytes b = bytes_new(0x84, 0); /* a header that ends with the file */
    memcpy(b.p, "MZ", 2);
    le32_put(b.p + 0x3c, 0x80);
    memcpy(b.p + 0x80, "PE\0\0", 4);
    expect_refused(b, "is a DOS or Windows program (MZ)");
}

static void unknown_bytes_are_shown(void)
{
    struct bytes b = bytes_new(3, 0xd5);
    expect_refused(b, "is of no known image format (begins with d5 d5 d5)");
    expect_refused(bytes_new(100, 0xd5), "raw code is loaded with --binary /proc/self/fd/");
    expect_refused(bytes_new(100, 0), "is all zero bytes at its start");
    expect_refused(bytes_new(100, 'a'), "is text");
    expect_refused(bytes_new(1, 0x1f), "no known image format");
}

static const struct tap_test tests[] = {
    TAP_TEST(gzip_of_an_image),
    TAP_TEST(gzip_members_follow_one_another),
    TAP_TEST(bytes_after_gzip_are_ignored),
    TAP_TEST(gzip_of_an_elf),
    TAP_TEST(zboot_of_an_image),
    TAP_TEST(corrupt_gzip_is_seen),
    TAP_TEST(a_gzip_bomb_is_bounded_by_ram),
    TAP_TEST(gzip_of_something_else),
    TAP_TEST(cut_image_inside_gzip),
    TAP_TEST(zboot_headers_that_cannot_be),
    TAP_TEST(known_formats_are_named),
    TAP_TEST(efi_programs_are_named_by_machine),
    TAP_TEST(unknown_bytes_are_shown),
};
TAP_MAIN(tests)
