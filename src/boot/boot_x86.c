// SPDX-License-Identifier: MIT
/*
 * boot_x86.c - what an x86 guest finds in low memory: descriptors, page tables, its command line, and
 * by the way it is started a zero page or a PVH start-info.
 *
 * Follows Linux Documentation/arch/x86/boot.rst ("64-bit Boot Protocol") and zero-page.rst, Xen's
 * public headers hvm_start_info.h and docs/misc/pvh.pandoc, and for the formats of descriptors and
 * tables the Intel SDM vol. 3A §3.4.5 and §4.5.
 *
 *     0x00500  four descriptors            0x09000  page tables: the first 4 GiB, one to one
 *     0x06000  PVH start-info              0x20000  command line
 *     0x07000  zero page                   0xe0000  ACPI tables (vmm/acpi.h)
 *     0x08ff0  stack, downwards             0xffff0  what a jump to the firmware finds: a reset
 *
 * To the guest the first 639 KiB are RAM and the rest of the first MiB is not, as on any PC.
 */
#include "boot_int.h"

#include <errno.h>

#define X86_GDT         0x500
#define X86_START_INFO  0x6000
#define X86_STACK       0x8ff0
#define X86_TABLES      0x9000 /* PML4, PDPT, four page directories */
#define X86_CMDLINE     0x20000
#define X86_CMDLINE_MAX KIB(64)
#define X86_RESET       0xffff0
#define X86_EBDA        0x9fc00 /* RAM ends here below 1 MiB */

/* ---- memory map ---- */

/* Types of both protocols: zero-page.rst (E820), hvm_start_info.h. */
enum { MAP_RAM = 1, MAP_RESERVED = 2 };

struct x86_range {
    gpa_t base;
    uint64_t size;
    uint32_t type;
};

static unsigned x86_map(const struct boot_ctx *c, struct x86_range *out)
{
    unsigned n = 0;
    out[n++] = (struct x86_range){0, X86_EBDA, MAP_RAM};
    out[n++] = (struct x86_range){X86_EBDA, X86_LOW_END - X86_EBDA, MAP_RESERVED};
    for (unsigned i = 0; i < c->mem->n; i++) {
        const struct mem_region *r = &c->mem->regions[i];
        gpa_t base = MAX(r->base, X86_LOW_END);
        if (r->base + r->size > base)
            out[n++] = (struct x86_range){base, r->base + r->size - base, MAP_RAM};
    }
    return n;
}

/* ---- zero page (zero-page.rst) ---- */

#define ZP_RSDP         0x070
#define ZP_EXT_INITRD   0x0c0
#define ZP_EXT_INITRD_N 0x0c4
#define ZP_E820_N       0x1e8
#define ZP_TYPE         0x210
#define ZP_INITRD       0x218
#define ZP_INITRD_N     0x21c
#define ZP_CMDLINE      0x228
#define ZP_INITRD_MAX   0x22c
#define ZP_E820         0x2d0

static void x86_zero_page(struct boot_ctx *c, bool cmdline)
{
    struct x86_range map[MEM_REGIONS_MAX + 2];
    unsigned n = x86_map(c, map);
    uint8_t *zp = mem_hva(c->mem, X86_ZERO_PAGE, KIB(4));
    le64_put(zp + ZP_RSDP, c->p->rsdp_gpa);
    zp[ZP_TYPE] = 0xff; /* a loader without a number */
    le32_put(zp + ZP_INITRD, (uint32_t)c->res->initrd_gpa);
    le32_put(zp + ZP_EXT_INITRD, (uint32_t)(c->res->initrd_gpa >> 32));
    le32_put(zp + ZP_INITRD_N, (uint32_t)c->res->initrd_len);
    le32_put(zp + ZP_EXT_INITRD_N, (uint32_t)(c->res->initrd_len >> 32));
    le32_put(zp + ZP_CMDLINE, cmdline ? X86_CMDLINE : 0);
    zp[ZP_E820_N] = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *e = zp + ZP_E820 + 20 * i;
        le64_put(e, map[i].base);
        le64_put(e + 8, map[i].size);
        le32_put(e + 16, map[i].type);
    }
    mem_written(c->mem, X86_ZERO_PAGE, KIB(4));
}

/* ---- PVH start-info (hvm_start_info.h, version 1) ---- */

#define PVH_MAGIC   0x336ec578
#define PVH_MODULE  0x40 /* offset of the module entry, and */
#define PVH_MEMMAP  0x80 /* of the memory map, from the start-info */
#define PVH_ROOM    0x200
#define PVH_MEM_LEN 24

