// SPDX-License-Identifier: MIT
/*
 * exec.h - what the files of `vibevmm exec` share.
 */
#ifndef LAUNCHER_EXEC_H
#define LAUNCHER_EXEC_H

#include "launcher.h"

#include "vmm/cpio.h"

/* Nothing longer is a line, a list or a path of ours. */
#define EXEC_LIST_MAX    KIB(256)
#define EXEC_MODULES_MAX 48u
#define EXEC_PATH_MAX    4096u

/* What of it depends on the program's CPU. */
struct exec_arch {
    enum board_arch arch;
    uint16_t elf;        /* e_machine */
    const char *folder;  /* in the cache, and Debian's name of the architecture */
    const char *name;    /* for messages */
    const uint8_t *init; /* images/init for it: `*init_len` bytes, 0 when there was no compiler */
    const size_t *init_len;
};

extern const struct exec_arch exec_archs[];
extern const unsigned n_exec_archs;

/* A kernel, and the drivers it has as modules. */
struct exec_kernel {
    char path[EXEC_PATH_MAX];
    char *modules[EXEC_MODULES_MAX]; /* in their order: paths, malloc'ed */
    unsigned n_modules;
};

/* ---- exec_cache.c: what --setup has left ---- */

/* "~/.cache/vibevmm/exec/1": the folder, of this version's layout. */
int exec_cache(char *path, size_t size, struct err *err);
/* The one to use; `share`: it must have 9P. ERR_FILE when there is none, saying how to get it. */
int exec_kernel_find(const struct exec_arch *arch, bool share, struct exec_kernel *k,
                     struct err *err);
/* One that the user names: modules, where its folder has them as --setup leaves them. */
int exec_kernel_given(const char *path, bool share, struct exec_kernel *k, struct err *err);
/* busybox and a link for each of its names, where it is there. `*found` tells. */
int exec_busybox_add(const struct exec_arch *arch, struct cpio *c, bool *found, struct err *err);
/* Become the script that fetches all that. Returns only when it cannot: the exit status. */
int exec_setup(int argc, char **argv);

/* ---- exec_program.c: the program, as a file of the host ---- */

/* Which architecture it is for; NULL and 0: a script. Statuses of shells: ERR_FILE 127, ERR_IMAGE
 * 126. */
int exec_program_check(const char *path, const struct exec_arch **arch, struct err *err);

/* ---- made by the build from images/init and exec_setup.sh ---- */
extern const uint8_t exec_init_arm64[], exec_init_x86_64[], exec_setup_script[];
extern const size_t exec_init_arm64_len, exec_init_x86_64_len;

#endif
