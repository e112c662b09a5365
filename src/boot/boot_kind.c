// SPDX-License-Identifier: MIT
/*
 * boot_kind.c - what an image is, by its content; and for what does not boot, what to do about it.
 *
 * Sources of the magic numbers: arm64 booting.rst, x86 boot.rst, RISC-V boot-image-header.rst
 * (Linux Documentation/arch), gABI ELF header, PE format §2 and §3, RFC 1952, the xz, LZ4 frame,
 * Zstandard (RFC 8878) and lzop formats, U-Boot image.h, DTSpec 0.4 §5.2, ECMA-119, initramfs
 * buffer-format.rst.
 */
#include "boot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/app.h"

static const struct boot_arch_words {
    const char *accepted, *needs;
} boot_arch_words[] = {
    [ARCH_ARM64] = {"ARM64 Image, ELF64, gzip around either, EFI zboot with gzip",
                    "this board needs an ARM64 one" },
    [ARCH_X86_64] = {"bzImage, ELF64 with or without a PVH note, gzip around either",
                    "this board needs an x86-64 one"},
};

/* As advice: stands for boot_arch_words[].needs. */
static const char needs_arch[] = "";
#define IS_DISK   "a disk is not booted directly: give its kernel, and its initramfs with --initrd"
#define IS_INITRD "pass it with --initrd % beside a kernel"

/* clang-format off */
static const struct boot_magic {
    uint16_t off;
    uint8_t len;
    const char *bytes;
    enum boot_format format;
    const char *name;
    const char *advice;
    bool packed;
} boot_magics[] = {
    /* before the PE and x86 rows: both begin with "MZ" too */
    {4,     4, "zimg",                 BOOT_ZBOOT,   "EFI zboot",                NULL, false},
    {0x38,  4, "ARM\x64",              BOOT_ARM64,   "ARM64 Image",              NULL, false},
    {0,     2, "\x1f\x8b",             BOOT_GZIP,    "gzip",                     NULL, false},
    {0x202, 4, "HdrS",                 BOOT_BZIMAGE, "an x86 Linux kernel (bzImage)", NULL, false},
    {0x38,  4, "RSC\x05",              BOOT_REFUSED, "a RISC-V Linux Image",     needs_arch, false},
    {0x24,  4, "\x18\x28\x6f\x01",     BOOT_REFUSED, "a 32-bit ARM Linux zImage", needs_arch, false},
    {0,     3, "BZh",                  BOOT_REFUSED, "bzip2-compressed data",    "bzip2 -dc % > kernel", true},
    {0,     6, "\xfd" "7zXZ\0",        BOOT_REFUSED, "xz-compressed data",       "xz -dc % > kernel", true},
    {0,     3, "\x5d\0\0",             BOOT_REFUSED, "LZMA-compressed data",     "xz -dc --format=lzma % > kernel", true},
    {0,     4, "\x04\x22\x4d\x18",     BOOT_REFUSED, "LZ4-compressed data",      "lz4 -dc % > kernel", true},
    {0,     4, "\x02\x21\x4c\x18",     BOOT_REFUSED, "LZ4-compressed data (legacy frame)", "lz4 -dc % > kernel", true},
    {0,     4, "\x28\xb5\x2f\xfd",     BOOT_REFUSED, "Zstandard-compressed data", "zstd -dc % > kernel", true},
    {0,     5, "\x89LZO\0",            BOOT_REFUSED, "lzop-compressed data",     "lzop -dc % > kernel", true},
    {0,     2, "\x1f\x9d",             BOOT_REFUSED, "compress(1)ed data",       "gzip -dc % > kernel", true},
    {0,     4, "PK\3\4",               BOOT_REFUSED, "a zip archive",            "unzip %", true},
    {0,     6, "7z\xbc\xaf\x27\x1c",   BOOT_REFUSED, "a 7-zip archive",          "7z x %", true},
    {0,     4, "\x27\x05\x19\x56",     BOOT_REFUSED, "a U-Boot legacy image (uImage)", "dumpimage -T kernel -p 0 -o kernel %", true},
    {0,     4, "\xd0\x0d\xfe\xed",     BOOT_TREE,    "a flattened tree (FIT appliance or device tree)",
     "an appliance boots from a file of its own, not from a pipe or out of another image: its properties choose the board first", false},
    {0,     8, "ANDROID!",             BOOT_REFUSED, "an Android boot image",    "unpack_bootimg --boot_img %", true},
    {0,     4, "QFI\xfb",              BOOT_REFUSED, "a qcow2 disk image",       IS_DISK, false},
    {0,     4, "KDMV",                 BOOT_REFUSED, "a VMDK disk image",        IS_DISK, false},
    {0,     8, "vhdxfile",             BOOT_REFUSED, "a VHDX disk image",        IS_DISK, false},
    {0,     8, "conectix",             BOOT_REFUSED, "a VHD disk image",         IS_DISK, false},
    {0,     4, "hsqs",                 BOOT_REFUSED, "a squashfs file system",   IS_DISK, false},
    {512,   8, "EFI PART",             BOOT_REFUSED, "a GPT disk image",         IS_DISK, false},
    {0x438, 2, "\x53\xef",             BOOT_REFUSED, "an ext2/3/4 file system",  IS_DISK, false},
    {0,     6, "070701",               BOOT_REFUSED, "a cpio archive (initramfs)", IS_INITRD, false},
    {0,     6, "070702",               BOOT_REFUSED, "a cpio archive (initramfs)", IS_INITRD, false},
    {0,     6, "070707",               BOOT_REFUSED, "a cpio archive",           IS_INITRD, false},
    {0,     2, "\xc7\x71",             BOOT_REFUSED, "a cpio archive",           IS_INITRD, false},
    {257,   5, "ustar",                BOOT_REFUSED, "a tar archive",            "tar -xf %", true},
    {0,     4, "\xcf\xfa\xed\xfe",     BOOT_REFUSED, "a Mach-O file (macOS program)", "give a kernel", false},
    {0,     4, "\xca\xfe\xba\xbe",     BOOT_REFUSED, "a Mach-O universal or Java class file", "give a kernel", false},
    {0,    20, "version https://git-", BOOT_REFUSED, "a Git LFS pointer, not the file itself", "git lfs pull", true},
    {0,     2, "#!",                   BOOT_REFUSED, "a script",                 "give a kernel, and the script to its shell", false},
};

