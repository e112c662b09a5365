// SPDX-License-Identifier: MIT
/*
 * semihost.c - the few semihosting operations a bare-metal guest ends or speaks with.
 *
 * Follows "Semihosting for AArch32 and AArch64" (Arm IHI 0101). Only SYS_WRITEC, SYS_WRITE0 and
 * SYS_EXIT (with SYS_EXIT_EXTENDED); every other operation answers -1. No file of the host can be
 * reached.
 */
#include "vm_int.h"

#include "vmm/walk.h"

enum { SYS_WRITEC = 0x03, SYS_WRITE0 = 0x04, SYS_EXIT = 0x18, SYS_EXIT_EXTENDED = 0x20 };
#define ADP_STOPPED_APPLICATION_EXIT 0x20026
#define SEMIHOST_STRING_MAX          4096

static bool semihost_read(struct vcpu *v, const struct hv_regs *regs, uint64_t gva, void *buf,
                          unsigned len)
{
    uint8_t *p = buf;
    for (unsigned i = 0; i < len; i++) {
        struct walk w;
        if (!walk(ARCH_ARM64, regs, &v->vm->mem, gva + i, &w) ||
            !mem_read(&v->vm->mem, w.gpa, p + i, 1))
            return false;
    }
    return true;
}

/* The parameter block is {reason, subcode}; only an application's exit carries a status. */
static void semihost_exit(struct vcpu *v, const struct hv_regs *regs)
{
    uint64_t param[2];
    if (!semihost_read(v, regs, regs->x[1], param, sizeof param) ||
        param[0] != ADP_STOPPED_APPLICATION_EXIT)
        vm_end_by(v, VM_END_PANIC, 0,
                  "semihosting SYS_EXIT for another reason than the program's own end");
    else
        vm_end_by(v, VM_END_OFF, (int)(param[1] & 0xff), NULL);
}

void semihost_call(struct vcpu *v)
{
    const struct hv_ops *ops = v->vm->cfg.engine;
    struct hv_vcpu *hv = atomic_load(&v->hv);
    struct hv_regs regs;
    ops->get_regs(hv, &regs);
    uint8_t byte;
    switch ((uint32_t)regs.x[0]) {
    case SYS_WRITEC:
        if (semihost_read(v, &regs, regs.x[1], &byte, 1))
            chr_write(&v->vm->con.chr, &byte, 1);
        break;
    case SYS_WRITE0:
        for (unsigned i = 0; i < SEMIHOST_STRING_MAX; i++) {
            if (!semihost_read(v, &regs, regs.x[1] + i, &byte, 1) || !byte)
                break;
            chr_write(&v->vm->con.chr, &byte, 1);
        }
        break;
    case SYS_EXIT:
    case SYS_EXIT_EXTENDED:
        semihost_exit(v, &regs);
        break;
    default:
        regs.x[0] = UINT64_MAX;
        ops->set_regs(hv, &regs);
    }
}
