// SPDX-License-Identifier: MIT
/*
 * board_check.c - what no single row of a board can prove.
 *
 * Each rule is a function that returns 0 or an error naming the row; board_check() walks their
 * table. The build runs it on every board before it makes the device tree.
 */
#include "vmm/board.h"
#include "vmm/bus.h"
#include "vmm/dev.h"

#include <errno.h>

enum { ARM64 = 1u << ARCH_ARM64, X86_64 = 1u << ARCH_X86_64 };

/* What a row of each kind must have. */
static const struct board_kind_rule {
    bool irq;       /* an interrupt of its own */
    bool console;   /* can be the console */
    uint64_t min;   /* bytes of registers */
    unsigned archs; /* boards that can have it, a bit each; 0: all */
} board_kind_rules[DEV_KINDS] = {
  /* clang-format off */
    [DEV_PL011]        = {true,  true,  0x1000,  ARM64},     /* PL011 TRM r1p5 §3.1 */
    [DEV_PL031]        = {true,  false, 0x1000,  ARM64},     /* PL031 TRM r1p3 §3.1 */
    [DEV_PL061]        = {true,  false, 0x1000,  ARM64},     /* PL061 TRM r1p0 §3.1 */
    [DEV_GICV3_DIST]   = {false, false, 0x10000, ARM64},     /* GICv3 IHI 0069H §12.8 */
    [DEV_GICV3_REDIST] = {false, false, GIC_REDIST_SIZE, ARM64},
    [DEV_CFI_FLASH]    = {false, false, 0x1000,  ARM64},
    [DEV_DEBUGCON]     = {true,  true,  0x200,   ARM64},
    [DEV_SYSCTL]       = {false, false, 0x200,   0},
    [DEV_VIRTIO]       = {true,  false, 0x200,   0},         /* virtio 1.2 §4.2.2: registers to 0xff, then configuration */
    [DEV_UART16550]    = {true,  true,  8,       X86_64},    /* PC16550D data sheet §8 */
    [DEV_I8042]        = {false, false, 5,       X86_64},    /* ports 0x60 and 0x64 */
    [DEV_CMOS]         = {true,  false, 2,       X86_64},
    [DEV_ACPI_SLEEP]   = {false, false, 2,       X86_64},    /* ACPI 6.4 §4.8.3.7 */
    [DEV_DEBUG_EXIT]   = {false, false, 1,       X86_64},
    [DEV_I8259]        = {false, false, 2,       X86_64},
    [DEV_I8254]        = {false, false, 4,       X86_64},
    [DEV_IOAPIC]       = {false, false, 0x1000,  X86_64},    /* 82093AA data sheet §3.0 */
    [DEV_LAPIC]        = {false, false, 0x1000,  X86_64},    /* SDM vol. 3 §11.4.1 */
  /* clang-format on */
};

#define board_bad(err, ...) err_set(err, ERR_HOST, EINVAL, __VA_ARGS__)

/* One past the last byte; 0 stands for 2^64, which no window here reaches. */
static bool board_wraps(gpa_t base, uint64_t size)
{
    return base + size <= base;
}

static int board_check_names(const struct board *b, struct err *err)
{
    if (!b->name || !*b->name || !b->summary || !b->compatible)
        return board_bad(err, "board: name, summary and compatible must be given");
    for (unsigned i = 0; i < b->n_devs; i++) {
        const struct board_dev *d = &b->devs[i];
        if (!d->name || !*d->name)
            return board_bad(err, "board %s: device row %u has no name", b->name, i);
        if ((unsigned)d->kind >= DEV_KINDS)
            return board_bad(err, "board %s: %s has kind %u, kinds are 0..%u", b->name, d->name,
                             (unsigned)d->kind, DEV_KINDS - 1);
        if (board_dev_find(b, d->name) != d)
            return board_bad(err, "board %s: two devices are called %s", b->name, d->name);
    }
    return 0;
}

static int board_check_ram(const struct board *b, struct err *err)
{
    if (b->n_ram < 1 || b->n_ram > MEM_REGIONS_MAX)
        return board_bad(err, "board %s: has %u RAM windows, 1..%u are possible", b->name, b->n_ram,
                         MEM_REGIONS_MAX);
    for (unsigned i = 0; i < b->n_ram; i++) {
        const struct board_ram *r = &b->ram[i];
        if (!r->size || r->base % MEM_PAGE || r->size % MEM_PAGE || board_wraps(r->base, r->size))
            return board_bad(err,
                             "board %s: RAM window %#" PRIx64 "+%#" PRIx64
                             " is not a multiple of 4 KiB inside 64 bits",
                             b->name, r->base, r->size);
        if (i && r->base < r[-1].base + r[-1].size)
            return board_bad(err,
                             "board %s: RAM window %#" PRIx64 " is not above the one before it",
                             b->name, r->base);
    }
    return 0;
}

