// SPDX-License-Identifier: MIT
/*
 * app.c - the launcher as an executable appliance (`vibevmm pack --executable`): all its arguments
 * are the guest's.
 *
 * Options for the machine come from the appliance, and from VIBEVMM_OPTS, words between blanks.
 */
#include "launcher.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "vmm/app.h"

/* `pack` changes the copy in a file, behind the compiler's back. */
static const volatile struct app_mark app_mark = {.magic = "\177vibevmm 0.1 appliance"};

bool app_packed(void)
{
    return app_mark.packed;
}

void app_mark_get(struct app_mark *mark)
{
    for (unsigned i = 0; i < sizeof mark->magic; i++)
        mark->magic[i] = app_mark.magic[i];
    mark->packed = app_mark.packed;
}

/* The file that this process runs from. /proc may be missing. */
static const char *app_path(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n > 0 && !access(path, R_OK))
        return path;
    const char *execfn = (const char *)getauxval(AT_EXECFN);
    return execfn ? execfn : "/proc/self/exe";
}

/* The words of VIBEVMM_OPTS: never freed, since options point into them. NULL: no memory. */
static char **app_words(int *n)
{
    static const char blanks[] = " \t\n";
    static char *copy, **words;
    const char *opts = getenv("VIBEVMM_OPTS");
    char *save = NULL;
    copy = strdup(opts ? opts : "");
    words = copy ? calloc(strlen(copy) / 2 + 2, sizeof *words) : NULL;
    *n = 0;
    if (words)
        for (char *w = strtok_r(copy, blanks, &save); w; w = strtok_r(NULL, blanks, &save))
            words[(*n)++] = w;
    return words;
}

int cmd_app(int argc, char **argv)
{
    struct run_app app = {.path = app_path(), .argc = argc - 1, .argv = argv + 1};
    if (argc > 1 && !strcmp(argv[1], "--vibevmm-inspect")) {
        char *words[] = {"--json", (char *)(uintptr_t)app.path};
        bool json = argc == 3 && !strcmp(argv[2], "--json");
        if (argc > 2 && !json) {
            say("--vibevmm-inspect takes --json and nothing else");
            return STATUS_HOST;
        }
        return cmd_inspect(json ? 2 : 1, words + !json);
    }
    int n;
    char **words = app_words(&n);
    if (!words) {
        say("VIBEVMM_OPTS: %s", strerror(ENOMEM));
        return STATUS_HOST;
    }
    return run_all(n, words, &app);
}
