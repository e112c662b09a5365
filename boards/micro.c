// SPDX-License-Identifier: MIT
/*
 * micro.c - the smallest ARM64 machine: a byte-at-a-time console, power, the CPU's timer, four
 * virtio windows.
 *
 * Everything is where `virt` has it, the console at the place of that board's UART: a guest that
 * stores bytes to 0x09000000 and polls for them there runs on both. Linux prints through its early
 * PL011 console (see vibe.c).
 */
#include "vmm/board.h"

static const struct board_ram micro_ram[] = {
    {0x40000000, GIB(16)},
};

// clang-format off
#define MICRO_DEVICES(X) /* name, kind, base, size, irq, param */ \
    X("gicd",    DEV_GICV3_DIST,   0x08000000, 0x00010000, BOARD_NO_IRQ, 32) \
    X("gicr",    DEV_GICV3_REDIST, 0x080a0000, 0x00100000, BOARD_NO_IRQ, 0) \
    X("console", DEV_DEBUGCON,     0x09000000, 0x00001000, 1, 0) \
    X("sysctl",  DEV_SYSCTL,       0x090c0000, 0x00001000, BOARD_NO_IRQ, 0) \
    X("virtio0", DEV_VIRTIO,       0x0a000000, 0x00000200, 16, 0) \
    X("virtio1", DEV_VIRTIO,       0x0a000200, 0x00000200, 17, 0) \
    X("virtio2", DEV_VIRTIO,       0x0a000400, 0x00000200, 18, 0) \
    X("virtio3", DEV_VIRTIO,       0x0a000600, 0x00000200, 19, 0)
// clang-format on

static const struct board_dev micro_devs[] = {MICRO_DEVICES(BOARD_ROW)};
MICRO_DEVICES(BOARD_ROW_ASSERT)

extern const uint8_t micro_dtb[];

const struct board board_micro = {
    .name = "micro",
    .summary =
        "ARM64, the smallest machine: byte-at-a-time console, power, timer, four virtio windows",
    .compatible = "vibe-vmm,micro",
    .arch = ARCH_ARM64,
    .ram = micro_ram,
    .n_ram = ARRAY_LEN(micro_ram),
    .devs = micro_devs,
    .n_devs = ARRAY_LEN(micro_devs),
    .mem_min = MIB(1),
    .mem_default = MIB(64),
    .cpus_max = BOARD_CPUS_MAX,
    .console = "console",
    .bootargs = "earlycon=pl011,0x9000000 keep_bootcon",
    .raw_off = 0x80000,
    .dtb = micro_dtb,
};
