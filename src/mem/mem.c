// SPDX-License-Identifier: MIT
/*
 * mem.c - guest RAM as private anonymous mappings.
 *
 * Never a memfd: shared-memory pages come in 4 KiB faults of 11-14 us each on a nested host, while
 * anonymous memory with MADV_HUGEPAGE comes in 2 MiB ones, cleared in about 0.2 ms. One region is
 * one mapping.
 */
#include "vmm/mem.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_HUGE MIB(2)

/* mmap with the start rounded to 2 MiB, so that transparent huge pages can back all of it. */
static uint8_t *mem_reserve(uint64_t size)
{
    if (size > SIZE_MAX - MEM_HUGE)
        return NULL;
    uint8_t *p = mmap(NULL, size + MEM_HUGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    uint8_t *start = (uint8_t *)(uintptr_t)align_up((uintptr_t)p, MEM_HUGE);
    uint64_t head = (uint64_t)(start - p), tail = MEM_HUGE - head;
    if (head)
        munmap(p, head);
    if (tail)
        munmap(start + size, tail);
    return start;
}

int mem_init(struct guest_mem *mem, const struct mem_region *ranges, unsigned n, struct err *err)
{
    memset(mem, 0, sizeof *mem);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *hva = mem_reserve(ranges[i].size);
        if (!hva) {
            int code = errno ? errno : ENOMEM;
            mem_fini(mem);
            return err_sys(err, code, "cannot reserve %" PRIu64 " MiB of guest memory at %#" PRIx64,
                           ranges[i].size >> 20, ranges[i].base);
        }
#ifdef MADV_NOHUGEPAGE
        madvise(hva, ranges[i].size, MADV_NOHUGEPAGE); /* also where they are the host's default */
#endif
        mem->regions[mem->n++] = (struct mem_region){ranges[i].base, ranges[i].size, hva};
    }
    return 0;
}

void mem_huge(struct guest_mem *mem)
{
#ifdef MADV_HUGEPAGE
    for (unsigned i = 0; i < mem->n && !mem->huge; i++)
        madvise(mem->regions[i].hva, mem->regions[i].size, MADV_HUGEPAGE);
#endif
    mem->huge = true;
}

void mem_fini(struct guest_mem *mem)
{
    for (unsigned i = 0; i < mem->n; i++)
        munmap(mem->regions[i].hva, mem->regions[i].size);
    mem->n = 0;
}

static const struct mem_region *mem_find(const struct guest_mem *mem, gpa_t gpa)
{
    for (unsigned i = 0; i < mem->n; i++) {
        const struct mem_region *r = &mem->regions[i];
        if (gpa >= r->base && gpa - r->base < r->size)
            return r;
    }
    return NULL;
}

void *mem_hva(const struct guest_mem *mem, gpa_t gpa, uint64_t len)
{
    const struct mem_region *r = mem_find(mem, gpa);
    /* no sum, so nothing wraps */
    if (!r || len > r->size - (gpa - r->base))
        return NULL;
    return r->hva + (gpa - r->base);
}

bool mem_map_file(struct guest_mem *mem, gpa_t gpa, uint64_t len, int fd, uint64_t off)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    void *hva = mem_hva(mem, gpa, len);
    if (!hva || !len || mem->n_mapped == MEM_MAPPED_MAX || (uintptr_t)hva % page || len % page ||
        off % page)
        return false;
    if (mmap(hva, (size_t)len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)off) ==
        MAP_FAILED)
        return false;
    mem->mapped[mem->n_mapped].gpa = gpa;
    mem->mapped[mem->n_mapped++].len = len;
    mem_written(mem, gpa, len);
    return true;
}

uint64_t mem_room(const struct guest_mem *mem, gpa_t gpa)
{
    const struct mem_region *r = mem_find(mem, gpa);
    return r ? r->size - (gpa - r->base) : 0;
}

uint64_t mem_total(const struct guest_mem *mem)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < mem->n; i++)
        sum += mem->regions[i].size;
    return sum;
}

bool mem_read(const struct guest_mem *mem, gpa_t gpa, void *buf, uint64_t len)
{
    const void *p = mem_hva(mem, gpa, len);
    if (p)
        memcpy(buf, p, len);
    return p != NULL;
}

bool mem_write(struct guest_mem *mem, gpa_t gpa, const void *buf, uint64_t len)
{
    void *p = mem_hva(mem, gpa, len);
    if (!p)
        return false;
    memcpy(p, buf, len);
    mem_written(mem, gpa, len);
    return true;
}

/* Pages of a file would come back with the file's bytes: there, fresh memory takes their place. */
static bool mem_drop(const struct guest_mem *mem, gpa_t gpa, uint8_t *p, uint64_t len)
{
    for (unsigned i = 0; i < mem->n_mapped; i++)
        if (gpa < mem->mapped[i].gpa + mem->mapped[i].len && mem->mapped[i].gpa < gpa + len)
            return mmap(p, (size_t)len, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                        0) != MAP_FAILED;
    return madvise(p, (size_t)len, MADV_DONTNEED) == 0;
}

void mem_discard(struct guest_mem *mem, gpa_t gpa, uint64_t len)
{
    uint8_t *p = mem_hva(mem, gpa, len);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (!p || len < page)
        return;
    /* Regions begin at 2 MiB of the host, so that pages of the guest and of the host meet. */
    uint64_t head = (page - (uintptr_t)p % page) % page,
             body = align_down(len - MIN(head, len), page);
    if (body && mem_drop(mem, gpa + head, p + head, body))
        mem_written(mem, gpa + head, body);
}

void mem_written(struct guest_mem *mem, gpa_t gpa, uint64_t len)
{
    if (mem->written && len)
        mem->written(mem->written_ctx, gpa, len);
}
