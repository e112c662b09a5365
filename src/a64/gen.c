// SPDX-License-Identifier: MIT
/*
 * gen.c - host tool: turns instruction definitions (a64.def tells the format) into the decoder's
 * tables.
 *
 *   a64_gen FILE.def... > a64_table.h
 *
 * The header declares every handler and decode function that a line names. With A64_TABLE_ROWS
 * defined (decode.c) it also holds the rows of a64_insns and the two-level decoder: bits 31:21 of a
 * word select a list of {mask, value, row}, the most specific first; a long list is split once more
 * by bits 15:10. With A64_TABLE_BITS defined it holds the bit string of each row, for testers and
 * disassemblers.
 *
 * Any malformed line, duplicate name or ambiguity ends it with FILE:LINE and status 1, and no
 * output.
 */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 48
#define ROWS_MAX     2048
#define CUBES_MAX    8192
#define TOP_N        2048 /* bits 31:21 */
#define SUB_N        64   /* bits 15:10 */
#define SPLIT_ABOVE  8    /* candidates in a list before it is split by bits 15:10 */
#define LISTS_MAX    65536
#define LISTS_N      16384

struct row {
    const char *file;
    unsigned line;
    char bits[33];
    char name[NAME_MAX_LEN], handler[NAME_MAX_LEN];
    bool dec, constrained;
    uint32_t mask, value;
    char flags[128];
};

/* A set of words that a row takes: one without constraints has one, others several. */
struct cube {
    uint32_t mask, value;
    unsigned row;
};

static struct row rows[ROWS_MAX];
static unsigned rows_n;
static struct cube cubes[CUBES_MAX];
static unsigned cubes_n;

/* Candidate lists, each 0-terminated, holding cube numbers + 1. */
static uint16_t lists[LISTS_MAX];
static unsigned lists_n;
static unsigned list_at[LISTS_N], list_len[LISTS_N], list_count;
static unsigned top[TOP_N];
static unsigned sub[TOP_N][SUB_N], sub_n;

static const char *cur_file;
static unsigned cur_line;

static void die(const char *what, const char *arg)
{
    fprintf(stderr, "%s:%u: %s%s%s\n", cur_file, cur_line, what, *arg ? ": " : "", arg);
    exit(1);
}

/* ---- reading ---- */

/* Takes the 32 bit characters off the line; returns what follows. */
static char *parse_bits(struct row *r, char *p)
{
    unsigned n = 0;
    for (; n < 32; p++) {
        if (isspace((unsigned char)*p) || *p == '|')
            continue;
        if (*p != '0' && *p != '1' && !isalpha((unsigned char)*p))
            die("expected 32 characters of 0, 1, a letter", p);
        r->bits[n++] = *p;
    }
    if (*p && !isspace((unsigned char)*p) && *p != '|')
        die("more than 32 bit characters", p);
    while (isspace((unsigned char)*p) || *p == '|')
        p++;
    for (unsigned i = 0; i < 32; i++) {
        char c = r->bits[i];
        if (c == '0' || c == '1') {
            r->mask |= UINT32_C(1) << (31 - i);
            r->value |= (uint32_t)(c - '0') << (31 - i);
        } else if (c != 'x') {
            const char *first = strchr(r->bits, c);
            for (const char *q = first; q <= r->bits + i; q++)
                if (*q != c)
                    die("the bits of a field are not contiguous", (char[]){c, 0});
        }
    }
    return p;
}

static bool is_name(const char *s)
{
    if (!isalpha((unsigned char)*s) || strlen(s) >= NAME_MAX_LEN)
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_')
            return false;
    return true;
}

