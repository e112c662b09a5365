// SPDX-License-Identifier: MIT
/*
 * test_a64_env.c - what a vCPU shares with the rest of the machine: accesses outside RAM, code that
 * changes, requests between vCPUs. Sections are those of Arm ARM DDI 0487J.a.
 */
#include "tests/unit/a64_rig.h"
#include "vmm/clock.h"

/* ---- outside RAM ---- */
#define DEV 0x09000000u

static void load_is_completed_and_run_again(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    cpu->x[0] = DEV + 4;
    rig_emit(&r, i_ldr(2, 1, 0));
    rig_emit(&r, i_hvc(0));
    struct hv_exit e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_MMIO);
    expect_u64(e.mmio.gpa, DEV + 4);
    expect_u64(e.mmio.size, 4);
    expect_true(!e.mmio.write);
    expect_u64(cpu->pc, RIG_CODE);
    a64_cpu_complete(cpu, UINT64_C(0x1122334455667788));
    expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
    expect_u64(cpu->x[1], 0x55667788);
    rig_fini(&r);
}

static void poll_reads_the_device_each_time(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    cpu->x[0] = DEV;
    rig_emit(&r, i_ldr(0, 1, 0));
    rig_emit(&r, i_cbz(1, -1));
    rig_emit(&r, i_ldr(0, 2, 0)); /* another access right after */
    rig_emit(&r, i_hvc(0));
    struct hv_exit e = rig_go(&r);
    for (unsigned i = 0; i < 3; i++) {
        expect_u64(e.reason, HV_EXIT_MMIO);
        expect_u64(cpu->pc, RIG_CODE);
        a64_cpu_complete(cpu, i == 2 ? 9 : 0);
        e = rig_run(&r);
    }
    expect_u64(e.reason, HV_EXIT_MMIO);
    expect_u64(cpu->pc, RIG_CODE + 8);
    a64_cpu_complete(cpu, 4);
    expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
    expect_u64(cpu->x[1], 9);
    expect_u64(cpu->x[2], 4);
    rig_fini(&r);
}

static void pair_makes_two_accesses_once_each(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    cpu->x[0] = DEV;
    cpu->x[3] = 0x33;
    cpu->x[4] = 0x44;
    rig_emit(&r, i_ldp(1, 2, 0));
    rig_emit(&r, i_stp(3, 4, 0));
    rig_emit(&r, i_hvc(0));
    static const struct {
        gpa_t gpa;
        bool write;
    } want[] = {
        {DEV,     false},
        {DEV + 8, false},
        {DEV,     true },
        {DEV + 8, true }
    };
    struct hv_exit e = rig_go(&r);
    for (unsigned i = 0; i < 4; i++) {
        expect_u64(e.reason, HV_EXIT_MMIO);
        expect_u64(e.mmio.gpa, want[i].gpa);
        expect_u64(e.mmio.size, 8);
        expect_u64(e.mmio.write, want[i].write);
        if (want[i].write)
            expect_u64(e.mmio.val, i == 2 ? 0x33 : 0x44);
        else
            a64_cpu_complete(cpu, 0x100 + i);
        e = rig_run(&r);
    }
    expect_u64(e.reason, HV_EXIT_CALL);
    expect_u64(cpu->x[1], 0x100);
    expect_u64(cpu->x[2], 0x101);
    rig_fini(&r);
}

static void access_is_not_repeated_for_an_interrupt(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    cpu->x[0] = DEV;
    cpu->daif = 0;
    rig_emit(&r, i_ldr(0, 1, 0));
    rig_emit(&r, i_b(1));
    rig_emit(&r, i_hvc(0));
    expect_u64(rig_go(&r).reason, HV_EXIT_MMIO);
    a64_cpu_set_line(cpu, HV_LINE_IRQ, true);
    a64_cpu_kick(cpu);
    a64_cpu_complete(cpu, 0x5a);
    struct hv_exit e = rig_run(&r); /* the load ends, then the kick, then the interrupt */
    expect_u64(e.reason, HV_EXIT_KICK);
    expect_u64(cpu->x[1], 0x5a);
    expect_u64(cpu->pc, RIG_CODE + 8);
    expect_u64(rig_vector(&r, rig_run(&r)), 0x280);
    rig_fini(&r);
}

static void rom_reads_and_store_leaves(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    static uint8_t rom[8192] __attribute__((aligned(4096)));
    le64_put(rom, 0x1234567890);
    struct err err;
    expect_u64(a64_vm_map(r.vm, 0, rom, sizeof rom, true, &err), 0);
    expect_u64(a64_vm_map(r.vm, 0x1000, rom, 4096, true, &err), (uint64_t)-EEXIST);
    cpu->x[0] = 0;
    rig_emit(&r, i_ldr(3, 1, 0));
    rig_emit(&r, i_str(3, 1, 0));
    rig_emit(&r, I_LDXR_X1_X0);
    rig_emit(&r, I_LDADD_X1_X2_X0);
    struct hv_exit e = rig_go(&r);
    expect_u64(cpu->x[1], 0x1234567890);
    expect_u64(e.reason, HV_EXIT_MMIO);
    expect_true(e.mmio.write);
    expect_u64(e.mmio.val, 0x1234567890);
    expect_u64(rig_vector(&r, rig_run(&r)), 0x200); /* ldadd needs to write */
    expect_u64(cpu->sr.elr, RIG_CODE + 12);
    expect_u64(rig_ec(&r), A64_EC_DABT);
    expect_u64(rig_iss(&r), 0x50);
    /* Taken away: the load leaves. */
    a64_vm_unmap(r.vm, 0, sizeof rom);
    e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_MMIO);
    expect_true(!e.mmio.write);
    rig_fini(&r);
}

