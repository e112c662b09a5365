// SPDX-License-Identifier: MIT
/*
 * hv.c - the table of engines, and the choice among them.
 */
#include "vmm/hv.h"

#include <errno.h>
#include <stdio.h>

#include "hv_engines.h"

#ifdef HV_HAVE_KVM
#define HV_KVM &hv_kvm
#else
#define HV_KVM NULL
#endif

#ifdef __APPLE__
#define HV_ON_MACOS true
#else
#define HV_ON_MACOS false
#endif

/*
 * Engines a user may ask for by name; ops is NULL where this build has none. In the order `auto`
 * tries them.
 */
static const struct {
    const char *name;
    const struct hv_ops *ops;
    const char *absent; /* why */
    bool elsewhere;     /* hosts like this one never have it: `auto` says nothing of it */
} hv_names[] = {
    {"kvm",  HV_KVM,   "this build has no KVM engine: that is for Linux on ARM64 and x86-64",
     HV_ON_MACOS                                                                                          },
    {"hvf",  NULL,     "this build has no Hypervisor.framework engine",                       !HV_ON_MACOS},
    {"soft", &hv_soft, NULL,                                                                  false       },
};

const struct hv_ops *const hv_engines[] = {
#ifdef HV_HAVE_KVM
    &hv_kvm,
#endif
    &hv_soft,
    NULL,
};

/* What is left to do when an engine cannot be had, unless it is said already. */
static void hv_say_soft(enum board_arch arch, struct err *err)
{
    size_t n = strlen(err->text);
    if (arch == ARCH_ARM64 && !strstr(err->text, "--engine soft"))
        snprintf(err->text + n, sizeof err->text - n, "; or use --engine soft");
}

static int hv_choose_named(const char *name, enum board_arch arch, const struct hv_ops **ops,
                           struct hv_caps *caps, struct err *err)
{
    for (unsigned i = 0; i < ARRAY_LEN(hv_names); i++) {
        if (strcmp(hv_names[i].name, name) != 0)
            continue;
        *ops = hv_names[i].ops;
        int rc = *ops ? (*ops)->probe(arch, caps, err)
                      : err_set(err, ERR_HOST, ENOTSUP, "engine %s: %s", name, hv_names[i].absent);
        if (rc)
            hv_say_soft(arch, err);
        return rc;
    }
    return err_set(err, ERR_HOST, EINVAL,
                   "engine \"%s\" is unknown; engines are auto, kvm, hvf, soft", name);
}

int hv_choose(const char *name, enum board_arch arch, const struct hv_ops **ops,
              struct hv_caps *caps, char *why, size_t why_len, struct err *err)
{
    if (strcmp(name, "auto") != 0) {
        int rc = hv_choose_named(name, arch, ops, caps, err);
        if (!rc)
            snprintf(why, why_len, "engine %s: asked for", name);
        return rc;
    }
    char passed[400] = "";
    struct err last = {0};
    for (unsigned i = 0; i < ARRAY_LEN(hv_names); i++) {
        *ops = hv_names[i].ops;
        if (*ops && !(*ops)->probe(arch, caps, &last)) {
            snprintf(why, why_len, "engine %s%s%s", hv_names[i].name, *passed ? ": " : "", passed);
            return 0;
        }
        size_t n = strlen(passed);
        if (!hv_names[i].elsewhere)
            snprintf(passed + n, sizeof passed - n, "%s%.300s", n ? "; " : "",
                     *ops ? last.text : hv_names[i].absent);
    }
    return err_set(err, ERR_HOST, ENOTSUP, "no engine runs this board here: %s", passed);
}
