// SPDX-License-Identifier: MIT
/*
 * test_boot.c - raw code, firmware, ELF64 and ARM64 Images: what is loaded where, and what is
 * refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "boot_rig.h"

/* ---- files ---- */

static void files_that_are_none(void)
{
    static const struct {
        const char *path, *message;
        enum err_kind kind;
    } rows[] = {
        {"/nonexistent/kernel", "/nonexistent/kernel: No such file", ERR_FILE },
        {"/etc/passwd/kernel",  "Not a directory",                   ERR_FILE },
        {"/proc/self",          "/proc/self: is a directory",        ERR_IMAGE},
        {"/dev/null",           "/dev/null: is empty (0 bytes)",     ERR_IMAGE},
        {"/dev/zero",           "/dev/zero: gives more than 16 MiB", ERR_IMAGE},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct boot_rig r;
        boot_rig_init(&r, RIG_SIZE);
        r.p.image = rows[i].path;
        expect_true(boot_rig_load(&r) < 0);
        expect_text(r.err.text, rows[i].message);
        expect_u64(r.err.kind, rows[i].kind);
        r.p.binary = rows[i].path;
        expect_true(boot_rig_load(&r) < 0);
        expect_text(r.err.text, rows[i].message);
        boot_rig_fini(&r);
    }
    expect_refused(bytes_new(0, 0), "is empty (0 bytes)");
}

static void an_unreadable_file_names_the_reason(void)
{
    struct boot_rig r;
    char path[] = "/tmp/test_boot_XXXXXX";
    int fd = mkstemp(path);
    expect_true(fd >= 0 && !fchmod(fd, 0));
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = path;
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, geteuid() ? "Permission denied" : "is empty"); /* root may read it */
    close(fd);
    unlink(path);
    boot_rig_fini(&r);
}

static void a_pipe_is_an_image_too(void)
{
    struct boot_rig r;
    int fds[2];
    char path[32];
    struct bytes b = arm64_new(5000, 0, 0x4000, 0);
    expect_u64(pipe(fds), 0);
    expect_u64(write(fds[1], b.p, b.len), b.len);
    close(fds[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = path;
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.start.entry, RIG_RAM);
    expect_true(!memcmp(mem_hva(&r.mem, RIG_RAM, b.len), b.p, b.len));
    boot_rig_fini(&r);
    free(b.p);
    close(fds[0]);
}

static void one_image_at_a_time(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    expect_u64(boot_rig_load(&r), -EINVAL);
    expect_text(r.err.text, "no image");
    r.p.firmware = "a";
    r.p.binary = "b";
    expect_u64(boot_rig_load(&r), -EINVAL);
    expect_text(r.err.text, "--firmware a and b");
    boot_rig_fini(&r);
}

/* ---- raw ---- */

static void raw_goes_where_the_board_says(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.binary = boot_rig_file(&r, bytes_new(777, 0x5a));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_RAW);
    expect_u64(r.res.start.entry, RIG_RAM + 0x80000);
    expect_u64(r.res.load_gpa, RIG_RAM + 0x80000);
    expect_u64(r.res.load_len, 777);
    expect_u64(*(uint8_t *)mem_hva(&r.mem, RIG_RAM + 0x80000 + 776, 1), 0x5a);
    expect_u64(*(uint8_t *)mem_hva(&r.mem, RIG_RAM + 0x80000 + 777, 1), 0);
    expect_true(r.res.arg_dtb && r.res.has_dtb);
    expect_u64(r.res.dtb_gpa, RIG_RAM);
    boot_rig_fini(&r);
}

static void raw_with_an_entry_goes_exactly_there(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.binary = boot_rig_file(&r, arm64_new(0x1000, 0, 0x4000, 0)); /* whatever it looks like */
    r.p.has_entry = true;
    r.p.entry = RIG_RAM + 0x10004;
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_RAW);
    expect_u64(r.res.start.entry, RIG_RAM + 0x10004);
    expect_u64(r.res.load_gpa, RIG_RAM + 0x10004);
    r.p.entry = RIG_RAM; /* over the device tree's first choice */
    expect_u64(boot_rig_load(&r), 0);
    expect_true(r.res.has_dtb && r.res.dtb_gpa >= RIG_RAM + 0x1000);
    expect_u64(r.res.dtb_gpa % 8, 0);
    boot_rig_fini(&r);
}

