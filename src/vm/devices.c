// SPDX-License-Identifier: MIT
/*
 * devices.c - from a board's rows to devices on the bus.
 *
 * board_kinds.h, made with the board's device tree, says which kinds the boards of this build name:
 * only those are linked.
 */
#include "vm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board_kinds.h"
#include "vmm/dev.h"

/* Before the engine's VM exists every line is low, as devices have it after reset. */
static void vm_engine_irq(void *ctx, unsigned irq, bool level)
{
    struct vm *vm = ctx;
    if (vm->hv)
        vm->cfg.engine->set_irq(vm->hv, irq, level);
}

/* The host end of a UART: NULL unless it is the board's console. */
__attribute__((unused)) static struct chr *vm_uart_chr(struct vm *vm, const struct board_dev *row)
{
    if (strcmp(row->name, vm->cfg.board->console) != 0)
        return NULL;
    return vm->cfg.console_aside ? &vm->aside.chr : &vm->con.chr;
}

/* A board may have no device with an interrupt. */
__attribute__((unused)) static struct irq_line vm_wire(struct vm *vm, const struct board_dev *row)
{
    if (row->irq != BOARD_NO_IRQ && vm->cfg.caps.irqchip)
        return (struct irq_line){vm_engine_irq, vm, (unsigned)row->irq};
    if (row->irq == BOARD_NO_IRQ || !vm->gic)
        return (struct irq_line){0};
    return (struct irq_line){gic_set_spi, vm->gic, (unsigned)row->irq};
}

#if HAVE_DEV_PL011
static int vm_pl011(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    struct chr *chr = vm_uart_chr(vm, row);
    int rc = pl011_new(dev, row->name, chr, vm_wire(vm, row));
    if (!rc && chr) {
        vm->uart = *dev;
        vm->uart_row = row;
        vm->uart_bus = &vm->bus;
        vm->uart_idle = pl011_guest_idle;
        vm->uart_tick = pl011_input_tick;
        vm->uart_waits = pl011_input_waits;
    }
    return rc;
}
#endif

#if HAVE_DEV_UART16550
static int vm_uart16550(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    struct chr *chr = vm_uart_chr(vm, row);
    int rc = uart16550_new(dev, row->name, chr, vm_wire(vm, row));
    if (!rc && chr) {
        vm->uart = *dev;
        vm->uart_row = row;
        vm->uart_bus = &vm->ports;
        vm->uart_idle = uart16550_guest_idle;
        vm->uart_tick = uart16550_input_tick;
        vm->uart_waits = uart16550_input_waits;
    }
    return rc;
}
#endif

#if HAVE_DEV_PL031 || HAVE_DEV_CMOS
/* The board's clock wants to be woken. */
static void vm_alarm_arm(void *ctx, uint64_t deadline_ns)
{
    struct vm *vm = ctx;
    if (loop_arm(vm->loop, &vm->alarm, deadline_ns))
        vm_end_by(vcpu_self, VM_END_FAIL, 0, "the host refuses the thread that timers need");
}
#endif

#if HAVE_DEV_PL031
static void vm_pl031_due(void *dev)
{
    pl031_alarm_due(dev);
}

static int vm_pl031(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    int rc = pl031_new(dev, row->name, vm_wire(vm, row));
    if (!rc)
        pl031_set_alarm(*dev, vm_alarm_arm, vm);
    vm->alarm.fn = vm_pl031_due;
    vm->alarm.arg = rc ? NULL : *dev;
    return rc;
}
#endif

#if HAVE_DEV_CMOS
static void vm_cmos_due(void *dev)
{
    cmos_alarm_due(dev);
}

static int vm_cmos(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    int rc = cmos_new(dev, row->name, vm_wire(vm, row));
    if (!rc)
        cmos_set_alarm(*dev, vm_alarm_arm, vm);
    vm->alarm.fn = vm_cmos_due;
    vm->alarm.arg = rc ? NULL : *dev;
    return rc;
}
#endif

#if HAVE_DEV_PL061
static int vm_pl061(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    int rc = pl061_new(dev, row->name, vm_wire(vm, row));
    if (!rc) {
        vm->gpio = *dev;
        vm->gpio_row = row;
        vm->gpio_set = pl061_set_input;
    }
    return rc;
}
#endif

#if HAVE_DEV_DEBUGCON
static int vm_debugcon(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    struct chr *chr = vm->cfg.console_aside ? &vm->aside.chr : &vm->con.chr;
    return debugcon_new(dev, row->name, chr, vm_wire(vm, row));
}
#endif

#if HAVE_DEV_SYSCTL || HAVE_DEV_I8042 || HAVE_DEV_ACPI_SLEEP || HAVE_DEV_DEBUG_EXIT
static void vm_power_request(void *ctx, enum sysctl_request request, uint8_t status)
{
    (void)ctx;
    vm_end_by(vcpu_self, request == SYSCTL_OFF ? VM_END_OFF : VM_END_RESET, status, NULL);
}
#endif

