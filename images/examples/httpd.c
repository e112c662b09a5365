// SPDX-License-Identifier: MIT
/*
 * httpd.c - a web server with nothing beneath it: Ethernet, ARP, IPv4, ICMP echo, TCP and HTTP/1.0
 * on a virtio network device.
 *
 * Arguments, each optional: the number of requests after which it ends (0, the default: never), the
 * port (80), the address that it tells who asks by ARP (10.0.2.15). The network of `--net user`
 * does not ask: there, it answers at whatever address it is called.
 *
 * RFC 826 and 5227 ARP, 791 IPv4, 792 ICMP, 9293 TCP, 1945 HTTP/1.0. A reply is one segment and
 * ends the connection. Left out: IPv4 fragments and options of ours, TCP options but for the
 * segment size, segments that come before their turn (their sender repeats them), a congestion
 * window (there is one segment to send).
 */
#include "virtio.h"

#define CONNECTIONS 32
#define REPLY_MAX   512
#define LINE_MAX    64 /* of the request line that is looked at */
#define REQUEST_MAX 16384
#define MSS         1460
#define WINDOW      8192
#define FRAME_MAX   1526 /* virtio_net_hdr, Ethernet, and an MTU of 1500 */
#define BUFFER_SIZE 2048

#define RETRY_NS (250 * 1000000ull) /* doubled each time */
#define RETRIES  6
#define IDLE_NS  (20 * 1000000000ull)

/* ---- the frame ---- */

#define NET_HDR 12 /* virtio 1.2 §5.1.6: num_buffers is there with VERSION_1 */
#define ETH_LEN 14
#define IP_LEN  20
#define TCP_LEN 20

static struct virtio net;
static struct virtq rx, tx;
static uint8_t rx_buf[VIRTQ_SIZE][BUFFER_SIZE], tx_buf[VIRTQ_SIZE][BUFFER_SIZE];
static bool tx_lent[VIRTQ_SIZE];
static uint8_t our_mac[6];
static uint32_t our_ip = 10u << 24 | 2u << 8 | 15;

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t val)
{
    p[0] = (uint8_t)(val >> 8);
    p[1] = (uint8_t)val;
}

static void put32(uint8_t *p, uint32_t val)
{
    put16(p, val >> 16);
    put16(p + 2, val);
}

/* RFC 1071: the sum of 16-bit words, to go on with; `len` is odd at most once, at the end. */
static uint32_t sum16(uint32_t sum, const uint8_t *p, uint32_t len)
{
    for (; len > 1; len -= 2, p += 2)
        sum += get16(p);
    return len ? sum + ((uint32_t)*p << 8) : sum;
}

