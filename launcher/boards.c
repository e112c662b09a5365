// SPDX-License-Identifier: MIT
/*
 * boards.c - `vibevmm boards`: what a machine is, read off its rows.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/acpi.h"

struct boards_opts {
    bool map, json, help;
    const char *dtb, *acpi;
};

#define O(field) offsetof(struct boards_opts, field)

// clang-format off
const struct opt boards_options[] = {
    {"map",  0,   OPT_FLAG, O(map),  0, NULL,   "memory map, by address"},
    {"dtb",  0,   OPT_TEXT, O(dtb),  0, "FILE", "write the device tree; - prints it"},
    {"acpi", 0,   OPT_TEXT, O(acpi), 0, "FILE", "write the ACPI tables, as they are in memory; - prints them"},
    {"json", 0,   OPT_FLAG, O(json), 0, NULL,   "everything about it, or about each board, as JSON"},
    {"help", 'h', OPT_FLAG, O(help), 0, NULL,   "this text"},
};
// clang-format on
const unsigned n_boards_options = ARRAY_LEN(boards_options);

static const char *const arch_names[] = {[ARCH_ARM64] = "arm64", [ARCH_X86_64] = "x86_64"};

static void boards_list(struct text *t)
{
    for (unsigned i = 0; boards[i]; i++)
        text_add(t, "%-8s %-7s %s%s\n", boards[i]->name, arch_names[boards[i]->arch],
                 boards[i]->summary, i ? "" : " (default)");
}

static void board_facts(const struct board *b, struct text *t)
{
    text_add(t, "%s: %s\n  architecture  %s\n  memory        ", b->name, b->summary,
             arch_names[b->arch]);
    text_size(t, b->mem_min);
    text_add(t, " to ");
    text_size(t, board_mem_max(b));
    text_add(t, ", default ");
    text_size(t, b->mem_default);
    text_add(t, "\n  vCPUs         1 to %u\n  console       %s\n", b->cpus_max, b->console);
    text_add(t, "  command line  %s\n", b->bootargs && *b->bootargs ? b->bootargs : "(none)");
    text_add(t, "  raw images    at %#" PRIx64 " unless --entry says otherwise\n",
             b->ram[0].base + b->raw_off);
}

static void map_line(struct text *t, gpa_t base, uint64_t size, const char *name, const char *kind)
{
    text_add(t, "0x%010" PRIx64 "  0x%010" PRIx64 "  ", base, base + size - 1);
    size_t at = t->len;
    text_size(t, size);
    while (t->len < at + 12 && !t->cut)
        text_add(t, " ");
    text_add(t, "%-12s %-14s", name, kind);
}

static void map_dev(struct text *t, const struct board *b, const struct board_dev *d)
{
    map_line(t, d->base, d->size, d->name, board_kind_name(d->kind));
    if (d->irq != BOARD_NO_IRQ && b->arch == ARCH_X86_64)
        text_add(t, "GSI %d", d->irq);
    else if (d->irq != BOARD_NO_IRQ)
        text_add(t, "SPI %d (INTID %d)", d->irq, d->irq + 32);
}

static void map_end_line(struct text *t)
{
    while (t->len && t->p[t->len - 1] == ' ')
        t->p[--t->len] = '\0';
    text_add(t, "\n");
}

static void map_heading(struct text *t, const char *first)
{
    text_add(t, "%-12s  %-12s  %-12s%-12s %-14sinterrupt\n", first, "last", "size", "name", "kind");
}

/* The next row in memory, or at ports, from d on. */
static unsigned map_next(const struct board *b, unsigned d, bool ports)
{
    while (d < b->n_devs && board_kind_ports(b->devs[d].kind) != ports)
        d++;
    return d;
}

/* RAM windows and devices in memory are each ascending (board_check): merge them. */
static void board_map(const struct board *b, struct text *t)
{
    map_heading(t, "first");
    unsigned r = 0, d = map_next(b, 0, false);
    while (r < b->n_ram || d < b->n_devs) {
        if (d == b->n_devs || (r < b->n_ram && b->ram[r].base < b->devs[d].base)) {
            map_line(t, b->ram[r].base, b->ram[r].size, "ram", "RAM");
            r++;
        } else {
            map_dev(t, b, &b->devs[d]);
            d = map_next(b, d + 1, false);
        }
        map_end_line(t);
    }
    d = map_next(b, 0, true);
    if (d == b->n_devs)
        return;
    text_add(t, "\n");
    map_heading(t, "first port");
    for (; d < b->n_devs; d = map_next(b, d + 1, true)) {
        map_dev(t, b, &b->devs[d]);
        map_end_line(t);
    }
}

