// SPDX-License-Identifier: MIT
/*
 * sha256.c - SHA-256.
 *
 * Follows FIPS 180-4 §4.1.2 (functions), §4.2.2 (constants), §5.1.1 (padding), §5.3.3 (initial
 * value) and §6.2.2 (computation). x86-64 CPUs with the SHA extensions use them (Intel SDM vol. 1
 * §5.19): four times the speed of the portable code (docs/images.md).
 */
#include "vmm/sha256.h"

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* §4.2.2 */
static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t ror(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

/* §6.2.2, n blocks of 64 bytes. */
static void sha256_blocks(uint32_t h[8], const uint8_t *p, size_t n)
{
    for (; n; n--, p += 64) {
        uint32_t w[64], v[8];
        for (unsigned t = 0; t < 16; t++)
            w[t] = be32_get(p + 4 * t);
        for (unsigned t = 16; t < 64; t++) {
            uint32_t s0 = ror(w[t - 15], 7) ^ ror(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = ror(w[t - 2], 17) ^ ror(w[t - 2], 19) ^ w[t - 2] >> 10;
            w[t] = s1 + w[t - 7] + s0 + w[t - 16];
        }
        memcpy(v, h, sizeof v);
        /* The working variables move by one place in each round: the index does instead. */
        for (unsigned t = 0; t < 64; t += 8) {
#pragma GCC unroll 8
            for (unsigned i = 0; i < 8; i++) {
#define V(n) v[((n) + 8 - i) % 8]
                uint32_t a = V(0), e = V(4);
                uint32_t t1 = V(7) + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
                              ((e & V(5)) ^ (~e & V(6))) + sha256_k[t + i] + w[t + i];
                V(3) += t1;
                V(7) = t1 + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
                       ((a & V(1)) ^ (a & V(2)) ^ (V(1) & V(2)));
#undef V
            }
        }
        for (unsigned i = 0; i < 8; i++)
            h[i] += v[i];
    }
}

#if defined __x86_64__
/*
 * SHA256RNDS2 does two rounds on the state as {A, B, E, F} and {C, D, G, H}; SHA256MSG1 and
 * SHA256MSG2 make the four words of the schedule that come next.
 */
__attribute__((target("sha,sse4.1,ssse3"))) static void
sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t n)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; n; n--, p += 64) {
        const __m128i abef0 = abef, cdgh0 = cdgh;
        __m128i m[4];
        for (unsigned i = 0; i < 4; i++)
            m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)),
                                    swap);
#pragma GCC unroll 16
        for (unsigned t = 0; t < 16; t++) {
            __m128i now = m[t % 4];
            __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(sha256_k + 4 * t));
            __m128i wk = _mm_add_epi32(now, k);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
            if (t < 12) {
                __m128i next = m[(t + 1) % 4], last = m[(t + 3) % 4];
                __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(now, next),
                                            _mm_alignr_epi8(last, m[(t + 2) % 4], 4));
                m[t % 4] = _mm_sha256msg2_epu32(sum, last);
            }
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/*
 * CPUID leaf 7, EBX bit 29 is SHA; leaf 1, ECX bits 9 and 19 are SSSE3 and SSE4.1. Asked for long
 * data only, and once: in a virtual machine each CPUID is an exit, some 20 KiB's worth of hashing.
 */
#define SHA256_LONG KIB(32)

static bool sha256_has_x86(size_t len)
{
    static _Atomic int has; /* 0: not asked yet, 1: yes, -1: no */
    if (!has && len >= SHA256_LONG) {
        unsigned a, b, c, d, b7 = 0;
        bool base = __get_cpuid(1, &a, &b, &c, &d) && (c & BIT(9)) && (c & BIT(19));
        has = base && __get_cpuid_count(7, 0, &a, &b7, &c, &d) && (b7 & BIT(29)) ? 1 : -1;
    }
    return has > 0;
}
#endif

static void sha256_take(struct sha256 *s, const uint8_t *p, size_t n)
{
#if defined __x86_64__
    if (sha256_has_x86(64 * n)) {
        sha256_blocks_x86(s->h, p, n);
        return;
    }
#endif
    sha256_blocks(s->h, p, n);
}

/* §5.3.3 */
void sha256_init(struct sha256 *s)
{
    *s = (struct sha256){
        .h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
              0x5be0cd19}
    };
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t have = s->total % 64;
    s->total += len;
    if (have) {
        size_t n = MIN(64 - have, len);
        memcpy(s->block + have, p, n);
        p += n;
        len -= n;
        if (have + n < 64)
            return;
        sha256_take(s, s->block, 1);
    }
    if (len >= 64)
        sha256_take(s, p, len / 64);
    memcpy(s->block, p + len / 64 * 64, len % 64);
}

/* §5.1.1: a one bit, zeros, and the length in bits. */
void sha256_end(struct sha256 *s, uint8_t out[SHA256_LEN])
{
    uint64_t bits = __builtin_bswap64(s->total * 8);
    uint8_t pad[72] = {0x80};
    size_t zeros = (119 - s->total % 64) % 64; /* after the 0x80 */
    memcpy(pad + 1 + zeros, &bits, sizeof bits);
    sha256_update(s, pad, 1 + zeros + sizeof bits);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t be = __builtin_bswap32(s->h[i]);
        memcpy(out + 4 * i, &be, sizeof be);
    }
}
