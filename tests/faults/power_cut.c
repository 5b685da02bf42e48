/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store through power cuts: a random day, a cut at a random call that changes the disk, often
 * a second one during recovery; then all that was said to be committed is there, still owed unless
 * it was marked, byte for byte, and nothing else is. POWER_CUTS trials from POWER_SEED on (500, 1);
 * a failing one prints its seed, and POWER_CUTS=1 POWER_SEED=N repeats it.
 */
#include "../unit/store/store_fixture.h"
#include "power_vfs.h"

#define EVENTS_MOST 2000
#define ALARMS      40

/* Time is the test's: these displace base/clock.c. */
static int64_t now_ns = 1000 * GW_NS_PER_SEC;

int64_t gw_clock_boot_ns(void)
{
	return now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return 1795300000000 + now_ns / GW_NS_PER_MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	snprintf(ret_id, 37, "00000000-0000-0000-0000-000000000000");
}

/* What the test knows of the life of one state directory. */
static struct {
	struct gw_store *store;
	struct gw_event events[EVENTS_MOST + 1]; /* by seq; seq 0: not pushed */
	bool marked[EVENTS_MOST + 1][2];         /* the uplink was told it may forget */
	bool acked[EVENTS_MOST + 1];             /* said to be committed */
	uint64_t last, committed, run;           /* last: pushed */
	char why[300];
} day;

static void on_cut(void)
{
	uint64_t committed = day.store ? gw_store_committed(day.store) : 0;

	for (uint64_t seq = day.committed + 1; seq <= committed && seq <= day.last; seq++)
		day.acked[seq] = true;
	if (committed > day.committed)
		day.committed = committed;
}

static bool wrong(const char *what, uint64_t seq)
{
	if (!day.why[0])
		snprintf(day.why, sizeof(day.why),
			"%s (seq %llu, committed %llu, pushed %llu)", what,
			(unsigned long long)seq, (unsigned long long)day.committed,
			(unsigned long long)day.last);
	return false;
}

static void rounds(struct gw_store *s, int most)
{
	for (int i = 0; i < most; i++) {
		now_ns += GW_NS_PER_MS;
		if (gw_writer_step(s, false) > 0 && !gw_writer_has_input(s))
			return;
	}
}

/* Events come, some are committed, some of those are delivered, until the power is gone. */
static void work(struct gw_store *s)
{
	for (int step = 0; step < 60 && !power.off; step++) {
		uint64_t n = 1 + power_random() % 8;

		for (uint64_t i = 0; i < n && day.last < EVENTS_MOST; i++) {
			uint64_t seq = ++day.last;
			struct gw_event e = make_event(s, seq, power_random() % ALARMS,
				(enum gw_level)(power_random() % 4));

			day.events[seq] = e;
			push(s, &e);
		}
		rounds(s, 1 + (int)(power_random() % 50));
		on_cut();
		for (int k = 0; k < 4 && day.committed > 0; k++) {
			uint64_t seq = 1 + power_random() % day.committed;
			size_t slot = power_random() % 2;

			if (!day.events[seq].seq || power.off)
				continue;
			day.marked[seq][slot] = true;
			gw_store_mark(s, slot, seq,
				power_random() % 8 ? GW_MARK_DELIVERED : GW_MARK_PARKED);
		}
		if (power_random() % 16 == 0)
			now_ns += 60 * GW_NS_PER_SEC;
	}
}

static bool same_event(const struct gw_event *a, const struct gw_event *b)
{
	return a->seq == b->seq && a->run == b->run && a->change == b->change &&
		a->state == b->state && a->level == b->level &&
		memcmp(a->occurrence, b->occurrence, sizeof(a->occurrence)) == 0 &&
		same_double(a->value, b->value) && a->wall_ms == b->wall_ms &&
		a->boot_ns == b->boot_ns && strcmp(a->info->key, b->info->key) == 0;
}

static bool check_sink(struct gw_store *s, size_t slot)
{
	bool seen[EVENTS_MOST + 1] = {false};
	struct gw_owed_cursor after = {GW_LEVEL_RED + 1, 0};

	for (size_t n = 1; n > 0;) {
		struct gw_batch *b;

		if (!gw_store_request_owed(s, slot, after, GW_STORE_BATCH))
			return wrong("nothing may be asked", 0);
		rounds(s, 10000);
		b = gw_store_take_batch(s, slot);
		if (!b || b->failed) {
			gw_batch_free(b);
			return wrong("what is owed cannot be read", 0);
		}
		n = b->n;
		for (size_t i = 0; i < n; i++) {
			const struct gw_event *e = &b->events[i];

			if (e->seq > day.last || !day.events[e->seq].seq)
				wrong("owes an event that never was", e->seq);
			else if (!same_event(e, &day.events[e->seq]))
				wrong("an event came back with other contents", e->seq);
			else if (seen[e->seq])
				wrong("owes an event twice", e->seq);
			else
				seen[e->seq] = true;
			after = (struct gw_owed_cursor){e->level, e->seq};
		}
		gw_batch_free(b);
	}
	for (uint64_t seq = 1; seq <= day.last; seq++)
		if (day.acked[seq] && !day.marked[seq][slot] && !seen[seq])
			return wrong("a committed event is no longer owed", seq);
	return day.why[0] == '\0';
}