static void raw_outside_ram_is_refused(void)
{
    static const struct {
        gpa_t entry;
        const char *message;
    } rows[] = {
        {0,                          "--entry 0 is outside RAM, which is 0x40000000-0x40ffffff"},
        {RIG_RAM - 4,                "--entry 0x3ffffffc is outside RAM"                       },
        {RIG_RAM + RIG_SIZE,         "--entry 0x41000000 is outside RAM"                       },
        {UINT64_MAX,                 "is outside RAM"                                          },
        {RIG_RAM + 2,                "--entry 0x40000002 is no multiple of 4"                  },
        {RIG_RAM + RIG_SIZE - 0x800, "has 4096 bytes, RAM from 0x40fff800 has 2048"            },
    };
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.binary = boot_rig_file(&r, bytes_new(0x1000, 1));
    r.p.has_entry = true;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        r.p.entry = rows[i].entry;
        expect_true(boot_rig_load(&r) < 0);
        expect_text(r.err.text, rows[i].message);
        expect_u64(r.err.kind, ERR_IMAGE);
    }
    boot_rig_fini(&r);
}

static void unknown_bytes_with_an_entry_are_raw(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.has_entry = true;
    r.p.entry = RIG_RAM + 0x1000;
    r.p.image = boot_rig_file(&r, bytes_new(64, 0xd5));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_RAW);
    r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, 0x4000, 0));
    expect_u64(boot_rig_load(&r), -EINVAL);
    expect_text(r.err.text, "is ARM64 Image, which has its own entry point");
    boot_rig_fini(&r);
}

/* ---- firmware ---- */

static void firmware_fills_the_flash(void)
{
    struct boot_rig r;
    uint8_t flash[0x2000];
    memset(flash, 0xff, sizeof flash);
    boot_rig_init(&r, RIG_SIZE);
    r.p.firmware = boot_rig_file(&r, bytes_new(0x1001, 0x11));
    expect_u64(boot_rig_load(&r), -ENODEV);
    expect_text(r.err.text, "board t has no flash");
    r.p.flash = flash;
    r.p.flash_size = 0x1000;
    expect_u64(boot_rig_load(&r), -EFBIG);
    expect_text(r.err.text, "has 4097 bytes, the flash of board t has 4096");
    r.p.flash_size = sizeof flash;
    r.p.flash_base = 0x8000000;
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_FIRMWARE);
    expect_u64(r.res.start.entry, 0x8000000);
    expect_u64(flash[0x1000], 0x11);
    expect_u64(flash[0x1001], 0xff);
    expect_true(r.res.has_dtb && !r.res.arg_dtb);
    expect_u64(r.res.dtb_gpa, RIG_RAM);
    boot_rig_fini(&r);
}

static void firmware_is_not_an_elf_or_packed(void)
{
    static const struct rig_seg seg = {1, RIG_RAM, RIG_RAM, 16, 16};
    struct boot_rig r;
    uint8_t flash[0x4000];
    boot_rig_init(&r, RIG_SIZE);
    r.p.flash = flash;
    r.p.flash_size = sizeof flash;
    r.p.firmware = boot_rig_file(&r, elf_new(RIG_RAM, &seg, 1));
    expect_u64(boot_rig_load(&r), -ENOEXEC);
    expect_text(r.err.text, "is an ELF for AArch64; --firmware takes the flash's own bytes");
    struct bytes b = bytes_new(64, 1);
    memcpy(b.p,
           "\xfd"
           "7zXZ\0",
           6);
    r.p.firmware = boot_rig_file(&r, b);
    expect_u64(boot_rig_load(&r), -ENOEXEC);
    expect_text(r.err.text, "is xz-compressed data; --firmware");
    boot_rig_fini(&r);
}

/* ---- ARM64 Image: booting.rst §4 ---- */

