// SPDX-License-Identifier: MIT
/*
 * timer.c - the generic timer (Arm ARM DDI 0487J.a D11): counters, the virtual and the physical
 * timer.
 *
 * Both counters are the same (CNTVOFF_EL2 is 0): 62.5 MHz of the host's monotonic clock since the
 * VM was made. The event stream is not made: WFE never sleeps long (sem_sys.c).
 */
#include "src/a64/a64_internal.h"
#include "vmm/clock.h"

#define NS_PER_TICK 16

enum { CTL_ENABLE = 1, CTL_IMASK = 2 };

static const unsigned timer_intid[2] = {27, 30}; /* virtual, physical */

static uint64_t timer_ctl(const struct a64_cpu *cpu, unsigned timer)
{
    return timer ? cpu->sr.cntp_ctl : cpu->sr.cntv_ctl;
}

static uint64_t timer_cval(const struct a64_cpu *cpu, unsigned timer)
{
    return timer ? cpu->sr.cntp_cval : cpu->sr.cntv_cval;
}

uint64_t a64_timer_count(const struct a64_cpu *cpu)
{
    return (clock_mono_ns() - cpu->vm->epoch_ns) / NS_PER_TICK;
}

/* D11.2.4: the condition is met; ISTATUS of an enabled timer. */
bool a64_timer_status(const struct a64_cpu *cpu, unsigned timer)
{
    return timer_ctl(cpu, timer) & CTL_ENABLE && a64_timer_count(cpu) >= timer_cval(cpu, timer);
}

static bool timer_may_fire(const struct a64_cpu *cpu, unsigned timer)
{
    return (timer_ctl(cpu, timer) & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE;
}

uint64_t a64_timer_deadline(const struct a64_cpu *cpu)
{
    uint64_t best = UINT64_MAX, epoch = cpu->vm->epoch_ns;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t cval = timer_cval(cpu, i);
        if (timer_may_fire(cpu, i) &&
            !a64_core_of((struct a64_cpu *)(uintptr_t)cpu)->timer_level[i] &&
            cval < (UINT64_MAX - epoch) / NS_PER_TICK)
            best = MIN(best, epoch + cval * NS_PER_TICK);
    }
    return best;
}

void a64_timer_update(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    const struct hv_config *config = &cpu->vm->config;
    for (unsigned i = 0; i < 2; i++) {
        bool level = timer_may_fire(cpu, i) && a64_timer_status(cpu, i);
        if (level == core->timer_level[i])
            continue;
        core->timer_level[i] = level;
        if (config->timer_line)
            config->timer_line(config->ctx, cpu->index, timer_intid[i], level);
    }
    /* An earlier deadline that is still armed comes first and arms again; a later one is moved. */
    uint64_t deadline = a64_timer_deadline(cpu);
    if (deadline < core->armed_ns) {
        core->armed_ns = deadline;
        if (config->timer_arm)
            config->timer_arm(config->ctx, cpu->index, deadline);
    }
}
