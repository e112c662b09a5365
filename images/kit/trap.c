// SPDX-License-Identifier: MIT
/*
 * trap.c - what the vectors of crt0.S call.
 */
#include "guest.h"

void (*trap_hook)(struct trap *t);
volatile struct trap trap_last;
volatile unsigned trap_count;
volatile uint64_t trap_resume;
volatile bool trap_armed;
void trap_enter(struct trap *t);

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
    put_text("unexpected exception: vector ");
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
