/* SPDX-License-Identifier: Apache-2.0 */
/*
 * point_names.h: the keys of the points in the files -> small indexes. Pollers write
 * their points in the same order again and again: the key that followed the last one
 * before is compared first, and only if it differs is a hash needed.
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
	uint32_t next; /* what came after it last, or GW_POINT_NAMES_NONE */
};

struct gw_point_names {
	struct gw_point_name *at;
	uint32_t n, cap;
	uint32_t *buckets; /* index + 1, 0: free */
	uint32_t n_buckets, last;
};

/* n bytes; GW_POINT_NAMES_NONE if it is not there yet. */
uint32_t gw_point_names_find(struct gw_point_names *names, const char *text, size_t n);
/* Not there yet. GW_POINT_NAMES_NONE: no memory, or too many. */
uint32_t gw_point_names_add(struct gw_point_names *names, const char *text, size_t n);
void gw_point_names_fini(struct gw_point_names *names); /* twice is fine */

#endif
