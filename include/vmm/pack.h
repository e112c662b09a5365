// SPDX-License-Identifier: MIT
/*
 * pack.h - an appliance made of files (see fit.h for the format).
 *
 * The tree comes first, padded to a page; each part follows at a page of the file, as external data
 * (data-offset, data-size), so that what has no hash can be mapped.
 */
#ifndef VMM_PACK_H
#define VMM_PACK_H

#include "vmm/board.h"
#include "vmm/err.h"
#include "vmm/fit.h"

/* One property "vibevmm,NAME" of the configuration. Rows of one name follow each other. */
struct pack_property {
    const char *name;
    const char *val; /* NULL: it has none */
};

struct pack {
    const char *description;
    const char *kernel; /* an image of a recognised kind, or with `raw` any bytes */
    bool raw;
    gpa_t entry;              /* of raw code: where it is loaded and begins */
    enum board_arch arch;     /* of raw code */
    const char *initrd, *dtb; /* or NULL */
    bool gzip;                /* compress the kernel, when it is not compressed yet */
    enum fit_algo hash;       /* of every part; FIT_OTHER: none */
    uint64_t timestamp;       /* seconds since 1970; the tree keeps 32 bits */
    const struct pack_property *properties;
    unsigned n_properties;
};

/*
 * Write the appliance to `fd`, an empty regular file; `path` is for messages. 0, or -errno with err
 * filled: a part that is missing (ERR_FILE), is empty, has 4 GiB and more, or is not what it was
 * given as (ERR_IMAGE).
 */
int pack_write(const struct pack *p, int fd, const char *path, struct err *err);

#endif
