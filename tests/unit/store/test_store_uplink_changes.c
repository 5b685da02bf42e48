/* SPDX-License-Identifier: Apache-2.0 */
/* Uplinks that are added and removed while nothing can be written: what they are owed, and their
 * marks, are kept in memory. */
#include "store_names.h"

/* The disk fails. An uplink is removed; a second and then a third are added with its address,
 * others with its name or without an address. The last one with its address inherits its marks and
 * what it was owed. */
static void the_last_uplink_with_the_address_inherits_in_memory(void **state)
{
	struct gw_store *s = start((const char *const[]){"a@u", "b"}, 2);
	struct gw_store_uplinks *sinks;
	size_t second, third, fourth;

	(void)state;
	emit(s, 1, 2);
	pass(s, 1);
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 3, 4);
	pass(s, 1);
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 2, GW_MARK_DELIVERED);
	gw_store_mark(s, 0, 3, GW_MARK_DELIVERED);
	pass(s, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			gw_store_reserve_slot(s, i ? &third : &second, NULL), GW_OK);
		sinks = gw_store_uplinks_new();
		assert_true(gw_store_uplinks_add(sinks, 1, "b", "https://b") &&
			gw_store_uplinks_add(sinks, i ? third : second,
				i ? "heir-2" : "heir", "https://u"));
		gw_store_uplinks_set(s, sinks, 5 + (uint64_t)i);
		gw_store_detach_uplink(s, i ? second : 0);
		emit(s, 5 + (uint64_t)i, 5 + (uint64_t)i);
		pass(s, 1);
	}
	/* one without an address inherits nothing */
	assert_int_equal(gw_store_reserve_slot(s, &fourth, NULL), GW_OK);
	sinks = gw_store_uplinks_new();
	assert_true(gw_store_uplinks_add(sinks, 1, "b", "https://b") &&
		gw_store_uplinks_add(sinks, third, "heir-2", "https://u") &&
		gw_store_uplinks_add(sinks, fourth, "c", ""));
	gw_store_uplinks_set(s, sinks, 7);
	pass(s, 1);
	vfs_heal();
	pass(s, 15);
	assert_string_equal(owed(s, third), "3:2 3:4 3:5 3:6");
	assert_string_equal(owed(s, 1), "3:1 3:3 3:4 3:5 3:6");
	assert_string_equal(owed(s, fourth), "");
	gw_store_free(s);
}

/* Sets that begin with later events wait, and go with the store. */
static void an_uplink_set_waits_for_its_first_event(void **state)
{
	struct gw_store *s = start((const char *const[]){"a"}, 1);
	size_t slot;

	(void)state;
	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_OK);
	set(s, 100, (const char *const[]){"a", "x"}, (const size_t[]){0, slot}, 2);
	assert_true(gw_writer_has_input(s)); /* it is there to be taken */
	gw_writer_step(s, false);
	set(s, 200, (const char *const[]){"a"}, (const size_t[]){0}, 1);
	gw_writer_step(s, false);
	emit(s, 1, 1);
	pass(s, 1);
	assert_string_equal(owed(s, 0), "3:1");
	assert_int_equal(s->active_slots, 1);
	gw_store_free(s);
}

/* Its thread has ended with marks in its mailbox: they are read before the slot is reused. */
static void marks_behind_a_request_are_read_before_the_slot_is_reused(void **state)
{
	struct gw_store *s = start((const char *const[]){"a", "b"}, 2);
	struct gw_store_status st;

	(void)state;
	emit(s, 1, 2);
	pass(s, 1);
	assert_true(gw_store_request_owed(s, 1, (struct gw_owed_cursor){4, 0}, 1));
	gw_store_mark(s, 1, 2, GW_MARK_DELIVERED);
	set(s, 3, (const char *const[]){"a"}, (const size_t[]){0}, 1);
	gw_store_detach_uplink(s, 1);
	gw_writer_step(s, false);
	assert_true(s->used_slots >> 1 & 1);
	pass(s, 3);
	assert_false(s->used_slots >> 1 & 1);
	gw_store_status(s, &st);
	assert_int_equal(st.n_removed_uplinks, 1);
	assert_int_equal(st.removed_uplinks[0].owed, 1);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_uplink_with_the_address_inherits_in_memory),
		TEST(an_uplink_set_waits_for_its_first_event),
		TEST(marks_behind_a_request_are_read_before_the_slot_is_reused),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