static void image_goes_text_offset_above_a_2m_boundary(void)
{
    static const struct {
        uint64_t off, size, at, len;
    } rows[] = {
        {0,       0x300000, 0,       0x300000},
        {0x80000, 0x300000, 0x80000, 0x300000},
        {0x1000,  0x100,    0x1000,  0x5000  }, /* image_size less than the file */
        {0x1000,  0,        0x80000, 0x5000  }, /* image_size 0: text_offset is 0x80000 */
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct boot_rig r;
        struct bytes b = arm64_new(0x5000, rows[i].off, rows[i].size, 0xa),
                     copy = bytes_new(0x5000, 0);
        memcpy(copy.p, b.p, b.len);
        boot_rig_init(&r, RIG_SIZE);
        r.p.image = boot_rig_file(&r, b);
        expect_u64(boot_rig_load(&r), 0);
        expect_text(r.res.kind_name, "ARM64 Image");
        expect_u64(r.res.start.entry, RIG_RAM + rows[i].at);
        expect_u64(r.res.load_gpa, RIG_RAM + rows[i].at);
        expect_u64(r.res.load_len, rows[i].len);
        expect_u64(r.res.file_len, 0x5000);
        expect_true(!memcmp(mem_hva(&r.mem, r.res.start.entry, 0x5000), copy.p, 0x5000));
        /* the device tree is clear of it and of its bss */
        expect_true(r.res.arg_dtb && r.res.dtb_gpa >= r.res.load_gpa + r.res.load_len);
        boot_rig_fini(&r);
        free(copy.p);
    }
}

static void image_says_its_page_size(void)
{
    static const char *const hints[] = {NULL, NULL, "16 KiB", "64 KiB"};
    for (unsigned i = 0; i < 4; i++) {
        struct boot_rig r;
        boot_rig_init(&r, RIG_SIZE);
        r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, 0x1000, i << 1));
        expect_u64(boot_rig_load(&r), 0);
        if (hints[i])
            expect_text(r.res.hint, hints[i]);
        else
            expect_true(r.res.hint == NULL);
        boot_rig_fini(&r);
    }
}

static void images_that_cannot_be_placed(void)
{
    expect_refused(arm64_new(0x1000, 0, 0x1000, 1), "is a big-endian ARM64 Image");
    expect_refused(arm64_new(0x1000, 0, RIG_SIZE + 0x1000, 0),
                   "needs 16388 KiB at 0 above a 2 MiB");
    expect_refused(arm64_new(0x1000, 0x80000, RIG_SIZE, 0), "at 0x80000 above a 2 MiB boundary");
    expect_refused(arm64_new(0x1000, UINT64_MAX, 0x1000, 0), "RAM is 0x40000000-0x40ffffff");
    expect_refused(arm64_new(0x1000, 0, UINT64_MAX, 0), "--mem gives more");
    expect_refused(arm64_new(0x1000, 0, RIG_SIZE, 0),
                   "the device tree of 12288 bytes does not fit");
    expect_refused(arm64_new(62, 0, 0, 0), "ARM64 Image: is truncated: has 62 bytes");
}

/* The PE section table of the EFI stub says how long the file is. */
static void a_cut_image_is_seen(void)
{
    struct boot_rig r;
    for (unsigned whole = 0; whole < 2; whole++) {
        struct bytes b = arm64_new(whole ? 0x3000 : 0x2fff, 0, 0x4000, 0xa);
        memcpy(b.p, "MZ", 2);
        le32_put(b.p + 0x3c, 0x40);
        memset(b.p + 0x40, 0, 0x100);
        memcpy(b.p + 0x40, "PE\0\0\x64\xaa\1", 7);
        b.p[0x40 + 20] = 0x10; /* optional header */
        le32_put(b.p + 0x40 + 24 + 0x10 + 16, 0x2000);
        le32_put(b.p + 0x40 + 24 + 0x10 + 20, 0x1000);
        if (!whole) {
            expect_refused(b, "is truncated: has 12287 bytes of 12288");
            continue;
        }
        boot_rig_init(&r, RIG_SIZE);
        r.p.image = boot_rig_file(&r, b);
        expect_u64(boot_rig_load(&r), 0);
        boot_rig_fini(&r);
    }
}

