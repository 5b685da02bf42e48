/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/report.h"

#include "base/clock.h"
#include "ctl/sheet.h"
#include "ctl/when.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times from this one on (2000-01-01) are taken for milliseconds since 1970. */
#define UNIX_FROM_MS INT64_C(946684800000)
#define RAISES_SHOWN 1000
#define NAMES_SHOWN  10

/* Texts made for one cell; used at once. */
struct scrap {
	char at[64];
};

static const char *age(struct scrap *s, int64_t ms)
{
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	gw_when_age(&t, ms);
	return s->at;
}

/* Local time, or the time since the file's own zero. */
static const char *time_of(struct scrap *s, int64_t ms)
{
	struct gw_text t;

	gw_text_init(&t, s->at, sizeof(s->at));
	if (ms >= UNIX_FROM_MS) {
		gw_when_local(&t, ms);
		gw_text_addf(&t, ".%03d", (int)(ms % 1000));
	} else {
		gw_text_add(&t, ms < 0 ? "-" : "+");
		gw_text_add_duration(&t, (ms < 0 ? -ms : ms) * GW_NS_PER_MS);
	}
	return s->at;
}

static const struct gw_alarm_opts *alarm_of(const struct gw_run *run, uint32_t alarm)
{
	return &run->config->alarms[alarm];
}

static void level_cell(struct gw_sheet *sheet, enum gw_level level)
{
	const char *name = gw_level_name(level);
	char upper[16] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	gw_sheet_cell(sheet, gw_paint_level(name), "%s", upper);
}

static void value_cell(struct gw_sheet *sheet, double value, const char *unit)
{
	if (isfinite(value))
		gw_sheet_cell(
			sheet, GW_PAINT_PLAIN, "%.6g%s%s", value, *unit ? " " : "", unit);
	else
		gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", "");
}

/* ---- per alarm ---- */

static int by_key(const void *a, const void *b, void *arg)
{
	const struct gw_alarm_opts *alarms = arg;

	return strcmp(alarms[*(const uint32_t *)a].info.key,
		alarms[*(const uint32_t *)b].info.key);
}

/* Indexes of its alarms in order of key; one more than there are, so that none is not NULL. */
static uint32_t *sorted(const struct gw_run *run)
{
	size_t n = run ? run->config->n_alarms : 0;
	uint32_t *at = calloc(n + 1, sizeof(*at));

	for (uint32_t i = 0; at && i < n; i++)
		at[i] = i;
	if (at && n)
		qsort_r(at, n, sizeof(*at), by_key, run->config->alarms);
	return at;
}

static void tally_row(struct gw_sheet *sheet, const struct gw_alarm_opts *a,
	const struct gw_tally *t, const uint64_t *before)
{
	struct scrap s;

	level_cell(sheet, a->level);
	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", a->info.key);
	gw_sheet_cell(sheet, t->times ? GW_PAINT_BOLD : GW_PAINT_DIM, "%llu",
		(unsigned long long)t->times);
	if (before)
		gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%llu", (unsigned long long)*before);
	gw_sheet_cell(
		sheet, GW_PAINT_PLAIN, "%s", t->times ? time_of(&s, t->first_ms) : "");
	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", t->times ? age(&s, t->total_ms) : "");
	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", t->times ? age(&s, t->longest_ms) : "");
	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", a->info.condition);
}

/* Both in order of key, side by side: whatever raised in either. */
static void tally_rows(struct gw_sheet *sheet, const struct gw_run *now,
	const uint32_t *now_at, const struct gw_run *was, const uint32_t *was_at)
{
	static const struct gw_tally none = {0};
	size_t n_now = now->config->n_alarms, n_was = was ? was->config->n_alarms : 0;

	for (size_t i = 0, k = 0; i < n_now || k < n_was;) {
		const struct gw_alarm_opts *a = i < n_now ? alarm_of(now, now_at[i]) : NULL;
		const struct gw_alarm_opts *b = k < n_was ? alarm_of(was, was_at[k]) : NULL;
		int o = !a ? 1 : !b ? -1 : strcmp(a->info.key, b->info.key);
		const struct gw_tally *t = o <= 0 ? &now->tallies[now_at[i]] : &none;
		uint64_t before = o >= 0 ? was->tallies[was_at[k]].times : 0;

		if (t->times || before)
			tally_row(sheet, o <= 0 ? a : b, t, was ? &before : NULL);
		i += o <= 0;
		k += o >= 0;
	}
}

