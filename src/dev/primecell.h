// SPDX-License-Identifier: MIT
/*
 * primecell.h - the identification registers every Arm PrimeCell ends with.
 */
#ifndef DEV_PRIMECELL_H
#define DEV_PRIMECELL_H

#include "vmm/base.h"

/* PeriphID0..3 at 0xfe0, PCellID0..3 at 0xff0, one byte in each word. */
#define PRIMECELL_ID       0xfe0
#define PRIMECELL_PCELL_ID 0x0d, 0xf0, 0x05, 0xb1

/* `off` is PRIMECELL_ID..0xfff; offsets between the words read 0. */
static inline uint32_t primecell_id(const uint8_t ids[8], uint64_t off)
{
    return off % 4 || off > 0xffc ? 0 : ids[(off - PRIMECELL_ID) / 4];
}

#endif
