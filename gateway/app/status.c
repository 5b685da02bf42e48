/* SPDX-License-Identifier: Apache-2.0 */
#include "app/status.h"

#include "app/control.h"
#include "base/match.h"
#include "gw_build.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- small pieces ---- */

static void json_time(struct gw_text *t, const char *key, int64_t wall_ms)
{
	char memory[40];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	gw_text_add_time_utc(&u, wall_ms);
	gw_json_string(t, key, wall_ms == 0 ? NULL : memory);
}

/* An age in milliseconds; null for a time that never was. */
static void json_age(struct gw_text *t, const char *key, int64_t then_ns, int64_t now_ns)
{
	if (then_ns == 0)
		gw_json_null(t, key);
	else
		gw_json_int(
			t, key, now_ns > then_ns ? (now_ns - then_ns) / GW_NS_PER_MS : 0);
}

static void json_count(struct gw_text *t, const char *key, uint64_t n)
{
	gw_json_int(t, key, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

static void json_place(struct gw_text *t, const struct gw_place_info *place)
{
	gw_json_open(t, "place", '{');
	gw_json_string(t, "building", place->building);
	gw_json_string(t, "floor", place->floor);
	gw_json_string(t, "room", place->room);
	gw_json_close(t, '}');
}

static void json_occurrence(struct gw_text *t, const uint8_t uuid[16])
{
	static const uint8_t none[16];
	char memory[40];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	for (int i = 0; i < 16; i++)
		gw_text_addf(&u, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			uuid[i]);
	gw_json_string(t, "occurrence", memcmp(uuid, none, 16) ? memory : NULL);
}

/* ---- counting for the head of status ---- */

struct tally {
	uint64_t points[4]; /* good, uncertain, bad, silent */
	uint64_t samples;
	uint64_t standing, unacked, shelved, suppressed, out_of_service, levels[4];
	bool any;
	enum gw_level worst;
};

static bool unacked(unsigned state)
{
	return state == GW_STATE_ACTIVE_UNACKED || state == GW_STATE_RETURNED_UNACKED ||
		state == GW_STATE_LATCHED_UNACKED;
}

/* Shelved, suppressed and out of service: a person or the design has put it aside. */
static bool put_aside(unsigned state)
{
	return state == GW_STATE_SHELVED || state == GW_STATE_SUPPRESSED ||
		state == GW_STATE_OUT_OF_SERVICE;
}

static unsigned quality_group(unsigned q)
{
	if (q == GW_QUALITY_GOOD)
		return 0;
	if (q == GW_QUALITY_UNCERTAIN)
		return 1;
	return q == GW_QUALITY_NONE || q == GW_QUALITY_SILENT ? 3 : 2;
}

/* The points of the sources' devices: not their down points, nor those of uplinks and store. */
static void tally_points(const struct gw_app_view *v, struct tally *ret_tally)
{
	const struct gw_config *c = v->config;
	struct gw_point_view p;

	for (size_t s = 0; s < c->n_sources; s++)
		for (uint32_t i = 0; i < c->sources[s].n_points; i++) {
			gw_view_point(v->view, c->source_first_point[s] + i, &p);
			ret_tally->points[quality_group(p.quality)]++;
			ret_tally->samples += p.samples;
		}
}

static void tally_alarms(const struct gw_app_view *v, struct tally *ret_tally)
{
	struct gw_alarm_view a;

	for (size_t i = 0; i < v->config->n_alarms; i++) {
		gw_view_alarm(v->view, i, &a);
		if (a.state == GW_STATE_NORMAL)
			continue;
		ret_tally->standing++;
		ret_tally->unacked += unacked(a.state);
		ret_tally->shelved += a.state == GW_STATE_SHELVED;
		ret_tally->suppressed += a.state == GW_STATE_SUPPRESSED;
		ret_tally->out_of_service += a.state == GW_STATE_OUT_OF_SERVICE;
		ret_tally->levels[a.level & 3]++;
		if (!put_aside(a.state) &&
			(!ret_tally->any || a.level > ret_tally->worst)) {
			ret_tally->any = true;
			ret_tally->worst = a.level;
		}
	}
}

uint32_t gw_status_standing(const struct gw_app_view *view)
{
	struct tally tally = {0};

	tally_alarms(view, &tally);
	return (uint32_t)tally.standing;
}

/* ---- status: head, one piece a source, one piece an uplink, tail ---- */

static void put_summary(struct gw_text *t, const struct gw_app_view *v)
{
	struct tally tally = {0};

	tally_points(v, &tally);
	tally_alarms(v, &tally);
	gw_json_open(t, "alarms", '{');
	json_count(t, "configured", v->config->n_alarms);
	json_count(t, "standing", tally.standing);
	json_count(t, "unacked", tally.unacked);
	json_count(t, "shelved", tally.shelved);
	json_count(t, "suppressed", tally.suppressed);
	json_count(t, "out_of_service", tally.out_of_service);
	gw_json_string(t, "worst", tally.any ? gw_level_name(tally.worst) : NULL);
	for (int level = GW_LEVEL_RED; level >= GW_LEVEL_BLUE; level--)
		json_count(t, gw_level_names[level], tally.levels[level]);
	gw_json_close(t, '}');
	gw_json_open(t, "points", '{');
	json_count(t, "configured",
		tally.points[0] + tally.points[1] + tally.points[2] + tally.points[3]);
	json_count(t, "good", tally.points[0]);
	json_count(t, "uncertain", tally.points[1]);
	json_count(t, "bad", tally.points[2]);
	json_count(t, "silent", tally.points[3]);
	gw_json_close(t, '}');
	gw_json_open(t, "counters", '{');
	json_count(t, "samples", tally.samples);
	json_count(t, "last_seq", v->engine ? gw_engine_last_seq(v->engine) : 0);
	gw_json_close(t, '}');
}

static void put_store(struct gw_text *t, const struct gw_app_view *v)
{
	struct gw_store_status s;

	if (!v->store) {
		gw_json_null(t, "store");
		return;
	}
	gw_store_status(v->store, &s);
	gw_json_open(t, "store", '{');
	gw_json_string(t, "state", s.failing ? "failing" : "ok");
	gw_json_string(t, "why", s.failing ? s.why : "");
	json_count(t, "committed", s.committed);
	json_count(t, "pending", s.pending);
	json_count(t, "commits", s.commits);
	json_count(t, "rows", s.rows);
	gw_json_int(t, "file_bytes", s.file_bytes);
	gw_json_close(t, '}');
}

static void put_alert_log(struct gw_text *t, const struct gw_app_view *v)
{
	struct gw_alert_log_status s;

	if (!v->alert_log) {
		gw_json_null(t, "alert_log");
		return;
	}
	gw_alert_log_status(v->alert_log, &s);
	gw_json_open(t, "alert_log", '{');
	gw_json_string(t, "path", gw_alert_log_path(v->alert_log));
	gw_json_string(t, "state", s.failing ? "failing" : "ok");
	gw_json_string(t, "why", s.failing ? gw_errno_text(s.native) : "");
	json_count(t, "lines", s.lines);
	json_count(t, "waiting", s.waiting);
	json_count(t, "lost", s.lost);
	gw_json_close(t, '}');
}

static void put_control(struct gw_text *t, const struct gw_app_view *v)
{
	struct gw_control_status s;

	if (!v->control) {
		gw_json_null(t, "control");
		return;
	}
	gw_control_status(v->control, &s);
	gw_json_open(t, "control", '{');
	json_count(t, "clients", s.clients);
	json_count(t, "followers", s.followers);
	json_count(t, "requests", s.requests);
	json_count(t, "malformed", s.malformed);
	json_count(t, "cut", s.cut);
	json_count(t, "turned_away", s.turned_away);
	gw_json_close(t, '}');
}

static void put_head(struct gw_text *t, const struct gw_app_view *v, struct gw_time now)
{
	const struct gw_site_info *site = &v->config->site;

	gw_json_open(t, NULL, '{');
	gw_json_string(t, "gateway", site->gateway);
	gw_json_string(t, "unit", site->unit);
	gw_json_string(t, "area", site->area);
	gw_json_string(t, "grid", site->grid);
	gw_json_string(t, "version", GW_VERSION);
	gw_json_int(t, "run", v->run);
	gw_json_int(t, "uptime_ms", (now.mono_ns - v->started_ns) / GW_NS_PER_MS);
	json_time(t, "time", now.wall_ms);
	gw_json_string(t, "clock", now.synced ? "synced" : "unsynced");
	put_summary(t, v);
	put_store(t, v);
	put_alert_log(t, v);
	put_control(t, v);
}

/* A device answers if any of its points is usable. */
static void put_devices(struct gw_text *t, const struct gw_app_view *v, size_t source)
{
	const struct gw_source_opts *o = &v->config->sources[source];
	uint64_t answering = 0, usable = 0;
	struct gw_point_view p;

	for (size_t d = 0; d < o->n_devices; d++) {
		bool any = false;

		for (size_t i = 0; i < o->devices[d].n_points; i++) {
			gw_view_point(v->view,
				v->config->source_first_point[source] +
					o->devices[d].points[i].index,
				&p);
			any |= gw_quality_usable(p.quality);
			usable += (uint64_t)gw_quality_usable(p.quality);
		}
		answering += any;
	}
	json_count(t, "devices", o->n_devices);
	json_count(t, "devices_answering", answering);
	json_count(t, "points", o->n_points);
	json_count(t, "points_usable", usable);
}

static void put_source(
	struct gw_text *t, const struct gw_app_view *v, size_t i, struct gw_time now)
{
	static const char *const states[] = {
		[GW_SOURCE_STARTING] = "starting",
		[GW_SOURCE_UP] = "up",
		[GW_SOURCE_DOWN] = "down",
	};
	const struct gw_source_opts *o = &v->config->sources[i];
	struct gw_source_status s = {.state = GW_SOURCE_STARTING};

	if (v->sources && v->sources[i])
		gw_source_status(v->sources[i], &s);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "name", o->name);
	gw_json_string(t, "driver", o->driver_table->name);
	gw_json_string(t, "state", states[s.state]);
	json_age(t, "state_age_ms", s.since_ns, now.mono_ns);
	gw_json_string(t, "why", s.why);
	json_count(t, "tries", s.tries);
	put_devices(t, v, i);
	json_count(t, "samples", s.samples);
	json_count(t, "queued", s.queued);
	json_count(t, "coalesced", s.coalesced);
	for (int c = 0; c < GW_COUNT_MAX; c++)
		json_count(t, gw_count_names[c], s.counts[c]);
	gw_json_close(t, '}');
}

static const char *uplink_state(const struct gw_uplink_status *s)
{
	if (!s->tried)
		return "starting";
	return s->up ? "up" : "down";
}

static void put_uplink(
	struct gw_text *t, const struct gw_app_view *v, size_t i, struct gw_time now)
{
	const struct gw_uplink_opts *o = &v->config->uplinks[i];
	struct gw_uplink_status s = {0};

	if (v->uplinks && v->uplinks[i])
		gw_uplink_status(v->uplinks[i], &s);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "name", o->name);
	gw_json_string(t, "url", o->url);
	gw_json_string(t, "state", uplink_state(&s));
	json_age(t, "state_age_ms", s.since_ns, now.mono_ns);
	gw_json_string(t, "why", s.why);
	json_count(t, "pending", s.pending);
	gw_json_int(t, "oldest_ms", s.oldest_ms);
	json_count(t, "sent", s.sent);
	json_count(t, "retries", s.retries);
	json_count(t, "parked", s.parked);
	json_count(t, "heartbeats", s.heartbeats);
	gw_json_close(t, '}');
}

