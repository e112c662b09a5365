// SPDX-License-Identifier: MIT
/*
 * console.c - the board's console: the DR and FR of a PL011 (TRM r1p5, DDI 0183G), which the debug
 * console of boards `micro` and `vibe` has as well.
 *
 * A PL011 is polled and left without interrupts: it gives who polls each byte as it comes, and
 * paces who takes interrupts. Its users wait with their CPU busy.
 */
#include "guest.h"

#define UART_DR   (CONSOLE_BASE + 0x00) /* §3.3.1 */
#define UART_FR   (CONSOLE_BASE + 0x18) /* §3.3.3 */
#define UART_LCRH (CONSOLE_BASE + 0x2c) /* §3.3.7 */
#define UART_CR   (CONSOLE_BASE + 0x30) /* §3.3.8 */

#define FR_DCD  0x04
#define FR_RXFE 0x10
#define FR_TXFF 0x20
#define FR_RXFF 0x40

#ifdef CONSOLE_PL011
#define FIFO_DEPTH 1 /* or 16, or 32: it depends on the revision, and on UARTLCR_H.FEN */
#else
#define FIFO_DEPTH 32
#endif

void console_init(void)
{
#ifdef CONSOLE_PL011
    mmio_w32(UART_LCRH, 0x70); /* 8 bits, FIFOs */
    mmio_w32(UART_CR, 0x301);  /* UARTEN, TXE, RXE */
#endif
}

void put_char(char c)
{
#ifdef CONSOLE_PL011
    while (mmio_r32(UART_FR) & FR_TXFF)
        ;
#endif
    mmio_w32(UART_DR, (uint8_t)c);
}

/* Bytes that can be taken without asking again: RXFF says that FIFO_DEPTH wait. */
static unsigned sure;

int get_char(void)
{
    if (!sure) {
        uint32_t fr = mmio_r32(UART_FR);
        if (fr & FR_RXFE)
            return fr & FR_DCD ? GET_NONE : GET_END;
        sure = fr & FR_RXFF ? FIFO_DEPTH : 1;
    }
    sure--;
    return (int)(mmio_r32(UART_DR) & 0xff);
}

int read_char(void)
{
    int c;
    while ((c = get_char()) == GET_NONE) {
#ifdef CONSOLE_PL011
        barrier("yield");
#else
        gic_sleep(CONSOLE_INTID);
#endif
    }
    return c;
}

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
