// SPDX-License-Identifier: MIT
/*
 * sys.h - Linux system calls without a C library, for ARM64 and x86-64.
 *
 * Numbers from the kernel's include/uapi/asm-generic/unistd.h and
 * arch/x86/entry/syscalls/syscall_64.tbl, calling convention from syscall(2); constants from
 * include/uapi. A call returns -errno when it fails.
 */
#ifndef INIT_SYS_H
#define INIT_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* columns: name, ARM64, x86-64 */
#define SYS_CALLS(X)                                                                               \
    X(chdir, 49, 80)                                                                               \
    X(clone, 220, 56)                                                                              \
    X(close, 57, 3)                                                                                \
    X(dup3, 24, 292)                                                                               \
    X(execve, 221, 59)                                                                             \
    X(exit_group, 94, 231)                                                                         \
    X(faccessat, 48, 269)                                                                          \
    X(fcntl, 25, 72)                                                                               \
    X(finit_module, 273, 313)                                                                      \
    X(getdents64, 61, 217)                                                                         \
    X(inotify_add_watch, 27, 254)                                                                  \
    X(inotify_init1, 26, 294)                                                                      \
    X(ioctl, 29, 16)                                                                               \
    X(kill, 129, 62)                                                                               \
    X(lseek, 62, 8)                                                                                \
    X(mkdirat, 34, 258)                                                                            \
    X(mmap, 222, 9)                                                                                \
    X(mount, 40, 165)                                                                              \
    X(openat, 56, 257)                                                                             \
    X(pipe2, 59, 293)                                                                              \
    X(ppoll, 73, 271)                                                                              \
    X(read, 63, 0)                                                                                 \
    X(reboot, 142, 169)                                                                            \
    X(rt_sigprocmask, 135, 14)                                                                     \
    X(sched_yield, 124, 24)                                                                        \
    X(setsid, 157, 112)                                                                            \
    X(signalfd4, 74, 289)                                                                          \
    X(socket, 198, 41)                                                                             \
    X(symlinkat, 36, 266)                                                                          \
    X(sync, 81, 162)                                                                               \
    X(wait4, 260, 61)                                                                              \
    X(write, 64, 1)

#ifdef __aarch64__
#define SYS_NUMBER(name, arm64, x86) SYS_##name = arm64,
#else
#define SYS_NUMBER(name, arm64, x86) SYS_##name = x86,
#endif
enum { SYS_CALLS(SYS_NUMBER) };
#undef SYS_NUMBER

static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
#ifdef __aarch64__
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
#endif
}

/* sys(close, fd): up to six arguments of any scalar kind. */
#define SYS_ARG(x) ((long)(x))
#define SYS_PICK(a, b, c, d, e, f, ...)                                                            \
    SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), SYS_ARG(f)
#define sys(name, ...) sys6(SYS_##name, SYS_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0))

enum { SYS_ENOENT = 2, SYS_EINTR = 4, SYS_ENXIO = 6, SYS_EAGAIN = 11, SYS_EEXIST = 17 };

#define AT_FDCWD   (-100)
#define O_RDONLY   00
#define O_WRONLY   01
#define O_RDWR     02
#define O_NONBLOCK 04000
#define O_CLOEXEC  02000000
#ifdef __aarch64__
#define O_DIRECTORY 040000
#else
#define O_DIRECTORY 0200000
#endif

#define MS_NOSUID 2
#define MS_NODEV  4
#define MS_NOEXEC 8

#define PROT_READ     1
#define PROT_WRITE    2
#define MAP_PRIVATE   0x02
#define MAP_ANONYMOUS 0x20

#define POLLIN  0x001
#define POLLOUT 0x004
#define POLLERR 0x008
#define POLLHUP 0x010

struct pollfd {
    int fd;
    short events, revents;
};

struct dirent64 {
    uint64_t ino;
    int64_t off;
    unsigned short reclen;
    unsigned char type;
    char name[];
};

struct inotify_event {
    int wd;
    uint32_t mask, cookie, len;
    char name[];
};

#define IN_CREATE       0x100
#define SIGCHLD         17
#define SIG_BLOCK       0
#define SIG_UNBLOCK     1
#define CLONE_VFORK     0x4000
#define WNOHANG         1
#define SEEK_END        2
#define X_OK            1
#define SOCK_DGRAM      2
#define AF_INET         2
#define SIOCSIFFLAGS    0x8914
#define IFF_UP          1
#define REBOOT_MAGIC1   0xfee1dead
#define REBOOT_MAGIC2   0x28121969
#define REBOOT_POWEROFF 0x4321fedc

#endif
