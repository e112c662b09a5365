// SPDX-License-Identifier: MIT
/*
 * main.c - the table of commands, and which one a command line means.
 */
#include "launcher.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "vmm/clock.h"

uint64_t launch_ns;

// clang-format off
/* columns: name, arguments, help, function, options */
const struct command commands[] = {
    {"run",        "[options] IMAGE [-- guest arguments]", "boot an image (options first mean run)", cmd_run,        run_options,    &n_run_options},
    {"exec",       "[options] [--] PROGRAM [argument]...", "run a static Linux program in a machine", cmd_exec,       exec_options,   &n_exec_options},
    {"pack",       "[options] -o FILE IMAGE",              "make an appliance, or a program of one", cmd_pack,       pack_options,   &n_pack_options},
    {"inspect",    "[--json] FILE...",                     "what a file is, and where it would run", cmd_inspect,    inspect_options, &n_inspect_options},
    {"boards",     "[NAME] [--json | --map | --dtb|--acpi FILE]", "the boards, or one of them",      cmd_boards,     boards_options, &n_boards_options},
    {"doctor",     "[--json]",                             "what this host offers, and what to do",  cmd_doctor,     doctor_options, &n_doctor_options},
    {"completion", "bash|zsh",                             "what completes these words in a shell",  cmd_completion, NULL,           NULL},
    {"help",       "[--man]",                              "this text, or the manual page as roff",  cmd_help,       NULL,           NULL},
    {"version",    "",                                     "the version",                            cmd_version,    NULL,           NULL},
};
// clang-format on
const unsigned n_commands = ARRAY_LEN(commands);

static int cmd_none(int argc, char **argv, const char *command)
{
    (void)argv;
    if (argc)
        say("%s takes no arguments", command);
    return argc ? STATUS_HOST : 0;
}

void usage_statuses(struct text *t, bool man)
{
    /* columns: status, meaning */
    static const char *const rows[][2] = {
        {"0..255", "the guest's own status, when it gives one; 0 when it powers off"},
        {"121",    "the guest asked for a reset, and --reboot was not given"        },
        {"122",    "the guest reported a panic"                                     },
        {"123",    "the guest cannot go on"                                         },
        {"124",    "--timeout"                                                      },
        {"125",    "the command line, the launcher or the host"                     },
        {"126",    "the image cannot boot on this board"                            },
        {"127",    "a file was not found"                                           },
        {"128+n",  "ended by signal n (141: nobody reads standard output)"          },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        text_add(t, man ? ".TP\n%s\n%s\n" : "  %-7s %s\n", rows[i][0], rows[i][1]);
}

int cmd_help(int argc, char **argv)
{
    if (argc == 1 && !strcmp(argv[0], "--man"))
        return man_print();
    struct text t = {0};
    text_add(&t, "Usage:\n");
    for (unsigned i = 0; i < n_commands; i++)
        text_add(&t, "  vibevmm %-10s %-43s %s\n", commands[i].name, commands[i].args,
                 commands[i].help);
    text_add(&t, "\nOptions of run:\n");
    opts_help(run_options, n_run_options, &t, false);
    text_add(&t, "\nOptions of the others:");
    for (unsigned i = 0, n = 0; i < n_commands; i++)
        if (commands[i].opts && commands[i].opts != run_options)
            text_add(&t, "%s vibevmm %s --help", n++ ? "," : "", commands[i].name);
    text_add(&t, "\n");
    text_add(&t, "\nExit status:\n");
    usage_statuses(&t, false);
    text_add(&t, "\nOn a terminal: ^A x ends the run, ^A p presses the power key, ^A s stops and "
                 "goes on, ^A h lists the "
                 "keys.\n");
    return text_print(&t);
}

int cmd_usage(const char *command)
{
    struct text t = {0};
    for (unsigned i = 0; i < n_commands; i++)
        if (!strcmp(commands[i].name, command)) {
            text_add(&t, "Usage: vibevmm %s %s\n%s\n", command, commands[i].args, commands[i].help);
            opts_help(commands[i].opts, *commands[i].n_opts, &t, false);
        }
    return text_print(&t);
}

int cmd_version(int argc, char **argv)
{
    int rc = cmd_none(argc, argv, "version");
    if (rc)
        return rc;
    struct text t = {0};
    text_add(&t, "vibevmm %s, boards", VIBEVMM_VERSION);
    for (unsigned i = 0; boards[i]; i++)
        text_add(&t, " %s", boards[i]->name);
    text_add(&t, ", engines");
    for (unsigned i = 0; hv_engines[i]; i++)
        text_add(&t, " %s", hv_engines[i]->name);
    text_add(&t, "\n");
    return text_print(&t);
}

static int unknown_command(const char *word)
{
    struct stat st;
    const char *like = nearest(word, &commands[0].name, n_commands, sizeof commands[0]);
    if (!stat(word, &st))
        say("%.200s: no such command; to boot that file: vibevmm run %.200s", word, word);
    else if (like)
        say("%.200s: no such command; did you mean %s?", word, like);
    else
        say("%.200s: no such command; see vibevmm --help", word);
    return STATUS_HOST;
}

/*
 * When the process began. The kernel's own record of it is in 10 ms steps, so main() is what we
 * know, and a caller who wants exec and the loader counted gives its own clock in VIBEVMM_T0
 * (CLOCK_MONOTONIC, ns).
 */
static uint64_t launch_time(void)
{
    uint64_t now = clock_mono_ns();
    const char *t0 = getenv("VIBEVMM_T0");
    uint64_t begun = t0 ? strtoull(t0, NULL, 10) : 0;
    return begun && begun < now ? begun : now;
}

int main(int argc, char **argv)
{
    launch_ns = launch_time();
    if (app_packed())
        return cmd_app(argc, argv);
    if (argc < 2) {
        say("no image and no command; see vibevmm --help");
        return STATUS_HOST;
    }
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        return cmd_help(0, NULL);
    if (!strcmp(word, "--version"))
        return cmd_version(0, NULL);
    if (word[0] == '-')
        return cmd_run(argc - 1, argv + 1);
    for (unsigned i = 0; i < n_commands; i++)
        if (!strcmp(word, commands[i].name))
            return commands[i].fn(argc - 2, argv + 2);
    return unknown_command(word);
}