static void exclusive_and_fetch_outside_ram_abort(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    cpu->x[0] = DEV;
    rig_emit(&r, I_LDXR_X1_X0);
    expect_u64(rig_vector(&r, rig_go(&r)), 0x200);
    expect_u64(rig_ec(&r), A64_EC_DABT);
    expect_u64(rig_iss(&r), 0x10);
    expect_u64(cpu->sr.far_, DEV);
    r.at = RIG_CODE + 0x40;
    rig_emit(&r, i_br(0));
    cpu->pc = RIG_CODE + 0x40;
    expect_u64(rig_vector(&r, rig_run(&r)), 0x200);
    expect_u64(rig_ec(&r), A64_EC_IABT);
    expect_u64(rig_iss(&r), 0x10);
    expect_u64(cpu->sr.elr, DEV);
    cpu->x[0] = RIG_CODE + 2;
    cpu->pc = RIG_CODE + 0x40;
    expect_u64(rig_vector(&r, rig_run(&r)), 0x200);
    expect_u64(rig_ec(&r), A64_EC_PC_ALIGN);
    expect_u64(cpu->sr.far_, RIG_CODE + 2);
    rig_fini(&r);
}

/* ---- code that changes ---- */
static void changed_code_runs_after_ic_ivau(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    /* Runs the function at +0x200, stores another instruction there, and calls it again. */
    cpu->x[0] = RIG_CODE + 0x200;
    cpu->x[1] = i_movz(5, 2);
    rig_emit(&r, 0xd63f0000); /* blr x0 */
    rig_emit(&r, 0xaa0503e6); /* mov x6, x5 */
    rig_emit(&r, i_str(2, 1, 0));
    rig_emit(&r, i_sys(3, 7, 11, 1, 0)); /* dc cvau, x0 */
    rig_emit(&r, I_DSB);
    rig_emit(&r, i_sys(3, 7, 5, 1, 0)); /* ic ivau, x0 */
    rig_emit(&r, I_DSB);
    rig_emit(&r, I_ISB);
    rig_emit(&r, 0xd63f0000);
    rig_emit(&r, i_hvc(0));
    r.at = RIG_CODE + 0x200;
    rig_emit(&r, i_movz(5, 1));
    rig_emit(&r, 0xd65f03c0); /* ret */
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    expect_u64(cpu->x[6], 1);
    expect_u64(cpu->x[5], 2);
    /* The host writes. */
    le32_put(rig_hva(&r, RIG_CODE + 0x200), i_movz(5, 3));
    a64_vm_ram_written(r.vm, RIG_CODE + 0x200, 4);
    cpu->x[1] = i_movz(5, 4);
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    expect_u64(cpu->x[6], 3);
    expect_u64(cpu->x[5], 4);
    /* IC IALLU. */
    le32_put(rig_hva(&r, RIG_CODE + 20), i_sys(0, 7, 5, 0, 31));
    a64_vm_ram_written(r.vm, RIG_CODE, 64);
    cpu->x[1] = i_movz(5, 5);
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    expect_u64(cpu->x[5], 5);
    rig_fini(&r);
}

static void more_code_pages_than_mirrors(void)
{
    struct rig r;
    rig_init(&r);
    /* Each page: x1 += 1, branch to the next page; more pages than there are mirrors, twice. */
    const gpa_t first = RIG_RAM + MIB(2);
    const unsigned pages = A64_MIRRORS + 100;
    for (unsigned i = 0; i < pages; i++) {
        r.at = first + (gpa_t)i * 4096;
        rig_emit(&r, i_add(1, 1, 1));
        rig_emit(&r, i + 1 < pages ? i_b(1023) : i_hvc(0));
    }
    for (unsigned round = 1; round <= 2; round++) {
        r.cpu[0]->pc = first;
        expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
        expect_u64(r.cpu[0]->x[1], pages * round);
    }
    /* And straight on over a page end. */
    r.at = first + 4096 - 4;
    rig_emit(&r, i_add(2, 2, 1));
    r.cpu[0]->pc = first + 4096 - 4;
    expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
    expect_u64(r.cpu[0]->x[2], 1);
    rig_fini(&r);
}

/* ---- two vCPUs ---- */
static void *run_second(void *arg)
{
    struct rig *r = arg;
    while (a64_cpu_run(r->cpu[1]).reason != HV_EXIT_CALL)
        ;
    return NULL;
}

