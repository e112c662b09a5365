// SPDX-License-Identifier: MIT
/*
 * fuzz_p9.c - the 9P server under a client made of the input's bytes (libFuzzer).
 *
 * Each step is a message: any bytes, or one laid out as its type wants it, with numbers of a few
 * files and names of a few things in and above the folder, some of it wrong; in pieces, and with
 * room for the reply that may be too small. Beside what the sanitizers see, it checks what must
 * hold whatever the client does: a reply has the length, the type and the tag that it should have;
 * what lies beside the folder is as it was; a read-only folder too; no descriptor is left open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_feed.h"
#include "vmm/p9.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define SECRET  "nobody's"
#define MESSAGE 9000u

static char base[64];
static int base_fd, share_fd;

/* ---- the folder ---- */

static void file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* What is in a folder, and below. */
static void empty(int dir)
{
    DIR *d = fdopendir(dir);
    check(d != NULL);
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (!unlinkat(dirfd(d), e->d_name, 0))
            continue;
        fchmodat(dirfd(d), e->d_name, 0700, 0);
        int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            empty(below);
        check(!unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR));
    }
    closedir(d);
}

/* f, d/g, links to it, within it and out of it, a FIFO, and a device where one can be made. */
static void fill(void)
{
    check(!mkdirat(base_fd, "share", 0700));
    share_fd = openat(base_fd, "share", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(share_fd >= 0);
    file(share_fd, "f", "inside");
    check(!mkdirat(share_fd, "d", 0700));
    int d = openat(share_fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    file(d, "g", "deeper");
    close(d);
    check(!symlinkat("../secret", share_fd, "up"));
    check(!symlinkat("d", share_fd, "in"));
    check(!mkfifoat(share_fd, "fifo", 0600));
    mknodat(share_fd, "null", S_IFCHR | 0600, 1 << 8 | 3);
}

static void clean(void)
{
    fchmod(share_fd, 0700);
    empty(share_fd);
    check(!unlinkat(base_fd, "share", AT_REMOVEDIR));
}

/* Beside the folder there is one file, as it was. */
static void check_outside(const struct stat *was)
{
    char text[sizeof SECRET] = "";
    struct stat is;
    unsigned n = 0;
    int fd = openat(base_fd, "secret", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    check(fd >= 0 && !fstat(fd, &is) && read(fd, text, sizeof text) == sizeof SECRET - 1);
    close(fd);
    check(!strcmp(text, SECRET) && is.st_ino == was->st_ino && is.st_mode == was->st_mode &&
          is.st_uid == was->st_uid && is.st_nlink == 1 && is.st_mtime == was->st_mtime);
    DIR *d = opendir(base);
    check(d != NULL);
    while (readdir(d))
        n++;
    closedir(d);
    check(n == 4);
}

static void end(void)
{
    empty(openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    rmdir(base);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    signal(SIGXFSZ, SIG_IGN);
    umask(022);
    snprintf(base, sizeof base, "%s/vibevmm-fuzz.XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    check(mkdtemp(base) != NULL);
    base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(base_fd >= 0);
    file(base_fd, "secret", SECRET);
    atexit(end);
    return 0;
}

/* ---- messages ---- */

/* columns: type; fields as in src/p9/p9.c, with c for what a Twrite has to write */
static const struct {
    uint8_t type;
    const char *fields;
} messages[] = {
    {8,   "f"         },
    {12,  "fd"        },
    {14,  "fnddd"     },
    {16,  "fnsd"      },
    {18,  "fndddd"    },
    {20,  "ffn"       },
    {22,  "f"         },
    {24,  "fq"        },
    {26,  "fddddqqqqq"},
    {30,  "ffn"       },
    {40,  "fqd"       },
    {50,  "fd"        },
    {52,  "fbdqqds"   },
    {54,  "fbqqds"    },
    {70,  "ffn"       },
    {72,  "fndd"      },
    {74,  "fnfn"      },
    {76,  "fnd"       },
    {100, "dv"        },
    {104, "fNse"      },
    {108, "w"         },
    {110, "ff1n"      },
    {110, "ff2nn"     },
    {110, "ff0"       },
    {110, "ff3nnn"    },
    {116, "fqd"       },
    {118, "fqc"       },
    {120, "f"         },
    {122, "f"         },
};

static const char *const names[] = {"f",    "d",  "g", "up",   "in",   "new", "other", "fifo",
                                    "null", "..", ".", "d/..", "/etc", "",    "d/g",   "secret"};

struct message {
    uint8_t bytes[MESSAGE];
    uint32_t len;
};

static void put(struct message *m, uint64_t val, unsigned bytes)
{
    if (m->len + bytes <= sizeof m->bytes)
        memcpy(m->bytes + m->len, &val, bytes);
    m->len += bytes;
}

static void put_text(struct message *m, const char *text, size_t len)
{
    put(m, len, 2);
    if (m->len + len <= sizeof m->bytes)
        memcpy(m->bytes + m->len, text, len);
    m->len += (uint32_t)len;
}

static void put_name(struct message *m, struct feed *f)
{
    static const char longest[300] = {[0 ... 298] = 'n'};
    uint64_t what = take(f, 1);
    if (what == 0xff)
        put_text(m, longest, 200 + take(f, 1) % 100);
    else if (what >= 0xf0)
        put_text(m, (const char *)f->p, MIN(what & 15, (uint64_t)(f->end - f->p)));
    else
        put_text(m, names[what % ARRAY_LEN(names)], strlen(names[what % ARRAY_LEN(names)]));
}

static void put_field(struct message *m, struct feed *f, char field)
{
    uint64_t n;
    switch (field) {
    case 'f':
        n = take(f, 1);
        put(m, n == 0xff ? UINT32_MAX : n % 6, 4);
        break;
    case 'n':
        put_name(m, f);
        break;
    case 's':
        put_name(m, f);
        break;
    case 'e': /* the name of the tree: mostly none */
        put_text(m, "/", take(f, 1) == 1);
        break;
    case 'v':
        put_text(m, take(f, 1) == 1 ? "9P2000.u" : "9P2000.L", 8);
        break;
    case 'N':
        put(m, UINT32_MAX, 4);
        break;
    case 'c':
        n = MIN(take(f, 1), (uint64_t)(f->end - f->p));
        put(m, n + (n == 77), 4);
        for (uint64_t i = 0; i < n; i++)
            put(m, take(f, 1), 1);
        break;
    case '0':
    case '1':
    case '2':
    case '3':
        put(m, (uint64_t)(field - '0'), 2);
        break;
    default: /* numbers are small mostly */
        n = take(f, 2);
        n = n >= 0xff00 ? take(f, 8) : n;
        put(m, n, field == 'q' ? 8 : field == 'd' ? 4 : field == 'w' ? 2 : 1);
    }
}

static void lay_out(struct message *m, struct feed *f, unsigned row)
{
    m->len = 0;
    put(m, 0, 4);
    put(m, messages[row].type, 1);
    put(m, take(f, 1), 2);
    for (const char *p = messages[row].fields; *p; p++)
        put_field(m, f, *p);
    m->len = (uint32_t)MIN(m->len, sizeof m->bytes);
    memcpy(m->bytes, &m->len, 4);
}

static void raw(struct message *m, struct feed *f)
{
    uint64_t n = take(f, 1);
    m->len = 0;
    for (uint64_t i = 0; i < n; i++)
        put(m, take(f, 1), 1);
    if (n & 1 && m->len >= 4)
        memcpy(m->bytes, &m->len, 4);
}

/* The message in up to three pieces of their own, so that no byte beside them is read. */
static void serve(struct p9 *p, const struct message *m, uint32_t room, uint32_t cut)
{
    struct iovec req[3], rep[3];
    uint8_t *in = malloc(m->len + 1), *out = malloc(room + 1);
    check(in && out);
    memcpy(in, m->bytes, m->len);
    memset(out, 0xee, room + 1);
    uint32_t a = cut % (m->len + 1), b = a + (cut >> 4) % (m->len - a + 1);
    req[0] = (struct iovec){in, a};
    req[1] = (struct iovec){in + a, b - a};
    req[2] = (struct iovec){in + b, m->len - b};
    a = cut % (room + 1);
    b = a + (cut >> 3) % (room - a + 1);
    rep[0] = (struct iovec){out, a};
    rep[1] = (struct iovec){out + a, b - a};
    rep[2] = (struct iovec){out + b, room - b};
    uint32_t got = p9_serve(p, req, 3, rep, 3);
    check(out[room] == 0xee && got <= room);
    if (got) {
        check(m->len >= 7 && got >= 7 && le32_get(out) == got);
        check(out[4] == 7 || out[4] == (uint8_t)(m->bytes[4] + 1));
        check(out[4] != 7 || (got == 11 && le32_get(out + 7) && le32_get(out + 7) < 4096));
        check(le16_get(out + 5) == le16_get(m->bytes + 5));
    }
    free(in);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct message m;
    struct feed f = {data, data + len};
    struct stat outside, root, now;
    struct p9 *p = NULL;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    fill();
    check(!fstatat(base_fd, "secret", &outside, AT_SYMLINK_NOFOLLOW) && !fstat(share_fd, &root));
    char share[80];
    snprintf(share, sizeof share, "%s/share", base);
    bool rw = take(&f, 1) & 1;
    check(!p9_new(&p, share, rw, NULL));
    static const uint8_t version[] = "\x15\0\0\0d\xff\xff\0\x20\0\0\x08\0"
                                     "9P2000.L";
    static const uint8_t attach[] = "\x17\0\0\0h\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
    memcpy(m.bytes, version, m.len = 21);
    serve(p, &m, 100, 0);
    memcpy(m.bytes, attach, m.len = 23);
    serve(p, &m, 100, 0);
    for (unsigned steps = 0; f.p < f.end && steps < 200; steps++) {
        uint8_t what = (uint8_t)take(&f, 1);
        uint32_t shape = (uint32_t)take(&f, 1);
        if (what >= 0xf0)
            raw(&m, &f);
        else
            lay_out(&m, &f, what % ARRAY_LEN(messages));
        if (shape == 0xff) { /* cut short, or with another size in it */
            m.len = (uint32_t)MIN(m.len, take(&f, 1));
            if (m.len > 4 && take(&f, 1) & 1)
                memcpy(m.bytes, &m.len, 4);
        }
        serve(p, &m, shape & 1 ? (uint32_t)take(&f, 1) : 8192, shape >> 1);
    }
    p9_free(p);
    check_outside(&outside);
    if (!rw) {
        check(!fstat(share_fd, &now) && now.st_mode == root.st_mode &&
              now.st_mtim.tv_nsec == root.st_mtim.tv_nsec && now.st_nlink == root.st_nlink);
        check(!fstatat(share_fd, "f", &now, 0) && now.st_size == 6);
        check(!fstatat(share_fd, "d/g", &now, 0) && now.st_size == 6);
    }
    clean();
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    check(after == before);
    return 0;
}