static void check_alarm(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *info)
{
	uint64_t newest = *(uint64_t *)arg;

	(void)info;
	for (uint64_t seq = newest; seq > 0; seq--)
		if (day.events[seq].seq && strcmp(day.events[seq].info->key, r->key) == 0) {
			if (r->seq != seq)
				wrong("an alarm's state is not its newest", r->seq);
			return;
		}
	wrong("a state of an alarm that never was", r->seq);
}

static bool check(struct gw_store *s)
{
	uint64_t last = gw_store_last_seq(s);

	if (gw_store_run(s) <= day.run)
		return wrong("the number of the start is not higher", gw_store_run(s));
	day.run = gw_store_run(s);
	if (last < day.committed)
		return wrong("committed events are gone", last);
	if (last > day.last)
		return wrong("a seq nobody gave", last);
	if (names_with("corrupt"))
		return wrong("the file was taken for corrupt", last);
	gw_store_load_alarms(s, NULL, check_alarm, &last);
	return check_sink(s, 0) && check_sink(s, 1);
}

/* What did not reach the disk is forgotten by everybody: its number is given again. */
static void forget_unwritten(uint64_t last)
{
	for (uint64_t seq = last + 1; seq <= day.last; seq++) {
		day.events[seq].seq = 0;
		day.marked[seq][0] = day.marked[seq][1] = false;
	}
	day.last = last;
}

static void end(struct gw_store *s)
{
	gw_store_free(s);
	day.store = NULL;
	power_restore();
	now_ns += GW_NS_PER_SEC;
}

static bool one_life(void)
{
	for (int cut = 0; cut < 3; cut++) {
		struct gw_store *s;

		if (cut > 0 && power_random() % 2) { /* again while it recovers */
			power_arm(1 + power_random() % 12);
			s = open_store(two_sinks, 2, 16 * MIB);
			if (gw_store_run(s) > day.run)
				day.run = gw_store_run(s);
			rounds(s, 20);
			end(s);
		}
		s = open_store(two_sinks, 2, 16 * MIB);
		if (!check(s)) {
			end(s);
			return false;
		}
		forget_unwritten(gw_store_last_seq(s));
		day.store = s;
		power_arm(1 + power_random() % (power_random() % 4 ? 120 : 900));
		work(s);
		end(s);
	}
	return true;
}

static unsigned lives(uint64_t seed, uint64_t n, bool stop)
{
	unsigned failed = 0;

	for (uint64_t i = 0; i < n; i++) {
		memset(&day, 0, sizeof(day));
		power.random = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		assert_int_equal(temp_dir_make(dir), 0);
		if (!one_life()) {
			failed++;
			if (stop)
				print_message("POWER_CUTS=1 POWER_SEED=%llu: %s\n",
					(unsigned long long)(seed + i), day.why);
		}
		assert_int_equal(temp_dir_remove(dir), 0);
		if (failed && stop)
			break;
	}
	return failed;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* A line for the report, beside those of the trials in Python. */
static void note(uint64_t trials, unsigned failed)
{
	const char *path = getenv("TOCSIN_FAULTS_OUT");
	FILE *out = path ? fopen(path, "a") : NULL;

	if (!out)
		return;
	fprintf(out,
		"{\"kind\": \"power\", \"name\": \"cuts\", \"fault\": \"power cut under "
		"the "
		"store, often a second one during recovery\", \"trials\": %llu, "
		"\"losses\": %u, "
		"\"duplicates\": 0, \"worst_ms\": 0, \"wrong\": [%s]}\n",
		(unsigned long long)trials, failed, failed ? "\"I1 lost\"" : "");
	fclose(out);
}

static void nothing_committed_is_lost(void **state)
{
	uint64_t cuts = number("POWER_CUTS", 500);
	unsigned failed;

	(void)state;
	power.lies = false;
	failed = lives(number("POWER_SEED", 1), (cuts + 2) / 3, true);
	note(cuts, failed);
	assert_int_equal(failed, 0);
}

/* The machine itself: a disk whose syncs do nothing must be found out. */
static void a_lying_disk_is_found_out(void **state)
{
	unsigned found;

	(void)state;
	power.lies = true;
	found = lives(1, 20, false);
	power.lies = false;
	assert_in_range(found, 10, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_committed_is_lost),
		cmocka_unit_test(a_lying_disk_is_found_out),
	};

	power_install();
	power.on_cut = on_cut;
	fixture_setup(NULL);
	fixture_teardown(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
