// SPDX-License-Identifier: MIT
/*
 * opts.c - option tables: read a command line by one, and print it as help.
 *
 * --name VALUE, --name=VALUE, -x; options and words in any order; "--" ends both. Names are never
 * abbreviated, so that a later option cannot change what an older script means.
 */
#include "launcher.h"

#include <errno.h>
#include <stdio.h>

#include "vmm/parse.h"

#define NEAREST_MAX 32

/* Edits (insert, delete, replace) that make b of a; both shorter than NEAREST_MAX. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NEAREST_MAX + 1];
    unsigned nb = (unsigned)strlen(b);
    for (unsigned j = 0; j <= nb; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(replace, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[nb];
}

const char *nearest(const char *bad, const char *const *first, unsigned n, size_t stride)
{
    size_t len = strlen(bad);
    const char *best = NULL;
    unsigned best_d = (unsigned)len / 3 + 1;
    for (unsigned i = 0; i < n && len < NEAREST_MAX; i++) {
        const char *word = *(const char *const *)(const void *)((const char *)first + i * stride);
        unsigned d = strlen(word) < NEAREST_MAX ? distance(bad, word) : UINT32_MAX;
        if (d <= best_d && d < len) {
            best = word;
            best_d = d - (d > 0); /* the next one must be nearer */
        }
    }
    return best;
}

/* ---- values ---- */

/* columns: what the value must be, how to read it */
static const struct {
    const char *accepted;
    bool (*parse)(const char *s, uint64_t *val);
} kinds[] = {
    [OPT_FLAG] = {NULL,                                                        NULL        },
    [OPT_TEXT] = {NULL,                                                        NULL        },
    [OPT_WORDS] = {NULL,                                                        NULL        },
    [OPT_ATTACH] = {NULL,                                                        NULL        },
    [OPT_SIZE] = {"a number of bytes, or one with K, M, G or T, such as 128M", parse_size  },
    [OPT_ADDR] = {"an address, such as 0x40080000",                            parse_number},
    [OPT_UINT] = {"a number",                                                  parse_number},
    [OPT_TIME] = {"a time, such as 5s, 500ms or 1.5m",                         parse_time  },
};

static int opt_store(const struct opt *o, const char *val, void *dst, struct err *err)
{
    char *at = (char *)dst + o->off;
    if (o->kind == OPT_FLAG)
        *(bool *)(void *)at = true;
    else if (o->kind == OPT_TEXT)
        *(const char **)(void *)at = val;
    else if (o->kind == OPT_ATTACH) {
        struct attach_list *list = (struct attach_list *)(void *)at;
        if (list->n == ARRAY_LEN(list->at))
            return err_set(err, ERR_HOST, EINVAL, "--%s: more than %u devices are attached",
                           o->name, (unsigned)ARRAY_LEN(list->at));
        list->at[list->n++] = (struct vm_attach){.option = o->name, .spec = val};
    } else if (o->kind == OPT_WORDS) {
        struct word_list *list = (struct word_list *)(void *)at;
        if (list->n == WORDS_MAX)
            return err_set(err, ERR_HOST, EINVAL, "--%s: is given more than %u times", o->name,
                           WORDS_MAX);
        list->at[list->n++] = val;
    } else if (!kinds[o->kind].parse(val, (uint64_t *)(void *)at))
        return err_set(err, ERR_HOST, EINVAL, "--%s \"%.80s\": needs %s", o->name, val,
                       kinds[o->kind].accepted);
    if ((o->kind == OPT_TEXT || o->kind == OPT_ATTACH) && val && !*val &&
        strcmp(o->name, "append") != 0)
        return err_set(err, ERR_HOST, EINVAL, "--%s \"\": needs %s %s", o->name,
                       strchr("AEIO", o->arg[0]) ? "an" : "a", o->arg);
    if (o->has)
        *((bool *)dst + o->has) = true;
    return 0;
}

/* ---- the command line ---- */

static const struct opt *opt_find(const struct opt *opts, unsigned n, const char *word, size_t len)
{
    for (unsigned i = 0; i < n; i++)
        if (word[1] == '-'
                ? strlen(opts[i].name) == len - 2 && !memcmp(opts[i].name, word + 2, len - 2)
                : len == 2 && opts[i].letter == word[1])
            return &opts[i];
    return NULL;
}

