// SPDX-License-Identifier: MIT
/*
 * board.h - what a machine is: const rows in boards/NAME.c. An address exists once, in its row; the
 * bus map, the device tree and `vibevmm boards NAME --map` all derive from it.
 */
#ifndef VMM_BOARD_H
#define VMM_BOARD_H

#include "vmm/base.h"
#include "vmm/err.h"
#include "vmm/mem.h"

enum board_arch { ARCH_ARM64, ARCH_X86_64 };

enum dev_kind {
    DEV_PL011,
    DEV_PL031,
    DEV_PL061,      /* `param`: input pin of the power key, 0..7, or BOARD_NO_KEY */
    DEV_GICV3_DIST, /* with DEV_GICV3_REDIST, one interrupt controller of two windows; `param`: its
                       SPIs, 32, 64..BOARD_SPIS_MAX: more of them make a KVM machine slower to start
                     */
    DEV_GICV3_REDIST,
    DEV_CFI_FLASH, /* `param`: erase-block size in bytes; filled by --firmware */
    DEV_DEBUGCON,  /* DR and FR of a PL011, and nothing to set up */
    DEV_SYSCTL,    /* power and exit status, SiFive test-finisher layout */
    DEV_VIRTIO,    /* a virtio-mmio window, empty until something is attached */
    /* Of the PC. Those with "engine" are not modelled here: an engine that runs x86 brings them. */
    DEV_UART16550,  /* ports */
    DEV_I8042,      /* ports; the keyboard controller's reset line and nothing else */
    DEV_CMOS,       /* ports; MC146818 clock and its RAM */
    DEV_ACPI_SLEEP, /* ports; the guest switches the machine off there */
    DEV_DEBUG_EXIT, /* port; a store ends the machine with a status */
    DEV_I8259,      /* ports, engine */
    DEV_I8254,      /* ports, engine */
    DEV_IOAPIC,     /* engine */
    DEV_LAPIC,      /* engine */
    DEV_KINDS
};

#define BOARD_NO_IRQ   (-1)
#define BOARD_SPIS_MAX 256 /* of the models; GICv3 IHI 0069H §2.2.1 has 988 */
#define BOARD_IRQ_MAX  (BOARD_SPIS_MAX - 1)
#define BOARD_GSI_MAX  23 /* inputs of the I/O APIC (82093AA data sheet §2.4) */
#define BOARD_NO_KEY   0xff
#define BOARD_CPUS_MAX 8

struct board_dev {
    const char *name; /* unique on the board: "uart0" */
    enum dev_kind kind;
    gpa_t base; /* an I/O port when board_kind_ports(kind) */
    uint64_t size;
    int irq; /* ARM64: the SPI, 0..BOARD_IRQ_MAX; x86: the GSI, 0..BOARD_GSI_MAX; or BOARD_NO_IRQ */
    uint32_t param;
};

/* A place for RAM. --mem fills the windows in order. */
struct board_ram {
    gpa_t base;
    uint64_t size; /* the most that fits */
};

struct board {
    const char *name;
    const char *summary;    /* one line for `vibevmm boards` */
    const char *compatible; /* of the device tree's root */
    enum board_arch arch;
    const struct board_ram *ram;
    unsigned n_ram;
    const struct board_dev *devs; /* those in memory ascending by base, and those at ports too */
    unsigned n_devs;
    uint64_t mem_min, mem_default; /* bytes; the maximum is the sum of the windows */
    unsigned cpus_max;
    const char *console;  /* name of the row that is the console: stdin and stdout */
    const char *bootargs; /* kernel command line when --append gives none */
    gpa_t raw_off;        /* a raw image without --entry loads and starts at RAM base + this */
    /* What tells the guest about the machine, made at build time from the rows; one of them: */
    const uint8_t *dtb;  /* flat device tree with cpus_max CPUs and mem_default of RAM */
    const uint8_t *acpi; /* ACPI tables with cpus_max CPUs (vmm/acpi.h) */
};

/* The boards of this launcher, NULL at the end; the first is the default. */
extern const struct board *const boards[];

const struct board *board_find(const char *name);
const struct board_dev *board_dev_find(const struct board *board, const char *name);
const char *board_kind_name(enum dev_kind kind);
/* Is a device of this kind at I/O ports, not in memory? */
bool board_kind_ports(enum dev_kind kind);

/* Bytes of the board's device tree, as its header says (DTSpec 0.4 §5.2). */
static inline size_t board_dtb_len(const struct board *board)
{
    return be32_get(board->dtb + 4);
}

/*
 * The RAM of a machine with `mem` bytes: out[] (room for MEM_REGIONS_MAX; hva is NULL) receives the
 * windows that are used, filled in order. Returns their number. `mem` is a multiple of 4 KiB, at
 * most board_mem_max().
 */
unsigned board_ram_regions(const struct board *board, uint64_t mem, struct mem_region *out);

/* The most --mem can be. */
uint64_t board_mem_max(const struct board *board);

/*
 * What no single row can prove: order, overlap of devices and RAM, names and interrupts used once,
 * the console exists, GIC windows come in a pair. Run by the build on every board, and by the
 * tests. 0, or -EINVAL with err naming the row and the rule.
 */
int board_check(const struct board *board, struct err *err);

/*
 * Compile-time check of one row, for the X-macro lists in boards/: aligned to its size class and
 * interrupt in range. BOARD_PORT_ASSERT is for the rows at I/O ports.
 */
#define BOARD_ROW_ASSERT(name, kind, base, size, irq, param)                                       \
    _Static_assert((base) % 0x200 == 0 && (size) > 0 && (size) % 0x200 == 0 && (irq) >= -1 &&      \
                       (irq) <= BOARD_IRQ_MAX,                                                     \
                   name ": base and size are multiples of 0x200, irq is -1 or 0..255");
#define BOARD_PORT_ASSERT(name, kind, base, size, irq, param)                                      \
    _Static_assert((base) >= 0 && (size) > 0 && (base) + (size) <= 0x10000 && (irq) >= -1 &&       \
                       (irq) <= BOARD_GSI_MAX,                                                     \
                   name ": ports are 0..0xffff, irq is -1 or 0..23");

#define BOARD_ROW(name, kind, base, size, irq, param) {name, kind, base, size, irq, param},

#endif
