// SPDX-License-Identifier: MIT
/*
 * cfi_flash.c - NOR flash: two 16-bit chips with Intel's command set side by side on a 32-bit bus.
 *
 * Follows JEDEC JESD68.01 (Common Flash Interface) with the primary command set 0001, Intel/Sharp
 * extended, as the P30 family's data sheet has it. Each 16-bit lane is a chip; they get commands
 * and give status together: a command counts only when both lanes carry the same byte in one 32-bit
 * store. Programming and erasing take no time, so the status is always ready, and suspend and
 * resume do nothing. Programming clears bits and never sets them. Blocks can be locked, and are
 * unlocked after a reset. Not modelled: one-time-programmable registers, the
 * asynchronous/synchronous read configuration, blank check, lock-down as different from lock.
 *
 * In read-array mode the engine reads the bytes in place; `array` tells when that has to stop.
 * Threads: every entry point runs with the device lock held.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#define CFI_LANES 2  /* chips */
#define CFI_UNIT  4u /* bytes of the bus: one word of each chip */

/* Commands */
#define CFI_PROGRAM_ALT  0x10
#define CFI_ERASE        0x20
#define CFI_PROGRAM      0x40
#define CFI_CLEAR_STATUS 0x50
#define CFI_LOCK_SETUP   0x60
#define CFI_READ_STATUS  0x70
#define CFI_READ_ID      0x90
#define CFI_QUERY        0x98
#define CFI_CONFIRM      0xd0
#define CFI_BUFFERED     0xe8
#define CFI_AMD_RESET                                                                              \
    0xf0 /* of the other command set: U-Boot sends it before it knows which this is */
#define CFI_READ_ARRAY 0xff

#define CFI_LOCK      0x01 /* after CFI_LOCK_SETUP; CFI_CONFIRM there unlocks */
#define CFI_LOCK_DOWN 0x2f

/* Status register of a chip */
#define CFI_SR_LOCKED   0x02
#define CFI_SR_PROGRAM  0x10
#define CFI_SR_ERASE    0x20
#define CFI_SR_SEQUENCE (CFI_SR_PROGRAM | CFI_SR_ERASE)
#define CFI_SR_READY    0x80

#define CFI_MANUFACTURER 0x89
#define CFI_DEVICE       0x18

#define CFI_BUFFER_LOG2 9 /* write buffer of one chip, bytes */
#define CFI_BUFFER      ((1u << CFI_BUFFER_LOG2) * CFI_LANES)

enum cfi_mode { CFI_MODE_ARRAY, CFI_MODE_STATUS, CFI_MODE_ID, CFI_MODE_QUERY };

/* What the next store is, when not a command of its own. */
enum cfi_step {
    CFI_STEP_COMMAND,
    CFI_STEP_DATA,   /* the word to program */
    CFI_STEP_COUNT,  /* words to come, less one */
    CFI_STEP_BUFFER, /* one of them */
    CFI_STEP_WRITE,  /* confirmation of a buffered write */
    CFI_STEP_ERASE,  /* confirmation of an erase */
    CFI_STEP_LOCK
};

struct cfi_flash {
    struct dev dev;
    uint8_t *mem; /* the caller's */
    uint64_t size;
    uint32_t block;
    void (*array)(void *ctx, bool on);
    void (*dirty)(void *ctx, uint64_t off, uint64_t len);
    void *ctx;
    enum cfi_mode mode;
    enum cfi_step step;
    uint8_t status;
    uint64_t buf_block;         /* offset of the block that a buffered write is for */
    uint64_t buf_base;          /* where its first word goes */
    uint32_t buf_left, buf_len; /* words to come; bytes in all */
    bool buf_bad;               /* a word was outside the block or the buffer */
    uint8_t buf[CFI_BUFFER];
    uint8_t *locked; /* one per block */
    uint8_t query[0x40];
};

/* ---- what it reads as ---- */