static int opt_unknown(const struct opt *opts, unsigned n, const char *word, size_t len,
                       struct err *err)
{
    char name[NEAREST_MAX] = "";
    const char *like = NULL;
    if (word[1] == '-' && len - 2 < sizeof name) {
        memcpy(name, word + 2, len - 2);
        like = nearest(name, &opts[0].name, n, sizeof opts[0]);
    }
    return err_set(err, ERR_HOST, EINVAL, "%.*s: no such option%s%s%s", (int)MIN(len, 80), word,
                   like ? "; did you mean --" : "; see vibevmm --help", like ? like : "",
                   like ? "?" : "");
}

static int opts_read(const struct opt *opts, unsigned n, void *dst, int argc, char **argv,
                     bool first, struct opt_rest *rest, struct err *err)
{
    *rest = (struct opt_rest){.words = argv};
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!strcmp(word, "--")) {
            rest->dashes = true;
            rest->after = argv + i + 1;
            rest->n_after = argc - i - 1;
            break;
        }
        if (word[0] != '-' || !word[1]) {
            if (first) {
                rest->words = argv + i;
                rest->n_words = argc - i;
                break;
            }
            rest->words[rest->n_words++] = argv[i];
            continue;
        }
        size_t len = strcspn(word, "=");
        const struct opt *o = opt_find(opts, n, word, len);
        if (!o)
            return opt_unknown(opts, n, word, len, err);
        const char *val = word[len] ? word + len + 1 : NULL;
        if (!o->arg && val)
            return err_set(err, ERR_HOST, EINVAL, "--%s takes no value, but \"%.80s\" was given",
                           o->name, val);
        if (o->arg && !val) {
            if (i + 1 == argc)
                return err_set(err, ERR_HOST, EINVAL, "--%s: its %s is missing", o->name, o->arg);
            val = argv[++i];
        }
        int rc = opt_store(o, val, dst, err);
        if (rc)
            return rc;
        rest->given |= BIT((unsigned)(o - opts));
    }
    return 0;
}

int opts_parse(const struct opt *opts, unsigned n, void *dst, int argc, char **argv,
               struct opt_rest *rest, struct err *err)
{
    return opts_read(opts, n, dst, argc, argv, false, rest, err);
}

int opts_parse_first(const struct opt *opts, unsigned n, void *dst, int argc, char **argv,
                     struct opt_rest *rest, struct err *err)
{
    return opts_read(opts, n, dst, argc, argv, true, rest, err);
}

int opt_give(const struct opt *opts, unsigned n, void *dst, const char *name, const char *val,
             struct err *err)
{
    for (unsigned i = 0; i < n; i++) {
        const struct opt *o = &opts[i];
        if (strcmp(o->name, name) != 0)
            continue;
        if (!o->arg != !val)
            return err_set(err, ERR_HOST, EINVAL,
                           o->arg ? "--%s: its %s is missing" : "--%s takes no value%s", name,
                           o->arg ? o->arg : "");
        return opt_store(o, val, dst, err);
    }
    return err_set(err, ERR_HOST, EINVAL, "--%s: no such option", name);
}

void opts_help(const struct opt *opts, unsigned n, struct text *t, bool man)
{
    for (unsigned i = 0; i < n; i++) {
        const struct opt *o = &opts[i];
        if (man) {
            text_add(t, ".TP\n");
            if (o->letter)
                text_add(t, "\\fB\\-%c\\fR, ", o->letter);
            text_add(t, "\\fB\\-\\-%s\\fR%s\\fI%s\\fR\n%s\n", o->name, o->arg ? " " : "",
                     o->arg ? o->arg : "", o->help);
        } else {
            char left[40];
            snprintf(left, sizeof left, "%s%s%s%s",
                     o->letter ? (char[]){'-', o->letter, ',', ' ', 0} : "", "--", o->name, "");
            size_t used = strlen(left);
            snprintf(left + used, sizeof left - used, "%s%s", o->arg ? " " : "",
                     o->arg ? o->arg : "");
            text_add(t, "  %-19s %s\n", left, o->help);
        }
    }
}
