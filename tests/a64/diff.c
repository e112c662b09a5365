// SPDX-License-Identifier: MIT
/*
 * diff.c - random differential test of the software CPU against an independent implementation.
 *
 *   diff [--seed N] [--count N] [--only PREFIX] [--show N] [--soft jit|shadow] [--objdump PROGRAM]
 *        -- RUNNER [ARG...]
 *
 * Blocks of random instructions (draw.c) run here (ours.c) and in RUNNER (runner.c, normally under
 * qemu-aarch64), from the same state; then all registers, flags, FPSR and memory must be the same.
 * Of a block that differs, the first instruction that does is found by cutting the block short, and
 * shown with its operands and both results. --count is in instructions, --show how many differences
 * are looked into before it gives up. Output is TAP; exit status 1 on a difference.
 *
 * The other side is not the law. Where it deviates from the Arm ARM (DDI 0487J.a), or has
 * extensions that we do not advertise, `known` says so, with the reason; what it covers is counted,
 * not hidden.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/a64/draw.h"
#include "tests/a64/ours.h"

#define BATCH 512u

/*
 * Words that are UNDEFINED for us and not there. Most belong to extensions that ID_AA64*_EL1 does
 * not advertise here: qemu's cortex-a76, the smallest of its processors that has LSE and RDM, is
 * ARMv8.2.
 */
struct known {
    uint32_t mask, value;
    const char *why;
    uint64_t seen;
};

#define FP16    "FEAT_FP16"
#define DOTPROD "FEAT_DotProd"

// clang-format off
static struct known known[] = {
    {0x7fe00000, 0x1ee00000, FP16 ", scalar", 0},
    {0x7fe00000, 0x1ec00000, FP16 ", scalar and fixed point", 0},
    {0xffc00000, 0x1fc00000, FP16 ", fused multiply-add", 0},
    {0x9f60c400, 0x0e400400, FP16 ", three same", 0},
    {0xdf60c400, 0x5e400400, FP16 ", scalar three same", 0},
    {0xbf7fcc00, 0x0e30c800, FP16 ", across lanes", 0},
    {0xff7fcc00, 0x5e30c800, FP16 ", scalar pairwise", 0},
    {0x9fc03400, 0x0f001000, FP16 ", by element", 0},
    {0xdfc03400, 0x5f001000, FP16 ", scalar by element", 0},
    {0xbff8fc00, 0x0f00fc00, FP16 ", immediate", 0},
    {0x9ff0fc00, 0x0f10e400, FP16 ", from fixed point", 0},
    {0x9ff0fc00, 0x0f10fc00, FP16 ", to fixed point", 0},
    {0xdff0fc00, 0x5f10e400, FP16 ", scalar from fixed point", 0},
    {0xdff0fc00, 0x5f10fc00, FP16 ", scalar to fixed point", 0},
    {0x9fe0fc00, 0x0e809400, DOTPROD, 0},
    {0x9fc0f400, 0x0f80e000, DOTPROD ", by element", 0},
    {0x3ffffc00, 0x38bfc000, "FEAT_LRCPC", 0},
    /* C4.1.96 "Advanced SIMD modified immediate": with o2 = 1 only op = 0, cmode = 1111 is allocated. */
    {0xbff8fc00, 0x2f00fc00, "qemu takes the reserved op = 1, cmode = 1111, o2 = 1 for FMOV (vector, immediate)", 0},
    /* C4.1.96 "Advanced SIMD scalar pairwise", "across lanes": with U = 0, size<0> = 1 is unallocated. */
    {0xff7fcc00, 0x5e70c800, "qemu takes the reserved size<0> = 1 for FMAXP and the like of half precision", 0},
    {0xbf7fcc00, 0x0e70c800, "qemu takes the reserved size<0> = 1 for FMAXV and the like of half precision", 0},
};
// clang-format on

static struct ours *ours;
static int to_runner, from_runner;
static pid_t runner;

static void fail(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(2);
}

static void put(const void *buf, size_t len)
{
    for (const char *p = buf; len;) {
        ssize_t n = write(to_runner, p, len);
        if (n <= 0)
            fail("writing to the runner");
        p += n;
        len -= (size_t)n;
    }
}

static void get(void *buf, size_t len)
{
    for (char *p = buf; len;) {
        ssize_t n = read(from_runner, p, len);
        if (n <= 0) {
            errno = n ? errno : EPIPE;
            fail("reading from the runner");
        }
        p += n;
        len -= (size_t)n;
    }
}

static void start_runner(char **argv)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out))
        fail("pipe");
    runner = fork();
    if (runner < 0)
        fail("fork");
    if (!runner) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_runner = in[1];
    from_runner = out[0];
    signal(SIGPIPE, SIG_IGN);
}

