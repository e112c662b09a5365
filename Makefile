# SPDX-License-Identifier: MIT
#
# make            build/release/vibevmm (static; musl where musl-gcc is installed)
# make debug      build/debug/vibevmm (-O0 -g)
# make IMAGE=x.itb app   build/release/app: one program, the launcher and the appliance; with BOARD=micro the smallest
# make check      unit and device tests, tiny guests
# make check-boot tiny guests, Debian's kernels, installer, U-Boot
# make soak       a Debian guest on 4 vCPUs for an hour (MINUTES=60), checked
# make images/wc  one C file of images/examples into an appliance (docs/kit.md)
# make install    prefix=/usr/local and the like, DESTDIR; make uninstall; make deb (a Debian package)
# make bench      ratios to QEMU on this host
# make images/linux  a small kernel for exec, from Debian's source
# make lint       layers, headers, format, clang-tidy, cppcheck
# make check-kvm  guests on the KVM engine, in an emulated host that has /dev/kvm (needs QEMU)
# make proof      proofs of the queue walker, by CBMC
# Options: V=1  CC=clang  LIBC=glibc|musl  SAN=address,undefined  BOARD=virt  STATS=1  WERROR=1
#          CROSS=aarch64-linux-gnu-  (libfdt and zlib for it: tests/hv/cross-libs.sh)

V ?= 0
Q := $(if $(filter 0,$(V)),@)
CONFIG ?= release
HOSTCC ?= gcc
BOARD ?=
SAN ?=
STATS ?=
WERROR ?=
PREFIX ?= /usr/local
DESTDIR ?=

# musl unless it is missing, the compiler is not gcc, or a sanitizer needs glibc.
CROSS ?=
ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
AR := $(CROSS)ar
# What the launcher is made for, as in aarch64-linux-gnu.
target := $(shell $(CC) -dumpmachine)
LIBC ?= $(if $(SAN),glibc,$(if $(filter gcc,$(CC)),$(if $(shell command -v musl-gcc),musl,glibc),glibc))

comma := ,
name := $(CONFIG)$(if $(filter-out gcc,$(CC)),-$(notdir $(CC)))$(if $(filter glibc,$(LIBC)),-glibc)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(BOARD),-$(BOARD))$(if $(STATS),-stats)$(if $(FUZZING),-fuzz)
B := build/$(name)
HB := build/host

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	$(if $(WERROR),-Werror)
OPT := $(if $(filter debug,$(CONFIG)),-O0 -g,-O2 -g1)
CPPFLAGS := -Iinclude -I. -I$(B)/gen -D_GNU_SOURCE $(if $(STATS),-DA64_STATS)
CFLAGS := -std=c17 $(OPT) $(if $(FUZZING),-fsanitize=fuzzer-no-link) $(WARN) -ffunction-sections -fdata-sections -pthread \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
LDFLAGS := -Wl,--gc-sections -pthread $(if $(SAN),-fsanitize=$(SAN),-static)
# By path: with musl, the linker's search must not reach the C library beside them.
LDLIBS := $(shell gcc -print-file-name=libfdt.a) $(shell gcc -print-file-name=libz.a) -lm
ifneq ($(CROSS),)
# The other architecture's: installed (Debian multiarch), else where cross-libs.sh has unpacked them.
cross_lib = $(firstword $(wildcard $(foreach d,/usr build/cross/usr,$(d)/lib/$(CROSS:-=)/$(1))) \
	build/cross/usr/lib/$(CROSS:-=)/$(1))
LDLIBS := $(call cross_lib,libfdt.a) $(call cross_lib,libz.a) -lm
CPPFLAGS += -idirafter build/cross/usr/include
endif
compile := $(CC)
ifeq ($(LIBC),musl)
compile := musl-gcc
# Debian's libfdt and zlib headers need nothing of glibc; last, so that musl's own come first.
CPPFLAGS += -idirafter /usr/include -idirafter /usr/include/$(shell gcc -print-multiarch)
endif
# Each handler keeps its own indirect jump: gcc must not fold handlers or their tails into one.
A64_TAIL := $(if $(SAN)$(filter debug,$(CONFIG)),-DA64_LOOP,-O2 -fno-stack-protector \
	$(if $(findstring clang,$(CC)),,-fno-partial-inlining -fno-ipa-icf -fno-crossjumping))
