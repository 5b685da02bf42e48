/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine samples/s over 1k, 10k, 100k and 1M points, and the floor of the same run: a lookup,
 * two compares and one state write over the same samples. All samples are in the quiet band.
 * Samples are streamed from memory: every point once in 2 s, the period of most shipped profiles,
 * in a new random order each time.
 *
 * Three sets of alarms, all as the config reader makes them of the shipped profiles
 * (TOCSIN_PROFILES), silence of each device included: "calm", the points and alarms of all
 * profiles; "history", the points that have a rate and a forecast, with all their alarms; and
 * "silent", as calm with ten times the points, nine tenths of which say nothing. One JSON line a
 * figure: timers says what the same samples cost when the timers run as well (silence of each
 * device); bytes are of the engine, which were written after the run and which were reserved.
 */
#include "base/clock.h"
#include "conf/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SAMPLES  2000000
#define ROUNDS   5
#define BATCH    256
#define EVERY_NS (2 * GW_NS_PER_SEC)
#define BEGIN_NS (1000 * GW_NS_PER_SEC)

enum set { CALM, HISTORY, SILENT };
static const char *const set_names[] = {"calm", "history", "silent"};

struct floor_slot {
	double lo, hi, value;
	int64_t boot_ns;
	uint32_t state;
	char pad[28];
};

/* Where each shipped point is at home, and how much it stirs. */
static const struct home {
	const char *device, *point;
	double value, noise;
} homes[] = {
	{"gas-ch4-lel", "ch4", 0.5, 0.5},
	{"gas-ch4-lel", "sensor-fault", 0, 0},
	{"gas-co-ppm", "co", 3, 2},
	{"smoke-contact", "smoke", 0, 0},
	{"smoke-obscuration", "obscuration", 0.3, 0.1},
	{"heat-a1r", "temperature", 22, 0.3},
	{"heat-a2s", "temperature", 25, 0.3},
	{"heating-loop", "supply-temperature", 60, 0.5},
	{"heating-loop", "return-temperature", 45, 0.5},
	{"heating-loop", "supply-pressure", 0.4, 0.01},
	{"heating-loop", "return-pressure", 0.25, 0.01},
	{"hydrant-pressure", "pressure", 0.35, 0.005},
	{"residual-current", "current", 60, 5},
	{"cable-temperature", "temperature", 40, 0.5},
	{"indoor-temperature", "temperature", 21, 0.2},
	{"liquid-level", "level", 2, 0.01},
};
#define HOMES (sizeof homes / sizeof *homes)

static struct gw_sample *samples;
static struct gw_config *shipped; /* a device of each profile */
static uint32_t *order;

/* What is repeated: points of the shipped config, and the alarms on them. */
static struct unit {
	uint32_t point[HOMES], n_points;
	struct gw_alarm_opts alarm[16 * HOMES];
	size_t n_alarms;
} unit;

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 11;
}

static void say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static void load_shipped(void)
{
	struct gw_complaints complaints = {.say = say};
	char yaml[4096];
	int n = snprintf(yaml, sizeof yaml,
		"gateway: {id: bench}\n"
		"sources:\n"
		"  - name: s\n"
		"    driver: modbus-tcp\n"
		"    host: 127.0.0.1\n"
		"    devices:\n");

	for (size_t i = 0; i < HOMES; i++)
		if (i == 0 || strcmp(homes[i].device, homes[i - 1].device) != 0)
			n += snprintf(yaml + n, sizeof yaml - (size_t)n,
				"      - {name: %s, unit: %zu, profile: %s}\n",
				homes[i].device, i + 1, homes[i].device);
	if (gw_load_bytes("bench.yaml", yaml, (size_t)n, &shipped, &complaints))
		exit(1);
}

static bool has(uint32_t point, const char *a, const char *b)
{
	for (size_t i = 0; i < shipped->n_alarms; i++) {
		const struct gw_alarm_opts *o = &shipped->alarms[i];

		if (o->first_point == point && o->n_points == 1 &&
			(strcmp(o->when->kind->key, a) == 0 ||
				strcmp(o->when->kind->key, b) == 0))
			return true;
	}
	return false;
}

