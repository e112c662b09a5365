// SPDX-License-Identifier: MIT
/*
 * virtio_9p.c - a folder of the host, by 9P messages in a queue.
 *
 * The device is number 9 of virtio 1.2 §5, which leaves the rest to its driver, Linux's
 * net/9p/trans_virtio.c: one queue, a chain holds a request and room for its reply; feature bit 0
 * and the configuration space (tag_len[2], tag) tell the tag it is mounted by. What the messages
 * mean is vmm/p9.h's. Requests are done on the vCPU's thread, in their order.
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/p9.h"

#define VIRTIO_9P_MOUNT_TAG BIT(0)

/* Linux puts up to 128 segments into a chain, and waits for a queue that can hold them. */
#define V9P_QUEUE 128
_Static_assert(V9P_QUEUE <= P9_IOV_MAX, "a chain's segments are a request's pieces");

struct virtio_9p {
    struct virtio v;
    struct vq vq;
    struct p9 *p9;
    struct virtio_ops ops; /* of this one: its configuration space is as long as its tag */
    uint8_t config[2 + VIRTIO_9P_TAG_MAX];
    struct vq_chain chain;
};

static struct virtio_9p *v9p_of(struct virtio *v)
{
    return container_of(v, struct virtio_9p, v);
}

static void v9p_notify(struct virtio *v, unsigned queue)
{
    (void)queue;
    struct virtio_9p *d = v9p_of(v);
    struct vq_chain *c = &d->chain;
    do {
        while (vq_pop(v, &d->vq, c)) {
            vq_push(v, &d->vq, c, p9_serve(d->p9, c->iov, c->n_out, c->iov + c->n_out, c->n_in));
            vq_notify(v, &d->vq);
        }
    } while (vq_rearm(v, &d->vq));
}

static void v9p_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, v9p_of(v)->config + off, len);
}

static void v9p_reset(struct virtio *v)
{
    p9_reset(v9p_of(v)->p9);
}

static void v9p_free(struct virtio *v)
{
    p9_free(v9p_of(v)->p9);
}

static const struct virtio_ops v9p_ops = {
    .kind = "virtio-9p",
    .id = VIRTIO_ID_9P,
    .config_read = v9p_config_read,
    .notify = v9p_notify,
    .reset = v9p_reset,
    .free = v9p_free,
};

int virtio_9p_new(struct dev **dev, const char *name, const struct virtio_host *host, struct p9 *p9,
                  const char *tag)
{
    struct virtio_9p *d = calloc(1, sizeof *d);
    size_t len = strlen(tag);
    if (!d || len > VIRTIO_9P_TAG_MAX) {
        free(d);
        p9_free(p9);
        return d ? -EINVAL : -ENOMEM;
    }
    d->p9 = p9;
    d->vq.max = V9P_QUEUE;
    le16_put(d->config, (uint16_t)len);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): its length goes before it */
    memcpy(d->config + 2, tag, len);
    d->ops = v9p_ops;
    d->ops.config_len = 2 + (uint32_t)len;
    virtio_init(&d->v, &d->ops, name, host, VIRTIO_9P_MOUNT_TAG, &d->vq, 1);
    *dev = &d->v.dev;
    return 0;
}
