// SPDX-License-Identifier: MIT
/*
 * dtb_make.c - a board's flat device tree from its rows; runs on the build host only.
 *
 * Follows DTSpec 0.4 and the Linux bindings (Documentation/devicetree/bindings: arm/cpus, arm/psci,
 * interrupt-controller/arm,gic-v3, timer/arm,arch_timer, serial/pl011, virtio/mmio,
 * power/reset/syscon-*). Node names are those that guests of QEMU's `virt` know. Left out: CPU
 * topology, PMU, caches.
 */
#include "vmm/dtb.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>

enum dtb_phandle { DTB_CLOCK = 1, DTB_GIC, DTB_GPIO, DTB_SYSCTL };

/* arm,gic-v3 binding: first and third cell of an interrupt */
#define DTB_GIC_SPI     0
#define DTB_GIC_PPI     1
#define DTB_EDGE_RISING 1
#define DTB_LEVEL_HIGH  4

#define DTB_KEY_POWER 116 /* linux,code of the power key: input-event-codes.h */

/* A tree being written; the first failure stays, and later calls do nothing. */
struct dtb_out {
    void *fdt;
    const struct board *board;
    int rc;
};

static void dtb_keep(struct dtb_out *o, int rc)
{
    if (!o->rc)
        o->rc = rc;
}

static void dtb_begin(struct dtb_out *o, const char *name)
{
    dtb_keep(o, o->rc ? o->rc : fdt_begin_node(o->fdt, name));
}

static void dtb_begin_at(struct dtb_out *o, const char *name, gpa_t base)
{
    char buf[64];
    snprintf(buf, sizeof buf, "%s@%" PRIx64, name, base);
    dtb_begin(o, buf);
}

static void dtb_end(struct dtb_out *o)
{
    dtb_keep(o, o->rc ? o->rc : fdt_end_node(o->fdt));
}

static void dtb_bytes(struct dtb_out *o, const char *name, const void *val, size_t len)
{
    dtb_keep(o, o->rc ? o->rc : fdt_property(o->fdt, name, val, (int)len));
}

static void dtb_text(struct dtb_out *o, const char *name, const char *val)
{
    dtb_bytes(o, name, val, strlen(val) + 1);
}

/* A list of strings, each with its NUL, given as a literal "a\0b". */
#define dtb_texts(o, name, literal) dtb_bytes(o, name, literal, sizeof(literal))

static void dtb_cells(struct dtb_out *o, const char *name, const uint32_t *cells, unsigned n)
{
    uint32_t be[32];
    for (unsigned i = 0; i < n; i++)
        be[i] = cpu_to_fdt32(cells[i]);
    dtb_bytes(o, name, be, n * sizeof be[0]);
}

