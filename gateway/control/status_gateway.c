/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status_gateway.h"

#include "base/log_writer.h"
#include "control/json_fields.h"
#include "gw_build.h"

/* ---- counting for the head ---- */

struct tally {
	uint64_t points[4]; /* good, uncertain, bad, silent */
	uint64_t samples;   /* falls when a point is removed or its counter wraps */
	uint64_t standing, unacked, shelved, suppressed, out_of_service, levels[4];
	bool any;
	enum gw_level worst;
};

static unsigned quality_group(unsigned q)
{
	if (q == GW_QUALITY_GOOD)
		return 0;
	if (gw_quality_usable(q))
		return 1;
	return q == GW_QUALITY_NONE || q == GW_QUALITY_SILENT ? 3 : 2;
}

/* Only points of devices: not those of sources, uplinks and the store. */
static void tally_points(const struct gw_status_view *v, struct tally *ret_tally)
{
	const struct gw_config *c = v->config;
	struct gw_point_view p;

	for (size_t s = 0; s < c->n_sources; s++)
		for (uint32_t i = 0; i < c->sources[s].n_points; i++) {
			gw_view_point(v->engine_view, c->source_first_point[s] + i, &p);
			ret_tally->points[quality_group(p.quality)]++;
			ret_tally->samples += p.samples;
		}
}

static void tally_alarms(const struct gw_status_view *v, struct tally *ret_tally)
{
	struct gw_alarm_view a;

	for (size_t i = 0; i < v->config->n_alarms; i++) {
		gw_view_alarm(v->engine_view, i, &a);
		if (a.state == GW_STATE_NORMAL)
			continue;
		ret_tally->standing++;
		ret_tally->unacked += gw_state_unacked(a.state);
		ret_tally->shelved += a.state == GW_STATE_SHELVED;
		ret_tally->suppressed += a.state == GW_STATE_SUPPRESSED;
		ret_tally->out_of_service += a.state == GW_STATE_OUT_OF_SERVICE;
		ret_tally->levels[a.level & 3]++;
		if (!gw_state_any_suppression(a.state) &&
			(!ret_tally->any || a.level > ret_tally->worst)) {
			ret_tally->any = true;
			ret_tally->worst = a.level;
		}
	}
}

/* ---- items: the head, each source, each uplink, the end ---- */

static void put_summary(struct gw_text *t, const struct gw_status_view *v)
{
	struct tally tally = {0};

	tally_points(v, &tally);
	tally_alarms(v, &tally);
	gw_json_open(t, "alarms", '{');
	gw_json_fields_count(t, "configured", v->config->n_alarms);
	gw_json_fields_count(t, "standing", tally.standing);
	gw_json_fields_count(t, "unacked", tally.unacked);
	gw_json_fields_count(t, "shelved", tally.shelved);
	gw_json_fields_count(t, "suppressed", tally.suppressed);
	gw_json_fields_count(t, "out_of_service", tally.out_of_service);
	gw_json_string(t, "worst", tally.any ? gw_level_name(tally.worst) : NULL);
	for (int level = GW_LEVEL_RED; level >= GW_LEVEL_BLUE; level--)
		gw_json_fields_count(t, gw_level_names[level], tally.levels[level]);
	gw_json_close(t, '}');
	gw_json_open(t, "points", '{');
	gw_json_fields_count(t, "configured",
		tally.points[0] + tally.points[1] + tally.points[2] + tally.points[3]);
	gw_json_fields_count(t, "good", tally.points[0]);
	gw_json_fields_count(t, "uncertain", tally.points[1]);
	gw_json_fields_count(t, "bad", tally.points[2]);
	gw_json_fields_count(t, "silent", tally.points[3]);
	gw_json_close(t, '}');
	gw_json_open(t, "counters", '{');
	gw_json_fields_count(t, "samples", tally.samples);
	gw_json_fields_count(t, "last_seq", v->engine ? gw_engine_last_seq(v->engine) : 0);
	gw_json_fields_count(t, "events_lost", v->events_lost);
	gw_json_close(t, '}');
}

