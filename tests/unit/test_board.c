// SPDX-License-Identifier: MIT
/*
 * test_board.c - every board passes the checks; a board that breaks one rule is refused with its
 * message.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/tap.h"
#include "vmm/board.h"

/* A good board that a test then spoils. */
struct draft {
    struct board b;
    struct board_ram ram[8];
    struct board_dev devs[80];
};

static struct draft draft_new(void)
{
    static const struct board_dev devs[] = {
        {"flash",  DEV_CFI_FLASH,    0x0,       0x100000, BOARD_NO_IRQ, 0x10000},
        {"gicd",   DEV_GICV3_DIST,   0x8000000, 0x10000,  BOARD_NO_IRQ, 32     },
        {"gicr",   DEV_GICV3_REDIST, 0x80a0000, 0x40000,  BOARD_NO_IRQ, 0      },
        {"uart",   DEV_PL011,        0x9000000, 0x1000,   1,            0      },
        {"gpio",   DEV_PL061,        0x9010000, 0x1000,   2,            3      },
        {"sysctl", DEV_SYSCTL,       0x9020000, 0x1000,   BOARD_NO_IRQ, 0      },
        {"virtio", DEV_VIRTIO,       0xa000000, 0x200,    16,           0      },
    };
    struct draft d = {
        .b = {.name = "t",
              .summary = "a test's",
              .compatible = "t,t",
              .arch = ARCH_ARM64,
              .n_ram = 2,
              .n_devs = ARRAY_LEN(devs),
              .mem_min = MIB(1),
              .mem_default = MIB(64),
              .cpus_max = 2,
              .console = "uart",
              .raw_off = 0x1000}
    };
    d.ram[0] = (struct board_ram){0x40000000, MIB(64)};
    d.ram[1] = (struct board_ram){0x100000000, GIB(1)};
    memcpy(d.devs, devs, sizeof devs);
    return d;
}

static void draft_expect(struct draft *d, const char *message)
{
    struct err err = {0};
    d->b.ram = d->ram;
    d->b.devs = d->devs;
    int rc = board_check(&d->b, &err);
    if (!message) {
        expect_u64(rc, 0);
        return;
    }
    expect_u64(rc, -EINVAL);
    expect_text(err.text, message);
}

/* The draft with one change, and the message that this must give. */
#define BAD(change, message)                                                                       \
    do {                                                                                           \
        struct draft d = draft_new();                                                              \
        change;                                                                                    \
        draft_expect(&d, message);                                                                 \
    } while (0)

static void every_board_passes(void)
{
    for (unsigned i = 0; boards[i]; i++) {
        struct err err = {0};
        expect_u64(board_check(boards[i], &err), 0);
        expect_true(board_find(boards[i]->name) == boards[i]);
    }
    expect_true(board_find("none") == NULL);
}

static void the_draft_passes(void)
{
    struct draft d = draft_new();
    draft_expect(&d, NULL);
}

static void names_are_given_and_unique(void)
{
    BAD(d.b.name = "", "must be given");
    BAD(d.b.compatible = NULL, "must be given");
    BAD(d.devs[3].name = "", "row 3 has no name");
    BAD(d.devs[6].name = "uart", "two devices are called uart");
    BAD(d.devs[6].kind = DEV_KINDS, "virtio has kind");
}

static void ram_windows_ascend(void)
{
    BAD(d.b.n_ram = 0, "has 0 RAM windows");
    BAD(d.b.n_ram = MEM_REGIONS_MAX + 1, "RAM windows, 1..4");
    BAD(d.ram[0].size = 0, "not a multiple of 4 KiB");
    BAD(d.ram[0].base = 0x40000200, "not a multiple of 4 KiB");
    BAD(d.ram[1].base = (gpa_t)-0x1000, "inside 64 bits");
    BAD(d.ram[1].base = 0x43fff000, "0x43fff000 is not above");
}

static void mem_sizes_ascend(void)
{
    BAD(d.b.mem_min = 0, "must ascend");
    BAD(d.b.mem_min = MIB(65), "must ascend");
    BAD(d.b.mem_default = GIB(2), "must ascend");
    BAD(d.b.mem_default += 1, "in steps of 4 KiB");
    BAD(d.b.raw_off = MIB(1), "raw_off 0x100000 is outside");
    BAD(d.b.cpus_max = 0, "cpus_max is 0");
    BAD(d.b.cpus_max = BOARD_CPUS_MAX + 1, "cpus_max is 9");
}

static void windows_ascend_outside_ram(void)
{
    BAD(d.devs[3].size = 0x800, "uart has a window of 0x800, pl011 needs 0x1000");
    BAD(d.devs[6].base = (gpa_t)-0x200, "virtio has a window");
    BAD(d.devs[5].base = 0x9010800, "sysctl at 0x9010800 is not above gpio");
    BAD(d.devs[6].base = 0x43fffe00, "virtio at 0x43fffe00 is inside the RAM window 0x40000000");
    BAD(d.devs[6].base = 0x3ffffe00; d.devs[6].size = 0x400, "is inside the RAM window");
    BAD(d.devs[6].base = 0x44000000, NULL); /* right above it */
}