static void print_tallies(
	FILE *out, bool colour, const struct gw_run *now, const struct gw_run *was)
{
	static const char *const heads[] = {"LEVEL", "ALARM", ">RAISED", ">BEFORE", "FIRST",
		">TOTAL", ">LONGEST", "CONDITION"};
	static const char *const alone[] = {
		"LEVEL", "ALARM", ">RAISED", "FIRST", ">TOTAL", ">LONGEST", "CONDITION"};
	uint32_t *now_at = sorted(now), *was_at = sorted(was);
	struct gw_sheet sheet;

	gw_sheet_init(&sheet, was ? heads : alone, was ? 8 : 7);
	if (now_at && was_at)
		tally_rows(&sheet, now, now_at, was, was_at);
	else
		sheet.failed = true;
	if (sheet.n || sheet.failed) {
		fputs("\n", out);
		gw_sheet_print(&sheet, out, colour);
	}
	gw_sheet_fini(&sheet);
	free(now_at);
	free(was_at);
}

/* ---- raise by raise ---- */

static void raise_cells(
	struct gw_sheet *sheet, const struct gw_run *run, const struct gw_raise *r)
{
	const struct gw_alarm_opts *a = alarm_of(run, r->alarm);
	struct scrap s;

	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", time_of(&s, r->from_ms));
	level_cell(sheet, a->level);
	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s", a->info.key);
	gw_sheet_cell(sheet, GW_PAINT_PLAIN, "%s%s", age(&s, r->until_ms - r->from_ms),
		r->standing ? ", still" : "");
	value_cell(sheet, r->peak, a->info.unit_of_measure);
}

static void against_cell(struct gw_sheet *sheet, const struct gw_pair *p)
{
	static const enum gw_paint paints[GW_PAIR_KINDS] = {
		[GW_PAIR_ADDED] = GW_PAINT_YELLOW,
		[GW_PAIR_GONE] = GW_PAINT_RED,
		[GW_PAIR_EARLIER] = GW_PAINT_GREEN,
		[GW_PAIR_LATER] = GW_PAINT_ORANGE,
		[GW_PAIR_SAME] = GW_PAINT_DIM,
	};
	struct scrap s;

	if (p->by_ms)
		gw_sheet_cell(sheet, paints[p->kind], "%s by %s", gw_pair_names[p->kind],
			age(&s, p->by_ms));
	else
		gw_sheet_cell(sheet, paints[p->kind], "%s", gw_pair_names[p->kind]);
}

static void print_raises(FILE *out, bool colour, const struct gw_run *now,
	const struct gw_report_against *against)
{
	static const char *const heads[] = {
		"TIME", "LEVEL", "ALARM", ">LASTED", ">PEAK", "AGAINST"};
	size_t n = against->was ? against->pairs->n : now->n_raises;
	struct gw_sheet sheet;

	if (n == 0)
		return;
	gw_sheet_init(&sheet, heads, against->was ? 6 : 5);
	for (size_t i = 0; i < n && i < RAISES_SHOWN; i++) {
		const struct gw_pair *p = against->was ? &against->pairs->at[i] : NULL;

		if (!p)
			raise_cells(&sheet, now, &now->raises[i]);
		else if (p->now)
			raise_cells(&sheet, now, p->now);
		else
			raise_cells(&sheet, against->was, p->was);
		if (p)
			against_cell(&sheet, p);
	}
	fputs("\n", out);
	gw_sheet_print(&sheet, out, colour);
	if (n > RAISES_SHOWN)
		fprintf(out, "... and %zu more; --json has all of them\n",
			n - RAISES_SHOWN);
	gw_sheet_fini(&sheet);
}

