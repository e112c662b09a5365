// SPDX-License-Identifier: MIT
/*
 * mirror.c - predecoded copies of the guest's code pages.
 *
 * A mirror belongs to one vCPU and one page of guest physical memory, whatever VAs map it. Its
 * slots are decoded when they are first executed. Code that changed is not dropped but set back to
 * "decode me" in place, so that instruction TLB entries stay good. When all are in use, a quarter
 * of them makes room, if possible of those that were not run since the last time.
 *
 * Translated code (jit.c) jumps about in its page: when part of a page changes, all slots of it
 * that lead to such code do so no longer.
 *
 * Memory: one reservation per vCPU. The first mirrors, which every short run needs, are small pages
 * populated in one call; from A64_SMALL on the arena is huge-page advised. With translated code,
 * one vCPU takes 44 MiB at most, each of several 24. Several keep 44 MiB together when they have
 * nothing to do: a vCPU that has more than its share gives all of it back when it has waited for a
 * second.
 */
#include <errno.h>
#include <sys/mman.h>

#include "src/a64/a64_internal.h"
#include "vmm/clock.h"

#define A64_HUGE MIB(2)
#define JIT_WARM 2000u

#define ONE_ARENA  MIB(28) /* of the only vCPU; translated code comes to it, A64_JIT_SIZE */
#define EACH_ARENA MIB(16) /* of several */
#define EACH_JIT   MIB(8)
#define IDLE_CODE  MIB(44) /* what several vCPUs without work may keep together */
#define IDLE_NS    NS_PER_SEC
#define JIT_KEPT   KIB(256) /* of translated code, when it is given back: what all of it calls */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE                                                                        \
    23 /* Linux 5.14; older kernels refuse it, which only costs page faults */
#endif

static struct a64_op *mirror_ops(const struct a64_core *core, unsigned n)
{
    return (struct a64_op *)(void *)(core->arena + n * A64_MIRROR_SIZE);
}

static unsigned mirror_hash(gpa_t page)
{
    uint64_t n = page / A64_PAGE;
    return (unsigned)((n ^ n >> 12) % A64_MIRROR_HASH);
}

/*
 * The handler of a slot that was executed once, where there is a JIT. Before some have been
 * executed again JIT_WARM times there is no translated code, so that short runs have none.
 */
static A64_OP(second)
{
    struct a64_core *core = a64_core_of(cpu);
    if (!core->jit.rw && ++core->jit.warm < JIT_WARM)
        return a64_handler(a64_mirror_insn(core, op))(cpu, op);
    return a64_jit_slot(cpu, (struct a64_op *)(uintptr_t)op);
}

/* The handler of a slot that was not executed yet. */
static A64_OP(first)
{
    const struct a64_jit *jit = &a64_core_of(cpu)->jit;
    struct a64_op *slot = (struct a64_op *)(uintptr_t)op;
    a64_predecode(slot, a64_mirror_insn(a64_core_of(cpu), op));
    if (jit->on) {
        if (jit->eager)
            return a64_jit_slot(cpu, slot);
        a64_fn *fn = slot->fn;
        slot->fn = a64_op_second;
        return fn(cpu, slot);
    }
    A64_DISPATCH(slot);
}

bool a64_mirror_is_first(const struct a64_op *slot)
{
    return slot->fn == a64_op_first;
}

static void mirror_clear(struct a64_op *ops, unsigned from, unsigned to)
{
    const struct a64_op first = {.fn = a64_op_first};
    for (unsigned i = from; i < to; i++)
        ops[i] = first;
}

static unsigned mirror_number(const struct a64_core *core, const struct a64_op *op)
{
    return (unsigned)((size_t)((const uint8_t *)op - core->arena) / A64_MIRROR_SIZE);
}

uint32_t a64_mirror_insn(struct a64_core *core, const struct a64_op *op)
{
    unsigned n = mirror_number(core, op);
    size_t slot = (size_t)(op - mirror_ops(core, n));
    return (uint32_t)a64_host_load(core->mirror[n].hva + slot * 4, 4);
}

