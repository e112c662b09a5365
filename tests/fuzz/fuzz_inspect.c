// SPDX-License-Identifier: MIT
/*
 * fuzz_inspect.c - facts about any file: groups are closed as they were opened, items of lists have
 * no key and members of groups have one.
 */
#include "fuzz_boot.h"
#include "vmm/app.h"
#include "vmm/inspect.h"

#define DEPTH_MAX 32

static struct {
    bool list[DEPTH_MAX];
    unsigned depth;
} at;

static void key_fits(const char *key)
{
    fuzz_must(!key == at.list[at.depth]);
}

static void fuzz_open(void *ctx, const char *key, bool list)
{
    (void)ctx;
    key_fits(key);
    fuzz_must(++at.depth < DEPTH_MAX);
    at.list[at.depth] = list;
}

static void fuzz_close(void *ctx, bool list)
{
    (void)ctx;
    fuzz_must(at.depth && at.list[at.depth] == list);
    at.depth--;
}

static void fuzz_text(void *ctx, const char *key, const char *val)
{
    (void)ctx;
    key_fits(key);
    fuzz_must(strlen(val) < 1 << 20);
}

static void fuzz_number(void *ctx, const char *key, uint64_t val)
{
    (void)ctx, (void)val;
    key_fits(key);
}

static void fuzz_flag(void *ctx, const char *key, bool val)
{
    (void)ctx, (void)val;
    key_fits(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct inspect_out out = {NULL,        fuzz_open,   fuzz_close, fuzz_text,
                                           fuzz_number, fuzz_number, fuzz_flag};
    char path[32];
    struct err err = {0};
    uint64_t base = 0, len = 0;
    int fd = memfd_create("fuzz", 0);
    fuzz_must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (app_find(fd, size, &base, &len))
        fuzz_must(base <= size && len <= size - base);
    at.depth = 0;
    fuzz_must(!inspect_file(path, &out, &err) || (err.code && *err.text));
    fuzz_must(at.depth == 0);
    close(fd);
    return 0;
}