/* gABI e_machine */
#define EM_X86_64  62
#define EM_AARCH64 183

static const struct boot_machine {
    uint16_t number;
    const char *name;
} elf_machines[] = {
    {2, "an ELF for SPARC"}, {3, "an ELF for x86 (32-bit)"}, {8, "an ELF for MIPS"}, {20, "an ELF for PowerPC"},
    {21, "an ELF for 64-bit PowerPC"}, {22, "an ELF for S/390"}, {40, "an ELF for 32-bit ARM"},
    {62, "an ELF for x86-64"}, {183, "an ELF for AArch64"}, {243, "an ELF for RISC-V"},
    {247, "an ELF for BPF"}, {258, "an ELF for LoongArch"},
}, pe_machines[] = {
    {0x014c, "an EFI program for x86 (PE)"}, {0x8664, "an EFI program for x86-64 (PE)"},
    {0x01c0, "an EFI program for 32-bit ARM (PE)"}, {0x01c2, "an EFI program for 32-bit ARM (PE)"},
    {0x01c4, "an EFI program for 32-bit ARM (PE)"}, {0xaa64, "an EFI program for ARM64 (PE)"},
    {0x5032, "an EFI program for RISC-V (PE)"}, {0x5064, "an EFI program for RISC-V (PE)"},
    {0x6264, "an EFI program for LoongArch (PE)"},
};
/* clang-format on */

static const char *boot_machine_name(const struct boot_machine *rows, unsigned n, uint16_t number,
                                     const char *other)
{
    for (unsigned i = 0; i < n; i++)
        if (rows[i].number == number)
            return rows[i].name;
    return other;
}

static uint16_t elf_half(const uint8_t *p, bool big)
{
    uint16_t v = le16_get(p);
    return big ? __builtin_bswap16(v) : v;
}

