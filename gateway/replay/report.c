/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/report.h"

#include "base/clock.h"
#include "term/table.h"
#include "term/time_arg.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times from this one on (2000-01-01) are taken for milliseconds since 1970. */
#define UNIX_FROM_MS INT64_C(946684800000)
#define RAISES_SHOWN 1000
#define NAMES_SHOWN  10

/* Memory of one text; the next call overwrites it. */
struct time_text {
	char at[64];
};

static const char *age(struct time_text *s, int64_t ms)
{
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	gw_time_arg_add_age(&t, ms);
	return s->at;
}

/* Local time, or the time since the file's own zero. */
static const char *time_of(struct time_text *s, int64_t ms)
{
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	if (ms >= UNIX_FROM_MS) {
		gw_time_arg_add_local(&t, ms);
		gw_text_addf(&t, ".%03d", (int)(ms % 1000));
	} else {
		gw_text_add(&t, ms < 0 ? "-" : "+");
		gw_text_add_duration(&t, (ms < 0 ? -ms : ms) * GW_NS_PER_MS);
	}
	return s->at;
}

static const struct gw_alarm_opts *alarm_of(const struct gw_replay_run *run, uint32_t alarm)
{
	return &run->config->alarms[alarm];
}

static void level_cell(struct gw_text_table *table, enum gw_level level)
{
	const char *name = gw_level_name(level);
	char upper[16] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	gw_table_cell(table, gw_table_level_style(name), "%s", upper);
}

static void value_cell(struct gw_text_table *table, double value, const char *unit)
{
	if (isfinite(value))
		gw_table_cell(
			table, GW_STYLE_PLAIN, "%.6g%s%s", value, *unit ? " " : "", unit);
	else
		gw_table_cell(table, GW_STYLE_PLAIN, "%s", "");
}

/* ---- per alarm ---- */

static int by_key(const void *a, const void *b, void *arg)
{
	const struct gw_alarm_opts *alarms = arg;

	return strcmp(alarms[*(const uint32_t *)a].info.key,
		alarms[*(const uint32_t *)b].info.key);
}

/* Indexes of its alarms by key; one element more, so that it is not NULL for none. */
static uint32_t *sorted(const struct gw_replay_run *run)
{
	size_t n = run ? run->config->n_alarms : 0;
	uint32_t *at = calloc(n + 1, sizeof(*at));

	for (uint32_t i = 0; at && i < n; i++)
		at[i] = i;
	if (at && n)
		qsort_r(at, n, sizeof(*at), by_key, run->config->alarms);
	return at;
}

static void tally_row(struct gw_text_table *table, const struct gw_alarm_opts *a,
	const struct gw_tally *t, const uint64_t *before)
{
	struct time_text s;

	level_cell(table, a->level);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", a->info.key);
	gw_table_cell(table, t->times ? GW_STYLE_BOLD : GW_STYLE_DIM, "%llu",
		(unsigned long long)t->times);
	if (before)
		gw_table_cell(table, GW_STYLE_PLAIN, "%llu", (unsigned long long)*before);
	gw_table_cell(
		table, GW_STYLE_PLAIN, "%s", t->times ? time_of(&s, t->first_ms) : "");
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", t->times ? age(&s, t->total_ms) : "");
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", t->times ? age(&s, t->longest_ms) : "");
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", a->info.condition);
}

/* Alarms that were raised in either, both lists in order of key. */
static void tally_rows(struct gw_text_table *table, const struct gw_replay_run *new,
	const uint32_t *new_order, const struct gw_replay_run *old,
	const uint32_t *old_order)
{
	static const struct gw_tally none = {0};
	size_t n_new = new->config->n_alarms, n_old = old ? old->config->n_alarms : 0;

	for (size_t i = 0, k = 0; i < n_new || k < n_old;) {
		const struct gw_alarm_opts *a = i < n_new ? alarm_of(new, new_order[i])
							  : NULL;
		const struct gw_alarm_opts *b = k < n_old ? alarm_of(old, old_order[k])
							  : NULL;
		int o = !a ? 1 : !b ? -1 : strcmp(a->info.key, b->info.key);
		const struct gw_tally *t = o <= 0 ? &new->tallies[new_order[i]] : &none;
		uint64_t before = o >= 0 ? old->tallies[old_order[k]].times : 0;

		if (t->times || before)
			tally_row(table, o <= 0 ? a : b, t, old ? &before : NULL);
		i += o <= 0;
		k += o >= 0;
	}
}

