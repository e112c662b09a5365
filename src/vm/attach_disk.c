// SPDX-License-Identifier: MIT
/*
 * attach_disk.c - --disk FILE[,ro][,cow[=FILE]][,raw][,serial=TEXT].
 */
#include "attach.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/disk.h"

int attach_disk(const struct attach *a, struct dev **dev, struct err *err)
{
    struct disk_params p = {0};
    const char *serial = NULL;
    const struct attach_word words[] = {
        {"ro",  .flag = &p.ro },
        {"raw", .flag = &p.raw},
        {"cow", .flag = &p.cow, .text = &p.cow_path},
        {"serial",     .text = &serial           },
    };
    char *copy;
    int rc = attach_words("disk", a->spec, words, ARRAY_LEN(words), &p.path, &copy, err);
    if (!rc && serial && strlen(serial) > VIRTIO_BLK_SERIAL_LEN)
        rc = err_set(err, ERR_HOST, EINVAL,
                     "--disk %s: a serial number has up to %u characters, this has %zu", a->spec,
                     VIRTIO_BLK_SERIAL_LEN, strlen(serial));
    struct disk *disk = NULL;
    rc = rc ? rc : disk_open(&disk, &p, err);
    if (!rc) {
        rc = virtio_blk_new(dev, a->name, &a->host, disk, serial ? serial : a->name);
        rc = rc ? err_sys(err, -rc, "--disk %s", a->spec) : 0;
    }
    free(copy);
    return rc;
}