/* The lists follow the head as its last two members. */
static bool put_status(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	size_t n_sources = c->view->config->n_sources;
	size_t n_uplinks = c->view->config->n_uplinks;

	if (c->next == 0) {
		put_head(t, c->view, now);
		gw_json_open(t, "sources", '[');
	} else if (c->next <= n_sources) {
		put_source(t, c->view, c->next - 1, now);
	} else if (c->next == n_sources + 1) {
		gw_json_close(t, ']');
		gw_json_open(t, "uplinks", '[');
	} else if (c->next <= n_sources + 1 + n_uplinks) {
		put_uplink(t, c->view, c->next - n_sources - 2, now);
	} else {
		gw_json_close(t, ']');
		gw_json_close(t, '}');
		return true;
	}
	return false;
}

/* ---- points ---- */

static void put_point(
	struct gw_text *t, const struct gw_app_view *v, size_t i, struct gw_time now)
{
	const struct gw_point_info *info = &v->config->points[i];
	struct gw_point_view p;
	bool usable;

	gw_view_point(v->view, i, &p);
	usable = gw_quality_usable(p.quality);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "point", info->key);
	/* A dead device never keeps its last good value; last_value says so by its name. */
	gw_json_double(t, "value", usable ? p.value : (double)NAN);
	gw_json_string(t, "quality", gw_quality_name(p.quality));
	gw_json_string(t, "unit", info->unit_of_measure);
	json_age(t, "age_ms", p.good_ns, now.mono_ns);
	gw_json_double(t, "last_value", p.good_ns ? p.value : (double)NAN);
	json_age(t, "heard_ms", p.mono_ns, now.mono_ns);
	json_time(t, "device_time", p.device_ns / GW_NS_PER_MS);
	json_count(t, "samples", p.samples);
	gw_json_string(t, "source", info->source);
	gw_json_string(t, "device", info->device);
	gw_json_string(t, "name", info->name);
	json_place(t, &info->place);
	gw_json_close(t, '}');
}

