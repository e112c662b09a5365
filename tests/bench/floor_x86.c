// SPDX-License-Identifier: MIT
/*
 * floor_x86.c - the least that runs an x86-64 guest on KVM as a PC: open /dev/kvm, make a VM, its
 * memory, interrupt controllers, timer and a vCPU with the host's CPUID, enter. What vibevmm does
 * beyond it is its price (run_kvm.sh).
 *
 *   floor_x86 N       run the guest; its byte goes to stdout
 *   floor_x86 -i N    write the guest's image to stdout instead, for another VMM
 *
 * The guest, made for board `pc` and real mode at 0x10000, writes N times to the power
 * control a value that asks for nothing, then a byte to the UART, and ends the machine by the
 * debug-exit port. Nothing is checked but the exits: a failure shows as a missing byte.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRY   0x10000u
#define RAM_LEN (256ul << 20)
#define UART    0x3f8
#define EXIT    0xf4

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[argc - 1], NULL, 0) : 0;
    const uint8_t guest[] = {
        0x66, 0xb9, n & 0xff, n >> 8 & 0xff, n >> 16 & 0xff, n >> 24, /* mov ecx, n */
        0xba, 0x00, 0x06,                                             /* mov dx, 0x600: power */
        0x31, 0xc0,                                                   /* xor ax, ax */
        0x66, 0x85, 0xc9,                                             /* test ecx, ecx */
        0x74, 0x05,                                                   /* jz 2f */
        0xee,                                                         /* 1: out dx, al */
        0x66, 0x49,                                                   /* dec ecx */
        0x75, 0xfb,                                                   /* jnz 1b */
        0xba, 0xf8, 0x03,                                             /* 2: mov dx, 0x3f8 */
        0xb0, '!',                                                    /* mov al, '!' */
        0xee,                                                         /* out dx, al */
        0xba, 0xf4, 0x00,                                             /* mov dx, 0xf4: exit */
        0x30, 0xc0,                                                   /* xor al, al */
        0xee,                                                         /* out dx, al */
        0xf4,                                                         /* hlt */
    };
    if (argc > 2)
        return write(1, guest, sizeof guest) != sizeof guest;

    static struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[128];
    } cpuid = {.head = {.nent = 128}};
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    uint64_t identity = 0xfffbc000;
    ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
    ioctl(vm, KVM_CREATE_IRQCHIP, 0);
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    ioctl(vm, KVM_CREATE_PIT2, &pit);
    uint8_t *ram = mmap(NULL, RAM_LEN, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(ram, RAM_LEN, MADV_NOHUGEPAGE); /* to clear one for a page of guest is not the least */
    memcpy(ram + ENTRY, guest, sizeof guest);
    struct kvm_userspace_memory_region region = {.memory_size = RAM_LEN,
                                                 .userspace_addr = (uintptr_t)ram};
    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
    ioctl(vcpu, KVM_SET_CPUID2, &cpuid);
    struct kvm_run *run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
                               PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    struct kvm_sregs sregs;
    ioctl(vcpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = ENTRY;
    sregs.cs.selector = ENTRY >> 4;
    ioctl(vcpu, KVM_SET_SREGS, &sregs);
    struct kvm_regs regs = {.rflags = 2};
    ioctl(vcpu, KVM_SET_REGS, &regs);

    while (!ioctl(vcpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_IO) {
        if (run->io.port == UART && write(1, (char *)run + run->io.data_offset, 1) != 1)
            return 1;
        if (run->io.port == EXIT)
            return 0;
    }
    return 1;
}
