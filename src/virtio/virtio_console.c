// SPDX-License-Identifier: MIT
/*
 * virtio_console.c - a console and named byte streams.
 *
 * Follows virtio 1.2 §5.3. Port 0 is the console, when there is one; with named ports MULTIPORT is
 * offered, and each of them is a port of its own from 1 on. Without it the size of the console is
 * in the configuration (SIZE). Not there: a change of that size, ports that come and go.
 *
 * Backpressure both ways: a chain is given back when the host took all its bytes, and the host is
 * read only into buffers that are there. A named port is read only while a program of the guest
 * has it open, since drivers throw away what comes before. The end of a port's host side is told
 * by VIRTIO_CONSOLE_PORT_OPEN 0: for a port with output when nobody takes it any more, for one
 * without when its input has ended. A driver that resets the device, as Linux does when it powers
 * off, does not mean to take back what was written: bytes that wait then are kept, up to CON_LATE
 * of a port.
 *
 * Threads: the vCPU that notifies, and the I/O thread by chr.ready; both with the device's lock.
 */
#include "vmm/virtio.h"

#include "vmm/chr.h"
#include "vmm/log.h"

#include <errno.h>
#include <stdlib.h>

/* §5.3.3 */
#define VIRTIO_CONSOLE_F_SIZE        BIT(0)
#define VIRTIO_CONSOLE_F_MULTIPORT   BIT(1)
#define VIRTIO_CONSOLE_F_EMERG_WRITE BIT(2)

/* §5.3.4: the configuration */
enum { CON_CFG_COLS = 0, CON_CFG_ROWS = 2, CON_CFG_PORTS = 4, CON_CFG_EMERG = 8, CON_CFG_LEN = 12 };

/* §5.3.6.2: control messages, of CON_MSG bytes: le32 port, le16 event, le16 value */
enum {
    CON_DEVICE_READY = 0,
    CON_PORT_ADD = 1,
    CON_PORT_READY = 3,
    CON_CONSOLE_PORT = 4,
    CON_PORT_OPEN = 6,
    CON_PORT_NAME = 7,
};
#define CON_MSG 8u

/* §5.3.2: queues of port 0, of control, then of ports 1 and on; receiving before transmitting */
enum { CON_CTL_RX = 2, CON_CTL_TX = 3, CON_PORT1 = 4 };
#define CON_QUEUE     64u
#define CON_LATE      MIB(4)
#define CON_PORTS_MAX (1 + VIRTIO_CONSOLE_PORTS_MAX)

struct con_port {
    struct virtio_console *c;
    const char *name;
    struct chr *chr; /* NULL: there is no such port */
    bool output;
    unsigned id;
    unsigned todo;   /* control messages that wait for a buffer: bit per row of con_events */
    bool ready;      /* the driver knows it */
    bool guest_open; /* a program of the guest has it open */
    bool tx_gone;    /* the host takes no more: what the guest writes is dropped */
    bool told_end;   /* PORT_OPEN 0 */
    bool tx_busy;    /* `tx` is a chain of which tx_done bytes are written */
    uint64_t tx_done;
    struct vq_chain tx;
    uint8_t *late; /* bytes of before the last reset: late_len, of which late_done are written */
    size_t late_len, late_done;
};

struct virtio_console {
    struct virtio v;
    struct vq vqs[2 * (CON_PORTS_MAX + 1)];
    struct con_port *ports;
    unsigned n_ports; /* 1 and the named ones */
    uint8_t config[CON_CFG_LEN];
    struct vq_chain chain;
    void (*idle)(void *arg);
    void *arg;
};

static struct virtio_console *con_of(struct virtio *v)
{
    return container_of(v, struct virtio_console, v);
}

static unsigned con_queue(const struct con_port *p)
{
    return p->id ? CON_PORT1 + 2 * (p->id - 1) : 0;
}

/* What the device may say about a port, in the order in which it says it. */
enum { CON_TODO_ADD = 1, CON_TODO_CONSOLE = 2, CON_TODO_NAME = 4, CON_TODO_OPEN = 8 };
/* columns: bit, event */
static const struct {
    unsigned todo;
    uint16_t event;
} con_events[] = {
    {CON_TODO_ADD,     CON_PORT_ADD    },
    {CON_TODO_CONSOLE, CON_CONSOLE_PORT},
    {CON_TODO_NAME,    CON_PORT_NAME   },
    {CON_TODO_OPEN,    CON_PORT_OPEN   },
};

