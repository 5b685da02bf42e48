/* SPDX-License-Identifier: Apache-2.0 */
#include "app/retire.h"

#include "app/gateway_internal.h"
#include "base/log.h"
#include "conf/load.h"

#include <stdlib.h>

#define POLL_NS (10 * GW_NS_PER_MS)
/* The old source must close a bus before the new one opens it. */
#define SOURCES_WAIT_NS (5 * GW_NS_PER_SEC)
/* Two uplinks to one platform at once may send an event twice, which is allowed. */
#define UPLINKS_WAIT_NS (500 * GW_NS_PER_MS)
#define SLOW_POLL_NS    GW_NS_PER_SEC

static struct gw_thread *thread_of(const struct gw_retired_part *p)
{
	return p->source ? gw_source_thread(p->source) : gw_uplink_thread(p->uplink);
}

static void free_part(struct gw_gateway *g, struct gw_retired_part *p)
{
	if (p->source) {
		gw_source_free(p->source);
	} else {
		gw_uplink_join(p->uplink);
		gw_store_detach_uplink(g->store, p->slot);
		gw_uplink_free(p->uplink);
	}
	free(p);
}

void gw_retire_count(const struct gw_gateway *g, size_t *ret_sources, size_t *ret_uplinks)
{
	*ret_sources = *ret_uplinks = 0;
	for (const struct gw_retired_part *p = g->retired; p; p = p->next)
		++*(p->source ? ret_sources : ret_uplinks);
}

static void free_ended(struct gw_gateway *g)
{
	for (struct gw_retired_part **at = &g->retired; *at;) {
		struct gw_retired_part *p = *at;

		if (!gw_thread_ended(thread_of(p))) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		gw_log(GW_LOG_DEBUG, "reload: thread %s has ended", thread_of(p)->name);
		free_part(g, p);
	}
}

static void on_timer(void *arg, int64_t now_ns)
{
	struct gw_gateway *g = arg;
	int64_t waited_ns = now_ns - g->retire_began_ns;
	size_t sources, uplinks;

	free_ended(g);
	gw_retire_count(g, &sources, &uplinks);
	for (size_t i = 0; i < g->parts.n_sources; i++)
		if (sources == 0 || waited_ns >= SOURCES_WAIT_NS)
			gw_thread_release(gw_source_thread(g->parts.sources[i]));
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		if (uplinks == 0 || waited_ns >= UPLINKS_WAIT_NS)
			gw_thread_release(gw_uplink_thread(g->parts.uplinks[i]));
	if (g->retired)
		gw_loop_arm(&g->loop, &g->retire_timer,
			now_ns +
				(waited_ns < 2 * SOURCES_WAIT_NS ? POLL_NS : SLOW_POLL_NS));
}

void gw_retire_begin(struct gw_gateway *g, struct gw_reload_plan *p)
{
	struct gw_retired_part **end = &g->retired;

	while (*end)
		end = &(*end)->next;
	*end = p->retired;
	for (; *end; end = &(*end)->next)
		if ((*end)->uplink)
			gw_uplink_request_stop((*end)->uplink);
	p->retired = NULL;
	g->retire_began_ns = gw_clock_boot_ns();
	gw_loop_disarm(&g->loop, &g->retire_timer);
	g->retire_timer = (struct gw_loop_timer){.fire = on_timer, .arg = g};
	on_timer(g, g->retire_began_ns);
}

bool gw_retire_end(struct gw_gateway *g)
{
	bool all = true;

	gw_loop_disarm(&g->loop, &g->retire_timer);
	while (g->retired) {
		struct gw_retired_part *p = g->retired;

		g->retired = p->next;
		if (p->uplink || gw_thread_ended(thread_of(p)))
			free_part(g, p);
		else
			all = false;
	}
	return all;
}
