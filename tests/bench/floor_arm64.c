// SPDX-License-Identifier: MIT
/*
 * floor_arm64.c - the least that runs an ARM64 guest on KVM: open /dev/kvm, make a VM, its memory,
 * a vCPU and a GICv3, enter. What vibevmm does beyond it is its price (run_kvm.sh).
 *
 *   floor_arm64 N       run the guest; its byte goes to stdout
 *   floor_arm64 -i N    write the guest's image to stdout instead, for another VMM
 *
 * The guest, made for board `micro`, stores N times to `sysctl` a value that asks for nothing, then
 * a byte to the console, and powers off. Nothing is checked but the exits: a failure shows as a
 * missing byte.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM     UINT64_C(0x40000000)
#define ENTRY   UINT64_C(0x40080000)
#define RAM_LEN (64ul << 20)
#define CONSOLE UINT64_C(0x09000000)
#define GICD    UINT64_C(0x08000000)
#define GICR    UINT64_C(0x080a0000)

static void gic_set(int gic, uint32_t group, uint64_t attr, uint64_t *val)
{
    struct kvm_device_attr a = {.group = group, .attr = attr, .addr = (uintptr_t)val};
    ioctl(gic, KVM_SET_DEVICE_ATTR, &a);
}

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[argc - 1], NULL, 0) : 0;
    const uint32_t guest[] = {
        0xd2a12000,                     /* movz x0, #0x0900, lsl #16: console */
        0xd2a12181,                     /* movz x1, #0x090c, lsl #16: sysctl */
        0xd2800002 | (n & 0xffff) << 5, /* movz x2, #n */
        0xf2a00002 | (n >> 16) << 5,    /* movk x2, #n >> 16, lsl #16 */
        0xb4000082,                     /* cbz x2, 2f */
        0xb900003f,                     /* 1: str wzr, [x1] */
        0xf1000442,                     /* subs x2, x2, #1 */
        0x54ffffc1,                     /* b.ne 1b */
        0x52800423,                     /* 2: mov w3, #'!' */
        0x39000003,                     /* strb w3, [x0] */
        0x528aaaa3,                     /* mov w3, #0x5555: off */
        0xb9000023,                     /* str w3, [x1] */
        0x14000000,                     /* b . */
    };
    if (argc > 2)
        return write(1, guest, sizeof guest) != sizeof guest;

    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    char *ram = mmap(NULL, RAM_LEN, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(ram, RAM_LEN, MADV_NOHUGEPAGE); /* to clear one for a page of guest is not the least */
    memcpy(ram + (ENTRY - RAM), guest, sizeof guest);
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = RAM, .memory_size = RAM_LEN, .userspace_addr = (uintptr_t)ram};
    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
    struct kvm_create_device gic = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
    ioctl(vm, KVM_CREATE_DEVICE, &gic);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    struct kvm_vcpu_init init;
    ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
    init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
    ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
    uint64_t dist = GICD, redist = GICR;
    gic_set((int)gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
    gic_set((int)gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist);
    gic_set((int)gic.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    struct kvm_run *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
                               PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    uint64_t pc = ENTRY;
    struct kvm_one_reg reg = {
        .id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc),
        .addr = (uintptr_t)&pc,
    };
    ioctl(vcpu, KVM_SET_ONE_REG, &reg);

    while (!ioctl(vcpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_MMIO) {
        if (run->mmio.phys_addr == CONSOLE && write(1, run->mmio.data, 1) != 1)
            return 1;
        if (run->mmio.data[0] == 0x55)
            return 0;
    }
    return 1;
}
