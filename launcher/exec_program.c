// SPDX-License-Identifier: MIT
/*
 * exec_program.c - is this file a program that a machine of `vibevmm exec` can run?
 *
 * ELF as in the System V gABI, chapters 4 and 5: a program with PT_INTERP needs a dynamic linker,
 * and the libraries it would look for are not in the machine.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

const struct exec_arch exec_archs[] = {
    {ARCH_ARM64,  183, "arm64", "ARM64",  exec_init_arm64,  &exec_init_arm64_len },
    {ARCH_X86_64, 62,  "amd64", "x86-64", exec_init_x86_64, &exec_init_x86_64_len},
};
const unsigned n_exec_archs = ARRAY_LEN(exec_archs);

#define EXEC_HEAD 4096

/* ELF header: where its fields are. */
enum {
    EI_CLASS = 4,
    EI_DATA = 5,
    E_TYPE = 16,
    E_MACHINE = 18,
    E_PHOFF = 32,
    E_PHENTSIZE = 54,
    E_PHNUM = 56,
    E_SIZE = 64
};
#define EI_64      2
#define EI_LITTLE  1
#define ET_EXEC    2
#define ET_DYN     3
#define PT_INTERP  3
#define PHENT_SIZE 56

/* Has it the program header? Headers beyond the first 4 KiB of the file are nothing compilers do.
 */
static bool elf_has_interp(const uint8_t *head, size_t n)
{
    uint64_t off = le64_get(head + E_PHOFF);
    unsigned num = le16_get(head + E_PHNUM);
    if (le16_get(head + E_PHENTSIZE) != PHENT_SIZE)
        return false;
    for (unsigned i = 0; i < num && off < n && n - off >= PHENT_SIZE; i++, off += PHENT_SIZE)
        if (le32_get(head + off) == PT_INTERP)
            return true;
    return false;
}

static int elf_check(const char *path, const uint8_t *head, size_t n, const struct exec_arch **arch,
                     struct err *err)
{
    bool elf64 = n >= E_SIZE && head[EI_CLASS] == EI_64 && head[EI_DATA] == EI_LITTLE;
    unsigned machine = elf64 ? le16_get(head + E_MACHINE) : 0;
    unsigned type = elf64 ? le16_get(head + E_TYPE) : 0;
    for (unsigned i = 0; i < n_exec_archs && elf64; i++)
        if (exec_archs[i].elf == machine)
            *arch = &exec_archs[i];
    if (!*arch)
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%.200s: is an ELF file for another CPU (%s, machine %u); programs for "
                       "ARM64 and x86-64 can be run",
                       path, elf64 ? "64 bits" : "not 64-bit little-endian", machine);
    if (type != ET_EXEC && type != ET_DYN)
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%.200s: is an ELF file, but no program (type %u; a program has 2 or 3)",
                       path, type);
    if (elf_has_interp(head, n))
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%.200s: is dynamically linked, and its libraries are not in the machine; "
                       "link it with -static",
                       path);
    return 0;
}

int exec_program_check(const char *path, const struct exec_arch **arch, struct err *err)
{
    uint8_t head[EXEC_HEAD];
    struct stat st;
    *arch = NULL;
    if (stat(path, &st))
        return err_sys(err, errno, "%.200s", path);
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_IMAGE, EISDIR, "%.200s: is a folder, not a program", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IMAGE, EINVAL, "%.200s: is no regular file", path);
    if (access(path, X_OK))
        return err_set(err, ERR_IMAGE, EACCES, "%.200s: may not be executed (chmod +x)", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    int rc = n < 0 ? err_sys(err, errno, "%.200s", path) : 0;
    if (fd >= 0)
        close(fd);
    if (rc)
        return rc;
    if (n >= 4 && !memcmp(head, "\177ELF", 4))
        return elf_check(path, head, (size_t)n, arch, err);
    if (n >= 2 && !memcmp(head, "#!", 2))
        return 0;
    return err_set(err, ERR_IMAGE, ENOEXEC,
                   "%.200s: is neither an ELF program nor a script that begins with #!", path);
}