#if HAVE_DEV_SYSCTL
static int vm_sysctl(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    return sysctl_new(dev, row->name, vm_power_request, vm);
}
#endif

#if HAVE_DEV_I8042 || HAVE_DEV_ACPI_SLEEP || HAVE_DEV_DEBUG_EXIT
static int vm_pc_power(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    enum pc_power_kind kind = row->kind == DEV_I8042        ? PC_I8042
                              : row->kind == DEV_ACPI_SLEEP ? PC_ACPI_SLEEP
                                                            : PC_DEBUG_EXIT;
    return pc_power_new(dev, row->name, kind, vm_power_request, vm);
}
#endif

#if HAVE_DEV_GICV3_DIST
static int vm_gic(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    if (vm->cfg.caps.irqchip)
        return 0;
    int rc = gic_new(dev, row->name, vm->cfg.cpus, row->param, vcpu_line, vm);
    vm->gic = rc ? NULL : *dev;
    return rc;
}
#endif

#if HAVE_DEV_CFI_FLASH
static void vm_flash_array(void *ctx, bool on)
{
    struct vm_flash *f = ctx;
    const struct hv_ops *ops = f->vm->cfg.engine;
    if (!f->vm->hv)
        return;
    if (!on)
        ops->unmap(f->vm->hv, f->row->base, f->row->size);
    else if (ops->map(f->vm->hv, f->row->base, f->mem, f->row->size, true, NULL))
        vm_end_by(vcpu_self, VM_END_FAIL, 0, "the engine refuses to map the flash again");
}

static void vm_flash_dirty(void *ctx, uint64_t off, uint64_t len)
{
    struct vm_flash *f = ctx;
    while (f->fd >= 0 && len) {
        ssize_t n = pwrite(f->fd, f->mem + off, len, (off_t)off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            vm_end_by(vcpu_self, VM_END_FAIL, 0, "the --flash file cannot be written");
            return;
        }
        off += (uint64_t)n;
        len -= (uint64_t)n;
    }
}

/* A bank answers only when something filled it; otherwise its window stays empty. */
static int vm_cfi_flash(struct vm *vm, const struct board_dev *row, struct dev **dev)
{
    for (unsigned i = 0; i < vm->n_flash; i++) {
        struct vm_flash *f = &vm->flash[i];
        if (f->row == row && f->mem)
            return cfi_flash_new(dev, row->name, f->mem, row->size, row->param, vm_flash_array,
                                 vm_flash_dirty, f);
    }
    return 0;
}
#endif

/* 0 with *dev NULL: this run has no such device. A kind without a function: the engine has it. */
typedef int vm_dev_fn(struct vm *vm, const struct board_dev *row, struct dev **dev);

static vm_dev_fn *const vm_dev_makers[DEV_KINDS] = {
#if HAVE_DEV_PL011
    [DEV_PL011] = vm_pl011,
#endif
#if HAVE_DEV_PL031
    [DEV_PL031] = vm_pl031,
#endif
#if HAVE_DEV_PL061
    [DEV_PL061] = vm_pl061,
#endif
#if HAVE_DEV_DEBUGCON
    [DEV_DEBUGCON] = vm_debugcon,
#endif
#if HAVE_DEV_SYSCTL
    [DEV_SYSCTL] = vm_sysctl,
#endif
#if HAVE_DEV_GICV3_DIST
    [DEV_GICV3_DIST] = vm_gic,
#endif
#if HAVE_DEV_UART16550
    [DEV_UART16550] = vm_uart16550,
#endif
#if HAVE_DEV_CMOS
    [DEV_CMOS] = vm_cmos,
#endif
#if HAVE_DEV_I8042
    [DEV_I8042] = vm_pc_power,
#endif
#if HAVE_DEV_ACPI_SLEEP
    [DEV_ACPI_SLEEP] = vm_pc_power,
#endif
#if HAVE_DEV_DEBUG_EXIT
    [DEV_DEBUG_EXIT] = vm_pc_power,
#endif
#if HAVE_DEV_CFI_FLASH
    [DEV_CFI_FLASH] = vm_cfi_flash,
#endif
};

static int vm_dev_add(struct vm *vm, const struct board_dev *row, struct err *err)
{
    if (row->kind == DEV_GICV3_REDIST) {
        if (vm->gic)
            bus_map(&vm->bus, row->base, MIN(row->size, (uint64_t)vm->cfg.cpus * GIC_REDIST_SIZE),
                    vm->gic, GIC_REDIST_OFF);
        return 0;
    }
    struct dev *dev = NULL;
    int rc = 0;
#if HAVE_DEV_VIRTIO
    if (row->kind == DEV_VIRTIO && (rc = attach_new(vm, row, vm_wire(vm, row), &dev, err)))
        return rc;
#endif
    if (vm_dev_makers[row->kind])
        rc = vm_dev_makers[row->kind](vm, row, &dev);
    if (rc)
        return err_sys(err, -rc, "board %s: cannot make %s", vm->cfg.board->name, row->name);
    if (dev) {
        if (dev != vm->slot)
            vm->devs[vm->n_devs++] = dev;
        bus_map(board_kind_ports(row->kind) ? &vm->ports : &vm->bus, row->base, row->size, dev, 0);
    }
    return 0;
}

