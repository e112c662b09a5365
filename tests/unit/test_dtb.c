// SPDX-License-Identifier: MIT
/*
 * test_dtb.c - the boards' device trees, what a run puts into them, and trees from files.
 *
 * Expected values are DTSpec 0.4's and those of the Linux bindings.
 */
#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>

#include "tests/tap.h"
#include "vmm/dtb.h"

static uint8_t buf[KIB(64)];

/* Memory that is only described, never touched. */
static struct guest_mem mem_of(const struct board *b, uint64_t mem)
{
    struct guest_mem m = {0};
    m.n = board_ram_regions(b, mem, m.regions);
    return m;
}

static int patch(const struct board *b, const struct dtb_run *run, struct err *err)
{
    size_t room = dtb_room(board_dtb_len(b), run);
    memset(buf, 0xee, sizeof buf);
    int rc = dtb_patch(b->dtb, board_dtb_len(b), false, run, buf, room, err);
    expect_u64(buf[room], 0xee);
    return rc;
}

static uint64_t prop(const char *path, const char *name, unsigned cell)
{
    int len, node = fdt_path_offset(buf, path);
    const void *p = node < 0 ? NULL : fdt_getprop(buf, node, name, &len);
    if (!p || len < (int)(4 * cell + 4)) {
        printf("# no %s/%s cell %u\n", path, name, cell);
        tap_failed = true;
        return 0;
    }
    return be32_get((const uint8_t *)p + 4 * cell);
}

static uint64_t prop64(const char *path, const char *name, unsigned cell)
{
    return prop(path, name, cell) << 32 | prop(path, name, cell + 1);
}

static const char *text(const char *path, const char *name)
{
    int len, node = fdt_path_offset(buf, path);
    const char *p = node < 0 ? NULL : fdt_getprop(buf, node, name, &len);
    return p && len > 0 && !p[len - 1] ? p : "";
}

static bool has(const char *path, const char *name)
{
    int node = fdt_path_offset(buf, path);
    return node >= 0 && (!name || fdt_getprop(buf, node, name, NULL));
}

static void every_row_has_its_node(void)
{
    for (unsigned i = 0; boards[i]; i++) {
        const struct board *b = boards[i];
        if (!b->dtb)
            continue;
        struct guest_mem m = mem_of(b, b->mem_default);
        struct dtb_run run = {.mem = &m, .cpus = 1, .flash = true};
        struct err err = {0};
        expect_u64(fdt_check_full(b->dtb, board_dtb_len(b)), 0);
        expect_u64(patch(b, &run, &err), 0);
        expect_u64(fdt_check_full(buf, sizeof buf), 0);
        for (unsigned k = 0; k < b->n_devs; k++) {
            const struct board_dev *d = &b->devs[k];
            bool found = false;
            for (int n = fdt_first_subnode(buf, 0); n >= 0; n = fdt_next_subnode(buf, n)) {
                int len;
                const uint8_t *reg = fdt_getprop(buf, n, "reg", &len);
                for (int at = 0; reg && at + 16 <= len; at += 16)
                    found |=
                        ((uint64_t)be32_get(reg + at) << 32 | be32_get(reg + at + 4)) == d->base &&
                        ((uint64_t)be32_get(reg + at + 8) << 32 | be32_get(reg + at + 12)) ==
                            d->size;
            }
            if (!found)
                printf("# %s: %s\n", b->name, d->name);
            expect_true(found);
        }
    }
}