static void an_image_finds_a_higher_ram_window(void)
{
    struct mem_region two[] = {
        {0,        MIB(1),  NULL},
        {0x203000, MIB(16), NULL}
    };
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    mem_fini(&r.mem);
    expect_u64(mem_init(&r.mem, two, 2, &r.err), 0);
    r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, MIB(3), 0xa));
    r.p.initrd = boot_rig_file(&r, bytes_new(MIB(2), 7));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.start.entry, MIB(4));
    expect_true(mem_hva(&r.mem, r.res.initrd_gpa, MIB(2)) != NULL);
    expect_true(r.res.initrd_gpa >= MIB(7));
    boot_rig_fini(&r);
}

/* ---- ELF64 ---- */

static void elf_segments_go_to_their_physical_addresses(void)
{
    static const struct rig_seg segs[] = {
        {1, 0xffff000000080000, RIG_RAM + 0x80000,  0x1234, 0x3000},
        {4, 0,                  0,                  32,     32    }, /* a note: not loaded */
        {1, 0xffff000000200000, RIG_RAM + 0x200000, 0,      0x1000},
        {1, 0xffff000000300000, RIG_RAM + 0x300000, 1,      1     },
        {1, 0,                  0,                  0,      0     },
    };
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, elf_new(0xffff000000080010, segs, ARRAY_LEN(segs)));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_ELF);
    expect_u64(r.res.start.entry, RIG_RAM + 0x80010); /* through its segment */
    expect_u64(r.res.load_gpa, RIG_RAM + 0x80000);
    expect_u64(r.res.load_len, 0x280001);
    const uint8_t *p = mem_hva(&r.mem, RIG_RAM + 0x80000, 0x3000);
    expect_u64(p[0], 0xa0);
    expect_u64(p[0x1233], 0xa0);
    expect_u64(p[0x1234], 0);
    expect_u64(*(uint8_t *)mem_hva(&r.mem, RIG_RAM + 0x300000, 1), 0xa3);
    expect_true(!r.res.arg_dtb && r.res.has_dtb);
    expect_u64(r.res.dtb_gpa, RIG_RAM); /* below the image */
    expect_true(r.res.syms == NULL);    /* no section table */
    boot_rig_fini(&r);
}

static void elf_at_the_start_of_ram_has_no_device_tree(void)
{
    static const struct rig_seg seg = {1, RIG_RAM + 0x2ff8, RIG_RAM + 0x2ff8, 16, 16};
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, elf_new(RIG_RAM + 0x2ff8, &seg, 1)); /* dtb_room is 0x3000 */
    expect_u64(boot_rig_load(&r), 0);
    expect_true(!r.res.has_dtb);
    expect_text(r.res.hint, "there is no device tree");
    boot_rig_fini(&r);
}

static void elf_entry_may_be_physical(void)
{
    static const struct rig_seg seg = {1, 0xffff000000000000, RIG_RAM + 0x10000, 16, 16};
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, elf_new(RIG_RAM + 0x10008, &seg, 1));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.start.entry, RIG_RAM + 0x10008);
    boot_rig_fini(&r);
}

#define A (RIG_RAM + 0x10000)

