// SPDX-License-Identifier: MIT
/*
 * cpio.h - an initramfs made of files of the host, written straight into guest RAM.
 */
#ifndef VMM_CPIO_H
#define VMM_CPIO_H

#include "vmm/base.h"
#include "vmm/err.h"

/* Sizes in the format have 32 bits; what comes through a pipe is held in memory until then. */
#define CPIO_FILE_MAX  UINT64_C(0xffffffff)
#define CPIO_PIPE_MAX  MIB(512)
#define CPIO_FILES_MAX 64u
#define CPIO_NAME_MAX  4095u /* the kernel's PATH_MAX, with the NUL */

struct cpio;

struct cpio *cpio_new(void); /* NULL: no memory */
void cpio_free(struct cpio *c);

/*
 * Add an entry, behind those of the folders it is in. `name` has no slash at its start; a later
 * entry of the same name replaces the earlier one. `mode`: the low 12 bits. All: 0, or -errno with
 * err filled; then the archive is of no use any more.
 */
int cpio_add_dir(struct cpio *c, const char *name, unsigned mode, struct err *err);
int cpio_add_link(struct cpio *c, const char *name, const char *target, struct err *err);
int cpio_add_data(struct cpio *c, const char *name, unsigned mode, const void *data, size_t len,
                  struct err *err);
/* A file of the host: opened here, read by cpio_write(). `path` must outlive the archive. */
int cpio_add_file(struct cpio *c, const char *name, unsigned mode, const char *path,
                  struct err *err);

/* Bytes of the whole archive, with its trailer; a multiple of 4. */
uint64_t cpio_len(const struct cpio *c);
/* Those bytes to `to`. 0, or -errno: a file could not be read, or has shrunk. */
int cpio_write(const struct cpio *c, void *to, struct err *err);

#endif
