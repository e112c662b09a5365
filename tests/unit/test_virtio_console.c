// SPDX-License-Identifier: MIT
/*
 * test_virtio_console.c - a console and named streams, with a host end that the test holds back.
 *
 * Rules and values: virtio 1.2 §5.3.
 */
#include "tests/unit/virtio_rig.h"

#include <errno.h>

#include "vmm/chr.h"

#define F_SIZE        BIT(0)
#define F_MULTIPORT   BIT(1)
#define F_EMERG_WRITE BIT(2)
#define ALL           (F_SIZE | F_MULTIPORT | F_EMERG_WRITE | VIRTIO_F_EVENT_IDX)

/* §5.3.6.2 */
enum { DEVICE_READY = 0, PORT_ADD = 1, PORT_READY = 3, CONSOLE_PORT = 4, PORT_OPEN = 6, NAME = 7 };
/* §5.3.2 */
enum { RX0, TX0, CTL_RX, CTL_TX, RX1, TX1, RX2, TX2, QUEUES };

#define CTL_BUFS (VRIG_DATA)
#define CTL_LEN  64u
#define CTL_SEND (VRIG_DATA + KIB(16))
#define DATA(n)  (VRIG_DATA + KIB(32) + (n)*KIB(4))

struct end { /* a host end */
    struct chr chr;
    char in[64], out[64];
    size_t n_in, n_out, room; /* room: bytes that out takes until ready() */
    bool ended, asked;
    int code; /* what write_some() fails with */
};

static size_t end_read(struct chr *chr, void *buf, size_t max)
{
    struct end *e = container_of(chr, struct end, chr);
    size_t n = MIN(max, e->n_in);
    memcpy(buf, e->in, n);
    memmove(e->in, e->in + n, e->n_in - n);
    e->n_in -= n;
    e->asked = e->asked || !n;
    return n;
}

static int64_t end_write_some(struct chr *chr, const struct iovec *iov, unsigned n)
{
    struct end *e = container_of(chr, struct end, chr);
    if (e->code)
        return -e->code;
    size_t room = MIN(e->room, sizeof e->out - e->n_out);
    uint64_t got = iov_get(iov, n, 0, e->out + e->n_out, room);
    e->n_out += got;
    e->room -= got;
    return (int64_t)got;
}

static bool end_eof(const struct chr *chr)
{
    const struct end *e = container_of((struct chr *)(uintptr_t)chr, struct end, chr);
    return e->ended && !e->n_in;
}

static const struct chr_ops end_ops = {
    .read = end_read,
    .write_some = end_write_some,
    .eof = end_eof,
};

struct con {
    struct vrig r;
    struct end console, a, b; /* b takes no output */
    unsigned idle;
};

static void count_idle(void *arg)
{
    ((struct con *)arg)->idle++;
}

static void end_init(struct end *e)
{
    *e = (struct end){.chr.ops = &end_ops, .room = sizeof e->out};
}

static void end_give(struct end *e, const char *text)
{
    memcpy(e->in + e->n_in, text, strlen(text));
    e->n_in += strlen(text);
}

static void con_init(struct con *c, bool console, bool ports)
{
    struct virtio_host host = vrig_host(&c->r);
    end_init(&c->console);
    end_init(&c->a);
    end_init(&c->b);
    c->idle = 0;
    struct virtio_console_params p = {.cols = 80, .rows = 25, .idle = count_idle, .arg = c};
    if (console)
        p.console = (struct virtio_port){"console", &c->console.chr, true};
    if (ports) {
        p.ports[0] = (struct virtio_port){"a", &c->a.chr, true};
        p.ports[1] = (struct virtio_port){"second", &c->b.chr, false};
        p.n_ports = 2;
    }
    expect_u64(virtio_console_new(&c->r.r.dev, "virtio0", &host, &p), 0);
}

static void ctl_buffers(struct con *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        vrig_add(&c->r, CTL_RX, &(struct vrig_seg){CTL_BUFS + i * CTL_LEN, CTL_LEN, true}, 1);
    vrig_notify(&c->r, CTL_RX);
}