# clang makes a library call of a 16-byte compare and swap without it.
A64_TAIL += $(if $(findstring x86_64,$(target)),-mcx16)

# ---- sources, per module -------------------------------------------------------------------------------
SRC_base := err.c log.c clock.c parse.c iov.c sha256.c tree.c
SRC_mem := mem.c
SRC_bus := bus.c regs.c
SRC_board := board.c board_check.c
SRC_dev := pl011.c pl031.c pl061.c debugcon.c sysctl.c cfi_flash.c \
	gic.c gic_dist.c gic_redist.c gic_icc.c uart16550.c cmos.c pc_power.c
SRC_virtio := virtio_slot.c virtio_mmio.c virtio_vq.c virtio_rng.c virtio_blk.c virtio_balloon.c virtio_console.c virtio_9p.c virtio_net.c \
	virtio_vsock.c virtio_vsock_conn.c
SRC_boot := boot.c boot_file.c boot_kind.c boot_arm64.c boot_elf.c boot_gzip.c \
	boot_bzimage.c boot_x86.c boot_fit.c boot_fit_load.c boot_fit_make.c boot_app.c boot_inspect.c boot_fit_inspect.c boot_cpio.c
SRC_dtb := dtb_patch.c
SRC_acpi := acpi_patch.c
SRC_host := loop.c console.c term.c park.c disk.c disk_cow.c \
	net_stream.c net_passt.c net_publish.c net_tap.c vsock.c
SRC_p9 := p9.c p9_fid.c p9_look.c p9_io.c p9_edit.c
SRC_a64 := decode.c sem_int.c sem_int_bits.c sem_int_crc.c sem_branch.c sem_mem.c sem_mem_pair.c sem_atomic.c
SRC_a64 += sem_simd.c sem_simd_wide.c sem_simd_shift.c sem_simd_misc.c sem_simd_perm.c sem_simd_mem.c \
	sem_simd_struct.c sem_crypto.c
SRC_a64 += vm.c vcpu.c state.c run.c mirror.c tlb.c mmu.c memory.c except.c step.c timer.c sync.c sysreg.c sys_ops.c \
	sem_sys.c
SRC_a64 += fp.c fp_conv.c sem_fp.c sem_fp_vec.c host.c
ifneq ($(and $(findstring x86_64,$(target)),$(findstring linux,$(target))),)
SRC_a64 += jit.c jit_unit.c jit_regs.c jit_int.c jit_branch.c jit_mem.c jit_v.c jit_fp.c jit_fp_cvt.c jit_vec.c jit_vec_int.c jit_vec_perm.c \
	jit_vec_wide.c jit_vec_sat.c jit_vec_mem.c jit_crypto.c jit_sys.c jit_atomic.c jit_shadow.c
endif
SRC_walk := walk.c walk_arm64.c walk_x86.c
SRC_hv := hv.c soft.c
# Engines of the hardware: by the CPU and the system that the launcher is made for.
ifneq ($(findstring linux,$(target)),)
kvm_arch := $(if $(findstring aarch64,$(target)),arm64,$(if $(findstring x86_64,$(target)),x86_64))
SRC_hv_kvm_arm64 := kvm.c kvm_arm64.c kvm_arm64_state.c
SRC_hv_kvm_x86_64 := kvm.c kvm_x86_64.c kvm_cpuid.c
SRC_hv += $(SRC_hv_kvm_$(kvm_arch))
CPPFLAGS += $(if $(kvm_arch),-DHV_HAVE_KVM)
endif
SRC_vm := vm.c vcpu.c psci.c semihost.c devices.c attach.c attach_balloon.c attach_console.c attach_disk.c attach_net.c attach_share.c attach_vsock.c report.c
SRC_launcher := main.c text.c opts.c run.c appliance.c app.c pack.c inspect.c signals.c diag.c diag_arm64.c diag_x86.c rules.c esr.c json.c report.c boards.c doctor.c completion.c man.c
SRC_launcher += exec.c exec_cache.c exec_program.c
BOARDS := $(if $(BOARD),$(BOARD),virt vibe micro pc)

