// SPDX-License-Identifier: MIT
/*
 * sha256.h - SHA-256 (FIPS 180-4), for the hashes of appliances.
 */
#ifndef VMM_SHA256_H
#define VMM_SHA256_H

#include "vmm/base.h"

#define SHA256_LEN 32

struct sha256 {
    uint32_t h[8];
    uint64_t total; /* bytes so far */
    uint8_t block[64];
};

/* init, then any number of updates, then one end, which fills out. */
void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t out[SHA256_LEN]);

#endif
