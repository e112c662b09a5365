// SPDX-License-Identifier: MIT
/*
 * kvm_arm64_state.c - the whole state of an ARM64 vCPU in KVM, register by register.
 *
 * Follows Documentation/virt/kvm/api.rst of Linux 6.1: §4.68 KVM_SET_ONE_REG, §4.69
 * KVM_GET_ONE_REG, §4.81 KVM_GET_REG_LIST. The kernel's list is all there is: core, FP and SIMD,
 * system registers, timers, cache geometry, firmware. Its order is one in which the registers can
 * be set. Not there: SVE's registers (vCPUs have no SVE), the vGIC's state.
 */
#include "src/hv/kvm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ID_GROUP(id) ((id)&KVM_REG_ARM_COPROC_MASK)
#define ID_SIZE(id)  ((size_t)1 << (((id)&KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT))

/* asm/kvm.h: core registers are numbered by the 32-bit words of struct kvm_regs. */
#define WORD(field)  ((unsigned)KVM_REG_ARM_CORE_REG(field))
#define WORDS_OF_VEC 4

/* 64-bit registers in a row, from the word `first` on, and the first one's number. */
static const struct {
    unsigned first, n, num;
} kvm_core_runs[] = {
    {WORD(regs.regs),   31, 0                },
    {WORD(regs.sp),     1,  HV_STATE_SP_EL0  },
    {WORD(regs.pc),     1,  HV_STATE_PC      },
    {WORD(regs.pstate), 1,  HV_STATE_PSTATE  },
    {WORD(sp_el1),      1,  HV_STATE_SP_EL1  },
    {WORD(elr_el1),     1,  HV_STATE_ELR_EL1 },
    {WORD(spsr),        5,  HV_STATE_SPSR_EL1},
};

static void kvm_core_name(struct hv_state_reg *r, unsigned word)
{
    unsigned vec = word - WORD(fp_regs.vregs);
    if (word >= WORD(fp_regs.vregs)) {
        r->kind = HV_STATE_VECTOR;
        r->num = word == WORD(fp_regs.fpsr)   ? HV_STATE_FPSR
                 : word == WORD(fp_regs.fpcr) ? HV_STATE_FPCR
                                              : vec / WORDS_OF_VEC;
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(kvm_core_runs); i++)
        if (word >= kvm_core_runs[i].first &&
            word < kvm_core_runs[i].first + kvm_core_runs[i].n * 2) {
            r->kind = HV_STATE_CORE;
            r->num = kvm_core_runs[i].num + (word - kvm_core_runs[i].first) / 2;
        }
}

/* The encodings of two timer registers are each other's (asm/kvm.h says so). */
static uint32_t kvm_sysreg_num(uint64_t id)
{
    static const uint32_t cnt = HV_SYSREG(3, 3, 14, 0, 2), cval = HV_SYSREG(3, 3, 14, 3, 2);
    uint32_t num = (uint32_t)id & 0xffff;
    return num == cnt ? cval : num == cval ? cnt : num;
}

static struct hv_state_reg kvm_state_name(uint64_t id, unsigned order)
{
    struct hv_state_reg r = {
        .id = id, .kind = HV_STATE_ENGINE, .num = order, .size = (uint8_t)ID_SIZE(id)};
    if (ID_GROUP(id) == KVM_REG_ARM_CORE) {
        kvm_core_name(&r, (unsigned)id & 0xffff);
    } else if (ID_GROUP(id) == KVM_REG_ARM64_SYSREG) {
        r.kind = HV_STATE_SYSREG;
        r.num = kvm_sysreg_num(id);
    }
    return r;
}

/* 0 and *list malloc'ed, or -errno. */
static int kvm_reg_list(struct hv_vcpu *v, struct kvm_reg_list **list)
{
    struct kvm_reg_list none = {.n = 0};
    int rc = kvm_ioctl(v->fd, KVM_GET_REG_LIST, &none); /* E2BIG, and how many there are */
    if (rc && rc != -E2BIG)
        return rc;
    *list = calloc(1, sizeof none + none.n * sizeof none.reg[0]);
    if (!*list)
        return -ENOMEM;
    (*list)->n = none.n;
    rc = kvm_ioctl(v->fd, KVM_GET_REG_LIST, *list);
    if (rc)
        free(*list);
    return rc;
}

int kvm_arch_get_state(struct hv_vcpu *v, struct hv_state_reg *out, unsigned max)
{
    struct kvm_reg_list *list;
    unsigned n = 0;
    int rc = kvm_reg_list(v, &list);
    if (rc)
        return rc;
    for (uint64_t i = 0; i < list->n && n < max && !rc; i++) {
        struct hv_state_reg r = kvm_state_name(list->reg[i], (unsigned)i);
        struct kvm_one_reg one = {.id = r.id, .addr = (uintptr_t)r.val};
        rc = r.size <= sizeof r.val ? kvm_ioctl(v->fd, KVM_GET_ONE_REG, &one) : -EOVERFLOW;
        out[n++] = r;
    }
    free(list);
    return rc ? rc : (int)n;
}

int kvm_arch_set_state(struct hv_vcpu *v, const struct hv_state_reg *regs, unsigned n,
                       struct err *err)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t val[2] = {regs[i].val[0], regs[i].val[1]};
        struct kvm_one_reg one = {.id = regs[i].id, .addr = (uintptr_t)val};
        int rc = kvm_ioctl(v->fd, KVM_SET_ONE_REG, &one);
        if (rc)
            return err_sys(err, -rc,
                           "engine kvm: vCPU %u refuses register %#" PRIx64 " = %#" PRIx64,
                           v->index, regs[i].id, val[0]);
    }
    v->ran = true; /* no longer the registers of power-on */
    return 0;
}
