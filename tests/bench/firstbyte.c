// SPDX-License-Identifier: MIT
/*
 * firstbyte.c - how long commands take from exec to their first byte of output, or to a text in it.
 *
 *   firstbyte [-b] [-n ROUNDS] [-t TEXT] LABEL COMMAND [ARG...] [-- LABEL COMMAND [ARG...]]...
 *
 * Each round runs every command once, in turn, so that what else goes on on the host meets all
 * alike. The command gets /dev/null as stdin and stderr and a pipe as stdout; the clock starts
 * before vfork() and stops when the first byte (or the last byte of TEXT) has been read. Then the
 * command is killed unless it ends by itself within its own time: its CPU time and peak RSS come
 * from wait4().
 *
 * With -b, time in which all CPUs idled does not count (needs root, for /proc/timer_list, and one
 * CPU to make sense).
 *
 * One line per command: label, n, min and median in ms, median CPU ms, peak RSS in KiB, and the
 * ratio of its median to the first command's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define ROUNDS_MAX   10000

struct command {
    const char *label;
    char **argv;
    double *ms, *cpu_ms;
    long rss_kib;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "firstbyte: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* How long the CPUs idled since boot; 0 without -b. */
static bool busy_only;

static uint64_t idle_ns(void)
{
    char line[256];
    uint64_t sum = 0, ns;
    FILE *f = busy_only ? fopen("/proc/timer_list", "re") : NULL;
    if (busy_only && !f)
        die("/proc/timer_list");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, " .idle_sleeptime : %" SCNu64, &ns) == 1)
            sum += ns;
    if (f)
        fclose(f);
    return sum;
}

/* Read until `text` (or any byte, when it is empty) has come; false at the end of output without
 * it. */
static int wait_for(int fd, const char *text)
{
    static char buf[1 << 20];
    size_t have = 0, len = strlen(text);
    for (;;) {
        if (have == sizeof buf) { /* keep what may be the beginning of it */
            memmove(buf, buf + have - len, len);
            have = len;
        }
        ssize_t got = read(fd, buf + have, sizeof buf - have);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        if (!len || memmem(buf, have, text, len))
            return 1;
    }
}

static void run(struct command *c, unsigned round, const char *text, int null)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC))
        die("pipe");
    uint64_t idle = idle_ns(), start = now_ns();
    pid_t pid = vfork();
    if (pid < 0)
        die("vfork");
    if (!pid) {
        dup2(null, 0);
        dup2(out[1], 1);
        dup2(null, 2);
        execvp(c->argv[0], c->argv);
        _exit(127);
    }
    close(out[1]);
    int seen = wait_for(out[0], text);
    uint64_t end = now_ns();
    end -= idle_ns() - idle;
    close(out[0]);
    kill(pid, SIGKILL);
    struct rusage use;
    int status;
    while (wait4(pid, &status, 0, &use) < 0)
        if (errno != EINTR)
            die("wait4");
    if (!seen) {
        fprintf(stderr, "firstbyte: %s: ended without the output waited for (status %#x)\n",
                c->label, (unsigned)status);
        exit(1);
    }
    c->ms[round] = (double)(end - start) / 1e6;
    c->cpu_ms[round] = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
                       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
    if (use.ru_maxrss > c->rss_kib)
        c->rss_kib = use.ru_maxrss;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int main(int argc, char **argv)
{
    unsigned rounds = 50, n = 0;
    const char *text = "";
    int opt;
    while ((opt = getopt(argc, argv, "+bn:t:")) != -1) {
        if (opt == 'n')
            rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (opt == 'b')
            busy_only = true;
        else if (opt == 't')
            text = optarg;
        else
            return 125;
    }
    struct command commands[COMMANDS_MAX];
    for (int i = optind; i < argc && n < COMMANDS_MAX; n++) {
        struct command *c = &commands[n];
        *c = (struct command){.label = argv[i], .argv = argv + i + 1};
        while (i < argc && strcmp(argv[i], "--") != 0)
            i++;
        if (i < argc)
            argv[i++] = NULL;
        c->ms = calloc(ROUNDS_MAX, sizeof *c->ms);
        c->cpu_ms = calloc(ROUNDS_MAX, sizeof *c->cpu_ms);
        if (!c->argv[0] || !c->ms || !c->cpu_ms)
            return 125;
    }
    if (!n || !rounds || rounds > ROUNDS_MAX) {
        fprintf(stderr,
                "usage: firstbyte [-b] [-n ROUNDS] [-t TEXT] LABEL COMMAND [ARG...] [-- ...]\n");
        return 125;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        die("/dev/null");
    for (unsigned r = 0; r < rounds; r++)
        for (unsigned i = 0; i < n; i++)
            run(&commands[i], r, text, null);
    double first = 0;
    printf("%-28s %5s %10s %10s %10s %10s %8s\n", "", "n", "min ms", "median ms", "cpu ms",
           "peak KiB", "ratio");
    for (unsigned i = 0; i < n; i++) {
        struct command *c = &commands[i];
        double mid = median(c->ms, rounds), cpu = median(c->cpu_ms, rounds);
        if (!i)
            first = mid;
        printf("%-28s %5u %10.3f %10.3f %10.3f %10ld %8.2f\n", c->label, rounds, c->ms[0], mid, cpu,
               c->rss_kib, mid / first);
    }
    return 0;
}