static uint32_t fold16(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* A frame to fill, from its Ethernet header on; NULL while the host holds all of them. */
static uint8_t *frame_new(unsigned *id)
{
    unsigned back;
    uint32_t len;
    while (virtq_back(&tx, &back, &len))
        tx_lent[back] = false;
    for (*id = 0; *id < VIRTQ_SIZE; ++*id)
        if (!tx_lent[*id]) {
            memset(tx_buf[*id], 0, NET_HDR);
            return tx_buf[*id] + NET_HDR;
        }
    return 0;
}

/* What is sent answers `to`, the frame that came in. */
static void frame_send(unsigned id, const uint8_t to[6], uint32_t type, uint32_t len)
{
    uint8_t *f = tx_buf[id] + NET_HDR;
    memcpy(f, to, 6);
    memcpy(f + 6, our_mac, 6);
    put16(f + 12, type);
    tx_lent[id] = true;
    virtq_lend(&tx, id, tx_buf[id], NET_HDR + ETH_LEN + len, false);
    virtq_notify(&tx);
}

static void ip_send(unsigned id, const uint8_t mac[6], uint32_t from, uint32_t to, uint8_t protocol,
                    uint32_t len)
{
    uint8_t *ip = tx_buf[id] + NET_HDR + ETH_LEN;
    memset(ip, 0, IP_LEN);
    ip[0] = 0x45;
    put16(ip + 2, IP_LEN + len);
    ip[6] = 0x40; /* don't fragment */
    ip[8] = 64;
    ip[9] = protocol;
    put32(ip + 12, from);
    put32(ip + 16, to);
    put16(ip + 10, fold16(sum16(0, ip, IP_LEN)));
    frame_send(id, mac, 0x0800, IP_LEN + len);
}

/* ---- HTTP ---- */

struct request {
    char line[LINE_MAX];
    unsigned line_len; /* without its end; what does not fit is not kept */
    bool line_done;
    unsigned newlines; /* in a row, carriage returns aside */
    unsigned len;
};

static uint64_t served, serve_max;

/* Is the request complete with this byte? RFC 1945 §5: its head ends with an empty line. */
static bool request_byte(struct request *r, char c)
{
    r->len++;
    if (c == '\n') {
        r->line_done = true;
        return ++r->newlines == 2;
    }
    if (c == '\r')
        return false;
    r->newlines = 0;
    if (!r->line_done && r->line_len < LINE_MAX)
        r->line[r->line_len++] = c;
    return false;
}

static bool line_is(const struct request *r, const char *text)
{
    unsigned long len = strlen(text);
    return r->line_len >= len && !memcmp(r->line, text, len);
}

struct out {
    char *p;
    uint32_t len;
};

static void add_text(struct out *o, const char *s)
{
    unsigned long len = strlen(s);
    memcpy(o->p + o->len, s, len);
    o->len += (uint32_t)len;
}

static void add_dec(struct out *o, uint64_t val)
{
    char buf[21];
    unsigned n = sizeof buf - 1;
    buf[n] = 0;
    do
        buf[--n] = (char)('0' + val % 10);
    while (val /= 10);
    add_text(o, buf + n);
}

/* At most REPLY_MAX bytes: everything in it has a bound. */
static uint32_t reply(const struct request *r, char *p)
{
    char text[160];
    struct out body = {text, 0}, head = {p, 0};
    bool get = line_is(r, "GET "), only_head = line_is(r, "HEAD ");
    const char *status = "200 OK";
    if (!get && !only_head) {
        status = "501 Not Implemented";
        add_text(&body, "GET and HEAD are served here\n");
    } else if (!line_is(r, get ? "GET / " : "HEAD / ")) {
        status = "404 Not Found";
        add_text(&body, "there is one page, /\n");
    } else {
        add_text(&body, "Hello from a machine of one C file\nrequest ");
        add_dec(&body, served + 1);
        add_text(&body, "\n");
    }
    add_text(&head, "HTTP/1.0 ");
    add_text(&head, status);
    add_text(&head, "\r\nContent-Type: text/plain\r\nContent-Length: ");
    add_dec(&head, body.len);
    add_text(&head, "\r\nConnection: close\r\n\r\n");
    if (!only_head) {
        memcpy(p + head.len, text, body.len);
        head.len += body.len;
    }
    served++;
    return head.len;
}

/* ---- TCP ---- */

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define PSH 0x08u
#define ACK 0x10u

/* RFC 9293 §3.3.2. The end of the connection is ours to begin, unless the peer is faster. */
enum state { FREE, SYN_RECEIVED, ESTABLISHED, REPLIED };

struct connection {
    enum state state;
    bool peer_done; /* its FIN has come */
    uint8_t mac[6];
    uint32_t our_ip, ip, port;
    uint32_t una, nxt, rcv; /* SND.UNA, SND.NXT, RCV.NXT */
    uint64_t heard_ns, retry_ns;
    unsigned retries;
    struct request request;
    uint32_t reply_len;
    char reply[REPLY_MAX];
};

static struct connection connections[CONNECTIONS];
static uint64_t tcp_port = 80;

struct segment {
    const uint8_t *mac, *data;
    uint32_t our_ip, ip, port, seq, ack, flags, len;
};

static void tcp_send(const uint8_t mac[6], uint32_t from, uint32_t to, uint32_t port, uint32_t seq,
                     uint32_t ack, uint32_t flags, const char *data, uint32_t len)
{
    unsigned id;
    uint8_t *f = frame_new(&id);
    if (!f) /* lost, as a frame may be */
        return;
    uint8_t *t = f + ETH_LEN + IP_LEN;
    uint32_t head = TCP_LEN + (flags & SYN ? 4 : 0);
    memset(t, 0, head);
    put16(t, (uint32_t)tcp_port);
    put16(t + 2, port);
    put32(t + 4, seq);
    put32(t + 8, ack);
    t[12] = (uint8_t)(head / 4 << 4);
    t[13] = (uint8_t)flags;
    put16(t + 14, WINDOW);
    if (flags & SYN) { /* §3.7.1 */
        t[20] = 2;
        t[21] = 4;
        put16(t + 22, MSS);
    }
    memcpy(t + head, data, len);
    uint8_t pseudo[12] = {0};
    put32(pseudo, from);
    put32(pseudo + 4, to);
    pseudo[9] = 6;
    put16(pseudo + 10, head + len);
    put16(t + 16, fold16(sum16(sum16(0, pseudo, sizeof pseudo), t, head + len)));
    ip_send(id, mac, from, to, 6, head + len);
}

/* Everything that is not acknowledged; an ACK if that is nothing. */
static void connection_send(struct connection *c)
{
    uint32_t left = c->nxt - c->una;
    if (c->state == SYN_RECEIVED)
        tcp_send(c->mac, c->our_ip, c->ip, c->port, c->una, c->rcv, SYN | ACK, 0, 0);
    else if (c->state == REPLIED && left)
        /* the last of them is FIN */
        tcp_send(c->mac, c->our_ip, c->ip, c->port, c->una, c->rcv, FIN | PSH | ACK,
                 c->reply + c->reply_len - (left - 1), left - 1);
    else
        tcp_send(c->mac, c->our_ip, c->ip, c->port, c->nxt, c->rcv, ACK, 0, 0);
}

static void connection_send_first(struct connection *c)
{
    c->retries = 0;
    c->retry_ns = time_ns() + RETRY_NS;
    connection_send(c);
}

/* §3.10.7.1: a segment of no connection. */
static void refuse(const struct segment *s)
{
    if (s->flags & RST)
        return;
    if (s->flags & ACK)
        tcp_send(s->mac, s->our_ip, s->ip, s->port, s->ack, 0, RST, 0, 0);
    else
        tcp_send(s->mac, s->our_ip, s->ip, s->port, 0,
                 s->seq + s->len + !!(s->flags & SYN) + !!(s->flags & FIN), RST | ACK, 0, 0);
}

static struct connection *connection_find(const struct segment *s)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        if (c->state != FREE && c->ip == s->ip && c->port == s->port && c->our_ip == s->our_ip)
            return c;
    }
    return 0;
}

