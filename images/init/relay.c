// SPDX-License-Identifier: MIT
/*
 * relay.c - bytes between a port of the virtio console and a pipe of the program.
 *
 * The program gets pipes, not ports: it can open them again by /dev/stdin, share them with its
 * children, and is told by SIGPIPE when nobody reads any more. What Linux's port does
 * (drivers/char/virtio_console.c): read(2) gives 0 once the host has closed its side and all was
 * read; poll(2) gives POLLHUP from the moment it has; a write takes 32 KiB at most.
 */
#include "init.h"

#define RELAY_ROUNDS 16 /* in a row, before the other streams have their turn */

static void relay_close(int *fd)
{
    if (*fd >= 0)
        sys(close, *fd);
    *fd = -1;
}

/* One read or write. False: nothing can be moved now, or ever. */
static bool relay_step(struct relay *r)
{
    if (r->out < 0)
        return false;
    if (r->at < r->len) {
        long n = sys(write, r->out, r->buf + r->at, r->len - r->at);
        if (n > 0)
            r->at += (unsigned)n;
        else if (n < 0 && n != -SYS_EAGAIN && n != -SYS_EINTR) { /* nobody takes it any more */
            relay_close(&r->in);
            relay_close(&r->out);
        }
        return n > 0;
    }
    long n = sys(read, r->in, r->buf, sizeof r->buf);
    if (n == -SYS_EAGAIN || n == -SYS_EINTR)
        return false;
    r->at = 0;
    r->len = n > 0 ? (unsigned)n : 0;
    if (n <= 0) { /* the end is handed on; nothing would wake us for it later */
        relay_close(&r->in);
        relay_close(&r->out);
    }
    return n > 0;
}

void relay_ask(const struct relay *r, struct pollfd *p)
{
    bool full = r->at < r->len;
    p[0] = (struct pollfd){.fd = full ? -1 : r->in, .events = POLLIN};
    p[1] = (struct pollfd){.fd = r->out, .events = full ? POLLOUT : 0};
}

void relay_go(struct relay *r, const struct pollfd *p)
{
    if (p[1].revents & (POLLHUP | POLLERR)) {
        relay_close(&r->in);
        relay_close(&r->out);
    }
    for (unsigned i = 0; i < RELAY_ROUNDS && relay_step(r); i++)
        ;
}

void relay_drain(struct relay *r)
{
    for (;;) {
        while (relay_step(r))
            ;
        if (r->out < 0 || r->at == r->len)
            return;
        struct pollfd p = {.fd = r->out, .events = POLLOUT};
        sys(ppoll, &p, 1, NULL, NULL, 0);
        if (p.revents & (POLLHUP | POLLERR))
            return;
    }
}
