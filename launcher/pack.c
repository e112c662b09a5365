// SPDX-License-Identifier: MIT
/*
 * pack.c - `vibevmm pack`: files into an appliance, or into an executable that is one.
 *
 * The file appears under its name when it is whole and was read back, or not at all.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vmm/app.h"
#include "vmm/pack.h"
#include "vmm/parse.h"

struct pack_opts {
    uint64_t zero; /* so that no option has offset 0: opt.has says "none" with it */
    const char *output, *launcher, *binary, *initrd, *dtb, *description, *hash;
    uint64_t entry;
    bool has_entry, executable, gzip, help;
    struct attach_list says; /* what becomes a property */
};

#define O(field)       offsetof(struct pack_opts, field)
#define O2(field, has) offsetof(struct pack_opts, field), offsetof(struct pack_opts, has)

// clang-format off
/* columns as in run.c; the rows of kind OPT_ATTACH are the options of run that an appliance may give (appliance.c) */
const struct opt pack_options[] = {
    {"output",      'o', OPT_TEXT,   O(output), 0,     "FILE",  "what to write; it takes the place of an older one when it is whole"},
    {"executable",  0,   OPT_FLAG,   O(executable), 0, NULL,    "write a program: this launcher with the appliance inside"},
    {"launcher",    0,   OPT_TEXT,   O(launcher), 0,   "FILE",  "with --executable, another launcher than this one, such as one for ARM64 hosts"},
    {"binary",      0,   OPT_TEXT,   O(binary), 0,     "FILE",  "raw code as the kernel, whatever it looks like"},
    {"entry",       0,   OPT_ADDR,   O2(entry, has_entry), "ADDR", "where --binary is loaded and started (default: the board's)"},
    {"initrd",      0,   OPT_TEXT,   O(initrd), 0,     "FILE",  "initial RAM disk for the kernel"},
    {"dtb",         0,   OPT_TEXT,   O(dtb), 0,        "FILE",  "device tree instead of the board's"},
    {"description", 0,   OPT_TEXT,   O(description), 0, "TEXT", "what it is, for people (default: the file's name)"},
    {"hash",        0,   OPT_TEXT,   O(hash), 0,       "WHICH", "sha256 (default), crc32, or none: then parts are mapped, not read"},
    {"gzip",        0,   OPT_FLAG,   O(gzip), 0,       NULL,    "compress the kernel"},
    {"append",      0,   OPT_ATTACH, O(says), 0,       "TEXT",  "kernel command line"},
    {"balloon",     0,   OPT_ATTACH, O(says), 0,       "SIZE",  "a balloon"},
    {"board",       0,   OPT_ATTACH, O(says), 0,       "NAME",  "the board it is for"},
    {"console",     0,   OPT_ATTACH, O(says), 0,       "WHICH", "uart, virtio, stderr or none"},
    {"cpus",        0,   OPT_ATTACH, O(says), 0,       "N",     "number of vCPUs"},
    {"disk",        0,   OPT_ATTACH, O(says), 0,       "FILE[,..]", "a disk, by a name beside the appliance"},
    {"mem",         0,   OPT_ATTACH, O(says), 0,       "SIZE",  "guest memory"},
    {"net",         0,   OPT_ATTACH, O(says), 0,       "KIND[,..]", "a network"},
    {"reboot",      0,   OPT_ATTACH, O(says), 0,       NULL,    "start again when the guest asks for a reset"},
    {"rng",         0,   OPT_ATTACH, O(says), 0,       NULL,    "an entropy device"},
    {"timeout",     0,   OPT_ATTACH, O(says), 0,       "TIME",  "end the run after TIME"},
    {"help",        'h', OPT_FLAG,   O(help), 0,       NULL,    "this text"},
};
// clang-format on
const unsigned n_pack_options = ARRAY_LEN(pack_options);

/* ---- the file that is written: under another name until it is whole ---- */

static char pack_temp[4096]; /* "": there is none */

static void pack_ended(int sig)
{
    unlink(pack_temp);
    signal(sig, SIG_DFL);
    raise(sig);
}

static int pack_create(const char *path, struct err *err)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
    int n = snprintf(pack_temp, sizeof pack_temp, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof pack_temp) {
        *pack_temp = 0;
        return err_sys(err, ENAMETOOLONG, "%.100s", path);
    }
    int fd = mkostemp(pack_temp, O_CLOEXEC);
    if (fd < 0) {
        *pack_temp = 0;
        return err_sys(err, errno, "%s", path);
    }
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++)
        if (signal(ends[i], pack_ended) == SIG_IGN)
            signal(ends[i], SIG_IGN);
    return fd;
}

