// SPDX-License-Identifier: MIT
/*
 * vibe.c - the historic machine: RAM from address 0, and a console that prints every byte stored to
 * 0x90000000.
 *
 * The first 192 MiB of RAM have a hole where the three virtio windows are; what --mem asks for
 * beyond them starts at 4 GiB. The interrupt controller lies in the gap between the low RAM and the
 * console. Linux has no driver for the console, but its early PL011 console works with it: that
 * driver stores bytes to offset 0 and asks register 0x18 for "busy" and "full", which read 0 (see
 * debugcon.c).
 */
#include "vmm/board.h"

static const struct board_ram vibe_ram[] = {
    {0x00000000,  0x00a00000             },
    {0x00a03000,  0x0c000000 - 0x00a03000},
    {0x100000000, GIB(252)               },
};

// clang-format off
#define VIBE_DEVICES(X) /* name, kind, base, size, irq, param */ \
    X("virtio0", DEV_VIRTIO,       0x00a00000, 0x00001000, 16, 0) \
    X("virtio1", DEV_VIRTIO,       0x00a01000, 0x00001000, 17, 0) \
    X("virtio2", DEV_VIRTIO,       0x00a02000, 0x00001000, 18, 0) \
    X("gicd",    DEV_GICV3_DIST,   0x0c000000, 0x00010000, BOARD_NO_IRQ, 32) \
    X("gicr",    DEV_GICV3_REDIST, 0x0c0a0000, 0x00100000, BOARD_NO_IRQ, 0) \
    X("console", DEV_DEBUGCON,     0x90000000, 0x00001000, 1, 0) \
    X("sysctl",  DEV_SYSCTL,       0x90001000, 0x00001000, BOARD_NO_IRQ, 0)
// clang-format on

static const struct board_dev vibe_devs[] = {VIBE_DEVICES(BOARD_ROW)};
VIBE_DEVICES(BOARD_ROW_ASSERT)

extern const uint8_t vibe_dtb[];

const struct board board_vibe = {
    .name = "vibe",
    .summary = "ARM64, RAM from 0, print-a-byte console at 0x90000000, three virtio windows",
    .compatible = "vibe-vmm,vibe",
    .arch = ARCH_ARM64,
    .ram = vibe_ram,
    .n_ram = ARRAY_LEN(vibe_ram),
    .devs = vibe_devs,
    .n_devs = ARRAY_LEN(vibe_devs),
    .mem_min = MIB(1),
    .mem_default = MIB(128),
    .cpus_max = BOARD_CPUS_MAX,
    .console = "console",
    .bootargs = "earlycon=pl011,0x90000000 keep_bootcon",
    .raw_off = 0x10000,
    .dtb = vibe_dtb,
};