/* The interrupt controller first: the others' wires end at it. */
int vm_devices_new(struct vm *vm, struct err *err)
{
    const struct board *b = vm->cfg.board;
    int rc = attach_check(&vm->cfg, err);
    if (rc)
        return rc;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < b->n_devs; i++) {
            bool gic = b->devs[i].kind == DEV_GICV3_DIST || b->devs[i].kind == DEV_GICV3_REDIST;
            rc = gic == (pass == 0) ? vm_dev_add(vm, &b->devs[i], err) : 0;
            if (rc)
                return rc;
        }
    return 0;
}

void vm_devices_free(struct vm *vm)
{
    /* The interrupt controller, made first, goes last: a device lowers its wire as it goes. */
    for (unsigned i = vm->n_devs; i-- > 0;)
        vm->devs[i]->ops->free(vm->devs[i]);
    if (vm->slot)
        vm->slot->ops->free(vm->slot);
    for (unsigned i = 0; i < vm->n_flash; i++) {
        if (vm->flash[i].mem)
            munmap(vm->flash[i].mem, vm->flash[i].row->size);
        if (vm->flash[i].fd >= 0)
            close(vm->flash[i].fd);
    }
}

/* ---- flash banks ---- */

static int vm_flash_alloc(struct vm_flash *f, struct err *err)
{
    void *p = mmap(NULL, f->row->size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return err_sys(err, errno, "cannot reserve %" PRIu64 " MiB for %s", f->row->size >> 20,
                       f->row->name);
#ifdef MADV_HUGEPAGE
    madvise(p, f->row->size, MADV_HUGEPAGE);
#endif
    f->mem = p;
    memset(p, 0xff, f->row->size); /* what an erased flash reads */
    return 0;
}

static int vm_flash_load(struct vm_flash *f, const char *path, struct err *err)
{
    struct stat st;
    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (f->fd < 0 || fstat(f->fd, &st))
        return err_sys(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_HOST, EINVAL, "%s: --flash takes a regular file", path);
    if ((uint64_t)st.st_size > f->row->size)
        return err_set(err, ERR_HOST, EFBIG,
                       "%s: is %" PRIu64 " bytes; the flash bank holds %" PRIu64, path,
                       (uint64_t)st.st_size, f->row->size);
    uint64_t at = 0;
    while (at < (uint64_t)st.st_size) {
        ssize_t n = pread(f->fd, f->mem + at, (uint64_t)st.st_size - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "%s", path);
        if (!n)
            break;
        at += (uint64_t)n;
    }
    /* A file is as large as its bank: a hole would read as zeroes next time, not as erased flash.
     */
    while (at < f->row->size) {
        ssize_t n = pwrite(f->fd, f->mem + at, f->row->size - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_sys(err, n ? errno : ENOSPC, "%s", path);
        at += (uint64_t)n;
    }
    return 0;
}

int vm_flash_open(struct vm *vm, struct err *err)
{
    const struct board *b = vm->cfg.board;
    if (!vm->cfg.firmware && !vm->cfg.flash_file)
        return 0;
    for (unsigned i = 0; i < b->n_devs && vm->n_flash < VM_FLASH_BANKS; i++)
        if (b->devs[i].kind == DEV_CFI_FLASH)
            vm->flash[vm->n_flash++] = (struct vm_flash){.vm = vm, .row = &b->devs[i], .fd = -1};
    if (!vm->n_flash)
        return err_set(err, ERR_HOST, ENODEV,
                       "board %s: has no flash for --firmware or --flash; board virt has", b->name);
    if (vm->cfg.flash_file && vm->n_flash < 2)
        return err_set(err, ERR_HOST, ENODEV,
                       "board %s: has one flash bank, --flash is for the second", b->name);
    for (unsigned i = 0; i < vm->n_flash; i++) {
        int rc = vm_flash_alloc(&vm->flash[i], err);
        if (!rc && i == 1 && vm->cfg.flash_file)
            rc = vm_flash_load(&vm->flash[i], vm->cfg.flash_file, err);
        if (rc)
            return rc;
    }
    return 0;
}

int vm_flash_map(struct vm *vm, struct err *err)
{
    int rc = 0;
    for (unsigned i = 0; i < vm->n_flash && !rc; i++)
        rc = vm->cfg.engine->map(vm->hv, vm->flash[i].row->base, vm->flash[i].mem,
                                 vm->flash[i].row->size, true, err);
    return rc;
}
