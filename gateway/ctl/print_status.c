/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print_status.h"

#include "base/text.h"
#include "ctl/json_cell.h"
#include "term/table.h"

#include <string.h>

static void field(FILE *out, const char *name)
{
	fprintf(out, "  %-10s ", name);
}

static void print_alarm_counts(FILE *out, const json_t *a, bool colour)
{
	static const char *const levels[] = {"red", "orange", "yellow", "blue"};
	char memory[64];
	bool any = false;

	field(out, "alarms");
	if (gw_json_cell_int(a, "standing") == 0) {
		gw_table_text(out, colour, GW_STYLE_GREEN, "none standing");
		fprintf(out, " of %lld configured\n", gw_json_cell_int(a, "configured"));
		return;
	}
	fprintf(out, "%lld standing (", gw_json_cell_int(a, "standing"));
	for (size_t i = 0; i < 4; i++) {
		if (gw_json_cell_int(a, levels[i]) == 0)
			continue;
		fputs(any ? ", " : "", out);
		snprintf(memory, sizeof(memory), "%lld %s", gw_json_cell_int(a, levels[i]),
			levels[i]);
		gw_table_text(out, colour, gw_table_level_style(levels[i]), memory);
		any = true;
	}
	fprintf(out, "), %lld unacknowledged, %lld shelved", gw_json_cell_int(a, "unacked"),
		gw_json_cell_int(a, "shelved"));
	if (gw_json_cell_int(a, "suppressed"))
		fprintf(out, ", %lld suppressed", gw_json_cell_int(a, "suppressed"));
	if (gw_json_cell_int(a, "out_of_service"))
		fprintf(out, ", %lld out of service",
			gw_json_cell_int(a, "out_of_service"));
	fputc('\n', out);
}

static void print_point_counts(FILE *out, const json_t *p)
{
	field(out, "points");
	fprintf(out, "%lld: %lld good, %lld uncertain, %lld bad, %lld silent\n",
		gw_json_cell_int(p, "configured"), gw_json_cell_int(p, "good"),
		gw_json_cell_int(p, "uncertain"), gw_json_cell_int(p, "bad"),
		gw_json_cell_int(p, "silent"));
}

/* "ok", or FAILING in red and why. */
static void print_health(FILE *out, const json_t *o, bool colour)
{
	if (strcmp(gw_json_cell_text(o, "state"), "ok") == 0) {
		fputs("ok", out);
		return;
	}
	gw_table_text(out, colour, GW_STYLE_RED, "FAILING");
	fputs(" (", out);
	gw_table_text(out, false, GW_STYLE_PLAIN, gw_json_cell_text(o, "why"));
	fputs(")", out);
}

/* A disk that does not answer gives no reason; its age is what there is to say. */
static void print_store_state(FILE *out, const json_t *s, bool colour)
{
	const char *state = gw_json_cell_text(s, "state");
	struct gw_json_cell age;

	if (strcmp(state, "stalled") == 0) {
		gw_table_text(out, colour, GW_STYLE_RED, "STALLED");
		fprintf(out, " (nothing committed for %s)",
			gw_json_cell_age(&age, s, "oldest_uncommitted_ms"));
	} else if (strcmp(state, "opening") == 0) {
		gw_table_text(out, colour, GW_STYLE_YELLOW, "opening");
	} else {
		print_health(out, s, colour);
	}
}

/* Alerts owed to uplinks that are no longer configured. */
static void print_removed_uplinks(FILE *out, const json_t *names)
{
	const json_t *v;
	size_t i;

	json_array_foreach(names, i, v)
	{
		field(out, "");
		fprintf(out, "%lld alerts are owed to ",
			gw_json_cell_int(v, "owed") + gw_json_cell_int(v, "parked"));
		gw_table_text(out, false, GW_STYLE_PLAIN, gw_json_cell_text(v, "name"));
		fputs(", which is no longer configured (tocsin resend --uplink NAME)\n",
			out);
	}
}

static void print_store(FILE *out, const json_t *s, bool colour)
{
	if (!json_is_object(s))
		return;
	field(out, "store");
	print_store_state(out, s, colour);
	fprintf(out, ", %lld rows in %.1f MiB, %lld to be committed",
		gw_json_cell_int(s, "rows"),
		(double)gw_json_cell_int(s, "file_bytes") / (1024.0 * 1024.0),
		gw_json_cell_int(s, "pending"));
	if (gw_json_cell_int(s, "lost") > 0)
		fprintf(out, ", %lld lost", gw_json_cell_int(s, "lost"));
	fputs("\n", out);
	print_removed_uplinks(out, json_object_get(s, "vanished"));
}

