// SPDX-License-Identifier: MIT
/*
 * test_virtio_9p.c - the device that carries 9P messages: its tag, a queue of requests and replies.
 *
 * Linux's net/9p/trans_virtio.c and include/uapi/linux/virtio_9p.h; virtio 1.2 §5 has the number.
 */
#include "tests/unit/virtio_rig.h"

#include "tests/unit/p9_rig.h"

static uint64_t written_len;

static void written(void *ctx, gpa_t gpa, uint64_t len)
{
    (void)ctx, (void)gpa;
    written_len += len;
}

static void rig_9p(struct vrig *v, struct p9_rig *r, const char *tag)
{
    struct virtio_host host = vrig_host(v);
    struct err err;
    struct p9 *p9;
    p9_rig_tree(r);
    expect_u64(p9_new(&p9, r->dir, false, &err), 0);
    expect_u64(virtio_9p_new(&v->r.dev, "virtio0", &host, p9, tag), 0);
    written_len = 0;
    v->mem.written = written;
    vrig_start(v, BIT(0), 1, 128);
}

/* Give the request in r->req to the device as one chain, its reply in two segments; the bytes
 * written. */
static uint32_t carry(struct vrig *v, struct p9_rig *r, uint32_t room)
{
    uint32_t head, len;
    le32_put(r->req, r->req_len);
    memcpy(vrig_at(v, VRIG_DATA), r->req, r->req_len);
    memset(vrig_at(v, VRIG_DATA + KIB(8)), 0xee, KIB(8));
    const struct vrig_seg segs[] = {
        {VRIG_DATA,          5,              false                         },
        {VRIG_DATA + 5,      r->req_len - 5, false                         },
        {VRIG_DATA + KIB(8), MIN(room,       9),                             true},
        {VRIG_DATA + KIB(8) + 9,                  room > 9 ? room - 9 : 0,           true},
    };
    vrig_add(v, 0, segs, 4);
    vrig_notify(v, 0);
    expect_true(vrig_take(v, 0, &head, &len));
    memcpy(r->rep, vrig_at(v, VRIG_DATA + KIB(8)), KIB(8));
    r->rep_len = len;
    return len;
}

static void begin_version(struct p9_rig *r)
{
    p9_rig_begin(r, TVERSION);
    p9_rig_put(r,
               "\0\x20\0\0\x08\0"
               "9P2000.L",
               14);
}

static void the_tag_is_in_the_configuration(void)
{
    struct vrig v;
    struct p9_rig r;
    rig_9p(&v, &r, "work");
    expect_u32(rd32(&v.r, 0x008), 9);
    expect_true(vrig_features(&v) & BIT(0));
    expect_u32(rig_rd(&v.r, 0x100, 2), 4);
    expect_u32(rig_rd(&v.r, 0x102, 1), 'w');
    expect_u32(rig_rd(&v.r, 0x105, 1), 'k');
    expect_u32(rig_rd(&v.r, 0x106, 1), 0); /* behind the tag there is nothing */
    expect_u32(rd32(&v.r, 0x104), 'r' | 'k' << 8);
    wr32(&v.r, 0x100, 0);
    expect_u32(rig_rd(&v.r, 0x100, 2), 4);
    wr32(&v.r, 0x030, 0);
    expect_u32(rd32(&v.r, 0x034), 128);
    vrig_fini(&v);
    p9_rig_fini(&r);
}

static void a_tag_has_a_length(void) /* and what is given is freed */
{
    struct vrig v;
    struct p9_rig r;
    struct err err;
    struct p9 *p9;
    char tag[VIRTIO_9P_TAG_MAX + 2];
    struct virtio_host host = vrig_host(&v);
    p9_rig_tree(&r);
    memset(tag, 't', sizeof tag - 1);
    tag[sizeof tag - 1] = '\0';
    expect_u64(p9_new(&p9, r.dir, false, &err), 0);
    expect_u64(virtio_9p_new(&v.r.dev, "virtio0", &host, p9, tag), -EINVAL);
    mem_fini(&v.mem);
    p9_rig_fini(&r);
}

static void a_chain_is_a_request_and_its_reply(void)
{
    struct vrig v;
    struct p9_rig r;
    rig_9p(&v, &r, "share");
    begin_version(&r);
    expect_u32(carry(&v, &r, 200), 21);
    expect_u32(r.rep[4], TVERSION + 1);
    expect_u64(written_len, 21); /* engines are told of what was written */
    expect_u32(vrig_ack(&v), 1);
    p9_rig_begin(&r, TCLUNK);
    p9_rig_put(&r, "\7\0\0\0", 4);
    expect_u32(carry(&v, &r, 200), 11);
    expect_u32(r.rep[4], RLERROR);
    vrig_fini(&v);
    p9_rig_fini(&r);
}

static void chains_without_room_come_back_empty(void)
{
    struct vrig v;
    struct p9_rig r;
    rig_9p(&v, &r, "share");
    for (uint32_t room = 0; room < 11; room++) {
        begin_version(&r);
        expect_u32(carry(&v, &r, room), 0);
        expect_u32(r.rep[0], 0xee);
    }
    begin_version(&r);
    expect_u32(carry(&v, &r, 11), 11);
    expect_u32(r.rep[4], RLERROR);
    r.req_len = 6; /* less than a header */
    expect_u32(carry(&v, &r, 100), 0);
    expect_true(!(rd32(&v.r, 0x070) & 0x40));
    vrig_fini(&v);
    p9_rig_fini(&r);
}

static void a_reset_ends_the_session(void)
{
    struct vrig v;
    struct p9_rig r;
    rig_9p(&v, &r, "share");
    begin_version(&r);
    carry(&v, &r, 200);
    p9_rig_begin(&r, TATTACH);
    p9_rig_put(&r, "\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0", 16);
    expect_u32(carry(&v, &r, 200), 20);
    vrig_start(&v, BIT(0), 1, 128);
    p9_rig_begin(&r, TCLUNK);
    p9_rig_put(&r, "\0\0\0\0", 4);
    expect_u32(carry(&v, &r, 200), 11);
    expect_u32(le32_get(r.rep + 7), EPROTO);
    begin_version(&r);
    carry(&v, &r, 200);
    p9_rig_begin(&r, TCLUNK);
    p9_rig_put(&r, "\0\0\0\0", 4);
    expect_u32(carry(&v, &r, 200), 11);
    expect_u32(le32_get(r.rep + 7), EBADF);
    vrig_fini(&v);
    p9_rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(the_tag_is_in_the_configuration),    TAP_TEST(a_tag_has_a_length),
    TAP_TEST(a_chain_is_a_request_and_its_reply), TAP_TEST(chains_without_room_come_back_empty),
    TAP_TEST(a_reset_ends_the_session),
};

TAP_MAIN(tests)
