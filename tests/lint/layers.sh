#!/bin/sh
# SPDX-License-Identifier: MIT
#
# layers.sh - who includes whom.
#
# A file includes its own layer and lower ones; folders of layer 2 never include one another; a third-party header
# stays in its room. The table below is the whole rule: for each folder the seams (include/vmm/) and the
# other headers it may include. Standard C headers are free.
set -eu
cd "$(dirname "$0")/../.."

# shellcheck disable=SC2046 # our own file names hold no spaces
awk '
function allow(dir, words, n, w, i) {
    n = split(words, w, " ")
    for (i = 1; i <= n; i++)
        ok[dir, w[i]] = 1
    known[dir] = 1
}
BEGIN {
    c = split("assert ctype errno inttypes limits math signal stdarg stdatomic stdbool stddef stdint stdio stdlib string time", w, " ")
    for (i = 1; i <= c; i++)
        standard["<" w[i] ".h>"] = 1

    l0 = " vmm/base.h vmm/err.h vmm/log.h vmm/clock.h vmm/parse.h vmm/iov.h vmm/sha256.h vmm/tree.h <sys/uio.h>"
    l1 = l0 " vmm/mem.h vmm/bus.h vmm/irq.h vmm/board.h vmm/start.h"
    posix = " <fcntl.h> <unistd.h> <poll.h> <pthread.h> <sys/mman.h> <sys/stat.h> <sys/random.h>"

    # 0
    allow("src/base", l0)
    allow("src/base/sha256.c", "<cpuid.h> <immintrin.h>")
    # 1; board_gen.c is a host tool: the one place that joins board checks and device tree at build time
    allow("src/mem", l1 " <sys/mman.h> <unistd.h>")
    allow("src/bus", l1 " <pthread.h>")
    allow("src/irq", l1)
    allow("src/board", l1)
    allow("src/board/board_gen.c", l1 " vmm/dtb.h vmm/acpi.h")
    # for the sizes of the windows of the interrupt controller, which rows must be multiples of
    allow("src/board/board_check.c", "vmm/dev.h")
    allow("boards", l1)
    # 2: each its own seam. hv.h is there for its values (struct hv_regs, HV_SYSREG), never to call an engine.
    allow("src/dev", l1 " vmm/acpi.h vmm/dev.h vmm/chr.h vmm/hv.h")
    allow("src/virtio", l1 " vmm/virtio.h vmm/chr.h vmm/disk.h vmm/p9.h vmm/netif.h vmm/vsock.h <pthread.h> <sys/uio.h>")
    allow("src/p9", l0 " vmm/p9.h <dirent.h> <fcntl.h> <linux/openat2.h> <sys/resource.h> <sys/stat.h> <sys/syscall.h> <sys/vfs.h> <unistd.h>")
    allow("src/boot", l1 " vmm/boot.h vmm/cpio.h vmm/fit.h vmm/app.h vmm/pack.h vmm/inspect.h <fcntl.h> <unistd.h> <sys/mman.h> <sys/stat.h> <zlib.h>")
    allow("src/boot/boot_fit", "<libfdt.h>")
    allow("src/dtb", l1 " vmm/dtb.h <libfdt.h>")
    allow("src/acpi", l1 " vmm/acpi.h")
    allow("src/walk", l1 " vmm/walk.h vmm/hv.h")
    allow("src/host", l1 " vmm/host.h vmm/chr.h vmm/disk.h vmm/netif.h vmm/vsock.h vmm/park.h <termios.h> <linux/futex.h> <sys/socket.h> <sys/eventfd.h> <sys/syscall.h> <sys/uio.h> <sys/ioctl.h> <linux/fs.h> <linux/falloc.h> <linux/if_tun.h> <net/if.h> <arpa/inet.h> <spawn.h> <sys/un.h> <sys/wait.h>" posix)
    allow("src/a64", l1 " vmm/a64.h vmm/hv.h a64_table.h <sched.h> <cpuid.h> <emmintrin.h> <immintrin.h>" posix)
    # 3
    allow("src/hv", l1 " vmm/hv.h vmm/a64.h")
    allow("src/hv/kvm", "<linux/kvm.h> <sys/ioctl.h> <sys/syscall.h>" posix)
    # 4
    l4 = l1 " vmm/vm.h vmm/walk.h vmm/hv.h vmm/boot.h vmm/cpio.h vmm/fit.h vmm/app.h vmm/pack.h vmm/inspect.h vmm/dtb.h vmm/acpi.h vmm/dev.h vmm/virtio.h vmm/chr.h vmm/disk.h vmm/p9.h vmm/netif.h vmm/vsock.h vmm/host.h vmm/park.h"
    allow("src/vm", l4 posix)
    # 5
    allow("launcher/app.c", "<sys/auxv.h>")
    allow("launcher", l4 " vmm/a64.h vmm/exec_init.h <sys/utsname.h> <sys/wait.h> <sys/ioctl.h> <termios.h>" posix)
    # The seams themselves, by the layer of what they promise.
    allow("include/vmm", l4 " vmm/a64.h <poll.h> <pthread.h> <sys/uio.h>")
}
/^[ \t]*#[ \t]*include/ {
    dir = FILENAME
    sub(/\/[^\/]*$/, "", dir)
    header = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", header)
    sub(/[ \t]*(\/\/.*|\/\*.*)?$/, "", header)
    if (header in standard)
        next
    if (header ~ /^"/)
        gsub(/"/, "", header)
    if (!(dir in known)) {
        print FILENAME ": folder " dir " is not in the table of tests/lint/layers.sh"
        bad = 1
        next
    }
    if (header !~ /^</ && header !~ /^vmm\//) {
        # A private header: of the own folder, by name or by path.
        if (header !~ /\// || index(header, dir "/") == 1)
            next
    }
    if (ok[dir, header] || ok[FILENAME, header] || (FILENAME ~ /^src\/hv\/kvm/ && ok["src/hv/kvm", header]) || \
        (FILENAME ~ /^src\/boot\/boot_fit/ && ok["src/boot/boot_fit", header]))
        next
    print FILENAME ":" FNR ": " dir " may not include " header
    bad = 1
}
END { exit bad }
' $(find src boards launcher include -name '*.[ch]' | LC_ALL=C sort)
