// SPDX-License-Identifier: MIT
/*
 * streamload.c - bytes through a guest's devices, as fast as they go: "NAME MIB-PER-SECOND" for
 * each way.
 *
 *   streamload net ADDRESS PORT MIB   TCP, with streamserver.py at the other end
 *   streamload port MIB               the virtio ports "down" and "up"
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEP (256 * 1024)

static char buf[STEP];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void take(int fd, size_t len)
{
    while (len) {
        ssize_t n = read(fd, buf, len < STEP ? len : STEP);
        if (n <= 0)
            fail("read");
        len -= (size_t)n;
    }
}

static void give(int fd, size_t len)
{
    while (len) {
        ssize_t n = write(fd, buf, len < STEP ? len : STEP);
        if (n <= 0)
            fail("write");
        len -= (size_t)n;
    }
}

static void tell(const char *name, size_t len, double since)
{
    printf("%s %.1f\n", name, (double)len / 1048576 / (now() - since));
    fflush(stdout);
}

static int tcp(const char *address, const char *port, char way)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    inet_pton(AF_INET, address, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) || write(fd, &way, 1) != 1)
        fail("connect");
    return fd;
}

/* The device of the virtio port with that name. */
static int port(const char *name, int flags)
{
    DIR *d = opendir("/sys/class/virtio-ports");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600], line[64] = "";
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", e->d_name);
        FILE *f = fopen(path, "r");
        if (!f || !fgets(line, sizeof line, f) || strncmp(line, name, strlen(name)) != 0)
            continue;
        snprintf(path, sizeof path, "/dev/%s", e->d_name);
        return open(path, flags);
    }
    return -1;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "net")) {
        size_t len = (size_t)atoi(argv[4]) << 20;
        int fd = tcp(argv[2], argv[3], 'g');
        double t = now();
        take(fd, len);
        tell("net-to-guest", len, t);
        close(fd);
        fd = tcp(argv[2], argv[3], 'p');
        t = now();
        give(fd, len);
        take(fd, 1);
        tell("net-to-host", len, t);
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "port")) {
        size_t len = (size_t)atoi(argv[2]) << 20;
        int down = port("down", O_RDONLY), up = port("up", O_WRONLY);
        if (down < 0 || up < 0)
            fail("port");
        double t = now();
        take(down, len);
        tell("port-to-guest", len, t);
        t = now();
        give(up, len);
        tell("port-to-host", len, t);
        return 0;
    }
    fputs("streamload net ADDRESS PORT MIB | port MIB\n", stderr);
    return 2;
}