static void print_tallies(FILE *out, bool colour, const struct gw_replay_run *new,
	const struct gw_replay_run *old)
{
	static const char *const heads[] = {"LEVEL", "ALARM", ">RAISED", ">BEFORE", "FIRST",
		">TOTAL", ">LONGEST", "CONDITION"};
	static const char *const alone[] = {
		"LEVEL", "ALARM", ">RAISED", "FIRST", ">TOTAL", ">LONGEST", "CONDITION"};
	uint32_t *new_order = sorted(new), *old_order = sorted(old);
	struct gw_text_table table;

	gw_table_init(&table, old ? heads : alone, old ? 8 : 7);
	if (new_order && old_order)
		tally_rows(&table, new, new_order, old, old_order);
	else
		table.failed = true;
	if (table.n || table.failed) {
		fputs("\n", out);
		gw_table_print(&table, out, colour);
	}
	gw_table_fini(&table);
	free(new_order);
	free(old_order);
}

/* ---- raise by raise ---- */

static void raise_cells(struct gw_text_table *table, const struct gw_replay_run *run,
	const struct gw_raise *r)
{
	const struct gw_alarm_opts *a = alarm_of(run, r->alarm);
	struct time_text s;

	gw_table_cell(table, GW_STYLE_PLAIN, "%s", time_of(&s, r->from_ms));
	level_cell(table, a->level);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", a->info.key);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s%s", age(&s, r->until_ms - r->from_ms),
		r->standing ? ", still" : "");
	value_cell(table, r->peak, a->info.unit_of_measure);
}

static void against_cell(struct gw_text_table *table, const struct gw_raise_change *c)
{
	static const enum gw_style styles[GW_RAISE_CHANGE_KINDS] = {
		[GW_RAISE_ADDED] = GW_STYLE_YELLOW,
		[GW_RAISE_GONE] = GW_STYLE_RED,
		[GW_RAISE_EARLIER] = GW_STYLE_GREEN,
		[GW_RAISE_LATER] = GW_STYLE_ORANGE,
		[GW_RAISE_EQUAL] = GW_STYLE_DIM,
	};
	struct time_text s;

	if (c->shift_ms)
		gw_table_cell(table, styles[c->kind], "%s by %s",
			gw_raise_change_names[c->kind], age(&s, c->shift_ms));
	else
		gw_table_cell(table, styles[c->kind], "%s", gw_raise_change_names[c->kind]);
}

static void print_raises(FILE *out, bool colour, const struct gw_replay_run *new,
	const struct gw_report_baseline *against)
{
	static const char *const heads[] = {
		"TIME", "LEVEL", "ALARM", ">LASTED", ">PEAK", "AGAINST"};
	size_t n = against->old ? against->comparison->n : new->n_raises;
	struct gw_text_table table;

	if (n == 0)
		return;
	gw_table_init(&table, heads, against->old ? 6 : 5);
	for (size_t i = 0; i < n && i < RAISES_SHOWN; i++) {
		const struct gw_raise_change *c = against->old ? &against->comparison->at[i]
							       : NULL;

		if (!c)
			raise_cells(&table, new, &new->raises[i]);
		else if (c->new)
			raise_cells(&table, new, c->new);
		else
			raise_cells(&table, against->old, c->old);
		if (c)
			against_cell(&table, c);
	}
	fputs("\n", out);
	gw_table_print(&table, out, colour);
	if (n > RAISES_SHOWN)
		fprintf(out, "... and %zu more; --json has all of them\n",
			n - RAISES_SHOWN);
	gw_table_fini(&table);
}