static void parse_flags(struct row *r, char *s)
{
    static const struct {
        const char *word, *flag;
    } flags[] = {
        {"fp",     "A64_F_FP"    },
        {"load",   "A64_F_LOAD"  },
        {"store",  "A64_F_STORE" },
        {"branch", "A64_F_BRANCH"},
        {"sys",    "A64_F_SYS"   },
        {"excl",   "A64_F_EXCL"  },
    };
    strcpy(r->flags, "0");
    if (!strcmp(s, "-"))
        return;
    char *save = NULL;
    for (char *t = strtok_r(s, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
        unsigned i = 0, n = sizeof flags / sizeof flags[0];
        while (i < n && strcmp(t, flags[i].word) != 0)
            i++;
        if (i == n)
            die("unknown flag", t);
        if (strstr(r->flags, flags[i].flag))
            die("flag given twice", t);
        strcat(r->flags, " | ");
        strcat(r->flags, flags[i].flag);
    }
}

/* ---- constraints ---- */

struct constraint {
    unsigned bit[32], n; /* the word's bits that form the number, most significant first */
    enum { OP_NE, OP_EQ, OP_LT, OP_LE, OP_GT, OP_GE } op;
    uint32_t num;
};

#define CONSTRAINTS_MAX 16

static void parse_constraint(const struct row *r, struct constraint *c, const char *s)
{
    static const char *const ops[] = {"!=", "==", "<", "<=", ">", ">="};
    const char *p = s;
    memset(c, 0, sizeof *c);
    for (; isalpha((unsigned char)*p); p++) {
        const char *first = *p == 'x' ? NULL : strchr(r->bits, *p);
        if (!first)
            die("constraint on a field that the bits lack", s);
        for (const char *q = first; *q == *p; q++) {
            if (c->n == 16)
                die("constraint on more than 16 bits", s);
            c->bit[c->n++] = 31 - (unsigned)(q - r->bits);
        }
    }
    size_t len = strspn(p, "!=<>");
    unsigned i = 0;
    while (i < 6 && (strlen(ops[i]) != len || strncmp(p, ops[i], len)))
        i++;
    char *end;
    unsigned long num = strtoul(p + len, &end, 0);
    if (!c->n || i == 6 || !isdigit((unsigned char)p[len]) || *end)
        die("malformed constraint (FIELDS then != == < <= > >= then a number)", s);
    if (num >= 1ul << c->n)
        die("constraint's number does not fit the field", s);
    c->op = i;
    c->num = (uint32_t)num;
}

static bool holds(const struct constraint *c, uint32_t v)
{
    switch (c->op) {
    case OP_NE:
        return v != c->num;
    case OP_EQ:
        return v == c->num;
    case OP_LT:
        return v < c->num;
    case OP_LE:
        return v <= c->num;
    case OP_GT:
        return v > c->num;
    default:
        return v >= c->num;
    }
}

static void add_cubes(const struct constraint *c, unsigned n, unsigned row, uint32_t mask,
                      uint32_t value);

/* The words of (mask, value) whose first `done` constraint bits are `prefix`, as few cubes. */
static void split(const struct constraint *c, unsigned n, unsigned row, uint32_t mask,
                  uint32_t value, unsigned done, uint32_t prefix)
{
    unsigned rest = c->n - done;
    bool any = false, all = true;
    for (uint32_t v = 0; v < UINT32_C(1) << rest; v++) {
        bool h = holds(c, prefix << rest | v);
        any |= h;
        all &= h;
    }
    if (all) {
        add_cubes(c + 1, n - 1, row, mask, value);
    } else if (any) {
        uint32_t bit = UINT32_C(1) << c->bit[done];
        if (!(mask & bit) || !(value & bit))
            split(c, n, row, mask | bit, value, done + 1, prefix << 1);
        if (!(mask & bit) || (value & bit))
            split(c, n, row, mask | bit, value | bit, done + 1, prefix << 1 | 1);
    }
}

static void add_cubes(const struct constraint *c, unsigned n, unsigned row, uint32_t mask,
                      uint32_t value)
{
    if (n) {
        split(c, n, row, mask, value, 0, 0);
        return;
    }
    if (cubes_n == CUBES_MAX)
        die("too many lines and constraints", "");
    cubes[cubes_n++] = (struct cube){mask, value, row};
}

static void parse_line(char *p)
{
    if (rows_n == ROWS_MAX)
        die("too many lines", "");
    struct row *r = &rows[rows_n];
    struct constraint cons[CONSTRAINTS_MAX];
    unsigned cons_n = 0;
    char *save = NULL;

    r->file = cur_file;
    r->line = cur_line;
    p = parse_bits(r, p);
    char *name = strtok_r(p, " \t\r\n", &save);
    char *how = strtok_r(NULL, " \t\r\n", &save);
    char *flags = strtok_r(NULL, " \t\r\n", &save);
    if (!name || !how || !flags)
        die("expected BITS NAME HOW FLAGS", "");
    if (!is_name(name))
        die("not a name", name);
    strcpy(r->name, name);
    for (unsigned i = 0; i < rows_n; i++)
        if (!strcmp(rows[i].name, name)) {
            fprintf(stderr, "%s:%u: the first %s\n", rows[i].file, rows[i].line, name);
            die("name used twice", name);
        }
    char *colon = strchr(how, ':');
    if (colon)
        *colon = 0;
    r->dec = !strcmp(how, "dec");
    if (!r->dec && strcmp(how, "op") != 0)
        die("expected op or dec", how);
    if (colon && !is_name(colon + 1))
        die("not a name", colon + 1);
    strcpy(r->handler, colon ? colon + 1 : name);
    parse_flags(r, flags);
    for (char *t; (t = strtok_r(NULL, " \t\r\n", &save));) {
        if (cons_n == CONSTRAINTS_MAX)
            die("too many constraints", t);
        parse_constraint(r, &cons[cons_n++], t);
    }
    r->constrained = cons_n > 0;
    unsigned before = cubes_n;
    add_cubes(cons, cons_n, rows_n, r->mask, r->value);
    if (cubes_n == before)
        die("constraints leave no word", name);
    rows_n++;
}

static void read_file(const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");
    cur_file = path;
    cur_line = 0;
    if (!f) {
        perror(path);
        exit(1);
    }
    while (fgets(line, sizeof line, f)) {
        cur_line++;
        if (!strchr(line, '\n') && !feof(f))
            die("line too long", "");
        line[strcspn(line, "#\n")] = 0;
        if (line[strspn(line, " \t\r")])
            parse_line(line);
    }
    if (ferror(f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
}

/* ---- checks ---- */

static bool overlap(uint32_t m1, uint32_t v1, uint32_t m2, uint32_t v2)
{
    return !((v1 ^ v2) & m1 & m2);
}

static void check_ambiguity(void)
{
    bool bad = false;
    for (unsigned i = 0; i < cubes_n; i++)
        for (unsigned j = i + 1; j < cubes_n; j++) {
            const struct row *a = &rows[cubes[i].row], *b = &rows[cubes[j].row];
            if (a == b || !overlap(cubes[i].mask, cubes[i].value, cubes[j].mask, cubes[j].value))
                continue;
            uint32_t both = a->mask & b->mask;
            if (a->mask != b->mask && (both == a->mask || both == b->mask))
                continue;
            fprintf(stderr, "%s:%u: %s and %s:%u: %s both match %08x\n", a->file, a->line, a->name,
                    b->file, b->line, b->name, (unsigned)(cubes[i].value | cubes[j].value));
            bad = true;
        }
    if (bad)
        exit(1);
}

/* ---- decoder lists ---- */

static int by_specificity(const void *pa, const void *pb)
{
    const struct cube *a = pa, *b = pb;
    int na = __builtin_popcount(rows[a->row].mask), nb = __builtin_popcount(rows[b->row].mask);
    if (na != nb)
        return nb - na;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return a->value < b->value ? -1 : a->value > b->value;
}

/* The list of cubes that have words w with (w & mask) == value: its number; equal lists are shared.
 */
static unsigned list_make(uint32_t mask, uint32_t value, unsigned *len)
{
    unsigned at = lists_n, n = 0;
    for (unsigned i = 0; i < cubes_n; i++)
        if (overlap(cubes[i].mask, cubes[i].value, mask, value)) {
            if (at + n + 2 > LISTS_MAX)
                die("decoder lists too long", "");
            lists[at + n++] = (uint16_t)(i + 1);
        }
    *len = n;
    for (unsigned i = 0; i < list_count; i++)
        if (list_len[i] == n && !memcmp(lists + list_at[i], lists + at, n * sizeof lists[0]))
            return i;
    if (list_count == LISTS_N)
        die("too many decoder lists", "");
    lists[at + n] = 0;
    lists_n = at + n + 1;
    list_at[list_count] = at;
    list_len[list_count] = n;
    return list_count++;
}

/* top[]: a list's place, or ~k for split k. */
static void make_lists(void)
{
    qsort(cubes, cubes_n, sizeof cubes[0], by_specificity);
    for (unsigned i = 0; i < TOP_N; i++) {
        unsigned len, keep = lists_n, count = list_count;
        unsigned l = list_make(0xffe00000, (uint32_t)i << 21, &len);
        if (len <= SPLIT_ABOVE) {
            top[i] = list_at[l];
            continue;
        }
        lists_n = keep; /* the long list itself is not needed */
        list_count = count;
        for (unsigned j = 0; j < SUB_N; j++) {
            l = list_make(0xffe0fc00, (uint32_t)i << 21 | (uint32_t)j << 10, &len);
            sub[sub_n][j] = list_at[l];
        }
        unsigned k = 0;
        while (memcmp(sub[k], sub[sub_n], sizeof sub[k]) != 0)
            k++;
        if (k == sub_n)
            sub_n++;
        top[i] = ~k;
    }
    if (lists_n > 0x8000 || sub_n > 0x8000)
        die("decoder lists too long", "");
}

/* ---- writing ---- */

static void write_numbers(const char *head, const unsigned *v, unsigned n)
{
    printf("%s", head);
    for (unsigned i = 0; i < n; i++)
        printf("%s%u,", i % 16 ? " " : "\n    ", v[i] & 0x80000000 ? 0x8000 | ~v[i] : v[i]);
    printf("\n};\n");
}

static void write_declarations(void)
{
    for (unsigned i = 0; i < rows_n; i++) {
        unsigned j = 0;
        while (rows[j].dec != rows[i].dec || strcmp(rows[j].handler, rows[i].handler) != 0)
            j++;
        if (j < i)
            continue;
        if (rows[i].dec)
            printf("void a64_dec_%s(struct a64_op *op, uint32_t insn);\n", rows[i].handler);
        else
            printf("a64_fn a64_op_%s;\n", rows[i].handler);
    }
}

static void write_rows(void)
{
    printf("\n#ifdef A64_TABLE_ROWS\nconst struct a64_insn a64_insns[] = {\n");
    for (unsigned i = 0; i < rows_n; i++) {
        const struct row *r = &rows[i];
        printf("    {0x%08x, 0x%08x, \"%s\", %s%s, %s%s, %s},\n", (unsigned)r->mask,
               (unsigned)r->value, r->name, r->dec ? "" : "a64_op_", r->dec ? "NULL" : r->handler,
               r->dec ? "a64_dec_" : "", r->dec ? r->handler : "NULL", r->flags);
    }
    printf("};\nconst unsigned a64_insns_n = %u;\n\n", rows_n);
    printf("static const struct a64_candidate {\n    uint32_t mask, value;\n    uint16_t row;\n} "
           "a64_candidates[] = {\n");
    for (unsigned i = 0; i < cubes_n; i++)
        printf("    {0x%08x, 0x%08x, %u},\n", (unsigned)cubes[i].mask, (unsigned)cubes[i].value,
               cubes[i].row);
    printf(
        "};\n\n/* Candidate numbers + 1; 0 ends a list. */\nstatic const uint16_t a64_lists[] = {");
    for (unsigned i = 0; i < lists_n; i++)
        printf("%s%u,", i % 16 ? " " : "\n    ", lists[i]);
    printf("\n};\n\n");
    write_numbers("/* By bits 31:21: a place in a64_lists, or 0x8000 + a row of a64_split. */\n"
                  "static const uint16_t a64_top[2048] = {",
                  top, TOP_N);
    printf("\n/* By split * 64 + bits 15:10: a place in a64_lists. */\n");
    write_numbers("static const uint16_t a64_split[] = {", sub[0], sub_n ? sub_n * SUB_N : SUB_N);
    printf("#endif\n");
}

static void write_bits(void)
{
    printf("\n#ifdef A64_TABLE_BITS\nstatic const char *const a64_insn_bits[] = {\n");
    for (unsigned i = 0; i < rows_n; i++)
        printf("    \"%s\",\n", rows[i].bits);
    printf("};\n\n/* Has the row constraints on its fields? */\n"
           "static const unsigned char a64_insn_constrained[] = {");
    for (unsigned i = 0; i < rows_n; i++)
        printf("%s%d,", i % 32 ? " " : "\n    ", rows[i].constrained);
    printf("\n};\n#endif\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: a64_gen FILE.def...\n");
        return 1;
    }
    for (int i = 1; i < argc; i++)
        read_file(argv[i]);
    if (!rows_n) {
        fprintf(stderr, "%s: no instructions\n", argv[1]);
        return 1;
    }
    check_ambiguity();
    make_lists();
    printf("/* Made by a64_gen from:");
    for (int i = 1; i < argc; i++)
        printf(" %s", argv[i]);
    printf(" */\n\n");
    write_declarations();
    write_rows();
    write_bits();
    if (fflush(stdout) || ferror(stdout)) {
        perror("a64_gen: write");
        return 1;
    }
    return 0;
}