static void virt_looks_as_qemus_guests_expect(void)
{
    const struct board *b = board_find("virt");
    struct err err = {0};
    if (!b) {
        tap_skip("this build has no board virt");
        return;
    }
    struct guest_mem m = mem_of(b, MIB(512));
    struct dtb_run run = {.mem = &m, .cpus = 4, .flash = true};
    expect_u64(patch(b, &run, &err), 0);
    expect_text(text("/", "compatible"), "linux,dummy-virt");
    expect_text(text("/pl011@9000000", "compatible"), "arm,pl011");
    expect_u64(prop("/pl011@9000000", "interrupts", 1), 1);
    expect_u64(prop("/pl011@9000000", "interrupts", 2), 4);
    expect_u64(prop("/pl031@9010000", "interrupts", 1), 2);
    expect_u64(prop("/pl061@9030000", "interrupts", 1), 7);
    expect_u64(prop("/gpio-keys/poweroff", "gpios", 0), prop("/pl061@9030000", "phandle", 0));
    expect_u64(prop("/gpio-keys/poweroff", "gpios", 1), 3);
    expect_u64(prop("/gpio-keys/poweroff", "linux,code", 0), 116);
    expect_u64(prop("/virtio_mmio@a003e00", "interrupts", 1), 47);
    expect_u64(prop("/virtio_mmio@a003e00", "interrupts", 2), 1);
    expect_true(has("/virtio_mmio@a000000", "dma-coherent"));
    expect_text(text("/intc@8000000", "compatible"), "arm,gic-v3");
    expect_u64(prop64("/intc@8000000", "reg", 4), 0x80a0000);
    expect_u64(prop("/", "interrupt-parent", 0), prop("/intc@8000000", "phandle", 0));
    expect_text(text("/psci", "method"), "hvc");
    expect_u64(prop("/timer", "interrupts", 1), 13);
    expect_u64(prop("/timer", "interrupts", 7), 11);
    expect_text(text("/chosen", "stdout-path"), "/pl011@9000000:");
    expect_u64(prop("/poweroff", "regmap", 0), prop("/test@90c0000", "phandle", 0));
    expect_u64(prop("/poweroff", "value", 0), 0x5555);
    expect_text(text("/poweroff", "status"), "disabled"); /* PSCI powers off */
    expect_u64(prop("/reboot", "value", 0), 0x7777);
    expect_true(!has("/reboot", "status"));
    expect_u64(prop("/flash@0", "bank-width", 0), 4);
}

static void cpus_beyond_the_run_are_taken_out(void)
{
    for (unsigned n = 1; n <= boards[0]->cpus_max; n++) {
        struct guest_mem m = mem_of(boards[0], MIB(64));
        struct dtb_run run = {.mem = &m, .cpus = n};
        struct err err = {0};
        expect_u64(patch(boards[0], &run, &err), 0);
        unsigned found = 0;
        int cpus = fdt_path_offset(buf, "/cpus");
        for (int c = fdt_first_subnode(buf, cpus); c >= 0; c = fdt_next_subnode(buf, c)) {
            int len;
            const uint8_t *reg = fdt_getprop(buf, c, "reg", &len);
            expect_u64(reg ? be32_get(reg) : 99, found); /* ascending from 0 */
            found++;
        }
        expect_u64(found, n);
        expect_text(text("/cpus/cpu@0", "enable-method"), "psci");
    }
}

static void memory_is_every_region(void)
{
    gpa_t ram = boards[0]->ram[0].base;
    struct guest_mem m = {
        .n = 3,
        .regions = {{ram, 0xa00000, NULL},
                    {ram + 0xa03000, 0x1000, NULL},
                    {0x1000000000, 0x200000000, NULL}},
    };
    struct dtb_run run = {.mem = &m, .cpus = 1};
    struct err err = {0};
    char path[32];
    expect_u64(patch(boards[0], &run, &err), 0);
    unsigned nodes = 0;
    for (int n = fdt_first_subnode(buf, 0); n >= 0; n = fdt_next_subnode(buf, n))
        nodes += !strncmp(fdt_get_name(buf, n, NULL), "memory", 6);
    expect_u64(nodes, 1);
    snprintf(path, sizeof path, "/memory@%" PRIx64, ram);
    expect_text(text(path, "device_type"), "memory");
    expect_u64(prop64(path, "reg", 0), ram);
    expect_u64(prop64(path, "reg", 2), 0xa00000);
    expect_u64(prop64(path, "reg", 4), ram + 0xa03000);
    expect_u64(prop64(path, "reg", 8), 0x1000000000);
    expect_u64(prop64(path, "reg", 10), 0x200000000);
}

