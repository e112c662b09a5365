// SPDX-License-Identifier: MIT
/*
 * guest.h - the little that a bare-metal program stands on (docs/kit.md): console, arguments, time,
 * more CPUs, traps, interrupts, the end.
 *
 * A program is `int main(int argc, char **argv)`, at EL1 with MMU and caches on, exceptions masked.
 * A guest that wants the bare machine is `int guest_main(void)` instead: the same with the MMU off
 * and no arguments. Either has a stack of STACK_SIZE and the library's vectors; what it returns is
 * the machine's exit status. Code is compiled for the general registers alone, so that no exception
 * handler has to save others.
 */
#ifndef IMAGES_GUEST_H
#define IMAGES_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

/* No symbol comes from elsewhere: addresses are relative to the PC, and no table of them is needed.
 */
#pragma GCC visibility push(hidden)

#define CPUS_MAX   8
#define STACK_SIZE 16384

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
#define read_sysreg(reg)                                                                           \
    ({                                                                                             \
        uint64_t val_;                                                                             \
        __asm__ volatile("mrs %0, " TEXT(reg) : "=r"(val_)::"memory");                             \
        val_;                                                                                      \
    })
#define write_sysreg(reg, val)                                                                     \
    __asm__ volatile("msr " TEXT(reg) ", %0\n\tisb" ::"r"((uint64_t)(val)) : "memory")
#define barrier(what) __asm__ volatile(what ::: "memory")

static inline uint32_t mmio_r32(uint64_t addr)
{
    uint32_t val;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(val) : "r"(addr) : "memory");
    return val;
}

static inline void mmio_w32(uint64_t addr, uint32_t val)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(val), "r"(addr) : "memory");
}

static inline void mmio_w8(uint64_t addr, uint8_t val)
{
    __asm__ volatile("strb %w0, [%1]" ::"r"(val), "r"(addr) : "memory");
}

/* One more, by exclusives whatever instructions there are: a program may as well use <stdatomic.h>.
 */
static inline void guest_add(volatile uint32_t *p)
{
    uint32_t old, fail;
    __asm__ volatile(
        "1:\tldaxr %w0, [%2]\n\tadd %w0, %w0, #1\n\tstlxr %w1, %w0, [%2]\n\tcbnz %w1, 1b"
        : "=&r"(old), "=&r"(fail)
        : "r"(p)
        : "memory");
}

/* ---- console ---- */

void put_char(char c);
void put_text(const char *s);
void put_hex(uint64_t val);
void put_dec(uint64_t val);

#define GET_NONE (-1)
#define GET_END  (-2)
/* The next input byte, or GET_NONE: none now, or GET_END: the input has ended. One CPU reads. */
int get_char(void);
/* The next input byte, or GET_END; the CPU sleeps until there is one (on board virt it polls). */
int read_char(void);
void console_init(void); /* crt0.S has called it */

/* ---- checks: one TAP line each (build.sh -t) ---- */

void check(bool good, const char *name);
/* On failure the line is followed by both values. `name` cites the rule. */
void check_eq(uint64_t got, uint64_t want, const char *name);
/* Print the plan; the number of failed checks, at most 99. */
int guest_done(void);

/* ---- the end ---- */

/* End the machine with a status. Does not return. With checks, the status is printed as well. */
_Noreturn void guest_end(unsigned status);
_Noreturn void guest_reset(void);
_Noreturn void power_off(unsigned status); /* prints nothing */

/* ---- time ---- */

uint64_t time_ns(void); /* since the machine began */
void sleep_ns(uint64_t ns);
/* From that time on TIMER_VIRT_INTID is pending; until then, and after UINT64_MAX, it is not. */
void timer_at_ns(uint64_t at_ns);

/* ---- what the launcher says ---- */

#define TREE_RAM_MAX 4

struct tree {
    const char *bootargs; /* "" when there are none */
    struct {
        uint64_t base, size;
    } ram[TREE_RAM_MAX];
    unsigned n_ram;
};

void tree_read(struct tree *t);
extern uint64_t boot_x0; /* x0 at the first instruction */

/* ---- traps ---- */

/* What the vectors saved. Written back on return, so a handler may change it. */
struct trap {
    uint64_t x[31];
    uint64_t sp_el0;
    uint64_t elr, spsr, esr, far_;
    uint64_t vector; /* 0..15: the offset in the vector table / 0x80 (Arm ARM DDI 0487J.a D1.3.6) */
    uint64_t cpu;
};

#define VECTOR_SP0_SYNC 0
#define VECTOR_SPX_SYNC 4
#define VECTOR_SPX_IRQ  5
#define VECTOR_EL0_SYNC 8
#define VECTOR_EL0_IRQ  9

