/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status.h"

#include "control/status_alarms.h"
#include "control/status_gateway.h"
#include "control/status_points.h"

#include <stdlib.h>

enum gw_err gw_status_begin(struct gw_status_cursor *c, const struct gw_status_view *view,
	enum gw_status_kind kind, const char *pattern, bool all, struct gw_error *err)
{
	*c = (struct gw_status_cursor){
		.view = view,
		.revision = view->revision,
		.kind = kind,
		.pattern = pattern,
		.all = all,
	};
	if (kind != GW_STATUS_ALARMS)
		return GW_OK;
	return gw_status_alarms_order(view, all, &c->order, &c->n_order, err);
}

static bool put_next(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	switch (c->kind) {
	case GW_STATUS_GATEWAY: return gw_status_gateway_write(c->view, c->next, t, now);
	case GW_STATUS_POINTS:
		return gw_status_points_write(c->view, c->pattern, c->next, t, now);
	case GW_STATUS_ALARMS:
		return gw_status_alarms_write(
			c->view, c->order, c->n_order, c->all, c->next, t);
	}
	return true;
}

bool gw_status_write(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	bool done = false;

	t->comma = c->comma;
	while (!done && !t->cut) {
		size_t before = t->used;
		bool comma = t->comma;

		done = put_next(c, t, now);
		if (!t->cut) {
			c->next++;
			continue;
		}
		t->used = before;
		t->at[before] = '\0';
		t->comma = comma;
		done = false;
		if (before > 0 || t->size < GW_STATUS_ITEM_MAX)
			break;
		/* An item too long for an empty buffer would never be sent. */
		t->cut = false;
		c->next++;
	}
	t->cut = false;
	c->comma = t->comma;
	return done;
}

bool gw_status_stale(const struct gw_status_cursor *c)
{
	return c->view && c->revision != c->view->revision;
}

void gw_status_end(struct gw_status_cursor *c)
{
	free(c->order);
	*c = (struct gw_status_cursor){0};
}