/* A free one, else the one that was not heard of for the longest time. */
static struct connection *connection_new(void)
{
    struct connection *oldest = &connections[0];
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (connections[i].state == FREE)
            return &connections[i];
        if (connections[i].heard_ns < oldest->heard_ns)
            oldest = &connections[i];
    }
    return oldest;
}

static void listen(const struct segment *s)
{
    bool over = serve_max && served >= serve_max;
    if (over || (s->flags & (SYN | ACK | RST | FIN)) != SYN) {
        refuse(s);
        return;
    }
    struct connection *c = connection_new();
    memset(c, 0, sizeof *c);
    c->state = SYN_RECEIVED;
    memcpy(c->mac, s->mac, 6);
    c->our_ip = s->our_ip;
    c->ip = s->ip;
    c->port = s->port;
    c->heard_ns = time_ns();
    /* §3.4.1 wants a clock and a secret; there is no secret to keep here */
    c->una = (uint32_t)(c->heard_ns >> 12) + s->ip * 2654435761u + s->port * 40503u;
    c->nxt = c->una + 1;
    c->rcv = s->seq + 1;
    connection_send_first(c);
}

static void connection_reply(struct connection *c)
{
    c->reply_len = c->peer_done ? 0 : reply(&c->request, c->reply);
    c->nxt = c->una + c->reply_len + 1;
    c->state = REPLIED;
}

/* What the segment has beyond what was received before; true when there was something new. */
static bool connection_take(struct connection *c, const struct segment *s)
{
    uint32_t old = c->rcv - s->seq;
    if (old > s->len)
        return false; /* all of it was there, or it comes before its turn */
    const uint8_t *p = s->data + old, *end = s->data + s->len;
    c->rcv += s->len - old;
    bool complete = false;
    for (; p < end && c->state == ESTABLISHED && !complete; p++)
        complete = request_byte(&c->request, (char)*p) || c->request.len == REQUEST_MAX;
    bool fin = (s->flags & FIN) && !c->peer_done;
    if (complete)
        connection_reply(c);
    if (fin) {
        c->rcv++;
        c->peer_done = true;
        if (c->state == ESTABLISHED) /* and no request will be */
            connection_reply(c);
    }
    return s->len > old || fin;
}