static void elf_segments_that_cannot_be(void)
{
    static const struct {
        struct rig_seg segs[2];
        const char *message;
    } rows[] = {
        {{{1, A, 0x400000, 16, 16}},                           "segment 0 at 0x400000+0x10 is outside RAM, which is 0x4000"},
        {{{1, A, RIG_RAM + RIG_SIZE - 8, 16, 16}},             "segment 0 at 0x40fffff8+0x10 is outside RAM"               },
        {{{1, A, A, 16, RIG_SIZE}},                            "is outside RAM"                                            },
        {{{1, A, UINT64_MAX - 3, 4, 4}},                       "boots from its arch/arm64/boot/Image"                      },
        {{{1, A, A, 16, UINT64_MAX}},                          "is outside RAM"                                            },
        {{{3, A, A, 16, 16}, {1, 0x400000, 0x400000, 16, 16}}, "dynamically linked program"                                },
        {{{1, A, A, 17, 16}},                                  "file size 0x11 exceeds memory size 0x10"                   },
        {{{1, A, A, 16, 0x1000}, {1, A, A + 0xfff, 16, 16}},
         "segment 1 at 0x40010fff+0x10 overlaps"                                                                           },
        {{{4, A, A, 16, 16}},                                  "has no segment to load"                                    },
        {{{1, A + 4, A + 4, 16, 16}},                          "the entry point 0x40010000 is in none of its segments"     },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        expect_refused(elf_new(A, rows[i].segs, rows[i].segs[1].type ? 2 : 1), rows[i].message);
}

/* One byte or word of a good ELF changed. */
static void elf_headers_that_cannot_be(void)
{
    static const struct {
        unsigned at;
        uint32_t val;
        unsigned len;
        const char *message;
    } rows[] = {
        {18,      62,         2, "is an ELF for x86-64; board t accepts"                             },
        {18,      40,         2, "is an ELF for 32-bit ARM"                                          },
        {18,      243,        2, "is an ELF for RISC-V"                                              },
        {18,      999,        2, "is an ELF for another CPU"                                         },
        {4,       1,          1, "32-bit ELF for AArch64 (ILP32)"                                    },
        {16,      1,          2, "relocatable ELF object (ET_REL); board t accepts"                  },
        {16,      4,          2, "core dump (ET_CORE)"                                               },
        {16,      9,          2, "ELF of an unknown type"                                            },
        {54,      55,         2, "program headers have 55 bytes, ELF64 has 56"                       },
        {56,      0,          2, "has no program headers"                                            },
        {56,      0xffff,     2, "has too many program headers"                                      },
        {56,      0xfffe,     2, "is truncated: program headers end"                                 },
        {32,      0x7fffffff, 4, "is truncated: program headers end"                                 },
        {36,      0xffffffff, 4, "is truncated: program headers end"                                 },
        {64 + 8,  0x1ff8,     4, "is truncated: segment 0 is at 0x1ff8+0x10, the file ends at 0x2000"},
        {64 + 12, 0xffffffff, 4, "is truncated: segment 0"                                           },
    };
    static const struct rig_seg seg = {1, A, A, 16, 16};
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct bytes b = elf_new(A, &seg, 1);
        memcpy(b.p + rows[i].at, &rows[i].val, rows[i].len);
        expect_refused(b, rows[i].message);
    }
    struct bytes b = elf_new(A, &seg, 1); /* big-endian: the halves turn round too */
    b.p[5] = 2;
    b.p[16] = 0, b.p[17] = 2, b.p[18] = 0, b.p[19] = 183;
    expect_refused(b, "is a big-endian ELF");
    b = elf_new(A, &seg, 1);
    b.len = 63;
    expect_refused(b, "is a truncated ELF");
    b = elf_new(A, &seg, 1);
    b.len = 12;
    expect_refused(b, "is a truncated ELF");
}

static void elf_with_too_many_segments(void)
{
    static struct rig_seg segs[65];
    for (unsigned i = 0; i < ARRAY_LEN(segs); i++)
        segs[i] = (struct rig_seg){1, A + 16 * i, A + 16 * i, 0, 16};
    expect_refused(elf_new(A, segs, 65), "has more than 64 segments");
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, elf_new(A, segs, 64));
    expect_u64(boot_rig_load(&r), 0);
    boot_rig_fini(&r);
}

/* ---- symbols ---- */

/* A good ELF with a section table: symbols at 0x1100, strings at 0x1300, section headers at 0x1400.
 */
static struct bytes elf_with_symbols(void)
{
    static const struct rig_seg seg = {1, 0xffff000000010000, A, 0x1000, 0x1000};
    static const struct {
        uint32_t name;
        uint8_t type;
        uint64_t val, size;
    } syms[] = {
        {0,      0, 0,                  0   },
        {1,      2, 0xffff000000010000, 0x20}, /* start */
        {7,      2, 0xffff000000010020, 0x10}, /* main */
        {12,     0, 0xffff000000010024, 0   }, /* $x: a mapping symbol */
        {15,     1, 0xffff000000010028, 8   }, /* data: an object */
        {20,     0, 0xffff000000010100, 0   }, /* la\033bel */
        {0xffff, 2, 0xffff000000010200, 4   }  /* a name outside the strings */
    };
    struct bytes b = elf_new(0xffff000000010000, &seg, 1);
    for (unsigned i = 0; i < ARRAY_LEN(syms); i++) {
        uint8_t *p = b.p + 0x1100 + 24 * i;
        memset(p, 0, 24);
        le32_put(p, syms[i].name);
        p[4] = syms[i].type;
        p[6] = i ? 1 : 0;
        le64_put(p + 8, syms[i].val);
        le64_put(p + 16, syms[i].size);
    }
    memcpy(b.p + 0x1300, "\0start\0main\0$x\0data\0la\033bel", 27);
    memset(b.p + 0x1400, 0, 3 * 64);
    le32_put(b.p + 0x1440 + 4, 2); /* SHT_SYMTAB, strings in section 2 */
    le64_put(b.p + 0x1440 + 24, 0x1100);
    le64_put(b.p + 0x1440 + 32, sizeof syms / sizeof syms[0] * 24);
    le32_put(b.p + 0x1440 + 40, 2);
    le32_put(b.p + 0x1480 + 4, 3);
    le64_put(b.p + 0x1480 + 24, 0x1300);
    le64_put(b.p + 0x1480 + 32, 27);
    le64_put(b.p + 40, 0x1400);
    b.p[58] = 64;
    b.p[60] = 3;
    return b;
}