/* Both sides, one block, at the address it was made for. */
static void run_both(const uint32_t *words, unsigned n, const struct state *start,
                     struct state *mine, struct state *theirs)
{
    static uint32_t area[CODE_SIZE / 4];
    const unsigned at = (unsigned)(start->pc - CODE_VA) / 4;
    const struct batch b = {.blocks = 1, .code_len = 4 * (at + n)};
    memcpy(area + at, words, 4 * n);
    *mine = *theirs = *start;
    put(&b, sizeof b);
    put(area, b.code_len);
    put(theirs, sizeof *theirs);
    ours_code(ours, area, b.code_len);
    ours_run(ours, mine);
    get(theirs, sizeof *theirs);
}

static bool same(const struct state *a, const struct state *b)
{
    return !memcmp(a, b, sizeof *a);
}

/* ---- showing a difference ---- */
static const char *objdump = "aarch64-linux-gnu-objdump";

static void disassemble(uint32_t word)
{
    char path[] = "/tmp/a64diffXXXXXX", cmd[300];
    const int fd = mkstemp(path);
    if (fd < 0 || write(fd, &word, 4) != 4)
        return;
    close(fd);
    snprintf(cmd, sizeof cmd, "%s -D -b binary -m aarch64 %s 2>/dev/null | tail -1 | cut -f3-",
             objdump, path);
    FILE *p = popen(cmd, "r");
    char line[200] = "";
    if (p && fgets(line, sizeof line, p))
        printf("#   %s", line);
    if (p)
        pclose(p);
    unlink(path);
}

static void show_v(const char *what, unsigned n, const uint64_t v[2])
{
    printf("#   %s v%u = %016" PRIx64 "_%016" PRIx64 "\n", what, n, v[1], v[0]);
}

static void show_operands(uint32_t w, const struct state *s)
{
    const unsigned at[4] = {0, 5, 16, 10};
    printf("#   before: nzcv %x fpcr %08x fpsr %08x sp %" PRIx64 "\n", s->nzcv >> 28, s->fpcr,
           s->fpsr, s->sp);
    for (unsigned i = 0; i < 4; i++) {
        const unsigned r = w >> at[i] & 31;
        if (r < 31)
            printf("#   before: x%u = %016" PRIx64 "\n", r, s->x[r]);
        show_v("before:", r, s->v[r]);
    }
}

static void show_changes(const struct state *a, const struct state *b)
{
    static const char *const names[] = {"?", "brk", "undefined", "fault"};
    for (unsigned i = 0; i < 31; i++)
        if (a->x[i] != b->x[i])
            printf("#   x%u: ours %016" PRIx64 ", theirs %016" PRIx64 "\n", i, a->x[i], b->x[i]);
    for (unsigned i = 0; i < 32; i++)
        if (memcmp(a->v[i], b->v[i], 16)) {
            show_v("ours  ", i, a->v[i]);
            show_v("theirs", i, b->v[i]);
        }
    if (a->sp != b->sp)
        printf("#   sp: ours %" PRIx64 ", theirs %" PRIx64 "\n", a->sp, b->sp);
    if (a->pc != b->pc || a->stop != b->stop)
        printf("#   stop: ours %s (%u) at %" PRIx64 ", theirs %s at %" PRIx64 "\n",
               a->stop < 4 ? names[a->stop] : "exit", a->stop, a->pc, names[b->stop % 4], b->pc);
    if (a->nzcv != b->nzcv)
        printf("#   nzcv: ours %x, theirs %x\n", a->nzcv >> 28, b->nzcv >> 28);
    if (a->fpcr != b->fpcr)
        printf("#   fpcr: ours %08x, theirs %08x\n", a->fpcr, b->fpcr);
    if (a->fpsr != b->fpsr)
        printf("#   fpsr: ours %08x, theirs %08x\n", a->fpsr, b->fpsr);
    for (unsigned i = 0; i < SCRATCH_SIZE; i += 8)
        if (memcmp(a->scratch + i, b->scratch + i, 8))
            printf("#   scratch+%#x: ours %016" PRIx64 ", theirs %016" PRIx64 "\n", i,
                   le64_get(a->scratch + i), le64_get(b->scratch + i));
}

/* Cuts the block after k instructions: the rest is BRK. */
static void run_cut(const uint32_t *words, unsigned n, unsigned k, const struct state *start,
                    struct state *mine, struct state *theirs)
{
    uint32_t cut[BLOCK_WORDS];
    for (unsigned i = 0; i < n; i++)
        cut[i] = i < k ? words[i] : 0xd4200000;
    run_both(cut, n, start, mine, theirs);
}

static void explain(const uint32_t *words, unsigned n, const struct state *start)
{
    struct state mine, theirs, before;
    unsigned lo = 0, hi = n; /* the same after lo instructions, different after hi */
    run_cut(words, n, n, start, &mine, &theirs);
    if (same(&mine, &theirs)) {
        printf("#   the same when run alone\n");
        return;
    }
    while (hi - lo > 1) {
        const unsigned mid = (lo + hi) / 2;
        run_cut(words, n, mid, start, &mine, &theirs);
        *(same(&mine, &theirs) ? &lo : &hi) = mid;
    }
    run_cut(words, n, lo, start, &before, &theirs);
    run_cut(words, n, hi, start, &mine, &theirs);
    const struct a64_insn *row = a64_decode(words[lo]);
    printf("# word %08x of row %s, instruction %u of its block\n", words[lo],
           row ? row->name : "(none)", lo);
    disassemble(words[lo]);
    show_operands(words[lo], &before);
    show_changes(&mine, &theirs);
}