/* JESD68.01 §2: identification, system interface, geometry; then Intel's extended table, "PRI". */
static void cfi_query_init(struct cfi_flash *f)
{
    static const uint8_t fixed[] = {
        [0x10] = 'Q',
        'R',
        'Y',
        0x01,
        0x00,
        0x31,
        0x00, /* command set 0001, its table at 0x31 */
        [0x1b] = 0x17,
        0x20,
        0x85,
        0x95, /* Vcc 1.7-2.0 V, Vpp 8.5-9.5 V */
        [0x1f] = 6,
        7,
        10,
        0, /* typical: program 64 us, buffer 128 us, erase 1 s, no chip erase */
        [0x23] = 2,
        2,
        2,
        0, /* at most 4 times that */
        [0x28] = 0x01,
        0x00, /* x16 */
        [0x2a] = CFI_BUFFER_LOG2,
        0x00,
        [0x2c] = 1, /* one region of equal blocks */
        [0x31] = 'P',
        'R',
        'I',
        '1',
        '3',
        [0x36] = 0x20,
        0,
        0,
        0, /* instant individual block locking */
        [0x3b] = 1,
        0, /* lock-bit status in the block's identification word */
    };
    uint32_t chip_block = f->block / CFI_LANES, blocks = (uint32_t)(f->size / f->block);
    memcpy(f->query, fixed, sizeof fixed);
    f->query[0x27] = (uint8_t)__builtin_ctzll(f->size / CFI_LANES); /* log2 of a chip's bytes */
    f->query[0x2d] = (uint8_t)(blocks - 1);
    f->query[0x2e] = (uint8_t)((blocks - 1) >> 8);
    f->query[0x2f] = (uint8_t)(chip_block >> 8); /* in 256-byte units */
    f->query[0x30] = (uint8_t)(chip_block >> 16);
}

/* Identification words: 0 and 1 name the chip, 2 of each block says whether it is locked. */
static uint8_t cfi_id(const struct cfi_flash *f, uint64_t off)
{
    switch (off % f->block / CFI_UNIT) {
    case 0:
        return CFI_MANUFACTURER;
    case 1:
        return CFI_DEVICE;
    case 2:
        return f->locked[off / f->block];
    default:
        return 0;
    }
}

static uint64_t cfi_flash_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct cfi_flash *f = container_of(dev, struct cfi_flash, dev);
    uint64_t word = off / CFI_UNIT;
    uint32_t val = 0;
    if (off >= f->size)
        return 0;
    switch (f->mode) {
    case CFI_MODE_ARRAY: /* rare: the engine has it mapped */
        memcpy(&val, f->mem + off, MIN((uint64_t)size, f->size - off));
        return val;
    case CFI_MODE_STATUS:
        val = f->status;
        break;
    case CFI_MODE_ID:
        val = cfi_id(f, off);
        break;
    case CFI_MODE_QUERY:
        val = word < sizeof f->query ? f->query[word] : 0;
        break;
    }
    val |= val << 16; /* both lanes */
    return val >> (off % CFI_UNIT * 8);
}

/* ---- what it does ---- */

static void cfi_mode(struct cfi_flash *f, enum cfi_mode mode)
{
    bool was = f->mode == CFI_MODE_ARRAY, is = mode == CFI_MODE_ARRAY;
    f->mode = mode;
    if (was != is && f->array)
        f->array(f->ctx, is);
}

static void cfi_dirty(struct cfi_flash *f, uint64_t off, uint64_t len)
{
    if (f->dirty)
        f->dirty(f->ctx, off, len);
}

/* off and len lie in one block. */
static void cfi_program(struct cfi_flash *f, uint64_t off, const uint8_t *data, uint64_t len)
{
    if (f->locked[off / f->block]) {
        f->status |= CFI_SR_PROGRAM | CFI_SR_LOCKED;
        return;
    }
    for (uint64_t i = 0; i < len; i++)
        f->mem[off + i] &= data[i];
    cfi_dirty(f, off, len);
}

