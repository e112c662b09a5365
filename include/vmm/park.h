// SPDX-License-Identifier: MIT
/*
 * park.h - a thread that sleeps until it is woken or a deadline comes: a waiting vCPU.
 */
#ifndef VMM_PARK_H
#define VMM_PARK_H

#include <stdatomic.h>
#include <stdint.h>

/* Zero-initialised. A wake that comes before the wait makes the wait return at once. */
struct park {
    _Atomic uint32_t word;
};

/* Sleep until park_wake() or clock_mono_ns() reaches deadline_ns (UINT64_MAX: no deadline). One
 * thread. */
void park_wait(struct park *p, uint64_t deadline_ns);

/* Any thread, and async-signal-safe. */
void park_wake(struct park *p);

#endif
