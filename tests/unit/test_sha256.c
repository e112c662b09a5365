// SPDX-License-Identifier: MIT
/*
 * test_sha256.c - SHA-256 against the examples of FIPS 180-2 appendix B and NIST's CAVP
 * (SHA256ShortMsg). The portable code and the CPU's instructions both run: this file takes the
 * module in.
 */
#include "src/base/sha256.c"

#include "tests/tap.h"

static void expect_hex(const uint8_t out[SHA256_LEN], const char *want)
{
    char hex[65];
    for (unsigned i = 0; i < SHA256_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", out[i]);
    expect_text(hex, want);
}

static void expect_sum(const void *data, size_t len, const char *want)
{
    struct sha256 s;
    uint8_t out[SHA256_LEN];
    sha256_init(&s);
    sha256_update(&s, data, len);
    sha256_end(&s, out);
    expect_hex(out, want);
}

static void examples_of_fips_180_2(void)
{
    static uint8_t a[1000000];
    expect_sum("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(a, 'a', sizeof a);
    expect_sum(a, sizeof a, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void messages_of_cavp(void)
{
    expect_sum("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_sum("\xd3", 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
    expect_sum("\x11\xaf", 2, "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98");
}

/* Every length around a block's end, in pieces of every size: the same sum. */
static void pieces_make_no_difference(void)
{
    uint8_t data[200];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 5);
    for (size_t len = 0; len <= sizeof data; len++) {
        struct sha256 s;
        uint8_t whole[SHA256_LEN], parts[SHA256_LEN];
        sha256_init(&s);
        sha256_update(&s, data, len);
        sha256_end(&s, whole);
        for (size_t piece = 1; piece <= 130; piece += 13) {
            sha256_init(&s);
            for (size_t at = 0; at < len; at += piece)
                sha256_update(&s, data + at, MIN(piece, len - at));
            sha256_end(&s, parts);
            expect_true(!memcmp(whole, parts, sizeof whole));
        }
    }
}

static void both_codes_agree(void)
{
#if defined __x86_64__
    if (!sha256_has_x86(SHA256_LONG)) {
        tap_skip("this CPU has no SHA extensions");
        return;
    }
    uint8_t data[64 * 33];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i >> 3);
    for (size_t n = 0; n <= 33; n++) {
        struct sha256 a, b;
        sha256_init(&a);
        sha256_init(&b);
        sha256_blocks(a.h, data, n);
        sha256_blocks_x86(b.h, data, n);
        expect_true(!memcmp(a.h, b.h, sizeof a.h));
    }
#else
    tap_skip("one code for this CPU");
#endif
}

static const struct tap_test tests[] = {
    TAP_TEST(examples_of_fips_180_2),
    TAP_TEST(messages_of_cavp),
    TAP_TEST(pieces_make_no_difference),
    TAP_TEST(both_codes_agree),
};

TAP_MAIN(tests)
