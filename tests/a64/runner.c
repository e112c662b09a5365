// SPDX-License-Identifier: MIT
/*
 * runner.c - executes blocks of instructions on an ARM64 Linux machine (or qemu-aarch64) and
 * reports the state they leave: the other side of diff.c. proto.h says what goes through stdin and
 * stdout.
 *
 * Everything happens in the signal handler: a block ends in BRK (or a fault), the handler saves
 * what the signal frame says, puts the next block's state into the frame and returns into it. The
 * first BRK is main()'s own; after the last block its frame is put back.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "proto.h"

#define FPSIMD_MAGIC_ 0x46508001u /* uapi/asm/sigcontext.h */

struct fpsimd {
    uint32_t magic, size, fpsr, fpcr;
    uint64_t v[32][2];
};

static struct state *states;
static unsigned blocks, at;
static mcontext_t home;

static struct fpsimd *fpsimd_of(mcontext_t *m)
{
    struct fpsimd *f = (struct fpsimd *)(void *)m->__reserved;
    while (f->magic != FPSIMD_MAGIC_) {
        if (!f->magic)
            _exit(3);
        f = (struct fpsimd *)(void *)((char *)f + f->size);
    }
    return f;
}

static void save(struct state *s, mcontext_t *m, int sig)
{
    const struct fpsimd *f = fpsimd_of(m);
    memcpy(s->x, m->regs, sizeof s->x);
    s->sp = m->sp;
    s->pc = m->pc;
    s->nzcv = (uint32_t)m->pstate & 0xf0000000u;
    s->fpcr = f->fpcr;
    s->fpsr = f->fpsr;
    memcpy(s->v, f->v, sizeof s->v);
    memcpy(s->scratch, (const void *)SCRATCH_AT, SCRATCH_SIZE);
    s->stop = sig == SIGTRAP ? STOP_BRK : sig == SIGILL ? STOP_UNDEF : STOP_FAULT;
}

static void load(const struct state *s, mcontext_t *m)
{
    struct fpsimd *f = fpsimd_of(m);
    memcpy(m->regs, s->x, sizeof s->x);
    m->sp = s->sp;
    m->pc = s->pc;
    m->pstate = (m->pstate & ~0xf0000000ull) | s->nzcv;
    f->fpcr = s->fpcr;
    f->fpsr = s->fpsr;
    memcpy(f->v, s->v, sizeof s->v);
    memcpy((void *)SCRATCH_AT, s->scratch, SCRATCH_SIZE);
}

static void on_stop(int sig, siginfo_t *info, void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    (void)info;
    if (at == 0)
        home = *m;
    else
        save(&states[at - 1], m, sig);
    if (at < blocks) {
        load(&states[at++], m);
    } else {
        *m = home;
        m->pc += 4;
    }
}

static void get(void *buf, size_t len)
{
    for (char *p = buf; len;) {
        ssize_t n = read(0, p, len);
        if (n <= 0)
            _exit(p == buf && !n ? 0 : 2);
        p += n;
        len -= (size_t)n;
    }
}

static void put(const void *buf, size_t len)
{
    for (const char *p = buf; len;) {
        ssize_t n = write(1, p, len);
        if (n <= 0)
            _exit(2);
        p += n;
        len -= (size_t)n;
    }
}

int main(void)
{
    char *area = mmap((void *)CODE_VA, AREA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (area != (void *)CODE_VA)
        return 4;
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    struct sigaction sa = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGTRAP, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);

    for (;;) {
        struct batch b;
        get(&b, sizeof b);
        if (b.code_len > CODE_SIZE)
            return 5;
        get(area, b.code_len);
        __builtin___clear_cache(area, area + b.code_len);
        states = realloc(states, (b.blocks + 1) * sizeof *states);
        get(states, b.blocks * sizeof *states);
        blocks = b.blocks;
        at = 0;
        __asm__ volatile("brk #0" ::: "memory");
        put(states, b.blocks * sizeof *states);
    }
}