#define dtb_u32s(o, name, ...)                                                                     \
    dtb_cells(o, name, (const uint32_t[]){__VA_ARGS__},                                            \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void dtb_flag(struct dtb_out *o, const char *name)
{
    dtb_bytes(o, name, NULL, 0);
}

static void dtb_reg(struct dtb_out *o, const struct board_dev *d)
{
    dtb_u32s(o, "reg", (uint32_t)(d->base >> 32), (uint32_t)d->base, (uint32_t)(d->size >> 32),
             (uint32_t)d->size);
}

/* Window and interrupt. */
static void dtb_reg_irq(struct dtb_out *o, const struct board_dev *d)
{
    dtb_reg(o, d);
    dtb_u32s(o, "interrupts", DTB_GIC_SPI, (uint32_t)d->irq, DTB_LEVEL_HIGH);
}

static void dtb_apb_clock(struct dtb_out *o)
{
    dtb_u32s(o, "clocks", DTB_CLOCK);
    dtb_text(o, "clock-names", "apb_pclk");
}

/* ---- one writer per kind of device ---- */

static void dtb_pl011(struct dtb_out *o, const struct board_dev *d)
{
    dtb_begin_at(o, "pl011", d->base);
    dtb_texts(o, "compatible", "arm,pl011\0arm,primecell");
    dtb_reg_irq(o, d);
    dtb_u32s(o, "clocks", DTB_CLOCK, DTB_CLOCK);
    dtb_texts(o, "clock-names", "uartclk\0apb_pclk");
    dtb_end(o);
}

static void dtb_pl031(struct dtb_out *o, const struct board_dev *d)
{
    dtb_begin_at(o, "pl031", d->base);
    dtb_texts(o, "compatible", "arm,pl031\0arm,primecell");
    dtb_reg_irq(o, d);
    dtb_apb_clock(o);
    dtb_end(o);
}

static void dtb_pl061(struct dtb_out *o, const struct board_dev *d)
{
    dtb_begin_at(o, "pl061", d->base);
    dtb_texts(o, "compatible", "arm,pl061\0arm,primecell");
    dtb_reg_irq(o, d);
    dtb_apb_clock(o);
    dtb_flag(o, "gpio-controller");
    dtb_u32s(o, "#gpio-cells", 2);
    dtb_u32s(o, "phandle", DTB_GPIO);
    dtb_end(o);
    if (d->param == BOARD_NO_KEY)
        return;
    dtb_begin(o, "gpio-keys");
    dtb_text(o, "compatible", "gpio-keys");
    dtb_begin(o, "poweroff");
    dtb_text(o, "label", "GPIO Key Poweroff");
    dtb_u32s(o, "linux,code", DTB_KEY_POWER);
    dtb_u32s(o, "gpios", DTB_GPIO, d->param, 0);
    dtb_end(o);
    dtb_end(o);
}

/* Distributor and redistributors are one node. */
static void dtb_gic(struct dtb_out *o, const struct board_dev *dist)
{
    const struct board_dev *r = o->board->devs;
    while (r->kind != DEV_GICV3_REDIST)
        r++; /* board_check() proved it is there */
    dtb_begin_at(o, "intc", dist->base);
    dtb_text(o, "compatible", "arm,gic-v3");
    dtb_u32s(o, "#interrupt-cells", 3);
    dtb_flag(o, "interrupt-controller");
    dtb_u32s(o, "#address-cells", 2);
    dtb_u32s(o, "#size-cells", 2);
    dtb_flag(o, "ranges");
    dtb_u32s(o, "#redistributor-regions", 1);
    dtb_u32s(o, "reg", (uint32_t)(dist->base >> 32), (uint32_t)dist->base, 0, (uint32_t)dist->size,
             (uint32_t)(r->base >> 32), (uint32_t)r->base, 0, (uint32_t)r->size);
    dtb_u32s(o, "phandle", DTB_GIC);
    dtb_end(o);
}

/* All banks are one node, made at the first of them. */
static void dtb_flash(struct dtb_out *o, const struct board_dev *first)
{
    const struct board *b = o->board;
    uint32_t reg[16];
    unsigned n = 0;
    for (const struct board_dev *d = b->devs; d < b->devs + b->n_devs; d++) {
        if (d->kind != DEV_CFI_FLASH || n + 4 > ARRAY_LEN(reg))
            continue;
        if (d < first)
            return;
        reg[n++] = (uint32_t)(d->base >> 32);
        reg[n++] = (uint32_t)d->base;
        reg[n++] = (uint32_t)(d->size >> 32);
        reg[n++] = (uint32_t)d->size;
    }
    dtb_begin_at(o, "flash", first->base);
    dtb_text(o, "compatible", "cfi-flash");
    dtb_cells(o, "reg", reg, n);
    dtb_u32s(o, "bank-width", 4);
    dtb_end(o);
}

static void dtb_debugcon(struct dtb_out *o, const struct board_dev *d)
{
    dtb_begin_at(o, "debugcon", d->base);
    dtb_text(o, "compatible", "vibe-vmm,debugcon");
    dtb_reg_irq(o, d);
    dtb_end(o);
}

/* syscon-poweroff.yaml, syscon-reboot.yaml; the values are the SiFive test finisher's (sysctl.c).
 */
static void dtb_sysctl(struct dtb_out *o, const struct board_dev *d)
{
    static const struct {
        const char *name, *compatible;
        uint32_t value;
    } uses[] = {
        {"poweroff", "syscon-poweroff", 0x5555},
        {"reboot",   "syscon-reboot",   0x7777}
    };
    dtb_begin_at(o, "test", d->base);
    dtb_texts(o, "compatible", "sifive,test1\0sifive,test0\0syscon");
    dtb_reg(o, d);
    dtb_u32s(o, "phandle", DTB_SYSCTL);
    dtb_end(o);
    for (unsigned i = 0; i < ARRAY_LEN(uses); i++) {
        dtb_begin(o, uses[i].name);
        dtb_text(o, "compatible", uses[i].compatible);
        dtb_u32s(o, "regmap", DTB_SYSCTL);
        dtb_u32s(o, "offset", 0);
        dtb_u32s(o, "value", uses[i].value);
        if (i == 0)
            dtb_text(o, "status", "disabled");
        dtb_end(o);
    }
}

static void dtb_virtio(struct dtb_out *o, const struct board_dev *d)
{
    dtb_begin_at(o, "virtio_mmio", d->base);
    dtb_text(o, "compatible", "virtio,mmio");
    dtb_reg(o, d);
    dtb_u32s(o, "interrupts", DTB_GIC_SPI, (uint32_t)d->irq, DTB_EDGE_RISING);
    dtb_flag(o, "dma-coherent");
    dtb_end(o);
}

static void (*const dtb_writers[DEV_KINDS])(struct dtb_out *o, const struct board_dev *d) = {
    [DEV_PL011] = dtb_pl011,     [DEV_PL031] = dtb_pl031,       [DEV_PL061] = dtb_pl061,
    [DEV_GICV3_DIST] = dtb_gic,  [DEV_GICV3_REDIST] = NULL, /* in the distributor's node */
    [DEV_CFI_FLASH] = dtb_flash, [DEV_DEBUGCON] = dtb_debugcon, [DEV_SYSCTL] = dtb_sysctl,
    [DEV_VIRTIO] = dtb_virtio,
};

/* ---- what is not a device ---- */

/* Room for what a run adds to /chosen (dtb_patch.c), so that no byte of the tree has to move. */
static const struct {
    const char *name;
    uint32_t len;
} dtb_holes[] = {
    {"bootargs",           128},
    {"linux,initrd-start", 8  },
    {"linux,initrd-end",   8  },
    {"rng-seed",           32 },
    {"kaslr-seed",         8  },
};

static void dtb_chosen(struct dtb_out *o)
{
    static const uint8_t hole[128];
    const struct board_dev *con = board_dev_find(o->board, o->board->console);
    char path[80];
    /*
     * Options as Linux reads them (serial_core: baud, parity, bits, flow). 'r' turns RTS/CTS flow
     * control on, so that its tty holds the UART back instead of dropping what does not fit.
     */
    if (con->kind == DEV_PL011)
        snprintf(path, sizeof path, "/pl011@%" PRIx64 ":115200n8r", con->base);
    else
        snprintf(path, sizeof path, "/debugcon@%" PRIx64, con->base);
    dtb_begin(o, "chosen");
    dtb_text(o, "stdout-path", path);
    for (unsigned i = 0; i < ARRAY_LEN(dtb_holes); i++)
        dtb_bytes(o, dtb_holes[i].name, hole, dtb_holes[i].len);
    dtb_end(o);
}

/* The properties of a run become NOPs, which are no properties; their names stay in the blob. */
static int dtb_make_holes(void *fdt)
{
    int chosen = fdt_path_offset(fdt, "/chosen"), rc = MIN(chosen, 0);
    for (unsigned i = 0; i < ARRAY_LEN(dtb_holes) && !rc; i++)
        rc = fdt_nop_property(fdt, chosen, dtb_holes[i].name);
    return rc;
}

/* psci.yaml; the function numbers are those that "arm,psci" (0.1) asks for: DEN 0022F §5.2. */
static void dtb_psci(struct dtb_out *o)
{
    dtb_begin(o, "psci");
    dtb_texts(o, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    dtb_text(o, "method", "hvc");
    dtb_u32s(o, "cpu_suspend", 0xc4000001);
    dtb_u32s(o, "cpu_off", 0x84000002);
    dtb_u32s(o, "cpu_on", 0xc4000003);
    dtb_u32s(o, "migrate", 0xc4000005);
    dtb_end(o);
}

static void dtb_memory(struct dtb_out *o)
{
    struct mem_region regions[MEM_REGIONS_MAX];
    uint32_t reg[MEM_REGIONS_MAX * 4];
    unsigned n = board_ram_regions(o->board, o->board->mem_default, regions);
    for (unsigned i = 0; i < n; i++) {
        reg[4 * i] = (uint32_t)(regions[i].base >> 32);
        reg[4 * i + 1] = (uint32_t)regions[i].base;
        reg[4 * i + 2] = (uint32_t)(regions[i].size >> 32);
        reg[4 * i + 3] = (uint32_t)regions[i].size;
    }
    dtb_begin_at(o, "memory", regions[0].base);
    dtb_text(o, "device_type", "memory");
    dtb_cells(o, "reg", reg, 4 * n);
    dtb_end(o);
}

static void dtb_cpus(struct dtb_out *o)
{
    dtb_begin(o, "cpus");
    dtb_u32s(o, "#address-cells", 1);
    dtb_u32s(o, "#size-cells", 0);
    for (uint32_t i = 0; i < o->board->cpus_max; i++) {
        dtb_begin_at(o, "cpu", i);
        dtb_text(o, "device_type", "cpu");
        dtb_text(o, "compatible", "arm,armv8");
        dtb_u32s(o, "reg", i);
        dtb_text(o, "enable-method", "psci");
        dtb_end(o);
    }
    dtb_end(o);
}

/* arm,arch_timer.yaml: secure, non-secure physical, virtual, hypervisor timer (PPI 13, 14, 11, 10).
 */
static void dtb_timer(struct dtb_out *o)
{
    dtb_begin(o, "timer");
    dtb_texts(o, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    dtb_flag(o, "always-on");
    dtb_u32s(o, "interrupts", DTB_GIC_PPI, 13, DTB_LEVEL_HIGH, DTB_GIC_PPI, 14, DTB_LEVEL_HIGH,
             DTB_GIC_PPI, 11, DTB_LEVEL_HIGH, DTB_GIC_PPI, 10, DTB_LEVEL_HIGH);
    dtb_end(o);
}

static bool dtb_has_primecell(const struct board *b)
{
    for (unsigned i = 0; i < b->n_devs; i++)
        if (b->devs[i].kind == DEV_PL011 || b->devs[i].kind == DEV_PL031 ||
            b->devs[i].kind == DEV_PL061)
            return true;
    return false;
}

static void dtb_clock(struct dtb_out *o)
{
    dtb_begin(o, "apb-pclk");
    dtb_text(o, "compatible", "fixed-clock");
    dtb_u32s(o, "#clock-cells", 0);
    dtb_u32s(o, "clock-frequency", 24000000);
    dtb_text(o, "clock-output-names", "clk24mhz");
    dtb_u32s(o, "phandle", DTB_CLOCK);
    dtb_end(o);
}

static void dtb_root(struct dtb_out *o)
{
    const struct board *b = o->board;
    dtb_begin(o, "");
    dtb_text(o, "compatible", b->compatible);
    dtb_text(o, "model", b->compatible);
    dtb_u32s(o, "#address-cells", 2);
    dtb_u32s(o, "#size-cells", 2);
    dtb_u32s(o, "interrupt-parent", DTB_GIC);
    dtb_cpus(o); /* these three first: dtb_patch.c takes them by their place */
    dtb_memory(o);
    dtb_chosen(o);
    dtb_psci(o);
    dtb_timer(o);
    if (dtb_has_primecell(b))
        dtb_clock(o);
    for (unsigned i = 0; i < b->n_devs; i++)
        if (dtb_writers[b->devs[i].kind])
            dtb_writers[b->devs[i].kind](o, &b->devs[i]);
    dtb_end(o);
}

int dtb_make(const struct board *board, void *buf, size_t room, size_t *len, struct err *err)
{
    struct dtb_out o = {.fdt = buf, .board = board};
    if (board->arch != ARCH_ARM64)
        return err_set(err, ERR_HOST, ENOTSUP,
                       "dtb: board %s: only ARM64 boards have a device tree", board->name);
    dtb_keep(&o, fdt_create(buf, (int)MIN(room, (size_t)MIB(1))));
    dtb_keep(&o, o.rc ? o.rc : fdt_finish_reservemap(buf));
    dtb_root(&o);
    dtb_keep(&o, o.rc ? o.rc : fdt_finish(buf));
    dtb_keep(&o, o.rc ? o.rc : dtb_make_holes(buf));
    if (o.rc)
        return err_set(err, ERR_HOST, o.rc == -FDT_ERR_NOSPACE ? ENOSPC : EINVAL,
                       "dtb: board %s: %s", board->name, fdt_strerror(o.rc));
    *len = fdt_totalsize(buf);
    return 0;
}
