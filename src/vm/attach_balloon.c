// SPDX-License-Identifier: MIT
/*
 * attach_balloon.c - --balloon SIZE.
 */
#include "attach.h"

#include <errno.h>

#include "vmm/parse.h"

static void balloon_due(void *dev)
{
    virtio_balloon_due(dev);
}

/* Without a thread for it, what is known of the guest's memory stays as it is. */
static void balloon_arm(void *ctx, uint64_t deadline_ns)
{
    struct vm_alarm *alarm = ctx;
    loop_arm(alarm->loop, &alarm->timer, deadline_ns);
}

int attach_balloon(const struct attach *a, struct dev **dev, struct err *err)
{
    struct vm *vm = a->vm;
    uint64_t mem = mem_total(&vm->mem), target = 0;
    if (!parse_size(a->spec, &target))
        return err_set(
            err, ERR_HOST, EINVAL,
            "--balloon \"%.80s\": needs a number of bytes, or one with K, M, G or T, such "
            "as 128M",
            a->spec);
    if (target >= mem)
        return err_set(err, ERR_HOST, EINVAL,
                       "--balloon %s: the guest has %" PRIu64 " MiB, and it cannot give back all",
                       a->spec, mem >> 20);
    struct vm_alarm *alarm = &vm->alarms[vm->n_attached];
    int rc = virtio_balloon_new(dev, a->name, &a->host, target, balloon_arm, alarm);
    alarm->loop = vm->loop;
    alarm->timer =
        (struct loop_timer){.fn = balloon_due, .arg = rc ? NULL : *dev, .deadline_ns = UINT64_MAX};
    return rc ? err_sys(err, -rc, "--balloon") : 0;
}
