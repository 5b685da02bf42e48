/* SPDX-License-Identifier: Apache-2.0 */
/*
 * point_names.h: the points that occur in the files, each once: key -> small index. A poller writes
 * its points in the same order round after round, so the name that came after this one last
 * time is tried first; only when it is another one is anything hashed.
 *
 * Owner: the caller. Thread: one. Life: zeroed, find..., fini.
 */
#ifndef GW_REPLAY_POINT_NAMES_H
#define GW_REPLAY_POINT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define GW_POINT_NAMES_MAX  1000000 /* so that a broken file cannot eat the machine */
#define GW_POINT_NAMES_NONE UINT32_MAX

struct gw_point_name {
	char *text; /* NUL-terminated */
	uint32_t length, hash;
	uint32_t next; /* what came after it last, or GW_NAMES_NONE */
};

struct gw_point_names {
	struct gw_point_name *at;
	uint32_t n, cap;
	uint32_t *slots; /* index + 1, 0: free */
	uint32_t n_slots, last;
};

/* n bytes; GW_NAMES_NONE if it is not there yet. */
uint32_t gw_point_names_find(struct gw_point_names *s, const char *text, size_t n);
/* Not there yet. GW_NAMES_NONE: no memory, or too many. */
uint32_t gw_point_names_add(struct gw_point_names *s, const char *text, size_t n);
void gw_point_names_fini(struct gw_point_names *s); /* twice is fine */

#endif
