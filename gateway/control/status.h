/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h: the documents of `tocsin status`, `points` and `alarms`. A document is written
 * item by item (the head, one source, one point, ...), so that a list of any length needs
 * one small buffer and never blocks main.
 *
 * Owner: a cursor belongs to one client. Thread: main.
 */
#ifndef GW_CONTROL_STATUS_H
#define GW_CONTROL_STATUS_H

#include "base/clock.h"
#include "base/text.h"
#include "control/status_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_status_kind { GW_STATUS_GATEWAY, GW_STATUS_POINTS, GW_STATUS_ALARMS };

/* Position in a document. Fields are status.c's own. A zeroed cursor may be ended. */
struct gw_status_cursor {
	const struct gw_status_view *view;
	uint32_t revision; /* of the view when the document was begun */
	enum gw_status_kind kind;
	const char *pattern;
	bool all;
	bool comma;      /* the next item needs one before it */
	size_t next;     /* item */
	uint32_t *order; /* alarms: indexes, worst first */
	size_t n_order;
};

/* pattern (see base/match.h; "" for all) is for points and must outlive the cursor; all is
 * for alarms. GW_ERR_SYSTEM: no memory. */
enum gw_err gw_status_begin(struct gw_status_cursor *c, const struct gw_status_view *view,
	enum gw_status_kind kind, const char *pattern, bool all, struct gw_error *err);
/* Adds as many whole items to t as fit. True when the document is complete. An item that
 * does not fit into an empty t of GW_STATUS_ITEM_MAX bytes or more is left out. */
#define GW_STATUS_ITEM_MAX 16384
bool gw_status_write(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now);
/* The configuration was replaced since begin: the document cannot be completed. */
bool gw_status_stale(const struct gw_status_cursor *c);
void gw_status_end(struct gw_status_cursor *c);

#endif
