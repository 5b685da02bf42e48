/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.h: the page shared by a test and the daemon it disturbs. The test maps the file named in
 * TOCSIN_INJECT and changes it while the daemon runs; libinject.so reads it at each call. The
 * layout is known to injection.py, too.
 */
#ifndef GW_TESTS_INJECT_H
#define GW_TESTS_INJECT_H

#include <stdatomic.h>
#include <stdint.h>

#define INJECT_RULES 8
#define INJECT_PATH  168

enum inject_op {
	INJECT_OPEN = 1,       /* any open */
	INJECT_OPEN_WRITE = 2, /* an open that may write or create */
	INJECT_READ = 4,
	INJECT_WRITE = 8,
	INJECT_SYNC = 16,
	INJECT_TRUNCATE = 32, /* and fallocate */
	INJECT_UNLINK = 64,
	INJECT_RENAME = 128,
	INJECT_MKDIR = 256,
};

enum inject_kill {
	INJECT_KILL_NOT,
	INJECT_KILL_BEFORE, /* the call is not made */
	INJECT_KILL_AFTER,  /* the call is made, its caller never hears of it */
};

/* Calls number from, from + 1, ... from + count - 1 that match suffer; count 0: no rule. */
struct inject_rule {
	_Atomic uint32_t ops;  /* of enum inject_op */
	_Atomic int32_t error; /* errno of the call; 0: it is made */
	_Atomic uint32_t delay_ms, kill;
	_Atomic uint64_t from, count;
	_Atomic uint64_t calls; /* that matched so far */
	char path[INJECT_PATH]; /* what the file's path must hold; "": any file */
};

struct inject_page {
	_Atomic int64_t wall_offset_ns; /* of CLOCK_REALTIME */
	_Atomic int64_t boot_offset_ns; /* of CLOCK_BOOTTIME: a suspended machine */
	_Atomic uint64_t malloc_from, malloc_count, mallocs; /* as of a rule */
	_Atomic uint64_t suffered;
	_Atomic uint64_t
		synced; /* what the clock says of itself: 0 the truth, 1 not, 2 it is */
	_Atomic uint64_t
		tls_broken; /* OpenSSL was refused memory once, and is no good now */
	struct inject_rule rules[INJECT_RULES];
};

#endif