/* Points of devices only: the gateway's own (down, parked, failing) are alarms, not readings. */
static bool shown(const struct gw_status_cursor *c, size_t i)
{
	const struct gw_point_info *info = &c->view->config->points[i];

	return *info->device && (!*c->pattern || gw_match(c->pattern, info->key));
}

static bool put_points(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	if (c->next == 0) {
		gw_json_open(t, NULL, '[');
	} else if (c->next <= c->view->config->n_points) {
		if (shown(c, c->next - 1))
			put_point(t, c->view, c->next - 1, now);
	} else {
		gw_json_close(t, ']');
		return true;
	}
	return false;
}

/* ---- alarms ---- */

static void put_alarm(struct gw_text *t, const struct gw_app_view *v, size_t i, bool all)
{
	const struct gw_alarm_info *info = &v->config->alarms[i].info;
	struct gw_alarm_view a;

	gw_view_alarm(v->view, i, &a);
	if (a.state == GW_STATE_NORMAL && !all)
		return; /* it cleared since the list was begun */
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "alarm", info->key);
	gw_json_string(t, "name", info->name);
	gw_json_string(t, "state", gw_state_name(a.state));
	gw_json_string(t, "level",
		gw_level_name(
			a.state == GW_STATE_NORMAL ? v->config->alarms[i].level : a.level));
	gw_json_string(t, "class", gw_class_name(info->class_));
	json_time(t, "since", a.since_ms);
	gw_json_double(t, "value", a.value);
	gw_json_double(t, "limit", a.limit);
	gw_json_string(t, "unit_of_measure", info->unit_of_measure);
	gw_json_string(t, "condition", info->condition);
	gw_json_double(t, "peak", a.peak);
	json_time(t, "onset", a.onset_ms);
	json_time(t, "shelved_until", a.shelved_until_ms);
	json_occurrence(t, a.occurrence);
	json_count(t, "seq", a.seq);
	json_count(t, "raised", a.raised);
	gw_json_string(t, "text", info->text);
	gw_json_string(t, "point", info->point);
	gw_json_string(t, "source", info->source);
	gw_json_string(t, "device", info->device);
	json_place(t, &info->place);
	gw_json_close(t, '}');
}

