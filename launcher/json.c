// SPDX-License-Identifier: MIT
/*
 * json.c - JSON texts (RFC 8259): a writer that knows where a comma goes.
 */
#include "launcher.h"

/* Bytes of the UTF-8 sequence at p (RFC 3629 §4), or 0 when it is none. */
static unsigned utf8_len(const uint8_t *p)
{
    unsigned n = p[0] < 0x80                    ? 1
                 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
                 : p[0] >= 0xe0 && p[0] <= 0xef ? 3
                 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                                : 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static void json_quote(struct json *j, const char *s)
{
    text_add(&j->t, "\"");
    for (const uint8_t *p = (const uint8_t *)s; *p;) {
        unsigned n = utf8_len(p);
        if (!n) /* a path may hold any byte; JSON is UTF-8 */
            text_add(&j->t, "\\ufffd");
        else if (*p == '"' || *p == '\\')
            text_add(&j->t, "\\%c", *p);
        else if (*p < 0x20)
            text_add(&j->t, "\\u%04x", *p);
        else
            text_bytes(&j->t, (const char *)p, n);
        p += n ? n : 1;
    }
    text_add(&j->t, "\"");
}

static void json_key(struct json *j, const char *key)
{
    text_add(&j->t, "%s", j->first ? "" : ",");
    j->first = false;
    if (key) {
        json_quote(j, key);
        text_add(&j->t, ":");
    }
}

void json_open(struct json *j, const char *key, char bracket)
{
    json_key(j, key);
    text_add(&j->t, "%c", bracket);
    j->first = true;
}

void json_close(struct json *j, char bracket)
{
    text_add(&j->t, "%c", bracket);
    j->first = false;
}

void json_text(struct json *j, const char *key, const char *val)
{
    if (!val)
        return;
    json_key(j, key);
    json_quote(j, val);
}

void json_u64(struct json *j, const char *key, uint64_t val)
{
    json_key(j, key);
    text_add(&j->t, "%" PRIu64, val);
}

void json_hex(struct json *j, const char *key, uint64_t val)
{
    json_key(j, key);
    text_add(&j->t, "\"0x%" PRIx64 "\"", val);
}

void json_bool(struct json *j, const char *key, bool val)
{
    json_key(j, key);
    text_add(&j->t, val ? "true" : "false");
}

int json_print(struct json *j)
{
    text_add(&j->t, "\n");
    return text_print(&j->t);
}
