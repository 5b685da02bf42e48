/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulate [-d DAYS] [-s SEED] [-p SECONDS] CONFIG
 *
 * Days of a building in seconds: a real config whose sources are all simulated, the real
 * drivers, rings and engine, on a clock of its own. One line an event on stdout: the alert log
 * line in UTC, then the state in brackets, the predicted time to the limit, who confirmed it.
 * The same arguments give the same bytes. Counters go to stderr.
 *
 * -p: a person acknowledges each alarm this long after it was raised, and resets it as long
 * after it came back if it latches; default: nobody does.
 */
#include "base/backoff.h"
#include "base/clock.h"
#include "conf/config.h"
#include "conf/load.h"
#include "engine/engine.h"
#include "source/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY_NS   (86400 * GW_NS_PER_SEC)
#define BEGIN_NS (1000 * GW_NS_PER_SEC)
#define BEGIN_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define BATCH    64

/* Displaces the library's clock: time is what the simulation says. */
static int64_t now_ns = BEGIN_NS;

int64_t gw_clock_boot_ns(void)
{
	return now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return BEGIN_MS + (now_ns - BEGIN_NS) / GW_NS_PER_MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	memcpy(ret_id, "00000000-0000-0000-0000-000000000000", 37);
}

/* What source.c does in a thread of its own, done when its time has come. */
struct source {
	const struct gw_source_opts *opts;
	void *state;
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_backoff breaker;
	bool up, told;
	int64_t every_ns, next_ns;
};

/* A person with a list of what to do: alarms by index, each with a time. */
struct person {
	int64_t after_ns; /* 0: there is none */
	struct gw_ring commands, replies;
	int64_t *due_ns; /* by alarm; INT64_MAX: nothing */
	bool *reset;     /* what is due: reset, else acknowledge */
	int64_t next_ns;
};

struct sim {
	struct gw_config *config;
	struct gw_engine *engine;
	struct gw_ring events;
	struct source *sources;
	struct person person;
	uint64_t n_events;
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "simulate: %s: %s\n", what, why);
	exit(2);
}

static void need(enum gw_err rc, const struct gw_error *err)
{
	if (rc)
		die("cannot start", err->text);
}

static int64_t greatest_common(int64_t a, int64_t b)
{
	return b ? greatest_common(b, a % b) : a;
}

static void source_new(struct sim *s, size_t i, int64_t seed)
{
	struct source *to = &s->sources[i];
	const struct gw_source_opts *opts = &s->config->sources[i];
	const struct gw_setting *row = opts->driver_table->source_settings;
	struct gw_error err = {0};

	if (strcmp(opts->driver_table->name, "sim") != 0)
		die(opts->name, "not a simulated source");
	for (; row->key; row++)
		if (strcmp(row->key, "seed") == 0)
			*(int64_t *)(void *)((char *)opts->driver + row->offset) += seed;
	for (size_t k = 0; k < opts->n_devices; k++)
		to->every_ns = greatest_common(to->every_ns,
			opts->devices[k].poll_ns ? opts->devices[k].poll_ns
						 : opts->poll_ns);
	to->opts = opts;
	to->next_ns = now_ns;
	to->state = calloc(1, opts->driver_table->state_size);
	gw_backoff_init(
		&to->breaker, GW_NS_PER_SEC, 60 * GW_NS_PER_SEC, (uint64_t)(seed + 1));
	need(gw_ring_init(&to->ring, 1024, sizeof(struct gw_sample), &err), &err);
	need(gw_emit_init(&to->emit,
		     &(struct gw_emit_opts){.source = opts->name,
			     .n_points = opts->n_points + 1,
			     .ring = &to->ring,
			     .stop_fd = -1},
		     &err),
		&err);
	need(gw_engine_add_input(s->engine, &to->ring, s->config->source_first_point[i],
		     opts->n_points + 1, &err),
		&err);
}

static void emit_down(struct source *s, bool down)
{
	for (uint32_t i = 0; down && i < s->opts->n_points; i++)
		gw_emit_sample(&s->emit, i, GW_QUALITY_BAD_LINK, 0, now_ns, 0);
	gw_emit_sample(&s->emit, s->opts->down_point, GW_QUALITY_GOOD, down, now_ns, 0);
}