/* We say UNDEFINED, the other side goes on or stops later: is it on the list? */
static bool is_known(const struct state *mine, const struct state *theirs, const uint32_t *words,
                     uint64_t va)
{
    if (mine->stop != STOP_UNDEF || (theirs->stop == STOP_UNDEF && mine->pc == theirs->pc))
        return false;
    const uint32_t w = words[(mine->pc - va) / 4];
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        if ((w & known[i].mask) == known[i].value) {
            known[i].seen++;
            return true;
        }
    return false;
}

static struct draw d;
static uint32_t code[CODE_SIZE / 4];
static struct state start[BATCH], theirs[BATCH];
static unsigned length[BATCH];
static uint64_t stops[4]; /* how blocks ended, by STOP_... */

/* One batch: how many of its blocks differ. */
static unsigned run_batch(unsigned show, unsigned *shown)
{
    unsigned blocks = 0, words = 0, bad = 0;
    for (; blocks < BATCH && words + BLOCK_WORDS <= ARRAY_LEN(code); blocks++) {
        draw_state(&d, &start[blocks]);
        start[blocks].pc = CODE_VA + 4 * words;
        length[blocks] = draw_block(&d, start[blocks].pc, code + words);
        words += length[blocks];
    }
    const struct batch b = {.blocks = blocks, .code_len = 4 * words};
    put(&b, sizeof b);
    put(code, b.code_len);
    put(start, blocks * sizeof *start);
    ours_code(ours, code, b.code_len);
    static struct state mine[BATCH];
    memcpy(mine, start, blocks * sizeof *mine);
    for (unsigned i = 0; i < blocks; i++)
        ours_run(ours, &mine[i]);
    get(theirs, blocks * sizeof *theirs);
    for (unsigned i = 0; i < blocks; i++) {
        const uint32_t *w = code + (start[i].pc - CODE_VA) / 4;
        stops[theirs[i].stop % 4]++;
        if (same(&mine[i], &theirs[i]) || is_known(&mine[i], &theirs[i], w, start[i].pc))
            continue;
        bad++;
        if (*shown >= show)
            continue;
        ++*shown;
        printf("# difference %u (after %" PRIu64 " instructions)\n", *shown, d.insns);
        explain(w, length[i], &start[i]);
        fflush(stdout);
    }
    return bad;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, count = 1000000;
    unsigned show = 10, shown = 0, bad = 0;
    const char *only = "";
    enum hv_soft soft = HV_SOFT_INTERP;
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
        if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--count"))
            count = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--show"))
            show = (unsigned)strtoul(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            only = argv[i + 1];
        else if (!strcmp(argv[i], "--soft") && !strcmp(argv[i + 1], "jit"))
            soft = HV_SOFT_JIT;
        else if (!strcmp(argv[i], "--soft") && !strcmp(argv[i + 1], "shadow"))
            soft = HV_SOFT_SHADOW;
        else if (!strcmp(argv[i], "--objdump"))
            objdump = argv[i + 1];
        else
            break;
    }
    if (i + 1 >= argc || strcmp(argv[i], "--")) {
        fprintf(
            stderr,
            "usage: diff [--seed N] [--count N] [--only PREFIX] [--show N] -- RUNNER [ARG...]\n");
        return 2;
    }
    printf("1..1\n");
    draw_init(&d, seed, only);
    if (!d.rows_n) {
        printf("Bail out! no row of the instruction table begins with %s\n", only);
        return 2;
    }
    start_runner(argv + i + 1);
    ours = ours_new(soft, true);
    if (!ours)
        return 2;
    while (d.insns < count && shown <= show && bad < 10 * show + 1)
        bad += run_batch(show, &shown);
    close(to_runner);
    waitpid(runner, NULL, 0);

    unsigned rows = 0;
    for (unsigned k = 0; k < d.rows_n; k++) {
        rows += d.drawn[d.rows[k]] != 0;
        if (!d.drawn[d.rows[k]] && count >= 1000000)
            printf("# never drawn: %s\n", a64_insns[d.rows[k]].name);
    }
    for (unsigned k = 0; k < ARRAY_LEN(known); k++)
        if (known[k].seen)
            printf("# known, %" PRIu64 " times: %s\n", known[k].seen, known[k].why);
    printf("# seed %" PRIu64 ": %" PRIu64 " instructions, %u of %u rows, %u blocks differ\n", seed,
           d.insns, rows, d.rows_n, bad);
    printf("# blocks ended: %" PRIu64 " by BRK, %" PRIu64 " undefined, %" PRIu64 " by a fault\n",
           stops[STOP_BRK], stops[STOP_UNDEF], stops[STOP_FAULT]);
    printf("%sok 1 - random instructions leave the same state as on %s\n", bad ? "not " : "",
           argv[i + 1]);
    return bad ? 1 : 0;
}
