/* SPDX-License-Identifier: Apache-2.0 */
#include "control/tail.h"

#include "control/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

static void put_line(
	struct gw_tail_recent *recent, struct gw_text *t, const struct gw_event *e)
{
	struct gw_text line;

	gw_text_init(&line, recent->scratch, sizeof(recent->scratch));
	gw_event_line(&line, e);
	t->comma = false;
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "line", recent->scratch);
	gw_json_close(t, '}');
	gw_text_add(t, "\n");
}

static void put_json(
	struct gw_tail_recent *recent, struct gw_text *t, const struct gw_event *e)
{
	struct gw_text json;

	gw_text_init(&json, recent->scratch, sizeof(recent->scratch));
	gw_event_json(&json, e);
	if (json.cut) /* half an object would not parse */
		gw_text_addf(t, "{\"note\":\"event #%llu is too long to show\"}\n",
			(unsigned long long)e->seq);
	else
		gw_text_addf(t, GW_PROTOCOL_EVENT "%s}\n", recent->scratch);
}

static void release(struct gw_tail_event *live)
{
	if (live && --live->refs == 0)
		free(live);
}

static struct gw_tail_event *make_live(
	struct gw_tail_recent *recent, const struct gw_event *e)
{
	struct gw_tail_event *live;
	struct gw_text t;
	size_t n_line;

	gw_text_init(&t, recent->wrapped, sizeof(recent->wrapped));
	put_line(recent, &t, e);
	n_line = t.used;
	put_json(recent, &t, e);
	if (t.cut)
		return NULL;
	live = malloc(sizeof(*live) + t.used);
	if (!live)
		return NULL;
	*live = (struct gw_tail_event){
		.refs = 1,
		.seq = e->seq,
		.wall_ms = e->wall_ms,
		.n_line = n_line,
		.n_json = t.used - n_line,
	};
	memcpy(live->text, recent->wrapped, t.used);
	return live;
}

struct gw_tail_event *gw_tail_recent_add(
	struct gw_tail_recent *recent, const struct gw_event *event)
{
	struct gw_tail_event *live = make_live(recent, event);

	if (!live)
		return NULL;
	if (recent->n == GW_TAIL_RECENT) {
		release(recent->events[recent->first]);
		recent->first = (recent->first + 1) % GW_TAIL_RECENT;
		recent->n--;
	}
	recent->events[(recent->first + recent->n++) % GW_TAIL_RECENT] = live;
	return live;
}

uint64_t gw_tail_recent_oldest_seq(const struct gw_tail_recent *recent)
{
	return recent->n ? recent->events[recent->first]->seq : 0;
}

void gw_tail_recent_fini(struct gw_tail_recent *recent)
{
	for (; recent->n; recent->n--) {
		release(recent->events[recent->first]);
		recent->first = (recent->first + 1) % GW_TAIL_RECENT;
	}
}

/* ---- one follower ---- */

enum gw_err gw_tail_begin(struct gw_tail *t, const struct gw_tail_recent *recent,
	uint32_t last, int64_t since_ms, bool json, struct gw_error *err)
{
	*t = (struct gw_tail){.json = json, .last = last, .since_ms = since_ms};
	t->queue = calloc(GW_TAIL_QUEUE, sizeof(struct gw_tail_event *));
	if (!t->queue)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	if (last == 0)
		return GW_OK;
	for (size_t i = 0; i < recent->n; i++) {
		struct gw_tail_event *live =
			recent->events[(recent->first + i) % GW_TAIL_RECENT];

		if (live->wall_ms >= since_ms)
			gw_tail_push(t, live);
	}
	t->n_recent = t->n;
	return GW_OK;
}

bool gw_tail_push(struct gw_tail *t, struct gw_tail_event *live)
{
	if (t->n == GW_TAIL_QUEUE)
		return false;
	live->refs++;
	t->queue[(t->first + t->n++) % GW_TAIL_QUEUE] = live;
	return true;
}

static void pop(struct gw_tail *t)
{
	release(t->queue[t->first]);
	t->first = (t->first + 1) % GW_TAIL_QUEUE;
	t->n--;
	if (t->n_recent)
		t->n_recent--;
}

void gw_tail_add_history(struct gw_tail *t, struct gw_batch *history)
{
	size_t n = history && !history->failed ? history->n : 0, over;
	uint64_t known = n > 0 ? history->events[n - 1].seq : 0;

	t->history = history;
	t->at = 0;
	while (t->n && t->queue[t->first]->seq <= known)
		pop(t);
	/* Not more than `last` from before begin. Events since begin are never left out. */
	over = n + t->n_recent > t->last ? n + t->n_recent - t->last : 0;
	for (; over && t->at < n; over--)
		t->at++;
	for (; over && t->n_recent; over--)
		pop(t);
	if (t->at >= n) {
		gw_batch_free(history);
		t->history = NULL;
	}
}

/* Removes a line that did not fit. */
static bool fits(struct gw_text *t, size_t before)
{
	if (!t->cut)
		return true;
	t->used = before;
	t->at[before] = '\0';
	t->cut = false;
	return false;
}

static bool write_history(
	struct gw_tail *tail, struct gw_tail_recent *recent, struct gw_text *t)
{
	while (tail->history) {
		size_t before = t->used;

		if (tail->json)
			put_json(recent, t, &tail->history->events[tail->at]);
		else
			put_line(recent, t, &tail->history->events[tail->at]);
		if (!fits(t, before))
			return false;
		if (++tail->at == tail->history->n) {
			gw_batch_free(tail->history);
			tail->history = NULL;
		}
	}
	return true;
}

void gw_tail_write(struct gw_tail *tail, struct gw_tail_recent *recent, struct gw_text *t)
{
	if (!write_history(tail, recent, t))
		return;
	while (tail->n) {
		const struct gw_tail_event *live = tail->queue[tail->first];
		size_t before = t->used;

		if (tail->json)
			gw_text_add_n(t, live->text + live->n_line, live->n_json);
		else
			gw_text_add_n(t, live->text, live->n_line);
		if (!fits(t, before))
			return;
		pop(tail);
	}
}

void gw_tail_end(struct gw_tail *t)
{
	while (t->n)
		pop(t);
	free(t->queue);
	gw_batch_free(t->history);
	*t = (struct gw_tail){0};
}
