// SPDX-License-Identifier: MIT
/*
 * board.h - what a guest knows of the board it is built for (-DBOARD_virt, -DBOARD_vibe,
 * -DBOARD_micro).
 *
 * A guest is compiled for one machine and carries its addresses; `vibevmm boards NAME --map` shows
 * the same.
 */
#ifndef IMAGES_BOARD_H
#define IMAGES_BOARD_H

#if defined(BOARD_virt)
#define CONSOLE_PL011
#define CONSOLE_BASE  0x09000000ul
#define CONSOLE_INTID 33 /* SPI 1 */
#define SYSCTL_BASE   0x090c0000ul
#define GICD_BASE     0x08000000ul
#define GICR_BASE     0x080a0000ul
#define RAM_BASE      0x40000000ul
#define VIRTIO_BASE   0x0a000000ul /* the first of VIRTIO_COUNT windows */
#define VIRTIO_STRIDE 0x200ul
#define VIRTIO_COUNT  32
#define HOLE_BASE                                                                                  \
    0x0c000000ul /* nothing answers from here on: between the virtio windows and RAM */
#elif defined(BOARD_micro)
#define CONSOLE_BASE  0x09000000ul
#define CONSOLE_INTID 33
#define SYSCTL_BASE   0x090c0000ul
#define GICD_BASE     0x08000000ul
#define GICR_BASE     0x080a0000ul
#define RAM_BASE      0x40000000ul
#define VIRTIO_BASE   0x0a000000ul
#define VIRTIO_STRIDE 0x200ul
#define VIRTIO_COUNT  4
#define HOLE_BASE     0x0c000000ul
#elif defined(BOARD_vibe)
#define CONSOLE_BASE  0x90000000ul
#define CONSOLE_INTID 33
#define SYSCTL_BASE   0x90001000ul
#define GICD_BASE     0x0c000000ul
#define GICR_BASE     0x0c0a0000ul
#define RAM_BASE      0x0ul
#define VIRTIO_BASE   0x00a00000ul
#define VIRTIO_STRIDE 0x1000ul
#define VIRTIO_COUNT  3
#define HOLE_BASE     0x20000000ul
#else
#error "say for which board: -DBOARD_virt"
#endif

/* Of the first virtio window, SPI 16; the others' follow. */
#define VIRTIO_INTID 48

/* Private interrupts of the generic timer on every board (BSA DEN 0094 §3.8.1: PPI INTIDs 27 and
 * 30). */
#define TIMER_VIRT_INTID 27
#define TIMER_PHYS_INTID 30

#endif