static void source_poll(struct source *s)
{
	const struct gw_driver *driver = s->opts->driver_table;
	struct gw_error err = {0};
	enum gw_err rc = GW_OK;

	if (!s->up) {
		rc = driver->open(s->state, s->opts, &s->emit, &err);
		s->up = rc == GW_OK;
		if (s->up)
			emit_down(s, false);
	}
	if (s->up)
		rc = driver->poll(s->state, 0, &s->emit, &err);
	s->next_ns = BEGIN_NS + ((now_ns - BEGIN_NS) / s->every_ns + 1) * s->every_ns;
	if (rc) {
		driver->close(s->state);
		if (s->up || !s->told)
			emit_down(s, true);
		s->told = true;
		s->up = false;
		gw_backoff_failed(&s->breaker, now_ns);
		s->next_ns = s->breaker.next_ns;
	} else if (s->breaker.failures) {
		gw_backoff_succeeded(&s->breaker);
	}
	gw_emit_flush(&s->emit);
}

static void person_new(struct sim *s, int64_t after_ns)
{
	struct person *p = &s->person;
	size_t n = s->config->n_alarms;
	struct gw_error err = {0};

	p->after_ns = after_ns;
	p->next_ns = INT64_MAX;
	p->due_ns = calloc(n, sizeof *p->due_ns);
	p->reset = calloc(n, sizeof *p->reset);
	for (size_t i = 0; i < n; i++)
		p->due_ns[i] = INT64_MAX;
	need(gw_ring_init(&p->commands, n, sizeof(struct gw_alarm_command), &err), &err);
	need(gw_ring_init(&p->replies, n, sizeof(struct gw_alarm_reply), &err), &err);
	gw_engine_set_commands(s->engine, &p->commands, &p->replies, NULL);
}

static void person_hears(struct sim *s, const struct gw_event *e)
{
	struct person *p = &s->person;
	size_t i = 0;

	if (!p->after_ns)
		return;
	while (&s->config->alarms[i].info != e->info)
		i++;
	p->due_ns[i] = INT64_MAX;
	if (e->state == GW_STATE_ACTIVE_UNACKED || e->state == GW_STATE_RETURNED_UNACKED ||
		e->state == GW_STATE_LATCHED_UNACKED || e->state == GW_STATE_LATCHED_ACKED)
		p->due_ns[i] = e->boot_ns + p->after_ns;
	p->reset[i] = e->state == GW_STATE_LATCHED_ACKED;
	if (p->due_ns[i] < p->next_ns)
		p->next_ns = p->due_ns[i];
}

static void person_acts(struct sim *s)
{
	struct person *p = &s->person;

	p->next_ns = INT64_MAX;
	for (size_t i = 0; i < s->config->n_alarms; i++) {
		if (p->due_ns[i] <= now_ns) {
			struct gw_alarm_command c = {.cookie = i,
				.alarm = (uint32_t)i,
				.kind = p->reset[i] ? GW_COMMAND_RESET : GW_COMMAND_ACK};

			gw_ring_push(&p->commands, &c, 1, sizeof c);
			p->due_ns[i] = INT64_MAX;
		}
		if (p->due_ns[i] < p->next_ns)
			p->next_ns = p->due_ns[i];
	}
}

static void print_event(const struct gw_event *e)
{
	char memory[GW_EVENT_LINE_MAX];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof memory);
	gw_event_line(&t, e);
	gw_text_addf(&t, " [%s]", gw_state_name((enum gw_state)e->state));
	if (e->eta_ms >= 0) {
		gw_text_add(&t, " eta ");
		gw_text_add_duration(&t, e->eta_ms / 1000 * GW_NS_PER_SEC);
	}
	for (unsigned i = 0; i < e->n_confirmed_by; i++)
		gw_text_addf(&t, "%s%s", i ? ", " : " by ", e->confirmed_by[i]);
	puts(memory);
}

/* Let the engine deal with all there is at this time. */
static void step(struct sim *s)
{
	const struct gw_time now = {now_ns, gw_clock_wall_ms(), true};
	struct gw_alarm_reply reply;
	struct gw_event e;

	while (gw_engine_step(s->engine, now))
		;
	while (gw_ring_pop(&s->events, &e, 1, sizeof e)) {
		s->n_events++;
		print_event(&e);
		person_hears(s, &e);
	}
	while (s->person.after_ns &&
		gw_ring_pop(&s->person.replies, &reply, 1, sizeof reply))
		if (!reply.done)
			die(s->config->alarms[reply.cookie].info.key, reply.why);
}