static void chosen_says_what_the_run_has(void)
{
    char args[3000];
    struct guest_mem m = mem_of(boards[0], MIB(64));
    struct dtb_run run = {.mem = &m, .cpus = 1};
    struct err err = {0};
    expect_u64(patch(boards[0], &run, &err), 0);
    expect_true(!has("/chosen", "bootargs"));
    expect_true(!has("/chosen", "linux,initrd-start"));
    expect_true(!has("/chosen", "rng-seed"));
    expect_true(!has("/chosen", "kaslr-seed"));
    memset(args, 'x', sizeof args - 1);
    args[sizeof args - 1] = 0;
    run = (struct dtb_run){.mem = &m,
                           .cpus = 2,
                           .bootargs = args,
                           .initrd_gpa = 0x148000000,
                           .initrd_len = 0x1234,
                           .flash = true,
                           .seed = {[31] = 7},
                           .kaslr_seed = 9};
    expect_u64(patch(boards[0], &run, &err), 0);
    expect_true(!strcmp(text("/chosen", "bootargs"), args));
    expect_u64(prop64("/chosen", "linux,initrd-start", 0), 0x148000000);
    expect_u64(prop64("/chosen", "linux,initrd-end", 0), 0x148001234);
    expect_u64(prop("/chosen", "rng-seed", 7), 7);
    expect_u64(prop("/chosen", "kaslr-seed", 0), 9 << 24);
    expect_u64(fdt_check_full(buf, sizeof buf), 0);
}

static void a_command_line_of_any_length_fits(void) /* into the room of the blob, or beside it */
{
    struct guest_mem m = mem_of(boards[0], MIB(64));
    struct err err = {0};
    unsigned bad = 0;
    for (unsigned len = 1; len < 300; len++) {
        char args[300];
        memset(args, 'y', len);
        args[len] = 0;
        struct dtb_run run = {
            .mem = &m, .cpus = 1, .bootargs = args, .seed = {[0] = 1}, .kaslr_seed = 5};
        bad += patch(boards[0], &run, &err) || strcmp(text("/chosen", "bootargs"), args) ||
               fdt_check_full(buf, sizeof buf) || prop("/chosen", "kaslr-seed", 0) != 5 << 24 ||
               prop("/chosen", "rng-seed", 0) != 1 << 24;
    }
    expect_u64(bad, 0);
}

static void flash_without_bytes_has_no_node(void)
{
    const struct board *b = board_find("virt");
    struct guest_mem m = mem_of(boards[0], MIB(64));
    struct dtb_run run = {.mem = &m, .cpus = 1};
    struct err err = {0};
    if (!b) {
        tap_skip("this build has no board virt");
        return;
    }
    expect_u64(patch(b, &run, &err), 0);
    expect_true(!has("/flash@0", NULL));
}

