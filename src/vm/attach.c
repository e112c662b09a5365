// SPDX-License-Identifier: MIT
/*
 * attach.c - what the command line attaches, into the board's virtio windows.
 *
 * The n-th attachment goes into the n-th window, by address; windows left over are empty. One row
 * per kind: the option that asks for it, and the function that makes it from the option's text.
 */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "vmm/parse.h"

/* columns: option, maker */
static const struct {
    const char *option;
    attach_fn *make;
} attach_kinds[] = {
    {"balloon", attach_balloon},
    {"disk",    attach_disk   },
    {"rng",     attach_rng    },
    {"share",   attach_share  },
};

static unsigned attach_windows(const struct board *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_devs; i++)
        n += b->devs[i].kind == DEV_VIRTIO;
    return n;
}

int attach_check(const struct vm_config *c, struct err *err)
{
    unsigned windows = attach_windows(c->board);
    if (c->n_attach > windows)
        return err_set(
            err, ERR_HOST, ENOSPC, "--%s %s: board %s has %u virtio windows, and this is device %u",
            c->attach[windows].option, c->attach[windows].spec ? c->attach[windows].spec : "",
            c->board->name, windows, windows + 1);
    return 0;
}

int attach_new(struct vm *vm, const struct board_dev *row, struct irq_line irq, struct dev **dev,
               struct err *err)
{
    if (vm->n_attached == vm->cfg.n_attach) {
        int rc = vm->slot ? 0 : virtio_slot_new(&vm->slot, row->name);
        *dev = vm->slot;
        return rc ? err_sys(err, -rc, "cannot make %s", row->name) : 0;
    }
    const struct vm_attach *a = &vm->cfg.attach[vm->n_attached];
    struct attach at = {
        .vm = vm,
        .name = row->name,
        .spec = a->spec,
        .host = {.mem = &vm->mem, .irq = irq},
    };
    for (unsigned i = 0; i < ARRAY_LEN(attach_kinds); i++) {
        if (strcmp(attach_kinds[i].option, a->option) != 0)
            continue;
        int rc = attach_kinds[i].make(&at, dev, err);
        if (!rc)
            vm->attached[vm->n_attached++] = container_of(*dev, struct virtio, dev);
        return rc;
    }
    return err_set(err, ERR_HOST, ENODEV, "--%s: this build has no such device", a->option);
}

/* ---- an option's text ---- */

/* End the word at *p: "," becomes NUL and *p the next word, or NULL after the last; ",," is one
 * comma. */
static char *attach_word_end(char **p)
{
    char *word = *p, *to = *p, *from = *p;
    while (*from && (*from != ',' || from[1] == ',')) {
        from += *from == ',';
        *to++ = *from++;
    }
    *p = *from ? from + 1 : NULL;
    *to = '\0';
    return word;
}

static int attach_word_set(const char *option, const char *spec, const struct attach_word *words,
                           unsigned n, char *word, struct err *err)
{
    char *eq = strchr(word, '=');
    size_t len = eq ? (size_t)(eq - word) : strlen(word);
    for (unsigned i = 0; i < n; i++) {
        const struct attach_word *w = &words[i];
        if (strlen(w->name) != len || memcmp(w->name, word, len) != 0)
            continue;
        if (eq ? !w->text || !eq[1] : !w->flag)
            break;
        if (w->flag)
            *w->flag = true;
        if (eq)
            *w->text = eq + 1;
        return 0;
    }
    char list[200] = "";
    for (unsigned i = 0, at = 0; i < n && at < sizeof list; i++)
        at += (unsigned)snprintf(list + at, sizeof list - at, "%s%s%s%s%s", i ? ", " : "",
                                 words[i].flag ? words[i].name : "",
                                 words[i].flag && words[i].text ? ", " : "",
                                 words[i].text ? words[i].name : "", words[i].text ? "=TEXT" : "");
    return err_set(err, ERR_HOST, EINVAL, "--%s %s: \"%s\" is not one of %s", option, spec, word,
                   list);
}

int attach_words(const char *option, const char *spec, const struct attach_word *words, unsigned n,
                 const char **first, char **copy, struct err *err)
{
    char *p = *copy = strdup(spec);
    if (!p)
        return err_sys(err, ENOMEM, "--%s", option);
    *first = attach_word_end(&p);
    if (!**first)
        return err_set(err, ERR_HOST, EINVAL, "--%s %s: a name comes first", option, spec);
    int rc = 0;
    while (p && !rc)
        rc = attach_word_set(option, spec, words, n, attach_word_end(&p), err);
    return rc;
}

/* ---- entropy ---- */

static bool attach_random(void *buf, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = getrandom((uint8_t *)buf + at, len - at, 0);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

int attach_rng(const struct attach *a, struct dev **dev, struct err *err)
{
    int rc = virtio_rng_new(dev, a->name, &a->host, attach_random);
    return rc ? err_sys(err, -rc, "--rng") : 0;
}

/* ---- balloon ---- */

int attach_balloon(const struct attach *a, struct dev **dev, struct err *err)
{
    uint64_t mem = mem_total(&a->vm->mem), target = 0;
    if (!parse_size(a->spec, &target))
        return err_set(
            err, ERR_HOST, EINVAL,
            "--balloon \"%.80s\": needs a number of bytes, or one with K, M, G or T, such "
            "as 128M",
            a->spec);
    if (target >= mem)
        return err_set(err, ERR_HOST, EINVAL,
                       "--balloon %s: the guest has %" PRIu64 " MiB, and it cannot give back all",
                       a->spec, mem >> 20);
    int rc = virtio_balloon_new(dev, a->name, &a->host, target);
    return rc ? err_sys(err, -rc, "--balloon") : 0;
}
