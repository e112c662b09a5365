// SPDX-License-Identifier: MIT
/*
 * pc.c - an x86-64 machine with what Linux and simple kernels need of a PC, and no more.
 *
 * Ports and interrupts are where every PC has had them since the IBM PC AT (its technical reference;
 * COM1, keyboard controller, clock, two 8259, 8254) and the I/O APIC and local APICs where their
 * reset values put them (82093AA data sheet §3.0, SDM vol. 3 §11.4.1). `debug-exit` is where QEMU's
 * isa-debug-exit is put by custom, 0xf4. `power`, `sysctl` and the virtio windows are this board's
 * own; ACPI tables (vmm/acpi.h) tell of all but `sysctl` and `debug-exit`. Not there: PCI, VGA,
 * disks and keyboard, the ACPI timer, HPET.
 *
 * From 3 GiB to 4 GiB there is no RAM: devices are there.
 */
#include "vmm/board.h"

static const struct board_ram pc_ram[] = {
    {0,      GIB(3)  },
    {GIB(4), GIB(252)},
};

// clang-format off
#define PC_PORTS(X) /* name, kind, first port, ports, irq, param */ \
    X("pic0",       DEV_I8259,      0x020, 2, BOARD_NO_IRQ, 0) \
    X("pit",        DEV_I8254,      0x040, 4, BOARD_NO_IRQ, 0) \
    X("i8042",      DEV_I8042,      0x060, 5, BOARD_NO_IRQ, 0) \
    X("rtc",        DEV_CMOS,       0x070, 2, 8, 0) \
    X("pic1",       DEV_I8259,      0x0a0, 2, BOARD_NO_IRQ, 0) \
    X("debug-exit", DEV_DEBUG_EXIT, 0x0f4, 4, BOARD_NO_IRQ, 0) \
    X("uart0",      DEV_UART16550,  0x3f8, 8, 4, 0) \
    X("power",      DEV_ACPI_SLEEP, 0x600, 2, BOARD_NO_IRQ, 0)

#define PC_VIRTIO(X, i) \
    X("virtio" #i, DEV_VIRTIO, 0xd0000000 + 0x1000 * (i), 0x1000, 16 + (i), 0)

#define PC_MEMORY(X) /* name, kind, base, size, irq, param */ \
    PC_VIRTIO(X, 0) PC_VIRTIO(X, 1) PC_VIRTIO(X, 2) PC_VIRTIO(X, 3) \
    PC_VIRTIO(X, 4) PC_VIRTIO(X, 5) PC_VIRTIO(X, 6) PC_VIRTIO(X, 7) \
    X("sysctl", DEV_SYSCTL, 0xd0010000, 0x1000, BOARD_NO_IRQ, 0) \
    X("ioapic", DEV_IOAPIC, 0xfec00000, 0x1000, BOARD_NO_IRQ, 0) \
    X("lapic",  DEV_LAPIC,  0xfee00000, 0x1000, BOARD_NO_IRQ, 0)
// clang-format on

static const struct board_dev pc_devs[] = {PC_PORTS(BOARD_ROW) PC_MEMORY(BOARD_ROW)};
PC_PORTS(BOARD_PORT_ASSERT)
PC_MEMORY(BOARD_ROW_ASSERT)

extern const uint8_t pc_acpi[];

const struct board board_pc = {
    .name = "pc",
    .summary = "x86-64, a PC as far as Linux needs it: 16550, clock, APICs, ACPI, virtio windows",
    .compatible = "vibe-vmm,pc",
    .arch = ARCH_X86_64,
    .ram = pc_ram,
    .n_ram = ARRAY_LEN(pc_ram),
    .devs = pc_devs,
    .n_devs = ARRAY_LEN(pc_devs),
    .mem_min = MIB(1),
    .mem_default = MIB(256),
    .cpus_max = BOARD_CPUS_MAX,
    .console = "uart0",
    .bootargs = "console=ttyS0,115200n8r",
    .raw_off = 0x7c00,
    .acpi = pc_acpi,
};
