// SPDX-License-Identifier: MIT
/*
 * l0.c - linked into a launcher of a STATS=1 build: tells at its end, for each vCPU, how often an
 * access went to the page that its base register's last access went to (src/a64/stats.h).
 *
 * The linker's --wrap puts us in the way of a64_cpu_new(), where vCPUs become known, and of main().
 * The vCPUs are not freed before the process ends, nor do they run any more.
 */
#include "src/a64/stats.h"

#include <inttypes.h>
#include <stdio.h>

#include "vmm/a64.h"

int __real_a64_cpu_new(struct a64_vm *vm, unsigned index, struct a64_cpu **cpu, struct err *err);
int __wrap_a64_cpu_new(struct a64_vm *vm, unsigned index, struct a64_cpu **cpu, struct err *err);
int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static struct a64_cpu *cpus[A64_CPUS_MAX];

int __wrap_a64_cpu_new(struct a64_vm *vm, unsigned index, struct a64_cpu **cpu, struct err *err)
{
    int rc = __real_a64_cpu_new(vm, index, cpu, err);
    if (!rc && index < A64_CPUS_MAX)
        cpus[index] = *cpu;
    return rc;
}

static void l0_print(const struct a64_stats *s)
{
    static const char *const names[A64_ST_CLASSES] = {"x0-x3", "x4-x18", "x19-x28", "x29-x30",
                                                      "sp"};
    uint64_t all = 0, hits = 0;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned c = 0; c < A64_ST_CLASSES; c++) {
            uint64_t n = s->l0[kind][c].accesses, h = s->l0[kind][c].hits;
            all += n;
            hits += h;
            fprintf(stderr, "l0: %-6s by %-8s %12" PRIu64 " accesses, %5.1f %% hits\n",
                    kind ? "stores" : "loads", names[c], n, n ? 100.0 * (double)h / (double)n : 0);
        }
    }
    fprintf(stderr, "l0: %" PRIu64 " instructions, %" PRIu64 " accesses, %.1f %% L0 hits\n",
            s->insns, all, all ? 100.0 * (double)hits / (double)all : 0);
    fprintf(stderr, "l0: TLB misses: %.3f per 1000 accesses, %.3f fetches per 1000 instructions\n",
            all ? 1000.0 * (double)s->data_misses / (double)all : 0,
            s->insns ? 1000.0 * (double)s->fetch_misses / (double)s->insns : 0);
}

int __wrap_main(int argc, char **argv)
{
    int status = __real_main(argc, argv);
    for (unsigned i = 0; i < A64_CPUS_MAX; i++)
        if (cpus[i])
            l0_print(a64_stats_get(cpus[i]));
    return status;
}