int a64_mirror_init(struct a64_core *core, unsigned cpus)
{
    const uint64_t size = cpus > 1 ? EACH_ARENA : ONE_ARENA;
    core->mirror_max = A64_SMALL + (unsigned)(size / A64_MIRROR_SIZE);
    core->jit.size = cpus > 1 ? EACH_JIT : A64_JIT_SIZE;
    core->code_share = cpus > 1 ? IDLE_CODE / cpus : UINT64_MAX;
    size_t len = (size_t)(align_up(A64_SMALL * A64_MIRROR_SIZE, A64_PAGE) + size + 2 * A64_HUGE +
                          A64_JIT_SIZE);
    void *map =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return -errno;
    _Static_assert(A64_MIRRORS >= A64_SMALL + ONE_ARENA / A64_MIRROR_SIZE, "the array");
    /* The boundary between small and huge pages is at a multiple of 2 MiB. */
    uintptr_t huge = (uintptr_t)align_up((uintptr_t)map + A64_SMALL * A64_MIRROR_SIZE, A64_HUGE);
    core->arena = (uint8_t *)(huge - A64_SMALL * A64_MIRROR_SIZE);
    core->arena_map = map;
    core->arena_len = len;
    return 0;
}

void a64_mirror_fini(struct a64_core *core)
{
    munmap(core->arena_map, core->arena_len);
}

void *a64_mirror_jit_area(const struct a64_core *core)
{
    return (uint8_t *)core->arena_map + core->arena_len - A64_JIT_SIZE;
}

void a64_mirror_has_code(struct a64_core *core, const struct a64_op *ops)
{
    core->mirror[mirror_number(core, ops)].code = true;
}

static void mirror_forget_code(struct a64_core *core, unsigned n)
{
    if (!core->mirror[n].code)
        return;
    mirror_clear(mirror_ops(core, n), 0, A64_PAGE_OPS);
    core->mirror[n].code = false;
    a64_tlb_flush_jumps(core);
}

void a64_mirror_forget_code(struct a64_core *core)
{
    for (unsigned n = 0; n < core->mirror_n; n++)
        mirror_forget_code(core, n);
}

void a64_mirror_drop_all(struct a64_core *core)
{
    a64_jit_drop_all(core);
    a64_tlb_flush_code(&core->cpu);
    if (core->mirror_n > A64_SMALL)
        memset(core->mirror_head, 0, sizeof core->mirror_head);
    core->mirror_n = 0;
    core->mirror_free = 0;
}

/* ---- memory back to the host ---- */
uint64_t a64_mirror_wait(struct a64_core *core)
{
    if (core->mirror_n * A64_MIRROR_SIZE + core->jit.ready <= core->code_share)
        return UINT64_MAX;
    core->wait_ns = clock_mono_ns();
    return core->wait_ns + IDLE_NS;
}

void a64_mirror_waited(struct a64_core *core)
{
    struct a64_jit *jit = &core->jit;
    const uint64_t since = core->wait_ns;
    core->wait_ns = 0;
    if (!since || clock_mono_ns() - since < IDLE_NS)
        return;
    a64_mirror_drop_all(core);
    uint8_t *end = (uint8_t *)core->arena_map + core->arena_len - A64_JIT_SIZE;
    uint8_t *from = core->arena + A64_SMALL * A64_MIRROR_SIZE;
    madvise(from, (size_t)(end - from), MADV_DONTNEED);
    if (jit->ready > JIT_KEPT && jit->begin <= JIT_KEPT &&
        !madvise(jit->rw + JIT_KEPT, A64_JIT_SIZE - JIT_KEPT, MADV_REMOVE))
        jit->ready = JIT_KEPT;
}

/* ---- which go when all are in use ---- */
#define NO_PAGE (~(gpa_t)0)

static void mirror_unlink(struct a64_core *core, unsigned n)
{
    struct a64_mirror *m = &core->mirror[n];
    uint16_t *at = &core->mirror_head[mirror_hash(m->page)];
    while (*at != n + 1)
        at = &core->mirror[*at - 1].next;
    *at = m->next;
    *m = (struct a64_mirror){.page = NO_PAGE, .next = core->mirror_free};
    core->mirror_free = (uint16_t)(n + 1);
}

/* Which mirrors an instruction TLB leads to: a bit each. */
static void mirror_used(const struct a64_core *core, uint64_t used[A64_MIRRORS / 64])
{
    memset(used, 0, A64_MIRRORS / 8);
    for (unsigned b = 0; b < A64_BANKS; b++)
        for (unsigned i = 0; core->info[b].imap && i < A64_ITLB; i++)
            if (core->banks[b].i[i].page) {
                unsigned n = mirror_number(core, core->banks[b].i[i].ops);
                used[n / 64] |= BIT(n % 64);
            }
}

