// SPDX-License-Identifier: MIT
/*
 * check.c - checks that print TAP lines, and an end that says the status: what guests that test a
 * machine are linked with (build.sh -t).
 *
 * Where a machine has no place to write a status to, the line is all that is left of it.
 */
#include "guest.h"

static unsigned checks, failures;

static void line(bool good, const char *name)
{
    failures += !good;
    put_text(good ? "ok " : "not ok ");
    put_dec(++checks);
    put_text(" - ");
    put_text(name);
    put_char('\n');
}

void check(bool good, const char *name)
{
    line(good, name);
}

void check_eq(uint64_t got, uint64_t want, const char *name)
{
    line(got == want, name);
    if (got != want) {
        put_text("# got ");
        put_hex(got);
        put_text(", want ");
        put_hex(want);
        put_char('\n');
    }
}

int guest_done(void)
{
    put_text("1..");
    put_dec(checks);
    put_char('\n');
    return (int)(failures > 99 ? 99 : failures);
}

void guest_end(unsigned status)
{
    put_text("# status ");
    put_dec(status);
    put_char('\n');
    power_off(status);
}
