// SPDX-License-Identifier: MIT
/*
 * dtb_patch.c - what differs from run to run, put into a copy of a device tree.
 *
 * Follows DTSpec 0.4 §3.4 (/memory), §3.6 (/chosen), §3.8 (/cpus), and Linux's own /chosen
 * properties (linux,initrd-start, linux,initrd-end, rng-seed, kaslr-seed). A file's tree is hostile
 * until fdt_check_full() has walked it.
 */
#include "vmm/dtb.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/tree.h"

/* Property headers, names and the nodes that a file may lack. */
#define DTB_SLACK 1024
#define DTB_TAG   4u /* bytes of a token, and what tokens are aligned to */

size_t dtb_room(size_t base_len, const struct dtb_run *run)
{
    size_t args = run->bootargs ? strlen(run->bootargs) + 1 : 0;
    return (size_t)align_up(base_len + args + DTB_SLACK + 16 * MEM_REGIONS_MAX, 8);
}

static int dtb_set(void *fdt, int node, const char *name, const void *val, size_t len)
{
    return fdt_setprop(fdt, node, name, val, (int)len);
}

/* The node called `name` right under `parent`, made when it is missing. */
static int dtb_node(void *fdt, int parent, const char *name)
{
    int node = fdt_subnode_offset(fdt, parent, name);
    return node == -FDT_ERR_NOTFOUND ? fdt_add_subnode(fdt, parent, name) : node;
}

static void dtb_put(uint8_t **at, uint64_t val, int cells)
{
    for (int i = cells - 1; i >= 0; i--) {
        fdt32_t be = cpu_to_fdt32(i ? (uint32_t)(val >> 32) : (uint32_t)val);
        memcpy(*at, &be, sizeof be);
        *at += sizeof be;
    }
}

static bool dtb_is_memory(const void *fdt, int node)
{
    int len;
    const char *type = fdt_getprop(fdt, node, "device_type", &len);
    return type && len == sizeof "memory" && !memcmp(type, "memory", sizeof "memory");
}

/* RAM as cells of `ac` and `sc` words in reg; its length, or -ERANGE with err filled. */
static int dtb_ram_cells(const struct guest_mem *mem, int ac, int sc, uint8_t *reg, struct err *err)
{
    uint8_t *at = reg;
    for (unsigned i = 0; i < mem->n; i++) {
        const struct mem_region *r = &mem->regions[i];
        if ((ac == 1 && r->base >> 32) || (sc == 1 && r->size >> 32))
            return err_set(err, ERR_IMAGE, ERANGE,
                           "dtb: RAM at %#" PRIx64 "+%#" PRIx64
                           " does not fit the root's 32-bit cells",
                           r->base, r->size);
        dtb_put(&at, r->base, ac);
        dtb_put(&at, r->size, sc);
    }
    return (int)(at - reg);
}

/* A file's tree: one /memory node, at the place of the first that is there, says all RAM; others
 * go. */
static int dtb_patch_memory(void *fdt, const struct guest_mem *mem, struct err *err)
{
    int ac = fdt_address_cells(fdt, 0), sc = fdt_size_cells(fdt, 0);
    uint8_t reg[MEM_REGIONS_MAX * 16];
    if (ac < 1 || ac > 2 || sc < 1 || sc > 2)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "dtb: the root has #address-cells %d and #size-cells %d; 1 and 2 are taken",
                       ac, sc);
    int len = dtb_ram_cells(mem, ac, sc, reg, err);
    if (len < 0)
        return len;
    char name[32];
    snprintf(name, sizeof name, "memory@%" PRIx64, mem->regions[0].base);
    int keep = fdt_subnode_offset(fdt, 0, name);
    if (keep < 0) {
        int node, next;
        for (node = fdt_first_subnode(fdt, 0); node >= 0; node = next)
            if (dtb_is_memory(fdt, node)) {
                int rc = fdt_del_node(fdt, node);
                if (rc)
                    return rc;
                next = fdt_first_subnode(fdt, 0); /* offsets moved */
            } else {
                next = fdt_next_subnode(fdt, node);
            }
        keep = fdt_add_subnode(fdt, 0, name);
    }
    if (keep < 0)
        return keep;
    int rc = dtb_set(fdt, keep, "reg", reg, (size_t)len);
    if (!rc && !dtb_is_memory(fdt, keep))
        rc = dtb_set(fdt, keep, "device_type", "memory", sizeof "memory");
    return rc;
}

/*
 * A board's blob has all its CPUs, ascending and nothing else among them, and a node behind /cpus:
 * those beyond the run's number are cut out in one piece. (fdt_del_node() would walk and move the
 * tree for each.)
 */
