/* SPDX-License-Identifier: Apache-2.0 */
/* An engine without memory: at its making an error and nothing left behind; at a reload or a
 * restart, where it has to go on, nothing lost. */
#include "engine_fixture.h"

#include "engine/engine_internal.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/fixture/failing_memory.h"
#include "tests/unit/fixture/real_call.h"

/* ---- mapped memory fails, too ---- */

static struct {
	int maps, fail_map; /* the n-th; 0: none */
	int live;
	bool no_protect;
} pages;

/* Displace libc's. */
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	static void *(*real)(void *, size_t, int, int, int, off_t);

	if (real == NULL)
		*(void **)&real = real_call("mmap");
	if (++pages.maps == pages.fail_map) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	pages.live++;
	return real(at, n, protection, flags, fd, offset);
}

int munmap(void *at, size_t n)
{
	pages.live--;
	return (int)syscall(SYS_munmap, at, n);
}

int mprotect(void *at, size_t n, int protection)
{
	if (pages.no_protect) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_mprotect, at, n, protection);
}

#define MANY_POINTS 33000 /* on huge pages */
#define MANY_ALARMS 2000

static struct gw_point_info *many_points;
static struct gw_alarm_opts *many_alarms;

static void make_large(void)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = many_points,
		.n_points = MANY_POINTS,
		.alarms = many_alarms,
		.n_alarms = MANY_ALARMS};
	struct gw_engine *e = NULL;
	struct gw_error err = {0};

	if (gw_engine_new(&opts, &e, &err)) {
		assert_int_equal(err.kind, GW_ERR_SYSTEM);
		assert_non_null(strstr(err.text, "out of memory"));
		assert_null(e);
	}
	gw_engine_free(e);
}

static void an_engine_that_cannot_be_made(void **unused)
{
	int maps;

	(void)unused;
	many_points = calloc(MANY_POINTS, sizeof *many_points);
	many_alarms = calloc(MANY_ALARMS, sizeof *many_alarms);
	for (size_t i = 0; i < MANY_ALARMS; i++) {
		struct gw_alarm_opts *a = fixture_alarm("rate", 0, &gw_condition_rises);

		fixture.n_alarms = 0;
		fixture_when(a)->limit = 10;
		fixture_when(a)->window_ns = 60 * S;
		many_alarms[i] = *a;
		many_alarms[i].first_point = (uint32_t)i;
	}
	each_failure("gw_engine_new of many", make_large);
	pages.maps = pages.live = 0;
	make_large();
	maps = pages.maps;
	assert_true(maps > 2);
	for (int n = 1; n <= maps; n++) {
		pages.maps = 0;
		pages.fail_map = n;
		run_failing(make_large, 0, false);
		assert_int_equal(heap.live, 0);
	}
	pages.fail_map = 0;
	pages.no_protect = true;
	run_failing(make_large, 0, false);
	pages.no_protect = false;
	assert_int_equal(heap.live, 0);
	assert_int_equal(pages.live, 0);
	free(many_points);
	free(many_alarms);
}

/* ---- a restart and a reload ---- */

static void two_alarms(void)
{
	fixture.n_alarms = 0;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_when(fixture_alarm("high", 1, &gw_condition_above))->limit = 50;
}

static void restore(void)
{
	struct gw_alarm_record m = {.key = "s/d1/p:high",
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.value = 60,
		.peak = 60,
		.seq = 90};

	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	m.key = "s/d7/p:gone";
	assert_false(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
}

/* No index of the alarms: they are found all the same, or what stood would be told to be gone. */
static void a_restart_without_memory_for_an_index_finds_every_alarm(void **unused)
{
	(void)unused;
	two_alarms();
	fixture_start();
	run_failing(restore, 1, true);
	assert_int_equal(heap.live, 0);
	assert_int_equal(fixture_feed(S, 1, 60), 0); /* it is known already */
	assert_int_equal(fixture_state(1), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_state(0), GW_STATE_NORMAL);
}

static struct gw_engine *next;

static void no_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	fail_msg("%s found no home", record->key);
}