# A launcher has the code of the devices that its boards name, and no other.
kinds := $(sort $(shell grep -oh '\bDEV_[A-Z0-9_]*' $(BOARDS:%=boards/%.c)))

# ---- generated: instruction table, boards' tables, board list ----------------------------------------
GEN := build/gen
A64_DEFS := $(addprefix src/a64/,a64.def a64_sys.def a64_fp.def a64_simd.def)
GENERATED := $(GEN)/a64_table.h

# ---- objects -------------------------------------------------------------------------------------------
modules := base mem bus board dev virtio p9 boot dtb acpi walk host a64 hv vm
lib_src := $(foreach m,$(modules),$(addprefix src/$(m)/,$(SRC_$(m)))) $(BOARDS:%=boards/%.c)
lib_obj := $(lib_src:%.c=$(B)/%.o) $(BOARDS:%=$(B)/gen/%_tables.o) $(B)/gen/board_list.o
launcher_obj := $(SRC_launcher:%.c=$(B)/launcher/%.o) $(B)/gen/exec_parts.o
LIB := $(B)/libvmm.a
# What a launch runs lies together (tests/bench/launch_order.sh): GNU ld's and lld's linker scripts, on Linux.
launch_ld := $(if $(SAN)$(FUZZING),,$(if $(findstring linux,$(target)),launcher/launch.ld))
BIN := $(B)/vibevmm

# What runs on this host: of a launcher for another CPU, its twin.
teller := $(if $(CROSS),build/release/vibevmm,$(BIN))

.DELETE_ON_ERROR:
.PHONY: all app release debug check check-boot check-kvm bench lint format install clean
all: $(BIN)
release:
	$(Q)$(MAKE) --no-print-directory CONFIG=release all
debug:
	$(Q)$(MAKE) --no-print-directory CONFIG=debug all

$(BIN): $(launcher_obj) $(LIB) $(launch_ld)
	@$(if $(Q),echo "  LD      $@")
	$(Q)$(compile) $(CFLAGS) $(LDFLAGS) $(launch_ld:%=-Wl,-T,%) -o $@ $(launcher_obj) $(LIB) $(LDLIBS)

# One program: this launcher with IMAGE inside, an appliance or a kernel.
# The launcher that packs runs here; the one that is packed may be for another architecture.
app: $(BIN)
	$(if $(IMAGE),,$(error app: IMAGE=FILE is missing: an appliance (vibevmm pack makes them) or a kernel))
	@$(if $(Q),echo "  APP     $(B)/app")
	$(Q)$(packer) pack --executable --launcher $(BIN) -o $(B)/app $(IMAGE)
packer := $(if $(CROSS),build/release/vibevmm,$(BIN))

ifneq ($(CROSS),)
.PHONY: $(teller)
$(teller):
	$(Q)$(MAKE) --no-print-directory CROSS= CC=gcc CONFIG=release all
endif

$(LIB): $(lib_obj)
	@$(if $(Q),echo "  AR      $@")
	$(Q)rm -f $@ && $(AR) rcs $@ $(lib_obj)