/* gABI: e_ident[4] class, [5] data, [6] version; e_type at 16, e_machine at 18. */
static struct boot_seen boot_seen_elf(const uint8_t *head, uint64_t n)
{
    struct boot_seen s = {.format = BOOT_REFUSED, .name = "a truncated ELF"};
    if (n < 20)
        return s;
    bool big = head[5] == 2;
    uint16_t type = elf_half(head + 16, big), machine = elf_half(head + 18, big);
    s.name =
        boot_machine_name(elf_machines, ARRAY_LEN(elf_machines), machine, "an ELF for another CPU");
    s.arch = machine == EM_X86_64 ? ARCH_X86_64 : ARCH_ARM64;
    if (machine != EM_AARCH64 && machine != EM_X86_64) {
        s.advice = needs_arch;
    } else if (head[4] != 2) {
        s.name = machine == EM_X86_64 ? "a 32-bit ELF for x86-64 (x32)"
                                      : "a 32-bit ELF for AArch64 (ILP32)";
        s.advice = "ELF64 is accepted";
    } else if (head[5] != 1) {
        s.name = "a big-endian ELF";
        s.advice = "little-endian is accepted";
    } else if (type == 1) {
        s.name = "a relocatable ELF object (ET_REL)";
        s.advice = "link it first: executables (ET_EXEC, ET_DYN) are accepted";
    } else if (type == 4) {
        s.name = "an ELF core dump (ET_CORE)";
        s.advice = "executables (ET_EXEC, ET_DYN) are accepted";
    } else if (type != 2 && type != 3) {
        s.name = "an ELF of an unknown type";
        s.advice = "executables (ET_EXEC, ET_DYN) are accepted";
    } else if (n < 64) {
        s.name = "a truncated ELF";
    } else {
        s.format = BOOT_ELF64;
    }
    return s;
}

/* PE format §3.3: e_lfanew at 0x3c; "PE\0\0", then the machine. */
static struct boot_seen boot_seen_mz(const uint8_t *head, uint64_t n)
{
    struct boot_seen s = {
        .format = BOOT_REFUSED, .name = "a DOS or Windows program (MZ)", .advice = "give a kernel"};
    uint32_t pe = n >= 0x40 ? le32_get(head + 0x3c) : UINT32_MAX;
    if (pe > n || n - pe < 6 || memcmp(head + pe, "PE\0\0", 4))
        return s;
    uint16_t machine = le16_get(head + pe + 4);
    s.name = boot_machine_name(pe_machines, ARRAY_LEN(pe_machines), machine,
                               "an EFI program for another CPU (PE)");
    s.advice = machine == 0xaa64
                   ? "EFI programs need UEFI firmware (--firmware); a kernel boots from its Image"
                   : needs_arch;
    return s;
}

static bool boot_all(const uint8_t *head, uint64_t n, bool (*is)(uint8_t c))
{
    for (uint64_t i = 0; i < n; i++)
        if (!is(head[i]))
            return false;
    return true;
}

static bool boot_is_zero(uint8_t c)
{
    return !c;
}

static bool boot_is_text(uint8_t c)
{
    return (c >= ' ' && c < 0x7f) || (c >= '\t' && c <= '\r') || c == 0x1b;
}

struct boot_seen boot_recognise(const uint8_t *head, uint64_t n)
{
    for (unsigned i = 0; i < ARRAY_LEN(boot_magics); i++) {
        const struct boot_magic *m = &boot_magics[i];
        if (m->off + m->len > n || memcmp(head + m->off, m->bytes, m->len))
            continue;
        if (m->format == BOOT_ZBOOT && memcmp(head, "MZ", 2))
            continue;
        return (struct boot_seen){
            .format = m->format,
            .name = m->name,
            .advice = m->advice,
            .packed = m->packed,
            .arch = m->format == BOOT_BZIMAGE ? ARCH_X86_64 : ARCH_ARM64,
        };
    }
    if (n >= 4 && !memcmp(head, "\177ELF", 4))
        return boot_seen_elf(head, n);
    if (n >= 2 && !memcmp(head, "MZ", 2))
        return boot_seen_mz(head, n);
    if (boot_all(head, n, boot_is_zero))
        return (struct boot_seen){.format = BOOT_REFUSED, .name = "all zero bytes at its start"};
    if (boot_all(head, n, boot_is_text))
        return (struct boot_seen){
            .format = BOOT_REFUSED, .name = "text", .advice = "give a kernel"};
    if (n >= 512 && head[510] == 0x55 && head[511] == 0xaa)
        return (struct boot_seen){
            .format = BOOT_REFUSED, .name = "a disk image with an MBR", .advice = IS_DISK};
    return (struct boot_seen){.format = BOOT_UNKNOWN, .name = "of no known format"};
}