static void too_many_windows_for_the_bus(void)
{
    static char names[65][8];
    struct draft d = draft_new();
    d.b.n_devs = 65;
    for (unsigned i = 6; i < 65; i++) {
        snprintf(names[i], sizeof names[i], "v%u", i);
        d.devs[i] =
            (struct board_dev){names[i], DEV_VIRTIO, 0xa000000 + 0x200 * i, 0x200, (int)i + 16, 0};
    }
    draft_expect(&d, "has 65 devices, the bus holds 64");
}

static void spis_are_used_once(void)
{
    BAD(d.devs[6].irq = 1, "uart and virtio both have SPI 1");
    BAD(d.devs[6].irq = BOARD_NO_IRQ, "virtio has SPI -1, but a virtio-mmio has one");
    BAD(d.devs[5].irq = 9, "sysctl has SPI 9, but a sysctl has none");
    BAD(d.devs[6].irq = 256, "SPIs are 0..255");
    BAD(d.devs[6].irq = 32, "virtio has SPI 32, and gicd has 32 of them");
    BAD(d.devs[1].param = 33, "gicd has 33 SPIs; a multiple of 32, 32 to 256");
    BAD(d.devs[1].param = 0, "gicd has 0 SPIs");
    BAD(d.devs[1].param = 288, "gicd has 288 SPIs");
    BAD(d.devs[6].irq = -2, "SPIs are 0..255");
}

static void the_gic_is_a_pair(void)
{
    BAD(d.devs[1].kind = DEV_SYSCTL, "needs one gicv3-dist and one gicv3-redist");
    BAD(d.devs[2].kind = DEV_GICV3_DIST, "needs one gicv3-dist and one gicv3-redist");
    BAD(d.devs[2].base = 0x80a8000, "multiples of 64 KiB");
    BAD(d.b.cpus_max = 3, "too small for 3 CPUs");
}

static void parameters_fit_their_kind(void)
{
    BAD(d.b.console = NULL, "console must be a UART or debugcon row, not none");
    BAD(d.b.console = "gpio", "not gpio");
    BAD(d.b.console = "tty", "not tty");
    BAD(d.devs[0].param = 0, "erase blocks of 0");
    BAD(d.devs[0].param = 0x30000, "erase blocks of 0x30000");
    BAD(d.devs[0].param = 0x200000, "erase blocks of 0x200000");
    BAD(d.devs[4].param = 8, "power key on pin 8");
    BAD(d.devs[4].param = BOARD_NO_KEY, NULL);
    BAD(d.devs[6].kind = DEV_SYSCTL; d.devs[6].irq = BOARD_NO_IRQ, "sysctl and virtio: one sysctl");
}

static void ram_fills_the_windows_in_order(void)
{
    struct draft d = draft_new();
    struct mem_region r[MEM_REGIONS_MAX];
    d.b.ram = d.ram;
    expect_u64(board_mem_max(&d.b), MIB(64) + GIB(1));
    expect_u64(board_ram_regions(&d.b, MIB(1), r), 1);
    expect_u64(r[0].base, 0x40000000);
    expect_u64(r[0].size, MIB(1));
    expect_u64(board_ram_regions(&d.b, MIB(64), r), 1);
    expect_u64(board_ram_regions(&d.b, MIB(64) + 0x1000, r), 2);
    expect_u64(r[1].base, 0x100000000);
    expect_u64(r[1].size, 0x1000);
}

/* The map that guests made for QEMU's `virt` hold in their code (docs/system/arm/virt.rst and its
 * tree). */
static void virt_is_where_qemu_has_it(void)
{
    static const struct board_dev rows[] = {
        {"flash0",   DEV_CFI_FLASH,    0x0,       0x4000000, -1, 0x40000},
        {"gicd",     DEV_GICV3_DIST,   0x8000000, 0x10000,   -1, 256    },
        {"gicr",     DEV_GICV3_REDIST, 0x80a0000, 0xf60000,  -1, 0      },
        {"uart0",    DEV_PL011,        0x9000000, 0x1000,    1,  0      },
        {"rtc",      DEV_PL031,        0x9010000, 0x1000,    2,  0      },
        {"gpio",     DEV_PL061,        0x9030000, 0x1000,    7,  3      },
        {"virtio0",  DEV_VIRTIO,       0xa000000, 0x200,     16, 0      },
        {"virtio31", DEV_VIRTIO,       0xa003e00, 0x200,     47, 0      },
    };
    const struct board *virt = board_find("virt");
    if (!virt) {
        tap_skip("this build has no board virt");
        return;
    }
    expect_u64(virt->ram[0].base, 0x40000000);
    expect_u64(board_mem_max(virt), GIB(255));
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        const struct board_dev *d = board_dev_find(virt, rows[i].name);
        expect_true(d != NULL);
        if (!d)
            continue;
        expect_u64(d->kind, rows[i].kind);
        expect_u64(d->base, rows[i].base);
        expect_u64(d->size, rows[i].size);
        expect_u64((uint64_t)d->irq, (uint64_t)rows[i].irq);
        expect_u64(d->param, rows[i].param);
    }
}