static void a_gicv2_stands_at_the_windows_of_the_gicv3(void) /* arm,gic.yaml */
{
    struct err err = {0};
    for (unsigned i = 0; boards[i]; i++) {
        struct guest_mem m = mem_of(boards[i], MIB(64));
        struct dtb_run run = {.mem = &m, .cpus = 3, .gicv2 = true};
        const struct board_dev *d = board_dev_find(boards[i], "gicd");
        const struct board_dev *r = board_dev_find(boards[i], "gicr");
        char intc[64];
        if (boards[i]->arch != ARCH_ARM64)
            continue;
        expect_u64(patch(boards[i], &run, &err), 0);
        snprintf(intc, sizeof intc, "/intc@%" PRIx64, d->base);
        expect_text(text(intc, "compatible"), "arm,cortex-a15-gic");
        expect_u64(prop64(intc, "reg", 0), d->base);
        expect_u64(prop64(intc, "reg", 2), 0x1000);
        expect_u64(prop64(intc, "reg", 4), r->base);
        expect_u64(prop64(intc, "reg", 6), 0x2000);
        expect_u64(prop(intc, "#interrupt-cells", 0), 3);
        expect_true(!has(intc, "#redistributor-regions"));
        expect_u64(prop("/timer", "interrupts", 2), 0x704); /* level, for CPUs 0 to 2 */
        expect_u64(prop("/timer", "interrupts", 11), 0x704);
        run.gicv2 = false;
        expect_u64(patch(boards[i], &run, &err), 0);
        expect_text(text(intc, "compatible"), "arm,gic-v3");
        expect_u64(prop("/timer", "interrupts", 2), 4);
    }
}

static void too_small_a_room_is_said(void)
{
    struct guest_mem m = mem_of(boards[0], MIB(64));
    struct dtb_run run = {.mem = &m, .cpus = 1};
    struct err err = {0};
    size_t len = board_dtb_len(boards[0]);
    expect_u64(dtb_patch(boards[0]->dtb, len, false, &run, buf, 64, &err), -ENOSPC);
    expect_text(err.text, "dtb: FDT_ERR_NOSPACE");
}

/* ---- trees from a file ---- */

struct file_tree {
    uint8_t bytes[4096];
    size_t len;
};

static struct file_tree tree_new(uint32_t ac, uint32_t sc)
{
    struct file_tree t;
    memset(&t, 0, sizeof t);
    fdt_create(t.bytes, sizeof t.bytes);
    fdt_finish_reservemap(t.bytes);
    fdt_begin_node(t.bytes, "");
    fdt_property_u32(t.bytes, "#address-cells", ac);
    fdt_property_u32(t.bytes, "#size-cells", sc);
    fdt_begin_node(t.bytes, "cpus");
    fdt_property_u32(t.bytes, "#address-cells", 1);
    fdt_property_u32(t.bytes, "#size-cells", 0);
    fdt_begin_node(t.bytes, "cpu@0");
    fdt_end_node(t.bytes);
    fdt_begin_node(t.bytes, "cpu@7");
    fdt_end_node(t.bytes);
    fdt_end_node(t.bytes);
    for (unsigned i = 0; i < 3; i++) {
        fdt_begin_node(t.bytes, i == 1 ? "other" : i ? "memory@90000000" : "memory@80000000");
        fdt_property(t.bytes, "device_type", i == 1 ? "things" : "memory", sizeof "memory");
        fdt_end_node(t.bytes);
    }
    fdt_end_node(t.bytes);
    fdt_finish(t.bytes);
    t.len = fdt_totalsize(t.bytes);
    return t;
}

static int patch_file(const void *bytes, size_t len, uint64_t mem_size, struct err *err)
{
    struct guest_mem m = {.n = 1, .regions = {{0x40000000, mem_size, NULL}}};
    struct dtb_run run = {.mem = &m, .cpus = 1, .bootargs = "a b"};
    *err = (struct err){0};
    return dtb_patch(bytes, len, true, &run, buf, sizeof buf, err);
}

static void a_files_memory_and_chosen_are_the_runs(void)
{
    struct file_tree t = tree_new(2, 2);
    struct err err;
    expect_u64(patch_file(t.bytes, t.len, MIB(64), &err), 0);
    expect_u64(prop64("/memory@40000000", "reg", 2), MIB(64));
    expect_true(!has("/memory@80000000", NULL));
    expect_true(!has("/memory@90000000", NULL));
    expect_true(has("/other", "device_type"));
    expect_true(has("/cpus/cpu@7", NULL)); /* its CPUs are left as they are */
    expect_text(text("/chosen", "bootargs"), "a b");
    expect_u64(fdt_check_full(buf, sizeof buf), 0);
}

