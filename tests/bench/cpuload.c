// SPDX-License-Identifier: MIT
/*
 * cpuload.c - what a CPU does for a living, in pieces: run in a guest, and on the host for
 * comparison.
 *
 *   cpuload            all kernels, a line "NAME SECONDS" each
 *   cpuload NAME...    these
 *   cpuload -x NAME PROGRAM [ARG...]   runs a program and says how long it took
 *
 * Every kernel checks its own result where it has one; a wrong one ends with status 1.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *self;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void expect(int good, const char *name)
{
    if (!good) {
        fprintf(stderr, "cpuload: %s: a wrong result\n", name);
        exit(1);
    }
}

/* ---- integer: records, strings, small functions, as Dhrystone has them ---- */
struct record {
    struct record *next;
    int kind, number;
    char text[32];
};

static __attribute__((noinline)) int text_order(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a - *b;
}

static __attribute__((noinline)) void record_step(struct record *r, int n)
{
    struct record copy = *r->next;
    copy.kind = r->kind + n % 3;
    copy.number = copy.number * 5 + n;
    if (text_order(copy.text, r->text) > 0)
        copy.number -= 10;
    else
        copy.number += copy.kind / 2;
    *r->next = copy;
    r->next->next = r;
}

static void dhry(void)
{
    static struct record a = {&a, 1, 2, "DHRYSTONE PROGRAM, SOME STRING"}, b;
    a.next = &b;
    b.next = &a;
    strcpy(b.text, "DHRYSTONE PROGRAM, 2ND STRING");
    for (int n = 0; n < 1500000; n++) {
        record_step(n & 1 ? &a : &b, n);
        a.kind &= 7;
        b.kind &= 7;
    }
    expect(a.next == &b || b.next == &a, "dhry");
}

/* ---- a list that jumps about in memory, a branch that nobody can predict ---- */
static void list(void)
{
    enum { N = 1 << 15 };
    static struct node {
        struct node *next;
        uint64_t v;
    } nodes[N];
    uint64_t seed = 1, odd = 0, sum = 0;
    static uint32_t order[N];
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    for (uint32_t i = N - 1; i > 0; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t j = (uint32_t)((seed >> 33) % (i + 1)), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; i < N; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % N]];
        nodes[order[i]].v = order[i] * 2654435761u >> 7;
    }
    struct node *p = nodes;
    for (unsigned i = 0; i < 150u * N; i++, p = p->next) {
        if (p->v & 1)
            odd++;
        else if (p->v & 6)
            sum += p->v ^ i;
        else
            sum -= i;
    }
    expect(p == nodes && odd, "list");
    *(volatile uint64_t *)&seed = sum;
}

/* ---- calls and returns, indirect branches ---- */
static __attribute__((noinline)) uint64_t fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void call(void)
{
    expect(fib(33) == 3524578, "call");
}

#define BODY(n, expr)                                                                              \
    static __attribute__((noinline)) uint64_t body##n(uint64_t x)                                  \
    {                                                                                              \
        return expr;                                                                               \
    }
BODY(0, x + 1)
BODY(1, x ^ 0x55)
BODY(2, x * 3)
BODY(3, x >> 1 | x << 63)
BODY(4, x - 7)
BODY(5, ~x)
BODY(6, x & ~8ull)
BODY(7, x | 2)

static void indirect(void)
{
    static uint64_t (*const bodies[])(uint64_t) = {body0, body1, body2, body3,
                                                   body4, body5, body6, body7};
    uint64_t seed = 1, x = 0;
    for (unsigned i = 0; i < 12000000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x = bodies[seed >> 61](x);
    }
    *(volatile uint64_t *)&seed = x;
}

/* ---- floating point ---- */
static void matmul(void)
{
    enum { N = 160 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = i == j ? 2.0 : 0.001 * (i - j);
            b[i][j] = i + 0.5 * j;
        }
    for (int round = 0; round < 8; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double s = 0;
                for (int k = 0; k < N; k++)
                    s += a[i][k] * b[k][j];
                c[i][j] = s;
            }
    expect(c[3][5] > -1e9 && c[3][5] < 1e9 && c[3][5] != 0, "matmul");
}

static void nbody(void)
{
    enum { N = 5 };
    static double p[N][3], v[N][3], m[N];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 3; k++) {
            p[i][k] = i * 3.7 + k * (i + 1.1);
            v[i][k] = 0.01 * (k - i);
            m[i] = 1.0 / (i + 1);
        }
    for (int step = 0; step < 150000; step++) {
        for (int i = 0; i < N; i++)
            for (int j = i + 1; j < N; j++) {
                double d[3], r2 = 1e-3;
                for (int k = 0; k < 3; k++) {
                    d[k] = p[i][k] - p[j][k];
                    r2 += d[k] * d[k];
                }
                double f = 0.001 / (r2 * __builtin_sqrt(r2));
                for (int k = 0; k < 3; k++) {
                    v[i][k] -= d[k] * m[j] * f;
                    v[j][k] += d[k] * m[i] * f;
                }
            }
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 3; k++)
                p[i][k] += 0.001 * v[i][k];
    }
    expect(p[0][0] == p[0][0], "nbody");
}

/* ---- the kernel's part ---- */
static void syscalls(void)
{
    for (unsigned i = 0; i < 400000; i++)
        expect(getppid() >= 0, "syscalls");
}

static void faults(void)
{
    for (unsigned i = 0; i < 24; i++) {
        volatile char *p =
            mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        expect(p != MAP_FAILED, "faults");
        for (unsigned k = 0; k < 4 << 20; k += 4096)
            p[k] = 1;
        munmap((void *)p, 4 << 20);
    }
}

static int run(char *const argv[])
{
    int status = 1;
    pid_t pid = fork();
    if (!pid) {
        execvp(argv[0], argv);
        _exit(127);
    }
    return pid < 0 || waitpid(pid, &status, 0) < 0 ? 1 : status;
}

static void forkexec(void)
{
    char *const argv[] = {(char *)(uintptr_t)self, "-n", NULL};
    for (unsigned i = 0; i < 300; i++)
        expect(run(argv) == 0, "forkexec");
}

static const struct {
    const char *name;
    void (*fn)(void);
} kernels[] = {
    {"dhry",     dhry    },
    {"list",     list    },
    {"call",     call    },
    {"indirect", indirect},
    {"matmul",   matmul  },
    {"nbody",    nbody   },
    {"syscalls", syscalls},
    {"faults",   faults  },
    {"forkexec", forkexec},
};

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 2 && !strcmp(argv[1], "-n"))
        return 0;
    if (argc > 3 && !strcmp(argv[1], "-x")) {
        double t = now();
        int status = run(argv + 3);
        printf("%s %.4f\n", argv[2], now() - t);
        return status ? 1 : 0;
    }
    for (unsigned i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        int wanted = argc == 1;
        for (int k = 1; k < argc; k++)
            wanted |= !strcmp(argv[k], kernels[i].name);
        if (!wanted)
            continue;
        double t = now();
        kernels[i].fn();
        printf("%s %.4f\n", kernels[i].name, now() - t);
        fflush(stdout);
    }
    return 0;
}
