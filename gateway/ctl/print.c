/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include "base/text.h"
#include "term/table.h"
#include "term/time_arg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading the documents ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static bool is_number(const json_t *o, const char *key)
{
	return json_is_number(json_object_get(o, key));
}

/* Texts made for one cell; used at once. */
struct cell_text {
	char at[160];
};

/* As many digits as a person reads; --json has all of them. */
static double readable(double v)
{
	char memory[40];

	if (v > 1e6 || v < -1e6)
		return v;
	snprintf(memory, sizeof(memory), "%.6g", v);
	return strtod(memory, NULL);
}

static const char *number(struct cell_text *s, const json_t *o, const char *key)
{
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	if (is_number(o, key))
		gw_text_add_double(
			&t, readable(json_number_value(json_object_get(o, key))));
	return s->at;
}

static const char *age(struct cell_text *s, const json_t *o, const char *key)
{
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	if (is_number(o, key))
		gw_time_arg_add_age(&t, int_of(o, key));
	return s->at;
}

static const char *local(struct cell_text *s, const json_t *o, const char *key)
{
	struct gw_text t;
	int64_t wall_ms;

	gw_text_init(&t, s->at, sizeof(s->at));
	if (!gw_time_arg_parse(text_of(o, key), 0, &wall_ms, NULL))
		gw_time_arg_add_local(&t, wall_ms);
	return s->at;
}

static const char *place(struct cell_text *s, const json_t *o)
{
	const json_t *p = json_object_get(o, "place");
	const char *building = text_of(p, "building"), *floor = text_of(p, "floor");
	const char *room = text_of(p, "room");
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	if (*building || *floor || *room)
		gw_text_addf(&t, "%s/%s/%s", *building ? building : "-",
			*floor ? floor : "-", *room ? room : "-");
	return s->at;
}

/* ---- status ---- */

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
	if (int_of(a, "standing") == 0) {
		gw_table_text(out, colour, GW_STYLE_GREEN, "none standing");
		fprintf(out, " of %lld configured\n", int_of(a, "configured"));
		return;
	}
	fprintf(out, "%lld standing (", int_of(a, "standing"));
	for (size_t i = 0; i < 4; i++) {
		if (int_of(a, levels[i]) == 0)
			continue;
		fputs(any ? ", " : "", out);
		snprintf(
			memory, sizeof(memory), "%lld %s", int_of(a, levels[i]), levels[i]);
		gw_table_text(out, colour, gw_table_level_style(levels[i]), memory);
		any = true;
	}
	fprintf(out, "), %lld unacknowledged, %lld shelved", int_of(a, "unacked"),
		int_of(a, "shelved"));
	if (int_of(a, "suppressed"))
		fprintf(out, ", %lld suppressed", int_of(a, "suppressed"));
	if (int_of(a, "out_of_service"))
		fprintf(out, ", %lld out of service", int_of(a, "out_of_service"));
	fputc('\n', out);
}

static void print_point_counts(FILE *out, const json_t *p)
{
	field(out, "points");
	fprintf(out, "%lld: %lld good, %lld uncertain, %lld bad, %lld silent\n",
		int_of(p, "configured"), int_of(p, "good"), int_of(p, "uncertain"),
		int_of(p, "bad"), int_of(p, "silent"));
}

/* "ok", or in red what is wrong. */
static void print_health(FILE *out, const json_t *o, bool colour)
{
	if (strcmp(text_of(o, "state"), "ok") == 0) {
		fputs("ok", out);
		return;
	}
	gw_table_text(out, colour, GW_STYLE_RED, "FAILING");
	fputs(" (", out);
	gw_table_text(out, false, GW_STYLE_PLAIN, text_of(o, "why"));
	fputs(")", out);
}

/* What names of uplinks that are not configured any more are owed. */
static void print_vanished(FILE *out, const json_t *names)
{
	const json_t *v;
	size_t i;

	json_array_foreach(names, i, v)
	{
		field(out, "");
		fprintf(out, "%lld alerts are owed to ",
			int_of(v, "owed") + int_of(v, "parked"));
		gw_table_text(out, false, GW_STYLE_PLAIN, text_of(v, "name"));
		fputs(", which is no longer configured (tocsin resend --uplink NAME)\n",
			out);
	}
}