static void symbols_name_the_function_that_holds_pc(void)
{
    static const struct {
        uint64_t pc;
        const char *name; /* NULL: none */
    } rows[] = {
        {0xffff000000010000, "start"       },
        {0xffff00000001001c, "start+0x1c"  },
        {0xffff000000010028, "main+0x8"    }, /* past $x and data */
        {0xffff000000010030, NULL          }, /* past main's size */
        {A + 4,              "start+0x4"   }, /* the MMU is off */
        {0xffff000000010104, "la?bel+0x4"  },
        {0xffff000000010200, "la?bel+0x100"},
        {0xffff000000011000, NULL          }, /* outside the segment */
        {0,                  NULL          },
    };
    struct boot_rig r;
    char buf[64];
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, elf_with_symbols());
    expect_u64(boot_rig_load(&r), 0);
    expect_true(r.res.syms != NULL);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        bool found = boot_symbol(&r.res, rows[i].pc, buf, sizeof buf);
        expect_u64(found, rows[i].name != NULL);
        if (found && rows[i].name && strcmp(buf, rows[i].name)) {
            printf("# row %u: %s\n", i, buf);
            expect_true(false);
        }
    }
    expect_true(boot_symbol(&r.res, A + 4, buf, 4)); /* cut, not overrun */
    expect_u64(strlen(buf), 3);
    boot_rig_fini(&r);
}

static void symbol_tables_outside_the_file_are_none(void)
{
    static const struct {
        unsigned at;
        uint64_t val;
    } rows[] = {
        {40,          UINT64_MAX},
        {40,          0x1fff    },
        {0x1440 + 24, UINT64_MAX},
        {0x1440 + 32, UINT64_MAX},
        {0x1480 + 24, 0x2001    },
        {0x1480 + 32, 0x7fffffff},
        {0x1440 + 40, 99        },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct boot_rig r;
        char buf[64];
        struct bytes b = elf_with_symbols();
        le64_put(b.p + rows[i].at, rows[i].val);
        boot_rig_init(&r, RIG_SIZE);
        r.p.image = boot_rig_file(&r, b);
        expect_u64(boot_rig_load(&r), 0);
        expect_true(!boot_symbol(&r.res, A, buf, sizeof buf));
        boot_rig_fini(&r);
    }
}

/* ---- the initramfs and the device tree ---- */

static void initramfs_is_at_half_of_ram_or_above_the_image(void)
{
    static const struct {
        uint64_t image, at;
    } rows[] = {
        {MIB(1),  MIB(8) },
        {MIB(9),  MIB(9) },
        {MIB(11), MIB(11)}
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct boot_rig r;
        boot_rig_init(&r, RIG_SIZE);
        r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, rows[i].image, 0xa));
        r.p.initrd = boot_rig_file(&r, bytes_new(MIB(4) + 1, 0x3c));
        expect_u64(boot_rig_load(&r), 0);
        expect_u64(r.res.initrd_gpa, RIG_RAM + rows[i].at);
        expect_u64(r.res.initrd_len, MIB(4) + 1);
        expect_u64(*(uint8_t *)mem_hva(&r.mem, r.res.initrd_gpa + MIB(4), 1), 0x3c);
        gpa_t dtb = r.res.dtb_gpa;
        expect_true(dtb >= r.res.initrd_gpa + r.res.initrd_len ||
                    dtb + RIG_DTB <= r.res.initrd_gpa);
        expect_true(dtb >= RIG_RAM + rows[i].image);
        expect_u64(dtb % 8, 0);
        boot_rig_fini(&r);
    }
}

