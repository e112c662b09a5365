// SPDX-License-Identifier: MIT
/*
 * l0.c - linked into a launcher of a STATS=1 build: tells at each vCPU's end how often an access
 * went to the page that its base register's last access went to (src/a64/stats.h).
 *
 * The engine frees a vCPU by a64_cpu_free(); the linker's --wrap puts us in its way.
 */
#include "src/a64/stats.h"

#include <inttypes.h>
#include <stdio.h>

void __real_a64_cpu_free(struct a64_cpu *cpu);
void __wrap_a64_cpu_free(struct a64_cpu *cpu);

void __wrap_a64_cpu_free(struct a64_cpu *cpu)
{
    static const char *const names[A64_ST_CLASSES] = {"x0-x3", "x4-x18", "x19-x28", "x29-x30",
                                                      "sp"};
    const struct a64_stats *s = cpu ? a64_stats_get(cpu) : NULL;
    if (s) {
        uint64_t all = 0, hits = 0;
        for (unsigned kind = 0; kind < 2; kind++) {
            for (unsigned c = 0; c < A64_ST_CLASSES; c++) {
                uint64_t n = s->l0[kind][c].accesses, h = s->l0[kind][c].hits;
                all += n;
                hits += h;
                fprintf(stderr, "l0: %-6s by %-8s %12" PRIu64 " accesses, %5.1f %% hits\n",
                        kind ? "stores" : "loads", names[c], n,
                        n ? 100.0 * (double)h / (double)n : 0);
            }
        }
        fprintf(stderr, "l0: %" PRIu64 " instructions, %" PRIu64 " accesses, %.1f %% L0 hits\n",
                s->insns, all, all ? 100.0 * (double)hits / (double)all : 0);
        fprintf(stderr,
                "l0: TLB misses: %.3f per 1000 accesses, %.3f fetches per 1000 instructions\n",
                all ? 1000.0 * (double)s->data_misses / (double)all : 0,
                s->insns ? 1000.0 * (double)s->fetch_misses / (double)s->insns : 0);
    }
    __real_a64_cpu_free(cpu);
}
