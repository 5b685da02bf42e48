/* SPDX-License-Identifier: Apache-2.0 */
/*
 * still.h: holds a thread to what a sample path may do. A thread that is armed dies, and says
 * why on stderr, when it allocates or frees, takes or waits for a lock, formats text, or calls
 * the kernel for anything but sleeping and waking (still.c has the list). It is let go when its
 * function returns.
 *
 * Linked into a test, or preloaded into a program that was built long before (still_preload.c).
 *
 * Thread: arm by the thread that is to be guarded; all others by any.
 */
#ifndef STILL_H
#define STILL_H

#include <stdbool.h>

/* Why nothing can be held in this build (a sanitizer, valgrind); NULL: it can. */
const char *still_impossible(void);

/* For good; a second time does nothing. */
void still_arm(void);

/* To stderr, as a thread that is held may: 8 bytes at a time, as an eventfd takes them. */
void still_say(const char *text);

/* Threads armed so far, and those of them whose system calls the kernel refuses too. */
unsigned still_armed(void);
unsigned still_filtered(void);

#endif
