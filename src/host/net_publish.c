// SPDX-License-Identifier: MIT
/*
 * net_publish.c - --publish [ADDR:]HOST:GUEST[/udp]: which port of the host leads to which of the
 * guest.
 *
 * Without an address it is 127.0.0.1: what a guest serves is the host's own until it is asked for.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/parse.h"

#define PUBLISH_ADDR "127.0.0.1"

static int publish_bad(const char *spec, const char *what, struct err *err)
{
    return err_set(err, ERR_HOST, EINVAL,
                   "--publish %.100s: %s; it is [ADDR:]HOST:GUEST[/udp], with ports of 1 to 65535 "
                   "and an IPv6 ADDR in brackets, such as 8080:80",
                   spec, what);
}

static bool publish_port(const char *text, uint16_t *port)
{
    uint64_t n;
    if (*text < '0' || *text > '9' || !parse_number(text, &n) || !n || n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    return true;
}

union publish_sock {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* The host's end as a socket address; its length, 0: the address is none. */
static socklen_t publish_addr(const struct netif_publish *p, union publish_sock *s)
{
    memset(s, 0, sizeof *s);
    if (inet_pton(AF_INET, p->addr, &s->in.sin_addr) == 1) {
        s->in.sin_family = AF_INET;
        s->in.sin_port = htons(p->host);
        return sizeof s->in;
    }
    if (inet_pton(AF_INET6, p->addr, &s->in6.sin6_addr) == 1) {
        s->in6.sin6_family = AF_INET6;
        s->in6.sin6_port = htons(p->host);
        return sizeof s->in6;
    }
    return 0;
}

/* Take it and let it go again: who has it, or that we may not, is known before the guest starts. */
static int publish_try(const struct netif_publish *p, const char *spec, struct err *err)
{
    union publish_sock s;
    socklen_t len = publish_addr(p, &s);
    if (!len)
        return publish_bad(spec, "its address is none of IPv4 or IPv6", err);
    int fd = socket(s.any.sa_family, (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    int on = 1, rc = 0;
    if (fd >= 0 && !p->udp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && s.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (fd < 0 || bind(fd, &s.any, len) || (!p->udp && listen(fd, 1)))
        rc = err_set(err, ERR_HOST, errno, "--publish %.100s: %s port %u of %s: %s", spec,
                     p->udp ? "UDP" : "TCP", p->host, p->addr, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int netif_publish_parse(struct netif_publish *p, const char *spec, struct err *err)
{
    char text[100];
    if (strlen(spec) >= sizeof text)
        return publish_bad(spec, "it is too long", err);
    memcpy(text, spec, strlen(spec) + 1);
    *p = (struct netif_publish){.addr = PUBLISH_ADDR};
    char *slash = strchr(text, '/');
    if (slash && strcmp(slash, "/udp") != 0 && strcmp(slash, "/tcp") != 0)
        return publish_bad(spec, "what follows the slash is not udp", err);
    p->udp = slash && slash[1] == 'u';
    if (slash)
        *slash = '\0';
    char *guest = strrchr(text, ':');
    if (!guest || !publish_port(guest + 1, &p->guest))
        return publish_bad(spec, "its GUEST is no port", err);
    *guest = '\0';
    char *host = strrchr(text, ':');
    if (!publish_port(host ? host + 1 : text, &p->host))
        return publish_bad(spec, "its HOST is no port", err);
    if (host) {
        char *addr = text, *end = host;
        if (*addr == '[' && end > addr && end[-1] == ']') {
            addr++;
            end--;
        } else if (memchr(addr, ':', (size_t)(end - addr))) {
            return publish_bad(spec, "an IPv6 address needs brackets", err);
        }
        *end = '\0';
        if (strlen(addr) >= sizeof p->addr)
            return publish_bad(spec, "its address is too long", err);
        memcpy(p->addr, addr, strlen(addr) + 1);
    }
    return publish_try(p, spec, err);
}