/* ---- control: from the device ---- */

/* One message into a buffer of the driver's. False: there is none. */
static bool con_say(struct virtio_console *c, const struct con_port *p, uint16_t event)
{
    uint8_t msg[CON_MSG];
    struct vq *q = &c->vqs[CON_CTL_RX];
    if (!vq_pop(&c->v, q, &c->chain))
        return false;
    le32_put(msg, p->id);
    le16_put(msg + 4, event);
    le16_put(msg + 6, event == CON_PORT_OPEN ? !p->told_end : 1);
    uint64_t n = vq_copy_in(&c->chain, 0, msg, CON_MSG);
    if (event == CON_PORT_NAME) /* §5.3.6.2: the name follows, without a NUL */
        n += vq_copy_in(&c->chain, n, p->name, strlen(p->name));
    vq_push(&c->v, q, &c->chain, (uint32_t)n);
    return true;
}

static void con_say_all(struct virtio_console *c)
{
    if (!virtio_has(&c->v, VIRTIO_CONSOLE_F_MULTIPORT) || !virtio_live(&c->v))
        return;
    struct vq *q = &c->vqs[CON_CTL_RX];
    for (unsigned i = 0; i < c->n_ports && q->ready; i++)
        for (unsigned e = 0; e < ARRAY_LEN(con_events); e++) {
            struct con_port *p = &c->ports[i];
            if (!(p->todo & con_events[e].todo))
                continue;
            while (!con_say(c, p, con_events[e].event))
                if (!vq_rearm(&c->v, q)) {
                    vq_notify(&c->v, q);
                    return;
                }
            p->todo &= ~con_events[e].todo;
        }
    if (q->ready)
        vq_notify(&c->v, q);
}

/* ---- a port's two directions ---- */

static void con_port_end(struct con_port *p)
{
    bool ended = p->output ? p->tx_gone : chr_eof(p->chr);
    if (!ended || p->told_end)
        return;
    p->told_end = true;
    if (p->ready)
        p->todo |= CON_TODO_OPEN;
}

/* Write what is left of before a reset. False: the host has no room now. */
static bool con_tx_late(struct con_port *p)
{
    while (p->late && !p->tx_gone && p->late_done < p->late_len) {
        const struct iovec iov = {p->late + p->late_done, p->late_len - p->late_done};
        int64_t got = p->chr->ops->write_some(p->chr, &iov, 1);
        if (!got)
            return false;
        if (got > 0)
            p->late_done += (size_t)got;
        else
            p->tx_gone = true;
    }
    free(p->late);
    p->late = NULL;
    p->late_len = p->late_done = 0;
    return true;
}

/* Keep what is left of the chain. False: there is no room for it. */
static bool con_keep_late(struct con_port *p)
{
    uint64_t len = p->tx.out_len - p->tx_done;
    if (len > CON_LATE - p->late_len)
        return false;
    uint8_t *late = realloc(p->late, p->late_len + len);
    if (!late)
        return false;
    vq_copy_out(&p->tx, p->tx_done, late + p->late_len, len);
    p->late = late;
    p->late_len += len;
    return true;
}

/* Write what is left of the chain. False: the host has no room now. */
static bool con_tx_chain(struct con_port *p)
{
    while (p->tx_done < p->tx.out_len && !p->tx_gone) {
        struct iovec part[VQ_SIZE_MAX];
        unsigned n = iov_slice(p->tx.iov, p->tx.n_out, p->tx_done, p->tx.out_len, part);
        int64_t got = p->chr->ops->write_some(p->chr, part, n);
        if (!got)
            return false;
        if (got > 0)
            p->tx_done += (uint64_t)got;
        else
            p->tx_gone = true;
    }
    return true;
}