/* §3.10.7.4, for what a server of one reply needs of it. */
static void segment(const struct segment *s)
{
    struct connection *c = connection_find(s);
    if (!c) {
        listen(s);
        return;
    }
    if (s->flags & RST) {
        if (s->seq == c->rcv)
            c->state = FREE;
        return;
    }
    if (s->flags & SYN || !(s->flags & ACK)) { /* the SYN again, or none of ours */
        connection_send(c);
        return;
    }
    if (s->ack - c->una > c->nxt - c->una) { /* it acknowledges what was not sent, or is old */
        if (c->state == SYN_RECEIVED)
            refuse(s);
        else
            connection_send(c);
        return;
    }
    c->heard_ns = time_ns();
    c->una = s->ack;
    if (c->state == SYN_RECEIVED) {
        if (s->ack != c->nxt)
            return;
        c->state = ESTABLISHED;
    }
    enum state before = c->state;
    bool news = connection_take(c, s);
    if (c->state != before)
        connection_send_first(c);
    else if (news || s->len || s->seq != c->rcv)
        connection_send(c);
    if (c->state == REPLIED && c->una == c->nxt && c->peer_done)
        c->state = FREE;
}

/* Send again what was not acknowledged, drop who is silent; when the next one is due. */
static uint64_t connections_tick(uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        if (c->state == FREE)
            continue;
        bool open = c->una != c->nxt;
        if (open && now >= c->retry_ns && c->retries < RETRIES) {
            c->retries++;
            c->retry_ns = now + (RETRY_NS << c->retries);
            connection_send(c);
        }
        if (now - c->heard_ns >= IDLE_NS || (open && now >= c->retry_ns)) {
            c->state = FREE;
            continue;
        }
        uint64_t due = open ? c->retry_ns : c->heard_ns + IDLE_NS;
        next = due < next ? due : next;
    }
    return next;
}

/* ---- what comes in ---- */

static void on_tcp(const uint8_t *f, const uint8_t *ip, const uint8_t *t, uint32_t len)
{
    uint8_t pseudo[12] = {0};
    memcpy(pseudo, ip + 12, 8);
    pseudo[9] = 6;
    put16(pseudo + 10, len);
    if (len < TCP_LEN || fold16(sum16(sum16(0, pseudo, sizeof pseudo), t, len)))
        return;
    uint32_t head = (uint32_t)(t[12] >> 4) * 4;
    if (head < TCP_LEN || head > len)
        return;
    struct segment s = {
        .mac = f + 6,
        .our_ip = get32(ip + 16),
        .ip = get32(ip + 12),
        .port = get16(t),
        .seq = get32(t + 4),
        .ack = get32(t + 8),
        .flags = t[13],
        .data = t + head,
        .len = len - head,
    };
    if (get16(t + 2) == tcp_port)
        segment(&s);
    /* a port of no server: silence, as from behind a firewall */
}

static void on_icmp(const uint8_t *f, const uint8_t *ip, const uint8_t *p, uint32_t len)
{
    unsigned id;
    if (len < 8 || p[0] != 8 || p[1] || fold16(sum16(0, p, len)))
        return;
    uint8_t *out = frame_new(&id);
    if (!out)
        return;
    uint8_t *echo = out + ETH_LEN + IP_LEN;
    memcpy(echo, p, len);
    echo[0] = 0;
    put16(echo + 2, 0);
    put16(echo + 2, fold16(sum16(0, echo, len)));
    ip_send(id, f + 6, get32(ip + 16), get32(ip + 12), 1, len);
}

static void on_ip(const uint8_t *f, const uint8_t *ip, uint32_t len)
{
    if (len < IP_LEN || ip[0] >> 4 != 4)
        return;
    uint32_t head = (uint32_t)(ip[0] & 15) * 4, total = get16(ip + 2);
    bool fragment = get16(ip + 6) & 0x3fff; /* more to come, or an offset */
    if (head < IP_LEN || total < head || total > len || fragment || fold16(sum16(0, ip, head)))
        return;
    if (ip[9] == 6)
        on_tcp(f, ip, ip + head, total - head);
    else if (ip[9] == 1)
        on_icmp(f, ip, ip + head, total - head);
}

#define ARP_LEN 28