static void print_alert_log(FILE *out, const json_t *l, bool colour)
{
	if (!json_is_object(l))
		return;
	field(out, "alert log");
	print_health(out, l, colour);
	fprintf(out, ", %lld lines in ", gw_json_cell_int(l, "lines"));
	gw_table_text(out, false, GW_STYLE_PLAIN, gw_json_cell_text(l, "path"));
	if (gw_json_cell_int(l, "waiting") > 0)
		fprintf(out, ", %lld wait", gw_json_cell_int(l, "waiting"));
	if (gw_json_cell_int(l, "lost") > 0)
		fprintf(out, ", %lld lost", gw_json_cell_int(l, "lost"));
	fputs("\n", out);
}

/* The daemon's own log: only if it is blocked or lines were lost. */
static void print_log(FILE *out, const json_t *l, bool colour)
{
	bool blocked = strcmp(gw_json_cell_text(l, "state"), "blocked") == 0;

	if (!blocked && gw_json_cell_int(l, "lost") == 0)
		return;
	field(out, "log");
	if (blocked)
		gw_table_text(out, colour, GW_STYLE_RED, "BLOCKED (nobody reads stderr), ");
	fprintf(out, "%lld lines lost\n", gw_json_cell_int(l, "lost"));
}

/* Threads that work beat at least that often. */
#define BEAT_MAX_MS 5000

static void print_threads(FILE *out, const json_t *r, bool colour)
{
	struct gw_json_cell c;

	if (gw_json_cell_int(r, "oldest_beat_ms") <= BEAT_MAX_MS)
		return;
	field(out, "threads");
	gw_table_text(
		out, colour, GW_STYLE_RED, gw_json_cell_text(r, "oldest_beat_thread"));
	fprintf(out, " has not moved for %s\n", gw_json_cell_age(&c, r, "oldest_beat_ms"));
}

static void print_head(FILE *out, const json_t *r, bool colour)
{
	const json_t *counters = json_object_get(r, "counters");
	bool synced = strcmp(gw_json_cell_text(r, "clock"), "synced") == 0;
	struct gw_json_cell c;

	gw_table_text(out, colour, GW_STYLE_BOLD, gw_json_cell_text(r, "gateway"));
	fputs("  ", out);
	gw_table_text(out, false, GW_STYLE_PLAIN, gw_json_cell_text(r, "unit"));
	fputs("\n", out);
	field(out, "tocsind");
	gw_table_text(out, false, GW_STYLE_PLAIN, gw_json_cell_text(r, "version"));
	fprintf(out, ", run %lld, up %s, clock ", gw_json_cell_int(r, "run"),
		gw_json_cell_age(&c, r, "uptime_ms"));
	gw_table_text(out, colour, synced ? GW_STYLE_PLAIN : GW_STYLE_YELLOW,
		gw_json_cell_text(r, "clock"));
	fputs("\n", out);
	print_alarm_counts(out, json_object_get(r, "alarms"), colour);
	print_point_counts(out, json_object_get(r, "points"));
	field(out, "counters");
	fprintf(out, "%lld samples, last event #%lld",
		gw_json_cell_int(counters, "samples"),
		gw_json_cell_int(counters, "last_seq"));
	if (gw_json_cell_int(counters, "events_lost") > 0)
		fprintf(out, ", %lld events lost",
			gw_json_cell_int(counters, "events_lost"));
	fputs("\n", out);
	print_store(out, json_object_get(r, "store"), colour);
	print_alert_log(out, json_object_get(r, "alert_log"), colour);
	print_threads(out, r, colour);
	print_log(out, json_object_get(r, "log"), colour);
}

static enum gw_style state_style(const char *state)
{
	if (strcmp(state, "up") == 0)
		return GW_STYLE_GREEN;
	return strcmp(state, "down") == 0 ? GW_STYLE_RED : GW_STYLE_YELLOW;
}