static void cfi_erase(struct cfi_flash *f, uint64_t off)
{
    uint64_t start = off - off % f->block;
    if (f->locked[off / f->block]) {
        f->status |= CFI_SR_ERASE | CFI_SR_LOCKED;
        return;
    }
    memset(f->mem + start, 0xff, f->block);
    cfi_dirty(f, start, f->block);
}

/* A buffered write's word: anywhere in the block, within one buffer's length from the first. */
static void cfi_buffer(struct cfi_flash *f, uint64_t off, unsigned size, uint32_t val)
{
    if (f->buf_len == 0)
        f->buf_base = off - off % CFI_UNIT;
    uint64_t at = off - f->buf_base;
    if (off - off % f->block != f->buf_block || off < f->buf_base || at + size > sizeof f->buf) {
        f->buf_bad = true;
    } else {
        memcpy(f->buf + at, &val, size);
        f->buf_len = MAX(f->buf_len, (uint32_t)(at + size));
    }
    if (--f->buf_left == 0)
        f->step = CFI_STEP_WRITE;
}

/* The command a store carries, or -1 when the lanes do not agree. A chip ignores its upper data
 * byte. */
static int cfi_command(uint64_t off, unsigned size, uint32_t val)
{
    if (size != CFI_UNIT || off % CFI_UNIT || (val & 0xff) != (val >> 16 & 0xff))
        return -1;
    return (int)(val & 0xff);
}

/* First cycle of a command. */
static void cfi_start(struct cfi_flash *f, uint64_t off, int cmd)
{
    // clang-format off
    static const struct { uint8_t cmd, mode, step; } rows[] = {
        {CFI_READ_ARRAY,   CFI_MODE_ARRAY,  CFI_STEP_COMMAND},
        {CFI_AMD_RESET,    CFI_MODE_ARRAY,  CFI_STEP_COMMAND},
        {CFI_READ_STATUS,  CFI_MODE_STATUS, CFI_STEP_COMMAND},
        {CFI_READ_ID,      CFI_MODE_ID,     CFI_STEP_COMMAND},
        {CFI_QUERY,        CFI_MODE_QUERY,  CFI_STEP_COMMAND},
        {CFI_PROGRAM,      CFI_MODE_STATUS, CFI_STEP_DATA},
        {CFI_PROGRAM_ALT,  CFI_MODE_STATUS, CFI_STEP_DATA},
        {CFI_BUFFERED,     CFI_MODE_STATUS, CFI_STEP_COUNT},
        {CFI_ERASE,        CFI_MODE_STATUS, CFI_STEP_ERASE},
        {CFI_LOCK_SETUP,   CFI_MODE_STATUS, CFI_STEP_LOCK},
    };
    // clang-format on
    if (cmd == CFI_CLEAR_STATUS)
        f->status = CFI_SR_READY;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].cmd == cmd) {
            f->step = (enum cfi_step)rows[i].step;
            cfi_mode(f, (enum cfi_mode)rows[i].mode);
        }
    f->buf_block = off - off % f->block;
}

/* The number of words, less one, in each lane; both get as many. */
static void cfi_count(struct cfi_flash *f, uint64_t off, int count)
{
    f->buf_left = (uint32_t)count + 1;
    f->buf_len = 0;
    f->buf_bad = count < 0 || off - off % f->block != f->buf_block;
    f->step = CFI_STEP_BUFFER;
    memset(f->buf, 0xff, sizeof f->buf); /* what is not written is not programmed */
    if (f->buf_bad) {
        f->status |= CFI_SR_SEQUENCE;
        f->step = CFI_STEP_COMMAND;
    }
}

static void cfi_buffer_end(struct cfi_flash *f, uint64_t off, int cmd)
{
    f->step = CFI_STEP_COMMAND;
    if (cmd != CFI_CONFIRM || f->buf_bad || off - off % f->block != f->buf_block)
        f->status |= CFI_SR_SEQUENCE;
    else
        cfi_program(f, f->buf_base, f->buf, f->buf_len);
}