static const char *store_state(
	const struct gw_status_view *v, const struct gw_store_status *s)
{
	if (s->failing)
		return "failing";
	if (v->store_stalled)
		return "stalled";
	return s->opening ? "opening" : "ok";
}

static void put_store(struct gw_text *t, const struct gw_status_view *v, struct gw_time now)
{
	struct gw_store_status s;

	if (!v->store) {
		gw_json_null(t, "store");
		return;
	}
	gw_store_status(v->store, &s);
	gw_json_open(t, "store", '{');
	gw_json_string(t, "state", store_state(v, &s));
	gw_json_string(t, "why", s.failing ? s.why : "");
	gw_json_string(t, "folder", gw_store_folder(v->store));
	gw_json_bool(t, "replaced", s.replaced);
	gw_json_int(t, "oldest_uncommitted_ms",
		v->uncommitted_since_ns
			? (now.boot_ns - v->uncommitted_since_ns) / GW_NS_PER_MS
			: 0);
	gw_json_fields_count(t, "committed", s.committed);
	gw_json_fields_count(t, "pending", s.pending);
	gw_json_fields_count(t, "commits", s.commits);
	gw_json_fields_count(
		t, "lost", s.lost + gw_status_view_lost(v, gw_store_events(v->store)));
	gw_json_fields_count(t, "rows", s.rows);
	gw_json_int(t, "file_bytes", s.file_bytes);
	gw_json_open(t, "vanished", '[');
	for (size_t i = 0; i < s.n_removed_uplinks; i++) {
		gw_json_open(t, NULL, '{');
		gw_json_string(t, "name", s.removed_uplinks[i].name);
		gw_json_fields_count(t, "owed", s.removed_uplinks[i].owed);
		gw_json_fields_count(t, "parked", s.removed_uplinks[i].parked);
		gw_json_close(t, '}');
	}
	gw_json_close(t, ']');
	gw_json_close(t, '}');
}

static void put_alert_log(struct gw_text *t, const struct gw_status_view *v)
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
	gw_json_fields_count(t, "lines", s.lines);
	gw_json_fields_count(t, "waiting", s.waiting);
	gw_json_fields_count(t, "lost",
		s.lost + gw_status_view_lost(v, gw_alert_log_events(v->alert_log)));
	gw_json_close(t, '}');
}

static void put_log(struct gw_text *t)
{
	gw_json_open(t, "log", '{');
	gw_json_string(t, "state", gw_log_writer_blocked() ? "blocked" : "ok");
	gw_json_fields_count(t, "lost", gw_log_writer_lost());
	gw_json_close(t, '}');
}

static void put_control(struct gw_text *t, const struct gw_status_view *v)
{
	const struct gw_server_counts *s = v->control;

	if (!s) {
		gw_json_null(t, "control");
		return;
	}
	gw_json_open(t, "control", '{');
	gw_json_fields_count(t, "clients", s->clients);
	gw_json_fields_count(t, "followers", s->followers);
	gw_json_fields_count(t, "requests", s->requests);
	gw_json_fields_count(t, "malformed", s->malformed);
	gw_json_fields_count(t, "cut", s->cut);
	gw_json_fields_count(t, "turned_away", s->turned_away);
	gw_json_close(t, '}');
}

static void put_head(struct gw_text *t, const struct gw_status_view *v, struct gw_time now)
{
	const struct gw_site_info *site = &v->config->site;

	gw_json_open(t, NULL, '{');
	gw_json_string(t, "gateway", site->gateway);
	gw_json_string(t, "unit", site->unit);
	gw_json_string(t, "area", site->area);
	gw_json_string(t, "grid", site->grid);
	gw_json_string(t, "version", GW_VERSION);
	gw_json_int(t, "run", (int64_t)v->run);
	gw_json_int(t, "uptime_ms", (now.boot_ns - v->started_ns) / GW_NS_PER_MS);
	gw_json_fields_time(t, "time", now.wall_ms);
	gw_json_string(t, "clock", now.synced ? "synced" : "unsynced");
	gw_json_string(t, "oldest_beat_thread", v->oldest_beat_thread);
	gw_json_int(t, "oldest_beat_ms", v->oldest_beat_ms);
	put_summary(t, v);
	put_store(t, v, now);
	put_alert_log(t, v);
	put_log(t);
	put_control(t, v);
}