static void print_store(FILE *out, const json_t *s, bool colour)
{
	if (!json_is_object(s))
		return;
	field(out, "store");
	print_health(out, s, colour);
	fprintf(out, ", %lld rows in %.1f MiB, %lld to be committed", int_of(s, "rows"),
		(double)int_of(s, "file_bytes") / (1024.0 * 1024.0), int_of(s, "pending"));
	if (int_of(s, "lost") > 0)
		fprintf(out, ", %lld lost", int_of(s, "lost"));
	fputs("\n", out);
	print_vanished(out, json_object_get(s, "vanished"));
}

static void print_alert_log(FILE *out, const json_t *l, bool colour)
{
	if (!json_is_object(l))
		return;
	field(out, "alert log");
	print_health(out, l, colour);
	fprintf(out, ", %lld lines in ", int_of(l, "lines"));
	gw_table_text(out, false, GW_STYLE_PLAIN, text_of(l, "path"));
	if (int_of(l, "waiting") > 0)
		fprintf(out, ", %lld wait", int_of(l, "waiting"));
	if (int_of(l, "lost") > 0)
		fprintf(out, ", %lld lost", int_of(l, "lost"));
	fputs("\n", out);
}

/* The daemon's own log: only when stderr takes nothing, or did not. */
static void print_log(FILE *out, const json_t *l, bool colour)
{
	bool blocked = strcmp(text_of(l, "state"), "blocked") == 0;

	if (!blocked && int_of(l, "lost") == 0)
		return;
	field(out, "log");
	if (blocked)
		gw_table_text(out, colour, GW_STYLE_RED, "BLOCKED (nobody reads stderr), ");
	fprintf(out, "%lld lines lost\n", int_of(l, "lost"));
}

/* Healthy threads show that they are alive at least that often. */
#define BEAT_MAX_MS 5000

static void print_threads(FILE *out, const json_t *r, bool colour)
{
	struct cell_text s;

	if (int_of(r, "oldest_beat_ms") <= BEAT_MAX_MS)
		return;
	field(out, "threads");
	gw_table_text(out, colour, GW_STYLE_RED, text_of(r, "oldest_beat_thread"));
	fprintf(out, " has not moved for %s\n", age(&s, r, "oldest_beat_ms"));
}

