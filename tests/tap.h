// SPDX-License-Identifier: MIT
/*
 * tap.h - a test binary: an explicit list of functions, each one TAP line.
 *
 * A failed expectation prints where and what, and fails the running test; the test goes on, so it
 * must not rely on what it just checked. Exit status 1 when any test failed.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct tap_test {
    const char *name;
    void (*fn)(void);
};

#define TAP_TEST(fn)                                                                               \
    {                                                                                              \
#fn, fn                                                                                    \
    }

static bool tap_failed;
static const char *tap_skipped;

/* Ends nothing: the caller returns. The test is reported as skipped with the reason. */
static inline void tap_skip(const char *why)
{
    tap_skipped = why;
}

#define expect_true(cond)                                                                          \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("# %s:%d: false: %s\n", __FILE__, __LINE__, #cond);                             \
            tap_failed = true;                                                                     \
        }                                                                                          \
    } while (0)

#define expect_u64(got, want)                                                                      \
    do {                                                                                           \
        uint64_t got_ = (uint64_t)(got), want_ = (uint64_t)(want);                                 \
        if (got_ != want_) {                                                                       \
            printf("# %s:%d: %s is %#" PRIx64 ", want %#" PRIx64 "\n", __FILE__, __LINE__, #got,   \
                   got_, want_);                                                                   \
            tap_failed = true;                                                                     \
        }                                                                                          \
    } while (0)
#define expect_u32 expect_u64

/* `got` contains `part`. */
#define expect_text(got, part)                                                                     \
    do {                                                                                           \
        const char *got_ = (got), *part_ = (part);                                                 \
        if (!got_ || !strstr(got_, part_)) {                                                       \
            printf("# %s:%d: \"%s\" does not contain \"%s\"\n", __FILE__, __LINE__,                \
                   got_ ? got_ : "(null)", part_);                                                 \
            tap_failed = true;                                                                     \
        }                                                                                          \
    } while (0)

static inline int tap_run(const struct tap_test *tests, unsigned n)
{
    unsigned bad = 0;
    printf("1..%u\n", n);
    for (unsigned i = 0; i < n; i++) {
        tap_failed = false;
        tap_skipped = NULL;
        tests[i].fn();
        printf("%sok %u - %s%s%s\n", tap_failed ? "not " : "", i + 1, tests[i].name,
               tap_skipped ? " # SKIP " : "", tap_skipped ? tap_skipped : "");
        fflush(stdout);
        bad += tap_failed;
    }
    return bad ? 1 : 0;
}

#define TAP_MAIN(tests)                                                                            \
    int main(void)                                                                                 \
    {                                                                                              \
        return tap_run(tests, sizeof(tests) / sizeof((tests)[0]));                                 \
    }

#endif
