// SPDX-License-Identifier: MIT
/*
 * exec_cache.c - the folder that `vibevmm exec --setup` fills, and what exec takes from it.
 *
 *   ${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-~/.cache}/vibevmm}/exec/1/ARCH/
 *     own/ cloud/ standard/   kernels: vmlinuz, modules/order, modules/NAME.ko
 *     busybox/                busybox, applets: its names
 *
 * modules/order has a line for each driver, in the order of loading: "base FILE" for those that
 * every run needs, "9p FILE" for --share; "9p -" says that the kernel has 9P built in. Each folder
 * is renamed to its place when it is whole.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXEC_LAYOUT "1"

/* snprintf() that cuts nothing. */
__attribute__((format(printf, 4, 5))) static int path_make(char *path, size_t size, struct err *err,
                                                           const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(path, size, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < size)
        return 0;
    return err_set(err, ERR_HOST, ENAMETOOLONG, "%.80s...: a path has at most %zu bytes", path,
                   size - 1);
}

int exec_cache(char *path, size_t size, struct err *err)
{
    const char *own = getenv("VIBEVMM_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (own && *own)
        return path_make(path, size, err, "%s/exec/" EXEC_LAYOUT, own);
    if (xdg && *xdg == '/') /* a relative one is invalid (XDG Base Directory Specification) */
        return path_make(path, size, err, "%s/vibevmm/exec/" EXEC_LAYOUT, xdg);
    if (home && *home)
        return path_make(path, size, err, "%s/.cache/vibevmm/exec/" EXEC_LAYOUT, home);
    return err_set(err, ERR_HOST, ENOENT,
                   "where is the cache? neither HOME, XDG_CACHE_HOME nor VIBEVMM_CACHE is set");
}

/* A small file as text, malloc'ed. NULL: *rc is -errno, and -ENOENT has no message. */
static char *list_read(const char *path, int *rc, struct err *err)
{
    *rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *rc = errno == ENOENT ? -ENOENT : err_sys(err, errno, "%.200s", path);
        return NULL;
    }
    char *p = malloc(EXEC_LIST_MAX + 1);
    if (!p) {
        *rc = err_sys(err, ENOMEM, "%.200s", path);
        close(fd);
        return NULL;
    }
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < EXEC_LIST_MAX) {
        n = read(fd, p + len, EXEC_LIST_MAX - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        *rc = err_sys(err, errno, "%.200s", path);
    else if (len == EXEC_LIST_MAX)
        *rc = err_set(err, ERR_HOST, EFBIG, "%.200s: has %" PRIu64 " bytes or more", path,
                      EXEC_LIST_MAX);
    close(fd);
    p[len] = '\0';
    if (!*rc)
        return p;
    free(p);
    return NULL;
}

/* The next line of a list, ended by a NUL; NULL: there is none. */
static char *list_line(char **at)
{
    char *line = *at;
    if (!*line)
        return NULL;
    size_t n = strcspn(line, "\n");
    *at = line + n + (line[n] == '\n');
    line[n] = '\0';
    return line;
}

/* A file's name, and not a way out of its folder. */
static bool name_ok(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/') && strlen(name) < 100;
}

static int modules_add(struct exec_kernel *k, const char *folder, const char *name, struct err *err)
{
    char path[EXEC_PATH_MAX];
    int rc = path_make(path, sizeof path, err, "%s/%s", folder, name);
    if (rc)
        return rc;
    if (k->n_modules == EXEC_MODULES_MAX)
        return err_set(err, ERR_HOST, ENOSPC, "%.200s/order: has more than %u modules", folder,
                       EXEC_MODULES_MAX);
    k->modules[k->n_modules] = strdup(path);
    return k->modules[k->n_modules++] ? 0 : err_sys(err, ENOMEM, "%.200s", folder);
}

/*
 * The drivers to load, by FOLDER/order; -ENOENT without a message: there is no such file.
 * `*has_9p`: with them the kernel has 9P.
 */
static int modules_read(struct exec_kernel *k, const char *folder, bool share, bool *has_9p,
                        struct err *err)
{
    char order[EXEC_PATH_MAX];
    *has_9p = false;
    int rc = path_make(order, sizeof order, err, "%s/order", folder);
    char *text = rc ? NULL : list_read(order, &rc, err);
    if (!text)
        return rc;
    char *at = text;
    for (char *line; !rc && (line = list_line(&at));) {
        char *name = line + strcspn(line, " ");
        bool of_share = !strncmp(line, "9p ", 3);
        if ((!of_share && strncmp(line, "base ", 5) != 0) || !name_ok(name + 1)) {
            rc = err_set(err, ERR_HOST, EINVAL,
                         "%.200s: \"%.80s\": a line is \"base FILE\", \"9p FILE\" or \"9p -\"",
                         order, line);
            break;
        }
        *has_9p = *has_9p || of_share;
        if (strcmp(name + 1, "-") != 0 && (share || !of_share))
            rc = modules_add(k, folder, name + 1, err);
    }
    free(text);
    return rc;
}

/* What a run needs beside the program, and where it comes from. */
static int setup_first(const struct exec_arch *arch, bool share, const char *there, struct err *err)
{
    return err_set(err, ERR_FILE, ENOENT,
                   "there is no kernel for %s programs%s in %.200s; fetch it once: vibevmm exec "
                   "--setup%s%s, or give one: --kernel FILE",
                   arch->name, share ? " that has 9P, which --share needs," : "", there,
                   arch->arch == ARCH_ARM64 ? "" : " ",
                   arch->arch == ARCH_ARM64 ? "" : arch->folder);
}

int exec_kernel_find(const struct exec_arch *arch, bool share, struct exec_kernel *k,
                     struct err *err)
{
    static const char *const flavours[] = {"own", "cloud", "standard"};
    char cache[EXEC_PATH_MAX], folder[EXEC_PATH_MAX];
    int rc = exec_cache(cache, sizeof cache, err);
    for (unsigned i = 0; !rc && i < ARRAY_LEN(flavours); i++) {
        bool has_9p;
        rc = path_make(folder, sizeof folder, err, "%s/%s/%s/modules", cache, arch->folder,
                       flavours[i]);
        rc = rc ? rc : modules_read(k, folder, share, &has_9p, err);
        if (!rc && (has_9p || !share))
            return path_make(k->path, sizeof k->path, err, "%s/%s/%s/vmlinuz", cache, arch->folder,
                             flavours[i]);
        for (; k->n_modules; k->n_modules--)
            free(k->modules[k->n_modules - 1]);
        rc = rc == -ENOENT ? 0 : rc;
    }
    return rc ? rc : setup_first(arch, share, cache, err);
}

int exec_kernel_given(const char *path, bool share, struct exec_kernel *k, struct err *err)
{
    char folder[EXEC_PATH_MAX];
    const char *slash = strrchr(path, '/');
    bool has_9p;
    int rc = path_make(k->path, sizeof k->path, err, "%s", path);
    rc = rc ? rc
            : path_make(folder, sizeof folder, err, "%.*smodules",
                        slash ? (int)(slash + 1 - path) : 0, path);
    rc = rc ? rc : modules_read(k, folder, share, &has_9p, err);
    return rc == -ENOENT ? 0 : rc;
}

static int applets_add(struct cpio *c, const char *path, struct err *err)
{
    char name[128];
    int rc;
    char *text = list_read(path, &rc, err);
    if (!text) /* before --setup has asked busybox for its names, there are none */
        return rc == -ENOENT ? 0 : rc;
    char *at = text;
    for (char *line; !rc && (line = list_line(&at));) {
        if (!name_ok(line) || !strcmp(line, "busybox"))
            continue;
        snprintf(name, sizeof name, "bin/%s", line);
        rc = cpio_add_link(c, name, "busybox", err);
    }
    free(text);
    return rc;
}

int exec_busybox_add(const struct exec_arch *arch, struct cpio *c, bool *found, struct err *err)
{
    static char path[EXEC_PATH_MAX]; /* the archive keeps it */
    char cache[EXEC_PATH_MAX], applets[EXEC_PATH_MAX];
    int rc = exec_cache(cache, sizeof cache, err);
    rc = rc ? rc : path_make(path, sizeof path, err, "%s/%s/busybox/busybox", cache, arch->folder);
    rc = rc ? rc
            : path_make(applets, sizeof applets, err, "%s/%s/busybox/applets", cache, arch->folder);
    *found = !rc && !access(path, R_OK);
    if (rc || !*found)
        return rc;
    rc = cpio_add_file(c, "bin/busybox", 0755, path, err);
    return rc ? rc : applets_add(c, applets, err);
}

/* ---- fetching ---- */

int exec_setup(int argc, char **argv)
{
    struct err err = {0};
    char cache[EXEC_PATH_MAX], self[EXEC_PATH_MAX];
    if (exec_cache(cache, sizeof cache, &err))
        return say_err(&err);
    for (int i = 0; i < argc; i++) {
        unsigned known = 0;
        while (known < n_exec_archs && strcmp(argv[i], exec_archs[known].folder) != 0)
            known++;
        if (known == n_exec_archs) {
            say("--setup %.80s: no such architecture; there are arm64 and amd64", argv[i]);
            return STATUS_HOST;
        }
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char sh[] = "sh", c[] = "-c", name[] = "vibevmm", arm64[] = "arm64";
    char *words[16] = {sh, c, (char *)(uintptr_t)exec_setup_script, name, cache, self};
    unsigned at = 6;
    if (!argc)
        words[at++] = arm64;
    for (int i = 0; i < argc && at + 1 < ARRAY_LEN(words); i++)
        words[at++] = argv[i];
    execvp(sh, words);
    say("sh: %s", strerror(errno));
    return STATUS_HOST;
}
