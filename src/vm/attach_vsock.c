// SPDX-License-Identifier: MIT
/*
 * attach_vsock.c - --vsock PATH[,cid=N].
 */
#include "attach.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/parse.h"
#include "vmm/vsock.h"

/* A stream that had waited for the host has written all. */
static void vsock_idle(void *arg)
{
    park_wake(&((struct vm *)arg)->drain);
}

/* Drivers know one: Linux refuses the second device (net/vmw_vsock/virtio_transport.c). */
static bool vsock_is_second(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->n_attached; i++)
        if (vm->attached[i]->ops->id == VIRTIO_ID_VSOCK)
            return true;
    return false;
}

int attach_vsock(const struct attach *a, struct dev **dev, struct err *err)
{
    const char *cid_text = NULL, *path;
    const struct attach_word words[] = {
        {"cid", .text = &cid_text},
    };
    struct virtio_vsock_params p = {.cid = VSOCK_CID_MIN, .idle = vsock_idle, .arg = a->vm};
    char *copy;
    uint64_t cid = p.cid;
    int rc = attach_words("vsock", a->spec, words, ARRAY_LEN(words), &path, &copy, err);
    if (!rc && cid_text &&
        (!parse_number(cid_text, &cid) || cid < VSOCK_CID_MIN || cid > VSOCK_CID_MAX))
        rc =
            err_set(err, ERR_HOST, EINVAL, "--vsock %s: cid=%s: a guest's number is %u to %" PRIu32,
                    a->spec, cid_text, VSOCK_CID_MIN, VSOCK_CID_MAX);
    if (!rc && vsock_is_second(a->vm))
        rc = err_set(err, ERR_HOST, EEXIST, "--vsock %s: a guest has one such device", a->spec);
    p.cid = (uint32_t)cid;
    rc = rc ? rc : vsock_unix_new(&p.vs, a->vm->loop, path, err);
    if (!rc) {
        rc = virtio_vsock_new(dev, a->name, &a->host, &p);
        rc = rc ? err_sys(err, -rc, "--vsock %s", a->spec) : 0;
    }
    free(copy);
    return rc;
}
