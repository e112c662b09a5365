// SPDX-License-Identifier: MIT
/*
 * guest.c - console, checks, traps, PSCI, GIC for bare-metal guests. See guest.h.
 *
 * PL011 TRM r1p5 (DDI 0183G) for the console, GICv3 IHI 0069H for interrupts, PSCI DEN 0022F for
 * power.
 */
#include "guest.h"

/* ---- console ---- */

#ifdef UART_BASE
#define UART_DR   (UART_BASE + 0x00) /* §3.3.1 */
#define UART_FR   (UART_BASE + 0x18) /* §3.3.3: bit 5 TXFF, bit 4 RXFE */
#define UART_LCRH (UART_BASE + 0x2c) /* §3.3.7 */
#define UART_CR   (UART_BASE + 0x30) /* §3.3.8 */

static void console_init(void)
{
    mmio_w32(UART_LCRH, 0x70); /* 8 bits, FIFOs */
    mmio_w32(UART_CR, 0x301);  /* UARTEN, TXE, RXE */
}

void put_char(char c)
{
    while (mmio_r32(UART_FR) & 1 << 5)
        ;
    mmio_w32(UART_DR, (uint8_t)c);
}

int get_char(void)
{
    if (mmio_r32(UART_FR) & 1 << 4)
        return -1;
    return (int)(mmio_r32(UART_DR) & 0xff);
}
#else
static void console_init(void)
{
}

void put_char(char c)
{
    mmio_w8(DEBUGCON_BASE, (uint8_t)c);
}

int get_char(void)
{
    return -1;
}
#endif

void put_text(const char *s)
{
    while (*s)
        put_char(*s++);
}

void put_hex(uint64_t val)
{
    put_text("0x");
    unsigned digits = 1;
    while (digits < 16 && val >> 4 * digits)
        digits++;
    while (digits-- > 0)
        put_char("0123456789abcdef"[val >> 4 * digits & 15]);
}

void put_dec(uint64_t val)
{
    char buf[20];
    unsigned n = 0;
    do
        buf[n++] = (char)('0' + val % 10);
    while (val /= 10);
    while (n-- > 0)
        put_char(buf[n]);
}

/* ---- checks ---- */

static unsigned checks, failures;

static void line(bool good, const char *name)
{
    failures += !good;
    put_text(good ? "ok " : "not ok ");
    put_dec(++checks);
    put_text(" - ");
    put_text(name);
    put_char('\n');
}

void check(bool good, const char *name)
{
    line(good, name);
}

void check_eq(uint64_t got, uint64_t want, const char *name)
{
    line(got == want, name);
    if (got != want) {
        put_text("# got ");
        put_hex(got);
        put_text(", want ");
        put_hex(want);
        put_char('\n');
    }
}

int guest_done(void)
{
    put_text("1..");
    put_dec(checks);
    put_char('\n');
    return (int)(failures > 99 ? 99 : failures);
}

/* ---- traps ---- */

void (*trap_hook)(struct trap *t);
volatile struct trap trap_last;
volatile unsigned trap_count;
volatile uint64_t trap_resume;
volatile bool trap_armed;
void trap_enter(struct trap *t);
void guest_setup(void);
void cpu_main(unsigned n);
void cpu_entry(void);
int guest_main(void);

void trap_arm(void)
{
    trap_armed = true;
    trap_count = 0;
    trap_resume = 0;
}

void trap_enter(struct trap *t)
{
    unsigned ec = (unsigned)ESR_EC(t->esr);
    if (t->vector == VECTOR_EL0_SYNC && ec == EC_SVC64 && ESR_ISS(t->esr) == EL0_EXIT_SVC) {
        t->elr = (uint64_t)el0_return;
        t->spsr = 0x3c5; /* EL1h, DAIF masked */
        return;
    }
    if (trap_armed && (t->vector & 3) == 0) {
        trap_last = *t;
        trap_count++;
        t->spsr &= ~(1ull << 20); /* IL, else the return is illegal again */
        if (trap_resume)
            t->elr = trap_resume;
        else if (ec != EC_SVC64) /* an SVC's preferred return is already the next instruction */
            t->elr += 4;
        return;
    }
    if (trap_hook) {
        trap_hook(t);
        return;
    }
    trap_armed = false;
    put_text("not ok - unexpected exception: vector ");
    put_dec(t->vector);
    put_text(" esr ");
    put_hex(t->esr);
    put_text(" elr ");
    put_hex(t->elr);
    put_text(" far ");
    put_hex(t->far_);
    put_char('\n');
    guest_end(98);
}

/* ---- beginning and end ---- */

