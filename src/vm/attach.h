// SPDX-License-Identifier: MIT
/*
 * attach.h - how an attachment becomes a device: one function per kind, in attach*.c.
 */
#ifndef VM_ATTACH_H
#define VM_ATTACH_H

#include "vm_int.h"
#include "vmm/virtio.h"

struct attach {
    struct vm *vm;
    const char *name; /* of the window: "virtio0" */
    const char *spec; /* the option's text; NULL for an option without one */
    struct virtio_host host;
};

/*
 * Make the device that `a` asks for. 0, or -errno with err naming the option, what was found and
 * what is accepted. The device frees all it was given.
 */
typedef int attach_fn(const struct attach *a, struct dev **dev, struct err *err);

attach_fn attach_rng;

#endif