static void x86_start_info(struct boot_ctx *c, bool cmdline)
{
    struct x86_range map[MEM_REGIONS_MAX + 2];
    unsigned n = x86_map(c, map);
    uint8_t p[PVH_ROOM] = {0};
    le32_put(p, PVH_MAGIC);
    le32_put(p + 4, 1);
    le64_put(p + 24, cmdline ? X86_CMDLINE : 0);
    le64_put(p + 32, c->p->rsdp_gpa);
    le64_put(p + 40, X86_START_INFO + PVH_MEMMAP);
    le32_put(p + 48, n);
    if (c->res->initrd_len) {
        le32_put(p + 12, 1);
        le64_put(p + 16, X86_START_INFO + PVH_MODULE);
        le64_put(p + PVH_MODULE, c->res->initrd_gpa);
        le64_put(p + PVH_MODULE + 8, c->res->initrd_len);
    }
    for (unsigned i = 0; i < n; i++) {
        uint8_t *e = p + PVH_MEMMAP + PVH_MEM_LEN * i;
        le64_put(e, map[i].base);
        le64_put(e + 8, map[i].size);
        le32_put(e + 16, map[i].type);
    }
    mem_write(c->mem, X86_START_INFO, p, sizeof p);
}

/* ---- descriptors and page tables ---- */

/* Selectors 0x10 and 0x18 as boot.rst wants them: flat, read/execute and read/write, accessed. */
static void x86_descriptors(struct boot_ctx *c, bool is_long)
{
    uint8_t gdt[4 * 8] = {0};
    le64_put(gdt + 0x10, is_long ? UINT64_C(0x00af9b000000ffff) : UINT64_C(0x00cf9b000000ffff));
    le64_put(gdt + 0x18, UINT64_C(0x00cf93000000ffff));
    mem_write(c->mem, X86_GDT, gdt, sizeof gdt);
    c->res->start.gdt = X86_GDT;
}

#define PTE_P     BIT(0)
#define PTE_RW    BIT(1)
#define PTE_LARGE BIT(7)

static void x86_tables(struct boot_ctx *c)
{
    uint8_t *pml4 = mem_hva(c->mem, X86_TABLES, KIB(24));
    uint8_t *pdpt = pml4 + KIB(4), *pd = pdpt + KIB(4);
    le64_put(pml4, (X86_TABLES + KIB(4)) | PTE_P | PTE_RW);
    for (unsigned i = 0; i < 4; i++)
        le64_put(pdpt + 8 * i, (X86_TABLES + KIB(8) + KIB(4) * i) | PTE_P | PTE_RW);
    for (unsigned i = 0; i < 4 * 512; i++)
        le64_put(pd + 8 * i, MIB(2) * i | PTE_P | PTE_RW | PTE_LARGE);
    mem_written(c->mem, X86_TABLES, KIB(24));
    c->res->start.tables = X86_TABLES;
}

/* ---- */

static int x86_cmdline(struct boot_ctx *c, const char *path)
{
    const char *text = c->p->cmdline;
    size_t len = text ? strlen(text) + 1 : 0;
    if (len > X86_CMDLINE_MAX)
        return err_set(c->err, ERR_IMAGE, E2BIG,
                       "%s: the kernel command line has %zu bytes, up to %" PRIu64 " are possible",
                       path, len - 1, X86_CMDLINE_MAX - 1);
    if (len)
        mem_write(c->mem, X86_CMDLINE, text, len);
    return 0;
}

/* Linux on a machine whose ACPI is "hardware-reduced", when asked to restart, jumps to where a PC's
 * firmware begins (real mode, f000:fff0). It resets the machine by the 8042, which pc_power.c has. */
void boot_x86_begin(struct boot_ctx *c)
{
    static const uint8_t code[] = {
        0xb0, 0xfe, /* mov $0xfe, %al */
        0xe6, 0x64, /* out %al, $0x64 */
        0xf4,       /* hlt */
        0xeb, 0xfd, /* jmp to it */
    };
    mem_write(c->mem, X86_RESET, code, sizeof code);
}

void boot_x86_reserve(struct boot_ctx *c)
{
    boot_use(c, 0, X86_LOW_END);
}

int boot_x86_finish(struct boot_ctx *c, const char *path)
{
    struct cpu_start *start = &c->res->start;
    if (start->mode == CPU_X86_REAL) {
        start->stack = start->entry >= KIB(4) && start->entry < X86_REAL_STACK
                           ? align_down(start->entry, 16)
                           : X86_REAL_STACK;
        return 0;
    }
    bool is_long = start->mode == CPU_X86_LONG;
    int rc = x86_cmdline(c, path);
    if (rc)
        return rc;
    x86_descriptors(c, is_long);
    start->stack = X86_STACK;
    uint64_t initrd_end = c->res->initrd_gpa + c->res->initrd_len;
    uint32_t initrd_max = le32_get((uint8_t *)mem_hva(c->mem, X86_ZERO_PAGE, 4096) + ZP_INITRD_MAX);
    if (c->res->kind == IMAGE_BZIMAGE && initrd_end > initrd_max + UINT64_C(1))
        return err_set(c->err, ERR_IMAGE, EFBIG,
                       "%s: the initramfs of %" PRIu64 " MiB ends at %#" PRIx64
                       ", this kernel takes one up to %#x",
                       path, c->res->initrd_len >> 20, initrd_end, initrd_max);
    if (is_long) {
        x86_tables(c);
        x86_zero_page(c, c->p->cmdline);
        start->arg = X86_ZERO_PAGE;
    } else {
        x86_start_info(c, c->p->cmdline);
        start->arg = X86_START_INFO;
    }
    return 0;
}