static void vibe_is_the_historic_map(void)
{
    const struct board *b = board_find("vibe");
    struct mem_region r[MEM_REGIONS_MAX];
    if (!b) {
        tap_skip("this build has no board vibe");
        return;
    }
    expect_u64(board_dev_find(b, "console")->base, 0x90000000);
    expect_u64(board_dev_find(b, "virtio0")->base, 0xa00000);
    expect_u64(board_dev_find(b, "virtio1")->base, 0xa01000);
    expect_u64(board_dev_find(b, "virtio2")->base, 0xa02000);
    expect_u64(board_ram_regions(b, MIB(256), r), 3);
    expect_u64(r[0].base, 0);
    expect_u64(r[0].size, 0xa00000);
    expect_u64(r[1].base, 0xa03000);
    expect_u64(r[1].base + r[1].size, 0xc000000);
    expect_u64(r[2].base, 0x100000000);
    expect_u64(r[0].size + r[1].size + r[2].size, MIB(256));
}

/* A good PC that a test then spoils. */
static struct draft pc_new(void)
{
    static const struct board_dev devs[] = {
        {"pit",    DEV_I8254,      0x40,       4,      BOARD_NO_IRQ, 0},
        {"i8042",  DEV_I8042,      0x60,       5,      BOARD_NO_IRQ, 0},
        {"rtc",    DEV_CMOS,       0x70,       2,      8,            0},
        {"uart",   DEV_UART16550,  0x3f8,      8,      4,            0},
        {"power",  DEV_ACPI_SLEEP, 0x600,      2,      BOARD_NO_IRQ, 0},
        {"virtio", DEV_VIRTIO,     0xd0000000, 0x1000, 16,           0},
        {"ioapic", DEV_IOAPIC,     0xfec00000, 0x1000, BOARD_NO_IRQ, 0},
        {"lapic",  DEV_LAPIC,      0xfee00000, 0x1000, BOARD_NO_IRQ, 0},
    };
    struct draft d = draft_new();
    d.b.arch = ARCH_X86_64;
    d.b.n_devs = ARRAY_LEN(devs);
    d.ram[0] = (struct board_ram){0, GIB(3)};
    memcpy(d.devs, devs, sizeof devs);
    return d;
}

#define BAD_PC(change, message)                                                                    \
    do {                                                                                           \
        struct draft d = pc_new();                                                                 \
        change;                                                                                    \
        draft_expect(&d, message);                                                                 \
    } while (0)

/* Ports and memory are two address spaces: a port may have a number that is RAM. */
static void a_pc_has_ports_and_gsis(void)
{
    BAD_PC((void)d, NULL);
    BAD_PC(d.devs[1].base = 0x43, "i8042 at 0x43 is not above pit, which ends at 0x44");
    BAD_PC(d.devs[3].size = 7, "uart has a window of 0x7, 16550 needs 0x8");
    BAD_PC(d.devs[5].irq = 24, "virtio has GSI 24, GSIs are 0..23");
    BAD_PC(d.devs[5].irq = 4, "uart and virtio both have GSI 4");
    BAD_PC(d.devs[6].kind = DEV_LAPIC, "needs one row of kind ioapic");
    BAD_PC(d.devs[4].kind = DEV_I8042; d.devs[4].size = 5, "needs one row of kind i8042");
    BAD_PC(d.devs[5].kind = DEV_PL011, "pl011, which boards of this CPU cannot have");
    BAD(d.devs[3].kind = DEV_UART16550, "16550, which boards of this CPU cannot have");
}

static void every_kind_has_a_name(void)
{
    for (unsigned i = 0; i < DEV_KINDS; i++)
        expect_true(board_kind_name((enum dev_kind)i) != NULL);
}

static const struct tap_test tests[] = {
    TAP_TEST(every_board_passes),
    TAP_TEST(the_draft_passes),
    TAP_TEST(names_are_given_and_unique),
    TAP_TEST(ram_windows_ascend),
    TAP_TEST(mem_sizes_ascend),
    TAP_TEST(windows_ascend_outside_ram),
    TAP_TEST(too_many_windows_for_the_bus),
    TAP_TEST(spis_are_used_once),
    TAP_TEST(the_gic_is_a_pair),
    TAP_TEST(parameters_fit_their_kind),
    TAP_TEST(ram_fills_the_windows_in_order),
    TAP_TEST(virt_is_where_qemu_has_it),
    TAP_TEST(vibe_is_the_historic_map),
    TAP_TEST(a_pc_has_ports_and_gsis),
    TAP_TEST(every_kind_has_a_name),
};
TAP_MAIN(tests)