static void tlbi_reaches_the_other_cpu_before_dsb_ends(void)
{
    struct rig r;
    rig_init_cpus(&r, 2);
    /* Both: 1 GiB block, identity, and one page of it through a level 3 table at VA 0x80000000. */
    uint64_t *l1 = rig_hva(&r, RIG_TABLES), *l2 = l1 + 512, *l3 = l1 + 1024;
    const uint64_t normal = BIT(10) | 3 << 8 | 1; /* AF, inner shareable, attribute 0, a block */
    l1[1] = RIG_RAM | normal;
    l1[2] = (RIG_TABLES + 4096) | 3;
    l2[0] = (RIG_TABLES + 8192) | 3;
    l3[0] = RIG_DATA | normal | 2;
    le64_put(rig_hva(&r, RIG_DATA), 1);
    le64_put(rig_hva(&r, RIG_DATA + 4096), 2);
    for (unsigned i = 0; i < 2; i++) {
        r.cpu[i]->sr.mair = 0xff;
        r.cpu[i]->sr.tcr = 25 | BIT(23);
        r.cpu[i]->sr.ttbr0 = RIG_TABLES;
        r.cpu[i]->sr.sctlr |= A64_SCTLR_M;
        a64_tlb_flush_all(r.cpu[i]);
    }
    /* CPU 1: read the page until it says 2, then leave. */
    struct a64_cpu *other = r.cpu[1];
    other->pc = RIG_CODE + 0x400;
    other->x[0] = 0x80000000;
    r.at = RIG_CODE + 0x400;
    rig_emit(&r, i_ldr(3, 1, 0));
    rig_emit(&r, 0xd1000822); /* sub x2, x1, #2 */
    rig_emit(&r, 0xb5ffffc2); /* cbnz x2, -2 */
    rig_emit(&r, i_hvc(0));
    /* CPU 0: point the page elsewhere, TLBI VAE1IS, DSB; then the old page may be filled with 3. */
    r.at = RIG_CODE;
    rig_emit(&r, i_str(3, 1, 0));
    rig_emit(&r, I_DSB);
    rig_emit(&r, i_sys(0, 8, 3, 1, 2));
    rig_emit(&r, I_DSB);
    rig_emit(&r, I_ISB);
    rig_emit(&r, i_hvc(0));
    pthread_t thread;
    pthread_create(&thread, NULL, run_second, &r);
    while (!atomic_load(&a64_core_of(other)->in_run))
        ;
    r.cpu[0]->x[0] = RIG_TABLES + 8192;
    r.cpu[0]->x[1] = (RIG_DATA + 4096) | normal | 2;
    r.cpu[0]->x[2] = 0x80000000 >> 12;
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    le64_put(rig_hva(&r, RIG_DATA), 3); /* nobody may see this one */
    pthread_join(thread, NULL);
    expect_u64(other->x[1], 2);
    rig_fini(&r);
}

struct storm {
    struct rig *rig;
    struct a64_cpu *cpu;
};

static void *storm_run(void *arg)
{
    struct storm *s = arg;
    while (a64_cpu_run(s->cpu).reason != HV_EXIT_CALL)
        ;
    return NULL;
}

static void crossing_requests_do_not_deadlock(void)
{
    struct rig r;
    rig_init_cpus(&r, 2);
    /* Both invalidate each other's TLB and code 20000 times, and wait each time. */
    rig_emit(&r, i_sys(0, 8, 3, 1, 0));
    rig_emit(&r, i_sys(3, 7, 5, 1, 3));
    rig_emit(&r, I_DSB);
    rig_emit(&r, i_sys(0, 8, 3, 0, 31));
    rig_emit(&r, I_DSB);
    rig_emit(&r, I_ISB);
    rig_emit(&r, 0xd1000421); /* sub x1, x1, #1 */
    rig_emit(&r, 0xb5ffff21); /* cbnz x1, -7 */
    rig_emit(&r, i_hvc(0));
    struct storm s[2];
    pthread_t thread[2];
    for (unsigned i = 0; i < 2; i++) {
        r.cpu[i]->x[1] = 20000;
        r.cpu[i]->x[3] = RIG_CODE;
        r.cpu[i]->pc = RIG_CODE;
        s[i] = (struct storm){&r, r.cpu[i]};
        pthread_create(&thread[i], NULL, storm_run, &s[i]);
    }
    for (unsigned i = 0; i < 200; i++) /* and a third thread writes code pages */
        a64_vm_ram_written(r.vm, RIG_CODE, 4096);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        expect_u64(r.cpu[i]->x[1], 0);
    }
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(load_is_completed_and_run_again),
    TAP_TEST(poll_reads_the_device_each_time),
    TAP_TEST(pair_makes_two_accesses_once_each),
    TAP_TEST(access_is_not_repeated_for_an_interrupt),
    TAP_TEST(rom_reads_and_store_leaves),
    TAP_TEST(exclusive_and_fetch_outside_ram_abort),
    TAP_TEST(changed_code_runs_after_ic_ivau),
    TAP_TEST(more_code_pages_than_mirrors),
    TAP_TEST(tlbi_reaches_the_other_cpu_before_dsb_ends),
    TAP_TEST(crossing_requests_do_not_deadlock),
};

TAP_MAIN(tests)
