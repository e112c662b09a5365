// SPDX-License-Identifier: MIT
/*
 * vq.c - a proof, for CBMC, that the queue walker stays in bounds: whatever the driver's registers,
 * the ring and the descriptors hold, and whatever the guest makes of them between two reads.
 *
 * Guest RAM is MEM bytes at a guest address of any value. A read of it gives any value at all, each
 * time anew, which is more than a guest can do. Queues have up to SIZE entries, and so tables; each
 * proof is one function, without the others (tests/proof/run.sh). What is checked beside CBMC's own
 * checks (pointers, bounds, overflow, conversions) are the promises of vmm/virtio.h.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SIZE 2u
#define MEM  (16u * SIZE + 6 + 2 * SIZE + 6 + 8 * SIZE + 64)

uint16_t any_u16(void);
uint32_t any_u32(void);
uint64_t any_u64(void);
bool any_bool(void);

/*
 * A copy checks both places and leaves its target as it is, which for CBMC is any value where
 * nothing was written before: what comes out of guest memory, a descriptor and its fields, may be
 * anything.
 */
static void checked_copy(void *to, const void *from, size_t len)
{
    __CPROVER_assert(__CPROVER_w_ok(to, len) && __CPROVER_r_ok(from, len), "a copy is in bounds");
}

#define __atomic_load_n(p, order)                                                                  \
    (__CPROVER_assert(__CPROVER_r_ok(p, 2), "a ring word is there"), any_u16())
#define __atomic_store_n(p, val, order)                                                            \
    (__CPROVER_assert(__CPROVER_w_ok(p, 2), "a ring word is there"))
#define __atomic_thread_fence(order) ((void)0)

#define memcpy(to, from, len) checked_copy((to), (from), (len))
#include "src/virtio/virtio_vq.c"
#undef memcpy

static uint8_t ram[MEM] __attribute__((aligned(16)));
static gpa_t ram_at;
static struct guest_mem mem;
static bool broken;

void *mem_hva(const struct guest_mem *m, gpa_t gpa, uint64_t len)
{
    __CPROVER_assert(m == &mem, "the guest's memory");
    if (gpa < ram_at || gpa - ram_at > MEM || len > MEM - (gpa - ram_at))
        return NULL;
    return ram + (gpa - ram_at);
}

void mem_written(struct guest_mem *m, gpa_t gpa, uint64_t len)
{
    __CPROVER_assert(m == &mem && gpa >= ram_at && gpa - ram_at <= MEM &&
                         len <= MEM - (gpa - ram_at),
                     "what is reported as written is RAM");
}

void virtio_break(struct virtio *v, const char *fmt, ...)
{
    (void)v, (void)fmt;
    broken = true;
}

bool virtio_live(const struct virtio *v)
{
    (void)v;
    return !broken && any_bool();
}

void virtio_interrupt(struct virtio *v, uint32_t bits)
{
    (void)v, (void)bits;
}

uint64_t iov_get(const struct iovec *iov, unsigned n, uint64_t off, void *buf, uint64_t len)
{
    (void)iov, (void)n, (void)off, (void)buf;
    return len;
}

uint64_t iov_put(const struct iovec *iov, unsigned n, uint64_t off, const void *buf, uint64_t len)
{
    (void)iov, (void)n, (void)off, (void)buf;
    return len;
}

static struct virtio dev;
static struct vq queue;
static struct vq_chain chain;

/* Any registers; the queue as vq_open() leaves it when it says yes. False: it said no. */
static bool opened(void)
{
    ram_at = any_u64();
    __CPROVER_assume(ram_at % 4096 == 0 && ram_at <= UINT64_MAX - MEM);
    dev.host.mem = &mem;
    dev.vqs = &queue;
    dev.n_vqs = 1;
    dev.driver_features = any_u64();
    queue.max = SIZE;
    queue.size = any_u16();
    queue.desc = any_u64();
    queue.avail = any_u64();
    queue.used = any_u64();
    bool ok = vq_open(&dev, &queue);
    __CPROVER_assert(ok == queue.ready && ok == !broken, "a queue that breaks a rule is not ready");
    if (!ok)
        return false;
    __CPROVER_assert(queue.size && queue.size <= SIZE, "the size is one that is accepted");
    __CPROVER_assert(__CPROVER_r_ok(queue.desc_at, 16 * queue.size), "the table is RAM");
    __CPROVER_assert(__CPROVER_w_ok(queue.avail_at, 6 + 2 * queue.size),
                     "the available ring is RAM");
    __CPROVER_assert(__CPROVER_w_ok(queue.used_at, 6 + 8 * queue.size), "the used ring is RAM");
    /* later in its life */
    queue.last_avail = any_u16();
    queue.next_used = any_u16();
    queue.signalled = any_u16();
    return true;
}

void prove_open(void)
{
    opened();
}

void prove_pop(void)
{
    if (!opened())
        return;
    uint16_t before = queue.last_avail;
    bool got = vq_pop(&dev, &queue, &chain);
    __CPROVER_assert(!got || !broken, "a chain that is given breaks no rule");
    __CPROVER_assert(queue.last_avail == (uint16_t)(before + got), "one chain, or none, is taken");
    if (!got)
        return;
    __CPROVER_assert(chain.n_out + chain.n_in <= queue.size, "a chain is no longer than its queue");
    uint64_t out = 0, in = 0;
    for (unsigned i = 0; i < SIZE; i++) {
        if (i >= chain.n_out + chain.n_in)
            break;
        uint64_t len = chain.iov[i].iov_len;
        __CPROVER_assert(len && __CPROVER_w_ok(chain.iov[i].iov_base, len), "a segment is RAM");
        __CPROVER_assert(chain.iov[i].iov_base == ram + (chain.gpa[i] - ram_at),
                         "where it says it is");
        *(i < chain.n_out ? &out : &in) += len;
    }
    __CPROVER_assert(out == chain.out_len && in == chain.in_len,
                     "the sums are those of the segments");
}

void prove_used(void)
{
    if (!opened())
        return;
    const struct vq_used used[2] = {
        {any_u16(), any_u32()},
        {any_u16(), any_u32()}
    };
    vq_push_used(&dev, &queue, used, 2);
    vq_notify(&dev, &queue);
    vq_rearm(&dev, &queue);
    vq_quiet(&dev, &queue);
}

void prove_written(void)
{
    if (!opened() || !vq_pop(&dev, &queue, &chain))
        return;
    vq_written(&dev, &chain, any_u32());
}