static void ctl_send(struct con *c, uint32_t port, uint16_t event, uint16_t value)
{
    uint32_t head, len;
    uint8_t *msg = vrig_at(&c->r, CTL_SEND);
    le32_put(msg, port);
    le16_put(msg + 4, event);
    le16_put(msg + 6, value);
    vrig_add(&c->r, CTL_TX, &(struct vrig_seg){CTL_SEND, 8, false}, 1);
    vrig_notify(&c->r, CTL_TX);
    expect_true(vrig_take(&c->r, CTL_TX, &head, &len));
}

/* The next control message of the device is this one, with `text` behind it. */
static void ctl_is(struct con *c, uint32_t port, uint16_t event, uint16_t value, const char *text)
{
    uint32_t head, len;
    expect_true(vrig_take(&c->r, CTL_RX, &head, &len));
    const uint8_t *msg = vrig_at(&c->r, CTL_BUFS + head * CTL_LEN);
    expect_u32(len, 8 + (uint32_t)strlen(text));
    expect_u32(le32_get(msg), port);
    expect_u32(le16_get(msg + 4), event);
    expect_u32(le16_get(msg + 6), value);
    expect_true(!memcmp(msg + 8, text, strlen(text)));
}

static void ctl_none(struct con *c)
{
    uint32_t head, len;
    expect_true(!vrig_take(&c->r, CTL_RX, &head, &len));
}

/* Up to where a program of the guest has port a open. */
static void con_open_a(struct con *c)
{
    vrig_start(&c->r, ALL, QUEUES, 64);
    ctl_buffers(c, 16);
    ctl_send(c, 0, DEVICE_READY, 1);
    ctl_send(c, 1, PORT_READY, 1);
    ctl_send(c, 1, PORT_OPEN, 1);
    uint32_t head, len;
    while (vrig_take(&c->r, CTL_RX, &head, &len))
        ;
}

static uint16_t give_text(struct con *c, unsigned q, unsigned at, const char *text)
{
    memcpy(vrig_at(&c->r, DATA(at)), text, strlen(text));
    uint16_t head =
        vrig_add(&c->r, q, &(struct vrig_seg){DATA(at), (uint32_t)strlen(text), false}, 1);
    vrig_notify(&c->r, q);
    return head;
}

static void expect_out(const struct end *e, const char *text)
{
    expect_u64(e->n_out, strlen(text));
    expect_true(!memcmp(e->out, text, strlen(text)));
}

static void con_fini(struct con *c)
{
    vrig_fini(&c->r);
}

static void a_driver_without_ports_has_the_console(void) /* §5.3.2, §5.3.4 */
{
    struct con c;
    con_init(&c, true, false);
    vrig_start(&c.r, F_SIZE, 2, 64);
    expect_u32(rd32(&c.r.r, 0x008), 3);
    expect_u64(vrig_features(&c.r) & ALL, ALL);
    expect_u32(rd32(&c.r.r, 0x100), 25u << 16 | 80);
    wr32(&c.r.r, 0x030, RX1);
    expect_u32(rd32(&c.r.r, 0x034), 0); /* QueueNumMax: no such queue */
    give_text(&c, TX0, 0, "hello");
    expect_out(&c.console, "hello");
    con_fini(&c);
}

static void input_waits_for_a_buffer_and_fills_it(void) /* §5.3.6 */
{
    struct con c;
    uint32_t head, len;
    con_init(&c, true, false);
    vrig_start(&c.r, 0, 2, 64);
    end_give(&c.console, "abcdef");
    vrig_notify(&c.r, RX0);
    expect_u64(c.console.n_in, 6);
    const struct vrig_seg four[] = {
        {DATA(0), 3, true},
        {DATA(1), 1, true}
    };
    vrig_add(&c.r, RX0, four, 2);
    vrig_add(&c.r, RX0, &(struct vrig_seg){DATA(2), 100, true}, 1);
    vrig_add(&c.r, RX0, &(struct vrig_seg){DATA(3), 100, true}, 1);
    vrig_notify(&c.r, RX0);
    expect_true(vrig_take(&c.r, RX0, &head, &len));
    expect_u32(len, 4);
    expect_true(!memcmp(vrig_at(&c.r, DATA(0)), "abc", 3) && *vrig_at(&c.r, DATA(1)) == 'd');
    expect_true(vrig_take(&c.r, RX0, &head, &len));
    expect_u32(len, 2);
    expect_true(!vrig_take(&c.r, RX0, &head, &len)); /* the third stays for what comes later */
    expect_true(c.console.asked);
    vrig_ack(&c.r);
    end_give(&c.console, "g");
    c.console.chr.ready(c.console.chr.arg);
    expect_true(vrig_take(&c.r, RX0, &head, &len));
    expect_u32(len, 1);
    expect_u32(*vrig_at(&c.r, DATA(3)), 'g');
    expect_u32(vrig_ack(&c.r), 1);
    con_fini(&c);
}