/* A device answers if at least one of its points is usable. */
static void put_devices(struct gw_text *t, const struct gw_status_view *v, size_t source)
{
	const struct gw_source_opts *o = &v->config->sources[source];
	uint64_t answering = 0, usable = 0;
	struct gw_point_view p;

	for (size_t d = 0; d < o->n_devices; d++) {
		bool any = false;

		for (size_t i = 0; i < o->devices[d].n_points; i++) {
			gw_view_point(v->engine_view,
				v->config->source_first_point[source] +
					o->devices[d].points[i].index,
				&p);
			any |= gw_quality_usable(p.quality);
			usable += (uint64_t)gw_quality_usable(p.quality);
		}
		answering += any;
	}
	gw_json_fields_count(t, "devices", o->n_devices);
	gw_json_fields_count(t, "devices_answering", answering);
	gw_json_fields_count(t, "points", o->n_points);
	gw_json_fields_count(t, "points_usable", usable);
}

static void put_source(
	struct gw_text *t, const struct gw_status_view *v, size_t i, struct gw_time now)
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
	gw_json_fields_age(t, "state_age_ms", s.since_ns, now.boot_ns);
	gw_json_string(t, "why", s.why);
	gw_json_fields_count(t, "tries", s.tries);
	put_devices(t, v, i);
	gw_json_fields_count(t, "samples", s.samples);
	gw_json_fields_count(t, "queued", s.queued);
	gw_json_fields_count(t, "coalesced", s.coalesced);
	for (int c = 0; c < GW_COUNT_MAX; c++)
		gw_json_fields_count(t, gw_count_names[c], s.counts[c]);
	gw_json_close(t, '}');
}

static const char *uplink_state(const struct gw_uplink_status *s)
{
	if (!s->tried)
		return "starting";
	return s->up ? "up" : "down";
}

static void put_uplink(
	struct gw_text *t, const struct gw_status_view *v, size_t i, struct gw_time now)
{
	const struct gw_uplink_opts *o = &v->config->uplinks[i];
	struct gw_uplink_status s = {0};

	if (v->uplinks && v->uplinks[i])
		gw_uplink_status(v->uplinks[i], &s);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "name", o->name);
	gw_json_string(t, "url", o->url);
	gw_json_string(t, "state", uplink_state(&s));
	gw_json_fields_age(t, "state_age_ms", s.since_ns, now.boot_ns);
	gw_json_string(t, "why", s.why);
	gw_json_fields_count(t, "pending", s.pending);
	gw_json_int(t, "oldest_ms", s.oldest_ms);
	gw_json_fields_count(t, "sent", s.sent);
	gw_json_fields_count(t, "retries", s.retries);
	gw_json_fields_count(t, "parked", s.parked);
	gw_json_fields_count(t, "heartbeats", s.heartbeats);
	gw_json_fields_count(t, "lost",
		v->uplinks && v->uplinks[i]
			? gw_status_view_lost(v, gw_uplink_events(v->uplinks[i]))
			: 0);
	gw_json_close(t, '}');
}

/* The two lists are the last fields of the head's object. */
bool gw_status_gateway_write(
	const struct gw_status_view *v, size_t item, struct gw_text *t, struct gw_time now)
{
	size_t n_sources = v->config->n_sources, n_uplinks = v->config->n_uplinks;

	if (item == 0) {
		put_head(t, v, now);
		gw_json_open(t, "sources", '[');
	} else if (item <= n_sources) {
		put_source(t, v, item - 1, now);
	} else if (item == n_sources + 1) {
		gw_json_close(t, ']');
		gw_json_open(t, "uplinks", '[');
	} else if (item <= n_sources + 1 + n_uplinks) {
		put_uplink(t, v, item - n_sources - 2, now);
	} else {
		gw_json_close(t, ']');
		gw_json_close(t, '}');
		return true;
	}
	return false;
}
