// SPDX-License-Identifier: MIT
/*
 * iov.c - bytes that lie in several pieces of memory.
 */
#include "vmm/iov.h"

uint64_t iov_len(const struct iovec *iov, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

/* The next piece of [*off, *off + left) from segment *i on: its start, and its length in *len; NULL
 * at the end. *off is relative to segment *i, and moves on with it. */
static uint8_t *iov_next(const struct iovec *iov, unsigned n, unsigned *i, uint64_t *off,
                         uint64_t left, uint64_t *len)
{
    while (*i < n && *off >= iov[*i].iov_len)
        *off -= iov[(*i)++].iov_len;
    if (*i == n || !left)
        return NULL;
    uint8_t *at = (uint8_t *)iov[*i].iov_base + *off;
    *len = MIN(left, iov[*i].iov_len - *off);
    *off += *len;
    return at;
}

uint64_t iov_get(const struct iovec *iov, unsigned n, uint64_t off, void *buf, uint64_t len)
{
    uint64_t done = 0, take;
    const uint8_t *at;
    for (unsigned i = 0; (at = iov_next(iov, n, &i, &off, len - done, &take)); done += take)
        memcpy((uint8_t *)buf + done, at, take);
    return done;
}

uint64_t iov_put(const struct iovec *iov, unsigned n, uint64_t off, const void *buf, uint64_t len)
{
    uint64_t done = 0, take;
    uint8_t *at;
    for (unsigned i = 0; (at = iov_next(iov, n, &i, &off, len - done, &take)); done += take)
        memcpy(at, (const uint8_t *)buf + done, take);
    return done;
}

unsigned iov_slice(const struct iovec *iov, unsigned n, uint64_t off, uint64_t len,
                   struct iovec *out)
{
    unsigned used = 0;
    uint64_t take;
    uint8_t *at;
    for (unsigned i = 0; (at = iov_next(iov, n, &i, &off, len, &take)); len -= take)
        out[used++] = (struct iovec){at, take};
    return used;
}