static void ports_are_introduced_one_by_one(void) /* §5.3.5, §5.3.6.2 */
{
    struct con c;
    con_init(&c, true, true);
    vrig_start(&c.r, ALL, QUEUES, 64);
    expect_u32(rd32(&c.r.r, 0x104), 3); /* max_nr_ports */
    ctl_buffers(&c, 16);
    ctl_none(&c);
    ctl_send(&c, 0, DEVICE_READY, 1);
    for (uint32_t i = 0; i < 3; i++)
        ctl_is(&c, i, PORT_ADD, 1, "");
    ctl_send(&c, 0, PORT_READY, 1);
    ctl_is(&c, 0, CONSOLE_PORT, 1, "");
    ctl_is(&c, 0, PORT_OPEN, 1, "");
    ctl_send(&c, 2, PORT_READY, 1);
    ctl_is(&c, 2, NAME, 1, "second");
    ctl_is(&c, 2, PORT_OPEN, 1, "");
    ctl_send(&c, 1, PORT_READY, 0); /* the driver could not */
    ctl_send(&c, 99, PORT_READY, 1);
    ctl_none(&c);
    con_fini(&c);
}

static void without_a_console_port_0_is_not_introduced(void)
{
    struct con c;
    con_init(&c, false, true);
    vrig_start(&c.r, ALL, QUEUES, 64);
    expect_u64(vrig_features(&c.r) & (F_SIZE | F_MULTIPORT | F_EMERG_WRITE), F_MULTIPORT);
    ctl_buffers(&c, 16);
    ctl_send(&c, 0, DEVICE_READY, 1);
    ctl_is(&c, 1, PORT_ADD, 1, "");
    ctl_is(&c, 2, PORT_ADD, 1, "");
    ctl_send(&c, 0, PORT_READY, 1);
    ctl_none(&c);
    give_text(&c, TX0, 0, "to nobody");
    con_fini(&c);
}

static void a_console_is_read_once_the_driver_has_it_open(void)
{
    struct con c;
    uint32_t head, len;
    con_init(&c, true, false);
    vrig_start(&c.r, F_MULTIPORT, RX1, 64);
    end_give(&c.console, "early");
    vrig_add(&c.r, RX0, &(struct vrig_seg){DATA(0), 100, true}, 1);
    vrig_notify(&c.r, RX0);
    expect_true(!vrig_take(&c.r, RX0, &head, &len));
    ctl_send(&c, 0, PORT_OPEN, 1);
    expect_true(vrig_take(&c.r, RX0, &head, &len));
    expect_u32(len, 5);
    con_fini(&c);
}

static void control_messages_wait_for_buffers(void)
{
    struct con c;
    con_init(&c, true, true);
    vrig_start(&c.r, ALL, QUEUES, 64);
    ctl_send(&c, 0, DEVICE_READY, 1);
    ctl_none(&c);
    ctl_buffers(&c, 1);
    ctl_is(&c, 0, PORT_ADD, 1, "");
    ctl_none(&c);
    vrig_add(&c.r, CTL_RX, &(struct vrig_seg){CTL_BUFS + 1 * CTL_LEN, CTL_LEN, true}, 1);
    vrig_add(&c.r, CTL_RX, &(struct vrig_seg){CTL_BUFS + 2 * CTL_LEN, CTL_LEN, true}, 1);
    vrig_notify(&c.r, CTL_RX);
    ctl_is(&c, 1, PORT_ADD, 1, "");
    ctl_is(&c, 2, PORT_ADD, 1, "");
    con_fini(&c);
}