static void run(struct sim *s, int64_t end_ns)
{
	while (now_ns < end_ns) {
		int64_t next_ns;

		for (size_t i = 0; i < s->config->n_sources; i++)
			if (s->sources[i].next_ns <= now_ns)
				source_poll(&s->sources[i]);
		if (s->person.next_ns <= now_ns)
			person_acts(s);
		step(s);
		next_ns = gw_engine_next_timer_ns(s->engine);
		if (s->person.next_ns < next_ns)
			next_ns = s->person.next_ns;
		for (size_t i = 0; i < s->config->n_sources; i++)
			if (s->sources[i].next_ns < next_ns)
				next_ns = s->sources[i].next_ns;
		now_ns = next_ns;
	}
}

static void sim_new(struct sim *s, int64_t seed, int64_t person_ns)
{
	struct gw_error err = {0};
	const struct gw_config *c = s->config;
	char boot[GW_BOOT_ID];

	need(gw_engine_new(&(struct gw_engine_opts){.site = &c->site,
				   .points = c->points,
				   .n_points = c->n_points,
				   .alarms = c->alarms,
				   .n_alarms = c->n_alarms,
				   .n_inputs = c->n_sources},
		     &s->engine, &err),
		&err);
	gw_clock_boot_id(boot);
	gw_engine_set_identity(s->engine, 1, 0, boot);
	need(gw_ring_init(&s->events, 1024, sizeof(struct gw_event), &err), &err);
	need(gw_engine_add_output(s->engine, &s->events, NULL, &err), &err);
	s->sources = aligned_alloc(GW_CACHE_LINE, c->n_sources * sizeof *s->sources);
	memset(s->sources, 0, c->n_sources * sizeof *s->sources);
	for (size_t i = 0; i < c->n_sources; i++)
		source_new(s, i, seed);
	if (person_ns)
		person_new(s, person_ns);
}

static void print_counters(struct sim *s)
{
	uint64_t samples = 0, coalesced = 0, timeouts = 0;

	for (size_t i = 0; i < s->config->n_sources; i++) {
		struct gw_emit *e = &s->sources[i].emit;

		samples += atomic_load_explicit(&e->samples, memory_order_relaxed);
		coalesced += atomic_load_explicit(&e->coalesced, memory_order_relaxed);
		timeouts += atomic_load_explicit(
			&e->counts[GW_COUNT_TIMEOUTS], memory_order_relaxed);
	}
	fprintf(stderr,
		"{\"points\":%zu,\"alarms\":%zu,\"samples\":%" PRIu64
		",\"coalesced\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"events\":%" PRIu64
		",\"cpu_s\":%.2f}\n",
		s->config->n_points, s->config->n_alarms, samples, coalesced, timeouts,
		s->n_events, (double)clock() / CLOCKS_PER_SEC);
}

static void sim_free(struct sim *s)
{
	for (size_t i = 0; i < s->config->n_sources; i++) {
		struct source *at = &s->sources[i];

		at->opts->driver_table->close(at->state);
		free(at->state);
		gw_emit_fini(&at->emit);
		gw_ring_fini(&at->ring);
	}
	free(s->sources);
	free(s->person.due_ns);
	free(s->person.reset);
	gw_ring_fini(&s->person.commands);
	gw_ring_fini(&s->person.replies);
	gw_ring_fini(&s->events);
	gw_engine_free(s->engine);
	gw_config_free(s->config);
}

static void say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct gw_complaints complaints = {.say = say};
	int64_t seed = 0, person_ns = 0;
	double days = 1;
	struct sim s = {0};
	int c;

	while ((c = getopt(argc, argv, "d:s:p:")) != -1) {
		if (c == 'd')
			days = atof(optarg);
		else if (c == 's')
			seed = atoll(optarg);
		else if (c == 'p')
			person_ns = atoll(optarg) * GW_NS_PER_SEC;
		else
			return 2;
	}
	if (optind + 1 != argc)
		die("usage", "simulate [-d DAYS] [-s SEED] [-p SECONDS] CONFIG");
	setenv("TZ", "UTC", 1);
	tzset();
	if (gw_config_load(argv[optind], &s.config, &complaints))
		return 1;
	sim_new(&s, seed, person_ns);
	run(&s, BEGIN_NS + (int64_t)(days * (double)DAY_NS));
	print_counters(&s);
	sim_free(&s);
	return 0;
}
