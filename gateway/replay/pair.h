/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair.h: what one configuration raised beside what another did. Raises of the same alarm that
 * overlap are one incident told twice; so are the nearest two of those that are left over, if
 * no more than GW_PAIR_APART_MS lies between them.
 *
 * Thread: any. Pure but for the memory of the result.
 */
#ifndef GW_REPLAY_PAIR_H
#define GW_REPLAY_PAIR_H

#include "replay/run.h"

#define GW_PAIR_APART_MS INT64_C(600000)

enum gw_pair_kind {
	GW_PAIR_ADDED = 0,
	GW_PAIR_GONE,
	GW_PAIR_EARLIER,
	GW_PAIR_LATER,
	GW_PAIR_SAME,
	GW_PAIR_KINDS,
};
extern const char *const gw_pair_names[]; /* "added" ... */

struct gw_pair {
	enum gw_pair_kind kind;
	const struct gw_raise *now, *was; /* NULL: added, gone */
	int64_t by_ms;                    /* earlier, later: > 0 */
};

struct gw_pairs {
	struct gw_pair *at; /* in order of time */
	size_t n;
	size_t count[GW_PAIR_KINDS];
};

/* The raises of both must be ended. GW_ERR_SYSTEM: no memory. */
enum gw_err gw_pairs_make(const struct gw_run *now, const struct gw_run *was,
	struct gw_pairs *ret_pairs, struct gw_error *err);
void gw_pairs_free(struct gw_pairs *p); /* zeroed or twice is fine */

#endif
