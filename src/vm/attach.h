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

attach_fn attach_rng, attach_disk, attach_balloon, attach_share, attach_console, attach_net,
    attach_vsock;

/* attach_net.c: is there a network for each --publish? */
int attach_net_check(const struct vm_config *c, struct err *err);

/* A word that may follow the first one of an option's text: "name" when it has a flag, "name=TEXT"
 * when it has a text; with both, either. */
struct attach_word {
    const char *name;
    bool *flag;
    const char **text;
};

/*
 * Take `spec` apart: the first word into *first, then those of the table, separated by commas; two
 * commas are one that belongs to the word. The words point into *copy, which the caller frees
 * (NULL when it failed before there was one). 0 or -EINVAL.
 */
int attach_words(const char *option, const char *spec, const struct attach_word *words, unsigned n,
                 const char **first, char **copy, struct err *err);

#endif
