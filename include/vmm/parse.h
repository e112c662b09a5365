// SPDX-License-Identifier: MIT
/*
 * parse.h - numbers, sizes, times and addresses as users write them. Each takes the whole of `s` or
 * returns false, *val then being anything; what does not fit is refused.
 */
#ifndef VMM_PARSE_H
#define VMM_PARSE_H

#include "vmm/base.h"

bool parse_number(const char *s, uint64_t *val); /* decimal, or hexadecimal with 0x */
bool parse_size(const char *s, uint64_t *val);   /* bytes, or with K, M, G, T (KiB...) */
bool parse_time(const char *s,
                uint64_t *val); /* ns: 5s, 500ms, 1.5m, 2h; a bare number is seconds */

/* An Ethernet address, 52:54:00:12:34:56, of one station: not 0, and no group's (IEEE 802 §8.2). */
#define PARSE_MAC 6u
bool parse_mac(const char *s, uint8_t mac[static PARSE_MAC]);

#endif
