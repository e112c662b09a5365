// SPDX-License-Identifier: MIT
/*
 * inspect.c - `vibevmm inspect`: what image files are, and which boards would run them, as text or
 * JSON.
 *
 * Whether a board would is not guessed: the image is loaded into memory of that board's default
 * size, as `run` loads it.
 */
#include "launcher.h"

#include <errno.h>
#include <sys/stat.h>

#include "vmm/inspect.h"

struct inspect_opts {
    bool json, help;
};

#define O(field) offsetof(struct inspect_opts, field)

// clang-format off
const struct opt inspect_options[] = {
    {"json", 0,   OPT_FLAG, O(json), 0, NULL, "the same as JSON: an array with an object for each file"},
    {"help", 'h', OPT_FLAG, O(help), 0, NULL, "this text"},
};
// clang-format on
const unsigned n_inspect_options = ARRAY_LEN(inspect_options);

/* ---- facts as JSON ---- */

static void as_json_open(void *j, const char *key, bool list)
{
    json_open(j, key, list ? '[' : '{');
}

static void as_json_close(void *j, bool list)
{
    json_close(j, list ? ']' : '}');
}

static void as_json_text(void *j, const char *key, const char *val)
{
    json_text(j, key, val);
}

static void as_json_number(void *j, const char *key, uint64_t val)
{
    json_u64(j, key, val);
}

static void as_json_address(void *j, const char *key, uint64_t val)
{
    json_hex(j, key, val);
}

static void as_json_flag(void *j, const char *key, bool val)
{
    json_bool(j, key, val);
}

/* ---- facts as lines: a group is indented, an item of a list has a dash ---- */

struct lines {
    struct text t;
    int depth;
    bool dash; /* the next line begins an item */
};

static void line_begin(struct lines *l, const char *key)
{
    int depth = l->depth - (l->dash || !key);
    text_add(&l->t, "%*s%s", 2 * depth, "", l->dash || !key ? "- " : "");
    l->dash = false;
    for (; key && *key; key++)
        text_bytes(&l->t, *key == '_' ? " " : key, 1);
}

static void as_lines_open(void *ctx, const char *key, bool list)
{
    struct lines *l = ctx;
    (void)list;
    if (key) {
        line_begin(l, key);
        text_add(&l->t, ":\n");
    } else {
        l->dash = true;
    }
    l->depth++;
}

static void as_lines_close(void *ctx, bool list)
{
    struct lines *l = ctx;
    (void)list;
    l->dash = false;
    l->depth--;
}

/* What a file says may hold what moves a terminal's cursor. */
static void as_lines_text(void *ctx, const char *key, const char *val)
{
    struct lines *l = ctx;
    line_begin(l, key);
    text_add(&l->t, "%s", key ? ": " : "");
    for (; *val; val++)
        text_bytes(&l->t, (uint8_t)*val < ' ' || *val == 0x7f ? "?" : val, 1);
    text_add(&l->t, "\n");
}

static void as_lines_number(void *ctx, const char *key, uint64_t val)
{
    struct lines *l = ctx;
    line_begin(l, key);
    text_add(&l->t, "%s%" PRIu64, key ? ": " : "", val);
    if (val >= MIB(1))
        text_add(&l->t, " (%" PRIu64 ".%" PRIu64 " MiB)", val >> 20, (val % MIB(1)) * 10 >> 20);
    text_add(&l->t, "\n");
}

static void as_lines_address(void *ctx, const char *key, uint64_t val)
{
    struct lines *l = ctx;
    line_begin(l, key);
    text_add(&l->t, "%s%#" PRIx64 "\n", key ? ": " : "", val);
}

static void as_lines_flag(void *ctx, const char *key, bool val)
{
    as_lines_text(ctx, key, val ? "yes" : "no");
}

/* ---- which boards ---- */

/* Load it as `run` would. `said`: what an appliance says; else nothing. */
static int board_takes(const struct board *b, const char *path, const struct fit *fit,
                       const struct run_opts *said, struct boot_result *res, struct err *err)
{
    struct mem_region regions[MEM_REGIONS_MAX];
    struct guest_mem mem;
    unsigned n = board_ram_regions(b, said->has_mem ? said->mem : b->mem_default, regions);
    int rc = mem_init(&mem, regions, n, err);
    if (rc)
        return rc;
    const struct boot_params p = {
        .board = b,
        .image = path,
        .fit = fit,
        .dtb_room = b->arch == ARCH_ARM64 ? KIB(64) : 0,
        .cmdline = said->append ? said->append : b->bootargs,
    };
    rc = boot_load(&p, &mem, res, err);
    if (!rc)
        boot_fini(res);
    mem_fini(&mem);
    return rc;
}

