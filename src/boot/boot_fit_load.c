// SPDX-License-Identifier: MIT
/*
 * boot_fit_load.c - the parts of an appliance: verified, then loaded.
 *
 * What has a hash is read once into memory of our own and hashed there, so the bytes that were
 * verified are the bytes that run, whoever writes the file meanwhile. What has none may be mapped.
 */
#include "boot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define FIT_STEP MIB(1) /* read, then hashed while the caches have it */

void fit_hex(const uint8_t *sum, unsigned len, char *out)
{
    for (unsigned i = 0; i < len; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", sum[i]);
}

static int fit_mismatch(const struct fit_part *part, const struct fit_hash *h, const uint8_t *got,
                        unsigned len, struct err *err)
{
    char want_hex[2 * SHA256_LEN + 1] = "", got_hex[2 * SHA256_LEN + 1] = "";
    fit_hex(h->value, len, want_hex);
    fit_hex(got, len, got_hex);
    return err_set(err, ERR_IMAGE, EILSEQ,
                   "%s: is damaged or was changed: its %s is %s, the appliance says %s",
                   part->label, h->name, got_hex, want_hex);
}

/* The sums of a part, over any number of pieces. */
struct fit_sums {
    uint32_t crc;
    struct sha256 sha;
    bool want[FIT_OTHER];
};

static void fit_sums_init(struct fit_sums *s, const struct fit_part *part)
{
    *s = (struct fit_sums){0};
    sha256_init(&s->sha);
    for (unsigned i = 0; i < part->n_hashes; i++)
        if (part->hashes[i].algo != FIT_OTHER)
            s->want[part->hashes[i].algo] = true;
}

static void fit_sums_add(struct fit_sums *s, const uint8_t *p, uint64_t len)
{
    if (s->want[FIT_CRC32])
        s->crc = (uint32_t)crc32_z(s->crc, p, (size_t)len);
    if (s->want[FIT_SHA256])
        sha256_update(&s->sha, p, (size_t)len);
}

static int fit_sums_check(struct fit_sums *s, const struct fit_part *part, struct err *err)
{
    uint8_t sums[FIT_OTHER][SHA256_LEN];
    static const unsigned lens[] = {[FIT_CRC32] = 4, [FIT_SHA256] = SHA256_LEN};
    uint32_t be = __builtin_bswap32(s->crc);
    memcpy(sums[FIT_CRC32], &be, sizeof be);
    sha256_end(&s->sha, sums[FIT_SHA256]);
    for (unsigned i = 0; i < part->n_hashes; i++) {
        const struct fit_hash *h = &part->hashes[i];
        if (h->algo != FIT_OTHER && memcmp(sums[h->algo], h->value, lens[h->algo]) != 0)
            return fit_mismatch(part, h, sums[h->algo], lens[h->algo], err);
    }
    return 0;
}

/* The part as bytes of the file, or of the tree where it lies inside: borrowed, not to be closed.
 */
static struct boot_file fit_bytes(const struct fit *fit, const struct fit_part *part)
{
    return (struct boot_file){
        .path = part->label,
        .fd = part->external ? fit->fd : -1,
        .data = part->external ? NULL : fit->tree,
        .base = part->off + (part->external ? fit->base : 0),
        .len = part->len,
    };
}

/* Into memory, verified. */
static int fit_take(const struct fit *fit, const struct fit_part *part, struct boot_file *f,
                    struct err *err)
{
    struct boot_file from = fit_bytes(fit, part);
    struct fit_sums sums;
    int rc = boot_file_alloc(f, part->label, part->len, err);
    fit_sums_init(&sums, part);
    for (uint64_t done = 0; !rc && done < part->len;) {
        uint64_t step = MIN(part->len - done, FIT_STEP);
        rc = boot_file_read(&from, done, f->data + done, step, err);
        if (!rc)
            fit_sums_add(&sums, f->data + done, step);
        done += step;
    }
    f->len = part->len;
    if (!rc)
        rc = fit_sums_check(&sums, part, err);
    if (rc)
        boot_file_close(f);
    return rc;
}

int boot_fit_file(const struct fit *fit, const struct fit_part *part, uint64_t max,
                  struct boot_file *f, struct err *err)
{
    *f = (struct boot_file){.path = part->label, .fd = -1};
    if (part->len > max)
        return err_set(err, ERR_IMAGE, EFBIG,
                       "%s: has %" PRIu64 " bytes, more than the %" PRIu64
                       " MiB of RAM; --mem gives more",
                       part->label, part->len, max >> 20);
    if (part->verified || !part->external)
        return fit_take(fit, part, f, err);
    *f = fit_bytes(fit, part);
    f->fd = fcntl(fit->fd, F_DUPFD_CLOEXEC, 3);
    f->map = true;
    return f->fd < 0 ? err_sys(err, errno, "%s", part->label) : 0;
}

int fit_dtb_read(const struct fit *fit, uint64_t max, void **data, size_t *len, struct err *err)
{
    const struct fit_part *part = &fit->parts[FIT_FDT];
    struct boot_file f;
    *data = NULL;
    if (part->len > max)
        return err_set(err, ERR_IMAGE, EFBIG,
                       "%s: is %" PRIu64 " bytes; a device tree is 1 to %" PRIu64, part->label,
                       part->len, max);
    int rc = fit_take(fit, part, &f, err);
    if (rc)
        return rc;
    *len = (size_t)part->len;
    *data = malloc(*len);
    if (*data)
        memcpy(*data, f.data, *len);
    else
        rc = err_sys(err, ENOMEM, "%s", part->label);
    boot_file_close(&f);
    return rc;
}

int boot_fit_load(struct boot_ctx *c)
{
    const struct fit *fit = c->p->fit;
    const struct fit_part *part = &fit->parts[FIT_KERNEL];
    const struct board *board = c->p->board;
    struct boot_file f;
    enum board_arch arch;
    if (!fit_arch(part, &arch) || arch != board->arch)
        return err_set(c->err, ERR_IMAGE, ENOEXEC, "%s: is for %s; board %s has another CPU",
                       part->label, part->arch, board->name);
    int rc = boot_fit_file(fit, part, mem_total(c->mem), &f, c->err);
    if (rc)
        return rc;
    c->has_raw = part->has_load;
    c->raw_load = part->load;
    c->raw_entry = part->entry;
    bool gzip = !strcmp(part->compression, "gzip");
    c->raw_only = !strcmp(part->type, "standalone");
    if (c->raw_only && !gzip)
        rc = boot_raw_load(c, &f);
    else
        rc = gzip ? boot_gzip_load(c, &f, "gzip") : boot_image_load(c, &f);
    boot_file_close(&f);
    return rc;
}
