// SPDX-License-Identifier: MIT
/*
 * virt.c - the board that ARM64 kernels, firmware and unikernels made for QEMU's `virt` run on
 * unchanged.
 *
 * Addresses and interrupts are those of QEMU 7.2's machine `virt` with gic-version=3
 * (docs/system/arm/ virt.rst and its own device tree, -M virt,dumpdtb=FILE). Not there: fw_cfg,
 * PCIe, ITS, the platform bus. `sysctl` sits in a gap of that map, so that a guest can hand back an
 * exit status.
 */
#include "vmm/board.h"

static const struct board_ram virt_ram[] = {
    {0x40000000, GIB(255)},
};

// clang-format off
#define VIRT_VIRTIO(X, i) \
    X("virtio" #i, DEV_VIRTIO, 0x0a000000 + 0x200 * (i), 0x200, 16 + (i), 0)

#define VIRT_DEVICES(X) /* name, kind, base, size, irq, param */ \
    X("flash0",  DEV_CFI_FLASH,    0x00000000, 0x04000000, BOARD_NO_IRQ, 0x40000) \
    X("flash1",  DEV_CFI_FLASH,    0x04000000, 0x04000000, BOARD_NO_IRQ, 0x40000) \
    X("gicd",    DEV_GICV3_DIST,   0x08000000, 0x00010000, BOARD_NO_IRQ, 256) \
    X("gicr",    DEV_GICV3_REDIST, 0x080a0000, 0x00f60000, BOARD_NO_IRQ, 0) \
    X("uart0",   DEV_PL011,        0x09000000, 0x00001000, 1, 0) \
    X("rtc",     DEV_PL031,        0x09010000, 0x00001000, 2, 0) \
    X("gpio",    DEV_PL061,        0x09030000, 0x00001000, 7, 3) \
    X("sysctl",  DEV_SYSCTL,       0x090c0000, 0x00001000, BOARD_NO_IRQ, 0) \
    VIRT_VIRTIO(X, 0)  VIRT_VIRTIO(X, 1)  VIRT_VIRTIO(X, 2)  VIRT_VIRTIO(X, 3) \
    VIRT_VIRTIO(X, 4)  VIRT_VIRTIO(X, 5)  VIRT_VIRTIO(X, 6)  VIRT_VIRTIO(X, 7) \
    VIRT_VIRTIO(X, 8)  VIRT_VIRTIO(X, 9)  VIRT_VIRTIO(X, 10) VIRT_VIRTIO(X, 11) \
    VIRT_VIRTIO(X, 12) VIRT_VIRTIO(X, 13) VIRT_VIRTIO(X, 14) VIRT_VIRTIO(X, 15) \
    VIRT_VIRTIO(X, 16) VIRT_VIRTIO(X, 17) VIRT_VIRTIO(X, 18) VIRT_VIRTIO(X, 19) \
    VIRT_VIRTIO(X, 20) VIRT_VIRTIO(X, 21) VIRT_VIRTIO(X, 22) VIRT_VIRTIO(X, 23) \
    VIRT_VIRTIO(X, 24) VIRT_VIRTIO(X, 25) VIRT_VIRTIO(X, 26) VIRT_VIRTIO(X, 27) \
    VIRT_VIRTIO(X, 28) VIRT_VIRTIO(X, 29) VIRT_VIRTIO(X, 30) VIRT_VIRTIO(X, 31)
// clang-format on

static const struct board_dev virt_devs[] = {VIRT_DEVICES(BOARD_ROW)};
VIRT_DEVICES(BOARD_ROW_ASSERT)

extern const uint8_t virt_dtb[];

const struct board board_virt = {
    .name = "virt",
    .summary = "ARM64, the memory map of QEMU's virt: GICv3, PL011, PL031, PL061, CFI flash, PSCI",
    .compatible = "linux,dummy-virt",
    .arch = ARCH_ARM64,
    .ram = virt_ram,
    .n_ram = ARRAY_LEN(virt_ram),
    .devs = virt_devs,
    .n_devs = ARRAY_LEN(virt_devs),
    .mem_min = MIB(1),
    .mem_default = MIB(256),
    .cpus_max = BOARD_CPUS_MAX,
    .console = "uart0",
    .raw_off = 0x80000,
    .dtb = virt_dtb,
};