static void a_file_with_32_bit_cells_is_kept_to_them(void)
{
    struct file_tree t = tree_new(1, 1);
    struct err err;
    expect_u64(patch_file(t.bytes, t.len, MIB(64), &err), 0);
    expect_u64(prop("/memory@40000000", "reg", 0), 0x40000000);
    expect_u64(prop("/memory@40000000", "reg", 1), MIB(64));
    expect_u64(patch_file(t.bytes, t.len, GIB(8), &err), -ERANGE);
    expect_text(err.text, "does not fit the root's 32-bit cells");
    expect_u64(err.kind, ERR_IMAGE);
    t = tree_new(3, 2);
    expect_u64(patch_file(t.bytes, t.len, MIB(64), &err), -EINVAL);
    expect_text(err.text, "#address-cells 3");
}

static void bad_files_are_refused(void)
{
    struct file_tree t = tree_new(2, 2);
    struct err err;
    expect_true(patch_file("x", 1, MIB(64), &err) < 0);
    expect_text(err.text, "the --dtb file: FDT_ERR_TRUNCATED");
    expect_true(patch_file(t.bytes, t.len - 8, MIB(64), &err) < 0);
    expect_text(err.text, "the --dtb file: ");
    t.bytes[0] ^= 1;
    expect_true(patch_file(t.bytes, t.len, MIB(64), &err) < 0);
    expect_text(err.text, "FDT_ERR_BADMAGIC");
    t.bytes[0] ^= 1;
    fdt_set_version(t.bytes, 15); /* found by fuzz_dtb: names were kept differently */
    fdt_set_last_comp_version(t.bytes, 2);
    memcpy(t.bytes + fdt_off_dt_struct(t.bytes) + 4, "abc", 4);
    expect_true(patch_file(t.bytes, t.len, MIB(64), &err) < 0);
    expect_text(err.text, "FDT_ERR_BADVERSION");
    fdt_set_version(t.bytes, 17);
    memset(t.bytes + fdt_off_dt_struct(t.bytes), 0xff, 16);
    expect_true(patch_file(t.bytes, t.len, MIB(64), &err) < 0);
    expect_text(err.text, "FDT_ERR_BADSTRUCTURE");
    expect_u64(err.kind, ERR_IMAGE);
}

/* Found by fuzz_dtb: libfdt 1.6.1 never ends, since 8 + 4 + 0xfffffff4 wraps to where it was. */
static void a_property_length_that_wraps_is_refused(void)
{
    struct file_tree t = tree_new(2, 2);
    struct err err;
    uint8_t *prop =
        t.bytes + fdt_off_dt_struct(t.bytes) + 8; /* behind the root and its empty name */
    expect_u64(be32_get(prop), FDT_PROP);
    memcpy(prop + 4, "\xff\xff\xff\xf4", 4);
    expect_true(patch_file(t.bytes, t.len, MIB(64), &err) < 0);
    expect_text(err.text, "FDT_ERR_BADSTRUCTURE");
}

static const struct tap_test tests[] = {
    TAP_TEST(a_property_length_that_wraps_is_refused),
    TAP_TEST(every_row_has_its_node),
    TAP_TEST(virt_looks_as_qemus_guests_expect),
    TAP_TEST(cpus_beyond_the_run_are_taken_out),
    TAP_TEST(memory_is_every_region),
    TAP_TEST(chosen_says_what_the_run_has),
    TAP_TEST(a_command_line_of_any_length_fits),
    TAP_TEST(flash_without_bytes_has_no_node),
    TAP_TEST(a_gicv2_stands_at_the_windows_of_the_gicv3),
    TAP_TEST(too_small_a_room_is_said),
    TAP_TEST(a_files_memory_and_chosen_are_the_runs),
    TAP_TEST(a_file_with_32_bit_cells_is_kept_to_them),
    TAP_TEST(bad_files_are_refused),
};
TAP_MAIN(tests)