static int board_check_mem(const struct board *b, struct err *err)
{
    uint64_t max = board_mem_max(b);
    if (!b->mem_min || b->mem_min > b->mem_default || b->mem_default > max ||
        b->mem_min % MEM_PAGE || b->mem_default % MEM_PAGE)
        return board_bad(err,
                         "board %s: mem_min %#" PRIx64 " and mem_default %#" PRIx64
                         " must ascend to the windows' %#" PRIx64 ", in steps of 4 KiB",
                         b->name, b->mem_min, b->mem_default, max);
    if (b->raw_off >= b->ram[0].size || b->raw_off >= b->mem_min)
        return board_bad(err,
                         "board %s: raw_off %#" PRIx64 " is outside the smallest RAM, %#" PRIx64,
                         b->name, b->raw_off, MIN(b->ram[0].size, b->mem_min));
    if (b->cpus_max < 1 || b->cpus_max > BOARD_CPUS_MAX)
        return board_bad(err, "board %s: cpus_max is %u, 1..%u are possible", b->name, b->cpus_max,
                         BOARD_CPUS_MAX);
    return 0;
}

/* Of one row: its kind, its size, and that it lies outside RAM. */
static int board_check_window(const struct board *b, const struct board_dev *d, struct err *err)
{
    const struct board_kind_rule *rule = &board_kind_rules[d->kind];
    if (rule->archs && !(rule->archs >> b->arch & 1))
        return board_bad(err, "board %s: %s is of kind %s, which boards of this CPU cannot have",
                         b->name, d->name, board_kind_name(d->kind));
    if (d->size < rule->min || board_wraps(d->base, d->size))
        return board_bad(err, "board %s: %s has a window of %#" PRIx64 ", %s needs %#" PRIx64,
                         b->name, d->name, d->size, board_kind_name(d->kind), rule->min);
    if (board_kind_ports(d->kind))
        return 0;
    for (unsigned r = 0; r < b->n_ram; r++)
        if (d->base < b->ram[r].base + b->ram[r].size && b->ram[r].base < d->base + d->size)
            return board_bad(
                err, "board %s: %s at %#" PRIx64 " is inside the RAM window %#" PRIx64 "+%#" PRIx64,
                b->name, d->name, d->base, b->ram[r].base, b->ram[r].size);
    return 0;
}

/* Ports are one address space, memory another: rows ascend in each. */
static int board_check_windows(const struct board *b, struct err *err)
{
    const struct board_dev *last[2] = {NULL, NULL};
    if (b->n_devs > BUS_RANGES_MAX)
        return board_bad(err, "board %s: has %u devices, the bus holds %u", b->name, b->n_devs,
                         BUS_RANGES_MAX);
    for (unsigned i = 0; i < b->n_devs; i++) {
        const struct board_dev *d = &b->devs[i], **prev = &last[board_kind_ports(d->kind)];
        int rc = board_check_window(b, d, err);
        if (rc)
            return rc;
        if (*prev && d->base < (*prev)->base + (*prev)->size)
            return board_bad(err,
                             "board %s: %s at %#" PRIx64 " is not above %s, which ends at "
                             "%#" PRIx64,
                             b->name, d->name, d->base, (*prev)->name,
                             (*prev)->base + (*prev)->size);
        *prev = d;
    }
    return 0;
}

static int board_check_irqs(const struct board *b, struct err *err)
{
    bool x86 = b->arch == ARCH_X86_64;
    const char *what = x86 ? "GSI" : "SPI";
    int max = x86 ? BOARD_GSI_MAX : BOARD_IRQ_MAX;
    for (unsigned i = 0; i < b->n_devs; i++) {
        const struct board_dev *d = &b->devs[i];
        if (board_kind_rules[d->kind].irq != (d->irq != BOARD_NO_IRQ))
            return board_bad(err, "board %s: %s has %s %d, but a %s has %s", b->name, d->name, what,
                             d->irq, board_kind_name(d->kind),
                             board_kind_rules[d->kind].irq ? "one" : "none");
        if (d->irq < BOARD_NO_IRQ || d->irq > max)
            return board_bad(err, "board %s: %s has %s %d, %ss are 0..%d", b->name, d->name, what,
                             d->irq, what, max);
        for (unsigned j = 0; j < i; j++)
            if (d->irq != BOARD_NO_IRQ && b->devs[j].irq == d->irq)
                return board_bad(err, "board %s: %s and %s both have %s %d", b->name,
                                 b->devs[j].name, d->name, what, d->irq);
    }
    return 0;
}