static void a_port_is_read_while_the_guest_has_it_open(void)
{
    struct con c;
    uint32_t head, len;
    con_init(&c, false, true);
    vrig_start(&c.r, ALL, QUEUES, 64);
    ctl_buffers(&c, 16);
    ctl_send(&c, 0, DEVICE_READY, 1);
    ctl_send(&c, 1, PORT_READY, 1);
    end_give(&c.a, "early");
    vrig_add(&c.r, RX1, &(struct vrig_seg){DATA(0), 100, true}, 1);
    vrig_add(&c.r, RX1, &(struct vrig_seg){DATA(1), 100, true}, 1);
    vrig_notify(&c.r, RX1);
    expect_true(!vrig_take(&c.r, RX1, &head, &len));
    ctl_send(&c, 1, PORT_OPEN, 1);
    expect_true(vrig_take(&c.r, RX1, &head, &len));
    expect_u32(len, 5);
    ctl_send(&c, 1, PORT_OPEN, 0);
    end_give(&c.a, "late");
    c.a.chr.ready(c.a.chr.arg);
    expect_true(!vrig_take(&c.r, RX1, &head, &len));
    con_fini(&c);
}

static void a_slow_host_holds_the_queue_back(void)
{
    struct con c;
    uint32_t head, len;
    con_init(&c, false, true);
    con_open_a(&c);
    c.a.room = 4;
    give_text(&c, TX1, 0, "first ");
    give_text(&c, TX1, 1, "second");
    expect_out(&c.a, "firs");
    expect_true(!vrig_take(&c.r, TX1, &head, &len));
    struct virtio *v = container_of(c.r.r.dev, struct virtio, dev);
    expect_true(v->ops->busy(v));
    c.a.room = 4;
    c.a.chr.ready(c.a.chr.arg);
    expect_out(&c.a, "first se");
    expect_true(vrig_take(&c.r, TX1, &head, &len));
    expect_u32(len, 0);
    expect_u32(c.idle, 0);
    c.a.room = 99;
    c.a.chr.ready(c.a.chr.arg);
    expect_out(&c.a, "first second");
    expect_true(vrig_take(&c.r, TX1, &head, &len));
    expect_true(!v->ops->busy(v));
    expect_u32(c.idle, 1);
    con_fini(&c);
}

static void a_host_that_left_closes_the_port(void)
{
    struct con c;
    uint32_t head, len;
    con_init(&c, false, true);
    con_open_a(&c);
    c.a.code = EPIPE;
    give_text(&c, TX1, 0, "to nobody");
    expect_true(vrig_take(&c.r, TX1, &head, &len));
    ctl_is(&c, 1, PORT_OPEN, 0, "");
    give_text(&c, TX1, 0, "again");
    expect_true(vrig_take(&c.r, TX1, &head, &len));
    ctl_none(&c); /* once */
    con_fini(&c);
}

static void the_end_of_input_is_told_after_its_bytes(void)
{
    struct con c;
    uint32_t head, len;
    con_init(&c, false, true);
    con_open_a(&c);
    ctl_send(&c, 2, PORT_READY, 1);
    ctl_is(&c, 2, NAME, 1, "second");
    ctl_is(&c, 2, PORT_OPEN, 1, "");
    end_give(&c.b, "last");
    c.b.ended = true;
    ctl_send(&c, 2, PORT_OPEN, 1);
    ctl_none(&c); /* the bytes are still to come */
    vrig_add(&c.r, RX2, &(struct vrig_seg){DATA(0), 100, true}, 1);
    vrig_notify(&c.r, RX2);
    expect_true(vrig_take(&c.r, RX2, &head, &len));
    expect_u32(len, 4);
    ctl_is(&c, 2, PORT_OPEN, 0, "");
    con_fini(&c);
}

static void the_end_of_input_does_not_close_a_port_that_is_written(void)
{
    struct con c;
    con_init(&c, false, true);
    con_open_a(&c);
    c.a.ended = true;
    vrig_add(&c.r, RX1, &(struct vrig_seg){DATA(0), 100, true}, 1);
    vrig_notify(&c.r, RX1);
    ctl_none(&c);
    give_text(&c, TX1, 1, "still");
    expect_out(&c.a, "still");
    con_fini(&c);
}