/* In the place of `path`, with the rights a new file has. Closes fd. */
static int pack_finish(int fd, const char *path, bool executable, struct err *err)
{
    mode_t mask = umask(0);
    umask(mask);
    int rc = fchmod(fd, (executable ? 0777 : 0666) & ~mask) ? -errno : 0;
    if (close(fd) && !rc)
        rc = -errno;
    if (!rc && rename(pack_temp, path))
        rc = -errno;
    if (!rc)
        *pack_temp = 0;
    return rc ? err_sys(err, -rc, "%s", path) : 0;
}

/* ---- what the appliance says ---- */

static bool may_repeat(const char *name)
{
    return !strcmp(name, "disk") || !strcmp(name, "net");
}

/* Rows of one name together; of those that count once, the last. */
static unsigned pack_properties(const struct attach_list *says, struct pack_property *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(pack_options); i++) {
        const char *name = pack_options[i].name;
        if (pack_options[i].kind != OPT_ATTACH)
            continue;
        unsigned first = n;
        for (unsigned k = 0; k < says->n; k++)
            if (!strcmp(says->at[k].option, name))
                out[may_repeat(name) ? n++ : first] =
                    (struct pack_property){name, says->at[k].spec};
        if (!may_repeat(name) && out[first].name == name)
            n = first + 1;
    }
    return n;
}

/* SOURCE_DATE_EPOCH makes the same bytes of the same files (reproducible-builds.org). */
static int pack_time(uint64_t *seconds, struct err *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    *seconds = (uint64_t)time(NULL);
    if (epoch && !parse_number(epoch, seconds))
        return err_set(err, ERR_HOST, EINVAL, "SOURCE_DATE_EPOCH \"%.40s\": needs a number", epoch);
    return 0;
}

static int pack_hash(const char *word, enum fit_algo *hash, struct err *err)
{
    static const struct {
        const char *word;
        enum fit_algo hash;
    } rows[] = {
        {"sha256", FIT_SHA256},
        {"crc32",  FIT_CRC32 },
        {"none",   FIT_OTHER },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcmp(word, rows[i].word)) {
            *hash = rows[i].hash;
            return 0;
        }
    return err_set(err, ERR_HOST, EINVAL, "--hash %.40s: is sha256, crc32 or none", word);
}

/* Read back as `run` would: what it says of its machine must be what this launcher takes. */
static int pack_check(const char *path, const char *name, struct err *err)
{
    static struct run_opts o;
    struct fit *fit;
    int rc = fit_open(&fit, path, NULL, true, err);
    if (rc)
        return rc;
    fit->path = name;
    rc = appliance_apply(fit, 0, &o, err);
    if (!rc && o.board && !board_find(o.board))
        rc = err_set(err, ERR_IMAGE, EINVAL,
                     "%s: --board %.80s: no such board; vibevmm boards lists them", name, o.board);
    if (!rc && o.board && o.has_mem) {
        const struct board *b = board_find(o.board);
        if (o.mem < b->mem_min || o.mem > board_mem_max(b) || o.mem % MEM_PAGE)
            rc = err_set(err, ERR_IMAGE, EINVAL,
                         "%s: --mem %" PRIu64 " MiB: board %s takes %" PRIu64 " to %" PRIu64 " MiB",
                         name, o.mem >> 20, b->name, b->mem_min >> 20, board_mem_max(b) >> 20);
    }
    fit_free(fit);
    return rc;
}

static int pack_appliance(const struct pack_opts *o, const char *image, int fd, struct err *err)
{
    struct pack_property properties[VM_ATTACH_MAX + 1] = {0};
    const struct board *board = boards[0];
    const char *name = strrchr(o->output, '/');
    struct pack p = {
        .description = o->description ? o->description
                       : name         ? name + 1
                                      : o->output,
        .kernel = o->binary ? o->binary : image,
        .raw = o->binary != NULL,
        .initrd = o->initrd,
        .dtb = o->dtb,
        .gzip = o->gzip,
        .properties = properties,
    };
    p.n_properties = pack_properties(&o->says, properties);
    int rc = pack_hash(o->hash ? o->hash : "sha256", &p.hash, err);
    if (!rc)
        rc = pack_time(&p.timestamp, err);
    if (rc)
        return rc;
    for (unsigned i = 0; i < p.n_properties; i++) {
        if (strcmp(properties[i].name, "board") != 0)
            continue;
        const struct board *named = board_find(properties[i].val);
        if (!named)
            return err_set(err, ERR_HOST, EINVAL,
                           "--board %.80s: no such board; vibevmm boards lists them",
                           properties[i].val);
        board = named;
    }
    p.arch = board->arch;
    p.entry = o->has_entry ? o->entry : board->ram[0].base + board->raw_off;
    rc = pack_write(&p, fd, o->output, err);
    return rc ? rc : pack_check(pack_temp, o->output, err);
}

