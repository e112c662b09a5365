// SPDX-License-Identifier: MIT
/*
 * host.h - host I/O: the event loop, standard streams as a chr, the terminal, files.
 */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <pthread.h>

#include "vmm/chr.h"
#include "vmm/err.h"

/*
 * The event loop: one thread, made when the first descriptor or deadline is given to it and not before.
 * Callbacks run on that thread with no lock held. All functions: any thread.
 */
struct loop;

struct loop_timer {
    void (*fn)(void *arg);
    void *arg;
    uint64_t deadline_ns; /* clock_mono_ns(); UINT64_MAX: not armed. Owned by the loop once armed. */
    struct loop_timer *next;
};

int loop_new(struct loop **loop, struct err *err);
void loop_free(struct loop *loop); /* stops and joins the thread; closes nothing it was given */

/* Call fn(arg) once when fd can be read (or has ended). -errno when the thread cannot be made. */
int loop_watch(struct loop *loop, int fd, void (*fn)(void *arg), void *arg);

/*
 * Call t->fn once at deadline_ns or soon after, never before; UINT64_MAX disarms. Arming again moves it.
 * A deadline later than the armed one costs no system call.
 */
int loop_arm(struct loop *loop, struct loop_timer *t, uint64_t deadline_ns);

/*
 * The console's host end: bytes to out_fd, bytes from in_fd. `gone(arg, code)` is called once when out_fd
 * refuses a byte (EPIPE, EBADF, ENOSPC...), from the vCPU's thread; later bytes are dropped.
 * `first` is set to clock_mono_ns() when the first byte was written, 0 before.
 */
struct console {
    struct chr chr;
    struct loop *loop;
    int in_fd, out_fd;
    void (*gone)(void *arg, int code);
    /* Each input byte of a terminal passes here first; false swallows it (the ^A escape). May be NULL. */
    bool (*filter)(void *arg, uint8_t byte);
    void *arg;
    _Atomic uint64_t first_ns;
    _Atomic uint64_t bytes_out;
    pthread_mutex_t lock; /* the input buffer below */
    uint8_t buf[4096];
    unsigned head, len;
    bool ended, watching, failed;
};

/* in_fd may be -1 (no input: at its end from the start). The loop must outlive the console. */
void console_init(struct console *con, struct loop *loop, int in_fd, int out_fd);

/*
 * Terminal modes. raw: no echo, no line editing, no signals from keys; OPOST stays off too, so that the
 * guest's bytes reach the terminal as they are. term_restore() is async-signal-safe and idempotent, and is
 * a no-op when term_raw() changed nothing. One terminal per process.
 */
bool term_raw(int fd);
void term_restore(void);

/* A file to load: mapped read-only. Names what is wrong: missing, a directory, empty, unreadable. */
struct host_file {
    const char *path; /* the caller's */
    int fd;
    const uint8_t *data; /* NULL when len is 0 */
    uint64_t len;
};

int host_file_open(struct host_file *f, const char *path, struct err *err);
void host_file_close(struct host_file *f);

#endif