void guest_setup(void)
{
    console_init();
}

/*
 * The sysctl device takes the status (SiFive test finisher: status << 16 | 0x3333, 0x5555 for 0).
 * Where there is none (another VMM), the store aborts or does nothing, and PSCI turns the machine
 * off without a status; so it is printed too.
 */
static void sysctl(uint32_t word)
{
    trap_arm();
    mmio_w32(SYSCTL_BASE, word);
    barrier("dsb sy");
}

void guest_end(unsigned status)
{
    put_text("# status ");
    put_dec(status);
    put_char('\n');
    sysctl(status ? status << 16 | 0x3333 : 0x5555);
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        barrier("wfi");
}

void guest_reset(void)
{
    sysctl(0x7777);
    psci(PSCI_SYSTEM_RESET, 0, 0, 0);
    for (;;)
        barrier("wfi");
}

/* ---- more CPUs ---- */

static void (*cpu_fn[CPUS_MAX])(unsigned);

unsigned cpu_index(void)
{
    return (unsigned)(read_sysreg(mpidr_el1) & 0xff);
}

void cpu_main(unsigned n)
{
    cpu_fn[n](n);
    psci(PSCI_CPU_OFF, 0, 0, 0);
}

int64_t cpu_start(unsigned n, void (*fn)(unsigned))
{
    cpu_fn[n] = fn;
    barrier("dsb sy");
    /* Invocation results are 32-bit signed in w0 for the errors too (SMCCC DEN 0028 §2.7). */
    return (int32_t)psci(PSCI_CPU_ON, n, (uint64_t)cpu_entry, n);
}

/* ---- GICv3 ---- */

#define GICD_CTLR       (GICD_BASE + 0x000)
#define GICD_ISENABLER  (GICD_BASE + 0x100)
#define GICD_ICENABLER  (GICD_BASE + 0x180)
#define GICD_IGROUPR    (GICD_BASE + 0x080)
#define GICD_IPRIORITYR (GICD_BASE + 0x400)
#define GICD_IROUTER    (GICD_BASE + 0x6000)
#define GICR_WAKER      0x14
#define GICR_SGI        0x10000

static uint64_t redist(void)
{
    return GICR_BASE + cpu_index() * 0x20000ul;
}

void gic_init(void)
{
    mmio_w32(GICD_CTLR,
             0x12); /* ARE_NS, EnableGrp1 as a single security state has them (§12.9.4) */
    while (mmio_r32(GICD_CTLR) & 1u << 31)
        ;
    gic_cpu_init();
}

void gic_cpu_init(void)
{
    uint64_t r = redist();
    mmio_w32(r + GICR_WAKER, 0); /* ProcessorSleep off; ChildrenAsleep follows (§12.11.42) */
    while (mmio_r32(r + GICR_WAKER) & 1 << 2)
        ;
    mmio_w32(r + GICR_SGI + 0x080, 0xffffffff); /* GICR_IGROUPR0: group 1 */
    write_sysreg(ICC_SRE, 7);                   /* SRE, DFB, DIB */
    write_sysreg(ICC_PMR, 0xff);
    write_sysreg(ICC_BPR1, 0);
    write_sysreg(ICC_CTLR, 0); /* EOImode 0 */
    write_sysreg(ICC_IGRPEN1, 1);
}

void gic_enable(unsigned intid, unsigned priority)
{
    uint64_t base = intid < 32 ? redist() + GICR_SGI - GICD_BASE : 0;
    mmio_w8(GICD_IPRIORITYR + base + intid, (uint8_t)priority);
    if (intid >= 32) {
        uint64_t group = GICD_IGROUPR + intid / 32 * 4;
        mmio_w32(group, mmio_r32(group) | 1u << intid % 32);
        mmio_w32(GICD_IROUTER + intid * 8ul, cpu_index()); /* affinity 0.0.0.cpu */
        mmio_w32(GICD_IROUTER + intid * 8ul + 4, 0);
    }
    mmio_w32(GICD_ISENABLER + base + intid / 32 * 4, 1u << intid % 32);
}

void gic_disable(unsigned intid)
{
    uint64_t base = intid < 32 ? redist() + GICR_SGI - GICD_BASE : 0;
    mmio_w32(GICD_ICENABLER + base + intid / 32 * 4, 1u << intid % 32);
}

/* ---- what the compiler may call ---- */

void *memcpy(void *dst, const void *src, unsigned long n)
{
    char *d = dst;
    const char *s = src;
    while (n-- > 0)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int c, unsigned long n)
{
    char *d = dst;
    while (n-- > 0)
        *d++ = (char)c;
    return dst;
}