static void a_reset_keeps_what_was_written(void)
{
    struct con c;
    con_init(&c, false, true);
    con_open_a(&c);
    c.a.room = 1;
    give_text(&c, TX1, 0, "xyz");
    give_text(&c, TX1, 1, "abc");
    con_open_a(&c); /* begins with a reset */
    struct virtio *v = container_of(c.r.r.dev, struct virtio, dev);
    expect_true(v->ops->busy(v));
    give_text(&c, TX1, 0, "new");
    expect_out(&c.a, "x");
    c.a.room = 3;
    c.a.chr.ready(c.a.chr.arg);
    expect_out(&c.a, "xyza");
    wr32(&c.r.r, 0x070, 0); /* again, with old bytes and new ones that wait, and no driver after */
    c.a.room = 99;
    c.a.chr.ready(c.a.chr.arg);
    expect_out(&c.a, "xyzabc");
    expect_u32(c.idle, 1);
    expect_true(!v->ops->busy(v));
    con_fini(&c);
}

static void a_reset_keeps_so_much_and_no_more(void)
{
    struct con c;
    con_init(&c, false, true);
    con_open_a(&c);
    c.a.room = 0;
    const struct vrig_seg twice[] = {
        {VRIG_RAM, MIB(2), false},
        {VRIG_RAM, MIB(2), false}
    };
    vrig_add(&c.r, TX1, twice, 2);
    vrig_add(&c.r, TX1, twice, 1);
    vrig_notify(&c.r, TX1);
    wr32(&c.r.r, 0x070, 0);
    for (unsigned sum = 0; sum < MIB(4); sum += 64) {
        c.a.room = sizeof c.a.out;
        c.a.n_out = 0;
        c.a.chr.ready(c.a.chr.arg);
        expect_u64(c.a.n_out, 64);
    }
    expect_u32(c.idle, 1);
    con_fini(&c);
}

static void emergency_writes_need_no_driver(void) /* §5.3.4 */
{
    struct con c;
    con_init(&c, true, true);
    rig_map(&c.r.r, 0x200);
    wr32(&c.r.r, 0x108, '!');
    expect_out(&c.console, "!");
    con_fini(&c);
}

static void odd_drivers_break_nothing_but_the_device(void)
{
    struct con c;
    uint32_t head, len;
    con_init(&c, true, true);
    vrig_start(&c.r, ALL, QUEUES, 64);
    vrig_add(&c.r, CTL_TX, &(struct vrig_seg){CTL_SEND, 3, false}, 1); /* no whole message */
    vrig_notify(&c.r, CTL_TX);
    expect_true(vrig_take(&c.r, CTL_TX, &head, &len));
    ctl_send(&c, UINT32_MAX, PORT_OPEN, 1);
    ctl_send(&c, 1, 77, 1);
    vrig_notify(&c.r, 12345);
    expect_u32(rd32(&c.r.r, 0x070), 0xf);
    ctl_send(&c, 0, PORT_OPEN, 1);
    end_give(&c.console, "x");
    vrig_add(&c.r, RX0, &(struct vrig_seg){DATA(0), 4, false}, 1); /* nothing to receive into */
    vrig_notify(&c.r, RX0);
    expect_u32(rd32(&c.r.r, 0x070) & 0x40, 0x40); /* DEVICE_NEEDS_RESET */
    con_fini(&c);
}

static const struct tap_test tests[] = {
    TAP_TEST(a_driver_without_ports_has_the_console),
    TAP_TEST(input_waits_for_a_buffer_and_fills_it),
    TAP_TEST(ports_are_introduced_one_by_one),
    TAP_TEST(without_a_console_port_0_is_not_introduced),
    TAP_TEST(a_console_is_read_once_the_driver_has_it_open),
    TAP_TEST(control_messages_wait_for_buffers),
    TAP_TEST(a_port_is_read_while_the_guest_has_it_open),
    TAP_TEST(a_slow_host_holds_the_queue_back),
    TAP_TEST(a_host_that_left_closes_the_port),
    TAP_TEST(the_end_of_input_is_told_after_its_bytes),
    TAP_TEST(the_end_of_input_does_not_close_a_port_that_is_written),
    TAP_TEST(a_reset_keeps_what_was_written),
    TAP_TEST(a_reset_keeps_so_much_and_no_more),
    TAP_TEST(emergency_writes_need_no_driver),
    TAP_TEST(odd_drivers_break_nothing_but_the_device),
};

TAP_MAIN(tests)
