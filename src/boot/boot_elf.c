// SPDX-License-Identifier: MIT
/*
 * boot_elf.c - ELF64 executables: segments to their physical addresses, and symbols for the
 * diagnosis.
 *
 * Follows the System V gABI (ELF header, program header, symbol table) and, for the machine number,
 * the AArch64 ABI (IHI 0056). An x86 ELF whose notes have a PVH entry point (Xen's public header
 * elfnote.h) is started there in 32-bit mode, one without at e_entry in 64-bit mode. A segment is loaded at its p_paddr; nothing is relocated. Symbols are
 * read when the first one is asked for.
 */
#include "boot_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ELF_EHDR     64
#define ELF_PHDR     56
#define ELF_SHDR     64
#define ELF_SYM      24
#define PT_LOAD      1
#define PT_INTERP    3
#define PT_NOTE      4
#define ELF_NOTE_MAX KIB(64)
#define NOTE_PVH     18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define SHT_SYMTAB   2
#define STT_NOTYPE   0
#define STT_FUNC     2
#define ELF_SYMS_MAX MIB(64) /* of a symbol or string table: beyond it, none are shown */

struct elf_seg {
    uint64_t off, vaddr, paddr, filesz, memsz;
};

struct boot_syms {
    struct boot_file f;
    uint64_t shoff;
    unsigned shnum;
    bool loaded;
    uint8_t *syms; /* n_syms times ELF_SYM bytes */
    uint64_t n_syms;
    char *strings; /* str_len bytes, the last one is NUL */
    uint64_t str_len;
    unsigned n_segs;
    struct elf_seg segs[BOOT_SEGMENTS_MAX];
};

/* ---- segments ---- */

static int elf_phdrs_new(const struct boot_file *f, const uint8_t *head, uint8_t **ph, unsigned *n,
                         struct err *err)
{
    uint64_t off = le64_get(head + 32);
    unsigned size = le16_get(head + 54), num = le16_get(head + 56);
    *ph = NULL;
    *n = num;
    if (!num || num == 0xffff)
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: has %s program headers, 1..65534 are "
                       "accepted",
                       f->path, num ? "too many" : "no");
    if (size != ELF_PHDR)
        return err_set(err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: program headers have %u bytes, ELF64 has %d", f->path, size,
                       ELF_PHDR);
    uint64_t len = (uint64_t)num * ELF_PHDR;
    if (off > f->len || len > f->len - off)
        return err_set(err, ERR_IMAGE, ENODATA,
                       "%s: ELF64: is truncated: program headers end at %#" PRIx64 "+%#" PRIx64
                       ", the file at %#" PRIx64,
                       f->path, off, len, f->len);
    *ph = malloc((size_t)len);
    if (!*ph)
        return err_sys(err, ENOMEM, "%s: ELF64", f->path);
    return boot_file_read(f, off, *ph, len, err);
}

/* One PT_LOAD against the file, RAM and the segments before it. */
static int elf_seg_check(struct boot_ctx *c, const struct boot_file *f, unsigned i,
                         const struct elf_seg *s, bool interp)
{
    char ram[128];
    if (s->filesz > s->memsz)
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: segment %u: file size %#" PRIx64
                       " exceeds memory size %#" PRIx64,
                       f->path, i, s->filesz, s->memsz);
    if (s->off > f->len || s->filesz > f->len - s->off)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: ELF64: is truncated: segment %u is at %#" PRIx64 "+%#" PRIx64
                       ", the file ends at %#" PRIx64,
                       f->path, i, s->off, s->filesz, f->len);
    if (!mem_hva(c->mem, s->paddr, s->memsz)) {
        bool vmlinux = s->paddr >> 48 && c->p->board->arch == ARCH_ARM64;
        const char *why = interp ? "; it is a dynamically linked program, not a kernel"
                          : vmlinux
                              ? "; a Linux vmlinux boots from its arch/arm64/boot/Image instead"
                              : "; link it for this RAM (a Linux program needs a kernel to run it)";
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: segment %u at %#" PRIx64 "+%#" PRIx64
                       " is outside RAM, which is %s%s",
                       f->path, i, s->paddr, s->memsz, boot_ram_text(c, ram, sizeof ram), why);
    }
    if (c->p->board->arch == ARCH_X86_64 && s->paddr < X86_LOW_END)
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: segment %u at %#" PRIx64
                       " is below %#" PRIx64 ", where the start-up data is",
                       f->path, i, s->paddr, X86_LOW_END);
    if (boot_is_used(c, s->paddr, s->memsz))
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: segment %u at %#" PRIx64 "+%#" PRIx64 " overlaps another one",
                       f->path, i, s->paddr, s->memsz);
    boot_use(c, s->paddr, s->memsz);
    return 0;
}