void gw_report_print(FILE *out, bool colour, const struct gw_replay_input *in,
	const struct gw_replay_run *new, const struct gw_report_baseline *against)
{
	const size_t *count = against->old ? against->comparison->count : NULL;
	struct time_text s;

	fprintf(out, "%llu samples of %u points over %s: raised %zu times\n",
		(unsigned long long)in->readings, in->names.n,
		age(&s, (new->last_ns - new->first_ns) / GW_NS_PER_MS), new->n_raises);
	if (count)
		fprintf(out,
			"against %s: %zu added, %zu gone, %zu earlier, %zu later, %zu the same\n",
			against->path, count[GW_RAISE_ADDED], count[GW_RAISE_GONE],
			count[GW_RAISE_EARLIER], count[GW_RAISE_LATER],
			count[GW_RAISE_EQUAL]);
	print_tallies(out, colour, new, against->old);
	print_raises(out, colour, new, against);
}

/* ---- for a program ---- */

void gw_report_event(FILE *out, const struct gw_event *event)
{
	char memory[GW_EVENT_JSON_MAX];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	gw_event_json(&t, event);
	if (t.cut || t.used == 0) /* cannot be: any event fits */
		return;
	memory[t.used - 1] = '\0'; /* its closing brace comes later */
	fprintf(out, "%s,\"time_ms\":%lld}\n", memory, (long long)event->wall_ms);
}

static void put_raise(
	struct gw_text *t, const char *time, const char *lasted, const struct gw_raise *r)
{
	if (r) {
		gw_json_int(t, time, r->from_ms);
		gw_json_int(t, lasted, r->until_ms - r->from_ms);
	} else {
		gw_json_null(t, time);
		gw_json_null(t, lasted);
	}
}

void gw_report_changes(FILE *out, const struct gw_replay_run *new,
	const struct gw_report_baseline *against)
{
	char memory[GW_EVENT_JSON_MAX];
	struct gw_text t;

	for (size_t i = 0; i < against->comparison->n; i++) {
		const struct gw_raise_change *c = &against->comparison->at[i];
		const struct gw_alarm_opts *a = c->new
			? alarm_of(new, c->new->alarm)
			: alarm_of(against->old, c->old->alarm);

		gw_text_init(&t, memory, sizeof(memory));
		gw_json_open(&t, NULL, '{');
		gw_json_string(&t, "against", gw_raise_change_names[c->kind]);
		gw_json_string(&t, "alarm", a->info.key);
		gw_json_string(&t, "level", gw_level_name(a->level));
		put_raise(&t, "time_ms", "lasted_ms", c->new);
		put_raise(&t, "was_time_ms", "was_lasted_ms", c->old);
		gw_json_int(&t, "by_ms", c->shift_ms);
		gw_json_close(&t, '}');
		fprintf(out, "%s\n", memory);
	}
}

void gw_report_gaps(FILE *out, const struct gw_replay_input *in)
{
	if (in->gaps)
		fprintf(out,
			"tocsin: %llu samples are missing at %llu places: the gateway was too busy to record them\n",
			(unsigned long long)in->lost, (unsigned long long)in->gaps);
	if (in->n_truncated)
		fprintf(out,
			"tocsin: %zu recordings were cut off: read up to the last whole block\n",
			in->n_truncated);
}

void gw_report_unknown(FILE *out, const struct gw_replay_input *in,
	const struct gw_replay_run *run, const char *path)
{
	uint64_t readings = 0;
	size_t unknown = 0;

	for (size_t i = 0; i < run->n_routes; i++) {
		if (run->routes[i].point != GW_REPLAY_RUN_NONE)
			continue;
		unknown++;
		readings += run->routes[i].readings;
	}
	if (unknown == 0)
		return;
	fprintf(out, "tocsin: %zu of the %u points are not in %s (%llu samples):", unknown,
		in->names.n, path, (unsigned long long)readings);
	for (size_t i = 0, shown = 0; i < run->n_routes && shown < NAMES_SHOWN; i++) {
		if (run->routes[i].point != GW_REPLAY_RUN_NONE)
			continue;
		fputs(shown++ ? ", " : " ", out);
		gw_table_text(out, false, GW_STYLE_PLAIN, in->names.at[i].text);
	}
	fputs(unknown > NAMES_SHOWN ? ", ...\n" : "\n", out);
}
