// SPDX-License-Identifier: MIT
/*
 * vsock_guest.c - what vsock.t runs in the guest: streams of AF_VSOCK, on standard input and
 * output.
 *
 *   vsock listen PORT      take connections for ever, and give each its bytes back
 *   vsock connect CID PORT standard input to the other side, then what it says to standard output
 *   vsock close CID PORT   send standard input, and end without a word of what was sent
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static char buf[1 << 16];

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static int put_all(int fd, const char *at, size_t n)
{
    while (n) {
        ssize_t put = write(fd, at, n);
        if (put <= 0)
            return -1;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

static int copy(int from, int to)
{
    ssize_t got;
    while ((got = read(from, buf, sizeof buf)) > 0)
        if (put_all(to, buf, (size_t)got))
            return -1;
    return (int)got;
}

static int serve(int fd)
{
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        if (peer < 0)
            return fail("accept");
        if (!fork())
            _exit(copy(peer, peer) != 0); /* the end of both is told by the end of this process */
        close(peer);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

static int talk(int fd, int answer)
{
    if (!answer)
        return copy(0, fd) ? fail("send") : 0;
    pid_t reader = fork();
    if (!reader)
        _exit(copy(fd, 1) != 0);
    if (copy(0, fd))
        fail("send");
    shutdown(fd, SHUT_WR);
    int status = 0;
    waitpid(reader, &status, 0);
    return status != 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_vm addr = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd < 0)
        return fail("socket");
    if (argc == 3 && !strcmp(argv[1], "listen")) {
        addr.svm_port = (unsigned)strtoul(argv[2], NULL, 0);
        if (bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 64))
            return fail("listen");
        return serve(fd);
    }
    if (argc != 4)
        return 2;
    addr.svm_cid = (unsigned)strtoul(argv[2], NULL, 0);
    addr.svm_port = (unsigned)strtoul(argv[3], NULL, 0);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr))
        return fail("connect");
    return talk(fd, !strcmp(argv[1], "connect"));
}