static void con_tx(struct con_port *p)
{
    struct virtio *v = &p->c->v;
    struct vq *q = &p->c->vqs[con_queue(p) + 1];
    bool waited = p->tx_busy || p->late;
    while (con_tx_late(p) && q->ready && virtio_live(v)) {
        if (!p->tx_busy && !vq_pop(v, q, &p->tx)) {
            if (vq_rearm(v, q))
                continue;
            break;
        }
        if (!p->tx_busy)
            p->tx_done = 0;
        p->tx_busy = true;
        if (!con_tx_chain(p))
            break;
        vq_push(v, q, &p->tx, 0);
        p->tx_busy = false;
    }
    if (q->ready && virtio_live(v))
        vq_notify(v, q);
    con_port_end(p);
    if (waited && !p->tx_busy && !p->late && p->c->idle)
        p->c->idle(p->c->arg);
}

/* Fill one buffer with what the host has; how much that was. */
static uint32_t con_rx_chain(struct con_port *p, const struct vq_chain *c)
{
    uint32_t done = 0;
    for (unsigned i = c->n_out; i < c->n_out + c->n_in; i++) {
        size_t want = MIN(c->iov[i].iov_len, (size_t)(UINT32_MAX - done));
        size_t got = chr_read(p->chr, c->iov[i].iov_base, want);
        done += (uint32_t)got;
        if (got < want)
            break;
    }
    return done;
}

static void con_rx(struct con_port *p)
{
    struct virtio *v = &p->c->v;
    struct vq *q = &p->c->vqs[con_queue(p)];
    struct vq_chain *c = &p->c->chain;
    bool more = q->ready && (p->guest_open || !virtio_has(v, VIRTIO_CONSOLE_F_MULTIPORT));
    while (more) {
        if (!vq_pop(v, q, c)) {
            more = vq_rearm(v, q);
            continue;
        }
        uint32_t done = con_rx_chain(p, c);
        if (!c->in_len) {
            virtio_break(v, "a buffer to receive into has no room");
            return;
        }
        if (done)
            vq_push(v, q, c, done);
        else
            vq_unpop(q, 1);
        more = done != 0;
    }
    if (q->ready)
        vq_notify(v, q);
    con_port_end(p);
}

static void con_pump(struct con_port *p)
{
    con_tx(p);
    if (virtio_live(&p->c->v))
        con_rx(p);
    con_say_all(p->c);
}

/* From the I/O thread: the host has bytes, or room. */
static void con_ready(void *arg)
{
    struct con_port *p = arg;
    dev_lock(&p->c->v.dev);
    con_pump(p);
    dev_unlock(&p->c->v.dev);
}

/* ---- control: from the driver ---- */

static void con_device_ready(struct virtio_console *c)
{
    for (unsigned i = 0; i < c->n_ports; i++)
        if (c->ports[i].chr)
            c->ports[i].todo = CON_TODO_ADD;
}

static void con_hear(struct virtio_console *c, const uint8_t *msg)
{
    uint32_t id = le32_get(msg);
    uint16_t event = le16_get(msg + 4), value = le16_get(msg + 6);
    if (event == CON_DEVICE_READY && value)
        con_device_ready(c);
    if (id >= c->n_ports || !c->ports[id].chr)
        return; /* of a port that is not there: nothing to say about it */
    struct con_port *p = &c->ports[id];
    if (event == CON_PORT_READY && value) {
        p->ready = true;
        p->todo |= CON_TODO_OPEN | (id ? CON_TODO_NAME : CON_TODO_CONSOLE);
    } else if (event == CON_PORT_OPEN) {
        p->guest_open = value != 0;
        con_rx(p);
    }
}

static void con_control(struct virtio_console *c)
{
    struct vq *q = &c->vqs[CON_CTL_TX];
    do {
        uint8_t msg[CON_MSG];
        while (vq_pop(&c->v, q, &c->chain)) {
            bool whole = vq_copy_out(&c->chain, 0, msg, CON_MSG) == CON_MSG;
            vq_push(&c->v, q, &c->chain, 0);
            if (whole)
                con_hear(c, msg);
        }
    } while (vq_rearm(&c->v, q));
    vq_notify(&c->v, q);
}

static void con_notify(struct virtio *v, unsigned queue)
{
    struct virtio_console *c = con_of(v);
    unsigned id = queue < CON_CTL_RX ? 0 : (queue - CON_PORT1) / 2 + 1;
    if (queue == CON_CTL_TX)
        con_control(c);
    else if (queue != CON_CTL_RX && c->ports[id].chr)
        con_pump(&c->ports[id]);
    if (virtio_live(v))
        con_say_all(c);
}

