// SPDX-License-Identifier: MIT
/*
 * virtio_rng.c - entropy device.
 *
 * Follows virtio 1.2 §5.4: one queue; each buffer is filled whole with random bytes. At most
 * RNG_MAX bytes of a buffer, so that a guest cannot keep its vCPU's thread busy for long with one.
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <stdlib.h>

#define RNG_QUEUE 64
#define RNG_MAX   KIB(64)

struct virtio_rng {
    struct virtio v;
    struct vq vq;
    bool (*fill)(void *buf, size_t len);
    struct vq_chain chain;
};

static void rng_notify(struct virtio *v, unsigned queue)
{
    (void)queue;
    struct virtio_rng *r = container_of(v, struct virtio_rng, v);
    struct vq_chain *c = &r->chain;
    do {
        while (vq_pop(v, &r->vq, c)) {
            uint64_t done = 0;
            for (unsigned i = c->n_out; i < c->n_out + c->n_in && done < RNG_MAX; i++) {
                size_t len = (size_t)MIN(RNG_MAX - done, c->iov[i].iov_len);
                if (!r->fill(c->iov[i].iov_base, len)) {
                    virtio_break(v, "the host has no random bytes");
                    return;
                }
                done += len;
            }
            vq_push(v, &r->vq, c, (uint32_t)done);
        }
    } while (vq_rearm(v, &r->vq));
    vq_notify(v, &r->vq);
}

static const struct virtio_ops rng_ops = {
    .kind = "virtio-rng",
    .id = VIRTIO_ID_RNG,
    .notify = rng_notify,
};

int virtio_rng_new(struct dev **dev, const char *name, const struct virtio_host *host,
                   bool (*fill)(void *buf, size_t len))
{
    struct virtio_rng *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->fill = fill;
    r->vq.max = RNG_QUEUE;
    virtio_init(&r->v, &rng_ops, name, host, 0, &r->vq, 1);
    *dev = &r->v.dev;
    return 0;
}
