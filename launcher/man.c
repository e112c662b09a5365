// SPDX-License-Identifier: MIT
/*
 * man.c - the manual page vibevmm(1), its options and statuses from the tables the launcher itself
 * uses.
 *
 * `make install` writes it with `vibevmm help --man`.
 */
#include "launcher.h"

static const char man_head[] =
    ".TH VIBEVMM 1 \"\" \"vibevmm " VIBEVMM_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "vibevmm \\- boot a machine image with one command\n"
    ".SH SYNOPSIS\n";

static const char man_description[] =
    ".SH DESCRIPTION\n"
    "Boots an image on a board, a machine that is fixed when the program is built, with the vCPUs "
    "run\n"
    "by hardware virtualization or by the software CPU inside. The image is recognised by its "
    "content.\n"
    "The guest's console is standard input and standard output, and nothing else is written to "
    "standard\n"
    "output; messages go to standard error. Standard input is a byte pipe: it is read as fast as "
    "the\n"
    "guest takes it and its end reaches the guest. When it is a terminal it is put into raw mode "
    "and\n"
    "restored at the end.\n"
    ".PP\n"
    "Arguments after \\fB\\-\\-\\fR are added to the kernel command line after \" \\-\\- \"; Linux "
    "hands\n"
    "them to init.\n"
    ".PP\n"
    "Without \\fB\\-\\-board\\fR the first board is taken; a raw image whose \\fB\\-\\-entry\\fR "
    "is no RAM\n"
    "there goes to the first board that has RAM at that address.\n"
    ".SH OPTIONS\n";

static const char man_tail[] =
    ".SH KEYS\n"
    "On a terminal: \\fB^A x\\fR ends the run, \\fB^A p\\fR presses the board's power key, \\fB^A "
    "s\\fR\n"
    "stops the machine and lets it go on, \\fB^A h\\fR lists the keys, \\fB^A ^A\\fR sends ^A.\n"
    ".SH SIGNALS\n"
    "SIGTERM, SIGINT, SIGHUP and SIGQUIT end the run and write the report; a second one ends the "
    "process\n"
    "at once.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "vibevmm run \\-\\-initrd initramfs.cpio.gz \\-\\-append console=ttyAMA0 vmlinuz\n"
    "echo 'uname \\-m; exit' | vibevmm run \\-\\-initrd initramfs.cpio.gz vmlinuz\n"
    "vibevmm \\-\\-binary hello.raw \\-\\-entry 0x10000 \\-\\-timeout 5s\n"
    "vibevmm boards virt \\-\\-dtb \\- | dtc \\-I dtb\n"
    ".fi\n";

int man_print(void)
{
    struct text t = {0};
    text_add(&t, "%s", man_head);
    for (unsigned i = 0; i < n_commands; i++)
        text_add(&t, "%s\\fBvibevmm %s\\fR %s\n", i ? ".br\n" : "", commands[i].name,
                 commands[i].args);
    text_add(&t, "%s", man_description);
    for (unsigned i = 0; i < n_commands; i++) {
        if (!commands[i].opts)
            continue;
        text_add(&t, ".SS %s\n", commands[i].name);
        opts_help(commands[i].opts, *commands[i].n_opts, &t, true);
    }
    text_add(&t, ".SH EXIT STATUS\n");
    usage_statuses(&t, true);
    text_add(&t, "%s", man_tail);
    return text_print(&t);
}