static unsigned board_count(const struct board *b, enum dev_kind kind,
                            const struct board_dev **last)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_devs; i++)
        if (b->devs[i].kind == kind) {
            n++;
            *last = &b->devs[i];
        }
    return n;
}

static int board_check_gic(const struct board *b, struct err *err)
{
    const struct board_dev *dist = NULL, *redist = NULL;
    if (b->arch != ARCH_ARM64)
        return 0;
    if (board_count(b, DEV_GICV3_DIST, &dist) != 1 ||
        board_count(b, DEV_GICV3_REDIST, &redist) != 1)
        return board_bad(err, "board %s: needs one gicv3-dist and one gicv3-redist window",
                         b->name);
    if (dist->base % 0x10000 || redist->base % 0x10000)
        return board_bad(err, "board %s: GIC windows start at multiples of 64 KiB", b->name);
    if (redist->size < (uint64_t)b->cpus_max * GIC_REDIST_SIZE)
        return board_bad(err, "board %s: %s of %#" PRIx64 " is too small for %u CPUs of %#x each",
                         b->name, redist->name, redist->size, b->cpus_max, GIC_REDIST_SIZE);
    return 0;
}

/* Of these a PC has one each: the tables name them, and an engine brings the controllers. */
static int board_check_pc(const struct board *b, struct err *err)
{
    static const enum dev_kind ones[] = {DEV_IOAPIC, DEV_LAPIC,      DEV_I8254,
                                         DEV_I8042,  DEV_ACPI_SLEEP, DEV_CMOS};
    const struct board_dev *row = NULL;
    for (unsigned i = 0; b->arch == ARCH_X86_64 && i < ARRAY_LEN(ones); i++)
        if (board_count(b, ones[i], &row) != 1)
            return board_bad(err, "board %s: needs one row of kind %s", b->name,
                             board_kind_name(ones[i]));
    return 0;
}

static const struct board_dev *board_gicd(const struct board *b)
{
    for (unsigned i = 0; i < b->n_devs; i++)
        if (b->devs[i].kind == DEV_GICV3_DIST)
            return &b->devs[i];
    return NULL;
}

static int board_check_params(const struct board *b, struct err *err)
{
    const struct board_dev *con = b->console ? board_dev_find(b, b->console) : NULL;
    if (!con || !board_kind_rules[con->kind].console)
        return board_bad(err, "board %s: the console must be a UART or debugcon row, not %s",
                         b->name, b->console ? b->console : "none");
    for (unsigned i = 0; i < b->n_devs; i++) {
        const struct board_dev *d = &b->devs[i];
        if (d->kind == DEV_CFI_FLASH &&
            (!d->param || (d->param & (d->param - 1)) || d->size % d->param))
            return board_bad(err,
                             "board %s: %s has erase blocks of %#x; a power of two that divides "
                             "%#" PRIx64 " is possible",
                             b->name, d->name, d->param, d->size);
        if (d->kind == DEV_GICV3_DIST && (!d->param || d->param > BOARD_SPIS_MAX || d->param % 32))
            return board_bad(err,
                             "board %s: %s has %u SPIs; a multiple of 32, 32 to %u, is possible",
                             b->name, d->name, d->param, BOARD_SPIS_MAX);
        const struct board_dev *gic = board_gicd(b);
        if (gic && d->irq >= (int)gic->param)
            return board_bad(err, "board %s: %s has SPI %d, and %s has %u of them", b->name,
                             d->name, d->irq, gic->name, gic->param);
        if (d->kind == DEV_PL061 && d->param > 7 && d->param != BOARD_NO_KEY)
            return board_bad(err, "board %s: %s has its power key on pin %u, pins are 0..7",
                             b->name, d->name, d->param);
        for (unsigned j = 0; j < i; j++)
            if (d->kind == b->devs[j].kind && (d->kind == DEV_SYSCTL || d->kind == DEV_PL061))
                return board_bad(err, "board %s: %s and %s: one %s is possible", b->name,
                                 b->devs[j].name, d->name, board_kind_name(d->kind));
    }
    return 0;
}

/* In this order: each may rely on those before it. */
static int (*const board_rules[])(const struct board *b, struct err *err) = {
    board_check_names, board_check_ram, board_check_mem, board_check_windows,
    board_check_irqs,  board_check_gic, board_check_pc,  board_check_params,
};

int board_check(const struct board *board, struct err *err)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < ARRAY_LEN(board_rules); i++)
        rc = board_rules[i](board, err);
    return rc;
}