/* The advice with the file's path in the place of each %. */
static void boot_advice(char *buf, size_t len, const char *advice, const char *path)
{
    size_t at = 0;
    for (; *advice && at + 1 < len; advice++) {
        int n = *advice == '%' ? snprintf(buf + at, len - at, "%s", path)
                               : snprintf(buf + at, len - at, "%c", *advice);
        at += n > 0 ? (size_t)n : 0;
    }
    if (len)
        buf[MIN(at, len - 1)] = 0;
}

bool boot_foreign(const struct boot_seen *seen, const struct board *board)
{
    return (seen->format == BOOT_ELF64 || seen->format == BOOT_ARM64 ||
            seen->format == BOOT_BZIMAGE) &&
           seen->arch != board->arch;
}

/* What the board needs instead, and the board that runs it. */
static void boot_foreign_advice(char *buf, size_t len, const char *needs, enum board_arch arch)
{
    const char *name = NULL;
    for (unsigned i = 0; boards[i] && !name; i++)
        if (boards[i]->arch == arch)
            name = boards[i]->name;
    snprintf(buf, len, "%s%s%s%s", needs, name ? "; --board " : "", name ? name : "",
             name ? " runs it" : "");
}

int boot_refuse(const struct boot_file *f, const struct boot_seen *seen, const char *outer,
                const uint8_t *head, uint64_t n, const struct board *board, struct err *err)
{
    char advice[256] = "";
    uint8_t iso[5];
    struct boot_seen s = *seen;
    if (s.format == BOOT_UNKNOWN && !*outer && f->len > 0x8006 &&
        !boot_file_read(f, 0x8001, iso, sizeof iso, NULL) && !memcmp(iso, "CD001", 5))
        s = (struct boot_seen){
            .format = BOOT_REFUSED, .name = "an ISO 9660 CD image", .advice = IS_DISK};
    const struct boot_arch_words *words = &boot_arch_words[board->arch];
    if (boot_foreign(&s, board))
        boot_foreign_advice(advice, sizeof advice, words->needs, s.arch);
    else if (s.advice)
        boot_advice(advice, sizeof advice, s.advice == needs_arch ? words->needs : s.advice,
                    f->path);
    if (s.format != BOOT_UNKNOWN)
        return err_set(err, ERR_IMAGE, ENOEXEC, "%s: %sis %s; board %s accepts %s%s%s", f->path,
                       outer, s.name, board->name, words->accepted,
                       !*advice   ? ""
                       : s.packed ? ". Unpack it: "
                                  : "; ",
                       advice);
    char hex[3 * 8 + 1] = "";
    for (uint64_t i = 0; i < MIN(n, 8U); i++)
        snprintf(hex + 3 * i, 4, " %02x", head[i]);
    return err_set(
        err, ERR_IMAGE, ENOEXEC,
        "%s: %sis of no known image format (begins with%s); accepted are %s; raw code is "
        "loaded with --binary %s, at --entry ADDRESS if given",
        f->path, outer, hex, words->accepted, f->path);
}

enum boot_peek boot_peek(const char *path, enum board_arch *arch)
{
    uint8_t head[BOOT_HEAD];
    struct stat st;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return BOOT_PEEK_NOTHING;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode))
        n = pread(fd, head, sizeof head, 0);
    struct boot_seen seen = boot_recognise(head, n > 0 ? (uint64_t)n : 0);
    uint64_t base, len;
    if (n > 0 && !memcmp(head, "\177ELF", 4) && app_find(fd, (uint64_t)st.st_size, &base, &len))
        seen.format = BOOT_TREE;
    close(fd);
    if (n <= 0)
        return BOOT_PEEK_NOTHING;
    if (seen.format == BOOT_GZIP) {
        uint8_t inner[BOOT_HEAD];
        seen = boot_recognise(inner, boot_gz_peek(head, (size_t)n, inner, sizeof inner));
    }
    if (seen.format == BOOT_TREE)
        return BOOT_PEEK_TREE;
    *arch = seen.arch;
    return seen.format == BOOT_ELF64 || seen.format == BOOT_ARM64 || seen.format == BOOT_BZIMAGE
               ? BOOT_PEEK_ARCH
               : BOOT_PEEK_NOTHING;
}