static int dtb_patch_cpus(void *fdt, int all, unsigned cpus)
{
    char name[16];
    snprintf(name, sizeof name, "cpu@%x", cpus);
    int from = fdt_subnode_offset(fdt, all, name), next = fdt_next_subnode(fdt, all);
    if (from < 0 || next < 0)
        return from == -FDT_ERR_NOTFOUND ? 0 : MIN(from, next);
    uint32_t cut = (uint32_t)next - DTB_TAG - (uint32_t)from; /* up to FDT_END_NODE of /cpus */
    uint8_t *at = (uint8_t *)fdt + fdt_off_dt_struct(fdt) + from;
    uint8_t *end = (uint8_t *)fdt + fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt);
    memmove(at, at + cut, (size_t)(end - at) - cut);
    fdt_set_size_dt_struct(fdt, fdt_size_dt_struct(fdt) - cut);
    fdt_set_off_dt_strings(fdt, fdt_off_dt_strings(fdt) - cut);
    return 0;
}

static bool dtb_zero(const uint8_t *p, size_t n)
{
    while (n && !*p)
        p++, n--;
    return !n;
}

/* Where `name` is in the strings block, or -1. */
static int64_t dtb_name(const void *fdt, const char *name)
{
    const char *strings = (const char *)fdt + fdt_off_dt_strings(fdt);
    for (uint32_t at = 0; at < fdt_size_dt_strings(fdt); at += (uint32_t)strlen(strings + at) + 1)
        if (!strcmp(strings + at, name))
            return at;
    return -1;
}

/*
 * Write a property over NOPs of the node, of which a board's blob has some where the properties of
 * a run go (dtb_make.c). False: there is no room, or the name is not in the blob.
 */
static bool dtb_fill(void *fdt, int node, const char *name, const void *val, size_t len)
{
    const uint32_t head = 3 * DTB_TAG; /* token, length, name (DTSpec 0.4 §5.4.1) */
    uint8_t *p = (uint8_t *)fdt + fdt_off_dt_struct(fdt) + node + DTB_TAG, *hole = NULL;
    uint64_t need = align_up(head + len, DTB_TAG);
    int64_t name_at = dtb_name(fdt, name);
    p += align_up(strlen((const char *)p) + 1, DTB_TAG);
    for (uint32_t tag;
         name_at >= 0 && (tag = be32_get(p)) != FDT_BEGIN_NODE && tag != FDT_END_NODE;) {
        hole = tag != FDT_NOP ? NULL : hole ? hole : p;
        p += tag == FDT_PROP ? head + align_up(be32_get(p + DTB_TAG), DTB_TAG) : DTB_TAG;
        if (!hole || (uint64_t)(p - hole) < need)
            continue;
        memset(hole + need - DTB_TAG, 0,
               DTB_TAG); /* what the value does not fill of the last one */
        const fdt32_t prop[3] = {cpu_to_fdt32(FDT_PROP), cpu_to_fdt32((uint32_t)len),
                                 cpu_to_fdt32((uint32_t)name_at)};
        memcpy(hole, prop, sizeof prop);
        memcpy(hole + head, val, len);
        return true;
    }
    return false;
}

static int dtb_set_chosen(void *fdt, int node, const char *name, const void *val, size_t len)
{
    return dtb_fill(fdt, node, name, val, len) ? 0 : dtb_set(fdt, node, name, val, len);
}

static int dtb_patch_chosen(void *fdt, int node, bool from_file, const struct dtb_run *run)
{
    int (*set)(void *, int, const char *, const void *, size_t) =
        from_file ? dtb_set : dtb_set_chosen;
    int rc = MIN(node, 0);
    if (!rc && run->bootargs && *run->bootargs)
        rc = set(fdt, node, "bootargs", run->bootargs, strlen(run->bootargs) + 1);
    if (!rc && run->initrd_len) {
        fdt64_t start = cpu_to_fdt64(run->initrd_gpa);
        fdt64_t end = cpu_to_fdt64(run->initrd_gpa + run->initrd_len);
        rc = set(fdt, node, "linux,initrd-start", &start, sizeof start);
        rc = rc ? rc : set(fdt, node, "linux,initrd-end", &end, sizeof end);
    }
    if (!rc && !dtb_zero(run->seed, sizeof run->seed))
        rc = set(fdt, node, "rng-seed", run->seed, sizeof run->seed);
    if (!rc && run->kaslr_seed)
        rc = set(fdt, node, "kaslr-seed", &run->kaslr_seed, sizeof run->kaslr_seed);
    return rc;
}

static int dtb_patch_flash(void *fdt)
{
    int node = fdt_subnode_offset(fdt, 0, "flash"); /* with any address */
    return node == -FDT_ERR_NOTFOUND ? 0 : node < 0 ? node : fdt_del_node(fdt, node);
}

/*
 * arm,gic.yaml: distributor and CPU interface, at the places of distributor and redistributors. The
 * flags of a private interrupt name the CPUs it is for, in bits 8 to 15.
 */