/* The PVH entry point among the notes of one segment (gABI, "Note Section"). */
static bool elf_note_pvh(const struct boot_file *f, const uint8_t *ph, gpa_t *entry)
{
    uint64_t off = le64_get(ph + 8), len = le64_get(ph + 32), align = le64_get(ph + 48);
    uint8_t *p = NULL;
    bool found = false;
    if (!len || len > ELF_NOTE_MAX || off > f->len || len > f->len - off ||
        !(p = malloc((size_t)len)) || boot_file_read(f, off, p, len, NULL)) {
        free(p);
        return false;
    }
    align = align == 8 ? 8 : 4;
    for (uint64_t at = 0; !found && at + 12 <= len;) {
        uint64_t name = le32_get(p + at), desc = le32_get(p + at + 4);
        uint64_t text = at + 12, value = align_up(text + name, align);
        if (value > len || desc > len - value)
            break;
        found = le32_get(p + at + 8) == NOTE_PVH && name == 4 && !memcmp(p + text, "Xen", 4) &&
                (desc == 4 || desc == 8);
        if (found)
            *entry = desc == 4 ? le32_get(p + value) : le64_get(p + value);
        at = align_up(value + desc, align);
    }
    free(p);
    return found;
}

static int elf_segs_read(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head,
                         struct elf_seg *segs, unsigned *n_segs, bool *pvh, gpa_t *pvh_entry)
{
    uint8_t *ph;
    unsigned n;
    bool interp = false;
    *n_segs = 0;
    *pvh = false;
    int rc = elf_phdrs_new(f, head, &ph, &n, c->err);
    if (!ph)
        return rc;
    for (unsigned i = 0; !rc && i < n; i++)
        interp |= le32_get(ph + i * ELF_PHDR) == PT_INTERP;
    for (unsigned i = 0; !rc && i < n; i++) {
        const uint8_t *p = ph + i * ELF_PHDR;
        if (le32_get(p) == PT_NOTE && !*pvh)
            *pvh = elf_note_pvh(f, p, pvh_entry);
        struct elf_seg s = {le64_get(p + 8), le64_get(p + 16), le64_get(p + 24), le64_get(p + 32),
                            le64_get(p + 40)};
        if (le32_get(p) != PT_LOAD || !(s.memsz | s.filesz))
            continue;
        if (*n_segs == BOOT_SEGMENTS_MAX)
            rc = err_set(c->err, ERR_IMAGE, ENOEXEC, "%s: ELF64: has more than %d segments to load",
                         f->path, BOOT_SEGMENTS_MAX);
        else
            rc = elf_seg_check(c, f, i, &s, interp);
        if (!rc)
            segs[(*n_segs)++] = s;
    }
    free(ph);
    if (!rc && !*n_segs)
        rc = err_set(c->err, ERR_IMAGE, ENOEXEC, "%s: ELF64: has no segment to load", f->path);
    return rc;
}

static bool elf_holds(const struct elf_seg *segs, unsigned n, gpa_t gpa)
{
    for (unsigned i = 0; i < n; i++)
        if (gpa >= segs[i].paddr && gpa - segs[i].paddr < segs[i].memsz)
            return true;
    return false;
}

/* The entry is virtual: its segment says where it is in memory. */
static bool elf_entry(const struct elf_seg *segs, unsigned n, uint64_t entry, gpa_t *gpa)
{
    for (unsigned i = 0; i < n; i++)
        if (entry >= segs[i].vaddr && entry - segs[i].vaddr < segs[i].memsz) {
            *gpa = segs[i].paddr + (entry - segs[i].vaddr);
            return true;
        }
    *gpa = entry;
    return elf_holds(segs, n, entry);
}

static void elf_keep_syms(struct boot_ctx *c, struct boot_file *f, const uint8_t *head,
                          const struct elf_seg *segs, unsigned n)
{
    if (!le16_get(head + 60) || le16_get(head + 58) != ELF_SHDR)
        return;
    struct boot_syms *s = calloc(1, sizeof *s); /* without it: a machine without symbols */
    if (!s)
        return;
    s->f = *f;
    s->shoff = le64_get(head + 40);
    s->shnum = le16_get(head + 60);
    s->n_segs = n;
    memcpy(s->segs, segs, n * sizeof *segs);
    f->fd = -1;
    f->data = NULL;
    c->res->syms = s;
}