/* A quarter of them, round and round: those that no instruction TLB leads to, or, when these are
 * few, whichever come. */
static void mirror_evict(struct a64_core *core)
{
    uint64_t used[A64_MIRRORS / 64];
    const unsigned all = core->mirror_max - A64_SMALL;
    unsigned want = all / 4;
    mirror_used(core, used);
    a64_tlb_flush_code(&core->cpu);
    for (unsigned i = 0; i < 2 * all && want; i++) {
        if (i == all)
            memset(used, 0, sizeof used);
        const unsigned n = A64_SMALL + core->mirror_hand;
        core->mirror_hand = (core->mirror_hand + 1) % all;
        if (used[n / 64] >> n % 64 & 1 || core->mirror[n].page == NO_PAGE)
            continue;
        mirror_unlink(core, n);
        want--;
    }
}

/* Its number + 1, 0 when there is none. */
static unsigned mirror_find(const struct a64_core *core, gpa_t page)
{
    for (unsigned n = 0; n < MIN(core->mirror_n, A64_SMALL); n++)
        if (core->mirror[n].page == page)
            return n + 1;
    if (core->mirror_n <= A64_SMALL)
        return 0;
    unsigned n = core->mirror_head[mirror_hash(page)];
    while (n && core->mirror[n - 1].page != page)
        n = core->mirror[n - 1].next;
    return n;
}

struct a64_op *a64_mirror_of(struct a64_core *core, gpa_t page, const uint8_t *hva,
                             const struct a64_region *region)
{
    unsigned n = mirror_find(core, page);
    if (n)
        return mirror_ops(core, n - 1);
    if (core->mirror_n == core->mirror_max && !core->mirror_free)
        mirror_evict(core);
    if (core->mirror_free) {
        n = core->mirror_free - 1u;
        core->mirror_free = core->mirror[n].next;
    } else {
        n = core->mirror_n++;
    }
    struct a64_op *ops = mirror_ops(core, n);
    if (n < A64_SMALL) {
        uintptr_t lo = (uintptr_t)align_down((uintptr_t)ops, A64_PAGE);
        madvise((void *)lo, (uintptr_t)(ops + A64_MIRROR_OPS) - lo, MADV_POPULATE_WRITE);
    } else if (!core->arena_huge) {
        madvise(ops, (core->mirror_max - A64_SMALL) * A64_MIRROR_SIZE, MADV_HUGEPAGE);
        core->arena_huge = true;
    }
    mirror_clear(ops, 0, A64_PAGE_OPS);
    ops[A64_PAGE_OPS].fn = a64_op_page_end;

    core->mirror[n] = (struct a64_mirror){.page = page, .hva = hva};
    if (n >= A64_SMALL) {
        uint16_t *head = &core->mirror_head[mirror_hash(page)];
        core->mirror[n].next = *head;
        *head = (uint16_t)(n + 1);
    }
    /* Before a byte of the page is read: see a64_code_in(). */
    uint64_t bit = (page - region->base) / A64_CODE_UNIT;
    atomic_fetch_or(&region->code[bit / 64], BIT(bit % 64));
    return ops;
}

void a64_mirror_written(struct a64_core *core, gpa_t gpa, uint64_t len)
{
    gpa_t end = gpa + len; /* callers have checked that this does not wrap */
    if (len / A64_PAGE > core->mirror_n) {
        for (unsigned n = 0; n < core->mirror_n; n++)
            if (core->mirror[n].page < end && core->mirror[n].page + A64_PAGE > gpa) {
                mirror_clear(mirror_ops(core, n), 0, A64_PAGE_OPS);
                mirror_forget_code(core, n);
            }
        return;
    }
    for (gpa_t page = align_down(gpa, A64_PAGE); page < end; page += A64_PAGE) {
        unsigned n = mirror_find(core, page);
        if (!n)
            continue;
        unsigned from = gpa > page ? (unsigned)(gpa - page) / 4 : 0;
        unsigned to = end - page < A64_PAGE ? (unsigned)(end - page + 3) / 4 : A64_PAGE_OPS;
        mirror_clear(mirror_ops(core, n - 1), from, to);
        mirror_forget_code(core, n - 1);
    }
}