static void adopt(void)
{
	gw_engine_prepare_adopt(next);
	assert_int_equal(gw_engine_adopt(next, fixture.engine, fixture_time(9 * S),
				 no_unconfigured, NULL),
		0);
}

static void exchange(void)
{
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	fixture_pass(9 * S);
}

static struct gw_alarm_opts old_alarms[2];

static void start_old(void)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = fixture.points,
		.n_points = FIXTURE_POINTS,
		.alarms = old_alarms,
		.n_alarms = 2};

	two_alarms();
	memcpy(old_alarms, fixture.alarms, sizeof old_alarms);
	old_alarms[0].info.key = "s/d0/p:high";
	old_alarms[1].info.key = "s/d1/p:high";
	assert_int_equal(gw_engine_new(&opts, &fixture.engine, NULL), GW_OK);
	gw_engine_set_identity(
		fixture.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
}

/* No index of the points or alarms, in an order of their own: every value and state is there. */
static void a_reload_without_memory_for_an_index_keeps_every_state(void **unused)
{
	struct gw_point_view v;

	(void)unused;
	start_old();
	for (uint32_t p = 0; p < FIXTURE_POINTS; p++)
		fixture_feed(S, p, 60 + p);
	two_alarms();
	for (int i = 0; i < FIXTURE_POINTS; i++) /* the other way round */
		snprintf(fixture.point_key[i], sizeof fixture.point_key[i], "s/d%d/p",
			FIXTURE_POINTS - 1 - i);
	fixture.alarms[0].first_point = 7;
	fixture.alarms[1].first_point = 6;
	next = fixture_engine();
	/* the points of the old engine had the names in their old order */
	{
		static struct gw_point_info was[FIXTURE_POINTS];
		static char key[FIXTURE_POINTS][32];

		for (int i = 0; i < FIXTURE_POINTS; i++) {
			was[i] = fixture.points[i];
			snprintf(key[i], sizeof key[i], "s/d%d/p", i);
			was[i].key = key[i];
		}
		fixture.engine->opts.points = was;
	}
	run_failing(adopt, 1, true);
	assert_int_equal(heap.live, 0);
	exchange();
	assert_int_equal(fixture.n_events, 0);
	for (size_t p = 0; p < FIXTURE_POINTS; p++) {
		gw_view_point(gw_engine_view(fixture.engine), p, &v);
		assert_true(v.value == 60 + (double)(FIXTURE_POINTS - 1 - p));
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(fixture_state(i), GW_STATE_ACTIVE_UNACKED);
}

/* Events wait for a ring that is full, more than fit into half of the new engine's room. */
static void a_reload_with_many_events_waiting(void **unused)
{
	struct gw_ring full;
	struct gw_event e;
	uint64_t seq = 101;

	(void)unused;
	start_old();
	assert_int_equal(gw_ring_init(&full, 2, sizeof e, NULL), GW_OK);
	assert_int_equal(gw_engine_add_output(fixture.engine, &full, NULL, NULL), GW_OK);
	for (int i = 0; i < 600; i++)
		fixture_feed(S + i, 0, i % 2 ? 40 : 60);
	assert_true(gw_engine_output_blocked(fixture.engine));
	two_alarms();
	next = fixture_engine();
	assert_int_equal(gw_engine_add_output(next, &full, NULL, NULL), GW_OK);
	run_failing(adopt, 1, true);
	exchange();
	while (gw_ring_pop(&full, &e, 1, sizeof e)) {
		assert_int_equal(e.seq, seq);
		seq++;
		fixture_pass(10 * S);
	}
	assert_int_equal(seq, 101 + 600);
	assert_int_equal(gw_engine_lost_events(fixture.engine, &full), 0);
	gw_ring_fini(&full);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(an_engine_that_cannot_be_made),
		IT(a_restart_without_memory_for_an_index_finds_every_alarm),
		IT(a_reload_without_memory_for_an_index_keeps_every_state),
		IT(a_reload_with_many_events_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