static void initramfs_takes_the_gap_when_the_top_is_full(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, MIB(4), 0xa));
    r.p.initrd = boot_rig_file(&r, bytes_new(MIB(11), 1)); /* not from 8 MiB, but from 4 */
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.initrd_gpa, RIG_RAM + MIB(4));
    expect_u64(r.res.dtb_gpa, RIG_RAM + MIB(15));
    boot_rig_fini(&r);
}

static void initramfs_that_does_not_fit(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, MIB(4), 0xa));
    r.p.initrd = boot_rig_file(&r, bytes_new(MIB(12) + 1, 1));
    expect_u64(boot_rig_load(&r), -ENOMEM);
    expect_text(r.err.text,
                "the initramfs of 12289 KiB does not fit in the 16 MiB of RAM beside the "
                "image of 4096 KiB");
    expect_u64(r.err.kind, ERR_IMAGE);
    r.p.initrd = "/nonexistent/initrd";
    expect_u64(boot_rig_load(&r), -ENOENT);
    expect_u64(r.err.kind, ERR_FILE);
    expect_text(r.err.text, "/nonexistent/initrd: No such file");
    boot_rig_fini(&r);
}

struct progress {
    unsigned n;
    uint64_t done, total;
    bool back; /* it went backwards */
};

static void progress_note(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    expect_text(what, "initramfs");
    p->back |= done < p->done;
    *p = (struct progress){p->n + 1, done, total, p->back};
}

static void a_long_load_tells_how_far_it_is(void)
{
    struct boot_rig r;
    struct progress seen = {0};
    boot_rig_init(&r, MIB(64));
    r.p.progress = progress_note;
    r.p.progress_ctx = &seen;
    r.p.image = boot_rig_file(&r, arm64_new(0x1000, 0, MIB(4), 0xa));
    r.p.initrd = boot_rig_file(&r, bytes_new(MIB(20), 1));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(seen.n, 3);
    expect_u64(seen.done, MIB(20));
    expect_u64(seen.total, MIB(20));
    expect_true(!seen.back);
    boot_rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(files_that_are_none),
    TAP_TEST(an_unreadable_file_names_the_reason),
    TAP_TEST(a_pipe_is_an_image_too),
    TAP_TEST(one_image_at_a_time),
    TAP_TEST(raw_goes_where_the_board_says),
    TAP_TEST(raw_with_an_entry_goes_exactly_there),
    TAP_TEST(raw_outside_ram_is_refused),
    TAP_TEST(unknown_bytes_with_an_entry_are_raw),
    TAP_TEST(firmware_fills_the_flash),
    TAP_TEST(firmware_is_not_an_elf_or_packed),
    TAP_TEST(image_goes_text_offset_above_a_2m_boundary),
    TAP_TEST(image_says_its_page_size),
    TAP_TEST(images_that_cannot_be_placed),
    TAP_TEST(a_cut_image_is_seen),
    TAP_TEST(an_image_finds_a_higher_ram_window),
    TAP_TEST(elf_segments_go_to_their_physical_addresses),
    TAP_TEST(elf_at_the_start_of_ram_has_no_device_tree),
    TAP_TEST(elf_entry_may_be_physical),
    TAP_TEST(elf_segments_that_cannot_be),
    TAP_TEST(elf_headers_that_cannot_be),
    TAP_TEST(elf_with_too_many_segments),
    TAP_TEST(symbols_name_the_function_that_holds_pc),
    TAP_TEST(symbol_tables_outside_the_file_are_none),
    TAP_TEST(initramfs_is_at_half_of_ram_or_above_the_image),
    TAP_TEST(initramfs_takes_the_gap_when_the_top_is_full),
    TAP_TEST(initramfs_that_does_not_fit),
    TAP_TEST(a_long_load_tells_how_far_it_is),
};
TAP_MAIN(tests)
