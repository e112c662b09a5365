// SPDX-License-Identifier: MIT
/*
 * exec_init.h - what `vibevmm exec` and its process 1 (images/init) say to each other.
 *
 * The initramfs holds EXEC_RUN_FILE: EXEC_RUN_MAGIC, then fields, each a letter and a value, all
 * ended by a NUL. Four ports of one virtio console follow, 1 to 4 in the order below. The control
 * port comes last, so that when it is connected the others are (virtio 1.2 §5.3.6.2: messages are
 * handled in their order).
 *
 * Control port, from the host: one byte per signal for the program, its number. From the guest: one
 * byte per event, EXEC_SAYS_ENDED with the status behind it. The machine may be stopped as soon as
 * that has come: what the program wrote was given to the ports before.
 */
#ifndef VMM_EXEC_INIT_H
#define VMM_EXEC_INIT_H

#define EXEC_INIT_PATH "init"
#define EXEC_RUN_FILE  "vibevmm/run"
#define EXEC_RUN_MAGIC "vibevmm exec 1"

enum {
    EXEC_RUN_MODULE = 'm', /* a kernel module to load, by its path; in this order */
    EXEC_RUN_SHARE = 's',  /* the tag of a 9P folder, to be mounted at /mnt/TAG */
    EXEC_RUN_WRITE = 'w',  /* one of them is writable: the end waits for its writes; no value */
    EXEC_RUN_DIR = 'd',    /* the working folder */
    EXEC_RUN_MERGE = '2',  /* standard output and error are one stream; no value */
    EXEC_RUN_ENV = 'v',    /* NAME=VALUE; all there are */
    EXEC_RUN_PROGRAM =
        'p',            /* the file to execute; without it, the first argument is found by PATH */
    EXEC_RUN_ARG = 'a', /* argv, in order */
};

enum { EXEC_PORT_STDIN = 1, EXEC_PORT_STDOUT, EXEC_PORT_STDERR, EXEC_PORT_CONTROL };

enum {
    EXEC_SAYS_INIT = 'i',    /* process 1 runs and has its ports */
    EXEC_SAYS_PROGRAM = 'p', /* the program was started */
    EXEC_SAYS_ENDED = 'e',   /* it ended, and its output is written; a status byte follows */
};

/* What process 1 itself ends with when the program cannot be run, as shells do. */
enum { EXEC_STATUS_CANNOT = 126, EXEC_STATUS_NOT_FOUND = 127 };

#endif
