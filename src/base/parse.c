// SPDX-License-Identifier: MIT
/*
 * parse.c - numbers, sizes, times and addresses as users write them.
 */
#include "vmm/parse.h"

#include "vmm/clock.h"

/* The value of a hexadecimal digit, or 99. */
static unsigned parse_digit(char c)
{
    return c >= '0' && c <= '9'                     ? (unsigned)(c - '0')
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (unsigned)((c | 0x20) - 'a') + 10
                                                    : 99;
}

/* Digits at *s, decimal or 0x; moves *s past them. False when there are none or they exceed 64
 * bits. */
static bool parse_digits(const char **s, uint64_t *val)
{
    const char *p = *s;
    unsigned base = 10;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
    }
    const char *start = p;
    uint64_t v = 0;
    for (;; p++) {
        unsigned d = parse_digit(*p);
        if (d >= base)
            break;
        if (v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    *s = p;
    *val = v;
    return p > start;
}

bool parse_number(const char *s, uint64_t *val)
{
    return parse_digits(&s, val) && !*s;
}

bool parse_size(const char *s, uint64_t *val)
{
    static const char units[] = "KMGT";
    if (!parse_digits(&s, val))
        return false;
    if (!*s)
        return true;
    const char *u = strchr(units, *s & ~0x20);
    if (!u || !*u || (s[1] && strcmp(s + 1, "iB") != 0))
        return false;
    unsigned shift = 10 * (unsigned)(u - units + 1);
    if (*val > UINT64_MAX >> shift)
        return false;
    *val <<= shift;
    return true;
}

bool parse_time(const char *s, uint64_t *val)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"",   NS_PER_SEC       },
        {"s",  NS_PER_SEC       },
        {"ms", 1000000          },
        {"us", 1000             },
        {"ns", 1                },
        {"m",  60 * NS_PER_SEC  },
        {"h",  3600 * NS_PER_SEC},
    };
    uint64_t whole = 0, frac = 0, scale = 1;
    if (!parse_digits(&s, &whole))
        return false;
    if (*s == '.') {
        const char *start = ++s;
        for (; *s >= '0' && *s <= '9'; s++)
            if (scale < NS_PER_SEC) { /* what follows is less than a nanosecond of a second */
                frac = frac * 10 + (uint64_t)(*s - '0');
                scale *= 10;
            }
        if (s == start)
            return false;
    }
    for (unsigned i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(s, units[i].name) != 0)
            continue;
        if (whole > (uint64_t)INT64_MAX / 2 / units[i].ns)
            return false;
        *val =
            whole * units[i].ns + units[i].ns / scale * frac + units[i].ns % scale * frac / scale;
        return true;
    }
    return false;
}

bool parse_mac(const char *s, uint8_t mac[static PARSE_MAC])
{
    uint8_t any = 0;
    for (unsigned i = 0; i < PARSE_MAC; i++, s += 3) {
        unsigned high = parse_digit(s[0]), low = high < 16 ? parse_digit(s[1]) : 99;
        if (low > 15 || s[2] != (i + 1 < PARSE_MAC ? ':' : '\0'))
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
        any |= mac[i];
    }
    return any && !(mac[0] & 1);
}