/* Ethernet, IPv4, lengths 6 and 4, a request */
static const uint8_t arp_request[8] = {0, 1, 8, 0, 6, 4, 0, 1};
static const uint8_t to_all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* We are here, at our address, to the station and address of `target` (10 bytes). */
static void arp_send(const uint8_t mac[6], uint8_t operation, const uint8_t *target)
{
    unsigned id;
    uint8_t *out = frame_new(&id);
    if (!out)
        return;
    uint8_t *a = out + ETH_LEN;
    memcpy(a, arp_request, sizeof arp_request);
    a[7] = operation;
    memcpy(a + 8, our_mac, 6);
    put32(a + 14, our_ip);
    memcpy(a + 18, target, 10);
    frame_send(id, mac, 0x0806, ARP_LEN);
}

/* RFC 5227 §2.3. A switch learns from it where we are, and passt who we are. */
static void arp_announce(void)
{
    uint8_t target[10] = {0};
    put32(target + 6, our_ip);
    arp_send(to_all, 1, target);
}

static void on_arp(const uint8_t *f, const uint8_t *a, uint32_t len)
{
    if (len >= ARP_LEN && !memcmp(a, arp_request, sizeof arp_request) && get32(a + 24) == our_ip)
        arp_send(f + 6, 2, a + 8);
}

/* To us or to all, from one. */
static void on_frame(const uint8_t *f, uint32_t len)
{
    if (len < ETH_LEN || (memcmp(f, our_mac, 6) && memcmp(f, to_all, 6)) || f[6] & 1)
        return;
    if (get16(f + 12) == 0x0800)
        on_ip(f, f + ETH_LEN, len - ETH_LEN);
    else if (get16(f + 12) == 0x0806)
        on_arp(f, f + ETH_LEN, len - ETH_LEN);
}

/* ---- the machine ---- */

#define VIRTIO_NET_F_MAC (1ull << 5) /* §5.1.3 */

static bool net_start(void)
{
    if (!virtio_find(VIRTIO_NET, &net) ||
        !(virtio_begin(&net, VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC) & VIRTIO_NET_F_MAC))
        return false;
    for (unsigned i = 0; i < 6; i++)
        our_mac[i] = virtio_config8(&net, i);
    if (!virtq_init(&rx, &net, 0, true) || !virtq_init(&tx, &net, 1, false))
        return false;
    virtio_go(&net);
    for (unsigned i = 0; i < VIRTQ_SIZE; i++)
        virtq_lend(&rx, i, rx_buf[i], BUFFER_SIZE, true);
    virtq_notify(&rx);
    arp_announce();
    return true;
}

static void net_receive(void)
{
    unsigned id;
    uint32_t len;
    bool any = false;
    while (virtq_back(&rx, &id, &len)) {
        if (len > NET_HDR && len <= FRAME_MAX)
            on_frame(rx_buf[id] + NET_HDR, len - NET_HDR);
        virtq_lend(&rx, id, rx_buf[id], BUFFER_SIZE, true);
        any = true;
    }
    if (any)
        virtq_notify(&rx);
}

static bool all_free(void)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (connections[i].state != FREE)
            return false;
    return true;
}

static bool parse_ip(const char *s, uint32_t *ip)
{
    *ip = 0;
    for (unsigned i = 0; i < 4; i++) {
        char part[4] = "";
        uint64_t val;
        for (unsigned n = 0; *s && *s != '.'; n++, s++) {
            if (n == 3)
                return false;
            part[n] = *s;
        }
        if (!parse_dec(part, &val) || val > 255 || (i < 3 && *s++ != '.'))
            return false;
        *ip = *ip << 8 | (uint32_t)val;
    }
    return !*s;
}

int main(int argc, char **argv)
{
    if (argc > 4 || (argc > 1 && !parse_dec(argv[1], &serve_max)) ||
        (argc > 2 && (!parse_dec(argv[2], &tcp_port) || !tcp_port || tcp_port > 65535)) ||
        (argc > 3 && !parse_ip(argv[3], &our_ip))) {
        put_text("httpd: takes a number of requests, a port and an IPv4 address\n");
        return 2;
    }
    if (!net_start()) {
        put_text("httpd: no network; --net user is one\n");
        return 1;
    }
    put_text("httpd: port ");
    put_dec(tcp_port);
    put_char('\n');
    gic_watch(net.intid);
    gic_watch(TIMER_VIRT_INTID);
    while (!serve_max || served < serve_max || !all_free()) {
        virtio_ack(&net);
        net_receive();
        timer_at_ns(connections_tick(time_ns()));
        cpu_idle();
    }
    return 0;
}
