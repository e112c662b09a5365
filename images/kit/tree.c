// SPDX-License-Identifier: MIT
/*
 * tree.c - what a program wants of the device tree (DTSpec 0.4 §5): the command line and the
 * memory.
 *
 * It comes in x0 or lies at the start of RAM, where an ELF finds it (docs/images.md). Read as it
 * is: who made it has made the machine.
 */
#include "guest.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define FDT_NOP        4u

static uint32_t be32(const void *p)
{
    uint32_t val;
    memcpy(&val, p, sizeof val);
    return __builtin_bswap32(val);
}

static uint64_t be64(const char *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* Is there a tree? On board vibe RAM begins at 0, which the compiler must not take for "nowhere".
 */
static bool tree_at(uint64_t addr, const char **tree)
{
    __asm__("" : "+r"(addr));
    *tree = (const char *)addr;
    return !(addr & 3) && be32(*tree) == FDT_MAGIC;
}

/* "memory", or "memory@" and an address. */
static bool is_memory(const char *name)
{
    return !memcmp(name, "memory", 6) && (!name[6] || name[6] == '@');
}

static void add_memory(struct tree *t, const char *reg, uint32_t len)
{
    /* Two cells each, as the boards' trees and QEMU's have them. */
    for (; len >= 16 && t->n_ram < TREE_RAM_MAX; len -= 16, reg += 16) {
        t->ram[t->n_ram].base = be64(reg);
        t->ram[t->n_ram++].size = be64(reg + 8);
    }
}

void tree_read(struct tree *t)
{
    t->bootargs = "";
    t->n_ram = 0;
    const char *tree;
    if (!(boot_x0 && tree_at(boot_x0, &tree)) && !tree_at(RAM_BASE, &tree))
        return;
    const char *p = tree + be32(tree + 8), *names = tree + be32(tree + 12);
    const char *node = "";
    for (int depth = 0;;) {
        uint32_t token = be32(p);
        p += 4;
        if (token == FDT_BEGIN_NODE) {
            depth++;
            node = p;
            p += (strlen(p) + 4) & ~3ul;
        } else if (token == FDT_END_NODE) {
            depth--;
            node = "";
        } else if (token == FDT_PROP) {
            uint32_t len = be32(p);
            const char *name = names + be32(p + 4), *val = p + 8;
            p = val + ((len + 3) & ~3u);
            if (depth == 2 && !strcmp(node, "chosen") && !strcmp(name, "bootargs"))
                t->bootargs = val;
            if (depth == 2 && is_memory(node) && !strcmp(name, "reg"))
                add_memory(t, val, len);
        } else if (token != FDT_NOP) {
            return;
        }
    }
}
