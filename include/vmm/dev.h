// SPDX-License-Identifier: MIT
/*
 * dev.h - how each device is made. What it does behind its registers is in src/dev/NAME.c.
 *
 * Every x_new() returns 0 or -errno (ENOMEM unless it says otherwise), leaves the device in its
 * reset state, and hands it to the caller, who releases it through dev->ops->free. `name` is kept,
 * not copied.
 */
#ifndef VMM_DEV_H
#define VMM_DEV_H

#include "vmm/bus.h"
#include "vmm/chr.h"
#include "vmm/irq.h"

int pl011_new(struct dev **dev, const char *name, struct chr *chr, struct irq_line irq);

/*
 * All vCPUs of the machine wait: the guest has taken in what it was given. A UART whose guest uses
 * no flow control offers its next FIFO-full then (see pl011.c). Any thread.
 */
void pl011_guest_idle(struct dev *dev);

/*
 * The same for a machine that stays busy while pl011_input_waits(), 10 ms apart: more input, but
 * the end of input waits for pl011_guest_idle(). (An engine that does not show WFI has only time to
 * go by: it calls pl011_guest_idle() for both.) Any thread.
 */
void pl011_input_tick(struct dev *dev);

/* Does input, or its end, wait for one of these two? Any thread. */
bool pl011_input_waits(struct dev *dev);

int pl031_new(struct dev **dev, const char *name, struct irq_line irq);

/*
 * Give the RTC a clock to be woken by: `arm(ctx, deadline_ns)` asks for pl031_alarm_due() at that
 * clock_mono_ns() time, an earlier request is void. Called on the vCPU's thread with the device's
 * lock held. Set before the first vCPU runs; without it an alarm is noticed at the next register
 * access.
 */
void pl031_set_alarm(struct dev *dev, void (*arm)(void *ctx, uint64_t deadline_ns), void *ctx);
void pl031_alarm_due(struct dev *dev); /* any thread */

int pl061_new(struct dev **dev, const char *name, struct irq_line irq);

/* Drive input pin 0..7 of a PL061 (the power key is on the pin the board's device tree says). Any
 * thread. */
void pl061_set_input(struct dev *dev, unsigned pin, bool level);

/* A store of a byte (or the low byte of more) prints it; a load takes one of the input. */
int debugcon_new(struct dev **dev, const char *name, struct chr *chr, struct irq_line irq);

/* A 16550 UART, with the same three functions for its input as a PL011. */
int uart16550_new(struct dev **dev, const char *name, struct chr *chr, struct irq_line irq);
void uart16550_guest_idle(struct dev *dev);
void uart16550_input_tick(struct dev *dev);
bool uart16550_input_waits(struct dev *dev);

/* A PC's clock and its RAM; the alarm is as with the PL031. */
int cmos_new(struct dev **dev, const char *name, struct irq_line irq);
void cmos_set_alarm(struct dev *dev, void (*arm)(void *ctx, uint64_t deadline_ns), void *ctx);
void cmos_alarm_due(struct dev *dev); /* any thread */

enum sysctl_request { SYSCTL_OFF, SYSCTL_RESET };

/* `fn` is called on the vCPU's thread with the guest's status byte (0 for reset), the device's lock
 * held. */
int sysctl_new(struct dev **dev, const char *name,
               void (*fn)(void *ctx, enum sysctl_request request, uint8_t status), void *ctx);

/* The ways a PC is switched off or reset; fn as with sysctl_new(). */
enum pc_power_kind { PC_ACPI_SLEEP, PC_I8042, PC_DEBUG_EXIT };

int pc_power_new(struct dev **dev, const char *name, enum pc_power_kind kind,
                 void (*fn)(void *ctx, enum sysctl_request request, uint8_t status), void *ctx);

/*
 * CFI NOR flash of `size` bytes in `mem` (the caller's, erased bytes are 0xff; it outlives the
 * device). In read-array mode the engine maps `mem` as ROM and loads never come here: `array(ctx,
 * on)` says when that mode begins or ends, from the vCPU's thread with the device's lock held.
 * `dirty`, when not NULL, is told of each range that was programmed or erased, for the file behind
 * it.
 */
int cfi_flash_new(struct dev **dev, const char *name, uint8_t *mem, uint64_t size, uint32_t block,
                  void (*array)(void *ctx, bool on),
                  void (*dirty)(void *ctx, uint64_t off, uint64_t len), void *ctx);

/*
 * GICv3 distributor, redistributors and CPU interfaces as one device of two windows: the
 * distributor is at device offset 0 (64 KiB), the redistributors at GIC_REDIST_OFF, GIC_REDIST_SIZE
 * each. `spis` is 32, 64..BOARD_SPIS_MAX. `line(ctx, cpu, fiq, level)` drives a vCPU's IRQ or FIQ
 * input, any thread, the device's lock held.
 */
#define GIC_REDIST_OFF  0x10000
#define GIC_REDIST_SIZE 0x20000

int gic_new(struct dev **dev, const char *name, unsigned cpus, unsigned spis,
            void (*line)(void *ctx, unsigned cpu, bool fiq, bool level), void *ctx);

/* irq_line.set of an SPI: ctx is the gic's struct dev, n the SPI number. Takes the lock. Any
 * thread. */
void gic_set_spi(void *gic, unsigned spi, bool level);

/* A private interrupt's wire: intid is 16..31. Takes the lock. Any thread. */
void gic_set_ppi(struct dev *gic, unsigned cpu, unsigned intid, bool level);

/*
 * CPU-interface registers (ICC_*_EL1), by their HV_SYSREG() encoding. False when it is none of
 * them: the access is UNDEFINED. Takes the lock; the vCPU's own thread.
 */
bool gic_icc_read(struct dev *gic, unsigned cpu, uint32_t reg, uint64_t *val);
bool gic_icc_write(struct dev *gic, unsigned cpu, uint32_t reg, uint64_t val);

#endif
