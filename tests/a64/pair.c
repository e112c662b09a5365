// SPDX-License-Identifier: MIT
/*
 * pair.c - random differential test of the JIT against the interpreter.
 *
 *   pair [--seed N] [--count N] [--only PREFIX] [--soft jit|shadow] [--passes N]
 *
 * Blocks of random instructions (draw.c) run on two machines (ours.c), the one by the interpreter,
 * the other by translated code, from the same state; then all registers, flags, FPSR, memory and
 * the stop must be the same. Each block runs --passes times from different states, so that what its
 * first run left in the TLBs is used. There are two JIT machines, which take turns: one translates
 * everything at once, the other one by what was executed how often, as for guests, with ten times
 * the passes. --count is in
 * instructions drawn, times passes; that some blocks are loops is not counted. The interpreter
 * itself is compared with an independent implementation by diff.c. Output is TAP; 77 and a skip
 * where there is no JIT.
 */
#include <stdio.h>
#include <stdlib.h>

#include "src/a64/a64_internal.h"
#include "tests/a64/draw.h"
#include "tests/a64/ours.h"

#define BATCH 512u

static struct draw d;
static uint32_t code[CODE_SIZE / 4];
static uint64_t entry[BATCH];
static unsigned length[BATCH];
static struct ours *interp, *jit;

static void run(struct ours *m, const struct state *start, struct state *end)
{
    *end = *start;
    ours_run(m, end);
}

static void show(const uint32_t *words, unsigned n, const struct state *a, const struct state *b)
{
    for (unsigned i = 0; i < 31; i++)
        if (a->x[i] != b->x[i])
            printf("# x%u: interpreter %016" PRIx64 ", JIT %016" PRIx64 "\n", i, a->x[i], b->x[i]);
    for (unsigned i = 0; i < 32; i++)
        if (memcmp(a->v[i], b->v[i], 16) != 0)
            printf("# v%u: interpreter %016" PRIx64 "_%016" PRIx64 ", JIT %016" PRIx64
                   "_%016" PRIx64 "\n",
                   i, a->v[i][1], a->v[i][0], b->v[i][1], b->v[i][0]);
    printf("# nzcv %x %x, fpsr %08x %08x, sp %" PRIx64 " %" PRIx64 ", stop %u %u at %" PRIx64
           " %" PRIx64 ", memory %s\n",
           a->nzcv >> 28, b->nzcv >> 28, a->fpsr, b->fpsr, a->sp, b->sp, a->stop, b->stop, a->pc,
           b->pc, memcmp(a->scratch, b->scratch, SCRATCH_SIZE) ? "differs" : "same");
    for (unsigned i = 0; i < n; i++) {
        const struct a64_insn *row = a64_decode(words[i]);
        printf("#   %3u %08x %s\n", i, words[i], row ? row->name : "(none)");
    }
}

/* The first instruction after which the two differ: the block is cut short, longer and longer. */
static void explain(unsigned block, const struct state *start)
{
    const unsigned at = (unsigned)(entry[block] - CODE_VA) / 4, n = length[block];
    struct state a, b;
    static uint32_t cut[CODE_SIZE / 4];
    for (unsigned k = 1; k <= n; k++) {
        memcpy(cut, code, sizeof cut);
        for (unsigned i = k; i < n; i++)
            cut[at + i] = 0xd4200000; /* brk */
        ours_code(interp, cut, sizeof cut);
        ours_code(jit, cut, sizeof cut);
        for (unsigned pass = 0; pass < 3; pass++) {
            run(interp, start, &a);
            run(jit, start, &b);
            if (memcmp(&a, &b, sizeof a) != 0) {
                show(cut + at, k, &a, &b);
                return;
            }
        }
    }
    printf("# the same when the block runs alone\n");
    memcpy(cut, code, sizeof cut);
    ours_code(interp, cut, sizeof cut);
    ours_code(jit, cut, sizeof cut);
}

static unsigned run_batch(unsigned passes)
{
    unsigned blocks = 0, words = 0, bad = 0;
    for (; blocks < BATCH && words + BLOCK_WORDS <= ARRAY_LEN(code); blocks++) {
        entry[blocks] = CODE_VA + 4 * words;
        length[blocks] = draw_block(&d, entry[blocks], code + words);
        words += length[blocks];
    }
    ours_code(interp, code, 4 * words);
    ours_code(jit, code, 4 * words);
    for (unsigned i = 0; i < blocks; i++)
        for (unsigned pass = 0; pass < passes; pass++) {
            struct state start, a, b;
            draw_state(&d, &start);
            start.pc = entry[i];
            run(interp, &start, &a);
            run(jit, &start, &b);
            if (!memcmp(&a, &b, sizeof a))
                continue;
            if (!bad++) {
                printf("# block %u differs in pass %u, after %" PRIu64 " instructions\n", i, pass,
                       d.insns);
                show(code + (entry[i] - CODE_VA) / 4, 0, &a, &b);
                explain(i, &start);
            }
            break;
        }
    return bad;
}

/* Mappings that are both writable and executable. */
static unsigned writable_code(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned n = 0;
    while (f && fgets(line, sizeof line, f)) {
        const char *perms = strchr(line, ' ');
        n += perms && perms[2] == 'w' && perms[3] == 'x';
    }
    if (f)
        fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, count = 300000, passes = 3;
    const char *only = "";
    enum hv_soft soft = HV_SOFT_JIT;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--count"))
            count = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--passes"))
            passes = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            only = argv[i + 1];
        else if (!strcmp(argv[i], "--soft") && !strcmp(argv[i + 1], "shadow"))
            soft = HV_SOFT_SHADOW;
    }
    if (!A64_HAS_JIT) {
        printf("1..0 # SKIP this host has no JIT\n");
        return 0;
    }
    printf("1..2\n");
    draw_init(&d, seed, only);
    /* Two of each: some accesses go past the scratch, to memory that stays as it was left. */
    struct ours *interps[2], *jits[2];
    for (unsigned i = 0; i < 2; i++) {
        interps[i] = ours_new(HV_SOFT_INTERP, false);
        jits[i] = ours_new(soft, i == 0);
        if (!d.rows_n || !interps[i] || !jits[i])
            return 2;
    }
    unsigned bad = 0;
    uint64_t insns = 0;
    for (unsigned n = 0; insns < count && !bad; n++) {
        const uint64_t before = d.insns, times = n % 2 ? 10 * passes : passes;
        interp = interps[n % 2];
        jit = jits[n % 2];
        d.loops = n % 2 ? 40 : 3;
        bad += run_batch((unsigned)times);
        insns += (d.insns - before) * times;
    }
    printf("# seed %" PRIu64 ": %" PRIu64 " instructions, %u blocks differ\n", seed, insns, bad);
    printf("%sok 1 - translated code leaves the same state as the interpreter\n",
           bad ? "not " : "");
    const unsigned wx = writable_code();
    printf("%sok 2 - no memory is writable and executable\n", wx ? "not " : "");
    return bad || wx ? 1 : 0;
}
