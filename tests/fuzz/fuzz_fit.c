// SPDX-License-Identifier: MIT
/*
 * fuzz_fit.c - appliances: the tree, its properties, and a load of what it names.
 */
#include "fuzz_boot.h"
#include "vmm/fit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct board_ram ram[] = {
        {0,        0x200000},
        {0x203000, 0x400000}
    };
    static const struct board board = {.name = "fuzz", .ram = ram, .n_ram = 2, .raw_off = 0x10000};
    char path[32];
    struct err err = {0};
    struct fit *fit = NULL;
    int fd = memfd_create("fuzz", 0);
    fuzz_must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    /* a memory of its own each time: it may come out with pages of the file in it */
    if (fuzz_mem.n)
        mem_fini(&fuzz_mem);
    fuzz_mem_once();
    if (fit_open(&fit, path, NULL, true, &err)) {
        fuzz_must(err.code && *err.text && !fit);
    } else {
        const char *name, *val;
        size_t len;
        void *dtb = NULL;
        struct boot_result res;
        for (unsigned i = 0; fit_property(fit, i, &name, &val, &len, &err) > 0; i++)
            fuzz_must(strlen(name) < size && (!len || !val[len - 1]));
        for (unsigned i = 0; i < FIT_ROLES; i++)
            if (fit->parts[i].name)
                fuzz_must(fit->parts[i].len <= size &&
                          fit->parts[i].off <= size - fit->parts[i].len);
        if (fit->parts[FIT_FDT].name && !fit_dtb_read(fit, MIB(1), &dtb, &len, &err))
            free(dtb);
        struct boot_params p = {.board = &board, .image = path, .fit = fit, .dtb_room = FUZZ_DTB};
        if (!boot_load(&p, &fuzz_mem, &res, &err)) {
            fuzz_must(mem_hva(&fuzz_mem, res.start.entry, 1) != NULL);
            boot_fini(&res);
        }
        fit_free(fit);
    }
    close(fd);
    return 0;
}
