// SPDX-License-Identifier: MIT
/*
 * kvm_rig_arch.h - the half of the fake kernel that the launcher's own CPU has.
 */
#ifndef TESTS_UNIT_KVM_RIG_ARCH_H
#define TESTS_UNIT_KVM_RIG_ARCH_H

#ifdef __aarch64__
#include "kvm_rig_arm64.h"
#else
#include "kvm_rig_x86_64.h"
#endif

#endif
