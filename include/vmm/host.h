// SPDX-License-Identifier: MIT
/*
 * host.h - host I/O: the event loop, standard streams as a chr, the terminal, files.
 */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "vmm/chr.h"
#include "vmm/err.h"

/*
 * The event loop: one thread, made when the first descriptor or deadline is given to it and not
 * before. Callbacks run on that thread with no lock held. All functions: any thread.
 */
struct loop;

struct loop_timer {
    void (*fn)(void *arg);
    void *arg;
    uint64_t deadline_ns; /* clock_mono_ns(); UINT64_MAX: not armed. The loop's once armed. */
    struct loop_timer *next;
};

struct loop_watch {
    void (*fn)(void *arg);
    void *arg;
    int fd; /* from here on the loop's once it is asked for */
    short events;
    struct loop_watch *next;
};

int loop_new(struct loop **loop, struct err *err);
void loop_stop(
    struct loop *loop); /* ends the thread: no callback runs any more. Repeats are no-ops */
void loop_free(struct loop *loop); /* stops it; closes nothing it was given */

/*
 * Call w->fn once when fd is ready for one of `events` (POLLIN, POLLOUT), or has ended or failed.
 * Asking again replaces what was asked for. -ENOSPC beyond 1024 watches; -errno when the thread
 * cannot be made.
 */
int loop_watch(struct loop *loop, struct loop_watch *w, int fd, short events);

/*
 * No longer asked for: do this before fd is closed or `w` freed. A callback that has begun on the
 * loop's thread still ends; on that thread itself, and after loop_stop(), none runs.
 */
void loop_unwatch(struct loop *loop, struct loop_watch *w);

/*
 * Call t->fn once at deadline_ns or soon after, never before; UINT64_MAX disarms. Arming again
 * moves it. A deadline later than the armed one costs no system call. A callback that has begun
 * when the timer is disarmed still ends; after loop_stop() none runs.
 */
int loop_arm(struct loop *loop, struct loop_timer *t, uint64_t deadline_ns);

/*
 * The console's host end: bytes to out_fd, bytes from in_fd. `gone(arg, code)` is called once when
 * out_fd refuses a byte (EPIPE, EBADF, ENOSPC...), from the vCPU's thread; later bytes are dropped.
 * `first_ns` is set to clock_mono_ns() when the first byte was written, 0 before.
 * One writer at a time: the device's lock sees to that.
 */
struct console {
    uint8_t buf[4096]; /* input; first, so that what every run writes lies together */
    struct chr chr;
    struct loop *loop;
    int in_fd, out_fd;
    void (*gone)(void *arg, int code);
    void (*sink)(void *arg, const void *buf, size_t len); /* instead of out_fd, or NULL */
    void *sink_arg;
    /* Each byte of a terminal passes here first; false swallows it (the ^A escape). Or NULL. */
    bool (*filter)(void *arg, uint8_t byte);
    void *arg;
    _Atomic uint64_t first_ns;
    _Atomic uint64_t bytes_out;
    _Atomic bool stop; /* console_stop() was called: bytes are dropped, a blocked write gives up */
    struct iovec iov;  /* what the writer hands to the kernel; console_stop() empties it */
    struct pollfd pfd; /* as iov, for a descriptor that is non-blocking */
    pthread_mutex_t lock; /* buf and what follows */
    unsigned head, len;
    bool ended, watching, wanted, failed;
    struct loop_watch watch; /* of in_fd */
    /* Of write_some(): */
    enum { CONSOLE_OUT_UNKNOWN, CONSOLE_OUT_OWN, CONSOLE_OUT_SOCKET, CONSOLE_OUT_SHARED } out_kind;
    int own_fd; /* out_fd once more, non-blocking, without the others who have it knowing; or -1 */
    int out_error; /* the errno that ended it */
    struct loop_watch out_watch;
};

/*
 * in_fd may be -1 (no input: at its end from the start), and so may out_fd (output is dropped by
 * write(), refused with EBADF by write_some()). The loop must outlive what uses the console.
 */
void console_init(struct console *con, struct loop *loop, int in_fd, int out_fd);
/* What the guest writes goes to fn(arg, ...), on the writer's thread, which is never held back. */
void console_sink(struct console *con, void (*fn)(void *arg, const void *buf, size_t len),
                  void *arg);
void console_fini(struct console *con); /* after loop_stop(); closes none of the two descriptors */

/*
 * Read the terminal from now on, into the buffer, whether or not the guest asks, so that `filter`
 * sees ^A x of a guest that listens to nothing. Does nothing without a filter. 0 or -errno. Call it
 * once, after `filter`, `arg` and the device's `ready` are set.
 */
int console_start(struct console *con);

/*
 * The machine ends: later bytes are dropped, and a write() that is held back by a full pipe gives
 * up. The caller then sends every vCPU thread a signal that has a handler without SA_RESTART.
 * Whether that comes just before or during the system call, the call ends. Any thread,
 * async-signal-safe.
 */
void console_stop(struct console *con);

/*
 * Terminal modes. raw: no echo, no line editing, no signals from keys; OPOST stays off too, so that
 * the guest's bytes reach the terminal as they are. One terminal per process. term_raw() is false
 * when fd is no terminal; in the background it changes nothing yet and is true. term_restore() is
 * idempotent, and a no-op when term_raw() changed nothing. term_resume() goes raw again after a
 * stop (SIGCONT). All three are async-signal-safe.
 */
bool term_raw(int fd);
void term_restore(void);
void term_resume(void);
bool term_is_raw(void);

/* Columns and rows of a terminal; false, and neither is set: fd is none, or does not know. */
bool term_size(int fd, uint16_t *cols, uint16_t *rows);

#endif