void gw_report_print(FILE *out, bool colour, const struct gw_input *in,
	const struct gw_run *now, const struct gw_report_against *against)
{
	const size_t *count = against->was ? against->pairs->count : NULL;
	struct scrap s;

	fprintf(out, "%llu samples of %u points over %s: raised %zu times\n",
		(unsigned long long)in->readings, in->names.n,
		age(&s, (now->last_ns - now->first_ns) / GW_NS_PER_MS), now->n_raises);
	if (count)
		fprintf(out,
			"against %s: %zu added, %zu gone, %zu earlier, %zu later, "
			"%zu the same\n",
			against->path, count[GW_PAIR_ADDED], count[GW_PAIR_GONE],
			count[GW_PAIR_EARLIER], count[GW_PAIR_LATER], count[GW_PAIR_SAME]);
	print_tallies(out, colour, now, against->was);
	print_raises(out, colour, now, against);
}

/* ---- for a program ---- */

void gw_report_event(FILE *out, const struct gw_event *event)
{
	char memory[GW_EVENT_JSON_MAX];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof(memory));
	gw_event_json(&t, event);
	if (t.cut || t.used == 0) /* cannot be: it is enough for every event of a config */
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

void gw_report_pairs(
	FILE *out, const struct gw_run *now, const struct gw_report_against *against)
{
	char memory[GW_EVENT_JSON_MAX];
	struct gw_text t;

	for (size_t i = 0; i < against->pairs->n; i++) {
		const struct gw_pair *p = &against->pairs->at[i];
		const struct gw_alarm_opts *a = p->now
			? alarm_of(now, p->now->alarm)
			: alarm_of(against->was, p->was->alarm);

		gw_text_init(&t, memory, sizeof(memory));
		gw_json_open(&t, NULL, '{');
		gw_json_string(&t, "against", gw_pair_names[p->kind]);
		gw_json_string(&t, "alarm", a->info.key);
		gw_json_string(&t, "level", gw_level_name(a->level));
		put_raise(&t, "time_ms", "lasted_ms", p->now);
		put_raise(&t, "was_time_ms", "was_lasted_ms", p->was);
		gw_json_int(&t, "by_ms", p->by_ms);
		gw_json_close(&t, '}');
		fprintf(out, "%s\n", memory);
	}
}

void gw_report_holes(FILE *out, const struct gw_input *in)
{
	if (in->gaps)
		fprintf(out,
			"tocsin: %llu samples are missing at %llu places: the gateway was "
			"too busy to record them\n",
			(unsigned long long)in->lost, (unsigned long long)in->gaps);
	if (in->n_cut)
		fprintf(out,
			"tocsin: %zu recordings were cut off: read up to the last whole "
			"block\n",
			in->n_cut);
}

void gw_report_unknown(
	FILE *out, const struct gw_input *in, const struct gw_run *run, const char *path)
{
	uint64_t readings = 0;
	size_t unknown = 0;

	for (size_t i = 0; i < run->n_routes; i++) {
		if (run->routes[i].point != GW_RUN_NONE)
			continue;
		unknown++;
		readings += run->routes[i].readings;
	}
	if (unknown == 0)
		return;
	fprintf(out, "tocsin: %zu of the %u points are not in %s (%llu samples):", unknown,
		in->names.n, path, (unsigned long long)readings);
	for (size_t i = 0, shown = 0; i < run->n_routes && shown < NAMES_SHOWN; i++) {
		if (run->routes[i].point != GW_RUN_NONE)
			continue;
		fputs(shown++ ? ", " : " ", out);
		gw_paint(out, false, GW_PAINT_PLAIN, in->names.at[i].text);
	}
	fputs(unknown > NAMES_SHOWN ? ", ...\n" : "\n", out);
}