/* Is it worth asking: for an image's own CPU, and for the board that an appliance names. */
static bool board_is_asked(const struct board *b, bool has_arch, enum board_arch arch,
                           const struct run_opts *said)
{
    if (said->board)
        return !strcmp(said->board, b->name);
    return !has_arch || b->arch == arch;
}

static void boards_facts(const char *path, const struct inspect_out *o)
{
    enum board_arch arch = ARCH_ARM64;
    enum boot_peek peek = boot_peek(path, &arch);
    struct run_opts said = {0};
    struct boot_result res;
    struct err err = {0}, last = {0};
    struct fit *fit = NULL;
    bool has_arch = peek == BOOT_PEEK_ARCH, any = false;
    int rc = peek == BOOT_PEEK_TREE ? fit_open(&fit, path, NULL, true, &err) : 0;
    if (fit && !rc) {
        has_arch = fit_arch(&fit->parts[FIT_KERNEL], &arch);
        rc = appliance_apply(fit, 0, &said, &err);
    }
    o->open(o->ctx, "boards", true);
    for (unsigned i = 0; boards[i] && !rc; i++) {
        if (!board_is_asked(boards[i], has_arch, arch, &said))
            continue;
        if (board_takes(boards[i], path, fit, &said, &res, &last)) {
            err = err.code ? err : last;
            continue;
        }
        any = true;
        o->open(o->ctx, NULL, false);
        o->text(o->ctx, "name", boards[i]->name);
        o->address(o->ctx, "loaded_at", res.load_gpa);
        o->address(o->ctx, "starts_at", res.start.entry);
        o->close(o->ctx, false);
    }
    o->close(o->ctx, true);
    if (!any)
        o->text(o->ctx, "boots_not", err.text[0] ? err.text : "no board here is the one it names");
    fit_free(fit);
}

/* ---- the command ---- */

static int inspect_one(const char *path, const struct inspect_out *o, struct err *err)
{
    struct stat st;
    o->text(o->ctx, "file", path);
    int rc = inspect_file(path, o, err);
    if (!rc && !stat(path, &st) && S_ISREG(st.st_mode)) /* a pipe was read to its end */
        boards_facts(path, o);
    return rc;
}

int cmd_inspect(int argc, char **argv)
{
    struct inspect_opts opts = {0};
    struct opt_rest rest;
    struct err err = {0};
    struct json json = {.first = true};
    struct lines lines = {.depth = 0};
    const struct inspect_out as_json = {&json,        as_json_open,   as_json_close,
                                        as_json_text, as_json_number, as_json_address,
                                        as_json_flag};
    const struct inspect_out as_lines = {&lines,        as_lines_open,   as_lines_close,
                                         as_lines_text, as_lines_number, as_lines_address,
                                         as_lines_flag};
    const struct inspect_out *o;
    int rc = opts_parse(inspect_options, n_inspect_options, &opts, argc, argv, &rest, &err);
    int status = 0;
    if (!rc && opts.help)
        return cmd_usage("inspect");
    if (!rc && (!rest.n_words || rest.n_after))
        rc = err_set(&err, ERR_HOST, EINVAL, "inspect takes files");
    if (rc)
        return say_err(&err);
    o = opts.json ? &as_json : &as_lines;
    if (opts.json)
        json_open(&json, NULL, '[');
    for (int i = 0; i < rest.n_words; i++) {
        err = (struct err){0};
        if (opts.json)
            json_open(&json, NULL, '{');
        if (inspect_one(rest.words[i], o, &err))
            status = say_err(&err);
        if (opts.json)
            json_close(&json, '}');
        else if (i + 1 < rest.n_words)
            text_add(&lines.t, "\n");
    }
    if (opts.json)
        json_close(&json, ']');
    rc = opts.json ? json_print(&json) : text_print(&lines.t);
    return rc ? rc : status;
}
