// SPDX-License-Identifier: MIT
/*
 * test_parse.c - numbers, sizes, times and addresses as users write them: the words of
 * docs/command.md.
 */
#include "tests/tap.h"
#include "vmm/parse.h"

struct row {
    const char *text;
    bool ok;
    uint64_t val;
};

static void expect_rows(bool (*parse)(const char *s, uint64_t *val), const struct row *rows,
                        unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t val = 0;
        bool ok = parse(rows[i].text, &val);
        if (ok != rows[i].ok || (ok && val != rows[i].val))
            printf("# \"%s\" is %s, %" PRIu64 "\n", rows[i].text, ok ? "taken" : "refused", val);
        expect_true(ok == rows[i].ok && (!ok || val == rows[i].val));
    }
}

static void numbers(void)
{
    static const struct row rows[] = {
        {"0",                    true,  0         },
        {"10",                   true,  10        },
        {"0x10",                 true,  16        },
        {"0Xff",                 true,  255       },
        {"0xDeadBeef",           true,  0xdeadbeef},
        {"18446744073709551615", true,  UINT64_MAX},
        {"0xffffffffffffffff",   true,  UINT64_MAX},
        {"18446744073709551616", false, 0         },
        {"0x10000000000000000",  false, 0         },
        {"",                     false, 0         },
        {"0x",                   false, 0         },
        {"-1",                   false, 0         },
        {"+1",                   false, 0         },
        {" 1",                   false, 0         },
        {"1 ",                   false, 0         },
        {"1a",                   false, 0         },
        {"0xg",                  false, 0         },
    };
    expect_rows(parse_number, rows, sizeof rows / sizeof rows[0]);
}

static void sizes(void)
{
    static const struct row rows[] = {
        {"4096",      true,  4096                    },
        {"128M",      true,  128 << 20               },
        {"128m",      true,  128 << 20               },
        {"2G",        true,  UINT64_C(2) << 30       },
        {"1KiB",      true,  1024                    },
        {"0x10K",     true,  16384                   },
        {"16777215T", true,  UINT64_C(0xffffff) << 40},
        {"16777216T", false, 0                       },
        {"1KB",       false, 0                       },
        {"1MM",       false, 0                       },
        {"1P",        false, 0                       },
        {"M",         false, 0                       },
        {"1.5G",      false, 0                       },
        {"",          false, 0                       },
    };
    expect_rows(parse_size, rows, sizeof rows / sizeof rows[0]);
}

static void times(void)
{
    static const struct row rows[] = {
        {"5",                     true,  UINT64_C(5000000000)   },
        {"5s",                    true,  UINT64_C(5000000000)   },
        {"500ms",                 true,  500000000              },
        {"7us",                   true,  7000                   },
        {"9ns",                   true,  9                      },
        {"1.5m",                  true,  UINT64_C(90000000000)  },
        {"2h",                    true,  UINT64_C(7200000000000)},
        {"0.000000001s",          true,  1                      },
        {"0.0000000019s",         true,  1                      },
        {"0",                     true,  0                      },
        {"1.",                    false, 0                      },
        {".5",                    false, 0                      },
        {"5 s",                   false, 0                      },
        {"5d",                    false, 0                      },
        {"-5s",                   false, 0                      },
        {"18446744073709551615h", false, 0                      },
    };
    expect_rows(parse_time, rows, sizeof rows / sizeof rows[0]);
}

static void addresses(void)
{
    static const char *const bad[] = {
        "00:00:00:00:00:00", /* nobody */
        "01:00:5e:00:00:01", /* a group */
        "ff:ff:ff:ff:ff:ff",
        "52:54:00:12:34",
        "52:54:00:12:34:56:78",
        "52:54:00:12:34:5",
        "52:54:00:12:34:567",
        "52:54:00:12:34:5g",
        "52-54-00-12-34-56",
        "5:254:00:12:34:56",
        "52:54:00:12:34:56 ",
        " 52:54:00:12:34:56",
        "0x52:54:00:12:34:56",
        "",
        "5",
        "52",
        "52:",
    };
    uint8_t mac[PARSE_MAC];
    expect_true(parse_mac("52:54:00:aB:Cd:ff", mac));
    expect_true(!memcmp(mac, "\x52\x54\x00\xab\xcd\xff", PARSE_MAC));
    expect_true(parse_mac("00:00:00:00:00:01", mac));
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        expect_true(!parse_mac(bad[i], mac));
}

static const struct tap_test tests[] = {
    TAP_TEST(numbers),
    TAP_TEST(sizes),
    TAP_TEST(times),
    TAP_TEST(addresses),
};

TAP_MAIN(tests)
