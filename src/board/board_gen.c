// SPDX-License-Identifier: MIT
/*
 * board_gen.c - host tool: checks one board's rows and prints its device tree, or its ACPI tables, as
 * C.
 *
 * Compiled with boards/NAME.c and -DBOARD_NAME=NAME. A board that breaks a rule ends the build with
 * the rule's message.
 */
#include <stdio.h>

#include "vmm/acpi.h"
#include "vmm/board.h"
#include "vmm/dtb.h"

#define GEN_PASTE_(a, b) a##b
#define GEN_PASTE(a, b)  GEN_PASTE_(a, b)
#define GEN_TEXT_(a)     #a
#define GEN_TEXT(a)      GEN_TEXT_(a)
#define GEN_BOARD        GEN_PASTE(board_, BOARD_NAME)
#define GEN_DTB          GEN_PASTE(BOARD_NAME, _dtb)
#define GEN_ACPI         GEN_PASTE(BOARD_NAME, _acpi)

extern const struct board GEN_BOARD;
extern const uint8_t GEN_DTB[], GEN_ACPI[];

/* The board's row points to one; the launcher's object has the blob that this tool prints. */
const uint8_t GEN_DTB[1] = {0};
const uint8_t GEN_ACPI[1] = {0};

const struct board *const boards[] = {&GEN_BOARD, NULL};

int main(void)
{
    static uint8_t blob[KIB(64)];
    struct err err = {0};
    size_t len = 0;
    bool acpi = GEN_BOARD.arch == ARCH_X86_64;
    const char *name = acpi ? GEN_TEXT(GEN_ACPI) : GEN_TEXT(GEN_DTB);
    if (board_check(boards[0], &err) ||
        (acpi ? acpi_make : dtb_make)(boards[0], blob, sizeof blob, &len, &err)) {
        fprintf(stderr, "boards/%s.c: %s\n", GEN_TEXT(BOARD_NAME), err.text);
        return 1;
    }
    printf("/* Made by board_gen from boards/%s.c. */\n#include <stdint.h>\n\n",
           GEN_TEXT(BOARD_NAME));
    printf("extern const uint8_t %s[];\n\n", name);
    printf("const uint8_t %s[%zu] __attribute__((aligned(8))) = {", name, len);
    for (size_t i = 0; i < len; i++)
        printf("%s0x%02x,", i % 16 ? " " : "\n    ", blob[i]);
    printf("\n};\n");
    return fflush(stdout) || ferror(stdout);
}
