// SPDX-License-Identifier: MIT
/*
 * clock.h - host time in nanoseconds.
 */
#ifndef VMM_CLOCK_H
#define VMM_CLOCK_H

#include <stdint.h>

#define NS_PER_SEC UINT64_C(1000000000)

/* CLOCK_MONOTONIC in ns; what every deadline in this program is measured against. Any thread. */
uint64_t clock_mono_ns(void);

/* Since 1970-01-01 UTC, for the clocks that guests read. Any thread. */
uint64_t clock_wall_ns(void);

#endif
