// SPDX-License-Identifier: MIT
/*
 * boot.h - from image files to bytes in guest RAM and a first PC.
 *
 * An image is recognised by content, never by name. Every size comes from the file and is bounded
 * by guest RAM before a byte is written.
 */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include "vmm/board.h"
#include "vmm/err.h"
#include "vmm/fit.h"
#include "vmm/mem.h"
#include "vmm/start.h"

struct cpio; /* vmm/cpio.h */

/* What it was, after unpacking; boot_result.packing says how it was packed. */
enum image_kind { IMAGE_RAW, IMAGE_ELF, IMAGE_ARM64, IMAGE_FIRMWARE, IMAGE_BZIMAGE };

struct boot_params {
    const struct board *board;
    const char *image;    /* any recognised kind; NULL when `binary` or `firmware` is the image */
    const char *binary;   /* raw bytes, whatever they look like; or NULL */
    const char *firmware; /* goes to the board's flash, not to RAM; excludes image and binary */
    bool has_entry;
    gpa_t entry;                  /* where a raw image is loaded and started */
    const struct fit *fit;        /* `image` is this appliance; NULL: it is none */
    const char *initrd;           /* or NULL: that of the appliance, if it has one */
    const struct cpio *initramfs; /* one that is made now, instead of it; or NULL */
    uint64_t dtb_room;            /* bytes the device tree may need; 0: the machine has none */
    const char *cmdline;          /* x86: the kernel command line; NULL: none */
    gpa_t rsdp_gpa; /* x86: the ACPI tables, in RAM below 1 MiB already; 0: there are none */
    /* For the firmware: the flash bytes, and their number; erased to 0xff by the caller. */
    uint8_t *flash;
    uint64_t flash_size;
    gpa_t flash_base;
    /* Called now and then while a load goes on, for a progress display; may be NULL. total 0:
     * unknown. */
    void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
    void *progress_ctx;
};

struct boot_result {
    enum image_kind kind;
    const char *kind_name; /* "ELF64", "ARM64 Image", "raw", "firmware": constant */
    const char *packing;   /* "", "gzip", "EFI zboot (gzip)": constant */
    struct cpu_start start;
    bool arg_dtb;        /* start.arg is the device tree's address, where there is one */
    gpa_t load_gpa;      /* lowest byte of the image in memory, and */
    uint64_t load_len;   /* how far it reaches, image_size or bss included */
    uint64_t file_len;   /* bytes of the image as unpacked */
    uint64_t mapped_len; /* bytes of an appliance that RAM maps from its file */
    gpa_t initrd_gpa;
    uint64_t initrd_len; /* 0: none */
    bool has_dtb;  /* false when no place was left for it (an ELF that fills the start of RAM) */
    gpa_t dtb_gpa; /* 8-byte aligned; dtb_room bytes are free from here */
    const char
        *hint; /* a likely trouble seen while loading, for the diagnosis; NULL or constant text */
    struct boot_syms *syms; /* of an ELF; NULL when it has none. Released by boot_fini(). */
};

/*
 * Load everything `p` names into `mem` (and the flash). 0, or -errno with err filled (ERR_FILE: not
 * found; ERR_IMAGE: cannot boot on this board; ERR_HOST: the host failed). On failure RAM may be
 * partly written.
 */
int boot_load(const struct boot_params *p, struct guest_mem *mem, struct boot_result *res,
              struct err *err);
void boot_fini(struct boot_result *res);

/* What a file's first bytes say, before a board is chosen. */
enum boot_peek {
    BOOT_PEEK_NOTHING, /* raw code, compression other than gzip, a pipe, no such file */
    BOOT_PEEK_ARCH,    /* an image for a CPU of this architecture */
    BOOT_PEEK_TREE,    /* a flattened tree: fit_open() tells what it is */
};

enum boot_peek boot_peek(const char *path, enum board_arch *arch);

/* "start_kernel+0x1c" of the function that holds pc, into buf; false when none is known. */
bool boot_symbol(const struct boot_result *res, uint64_t pc, char *buf, size_t len);

#endif