$(B)/%.o: %.c | $(GENERATED) $(B)/gen/board_kinds.h
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $<")
	$(Q)$(compile) $(CPPFLAGS) -I$(GEN) $(CFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(Q)$(compile) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/gen/board_list.o: $(B)/gen/board_list.c
	$(Q)$(compile) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/src/a64/%.o: EXTRA_CFLAGS := $(A64_TAIL)

# The instruction table: a host tool turns the definitions into the decoder's table, and fails on ambiguity.
$(HB)/a64_gen: src/a64/gen.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=c17 -O1 -Wall -Wextra -o $@ $<

$(GEN)/a64_table.h: $(HB)/a64_gen $(A64_DEFS)
	@mkdir -p $(@D)
	$(Q)$(HB)/a64_gen $(A64_DEFS) > $@

# A board's device tree or ACPI tables: a host tool checks the board's rows, then writes the blob as C.
BOARD_GEN_SRC := src/board/board_gen.c $(SRC_board:%=src/board/%) src/dtb/dtb_make.c src/acpi/acpi_make.c src/base/err.c
$(HB)/board_gen_%: boards/%.c $(BOARD_GEN_SRC) src/acpi/acpi_int.h $(addprefix include/vmm/,board.h bus.h dev.h dtb.h acpi.h)
	@mkdir -p $(@D)
	@$(if $(Q),echo "  BOARD   $*")
	$(Q)$(HOSTCC) -std=c17 -O1 -Wall -Wextra -Iinclude -I. -D_GNU_SOURCE -DBOARD_NAME=$* -o $@ \
		$< $(BOARD_GEN_SRC) -lfdt

$(GEN)/%_tables.c: $(HB)/board_gen_%
	@mkdir -p $(@D)
	$(Q)$< > $@

# What `exec` carries with it: process 1 of its machines, empty where no compiler can make it, and the text of --setup.
EXEC_INITS := $(GEN)/exec_init_arm64 $(GEN)/exec_init_x86_64
EXEC_SETUP := images/demo/debian.sh launcher/exec_setup.sh
$(GEN)/exec_init_%: $(wildcard images/init/*) include/vmm/exec_init.h
	@mkdir -p $(@D)
	@$(if $(Q),echo "  INIT    $*")
	$(Q)images/init/build.sh $* $@

# One that is empty is tried again: there may be a compiler now.
.PHONY: exec-init-again
$(shell find $(EXEC_INITS) -size 0 2>/dev/null): exec-init-again

hex = od -An -v -tx1 $(1) | sed 's/ \(..\)/0x\1,/g'
$(GEN)/exec_parts.c: $(EXEC_INITS) $(EXEC_SETUP)
	$(Q){ echo '#include "launcher/exec.h"'; \
	for f in $(EXEC_INITS:$(GEN)/%=%); do \
		echo "const uint8_t $$f[] = {"; $(call hex,$(GEN)/$$f); echo "0}; const size_t $${f}_len = sizeof $$f - 1;"; done; \
	echo 'const uint8_t exec_setup_script[] = {'; $(call hex,$(EXEC_SETUP)); echo '0};'; } > $@

# The boards of this launcher, first one the default.
$(B)/gen/board_list.c: Makefile
	@mkdir -p $(@D)
	$(Q){ echo '#include "vmm/board.h"'; \
	$(foreach b,$(BOARDS),echo 'extern const struct board board_$(b);';) \
	echo 'const struct board *const boards[] = {$(foreach b,$(BOARDS),&board_$(b),) 0};'; } > $@

# The device kinds those boards name: HAVE_DEV_x for the code that makes devices.
$(B)/gen/board_kinds.h: $(BOARDS:%=boards/%.c)
	@mkdir -p $(@D)
	$(Q)printf '#define HAVE_%s 1\n' $(kinds) > $@

.SECONDARY:

# ---- tests ---------------------------------------------------------------------------------------------
TESTS :=
TESTS += unit/test_parse
TESTS += unit/test_mem
TESTS += unit/test_bus
TESTS += unit/test_board
TESTS += unit/test_dtb
TESTS += unit/test_boot
TESTS += unit/test_boot_packed
TESTS += unit/test_boot_fail
TESTS += unit/test_sha256 unit/test_boot_fit
TESTS += unit/test_cpio unit/test_init_relay
TESTS += unit/test_a64_decode
TESTS += unit/test_a64_int
TESTS += unit/test_a64_simd
TESTS += unit/test_a64_fp
TESTS += unit/test_a64_fp_conv
TESTS += unit/test_a64_fp_vec
TESTS += unit/test_host_park
TESTS += unit/test_host_loop
TESTS += unit/test_host_console
TESTS += unit/test_a64_mmu
TESTS += unit/test_a64_sys
TESTS += unit/test_a64_env
TESTS += unit/test_dev_pl011
TESTS += unit/test_dev_gic
TESTS += unit/test_dev_flash
TESTS += unit/test_dev_small
TESTS += unit/test_virtio
TESTS += unit/test_virtio_blk
TESTS += unit/test_virtio_net
TESTS += unit/test_virtio_vsock unit/test_virtio_vsock_rules unit/test_host_vsock
TESTS += unit/test_virtio_balloon
TESTS += unit/test_p9
TESTS += unit/test_p9_escape
TESTS += unit/test_virtio_9p unit/test_virtio_console
TESTS += unit/test_host_disk unit/test_host_net
TESTS += unit/test_walk
TESTS += unit/test_walk_arm64
TESTS += unit/test_walk_x86
TESTS += unit/test_dev_pc
TESTS += unit/test_acpi
TESTS += unit/test_boot_x86
TESTS += unit/test_vm
# The KVM engine above a fake kernel, on whatever CPU it was built for.
kvm_tests := $(if $(kvm_arch),unit/test_kvm unit/test_kvm_$(kvm_arch))
TESTS += $(kvm_tests)
test_bin := $(TESTS:%=$(B)/tests/%)

include tests/a64/Makefile.inc

check: $(test_bin) $(a64_pair) $(BIN)
	$(Q)prove -Q --exec '' $(test_bin) $(a64_pair)
	$(Q)tests/kernels/build.sh
	$(Q)VIBEVMM=$(BIN) prove -Q tests/cli

$(B)/tests/unit/test_boot_fail: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=mmap,--wrap=pread,--wrap=open,--wrap=fstat

$(B)/tests/unit/test_virtio_vsock $(B)/tests/unit/test_virtio_vsock_rules: LDFLAGS += -Wl,--wrap=clock_mono_ns

$(kvm_tests:%=$(B)/tests/%): LDFLAGS += \
	$(foreach f,open close mmap munmap syscall ioctl,-Wl$(comma)--wrap=$(f))

$(B)/tests/%: $(B)/tests/%.o $(LIB)
	$(Q)$(compile) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

.PHONY: print-tests
print-tests:
	@echo $(test_bin)

.PHONY: kvm-tests
kvm-tests: $(kvm_tests:%=$(B)/tests/%) $(B)/tests/hv/conformance

check-boot: $(BIN)
	$(Q)VIBEVMM=$(abspath $(BIN)) prove --timer tests/boot

# make soak [MINUTES=60]: a Debian guest of 4 vCPUs that computes, forks, signals and writes, all of it checked.
MINUTES ?= 60
.PHONY: soak
soak: $(BIN)
	$(Q)VIBEVMM=$(abspath $(BIN)) tests/boot/soak.sh $(MINUTES)

# The machine that QEMU emulates is an ARM64 host; the soft engine here says what its guests should print.
check-kvm: $(BIN) kvm-tests
	$(Q)! command -v aarch64-linux-gnu-gcc >/dev/null || ! tests/hv/cross-libs.sh || \
		$(MAKE) --no-print-directory CROSS=aarch64-linux-gnu- all kvm-tests
	$(Q)VIBEVMM=$(abspath $(BIN)) prove --timer tests/hv

# A kernel for `exec` that starts faster than Debian's: no part of the tests.
.PHONY: images/linux
images/linux:
	$(Q)images/linux/build.sh

# make bench [BENCH="start boot"]
bench: $(BIN)
	$(Q)tests/bench/run.sh $(BENCH)

# Of a STATS=1 build: the launcher with tests/bench/l0.c around it.
.PHONY: bench-l0
bench-l0: $(B)/vibevmm-l0
$(B)/vibevmm-l0: $(launcher_obj) $(B)/tests/bench/l0.o $(LIB)
	$(Q)$(compile) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=a64_cpu_new,--wrap=main -o $@ $^ $(LDLIBS)

# make images/wc: images/examples/wc.c as an appliance for board micro, build/images/wc.itb. KIT_BOARD= names another one.
KIT_BOARD ?= micro
examples := $(basename $(notdir $(wildcard images/examples/*.c)))
.PHONY: $(examples:%=images/%)
$(examples:%=images/%): images/%: images/examples/%.c $(teller)
	$(Q)images/kit/build.sh -b $(KIT_BOARD) -o build/images/$(KIT_BOARD)/examples $<
	$(Q)$(teller) pack --board $(KIT_BOARD) -o build/images/$*.itb build/images/$(KIT_BOARD)/examples/$*.elf
	@echo "  IMAGE   build/images/$*.itb"

# Every parser and the bus under libFuzzer: make fuzz FUZZ_SECONDS=600 FUZZ='bus elf'. Finds stay in build/fuzz.
FUZZ ?= bus virtio p9 elf image gzip zboot dtb fit inspect
FUZZ_SECONDS ?= 10
fuzz_make := $(MAKE) --no-print-directory CC=clang SAN=address,undefined FUZZING=1

# CBMC on the virtqueues.
.PHONY: proof
proof:
	$(Q)tests/proof/run.sh

fuzz:
	$(Q)$(fuzz_make) $(FUZZ:%=fuzz-%)

fuzz-%: $(B)/tests/fuzz/fuzz_%
	@mkdir -p build/fuzz/$*
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1500 -max_len=4096 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/$*- build/fuzz/$* $(wildcard tests/fuzz/corpus/$*) \
		>build/fuzz/$*.log 2>&1 || { tail -n 30 build/fuzz/$*.log; false; }
	@sed -n 's/^stat::number_of_executed_units: */fuzz $*: no find, cases: /p' build/fuzz/$*.log

ifdef FUZZING
$(B)/tests/fuzz/%: LDFLAGS += -fsanitize=fuzzer
endif

# ---- lint ----------------------------------------------------------------------------------------------
lint: | $(GENERATED)
	$(Q)tests/lint/run.sh $(RULES)

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

# ---- install -------------------------------------------------------------------------------------------
# Folders by GNU's names (prefix=/usr bindir=... DESTDIR=...). What tells of options is the launcher's own word on them.
prefix ?= $(PREFIX)
bindir ?= $(prefix)/bin
datarootdir ?= $(prefix)/share
mandir ?= $(datarootdir)/man
docdir ?= $(datarootdir)/doc/vibevmm
bashcompdir ?= $(datarootdir)/bash-completion/completions
zshcompdir ?= $(datarootdir)/zsh/site-functions
INSTALL ?= install
pages := $(wildcard docs/*.md)

$(B)/share/vibevmm.1: $(teller)
	@mkdir -p $(@D)
	$(Q)$(teller) help --man > $@
$(B)/share/vibevmm.bash: $(teller)
	@mkdir -p $(@D)
	$(Q)$(teller) completion bash > $@
$(B)/share/_vibevmm: $(teller)
	@mkdir -p $(@D)
	$(Q)$(teller) completion zsh > $@

.PHONY: uninstall deb
install: $(BIN) $(addprefix $(B)/share/,vibevmm.1 vibevmm.bash _vibevmm)
	$(Q)$(INSTALL) -d $(addprefix $(DESTDIR),$(bindir) $(mandir)/man1 $(bashcompdir) $(zshcompdir) $(docdir)/docs)
	$(Q)$(INSTALL) -s --strip-program=$(CROSS)strip -m 755 $(BIN) $(DESTDIR)$(bindir)/vibevmm
	$(Q)$(INSTALL) -m 644 $(B)/share/vibevmm.1 $(DESTDIR)$(mandir)/man1/vibevmm.1
	$(Q)$(INSTALL) -m 644 $(B)/share/vibevmm.bash $(DESTDIR)$(bashcompdir)/vibevmm
	$(Q)$(INSTALL) -m 644 $(B)/share/_vibevmm $(DESTDIR)$(zshcompdir)/_vibevmm
	$(Q)$(INSTALL) -m 644 README.md LICENSE $(DESTDIR)$(docdir)
	$(Q)$(INSTALL) -m 644 $(pages) $(DESTDIR)$(docdir)/docs

uninstall:
	$(Q)rm -f $(addprefix $(DESTDIR),$(bindir)/vibevmm $(mandir)/man1/vibevmm.1 $(bashcompdir)/vibevmm \
		$(zshcompdir)/_vibevmm $(docdir)/README.md $(docdir)/LICENSE $(addprefix $(docdir)/,$(pages)))
	$(Q)for d in $(DESTDIR)$(docdir)/docs $(DESTDIR)$(docdir); do \
		! [ -d $$d ] || rmdir --ignore-fail-on-non-empty $$d; done

# build/vibevmm_VERSION_ARCH.deb
deb: $(BIN)
	$(Q)packaging/deb.sh $(target) $(MAKE) --no-print-directory CROSS=$(CROSS) install

clean:
	$(Q)rm -rf build

-include $(shell [ -d $(B) ] && find $(B) -name '*.d')