static int dtb_patch_gicv2(void *fdt, unsigned cpus)
{
    enum { DIST_SIZE = 3, CPU_SIZE = 7, CELLS }; /* low halves, after the bases */
    int node = fdt_node_offset_by_compatible(fdt, -1, "arm,gic-v3"), len;
    const void *old = node < 0 ? NULL : fdt_getprop(fdt, node, "reg", &len);
    fdt32_t reg[CELLS], flags[32 * 3];
    if (!old || len != sizeof reg)
        return node < 0 ? node : -FDT_ERR_BADVALUE;
    memcpy(reg, old, sizeof reg);
    reg[DIST_SIZE] = cpu_to_fdt32(0x1000); /* GICv2 IHI 0048B.b §4.1.2 */
    reg[CPU_SIZE] = cpu_to_fdt32(0x2000);
    int rc = dtb_set(fdt, node, "compatible", "arm,cortex-a15-gic", sizeof "arm,cortex-a15-gic");
    rc = rc ? rc : dtb_set(fdt, node, "reg", reg, sizeof reg);
    rc = rc ? rc : fdt_delprop(fdt, node, "#redistributor-regions");
    int timer = fdt_path_offset(fdt, "/timer");
    const void *irqs = timer < 0 ? NULL : fdt_getprop(fdt, timer, "interrupts", &len);
    if (rc || !irqs || len < 0 || (size_t)len > sizeof flags)
        return rc;
    memcpy(flags, irqs, (size_t)len);
    for (size_t i = 2; i < (size_t)len / sizeof flags[0]; i += 3)
        flags[i] |= cpu_to_fdt32(((1u << cpus) - 1) << 8);
    return dtb_set(fdt, timer, "interrupts", flags, (size_t)len);
}

/*
 * A file's tree: its header first. Versions before 17 lack the structure block's size (DTSpec 0.4
 * §5.2), kept names differently, and nothing writes them any more.
 */
static int dtb_check_file(const void *base, size_t len)
{
    if (len < sizeof(struct fdt_header))
        return -FDT_ERR_TRUNCATED;
    int rc = fdt_check_header(base);
    if (!rc && fdt_version(base) < 17)
        rc = -FDT_ERR_BADVERSION;
    if (!rc && fdt_totalsize(base) > len)
        rc = -FDT_ERR_TRUNCATED;
    if (rc)
        return rc;
    /* fdt_check_header() has proved that the block lies in totalsize. */
    if (!tree_struct_sound((const uint8_t *)base + fdt_off_dt_struct(base),
                           fdt_size_dt_struct(base)))
        return -FDT_ERR_BADSTRUCTURE;
    return fdt_check_full(base, len);
}

static int dtb_patch_file(void *fdt, const struct dtb_run *run, struct err *err)
{
    int rc = dtb_patch_memory(fdt, run->mem, err);
    return rc ? rc : dtb_patch_chosen(fdt, dtb_node(fdt, 0, "chosen"), true, run);
}

/*
 * A board's tree begins with /cpus, /memory and /chosen (dtb_make.c). Each look-up by libfdt walks
 * all that comes before, so these are taken in their order, once what is before them is as it will
 * be.
 */
static int dtb_patch_board(void *fdt, const struct dtb_run *run, struct err *err)
{
    uint8_t reg[MEM_REGIONS_MAX * 16];
    int len = dtb_ram_cells(run->mem, 2, 2, reg, err), rc = 0;
    if (!run->flash)
        rc = dtb_patch_flash(fdt);
    if (!rc && run->gicv2)
        rc = dtb_patch_gicv2(fdt, run->cpus);
    int cpus = fdt_first_subnode(fdt, 0);
    rc = rc ? rc : dtb_patch_cpus(fdt, cpus, run->cpus);
    int memory = fdt_next_subnode(fdt, cpus);
    rc = rc ? rc : dtb_set(fdt, memory, "reg", reg, (size_t)len);
    return rc ? rc : dtb_patch_chosen(fdt, fdt_next_subnode(fdt, memory), false, run);
}

int dtb_patch(const void *base, size_t base_len, bool from_file, const struct dtb_run *run,
              void *buf, size_t room, struct err *err)
{
    struct err local = {.code = 0};
    int rc = from_file ? dtb_check_file(base, base_len) : 0;
    rc = rc ? rc : fdt_open_into(base, buf, (int)MIN(room, (size_t)INT32_MAX));
    if (!rc)
        rc = from_file ? dtb_patch_file(buf, run, &local) : dtb_patch_board(buf, run, &local);
    if (local.code) {
        if (err)
            *err = local;
        return rc;
    }
    rc = rc ? rc : fdt_pack(buf);
    if (rc)
        return err_set(err, ERR_IMAGE, rc == -FDT_ERR_NOSPACE ? ENOSPC : EINVAL, "dtb: %s%s",
                       from_file ? "the --dtb file: " : "", fdt_strerror(rc));
    return 0;
}