static void json_devices(struct json *j, const struct board *b)
{
    json_open(j, "devices", '[');
    for (const struct board_dev *d = b->devs; d < b->devs + b->n_devs; d++) {
        json_open(j, NULL, '{');
        json_text(j, "name", d->name);
        json_text(j, "kind", board_kind_name(d->kind));
        json_hex(j, board_kind_ports(d->kind) ? "port" : "base", d->base);
        json_u64(j, "size", d->size);
        if (d->irq != BOARD_NO_IRQ)
            json_u64(j, b->arch == ARCH_X86_64 ? "gsi" : "spi", (uint64_t)d->irq);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* Sizes in bytes, addresses as hex digits. */
static void board_json(struct json *j, const struct board *b)
{
    json_open(j, NULL, '{');
    json_text(j, "name", b->name);
    json_bool(j, "default", b == boards[0]);
    json_text(j, "architecture", arch_names[b->arch]);
    json_text(j, "summary", b->summary);
    json_text(j, "compatible", b->compatible);
    json_u64(j, "mem_min", b->mem_min);
    json_u64(j, "mem_max", board_mem_max(b));
    json_u64(j, "mem_default", b->mem_default);
    json_u64(j, "cpus_max", b->cpus_max);
    json_text(j, "console", b->console);
    json_text(j, "command_line", b->bootargs ? b->bootargs : "");
    json_hex(j, "raw_entry", b->ram[0].base + b->raw_off);
    json_open(j, "ram", '[');
    for (unsigned i = 0; i < b->n_ram; i++) {
        json_open(j, NULL, '{');
        json_hex(j, "base", b->ram[i].base);
        json_u64(j, "size", b->ram[i].size);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_devices(j, b);
    json_close(j, '}');
}

/* NULL: all of them, as an array. */
static int boards_json(const struct board *b)
{
    struct json j = {.first = true};
    if (b) {
        board_json(&j, b);
        return json_print(&j);
    }
    json_open(&j, NULL, '[');
    for (unsigned i = 0; boards[i]; i++)
        board_json(&j, boards[i]);
    json_close(&j, ']');
    return json_print(&j);
}

/* What --dtb and --acpi write: the board has one of them. */
static int board_write(const struct board *b, const struct boards_opts *o)
{
    const char *option = o->dtb ? "dtb" : "acpi", *path = o->dtb ? o->dtb : o->acpi;
    const uint8_t *bytes = o->dtb ? b->dtb : b->acpi;
    if (!bytes) {
        say("--%s %s: board %s has %s", option, path, b->name,
            b->dtb ? "a device tree: --dtb" : "ACPI tables: --acpi");
        return STATUS_HOST;
    }
    struct text t = {0};
    text_bytes(&t, (const char *)bytes, o->dtb ? board_dtb_len(b) : acpi_len(bytes));
    if (!strcmp(path, "-"))
        return text_print(&t);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = fd < 0 ? -errno : text_write(&t, fd);
    if (fd >= 0 && close(fd) < 0 && !rc)
        rc = -errno;
    text_free(&t);
    if (rc)
        say("--%s %s: %s", option, path, strerror(-rc));
    return rc ? STATUS_HOST : 0;
}

static int boards_check(const struct boards_opts *o, const struct opt_rest *rest, struct err *err)
{
    const char *what = o->map ? "map" : o->dtb ? "dtb" : o->acpi ? "acpi" : NULL;
    if (rest->n_words > 1 || rest->n_after)
        return err_set(err, ERR_HOST, EINVAL, "boards takes one name");
    if (what && !rest->n_words && !o->help)
        return err_set(err, ERR_HOST, EINVAL, "boards --%s: the board's name is missing", what);
    if (o->dtb && o->acpi)
        return err_set(err, ERR_HOST, EINVAL, "boards --dtb and --acpi: give one of them");
    if (what && o->json)
        return err_set(err, ERR_HOST, EINVAL, "boards --json and --%s: give one of them", what);
    return 0;
}

int cmd_boards(int argc, char **argv)
{
    struct boards_opts o = {0};
    struct opt_rest rest;
    struct err err = {0};
    struct text t = {0};
    int rc = opts_parse(boards_options, n_boards_options, &o, argc, argv, &rest, &err);
    if (!rc)
        rc = boards_check(&o, &rest, &err);
    if (rc)
        return say_err(&err);
    if (o.help)
        return cmd_usage("boards");
    if (!rest.n_words && o.json)
        return boards_json(NULL);
    if (!rest.n_words) {
        boards_list(&t);
        return text_print(&t);
    }
    const struct board *b = board_find(rest.words[0]);
    if (!b) {
        say("%.80s: no such board; vibevmm boards lists them", rest.words[0]);
        return STATUS_HOST;
    }
    if (o.json)
        return boards_json(b);
    bool file = o.dtb || o.acpi;
    if (o.map)
        board_map(b, &t);
    else if (!file)
        board_facts(b, &t);
    int status = t.len ? text_print(&t) : 0;
    return !status && file ? board_write(b, &o) : status;
}
