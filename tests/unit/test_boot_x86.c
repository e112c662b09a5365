// SPDX-License-Identifier: MIT
/*
 * test_boot_x86.c - x86 images: what is loaded where, how it is started and what it finds there
 * (Linux x86/boot.rst and zero-page.rst, Xen's hvm_start_info.h); and what is refused.
 */
#include "tests/unit/boot_rig.h"

#define M UINT64_C(0x100000)

static void x86_init(struct boot_rig *r)
{
    static const struct mem_region regions[2] = {
        {0,      MIB(64), NULL},
        {GIB(4), MIB(16), NULL}
    };
    memset(r, 0, sizeof *r);
    r->ram[0] = (struct board_ram){0, MIB(64)};
    r->ram[1] = (struct board_ram){GIB(4), GIB(1)};
    r->board = (struct board){
        .name = "t", .arch = ARCH_X86_64, .ram = r->ram, .n_ram = 2, .raw_off = 0x7c00};
    r->p.board = &r->board;
    r->p.cmdline = "console=ttyS0";
    r->p.rsdp_gpa = 0xe0000;
    expect_u64(mem_init(&r->mem, regions, 2, &r->err), 0);
}

static uint64_t peek(struct boot_rig *r, gpa_t gpa, size_t size)
{
    uint64_t v = 0;
    expect_true(mem_read(&r->mem, gpa, &v, size));
    return v;
}

/* ---- bzImage ---- */

/* 1 KiB of set-up, then a kernel that counts up. */
static struct bytes bzimage_new(size_t kernel)
{
    struct bytes b = bytes_new(0x400 + kernel, 0);
    for (size_t i = 0; i < kernel; i++)
        b.p[0x400 + i] = (uint8_t)(i * 7 >> 3);
    b.p[0x1f1] = 1;
    le16_put(b.p + 0x1fe, 0xaa55);
    b.p[0x200] = 0xeb;
    b.p[0x201] = 0x66; /* the header ends at 0x268 */
    memcpy(b.p + 0x202, "HdrS", 4);
    le16_put(b.p + 0x206, 0x20f);
    le32_put(b.p + 0x22c, 0x7fffffff);
    le32_put(b.p + 0x230, 0x200000);
    b.p[0x234] = 1;
    le16_put(b.p + 0x236, 1);
    le32_put(b.p + 0x238, 2047);
    le64_put(b.p + 0x258, 0x1000000);
    le32_put(b.p + 0x260, 0x10000);
    return b;
}

static void a_bzimage_starts_in_64_bit_mode(void)
{
    struct boot_rig r;
    x86_init(&r);
    r.p.image = boot_rig_file(&r, bzimage_new(0x2000));
    r.p.initrd = boot_rig_file(&r, bytes_new(5000, 'i'));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.kind, IMAGE_BZIMAGE);
    expect_u64(r.res.start.mode, CPU_X86_LONG);
    expect_u64(r.res.start.entry, 0x1000200);
    expect_u64(peek(&r, 0x1000000 + 0x1fff, 1), (0x1fff * 7 >> 3) & 0xff);
    gpa_t zp = r.res.start.arg;
    expect_u64(peek(&r, zp + 0x202, 4), 0x53726448); /* "HdrS" */
    expect_u64(peek(&r, zp + 0x1ef, 1), 0);          /* sentinel */
    expect_u64(peek(&r, zp + 0x210, 1), 0xff);       /* type_of_loader */
    expect_u64(peek(&r, zp + 0x070, 8), 0xe0000);    /* acpi_rsdp_addr */
    expect_u64(peek(&r, zp + 0x218, 4), r.res.initrd_gpa);
    expect_u64(peek(&r, zp + 0x21c, 4), 5000);
    char text[16] = "";
    expect_true(mem_read(&r.mem, peek(&r, zp + 0x228, 4), text, 14));
    expect_text(text, "console=ttyS0");
    /* e820: below 640 KiB, the hole, the rest, and what lies above 4 GiB */
    static const uint64_t map[][3] = {
        {0,       0x9fc00,     1},
        {0x9fc00, M - 0x9fc00, 2},
        {M,       MIB(63),     1},
        {GIB(4),  MIB(16),     1},
    };
    expect_u64(peek(&r, zp + 0x1e8, 1), ARRAY_LEN(map));
    for (unsigned i = 0; i < ARRAY_LEN(map); i++) {
        expect_u64(peek(&r, zp + 0x2d0 + 20 * i, 8), map[i][0]);
        expect_u64(peek(&r, zp + 0x2d8 + 20 * i, 8), map[i][1]);
        expect_u64(peek(&r, zp + 0x2e0 + 20 * i, 4), map[i][2]);
    }
    /* selectors 0x10 and 0x18, and the first and the last page of 4 GiB */
    expect_u64(peek(&r, r.res.start.gdt + 0x10, 8), UINT64_C(0x00af9b000000ffff));
    expect_u64(peek(&r, r.res.start.gdt + 0x18, 8), UINT64_C(0x00cf93000000ffff));
    gpa_t pdpt = peek(&r, r.res.start.tables, 8) & ~UINT64_C(0xfff);
    gpa_t pd = peek(&r, pdpt, 8) & ~UINT64_C(0xfff),
          last = peek(&r, pdpt + 24, 8) & ~UINT64_C(0xfff);
    expect_u64(peek(&r, pd, 8), 0x83);
    expect_u64(peek(&r, last + 511 * 8, 8), 0xffe00083);
    boot_rig_fini(&r);
}

