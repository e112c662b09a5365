// SPDX-License-Identifier: MIT
/*
 * hv_engines.h - the engines of this build, for the table in hv.c.
 */
#ifndef HV_ENGINES_H
#define HV_ENGINES_H

#include "vmm/hv.h"

extern const struct hv_ops hv_soft;
#ifdef HV_HAVE_KVM
extern const struct hv_ops hv_kvm;
#endif

#endif