static void cfi_erase_end(struct cfi_flash *f, uint64_t off, int cmd)
{
    f->step = CFI_STEP_COMMAND;
    if (cmd != CFI_CONFIRM)
        f->status |= CFI_SR_SEQUENCE;
    else
        cfi_erase(f, off);
}

static void cfi_lock_end(struct cfi_flash *f, uint64_t off, int cmd)
{
    f->step = CFI_STEP_COMMAND;
    if (cmd == CFI_LOCK || cmd == CFI_LOCK_DOWN)
        f->locked[off / f->block] = 1;
    else if (cmd == CFI_CONFIRM)
        f->locked[off / f->block] = 0;
    else
        f->status |= CFI_SR_SEQUENCE;
}

static void cfi_flash_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val64)
{
    struct cfi_flash *f = container_of(dev, struct cfi_flash, dev);
    uint32_t val = (uint32_t)val64;
    int cmd = cfi_command(off, size, val);
    if (off >= f->size)
        return;
    switch (f->step) {
    case CFI_STEP_COMMAND:
        cfi_start(f, off, cmd);
        break;
    case CFI_STEP_DATA:
        f->step = CFI_STEP_COMMAND;
        cfi_program(f, off, (const uint8_t *)&val, size);
        break;
    case CFI_STEP_COUNT:
        cfi_count(f, off, cmd);
        break;
    case CFI_STEP_BUFFER:
        cfi_buffer(f, off, size, val);
        break;
    case CFI_STEP_WRITE:
        cfi_buffer_end(f, off, cmd);
        break;
    case CFI_STEP_ERASE:
        cfi_erase_end(f, off, cmd);
        break;
    case CFI_STEP_LOCK:
        cfi_lock_end(f, off, cmd);
        break;
    }
}

/* ---- the device ---- */

static void cfi_flash_reset(struct dev *dev)
{
    struct cfi_flash *f = container_of(dev, struct cfi_flash, dev);
    f->step = CFI_STEP_COMMAND;
    f->status = CFI_SR_READY;
    memset(f->locked, 0, f->size / f->block);
    cfi_mode(f, CFI_MODE_ARRAY);
}

static void cfi_flash_free(struct dev *dev)
{
    struct cfi_flash *f = container_of(dev, struct cfi_flash, dev);
    pthread_mutex_destroy(&dev->lock);
    free(f->locked);
    free(f);
}

static const struct dev_ops cfi_flash_ops = {
    .kind = "cfi-flash",
    .sizes = 1 | 2 | 4,
    .read = cfi_flash_read,
    .write = cfi_flash_write,
    .reset = cfi_flash_reset,
    .free = cfi_flash_free,
};

int cfi_flash_new(struct dev **dev, const char *name, uint8_t *mem, uint64_t size, uint32_t block,
                  void (*array)(void *ctx, bool on),
                  void (*dirty)(void *ctx, uint64_t off, uint64_t len), void *ctx)
{
    /* What the query table can say: a power of two, at most 65536 blocks of 512 bytes to 16 MiB. */
    if (!size || size & (size - 1) || block < 512 || block > MIB(16) || block & (block - 1) ||
        size < block || size / block > 65536)
        return -EINVAL;
    struct cfi_flash *f = calloc(1, sizeof *f);
    uint8_t *locked = calloc(size / block, 1);
    if (!f || !locked) {
        free(f);
        free(locked);
        return -ENOMEM;
    }
    dev_init(&f->dev, &cfi_flash_ops, name);
    f->mem = mem;
    f->size = size;
    f->block = block;
    f->array = array;
    f->dirty = dirty;
    f->ctx = ctx;
    f->locked = locked;
    cfi_query_init(f);
    cfi_flash_reset(&f->dev);
    *dev = &f->dev;
    return 0;
}