static void a_bzimage_moves_when_its_place_is_not_there(void)
{
    struct boot_rig r;
    struct bytes b = bzimage_new(0x2000);
    le64_put(b.p + 0x258, GIB(1));
    x86_init(&r);
    r.p.image = boot_rig_file(&r, b);
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.start.entry,
               0x200200); /* the lowest multiple of kernel_alignment above 1 MiB */
    boot_rig_fini(&r);
    b = bzimage_new(0x2000);
    le64_put(b.p + 0x258, GIB(1));
    b.p[0x234] = 0;
    x86_init(&r);
    r.p.image = boot_rig_file(&r, b);
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, "bzImage: needs 64 KiB, if possible at 0x40000000; RAM is 0-0x3ffffff");
    boot_rig_fini(&r);
}

static void bzimages_that_cannot_be(void)
{
    static const struct {
        unsigned at, len;
        uint32_t val;
        const char *message;
    } rows[] = {
        {0x206, 2, 0x20b,      "is of boot protocol 2.11, accepted is 2.12"               },
        {0x236, 2, 0,          "is a 32-bit kernel; 64-bit ones are accepted"             },
        {0x1fe, 2, 0x1234,     "the boot flag is 0x1234, accepted is 0xaa55"              },
        {0x201, 1, 0x60,       "is of boot protocol 2.15"                                 },
        {0x1f1, 1, 255,        "is truncated: has 9216 bytes, the kernel begins at 131072"},
        {0x238, 4, 5,          "command line has 13 bytes, this kernel takes up to 5"     },
        {0x260, 4, 0x7fffffff, "needs 2097152 KiB"                                        },
        {0x22c, 4, 0x1000000,  "this kernel takes one up to 0x1000000"                    },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct boot_rig r;
        struct bytes b = bzimage_new(0x2000);
        memcpy(b.p + rows[i].at, &rows[i].val, rows[i].len);
        x86_init(&r);
        r.p.image = boot_rig_file(&r, b);
        r.p.initrd = boot_rig_file(&r, bytes_new(5000, 'i'));
        expect_true(boot_rig_load(&r) < 0);
        expect_text(r.err.text, rows[i].message);
        expect_u64(r.err.kind, ERR_IMAGE);
        boot_rig_fini(&r);
    }
}

static void a_cut_bzimage_is_refused(void)
{
    for (size_t len = 0x206; len <= 0x600; len += 0x3f) {
        struct boot_rig r;
        struct bytes b = bzimage_new(0x2000);
        b.len = len;
        x86_init(&r);
        r.p.image = boot_rig_file(&r, b);
        expect_true(boot_rig_load(&r) < 0);
        expect_text(r.err.text, "is truncated");
        boot_rig_fini(&r);
    }
}

/* ---- ELF ---- */