static void make_unit(enum set set)
{
	uint32_t place[HOMES]; /* of a shipped point in the unit */

	unit.n_points = 0;
	unit.n_alarms = 0;
	for (uint32_t p = 0; p < HOMES; p++) {
		if (strcmp(shipped->points[p].device, homes[p].device) != 0 ||
			strcmp(shipped->points[p].name, homes[p].point) != 0)
			exit(1);
		place[p] = UINT32_MAX;
		if (set == HISTORY && !(has(p, "rises", "falls") && has(p, "reaches", "")))
			continue;
		place[p] = unit.n_points;
		unit.point[unit.n_points++] = p;
	}
	for (size_t i = 0; i < shipped->n_alarms; i++) {
		struct gw_alarm_opts *a = &unit.alarm[unit.n_alarms];
		uint32_t n = 0, first = UINT32_MAX, p = shipped->alarms[i].first_point;

		*a = shipped->alarms[i];
		for (; p < a->first_point + a->n_points && p < HOMES; p++)
			if (place[p] != UINT32_MAX) {
				first = first == UINT32_MAX ? place[p] : first;
				n++;
			}
		a->first_point = first;
		a->n_points = n;
		unit.n_alarms += n > 0;
	}
}

/* Where many tables live: on huge pages, like the engine's. */
static void *table(size_t bytes)
{
	size_t align = bytes < 2 << 20 ? 64 : 2 << 20;
	void *p = aligned_alloc(align, (bytes + align - 1) / align * align);

	if (!p)
		exit(1);
	madvise(p, bytes / align * align, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

/* The next samples: `said` points, in a new order every EVERY_NS. */
static void make_samples(uint32_t said, int64_t *now_ns)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint32_t at = (uint32_t)(i % said), with, p;
		const struct home *h;

		with = at + (uint32_t)(random_next() % (said - at));
		p = order[with];
		order[with] = order[at];
		order[at] = p;
		h = &homes[unit.point[p % unit.n_points]];
		samples[i] = (struct gw_sample){
			.point = p,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = *now_ns + (int64_t)i * EVERY_NS / said,
			.value = h->value +
				h->noise * ((double)(random_next() % 201) / 100 - 1),
		};
	}
	*now_ns += (int64_t)SAMPLES * EVERY_NS / said;
}

static double floor_pass(struct floor_slot *slots)
{
	int64_t begin_ns = gw_clock_boot_ns();

	for (size_t i = 0; i < SAMPLES; i++) {
		const struct gw_sample *s = &samples[i];
		struct floor_slot *f = &slots[s->point];

		if (i + 8 < SAMPLES)
			__builtin_prefetch(&slots[samples[i + 8].point], 1);
		if (s->value > f->hi)
			f->state = 1;
		else if (s->value < f->lo)
			f->state = 0;
		f->value = s->value;
		f->boot_ns = s->boot_ns;
	}
	return SAMPLES * 1e3 / (double)(gw_clock_boot_ns() - begin_ns);
}

static double engine_pass(struct gw_engine *e, bool timers)
{
	int64_t begin_ns = gw_clock_boot_ns();

	for (size_t i = 0; i < SAMPLES; i += BATCH) {
		size_t n = SAMPLES - i < BATCH ? SAMPLES - i : BATCH;
		struct gw_time now = {.boot_ns = samples[i + n - 1].boot_ns,
			.wall_ms = samples[i + n - 1].boot_ns / GW_NS_PER_MS,
			.synced = true};

		gw_engine_ingest(e, samples + i, n, now);
		if (timers)
			gw_engine_step(e, now);
	}
	return SAMPLES * 1e3 / (double)(gw_clock_boot_ns() - begin_ns);
}

/* Of this process, in bytes: resident and not of a file. */
static double resident(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double kib = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "RssAnon:", 8) == 0)
			kib = strtod(line + 8, NULL);
	if (f)
		fclose(f);
	return kib * 1024;
}

static double median(double *v)
{
	for (int i = 1; i < ROUNDS; i++)
		for (int j = i; j > 0 && v[j] < v[j - 1]; j--) {
			double swap = v[j];

			v[j] = v[j - 1];
			v[j - 1] = swap;
		}
	return v[ROUNDS / 2];
}

