// SPDX-License-Identifier: MIT
/*
 * sysctl.c - power and exit status: the register of SiFive's test finisher.
 *
 * One write-only register at offset 0, as the device tree's `sifive,test0` binding and its users
 * (Linux's syscon-poweroff and syscon-reboot, U-Boot, OpenSBI) have it: the low half says what to
 * do, the high half is the status of a failure. Everything else is RAZ/WI.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#define SYSCTL_FINISHER 0x0

#define FINISHER_FAIL  0x3333 /* off, with status bits 31:16 */
#define FINISHER_PASS  0x5555 /* off, with status 0 */
#define FINISHER_RESET 0x7777 /* start again */

struct sysctl {
    struct dev dev;
    void (*fn)(void *ctx, enum sysctl_request request, uint8_t status);
    void *ctx;
};

static uint64_t sysctl_read(struct dev *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0;
}

/* An exit status is one byte; a failure whose low byte happens to be 0 must not look like success.
 */
static uint8_t sysctl_status(uint16_t code)
{
    return code && !(code & 0xff) ? 1 : (uint8_t)code;
}

static void sysctl_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct sysctl *s = container_of(dev, struct sysctl, dev);
    (void)size;
    if (off != SYSCTL_FINISHER)
        return;
    switch (val & 0xffff) {
    case FINISHER_PASS:
        s->fn(s->ctx, SYSCTL_OFF, 0);
        break;
    case FINISHER_FAIL:
        s->fn(s->ctx, SYSCTL_OFF, sysctl_status((uint16_t)(val >> 16)));
        break;
    case FINISHER_RESET:
        s->fn(s->ctx, SYSCTL_RESET, 0);
        break;
    default: /* not a request: ignored */
        break;
    }
}

static void sysctl_reset(struct dev *dev)
{
    (void)dev; /* nothing is kept */
}

static void sysctl_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct sysctl, dev));
}

static const struct dev_ops sysctl_ops = {
    .kind = "sysctl",
    .sizes = 2 | 4,
    .read = sysctl_read,
    .write = sysctl_write,
    .reset = sysctl_reset,
    .free = sysctl_free,
};

int sysctl_new(struct dev **dev, const char *name,
               void (*fn)(void *ctx, enum sysctl_request request, uint8_t status), void *ctx)
{
    struct sysctl *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    dev_init(&s->dev, &sysctl_ops, name);
    s->fn = fn;
    s->ctx = ctx;
    *dev = &s->dev;
    return 0;
}