/* The launcher, and the appliance that is all of `fit`, into the file that is written now. */
static int pack_program(const struct pack_opts *o, int fd, int fit, const char *fit_path,
                        struct err *err)
{
    const char *launcher = o->launcher ? o->launcher : "/proc/self/exe";
    struct app_mark mark;
    app_mark_get(&mark);
    int from = open(launcher, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return err_sys(err, errno, "%s", launcher);
    int rc = app_write(fd, o->output, from, launcher, fit, fit_path, &mark, err);
    close(from);
    return rc;
}

static int pack_program_file(const struct pack_opts *o, int fit, const char *fit_path,
                             struct err *err)
{
    int fd = pack_create(o->output, err);
    if (fd < 0)
        return fd;
    int rc = pack_program(o, fd, fit, fit_path, err);
    if (!rc)
        return pack_finish(fd, o->output, true, err);
    close(fd);
    return rc;
}

/* A new appliance inside of a program: it is made apart, in a file that has no name any more. */
static int pack_new_program(const struct pack_opts *o, const char *image, struct err *err)
{
    int fit = pack_create(o->output, err);
    if (fit < 0)
        return fit;
    int rc = pack_appliance(o, image, fit, err);
    unlink(pack_temp);
    if (!rc)
        rc = pack_program_file(o, fit, o->output, err);
    close(fit);
    return rc;
}

/* An appliance that is there already. */
static int pack_old_program(const struct pack_opts *o, const char *image, struct err *err)
{
    int fit = open(image, O_RDONLY | O_CLOEXEC);
    if (fit < 0)
        return err_sys(err, errno, "%s", image);
    int rc = pack_check(image, image, err);
    if (!rc)
        rc = pack_program_file(o, fit, image, err);
    close(fit);
    return rc;
}

static int pack_file(const struct pack_opts *o, const char *image, struct err *err)
{
    int fd = pack_create(o->output, err);
    if (fd < 0)
        return fd;
    int rc = pack_appliance(o, image, fd, err);
    if (!rc)
        return pack_finish(fd, o->output, false, err);
    close(fd);
    return rc;
}

static int pack_args(const struct pack_opts *o, const struct opt_rest *rest, bool is_tree,
                     struct err *err)
{
    const char *image = rest->n_words ? rest->words[0] : NULL;
    if (rest->n_words > 1 || rest->n_after)
        return err_set(err, ERR_HOST, EINVAL, "pack takes one image, and options");
    if (!image == !o->binary)
        return err_set(err, ERR_HOST, EINVAL,
                       image ? "%.100s and --binary: give one of them"
                             : "no image: give a kernel, an appliance, or --binary FILE",
                       image);
    if (!o->output)
        return err_set(err, ERR_HOST, EINVAL, "--output FILE is missing");
    if (o->has_entry && !o->binary)
        return err_set(err, ERR_HOST, EINVAL, "--entry: only raw code needs it: --binary %.100s",
                       image);
    if (o->launcher && !o->executable)
        return err_set(err, ERR_HOST, EINVAL, "--launcher goes with --executable");
    if (is_tree && (!o->executable || o->initrd || o->dtb || o->description || o->hash || o->gzip ||
                    o->says.n))
        return err_set(err, ERR_HOST, EINVAL,
                       "%.100s: is an appliance already; it goes into a program as it is: "
                       "--executable, and nothing that would change it",
                       image);
    return 0;
}

int cmd_pack(int argc, char **argv)
{
    static struct pack_opts o;
    struct opt_rest rest;
    struct err err = {0};
    enum board_arch arch;
    int rc = opts_parse(pack_options, n_pack_options, &o, argc, argv, &rest, &err);
    if (!rc && o.help)
        return cmd_usage("pack");
    const char *image = !rc && rest.n_words ? rest.words[0] : NULL;
    bool is_tree = image && boot_peek(image, &arch) == BOOT_PEEK_TREE;
    if (!rc)
        rc = pack_args(&o, &rest, is_tree, &err);
    if (!rc)
        rc = is_tree        ? pack_old_program(&o, image, &err)
             : o.executable ? pack_new_program(&o, image, &err)
                            : pack_file(&o, image, &err);
    if (*pack_temp)
        unlink(pack_temp);
    return rc ? say_err(&err) : 0;
}
