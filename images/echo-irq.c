// SPDX-License-Identifier: MIT
/*
 * echo-irq.c - gives back what the UART's receive interrupt brings, sleeping in between, until a
 * 'q'.
 *
 * PL011 TRM r1p5 §3.3.10 UARTIMSC, §3.3.13 UARTICR, §2.8.3: receive (at the FIFO level) and receive
 * timeout.
 *
 * Boards: virt
 */
#include "guest.h"

#define UART_IMSC (CONSOLE_BASE + 0x38)
#define UART_ICR  (CONSOLE_BASE + 0x44)
#define INT_RX    (1u << 4)
#define INT_RT    (1u << 6)

static volatile bool quit;

static void on_trap(struct trap *t)
{
    (void)t;
    uint64_t intid = read_sysreg(ICC_IAR1);
    if (intid == CONSOLE_INTID) {
        mmio_w32(UART_ICR, INT_RX | INT_RT);
        int c;
        while (!quit && (c = get_char()) >= 0) {
            put_char((char)c);
            quit = c == 'q';
        }
        if (quit)
            mmio_w32(UART_IMSC, 0); /* what is left unread would go on asking */
    }
    if (intid < 1020)
        write_sysreg(ICC_EOIR1, intid);
}

int guest_main(void)
{
    trap_hook = on_trap;
    gic_init();
    gic_enable(CONSOLE_INTID, 0x80);
    mmio_w32(UART_IMSC, INT_RX | INT_RT);
    /* With I masked an interrupt still ends WFI, and it is taken when I opens: none is missed in
     * between. */
    while (!quit) {
        barrier("wfi");
        barrier("msr daifclr, #2\n\tisb\n\tmsr daifset, #2");
    }
    put_char('\n');
    return 0;
}