int boot_elf_load(struct boot_ctx *c, struct boot_file *f, const uint8_t *head)
{
    struct boot_result *res = c->res;
    struct elf_seg segs[BOOT_SEGMENTS_MAX];
    unsigned n;
    bool x86 = c->p->board->arch == ARCH_X86_64, pvh;
    gpa_t pvh_entry = 0;
    int rc = elf_segs_read(c, f, head, segs, &n, &pvh, &pvh_entry);
    if (rc)
        return rc;
    uint64_t entry = le64_get(head + 24), end = 0;
    if (x86 && pvh) {
        res->start = (struct cpu_start){.mode = CPU_X86_PROT, .entry = pvh_entry};
        if (!elf_holds(segs, n, pvh_entry))
            return err_set(c->err, ERR_IMAGE, ENOEXEC,
                           "%s: ELF64: the PVH entry point %#" PRIx64
                           " is in none of its segments",
                           f->path, pvh_entry);
    } else if (x86) {
        res->start.mode = CPU_X86_LONG;
    }
    if (!(x86 && pvh) && !elf_entry(segs, n, entry, &res->start.entry))
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: ELF64: the entry point %#" PRIx64 " is in none of its segments",
                       f->path, entry);
    res->load_gpa = UINT64_MAX;
    for (unsigned i = 0; !rc && i < n; i++) {
        rc = boot_copy(c, f, segs[i].off, segs[i].paddr, segs[i].filesz, "loading the ELF");
        res->load_gpa = MIN(res->load_gpa, segs[i].paddr);
        end = MAX(end, segs[i].paddr + segs[i].memsz);
    }
    res->kind = IMAGE_ELF;
    res->kind_name = x86 && pvh ? "ELF64 (PVH)" : "ELF64";
    res->load_len = end - res->load_gpa;
    res->file_len = f->len;
    res->arg_dtb = false;
    if (!rc)
        elf_keep_syms(c, f, head, segs, n);
    return rc;
}

/* ---- symbols ---- */

/* A section's bytes, with a NUL after them; NULL when they are outside the file or too many. */
static void *elf_section(const struct boot_file *f, const uint8_t *sh, uint64_t *len)
{
    uint64_t off = le64_get(sh + 24);
    *len = le64_get(sh + 32);
    if (*len > ELF_SYMS_MAX || off > f->len || *len > f->len - off)
        return NULL;
    uint8_t *p = malloc((size_t)*len + 1);
    if (p && boot_file_read(f, off, p, *len, NULL)) {
        free(p);
        return NULL;
    }
    if (p)
        p[*len] = 0;
    return p;
}

static bool elf_shdr(const struct boot_syms *s, unsigned i, uint8_t sh[ELF_SHDR])
{
    uint64_t at = (uint64_t)i * ELF_SHDR;
    return i < s->shnum && s->shoff <= s->f.len && at <= s->f.len - s->shoff &&
           !boot_file_read(&s->f, s->shoff + at, sh, ELF_SHDR, NULL);
}

static void elf_syms_load(struct boot_syms *s)
{
    uint8_t sh[ELF_SHDR], str[ELF_SHDR];
    uint64_t len;
    s->loaded = true;
    for (unsigned i = 0; elf_shdr(s, i, sh); i++) {
        if (le32_get(sh + 4) != SHT_SYMTAB || !elf_shdr(s, le32_get(sh + 40), str))
            continue;
        s->syms = elf_section(&s->f, sh, &len);
        s->n_syms = s->syms ? len / ELF_SYM : 0;
        s->strings = elf_section(&s->f, str, &s->str_len);
        return;
    }
}

/* The nearest function or label at or below `addr`, within its size when it has one. */
static bool elf_lookup(const struct boot_syms *s, uint64_t addr, char *buf, size_t len)
{
    const uint8_t *best = NULL;
    for (uint64_t i = 0; s->strings && i < s->n_syms; i++) {
        const uint8_t *y = s->syms + i * ELF_SYM;
        uint64_t val = le64_get(y + 8), size = le64_get(y + 16);
        unsigned type = y[4] & 15;
        if ((type != STT_FUNC && type != STT_NOTYPE) || !le16_get(y + 6) || val > addr ||
            le32_get(y) >= s->str_len || (size && addr - val >= size))
            continue;
        const char *name = s->strings + le32_get(y);
        if (!*name || *name == '$') /* mapping symbols: AAELF64 §5.5.5 */
            continue;
        if (!best || val > le64_get(best + 8))
            best = y;
    }
    if (!best)
        return false;
    uint64_t off = addr - le64_get(best + 8);
    const char *name = s->strings + le32_get(best);
    if (off)
        snprintf(buf, len, "%s+%#" PRIx64, name, off);
    else
        snprintf(buf, len, "%s", name);
    /* The name comes from the file: nothing that a terminal acts on. */
    for (char *p = buf; len && *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return true;
}

bool boot_symbol(const struct boot_result *res, uint64_t pc, char *buf, size_t len)
{
    struct boot_syms *s = res->syms;
    if (!s)
        return false;
    if (!s->loaded)
        elf_syms_load(s);
    /* Symbols are virtual addresses; with the MMU off the PC is where the segment was loaded. */
    for (unsigned i = 0; i < s->n_segs; i++)
        if (pc >= s->segs[i].vaddr && pc - s->segs[i].vaddr < s->segs[i].memsz)
            return elf_lookup(s, pc, buf, len);
    for (unsigned i = 0; i < s->n_segs; i++)
        if (pc >= s->segs[i].paddr && pc - s->segs[i].paddr < s->segs[i].memsz)
            return elf_lookup(s, pc - s->segs[i].paddr + s->segs[i].vaddr, buf, len);
    return false;
}

void boot_fini(struct boot_result *res)
{
    struct boot_syms *s = res->syms;
    if (!s)
        return;
    boot_file_close(&s->f);
    free(s->syms);
    free(s->strings);
    free(s);
    res->syms = NULL;
}
