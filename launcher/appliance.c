// SPDX-License-Identifier: MIT
/*
 * appliance.c - what an appliance says of its machine: options of `run`, as properties
 * "vibevmm,NAME" of its configuration.
 *
 * An appliance may come from anywhere, so it may ask only for what stays inside the machine, and
 * for disks beside its own file. The command line overrides: an option that is given there replaces
 * the property, and of options that attach, all properties of that name.
 */
#include "launcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Options that an appliance may give are those that `pack` writes into one. */
static bool appliance_may_say(const char *name)
{
    for (unsigned i = 0; i < n_pack_options; i++)
        if (pack_options[i].kind == OPT_ATTACH && !strcmp(pack_options[i].name, name))
            return true;
    return false;
}

static int appliance_unknown(const struct fit *fit, const char *name, struct err *err)
{
    struct text list = {0};
    for (unsigned i = 0; i < n_pack_options; i++)
        if (pack_options[i].kind == OPT_ATTACH)
            text_add(&list, "%s%s", list.len ? ", " : "", pack_options[i].name);
    int rc = err_set(
        err, ERR_IMAGE, EINVAL,
        "%.100s: configuration %.40s: vibevmm,%.40s: an appliance cannot say that; it can say %s",
        fit->path, fit->chosen, name, list.p ? list.p : "");
    text_free(&list);
    return rc;
}

/* Does the path stay in its folder? Its words, by slashes: no "..", and none before the first. */
static bool stays_inside(const char *path, size_t len)
{
    if (!len || path[0] == '/')
        return false;
    for (size_t at = 0; at < len;) {
        size_t n = strcspn(path + at, "/,");
        if (n == 2 && path[at] == '.' && path[at + 1] == '.')
            return false;
        at += n + 1;
    }
    return true;
}

/*
 * "FILE[,...]" beside the appliance, as --disk takes it from here. The string is kept for as long
 * as the process runs. A file for writes (cow=FILE) is the caller's to choose, not the appliance's.
 */
static int appliance_disk(const struct fit *fit, const char **val, struct err *err)
{
    size_t len = strcspn(*val, ",");
    if (!stays_inside(*val, len) || strstr(*val + len, ",cow="))
        return err_set(
            err, ERR_IMAGE, EINVAL,
            "%.100s: configuration %.40s: vibevmm,disk \"%.80s\": an appliance names files "
            "beside itself: no absolute path, no \"..\", no cow=FILE",
            fit->path, fit->chosen, *val);
    const char *slash = strrchr(fit->path, '/');
    int dir = slash ? (int)(slash - fit->path) + 1 : 0;
    size_t room = (size_t)dir + strlen(*val) + 1;
    char *path = malloc(room);
    if (!path)
        return err_sys(err, ENOMEM, "vibevmm,disk");
    snprintf(path, room, "%.*s%s", dir, fit->path, *val);
    *val = path;
    return 0;
}

static int appliance_give(const struct fit *fit, const char *name, const char *val,
                          struct run_opts *o, struct err *err)
{
    struct err why = {0};
    int rc = val && !strcmp(name, "disk") ? appliance_disk(fit, &val, err) : 0;
    if (rc)
        return rc;
    rc = opt_give(run_options, n_run_options, o, name, val, &why);
    return rc ? err_set(err, ERR_IMAGE, -rc, "%.100s: configuration %.40s: vibevmm,%s: %s",
                        fit->path, fit->chosen, name, why.text)
              : 0;
}

static int option_index(const char *name)
{
    for (unsigned i = 0; i < n_run_options; i++)
        if (!strcmp(run_options[i].name, name))
            return (int)i;
    return -1;
}

int appliance_apply(const struct fit *fit, uint64_t given, struct run_opts *o, struct err *err)
{
    struct attach_list mine = o->attach;
    const char *name, *val;
    size_t len;
    int rc;
    o->attach.n = 0;
    for (unsigned i = 0; (rc = fit_property(fit, i, &name, &val, &len, err)) > 0; i++) {
        if (!appliance_may_say(name))
            return appliance_unknown(fit, name, err);
        int row = option_index(name);
        if (row >= 0 && (given & BIT((unsigned)row)))
            continue;
        rc = len ? 0 : appliance_give(fit, name, NULL, o, err);
        for (size_t at = 0; !rc && at < len; at += strlen(val + at) + 1)
            rc = appliance_give(fit, name, val + at, o, err);
        if (rc)
            return rc;
    }
    for (unsigned i = 0; !rc && i < mine.n; i++)
        rc = opt_give(run_options, n_run_options, o, mine.at[i].option, mine.at[i].spec, err);
    return rc;
}
