// SPDX-License-Identifier: MIT
/*
 * sys.h - the program that the differential test of EL1 runs (sys_pair.c): where its parts are, and
 * what the one who writes it (sys_draw.c) tells its monitor (sys_guest.c).
 *
 * Physical memory, from SYS_RAM on, in parts of 2 MiB: the monitor's code, struct sys_image, the
 * translation tables, then SYS_POOLS pools that random blocks may get at. The monitor has all of it
 * in the upper half of the VAs. The lower half has SYS_SPACES address spaces of two parts: one of
 * pages (code, an alias of the code that can be written, scratches), mapped to the first pool in
 * disorder; one that is a 2 MiB block or a table of pages, in a pool of each space's own.
 */
#ifndef TESTS_A64_SYS_H
#define TESTS_A64_SYS_H

#define SYS_RAM     0x41000000
#define SYS_PART    0x200000
#define SYS_IMAGE   (SYS_RAM + 1 * SYS_PART)
#define SYS_TABLES  (SYS_RAM + 2 * SYS_PART)
#define SYS_POOL    (SYS_RAM + 3 * SYS_PART)
#define SYS_POOLS   4
#define SYS_SIZE    (7 * SYS_PART)
#define SYS_HIGH    0xffffff9240000000 /* VA of SYS_RAM for the monitor */
#define SYS_VECTORS 0x800              /* in the monitor's code */
#define SYS_UART    (SYS_HIGH + 8 * SYS_PART)
#define SYS_UART_PA 0x09000000

#define SYS_SPACES 3
#define SYS_ASIDS  6 /* the first SYS_SPACES are lent to any space, the others each space's own */

/* The lower half: pages, then blocks. */
#define SYS_LOW        0x10000000
#define SYS_ALIAS_PAGE 320
#define SYS_CODE_PAGE  448
#define SYS_CODE_PAGES 64
#define SYS_CODE       (SYS_LOW + SYS_CODE_PAGE * 0x1000)
#define SYS_ALIAS      (SYS_LOW + SYS_ALIAS_PAGE * 0x1000)

#define SYS_SVC_END 0xffff /* a block's end */
#define SYS_OPS     256    /* SVC of a smaller number: one of these */
#define SYS_BLOCKS  64
#define SYS_RUNS    512
#define SYS_LOG     64
#define SYS_FAULTS  48 /* a block is over after so many exceptions */
#define SYS_HASHED  128

/* Offsets in struct sys_image, for the assembler. */
#define SYS_AT_FRAME 0x100
#define SYS_AT_STACK 0x3100 /* 0x3000 more: an immediate of ADD */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct sys_state {
    uint64_t x[31], sp_el0, sp_el1, elr, spsr;
    uint64_t tpidr_el0, tpidr_el1, cpacr, fpcr, fpsr;
    uint64_t v[32][2];
};

struct sys_frame {
    struct sys_state s;
    uint64_t esr, far_, par, contextidr;
    uint64_t hash;
    uint64_t run, faults;
    struct {
        uint64_t esr, far_, elr, spsr, hash;
    } log[SYS_LOG];
};

/* How a changed entry is made known: TLBI of these, as often as there are ASIDs where it takes one.
 */
enum { SYS_VAE1, SYS_VALE1, SYS_VAAE1, SYS_VAALE1, SYS_ASIDE1, SYS_VMALLE1, SYS_TLBIS };
enum { SYS_OP_PAGE, SYS_OP_BLOCK, SYS_OP_SPACE, SYS_OP_KINDS };

struct sys_op {
    uint8_t kind, tlbi;
    uint8_t broadcast; /* the ...IS form */
    uint8_t in_place;  /* permissions only: no break before make */
    uint8_t spaces;    /* bits: whose tables are changed */
    uint8_t part, asid, global;
    uint32_t page; /* in its part */
    uint64_t entry[SYS_SPACES];
};

struct sys_image {
    uint64_t mair, tcr, ttbr0, ttbr1, sctlr, vbar; /* in the order that start: reads them */
    uint64_t blocks, passes;
    uint64_t mask_wnr; /* bit 6 of ESR_EL1 is not looked at when an atomic faults */
    uint64_t every;    /* hash the memory after each run, too */
    uint64_t show;     /* print all of this run's frame; ~0: none */
    uint64_t pad[SYS_AT_FRAME / 8 - 11];
    struct sys_frame frame;
    uint64_t pad2[(SYS_AT_STACK - SYS_AT_FRAME - sizeof(struct sys_frame)) / 8];
    uint64_t stack_end[2]; /* grows down into pad2 */
    uint16_t asid[SYS_ASIDS];
    uint16_t lent[SYS_ASIDS]; /* the space + 1 that an ASID was used with last */
    struct sys_op ops[SYS_OPS];
    uint64_t fix[SYS_SPACES][2][512]; /* of the part of pages: for EL1, for EL0 */
    uint64_t fix_block[SYS_SPACES][2];
    uint64_t code_pa[SYS_CODE_PAGES];
    uint64_t hashed_n, hashed[SYS_HASHED]; /* physical pages */
    struct sys_state start[SYS_RUNS];
};

_Static_assert(__builtin_offsetof(struct sys_image, frame) == SYS_AT_FRAME, "sys_guest.S");
_Static_assert(__builtin_offsetof(struct sys_image, stack_end) == SYS_AT_STACK, "sys_guest.S");

/* The translation tables, a page each. */
enum {
    SYS_L1_HIGH,
    SYS_L2_HIGH,
    SYS_L1,
    SYS_L2 = SYS_L1 + SYS_SPACES,
    SYS_L3 = SYS_L2 + SYS_SPACES,
    SYS_TABLES_N = SYS_L3 + 2 * SYS_SPACES
};
#endif
#endif
