// SPDX-License-Identifier: MIT
/*
 * attach.c - what the command line attaches, into the board's virtio windows.
 *
 * The n-th device goes into the n-th window, by address; windows left over are empty. One row
 * per kind: the option that asks for it, and the function that makes it from the option's text.
 * Attachments that are ports are one device together, in the place of the first of them.
 */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

/* columns: option, maker (NULL: no device, but a word to one), whether it is a port */
static const struct attach_kind {
    const char *option;
    attach_fn *make;
    bool port;
} attach_kinds[] = {
    {"balloon", attach_balloon, false},
    {"console", attach_console, true },
    {"disk",    attach_disk,    false},
    {"net",     attach_net,     false},
    {"port",    attach_console, true },
    {"publish", NULL,           false},
    {"rng",     attach_rng,     false},
    {"share",   attach_share,   false},
    {"vsock",   attach_vsock,   false},
};

static const struct attach_kind *attach_kind_of(const struct vm_attach *a)
{
    for (unsigned i = 0; i < ARRAY_LEN(attach_kinds); i++)
        if (!strcmp(attach_kinds[i].option, a->option))
            return &attach_kinds[i];
    return NULL;
}

static bool attach_is_port(const struct vm_attach *a)
{
    const struct attach_kind *kind = attach_kind_of(a);
    return kind && kind->port;
}

/* Is attachment i a device of its own? Of the ports, the first is. */
static bool attach_is_device(const struct vm_config *c, unsigned i)
{
    const struct attach_kind *kind = attach_kind_of(&c->attach[i]);
    if (!kind || !kind->port)
        return !kind || kind->make;
    unsigned first = 0;
    while (!attach_is_port(&c->attach[first]))
        first++;
    return first == i;
}

/* The attachment from `i` on that is a device of its own; n_attach: there is none. */
static unsigned attach_next(const struct vm_config *c, unsigned i)
{
    while (i < c->n_attach && !attach_is_device(c, i))
        i++;
    return i;
}

static unsigned attach_windows(const struct board *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_devs; i++)
        n += b->devs[i].kind == DEV_VIRTIO;
    return n;
}

int attach_check(const struct vm_config *c, struct err *err)
{
    unsigned windows = attach_windows(c->board), n = 0;
    for (unsigned i = attach_next(c, 0); i < c->n_attach; i = attach_next(c, i + 1))
        if (++n > windows)
            return err_set(err, ERR_HOST, ENOSPC,
                           "--%s %s: board %s has %u virtio windows, and this is device %u",
                           c->attach[i].option, c->attach[i].spec ? c->attach[i].spec : "",
                           c->board->name, windows, n);
    return attach_net_check(c, err);
}

int attach_new(struct vm *vm, const struct board_dev *row, struct irq_line irq, struct dev **dev,
               struct err *err)
{
    unsigned i = attach_next(&vm->cfg, vm->next_attach);
    if (i == vm->cfg.n_attach) {
        int rc = vm->slot ? 0 : virtio_slot_new(&vm->slot, row->name);
        *dev = vm->slot;
        return rc ? err_sys(err, -rc, "cannot make %s", row->name) : 0;
    }
    const struct vm_attach *a = &vm->cfg.attach[i];
    const struct attach_kind *kind = attach_kind_of(a);
    struct attach at = {
        .vm = vm,
        .name = row->name,
        .spec = a->spec,
        .host = {.mem = &vm->mem, .irq = irq},
    };
    if (!kind)
        return err_set(err, ERR_HOST, ENODEV, "--%s: this build has no such device", a->option);
    vm->next_attach = i + 1;
    int rc = kind->make(&at, dev, err);
    if (!rc) {
        vm->attached[vm->n_attached] = container_of(*dev, struct virtio, dev);
        vm->attached_as[vm->n_attached++] = i;
    }
    return rc;
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
