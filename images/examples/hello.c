// SPDX-License-Identifier: MIT
/*
 * hello.c - greets the world, or whom its arguments name.
 */
#include "guest.h"

int main(int argc, char **argv)
{
    put_text("Hello ");
    for (int i = 1; i < argc; i++) {
        put_text(i > 1 ? " " : "");
        put_text(argv[i]);
    }
    put_text(argc > 1 ? "!\n" : "World!\n");
    return 0;
}
