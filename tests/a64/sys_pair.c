// SPDX-License-Identifier: MIT
/*
 * sys_pair.c - random differential test of EL1: exceptions, translation, system registers, changed
 * code.
 *
 *   sys_pair --monitor FILE [--seed N] [--count N] [--soft jit|shadow] [--qemu PROGRAM]
 *            [--mirrors N] [--cache KIB] [--disturb 1] [--every 1] [--write FILE]
 *
 * Each random program (sys_draw.c) runs on two machines, by the interpreter and by translated code;
 * after every block of it the hash that its monitor prints, and at its end all of memory, must be
 * the same. With --qemu the program runs in that one, too, as the third. --count is in instructions
 * of blocks, times their passes; --mirrors and --cache give both machines so many mirrors and
 * that much of translated code only; --disturb 1 has another thread kick both and say that code was
 * written, all the time, and has them give their code's memory back now and then; --every 1 hashes
 * memory after each block, too; --write leaves the last program as an ELF file. TAP.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "src/a64/a64_internal.h"
#include "tests/a64/sys_draw.h"

#define TEXT_MAX   KIB(64)
#define IMAGES_MAX 100000u

struct machine {
    struct a64_vm *vm;
    struct a64_cpu *cpu;
    uint8_t *ram;
    char line[64];
    unsigned len, lines;
};

static struct machine interp, jit;
static struct sys_draw s;
static uint8_t monitor[TEXT_MAX];
static size_t monitor_len;
static const char *qemu, *write_to;
static unsigned mirrors, cache_kib; /* 0: as many as there are */
static bool disturb;
static _Atomic bool over;