static bool put_alarms(struct gw_status_cursor *c, struct gw_text *t)
{
	if (c->next == 0) {
		gw_json_open(t, NULL, '[');
	} else if (c->next <= c->n_order) {
		put_alarm(t, c->view, c->order[c->next - 1], c->all);
	} else {
		gw_json_close(t, ']');
		return true;
	}
	return false;
}

/* What decides the order, so that sorting reads the view once for each alarm. */
struct rank {
	uint32_t alarm;
	unsigned urgency; /* higher first */
	int64_t since_ms; /* newest first */
};

static unsigned urgency(const struct gw_alarm_view *a, enum gw_class class_)
{
	unsigned group = a->state == GW_STATE_NORMAL ? 0 : put_aside(a->state) ? 1 : 2;

	return group << 6 | (a->level & 3u) << 4 | ((unsigned)class_ & 3u) << 2 |
		(unsigned)unacked(a->state);
}

static int worst_first(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->urgency != y->urgency)
		return x->urgency > y->urgency ? -1 : 1;
	if (x->since_ms != y->since_ms)
		return x->since_ms > y->since_ms ? -1 : 1;
	return x->alarm < y->alarm ? -1 : x->alarm > y->alarm;
}

static enum gw_err order_alarms(struct gw_status_cursor *c, struct gw_error *err)
{
	size_t n = c->view->config->n_alarms;
	struct rank *ranks = calloc(n + 1, sizeof(*ranks));