static void print_head(FILE *out, const json_t *r, bool colour)
{
	const json_t *counters = json_object_get(r, "counters");
	bool synced = strcmp(text_of(r, "clock"), "synced") == 0;
	struct cell_text s;

	gw_table_text(out, colour, GW_STYLE_BOLD, text_of(r, "gateway"));
	fputs("  ", out);
	gw_table_text(out, false, GW_STYLE_PLAIN, text_of(r, "unit"));
	fputs("\n", out);
	field(out, "tocsind");
	gw_table_text(out, false, GW_STYLE_PLAIN, text_of(r, "version"));
	fprintf(out, ", run %lld, up %s, clock ", int_of(r, "run"),
		age(&s, r, "uptime_ms"));
	gw_table_text(out, colour, synced ? GW_STYLE_PLAIN : GW_STYLE_YELLOW,
		text_of(r, "clock"));
	fputs("\n", out);
	print_alarm_counts(out, json_object_get(r, "alarms"), colour);
	print_point_counts(out, json_object_get(r, "points"));
	field(out, "counters");
	fprintf(out, "%lld samples, last event #%lld", int_of(counters, "samples"),
		int_of(counters, "last_seq"));
	if (int_of(counters, "events_lost") > 0)
		fprintf(out, ", %lld events lost", int_of(counters, "events_lost"));
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

/* What is wrong, or what has been counted since start: nothing where all is well. */
static const char *source_note(struct cell_text *s, const json_t *source)
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
	const char *why = text_of(source, "why");
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	gw_text_add(&t, why);
	if (*why && int_of(source, "tries") > 1)
		gw_text_addf(&t, " (%lld tries)", int_of(source, "tries"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (int_of(source, counts[i][0]) > 0)
			gw_text_addf(&t, "%s%lld %s", t.used ? ", " : "",
				int_of(source, counts[i][0]), counts[i][1]);
	return s->at;
}

static void print_sources(FILE *out, const json_t *sources, bool colour)
{
	static const char *const heads[] = {"SOURCE", "DRIVER", "STATE", ">SINCE",
		">DEVICES", ">POINTS", ">SAMPLES", "NOTE"};
	struct gw_text_table table;
	struct cell_text s;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(sources, i, o)
	{
		const char *state = text_of(o, "state");

		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", text_of(o, "name"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", text_of(o, "driver"));
		gw_table_cell(&table, state_style(state), "%s", state);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", age(&s, o, "state_age_ms"));
		gw_table_cell(&table,
			int_of(o, "devices_answering") < int_of(o, "devices")
				? GW_STYLE_YELLOW
				: GW_STYLE_PLAIN,
			"%lld/%lld", int_of(o, "devices_answering"), int_of(o, "devices"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%lld/%lld",
			int_of(o, "points_usable"), int_of(o, "points"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%lld", int_of(o, "samples"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", source_note(&s, o));
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
	struct cell_text s;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(uplinks, i, o)
	{
		const char *state = text_of(o, "state");
		bool owes = int_of(o, "pending") > 0;

		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", text_of(o, "name"));
		gw_table_cell(&table, state_style(state), "%s", state);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", age(&s, o, "state_age_ms"));
		gw_table_cell(&table, owes ? GW_STYLE_YELLOW : GW_STYLE_PLAIN, "%lld",
			int_of(o, "pending"));
		gw_table_cell(
			&table, GW_STYLE_PLAIN, "%s", owes ? age(&s, o, "oldest_ms") : "");
		gw_table_cell(&table, GW_STYLE_PLAIN, "%lld", int_of(o, "sent"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%lld", int_of(o, "retries"));
		gw_table_cell(&table, int_of(o, "parked") ? GW_STYLE_RED : GW_STYLE_PLAIN,
			"%lld", int_of(o, "parked"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", text_of(o, "why"));
	}
	fputs("\n", out);
	if (table.n)
		gw_table_print(&table, out, colour);
	else
		fputs("no uplinks configured: alarms stay in this box\n", out);
	gw_table_fini(&table);
}

void gw_print_status(FILE *out, const json_t *result, bool colour)
{
	print_head(out, result, colour);
	print_sources(out, json_object_get(result, "sources"), colour);
	print_uplinks(out, json_object_get(result, "uplinks"), colour);
}

/* ---- points ---- */

static void point_value(struct gw_text_table *table, const json_t *o)
{
	struct cell_text s;

	if (is_number(o, "value"))
		gw_table_cell(table, GW_STYLE_PLAIN, "%s", number(&s, o, "value"));
	else if (is_number(o, "last_value"))
		gw_table_cell(table, GW_STYLE_DIM, "(%s)", number(&s, o, "last_value"));
	else
		gw_table_cell(table, GW_STYLE_DIM, "%s", "");
}

static enum gw_style quality_style(const char *quality)
{
	if (strcmp(quality, "good") == 0)
		return GW_STYLE_GREEN;
	return strncmp(quality, "uncertain", strlen("uncertain")) == 0 ? GW_STYLE_YELLOW
								       : GW_STYLE_RED;
}

void gw_print_points(FILE *out, const json_t *result, bool colour, const char *pattern)
{
	static const char *const heads[] = {
		"POINT", ">VALUE", "UNIT", "QUALITY", ">AGE", "PLACE"};
	struct gw_text_table table;
	struct cell_text s;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(result, i, o)
	{
		const char *quality = text_of(o, "quality");

		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", text_of(o, "point"));
		point_value(&table, o);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", text_of(o, "unit"));
		gw_table_cell(&table, quality_style(quality), "%s", quality);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", age(&s, o, "age_ms"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", place(&s, o));
	}
	if (table.n)
		gw_table_print(&table, out, colour);
	else if (pattern)
		fprintf(out,
			"no point matches %s (source/device/point; * stays within one "
			"part)\n",
			pattern);
	else
		fputs("no points configured\n", out);
	gw_table_fini(&table);
}

/* ---- alarms ---- */

/* By the design or by the configuration; a shelf has a look of its own. */
static bool put_aside(const char *state)
{
	return strcmp(state, "suppressed") == 0 || strcmp(state, "out-of-service") == 0;
}

static void alarm_state(struct gw_text_table *table, const json_t *o)
{
	const char *state = text_of(o, "state");
	struct cell_text s;

	if (strcmp(state, "shelved") == 0)
		gw_table_cell(table, GW_STYLE_DIM, "shelved until %s",
			local(&s, o, "shelved_until"));
	else
		gw_table_cell(table,
			strstr(state, "unacked")   ? GW_STYLE_BOLD
				: put_aside(state) ? GW_STYLE_DIM
						   : GW_STYLE_PLAIN,
			"%s", state);
}

static void alarm_row(struct gw_text_table *table, const json_t *o)
{
	const char *level = text_of(o, "level"), *unit = text_of(o, "unit_of_measure");
	bool normal = strcmp(text_of(o, "state"), "normal") == 0;
	char upper[16] = "";
	struct cell_text s;

	for (size_t i = 0; level[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)level[i]);
	gw_table_cell(
		table, normal ? GW_STYLE_DIM : gw_table_level_style(level), "%s", upper);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", text_of(o, "class"));
	alarm_state(table, o);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", text_of(o, "alarm"));
	if (is_number(o, "value"))
		gw_table_cell(table, GW_STYLE_PLAIN, "%s%s%s", number(&s, o, "value"),
			*unit ? " " : "", unit);
	else
		gw_table_cell(table, GW_STYLE_PLAIN, "%s", "");
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", text_of(o, "condition"));
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", local(&s, o, "since"));
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", place(&s, o));
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", text_of(o, "text"));
}

void gw_print_alarms(FILE *out, const json_t *result, bool colour, bool all)
{
	static const char *const heads[] = {"LEVEL", "CLASS", "STATE", "ALARM", ">VALUE",
		"CONDITION", "SINCE", "PLACE", "TEXT"};
	struct gw_text_table table;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(result, i, o) alarm_row(&table, o);
	if (table.n)
		gw_table_print(&table, out, colour);
	else
		fputs(all ? "no alarms configured\n" : "no standing alarms\n", out);
	gw_table_fini(&table);
}

void gw_print_changed(FILE *out, const json_t *result, bool colour)
{
	gw_table_text(out, false, GW_STYLE_PLAIN, text_of(result, "alarm"));
	fputs(" is now ", out);
	gw_table_text(out, colour, GW_STYLE_BOLD, text_of(result, "state"));
	fputs("\n", out);
}

/* ---- tail ---- */

void gw_print_line(FILE *out, const char *line, bool colour)
{
	const char *level = strchr(line, ' ');
	size_t n = level ? strcspn(level + 1, " ") : 0;
	char word[16], time[48];

	if (!colour || !level || n >= sizeof(word) ||
		(size_t)(level - line) >= sizeof(time)) {
		gw_table_text(out, false, GW_STYLE_PLAIN, line);
	} else {
		snprintf(time, sizeof(time), "%.*s", (int)(level - line), line);
		snprintf(word, sizeof(word), "%.*s", (int)n, level + 1);
		gw_table_text(out, true, GW_STYLE_DIM, time);
		fputs(" ", out);
		gw_table_text(out, true, gw_table_level_style(word), word);
		gw_table_text(out, false, GW_STYLE_PLAIN, level + 1 + n);
	}
	fputs("\n", out);
}

static json_int_t count_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

void gw_print_resent(FILE *out, const json_t *result)
{
	const json_t *uplinks = json_object_get(result, "uplinks");
	json_t *u;
	size_t i;

	json_array_foreach(uplinks, i, u)
		fprintf(out, "%s: %lld parked offered again, %lld others sent again\n",
			json_string_value(json_object_get(u, "name")),
			(long long)count_of(u, "parked"), (long long)count_of(u, "resent"));
}

void gw_print_verified(FILE *out, const json_t *result)
{
	const json_t *head = json_object_get(result, "head");
	const char *hash = json_string_value(json_object_get(head, "sha256"));
	long long unchained = (long long)count_of(result, "unchained");

	if (json_is_integer(json_object_get(result, "broken")))
		fprintf(out, "the journal was changed: #%lld: %s\n",
			(long long)count_of(result, "broken"),
			json_string_value(json_object_get(result, "why")));
	else
		fprintf(out, "the journal is as it was written: %lld events\n",
			(long long)count_of(result, "events"));
	if (unchained > 0)
		fprintf(out, "%lld of them are of an earlier version and have no hash\n",
			unchained);
	if (hash)
		fprintf(out, "it ends at #%lld, sha256 %s\n",
			(long long)count_of(head, "seq"), hash);
}
