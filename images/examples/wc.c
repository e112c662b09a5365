// SPDX-License-Identifier: MIT
/*
 * wc.c - counts the lines, words and bytes of its input; a word is what white space delimits.
 *
 * Arguments: -l, -w, -c and their combinations; without any, all three. What is wrong with them is
 * said on the console, status 2.
 */
#include "guest.h"

enum { LINES, WORDS, BYTES, COUNTS };

static bool blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bit n: print count n. 0: bad. */
static unsigned chosen(int argc, char **argv)
{
    unsigned want = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1])
            return 0;
        for (const char *p = argv[i] + 1; *p; p++) {
            if (*p != 'l' && *p != 'w' && *p != 'c')
                return 0;
            want |= 1u << (*p == 'l' ? LINES : *p == 'w' ? WORDS : BYTES);
        }
    }
    return want ? want : 1u << LINES | 1u << WORDS | 1u << BYTES;
}

int main(int argc, char **argv)
{
    unsigned want = chosen(argc, argv);
    if (!want) {
        put_text("wc: takes -l, -w, -c and no files\n");
        return 2;
    }
    uint64_t n[COUNTS] = {0};
    bool in_word = false;
    for (int c; (c = read_char()) != GET_END; n[BYTES]++) {
        n[LINES] += c == '\n';
        n[WORDS] += !blank(c) && !in_word;
        in_word = !blank(c);
    }
    const char *gap = "";
    for (unsigned i = 0; i < COUNTS; i++)
        if (want & 1u << i) {
            put_text(gap);
            put_dec(n[i]);
            gap = " ";
        }
    put_char('\n');
    return 0;
}
