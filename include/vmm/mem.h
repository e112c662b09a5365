// SPDX-License-Identifier: MIT
/*
 * mem.h - guest RAM: a few regions of host memory, each at a guest physical address.
 */
#ifndef VMM_MEM_H
#define VMM_MEM_H

#include "vmm/base.h"
#include "vmm/err.h"

#define MEM_REGIONS_MAX 4
#define MEM_PAGE        KIB(4)
#define MEM_MAPPED_MAX  8

struct mem_region {
    gpa_t base;    /* 4 KiB aligned */
    uint64_t size; /* bytes, a multiple of 4 KiB, not 0 */
    uint8_t *hva;  /* 2 MiB aligned; private anonymous memory, zero until written */
};

struct guest_mem {
    struct mem_region regions[MEM_REGIONS_MAX]; /* ascending, disjoint; fixed after mem_init() */
    unsigned n;
    bool huge; /* mem_huge() was called */
    struct {
        gpa_t gpa;
        uint64_t len;
    } mapped[MEM_MAPPED_MAX]; /* by mem_map_file(): n_mapped of them */
    unsigned n_mapped;
    /* Told of every write to RAM that the host makes (see mem_written). Set before the first vCPU
     * runs. */
    void (*written)(void *ctx, gpa_t gpa, uint64_t len);
    void *written_ctx;
};

/* What to make: hva is ignored. Ranges must be ascending and disjoint (the board checks prove it).
 */
int mem_init(struct guest_mem *mem, const struct mem_region *ranges, unsigned n, struct err *err);
void mem_fini(struct guest_mem *mem);

/*
 * From now on, memory that is touched for the first time comes in 2 MiB pages where the host has
 * them. Called before much is written, and before the guest runs: a guest of a few pages is loaded
 * into 4 KiB pages first, which is ten times faster than clearing a large one. Advice only; repeats
 * cost nothing.
 */
void mem_huge(struct guest_mem *mem);

/*
 * Translate [gpa, gpa + len) to a host pointer.
 * The range must lie in one RAM region; len may be 0. The pointer stays valid until mem_fini() and
 * belongs to `mem`. The guest may write the bytes at any time: copy before you validate.
 * Returns NULL when any byte lies outside RAM. Any thread.
 */
void *mem_hva(const struct guest_mem *mem, gpa_t gpa, uint64_t len);

/*
 * The len bytes of a file from off are at gpa from now on, copy-on-write: the file is read when the
 * guest does, and never written. Before the guest runs. False, and nothing done, when gpa, len and
 * off are not whole pages of the host, the range is not RAM of one region, or the host refuses.
 * A file that shrinks while it is mapped ends the process with SIGBUS.
 */
bool mem_map_file(struct guest_mem *mem, gpa_t gpa, uint64_t len, int fd, uint64_t off);

/* Bytes of RAM from gpa to the end of its region; 0 when gpa is not RAM. */
uint64_t mem_room(const struct guest_mem *mem, gpa_t gpa);

/* Bytes of RAM in all regions. */
uint64_t mem_total(const struct guest_mem *mem);

/* Copy out of or into RAM; mem_write reports the write. False, and nothing done, when a byte is
 * outside RAM. */
bool mem_read(const struct guest_mem *mem, gpa_t gpa, void *buf, uint64_t len);
bool mem_write(struct guest_mem *mem, gpa_t gpa, const void *buf, uint64_t len);

/*
 * Give [gpa, gpa + len) back to the host: it reads as zero from then on. Whole pages only; what of
 * the range is not a whole page of the host, or not RAM of one region, is left alone. Reports a
 * write.
 */
void mem_discard(struct guest_mem *mem, gpa_t gpa, uint64_t len);

/* The host has written [gpa, gpa + len) through mem_hva(): engines drop what they derived from it.
 */
void mem_written(struct guest_mem *mem, gpa_t gpa, uint64_t len);

#endif
