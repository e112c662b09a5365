// SPDX-License-Identifier: MIT
/*
 * pc_power.c - the ways a PC is switched off or reset: ACPI's sleep registers, the 8042's reset
 * line, and the debug-exit port of emulators.
 *
 * Sleep registers: ACPI 6.4 §4.8.3.7, the pair that hardware-reduced platforms have; only S5 is a
 * state here (SLP_TYP as in src/acpi/acpi_make.c's \_S5). 8042: IBM PC AT technical reference,
 * "Keyboard controller": of it there is the command that pulses the reset line, and a status that
 * says no keyboard has sent anything. Debug exit: as QEMU's isa-debug-exit, a store of v ends the
 * machine with status 2 * v + 1.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/acpi.h"

#define SLEEP_CONTROL 0
#define SLP_EN        BIT(5) /* §4.8.3.7.1 */

#define I8042_COMMAND 4 /* port 0x64 */
#define I8042_RESET   0xfe
#define I8042_SYS     0x04 /* status: passed its self-test */

struct pc_power {
    struct dev dev;
    void (*fn)(void *ctx, enum sysctl_request request, uint8_t status);
    void *ctx;
};

static uint64_t power_read_zero(struct dev *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0;
}

static void acpi_sleep_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pc_power *p = container_of(dev, struct pc_power, dev);
    (void)size;
    if (off == SLEEP_CONTROL && val & SLP_EN && bits_get(val, 2, 3) == ACPI_SLP_TYP_S5)
        p->fn(p->ctx, SYSCTL_OFF, 0);
}

static uint64_t i8042_read(struct dev *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)size;
    return off == I8042_COMMAND ? I8042_SYS : 0;
}

static void i8042_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pc_power *p = container_of(dev, struct pc_power, dev);
    (void)size;
    if (off == I8042_COMMAND && val == I8042_RESET)
        p->fn(p->ctx, SYSCTL_RESET, 0);
}

static void debug_exit_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pc_power *p = container_of(dev, struct pc_power, dev);
    (void)size;
    if (off == 0)
        p->fn(p->ctx, SYSCTL_OFF, (uint8_t)(val << 1 | 1));
}

static void power_reset(struct dev *dev)
{
    (void)dev; /* nothing is kept */
}

static void power_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct pc_power, dev));
}

static const struct dev_ops acpi_sleep_ops = {
    "acpi-sleep", 1, power_read_zero, acpi_sleep_write, power_reset, power_free,
};
static const struct dev_ops i8042_ops = {
    "i8042", 1, i8042_read, i8042_write, power_reset, power_free,
};
static const struct dev_ops debug_exit_ops = {
    "debug-exit", 1 | 2 | 4, power_read_zero, debug_exit_write, power_reset, power_free,
};

int pc_power_new(struct dev **dev, const char *name, enum pc_power_kind kind,
                 void (*fn)(void *ctx, enum sysctl_request request, uint8_t status), void *ctx)
{
    static const struct dev_ops *const ops[] = {
        [PC_ACPI_SLEEP] = &acpi_sleep_ops,
        [PC_I8042] = &i8042_ops,
        [PC_DEBUG_EXIT] = &debug_exit_ops,
    };
    struct pc_power *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    dev_init(&p->dev, ops[kind], name);
    p->fn = fn;
    p->ctx = ctx;
    *dev = &p->dev;
    return 0;
}