static void run(uint32_t said, enum set set)
{
	size_t units, n_points, n_alarms;
	struct gw_point_info *points;
	struct gw_alarm_opts *alarms;
	char(*keys)[24];
	struct floor_slot *slots = table(said * sizeof *slots);
	double floors[ROUNDS], figures[ROUNDS], ratios[ROUNDS], timed[ROUNDS], bytes;
	struct gw_engine *e;
	struct gw_ring out;
	int64_t now_ns = BEGIN_NS;

	make_unit(set);
	units = said / unit.n_points * (set == SILENT ? 10 : 1);
	said = said / unit.n_points * unit.n_points;
	n_points = units * unit.n_points;
	n_alarms = units * unit.n_alarms;
	points = calloc(n_points, sizeof *points);
	alarms = calloc(n_alarms, sizeof *alarms);
	keys = calloc(n_alarms, sizeof *keys);
	for (size_t p = 0; p < n_points; p++)
		points[p].key = "p";
	for (size_t i = 0; i < n_alarms; i++) {
		alarms[i] = unit.alarm[i % unit.n_alarms];
		alarms[i].first_point += (uint32_t)(i / unit.n_alarms * unit.n_points);
		snprintf(keys[i], sizeof *keys, "%08zx", i);
		alarms[i].info.key = keys[i];
	}
	for (uint32_t i = 0; i < said; i++) {
		order[i] = i;
		slots[i].lo = -1000;
		slots[i].hi = 1000;
	}
	make_samples(said, &now_ns);
	bytes = resident();
	if (gw_engine_new(&(struct gw_engine_opts){.site = &shipped->site,
				  .points = points,
				  .n_points = n_points,
				  .alarms = alarms,
				  .n_alarms = n_alarms,
				  .n_inputs = 1},
		    &e, NULL) ||
		gw_ring_init(&out, 1024, sizeof(struct gw_event), NULL) ||
		gw_engine_add_output(e, &out, NULL, NULL))
		exit(1);
	floor_pass(slots);
	engine_pass(e, false);
	for (int r = 0; r < ROUNDS; r++) {
		make_samples(said, &now_ns);
		floors[r] = floor_pass(slots);
		figures[r] = engine_pass(e, false);
		ratios[r] = figures[r] / floors[r];
	}
	bytes = resident() - bytes;
	for (int r = 0; r < ROUNDS; r++) {
		make_samples(said, &now_ns);
		timed[r] = engine_pass(e, true);
	}
	printf("{\"bench\":\"engine\",\"set\":\"%s\",\"points\":%zu,\"alarms\":%zu,"
	       "\"said\":%u,\"msamples_per_s\":%.1f,\"floor\":%.1f,\"ratio\":%.2f,"
	       "\"timers\":%.1f,\"events\":%llu,\"bytes_per_point\":%.0f,"
	       "\"bytes_per_alarm\":%.0f,\"config_bytes_per_alarm\":%zu}\n",
		set_names[set], n_points, n_alarms, said, median(figures), median(floors),
		median(ratios), median(timed), (unsigned long long)gw_engine_last_seq(e),
		bytes / (double)n_points, bytes / (double)n_alarms, sizeof *alarms);
	fflush(stdout);
	gw_engine_free(e);
	gw_ring_fini(&out);
	free(points);
	free(alarms);
	free(keys);
	free(slots);
}

/* bench_engine [SET [POINTS]]: one figure only */
int main(int argc, char **argv)
{
	uint32_t most = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;

	load_shipped();
	samples = table(SAMPLES * sizeof *samples);
	order = calloc(1000000, sizeof *order);
	for (enum set set = CALM; set <= SILENT; set++) {
		if (argc > 1 && strcmp(argv[1], set_names[set]) != 0)
			continue;
		for (uint32_t n = argc > 2 ? most : 1000; n <= most; n *= 10)
			if (set != SILENT || n <= 100000)
				run(n, set);
	}
	free(samples);
	free(order);
	gw_config_free(shipped);
	return 0;
}