static uint8_t *ram_new(void)
{
    uint8_t *p = mmap(NULL, SYS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return p;
}

static void machine_init(struct machine *m, enum hv_soft soft)
{
    struct err err = {0};
    const struct hv_config config = {.cpus = 1, .soft = soft};
    m->ram = ram_new();
    if (a64_vm_new(&m->vm, &config, &err) ||
        a64_vm_map(m->vm, SYS_RAM, m->ram, SYS_SIZE, false, &err) ||
        a64_cpu_new(m->vm, 0, &m->cpu, &err)) {
        fprintf(stderr, "the software CPU does not start: %s\n", err.text);
        exit(2);
    }
    struct a64_core *core = a64_core_of(m->cpu);
    core->jit.eager = true;
    if (mirrors)
        core->mirror_max = MIN(MAX(mirrors, A64_SMALL + 4), core->mirror_max);
    if (cache_kib)
        core->jit.size = MIN(MAX(KIB(cache_kib), KIB(512)), core->jit.size);
}

static void machine_fini(struct machine *m)
{
    a64_cpu_free(m->cpu);
    a64_vm_free(m->vm);
}

static void machine_start(struct machine *m)
{
    memcpy(m->ram, s.ram, SYS_SIZE);
    a64_vm_ram_written(m->vm, SYS_RAM, SYS_SIZE);
    a64_cpu_reset(m->cpu, SYS_RAM, 0);
    m->len = 0;
}

/* Runs to the end of the next line that it prints: false when there was an end instead. */
static bool machine_line(struct machine *m)
{
    struct a64_core *core = a64_core_of(m->cpu);
    if (disturb && ++m->lines % 16 == 0) {
        core->wait_ns = 1; /* as if it had waited for long, with more than its share */
        a64_mirror_waited(core);
    }
    for (m->len = 0;;) {
        const struct hv_exit e = a64_cpu_run(m->cpu);
        if (e.reason == HV_EXIT_MMIO && e.mmio.write && e.mmio.gpa == SYS_UART_PA) {
            if ((char)e.mmio.val == '\n') {
                m->line[m->len] = 0;
                return true;
            }
            if (m->len + 1 < sizeof m->line)
                m->line[m->len++] = (char)e.mmio.val;
            continue;
        }
        if (e.reason == HV_EXIT_KICK)
            continue;
        snprintf(m->line, sizeof m->line, "end: reason %u", (unsigned)e.reason);
        return false;
    }
}

static void *disturber(void *arg)
{
    (void)arg;
    const struct timespec pause = {.tv_nsec = 20000};
    for (uint64_t page = 0; !atomic_load(&over); page = (page + 37) % (SYS_SIZE / A64_PAGE)) {
        nanosleep(&pause, NULL);
        for (unsigned i = 0; i < (A64_HAS_JIT ? 2 : 1); i++) {
            struct machine *m = i ? &jit : &interp;
            a64_cpu_kick(m->cpu);
            a64_vm_ram_written(m->vm, SYS_RAM + page * A64_PAGE, A64_PAGE);
        }
    }
    return NULL;
}

/* ---- what differs ---- */
static const char *frame_name(unsigned i, char buf[16])
{
    static const char *const names[] = {"sp_el0",    "sp_el1", "elr",  "spsr", "tpidr_el0",
                                        "tpidr_el1", "cpacr",  "fpcr", "fpsr"};
    static const char *const after[] = {"esr", "far", "par", "contextidr", "hash", "run", "faults"};
    const unsigned state = sizeof(struct sys_state) / 8;
    if (i < 31)
        snprintf(buf, 16, "x%u", i);
    else if (i < 40)
        return names[i - 31];
    else if (i < state)
        snprintf(buf, 16, "v%u.d[%u]", (i - 40) / 2, i % 2);
    else if (i < state + ARRAY_LEN(after))
        return after[i - state];
    else
        snprintf(buf, 16, "log[%u].%u", (i - state - (unsigned)ARRAY_LEN(after)) / 5,
                 (i - state - (unsigned)ARRAY_LEN(after)) % 5);
    return buf;
}

static void show_block(uint64_t run)
{
    const unsigned k = (unsigned)(run % s.blocks);
    const struct sys_image *m = sys_image(&s);
    printf("# block %u, pass %u, at %" PRIx64 ":\n", k, (unsigned)(run / s.blocks), s.entry[k]);
    for (uint64_t va = s.entry[k]; va < s.entry[k] + 4 * s.length[k]; va += 4) {
        uint32_t w;
        memcpy(&w, s.ram + (m->code_pa[(va - SYS_CODE) / A64_PAGE] - SYS_RAM) + va % A64_PAGE, 4);
        const struct a64_insn *row = a64_decode(w);
        printf("#   %" PRIx64 " %08x %s\n", va, w, row ? row->name : "(none)");
    }
}

/* Two frames; the log says which exceptions the block took: ESR, FAR, ELR, SPSR, hash. */
static void show_frames(const struct sys_frame *a, const struct sys_frame *b, const char *who)
{
    char buf[16];
    const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;
    for (unsigned i = 0; i < sizeof *a / 8; i++)
        if (x[i] != y[i])
            printf("# %s: %016" PRIx64 ", %s %016" PRIx64 "\n", frame_name(i, buf), x[i], who,
                   y[i]);
    for (unsigned i = 0; i < a->faults && i < SYS_LOG; i++)
        printf("# log[%u]: esr %08" PRIx64 " far %" PRIx64 " elr %" PRIx64 " spsr %08" PRIx64 "\n",
               i, a->log[i].esr, a->log[i].far_, a->log[i].elr, a->log[i].spsr);
    fflush(stdout);
}

static const struct sys_frame *frame_of(const struct machine *m)
{
    return &((const struct sys_image *)(const void *)(m->ram + (SYS_IMAGE - SYS_RAM)))->frame;
}

/* The run is over, and the frame already that of the next one: so it runs up to there once more. */
static void explain_pair(uint64_t run)
{
    struct machine *const both[] = {&interp, &jit};
    static struct sys_frame frames[2];
    sys_image(&s)->show = run;
    for (unsigned i = 0; i < 2; i++) {
        machine_start(both[i]);
        bool more = true;
        for (uint64_t n = 0; more && n <= run; n++)
            more = machine_line(both[i]);
        frames[i] = *frame_of(both[i]);
    }
    show_block(run);
    show_frames(&frames[0], &frames[1], "JIT");
}

/* ---- QEMU ---- */
/* The program as an ELF file of one segment (ELF-64 object file format, 2.1 and 5). */
static void elf_write(const char *path)
{
    uint8_t head[0x1000] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    le16_put(head + 16, 2);   /* ET_EXEC */
    le16_put(head + 18, 183); /* EM_AARCH64 */
    le32_put(head + 20, 1);
    le64_put(head + 24, SYS_RAM);
    le64_put(head + 32, 64);
    le16_put(head + 52, 64);
    le16_put(head + 54, 56);
    le16_put(head + 56, 1);
    le32_put(head + 64, 1); /* PT_LOAD */
    le32_put(head + 68, 7);
    le64_put(head + 72, sizeof head);
    le64_put(head + 80, SYS_RAM);
    le64_put(head + 88, SYS_RAM);
    le64_put(head + 96, SYS_SIZE);
    le64_put(head + 104, SYS_SIZE);
    le64_put(head + 112, 0x1000);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(head, sizeof head, 1, f) != 1 || fwrite(s.ram, SYS_SIZE, 1, f) != 1 ||
        fclose(f)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
}

static FILE *qemu_open(void)
{
    static char path[64], command[512];
    snprintf(path, sizeof path, "/tmp/a64-sys-%ld.elf", (long)getpid());
    elf_write(path);
    /* ARMv8.2: all that we have, and little that we have not. */
    snprintf(command, sizeof command,
             "%s -M virt,gic-version=3 -cpu cortex-a76 -m 64 -net none -nographic -kernel %s "
             "</dev/null; rm -f %s",
             qemu, path, path);
    return popen(command, "r");
}

static bool qemu_line(FILE *f, char line[64])
{
    if (!fgets(line, 64, f)) {
        snprintf(line, 64, "end");
        return false;
    }
    line[strcspn(line, "\r\n")] = 0;
    return true;
}

static void explain_qemu(uint64_t run)
{
    static struct sys_frame theirs, ours;
    char line[64];
    sys_image(&s)->show = run;
    machine_start(&interp);
    for (uint64_t n = 0; n <= run; n++)
        machine_line(&interp);
    ours = *frame_of(&interp);
    FILE *f = qemu_open();
    for (uint64_t n = 0; n <= run; n++)
        qemu_line(f, line);
    for (unsigned i = 0; i < sizeof theirs / 8 && qemu_line(f, line) && line[0] == '='; i++)
        ((uint64_t *)&theirs)[i] = strtoull(line + 1, NULL, 16);
    pclose(f);
    show_block(run);
    show_frames(&ours, &theirs, "QEMU");
}

/* ---- one program ---- */
/* 0: the same. */
static int compare_pair(void)
{
    machine_start(&interp);
    machine_start(&jit);
    for (uint64_t n = 0;; n++) {
        const bool more = machine_line(&interp), too = machine_line(&jit);
        if (more != too || strcmp(interp.line, jit.line) != 0) {
            printf("# after block: interpreter \"%s\", JIT \"%s\"\n", interp.line, jit.line);
            explain_pair(n);
            return 1;
        }
        if (more)
            continue;
        if (n == s.blocks * s.passes + 1)
            break;
        printf("# over after %" PRIu64 " lines: %s\n", n, interp.line);
        return 1;
    }
    for (uint64_t i = 0; i < SYS_SIZE; i += 8)
        if (memcmp(interp.ram + i, jit.ram + i, 8) != 0) {
            printf("# memory differs at %" PRIx64 "\n", SYS_RAM + i);
            return 1;
        }
    return 0;
}

static int compare_qemu(void)
{
    char line[64];
    FILE *f = qemu_open();
    machine_start(&interp);
    for (uint64_t n = 0;; n++) {
        const bool more = machine_line(&interp), too = qemu_line(f, line);
        if (!more && !too)
            break;
        if (more == too && !strcmp(interp.line, line))
            continue;
        printf("# after block: ours \"%s\", QEMU's \"%s\"\n", interp.line, line);
        pclose(f);
        if (n < s.blocks * s.passes)
            explain_qemu(n);
        return 1;
    }
    return pclose(f) != 0;
}

static void monitor_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f)
        monitor_len = fread(monitor, 1, sizeof monitor, f);
    if (!f || !monitor_len || monitor_len == sizeof monitor) {
        fprintf(stderr, "sys_pair: no monitor in %s\n", path);
        exit(2);
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, count = 1000000;
    const char *file = "";
    enum hv_soft soft = HV_SOFT_JIT;
    bool every = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--count"))
            count = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--monitor"))
            file = argv[i + 1];
        else if (!strcmp(argv[i], "--qemu"))
            qemu = argv[i + 1];
        else if (!strcmp(argv[i], "--write"))
            write_to = argv[i + 1];
        else if (!strcmp(argv[i], "--mirrors"))
            mirrors = (unsigned)strtoul(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--cache"))
            cache_kib = (unsigned)strtoul(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--disturb"))
            disturb = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--every"))
            every = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--soft") && !strcmp(argv[i + 1], "shadow"))
            soft = HV_SOFT_SHADOW;
    }
    monitor_read(file);
    draw_init(&s.d, seed, "");
    s.ram = ram_new();
    s.qemu = qemu;
    s.blocks = SYS_BLOCKS;
    s.passes = qemu ? SYS_RUNS / SYS_BLOCKS : 4;
    machine_init(&interp, HV_SOFT_INTERP);
    if (A64_HAS_JIT)
        machine_init(&jit, soft);
    pthread_t thread;
    if (disturb && pthread_create(&thread, NULL, disturber, NULL))
        return 2;
    printf("1..1\n");
    fflush(stdout);
    int bad = 0;
    unsigned programs = 0;
    for (; s.d.insns < count && !bad; programs++) {
        s.d.seed = seed * IMAGES_MAX + programs;
        sys_draw(&s, monitor, monitor_len);
        sys_image(&s)->every = every;
        if (A64_HAS_JIT)
            bad = compare_pair();
        if (!bad && qemu)
            bad = compare_qemu();
        if (bad)
            printf("# program %u of seed %" PRIu64 "\n", programs, seed);
    }
    atomic_store(&over, true);
    if (disturb)
        pthread_join(thread, NULL);
    machine_fini(&interp);
    if (A64_HAS_JIT)
        machine_fini(&jit);
    if (write_to)
        elf_write(write_to);
    printf("# seed %" PRIu64 ": %" PRIu64 " instructions in %u programs\n", seed, s.d.insns,
           programs);
    printf("%sok 1 - EL1 and EL0: interpreter%s%s leave the same\n", bad ? "not " : "",
           A64_HAS_JIT ? ", translated code" : "", qemu ? " and QEMU" : "");
    return bad;
}