/* With a note of this name and type, its value in 4 or 8 bytes. */
static struct bytes pvh_new(uint32_t type, const char *name, uint64_t value, uint32_t desc)
{
    static const struct rig_seg segs[2] = {
        {1, M,           M,           0x100, 0x2000},
        {4, M + 0x10000, M + 0x10000, 0x40,  0x40  },
    };
    struct bytes b = elf_new(M + 0x10, segs, 2);
    b.p[18] = 62;
    uint8_t *note = b.p + 0x2000;
    memset(note, 0, 0x40);
    le32_put(note, 4); /* another note before it: GNU, 4 bytes */
    le32_put(note + 4, 4);
    le32_put(note + 8, 1);
    memcpy(note + 12, "GNU", 4);
    note += 20;
    le32_put(note, 4);
    le32_put(note + 4, desc);
    le32_put(note + 8, type);
    memcpy(note + 12, name, 4);
    le64_put(note + 16, value);
    return b;
}

static void a_pvh_note_starts_in_32_bit_mode(void)
{
    for (uint32_t desc = 4; desc <= 8; desc += 4) {
        struct boot_rig r;
        x86_init(&r);
        r.p.image = boot_rig_file(&r, pvh_new(18, "Xen", M + 0x20, desc));
        r.p.initrd = boot_rig_file(&r, bytes_new(5000, 'i'));
        expect_u64(boot_rig_load(&r), 0);
        expect_u64(r.res.start.mode, CPU_X86_PROT);
        expect_u64(r.res.start.entry, M + 0x20);
        gpa_t si = r.res.start.arg;
        expect_u64(peek(&r, si, 4), 0x336ec578);
        expect_u64(peek(&r, si + 4, 4), 1);
        expect_u64(peek(&r, si + 32, 8), 0xe0000);
        expect_u64(peek(&r, si + 12, 4), 1);
        gpa_t module = peek(&r, si + 16, 8), map = peek(&r, si + 40, 8);
        expect_u64(peek(&r, module, 8), r.res.initrd_gpa);
        expect_u64(peek(&r, module + 8, 8), 5000);
        expect_u64(peek(&r, si + 48, 4), 4);
        expect_u64(peek(&r, map + 3 * 24, 8), GIB(4));
        expect_u64(peek(&r, map + 3 * 24 + 16, 4), 1);
        expect_u64(peek(&r, r.res.start.gdt + 0x10, 8), UINT64_C(0x00cf9b000000ffff));
        boot_rig_fini(&r);
    }
}

/* No note, another's, one that is too long for its segment: e_entry, in 64-bit mode. */
static void an_elf_without_the_note_starts_at_its_entry(void)
{
    const struct bytes images[] = {
        pvh_new(17, "Xen", M + 0x20, 4),
        pvh_new(18, "Xeo", M + 0x20, 4),
        pvh_new(18, "Xen", 0, 60),
        pvh_new(18, "Xen", 0, UINT32_MAX),
    };
    for (unsigned i = 0; i < ARRAY_LEN(images); i++) {
        struct boot_rig r;
        x86_init(&r);
        r.p.image = boot_rig_file(&r, images[i]);
        expect_u64(boot_rig_load(&r), 0);
        expect_u64(r.res.start.mode, CPU_X86_LONG);
        expect_u64(r.res.start.entry, M + 0x10);
        expect_u64(peek(&r, r.res.start.arg + 0x1e8, 1), 4);
        boot_rig_fini(&r);
    }
}

static void expect_x86_refused(struct bytes b, const char *message)
{
    struct boot_rig r;
    x86_init(&r);
    r.p.image = boot_rig_file(&r, b);
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, message);
    expect_u64(r.err.kind, ERR_IMAGE);
    boot_rig_fini(&r);
}