/* ESR_EL1 (D17.2.37) */
#define ESR_EC(esr)  ((esr) >> 26 & 0x3f)
#define ESR_ISS(esr) ((esr)&0x1ffffff)
#define EC_UNKNOWN   0x00
#define EC_WFX       0x01
#define EC_FP        0x07
#define EC_ILLEGAL   0x0e
#define EC_SVC64     0x15
#define EC_SYSREG    0x18
#define EC_IABT_EL0  0x20
#define EC_IABT_EL1  0x21
#define EC_PC_ALIGN  0x22
#define EC_DABT_EL0  0x24
#define EC_DABT_EL1  0x25
#define EC_SP_ALIGN  0x26
#define EC_BRK64     0x3c

/* Called for every exception when set; without it, any exception but an expected one ends the
 * guest. */
extern void (*trap_hook)(struct trap *t);

/*
 * Catch one synchronous exception: arm, do the thing, look at `trap_last`. The handler goes on at
 * `trap_resume` when that is not 0, else after the instruction.
 */
extern volatile struct trap trap_last;
extern volatile unsigned trap_count;
extern volatile uint64_t trap_resume;
extern volatile bool trap_armed;
void trap_arm(void);

/* Run fn(arg) at EL0 on a stack of its own; what it gives to el0_exit() comes back. PSTATE is
 * `spsr`'s. */
uint64_t el0_call(uint64_t (*fn)(uint64_t), uint64_t arg, uint64_t sp, uint64_t spsr);
#define EL0_EXIT_SVC 0xe1e
/* How code at EL0 ends: svc #0xe1e with x0. */
void el0_return(void);
extern char el0_stack_top[];

/* ---- PSCI over HVC (DEN 0022F §5) ---- */

#define PSCI_VERSION       0x84000000u
#define PSCI_CPU_OFF       0x84000002u
#define PSCI_CPU_ON        0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_SYSTEM_OFF    0x84000008u
#define PSCI_SYSTEM_RESET  0x84000009u
#define PSCI_FEATURES      0x8400000au
uint64_t psci(uint64_t fn, uint64_t a, uint64_t b, uint64_t c);

#define PSCI_INVALID_PARAMETERS (-2)

unsigned cpu_index(void);
unsigned cpu_count(void); /* those of the machine, running or not; at most CPUS_MAX */
/*
 * Start CPU `n` in fn(n) at EL1, exceptions masked, with the caller's translation; PSCI's answer, 0
 * for success. When fn returns, the CPU turns itself off.
 */
int64_t cpu_start(unsigned n, void (*fn)(unsigned n));

/* ---- GICv3 ---- */

/* CPU interface (IHI 0069H §12.2), by encoding: assemblers know the names only with an extension.
 */
#define ICC_PMR        S3_0_C4_C6_0
#define ICC_DIR        S3_0_C12_C11_1
#define ICC_RPR        S3_0_C12_C11_3
#define ICC_SGI1R      S3_0_C12_C11_5
#define ICC_IAR1       S3_0_C12_C12_0
#define ICC_EOIR1      S3_0_C12_C12_1
#define ICC_HPPIR1     S3_0_C12_C12_2
#define ICC_BPR1       S3_0_C12_C12_3
#define ICC_CTLR       S3_0_C12_C12_4
#define ICC_SRE        S3_0_C12_C12_5
#define ICC_IGRPEN1    S3_0_C12_C12_7
#define INTID_SPURIOUS 1023 /* 1020 and up: no interrupt to end */

/* Distributor and this CPU's redistributor and interface: group 1, affinity routing, priority mask
 * open. */
void gic_init(void);
void gic_cpu_init(void);
void gic_enable(unsigned intid, unsigned priority);
void gic_disable(unsigned intid);
/*
 * Sleeping with interrupts masked, so that none is taken: gic_watch() makes `intid` end cpu_idle()
 * for as long as it is pending; gic_sleep() is both, for one time. cpu_idle() may return early;
 * where the CPU has no GICv3 it always does.
 */
void gic_watch(unsigned intid);
void cpu_idle(void);
void gic_sleep(unsigned intid);

/* ---- strings ---- */

void *memcpy(void *dst, const void *src, unsigned long n);
void *memmove(void *dst, const void *src, unsigned long n);
void *memset(void *dst, int c, unsigned long n);
int memcmp(const void *a, const void *b, unsigned long n);
unsigned long strlen(const char *s);
int strcmp(const char *a, const char *b);
/* All of `s` as a decimal number; false when it is none or too large. */
bool parse_dec(const char *s, uint64_t *val);

#endif
