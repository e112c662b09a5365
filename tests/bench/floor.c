// SPDX-License-Identifier: MIT
/*
 * floor.c - the least that a program with 128 MiB of guest memory can do: map it, touch one page,
 * write a line.
 */
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    char *ram = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED)
        return 1;
    ram[0] = 1;
    return write(1, "Hello World!\n", 13) != 13;
}