	c->order = calloc(n + 1, sizeof(*c->order));
	if (!ranks || !c->order) {
		free(ranks);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		struct gw_alarm_view a;

		gw_view_alarm(c->view->view, i, &a);
		if (a.state == GW_STATE_NORMAL && !c->all)
			continue;
		ranks[c->n_order++] = (struct rank){
			.alarm = (uint32_t)i,
			.urgency = urgency(&a, c->view->config->alarms[i].info.class_),
			.since_ms = a.since_ms,
		};
	}
	qsort(ranks, c->n_order, sizeof(*ranks), worst_first);
	for (size_t i = 0; i < c->n_order; i++)
		c->order[i] = ranks[i].alarm;
	free(ranks);
	return GW_OK;
}

/* ---- the cursor ---- */

enum gw_err gw_status_begin(struct gw_status_cursor *c, const struct gw_app_view *view,
	enum gw_status_kind kind, const char *pattern, bool all, struct gw_error *err)
{
	*c = (struct gw_status_cursor){
		.view = view,
		.generation = view->generation,
		.kind = kind,
		.pattern = pattern,
		.all = all,
	};
	if (kind == GW_STATUS_ALARMS && order_alarms(c, err)) {
		gw_status_end(c);
		return GW_ERR_SYSTEM;
	}
	return GW_OK;
}

static bool put_next(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
{
	switch (c->kind) {
	case GW_STATUS_GATEWAY: return put_status(c, t, now);
	case GW_STATUS_POINTS: return put_points(c, t, now);
	case GW_STATUS_ALARMS: return put_alarms(c, t);
	}
	return true;
}

bool gw_status_more(struct gw_status_cursor *c, struct gw_text *t, struct gw_time now)
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
		if (before > 0 || t->size < GW_STATUS_PIECE)
			break;
		/* Alone and yet too long: leave it out rather than never end. */
		t->cut = false;
		c->next++;
	}
	t->cut = false;
	c->comma = t->comma;
	return done;
}

bool gw_status_stale(const struct gw_status_cursor *c)
{
	return c->view && c->generation != c->view->generation;
}

void gw_status_end(struct gw_status_cursor *c)
{
	free(c->order);
	*c = (struct gw_status_cursor){0};
}
