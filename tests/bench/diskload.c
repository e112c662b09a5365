// SPDX-License-Identifier: MIT
/*
 * diskload.c - in a Linux guest: how fast a block device is, past the guest's own cache (O_DIRECT).
 *
 *   diskload DEVICE      lines "NAME MIB-PER-SECOND": sequential in 1 MiB requests, random in 4 KiB
 * ones
 *
 * One request at a time, so that what is measured is the way to the device and back. The device's
 * first 64 MiB are overwritten.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPAN (64u << 20)

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        size_t len;
        unsigned n;
        int random, write;
    } loads[] = {
        {"seq-write",  1 << 20, 64,   0, 1},
        {"seq-read",   1 << 20, 64,   0, 0},
        {"rand-write", 4096,    4000, 1, 1},
        {"rand-read",  4096,    4000, 1, 0},
    };
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
    void *buf;
    uint32_t x = 1;
    if (fd < 0 || posix_memalign(&buf, 4096, 1 << 20)) {
        perror(argc == 2 ? argv[1] : "usage: diskload DEVICE");
        return 1;
    }
    memset(buf, 0x5a, 1 << 20);
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        uint64_t begin = now_ns();
        for (unsigned k = 0; k < loads[i].n; k++) {
            x = x * 1664525 + 1013904223;
            off_t off = (off_t)(loads[i].random ? x % (SPAN / 4096) * 4096 : k * loads[i].len);
            ssize_t n = loads[i].write ? pwrite(fd, buf, loads[i].len, off)
                                       : pread(fd, buf, loads[i].len, off);
            if (n != (ssize_t)loads[i].len) {
                perror(loads[i].name);
                return 1;
            }
        }
        double s = (double)(now_ns() - begin) / 1e9;
        printf("%s %.2f\n", loads[i].name, (double)loads[i].len * loads[i].n / s / (1 << 20));
    }
    return 0;
}
