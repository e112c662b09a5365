// SPDX-License-Identifier: MIT
/*
 * app.h - an appliance inside of an executable: the launcher's own ELF file with a section that
 * holds it.
 *
 * The section ".vibevmm" is not loaded (gABI: SHT_PROGBITS without SHF_ALLOC) and aligned to a page
 * of the file, so that payloads can still be mapped. strip(1) and objcopy(1) keep it. A word in the
 * launcher's data says that there is one, so that a launcher without one never looks.
 */
#ifndef VMM_APP_H
#define VMM_APP_H

#include "vmm/base.h"
#include "vmm/err.h"

/*
 * Where the appliance is in an ELF file of file_len bytes. False, and neither is changed: it is no
 * ELF file, or has none.
 */
bool app_find(int fd, uint64_t file_len, uint64_t *base, uint64_t *len);

/* In the launcher: `packed` is 0, and 1 in an executable that app_write() made. */
struct app_mark {
    char magic[24]; /* once in the file */
    uint64_t packed;
};

/*
 * Write to `out` the launcher (its ELF file, whose own mark is like `mark`) with the appliance that
 * is all of `fit`. Descriptors stay the caller's; the paths are for messages. 0, or -errno with err
 * filled.
 */
int app_write(int out, const char *out_path, int launcher, const char *launcher_path, int fit,
              const char *fit_path, const struct app_mark *mark, struct err *err);

#endif