static void elfs_that_cannot_be(void)
{
    static const struct rig_seg low = {1, 0x8000, 0x8000, 16, 16};
    expect_x86_refused(pvh_new(18, "Xen", M + 0x5000, 4),
                       "the PVH entry point 0x105000 is in none of its segments");
    struct bytes b = elf_new(0x8000, &low, 1);
    b.p[18] = 62;
    expect_x86_refused(b, "segment 0 at 0x8000 is below 0x100000, where the start-up data is");
    b = elf_new(M, &low, 1);
    expect_x86_refused(b, "is an ELF for AArch64; board t accepts bzImage, ELF64");
    expect_x86_refused(arm64_new(0x1000, 0, 0x1000, 0),
                       "is ARM64 Image; board t accepts bzImage, ELF64 with or without a PVH note, "
                       "gzip around either; this board needs an x86-64 one; --board virt runs it");
    expect_refused(bzimage_new(0x2000), "this board needs an ARM64 one; --board pc runs it");
}

/* ---- raw ---- */

static void raw_code_starts_in_real_mode(void)
{
    struct boot_rig r;
    x86_init(&r);
    r.p.binary = boot_rig_file(&r, bytes_new(512, 0x90));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.start.mode, CPU_X86_REAL);
    expect_u64(r.res.start.entry, 0x7c00);
    expect_u64(r.res.start.stack, 0x7c00);
    expect_u64(peek(&r, 0x7c00 + 511, 1), 0x90);
    boot_rig_fini(&r);
    x86_init(&r);
    r.p.binary = boot_rig_file(&r, bytes_new(512, 0x90));
    r.p.has_entry = true;
    r.p.entry = 0x12345; /* no alignment is asked for */
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(r.res.start.entry, 0x12345);
    r.p.entry = M;
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, "--entry 0x100000 is not below 0x100000, where real-mode code begins");
    r.p.entry = 0x8000;
    r.p.initrd = r.p.binary;
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, "nothing tells real-mode code of an initramfs");
    boot_rig_fini(&r);
}

/* Real mode, f000:fff0: what the 8042 needs for a reset (boot_x86.c). */
static void the_firmware_entry_resets(void)
{
    struct boot_rig r;
    x86_init(&r);
    r.p.image = boot_rig_file(&r, bzimage_new(0x2000));
    expect_u64(boot_rig_load(&r), 0);
    expect_u64(peek(&r, 0xffff0, 4), 0x64e6feb0); /* mov $0xfe, %al; out %al, $0x64 */
    boot_rig_fini(&r);
}

static void the_command_line_has_a_limit(void)
{
    static char text[70000];
    struct boot_rig r;
    memset(text, 'a', sizeof text - 1);
    x86_init(&r);
    r.p.cmdline = text;
    r.p.image = boot_rig_file(&r, pvh_new(18, "Xen", M + 0x20, 4));
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, "command line has 69999 bytes, up to 65535 are possible");
    boot_rig_fini(&r);
}

static void an_image_says_its_cpu(void)
{
    struct boot_rig r;
    enum board_arch arch = ARCH_ARM64;
    x86_init(&r);
    expect_u64(boot_peek(boot_rig_file(&r, bzimage_new(0x2000)), &arch), BOOT_PEEK_ARCH);
    expect_u64(arch, ARCH_X86_64);
    expect_u64(boot_peek(boot_rig_file(&r, arm64_new(0x1000, 0, 0x1000, 0)), &arch),
               BOOT_PEEK_ARCH);
    expect_u64(arch, ARCH_ARM64);
    expect_u64(boot_peek(boot_rig_file(&r, bytes_new(512, 0x90)), &arch), BOOT_PEEK_NOTHING);
    expect_u64(boot_peek("/nonexistent", &arch), BOOT_PEEK_NOTHING);
    expect_u64(boot_peek("/dev/null", &arch), BOOT_PEEK_NOTHING);
    boot_rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(a_bzimage_starts_in_64_bit_mode),
    TAP_TEST(a_bzimage_moves_when_its_place_is_not_there),
    TAP_TEST(bzimages_that_cannot_be),
    TAP_TEST(a_cut_bzimage_is_refused),
    TAP_TEST(a_pvh_note_starts_in_32_bit_mode),
    TAP_TEST(an_elf_without_the_note_starts_at_its_entry),
    TAP_TEST(elfs_that_cannot_be),
    TAP_TEST(raw_code_starts_in_real_mode),
    TAP_TEST(the_firmware_entry_resets),
    TAP_TEST(the_command_line_has_a_limit),
    TAP_TEST(an_image_says_its_cpu),
};
TAP_MAIN(tests)
