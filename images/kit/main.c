// SPDX-License-Identifier: MIT
/*
 * main.c - guest_main() of a program: MMU and caches on, then main() with its arguments.
 *
 * Arguments are what follows the word "--" on the command line, separated by blanks; double quotes
 * hold one together (docs/command.md).
 */
#include "mmu.h"

#define ARGS_MAX 64
#define LINE_MAX 4096

int main(int argc, char **argv);
int guest_main(void);

static char line[LINE_MAX];
static char *args[ARGS_MAX + 1];

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of *p, without its quotes, in place; NULL at the end. */
static char *next_word(char **p)
{
    char *from = *p;
    while (blank(*from))
        from++;
    if (!*from)
        return 0;
    char *word = from, *to = from;
    for (bool quoted = false; *from && (quoted || !blank(*from)); from++) {
        if (*from == '"')
            quoted = !quoted;
        else
            *to++ = *from;
    }
    *p = *from ? from + 1 : from;
    *to = 0;
    return word;
}

/* Words before "--" are the kernel's, if it were one. */
static int split(const char *bootargs)
{
    unsigned long len = strlen(bootargs);
    if (len >= LINE_MAX)
        return -1;
    memcpy(line, bootargs, len + 1);
    static char name[] = "guest";
    int n = 0;
    args[n++] = name;
    bool ours = false;
    char *p = line, *word;
    while ((word = next_word(&p))) {
        if (ours && n == ARGS_MAX)
            return -1;
        if (ours)
            args[n++] = word;
        else
            ours = !strcmp(word, "--");
    }
    return n;
}

int guest_main(void)
{
    static struct tree tree;
    mmu_identity();
    mmu_on((uint64_t)mmu_l1, 0);
    tree_read(&tree);
    for (unsigned i = 0; i < tree.n_ram; i++)
        mmu_map_ram(tree.ram[i].base, tree.ram[i].size);
    int n = split(tree.bootargs);
    if (n < 0) {
        put_text(
            "the arguments are too long: " TEXT(LINE_MAX) " bytes, " TEXT(ARGS_MAX) " words\n");
        return 97;
    }
    return main(n, args);
}