/* ---- life ---- */

static void con_drain(struct virtio *v)
{
    struct virtio_console *c = con_of(v);
    for (unsigned i = 0; i < c->n_ports; i++) {
        struct con_port *p = &c->ports[i];
        struct vq *q = &c->vqs[con_queue(p) + 1];
        if (!p->chr || !p->tx_busy)
            continue;
        do {
            if (!con_keep_late(p)) {
                log_at(LOG_WARN,
                       "port %s: more than %u MiB wait for the host at a reset; the rest "
                       "is lost",
                       p->name, (unsigned)(CON_LATE >> 20));
                break;
            }
            p->tx_done = 0;
        } while (vq_pop(v, q, &p->tx));
    }
}

static void con_reset(struct virtio *v)
{
    struct virtio_console *c = con_of(v);
    for (unsigned i = 0; i < c->n_ports; i++) {
        struct con_port *p = &c->ports[i];
        p->todo = 0;
        p->ready = p->guest_open = p->tx_busy = p->told_end = false;
    }
}

static bool con_busy(struct virtio *v)
{
    const struct virtio_console *c = con_of(v);
    bool busy = false;
    for (unsigned i = 0; i < c->n_ports; i++)
        busy = busy || c->ports[i].late || (c->ports[i].tx_busy && virtio_live(v));
    return busy;
}

static void con_free(struct virtio *v)
{
    struct virtio_console *c = con_of(v);
    for (unsigned i = 0; i < c->n_ports; i++)
        free(c->ports[i].late);
    free(c->ports);
}

static void con_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, con_of(v)->config + off, len);
}

/* §5.3.4: emerg_wr works before the driver has set anything up. A full host loses the byte. */
static void con_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
    struct con_port *p = &con_of(v)->ports[0];
    struct iovec byte = {(void *)(uintptr_t)buf, 1};
    if (off == CON_CFG_EMERG && len && p->chr)
        p->chr->ops->write_some(p->chr, &byte, 1);
}

static const struct virtio_ops con_ops = {
    .kind = "virtio-console",
    .id = VIRTIO_ID_CONSOLE,
    .config_len = CON_CFG_LEN,
    .config_read = con_config_read,
    .config_write = con_config_write,
    .notify = con_notify,
    .drain = con_drain,
    .reset = con_reset,
    .busy = con_busy,
    .free = con_free,
};

static void con_port_init(struct virtio_console *c, unsigned id, const struct virtio_port *port)
{
    struct con_port *p = &c->ports[id];
    *p = (struct con_port){
        .c = c, .id = id, .name = port->name, .chr = port->chr, .output = port->output};
    p->chr->ready = con_ready;
    p->chr->arg = p;
}

int virtio_console_new(struct dev **dev, const char *name, const struct virtio_host *host,
                       const struct virtio_console_params *params)
{
    struct virtio_console *c = calloc(1, sizeof *c);
    struct con_port *ports = calloc(1 + params->n_ports, sizeof *ports);
    if (!c || !ports) {
        free(c);
        free(ports);
        return -ENOMEM;
    }
    c->ports = ports;
    c->idle = params->idle;
    c->arg = params->arg;
    c->n_ports = 1 + params->n_ports;
    uint64_t features = VIRTIO_CONSOLE_F_MULTIPORT;
    if (params->console.chr) {
        con_port_init(c, 0, &params->console);
        features |= VIRTIO_CONSOLE_F_EMERG_WRITE;
    }
    if (params->console.chr && params->cols && params->rows)
        features |= VIRTIO_CONSOLE_F_SIZE;
    for (unsigned i = 0; i < params->n_ports; i++)
        con_port_init(c, 1 + i, &params->ports[i]);
    le16_put(c->config + CON_CFG_COLS, params->cols);
    le16_put(c->config + CON_CFG_ROWS, params->rows);
    le32_put(c->config + CON_CFG_PORTS, c->n_ports);
    for (unsigned i = 0; i < 2 * (c->n_ports + 1); i++)
        c->vqs[i].max = CON_QUEUE;
    virtio_init(&c->v, &con_ops, name, host, features, c->vqs, 2 * (c->n_ports + 1));
    *dev = &c->v.dev;
    return 0;
}