/* What is wrong now, and counters of faults that are not 0. */
static const char *source_note(struct gw_json_cell *c, const json_t *source)
{
	static const char *const counts[][2] = {
		{"timeouts", "timeouts"},
		{"bad_frames", "bad frames"},
		{"refused", "refused"},
		{"unknown_topics", "unknown topics"},
		{"duplicates", "duplicates"},
		{"damaged", "damaged"},
		{"too_long", "too long"},
		{"sessions_dropped", "sessions dropped"},
		{"coalesced", "coalesced"},
		{"unsettled", "unsettled"},
	};
	const char *why = gw_json_cell_text(source, "why");
	struct gw_text t;

	gw_text_init(&t, c->at, sizeof(c->at));
	gw_text_add(&t, why);
	if (*why && gw_json_cell_int(source, "tries") > 1)
		gw_text_addf(&t, " (%lld tries)", gw_json_cell_int(source, "tries"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (gw_json_cell_int(source, counts[i][0]) > 0)
			gw_text_addf(&t, "%s%lld %s", t.used ? ", " : "",
				gw_json_cell_int(source, counts[i][0]), counts[i][1]);
	return c->at;
}

static void print_sources(FILE *out, const json_t *sources, bool colour)
{
	static const char *const heads[] = {"SOURCE", "DRIVER", "STATE", ">SINCE",
		">DEVICES", ">POINTS", ">SAMPLES", "NOTE"};
	struct gw_text_table table;
	struct gw_json_cell c;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(sources, i, o)
	{
		const char *state = gw_json_cell_text(o, "state");

		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "name"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "driver"));
		gw_table_cell(&table, state_style(state), "%s", state);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s",
			gw_json_cell_age(&c, o, "state_age_ms"));
		gw_table_cell(&table,
			gw_json_cell_int(o, "devices_answering") <
					gw_json_cell_int(o, "devices")
				? GW_STYLE_YELLOW
				: GW_STYLE_PLAIN,
			"%lld/%lld", gw_json_cell_int(o, "devices_answering"),
			gw_json_cell_int(o, "devices"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%lld/%lld",
			gw_json_cell_int(o, "points_usable"),
			gw_json_cell_int(o, "points"));
		gw_table_cell(
			&table, GW_STYLE_PLAIN, "%lld", gw_json_cell_int(o, "samples"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", source_note(&c, o));
	}
	fputs("\n", out);
	if (table.n)
		gw_table_print(&table, out, colour);
	else
		fputs("no sources configured\n", out);
	gw_table_fini(&table);
}

static void print_uplinks(FILE *out, const json_t *uplinks, bool colour)
{
	static const char *const heads[] = {"UPLINK", "STATE", ">SINCE", ">PENDING",
		">OLDEST", ">SENT", ">RETRIES", ">PARKED", "NOTE"};
	struct gw_text_table table;
	struct gw_json_cell c;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(uplinks, i, o)
	{
		const char *state = gw_json_cell_text(o, "state");
		bool owes = gw_json_cell_int(o, "pending") > 0;

		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "name"));
		gw_table_cell(&table, state_style(state), "%s", state);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s",
			gw_json_cell_age(&c, o, "state_age_ms"));
		gw_table_cell(&table, owes ? GW_STYLE_YELLOW : GW_STYLE_PLAIN, "%lld",
			gw_json_cell_int(o, "pending"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s",
			owes ? gw_json_cell_age(&c, o, "oldest_ms") : "");
		gw_table_cell(&table, GW_STYLE_PLAIN, "%lld", gw_json_cell_int(o, "sent"));
		gw_table_cell(
			&table, GW_STYLE_PLAIN, "%lld", gw_json_cell_int(o, "retries"));
		gw_table_cell(&table,
			gw_json_cell_int(o, "parked") ? GW_STYLE_RED : GW_STYLE_PLAIN,
			"%lld", gw_json_cell_int(o, "parked"));
		if (gw_json_cell_int(o, "lost") > 0)
			gw_table_cell(&table, GW_STYLE_RED, "%lld lost%s%s",
				gw_json_cell_int(o, "lost"),
				*gw_json_cell_text(o, "why") ? "; " : "",
				gw_json_cell_text(o, "why"));
		else
			gw_table_cell(
				&table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "why"));
	}
	fputs("\n", out);
	if (table.n)
		gw_table_print(&table, out, colour);
	else
		fputs("no uplinks configured: alarms stay in this box\n", out);
	gw_table_fini(&table);
}

void gw_print_status(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	bool colour = opts->colour;

	print_head(out, result, colour);
	print_sources(out, json_object_get(result, "sources"), colour);
	print_uplinks(out, json_object_get(result, "uplinks"), colour);
}
