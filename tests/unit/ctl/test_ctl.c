/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/connection.h"
#include "ctl/print_lists.h"
#include "ctl/print_status.h"
#include "term/table.h"
#include "term/time_arg.h"
#include "term/width.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char *printed;
static size_t printed_size;
static FILE *out;

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Shanghai", 1);
	tzset();
	out = open_memstream(&printed, &printed_size);
	return out ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fclose(out);
	free(printed);
	return 0;
}

static const char *shown(void)
{
	fflush(out);
	return printed;
}

static json_t *json(const char *text)
{
	json_error_t err;
	json_t *o = json_loads(text, 0, &err);

	if (!o)
		fail_msg("%s", err.text);
	return o;
}

static void widths_count_columns(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} rows[] = {
		{"", 0}, {"gas-1", 5}, {"锅炉房", 6}, {"A/-1/锅炉房", 11}, {"°C", 2},
		{"e\xcc\x81", 1},             /* e and a combining acute accent */
		{"ﾊﾝｶｸ", 4},                  /* half-width */
		{"ＦＵＬＬ", 8},              /* full-width */
		{"𠮷", 2},                    /* beyond the BMP */
		{"한글", 4}, {"\xff\xfe", 2}, /* shown as ?? */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(gw_width(rows[i].text), rows[i].width);
}

static void nothing_from_outside_commands_the_terminal(void **state)
{
	char *tame = gw_width_sanitize("a\033[2J\r\nb\x07\xc2\x9b"
				       "c\x7f\xff锅\u202ered\u2066\ufeff");

	(void)state;
	assert_string_equal(tame, "a [2J  b  c ?锅 red  ");
	free(tame);
	gw_print_line(out, "t RED raised \033]0;owned\007", true);
	assert_null(strstr(shown(), "\033]"));
	assert_null(strchr(shown(), '\007'));
}

static void points_align_under_chinese_names(void **state)
{
	json_t *r = json(
		"[{\"point\":\"boiler/gas-1/"
		"ch4\",\"value\":52.30000001234,\"quality\":\"good\",\"unit\":\"%LEL\","
		"\"age_ms\":512,\"place\":{\"building\":\"A\",\"floor\":\"-1\",\"room\":"
		"\"锅炉房\"}},"
		"{\"point\":\"锅炉/温度/"
		"t\",\"value\":null,\"last_value\":-3,\"quality\":\"bad-timeout\","
		"\"unit\":\"°C\",\"age_ms\":7500000,\"place\":{\"building\":\"\",\"floor\":"
		"\"\",\"room\":\"\"}},"
		"{\"point\":\"p/d/"
		"never\",\"value\":null,\"last_value\":null,\"quality\":\"silent\","
		"\"unit\":\"\",\"age_ms\":null}]");

	(void)state;
	gw_print_points(out, r, &(struct gw_print_opts){.colour = false});
	assert_string_equal(shown(),
		"POINT             VALUE  UNIT  QUALITY         AGE  PLACE\n"
		"boiler/gas-1/ch4   52.3  %LEL  good          512ms  A/-1/锅炉房\n"
		"锅炉/温度/t        (-3)  °C    bad-timeout  2h5min  -\n"
		"p/d/never             -  -     silent            -  -\n");
	json_decref(r);
}

static void empty_states_say_so(void **state)
{
	json_t *none = json("[]"), *status = json("{\"sources\":[],\"uplinks\":[]}");

	(void)state;
	gw_print_alarms(out, none, &(struct gw_print_opts){.colour = true});
	gw_print_alarms(out, none, &(struct gw_print_opts){.colour = true, .all = true});
	gw_print_points(out, none, &(struct gw_print_opts){.colour = true});
	gw_print_points(
		out, none, &(struct gw_print_opts){.colour = true, .pattern = "x/*"});
	assert_string_equal(shown(),
		"no standing alarms\n"
		"no alarms configured\n"
		"no points configured\n"
		"no point matches x/* (source/device/point; * stays within one part)\n");
	gw_print_status(out, status, &(struct gw_print_opts){.colour = true});
	assert_non_null(strstr(shown(), "no sources configured\n"));
	assert_non_null(
		strstr(shown(), "no uplinks configured: alarms stay in this box\n"));
	json_decref(none);
	json_decref(status);
}

static const char *const two_alarms =
	"[{\"alarm\":\"boiler/gas-1/ch4:ch4-high\",\"name\":\"ch4-high\","
	"\"state\":\"active-unacked\",\"level\":\"red\",\"class\":\"alarm\","
	"\"since\":\"2026-11-21T00:15:30.123Z\",\"value\":52.3,\"limit\":50,"
	"\"unit_of_measure\":\"%LEL\",\"condition\":\"above 50\",\"text\":\"甲烷\","
	"\"place\":{\"building\":\"A\",\"floor\":\"-1\",\"room\":\"锅炉房\"}},"
	"{\"alarm\":\"plant:down\",\"name\":\"down\",\"state\":\"shelved\","
	"\"level\":\"yellow\",\"class\":\"fault\",\"since\":\"2026-11-20T23:00:00.000Z\","
	"\"shelved_until\":\"2026-11-21T01:00:00.000Z\",\"value\":null,\"limit\":null,"
	"\"unit_of_measure\":\"\",\"condition\":\"\",\"text\":\"\"}]";

static void alarms_in_columns(void **state)
{
	json_t *r = json(two_alarms);

	(void)state;
	gw_print_alarms(out, r, &(struct gw_print_opts){.colour = false});
	assert_string_equal(shown(),
		"LEVEL   CLASS  STATE                              ALARM                   "
		"   "
		"    VALUE  CONDITION  SINCE                PLACE        TEXT\n"
		"RED     alarm  active-unacked                     "
		"boiler/gas-1/ch4:ch4-high  "
		"52.3 %LEL  above 50   2026-11-21 08:15:30  A/-1/锅炉房  甲烷\n"
		"YELLOW  fault  shelved until 2026-11-21 09:00:00  plant:down              "
		"   "
		"        -  -          2026-11-21 07:00:00  -            -\n");
	json_decref(r);
}

static void colours_only_where_asked(void **state)
{
	json_t *r = json(two_alarms);

	(void)state;
	gw_print_alarms(out, r, &(struct gw_print_opts){.colour = false});
	assert_null(strchr(shown(), '\033'));
	gw_print_alarms(out, r, &(struct gw_print_opts){.colour = true});
	assert_non_null(strstr(shown(), "\033[1;31mRED\033[0m"));
	json_decref(r);
}

static void lines_of_the_log_keep_every_byte(void **state)
{
	static const char line[] = "2026-11-21T08:15:30.123+08:00 RED raised "
				   "boiler/gas-1/ch4 ch4-high 52.3 %LEL "
				   "above 50 @ A/-1/锅炉房 #42";

	(void)state;
	gw_print_line(out, line, false);
	gw_print_line(out, "odd", true);
	gw_print_line(out, line, true);
	fflush(out);
	assert_memory_equal(printed, line, sizeof(line) - 1);
	assert_non_null(strstr(printed,
		"\nodd\n\033[2m2026-11-21T08:15:30.123+08:00\033[0m "
		"\033[1;31mRED\033[0m raised boiler/"));
}

static void status_tells_what_is_wrong(void **state)
{
	json_t *r = json(
		"{\"gateway\":\"tj-1\",\"unit\":\"示例大厦\",\"version\":\"0.1.0\",\"run\":"
		"3,"
		"\"uptime_ms\":183600000,\"clock\":\"unsynced\","
		"\"alarms\":{\"configured\":9,\"standing\":2,\"unacked\":1,\"shelved\":0,"
		"\"red\":1,\"yellow\":1},"
		"\"points\":{\"configured\":4,\"good\":2,\"uncertain\":0,\"bad\":1,"
		"\"silent\":1},"
		"\"counters\":{\"samples\":78,\"last_seq\":23},"
		"\"store\":{\"state\":\"failing\",\"why\":\"disk "
		"full\",\"rows\":20,\"file_bytes\":1572864,\"pending\":3},"
		"\"alert_log\":{\"path\":\"/var/log/tocsin/"
		"alerts.log\",\"state\":\"ok\",\"lines\":23,\"waiting\":0,\"lost\":0},"
		"\"sources\":[{\"name\":\"boiler\",\"driver\":\"modbus-rtu\",\"state\":"
		"\"up\",\"state_age_ms\":90000,"
		"\"why\":\"\",\"devices\":1,\"devices_answering\":1,\"points\":2,\"points_"
		"usable\":1,\"samples\":78,\"timeouts\":2,\"bad_frames\":1},"
		"{\"name\":\"plant\",\"driver\":\"modbus-tcp\",\"state\":\"down\",\"state_"
		"age_ms\":300000,\"tries\":12,"
		"\"why\":\"Connection "
		"refused\",\"devices\":1,\"devices_answering\":0,\"points\":1,\"points_"
		"usable\":0,\"samples\":0}],"
		"\"uplinks\":[{\"name\":\"city\",\"state\":\"up\",\"state_age_ms\":2000,"
		"\"pending\":3,\"oldest_ms\":4200,"
		"\"sent\":17,\"retries\":0,\"parked\":0,\"why\":\"\"}]}");

	(void)state;
	gw_print_status(out, r, &(struct gw_print_opts){.colour = false});
	assert_string_equal(shown(),
		"tj-1  示例大厦\n"
		"  tocsind    0.1.0, run 3, up 2d3h, clock unsynced\n"
		"  alarms     2 standing (1 red, 1 yellow), 1 unacknowledged, 0 shelved\n"
		"  points     4: 2 good, 0 uncertain, 1 bad, 1 silent\n"
		"  counters   78 samples, last event #23\n"
		"  store      FAILING (disk full), 20 rows in 1.5 MiB, 3 to be committed\n"
		"  alert log  ok, 23 lines in /var/log/tocsin/alerts.log\n"
		"\n"
		"SOURCE  DRIVER      STATE  SINCE  DEVICES  POINTS  SAMPLES  NOTE\n"
		"boiler  modbus-rtu  up      1min      1/1     1/2       78  2 timeouts, 1 "
		"bad "
		"frames\n"
		"plant   modbus-tcp  down    5min      0/1     0/1        0  Connection "
		"refused "
		"(12 tries)\n"
		"\n"
		"UPLINK  STATE  SINCE  PENDING  OLDEST  SENT  RETRIES  PARKED  NOTE\n"
		"city    up      2.0s        3    4.2s    17        0       0  -\n");
	json_decref(r);
}

static void times_that_people_write(void **state)
{
	static const int64_t now_ms = INT64_C(1795220130123);
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"2h", INT64_C(1795220130123) - 7200000},
		{"1.5h", INT64_C(1795220130123) - 5400000},
		{"2026-11-21T08:15:30.123+08:00", INT64_C(1795220130123)},
		{"2026-11-21T00:15:30.1239Z", INT64_C(1795220130123)},
		{"2026-11-21 08:15:30", INT64_C(1795220130000)},
		{"2026-11-21 08:15", INT64_C(1795220100000)},
		{"2026-11-21", INT64_C(1795190400000)},
		{"2026-11-20T19:15:30-05:00", INT64_C(1795220130000)},
		{"50000d", 1},
	};
	static const char *const bad[] = {"", "2", "now", "2026-11-31", "2026-13-01",
		"2026-11-21T25:00:00Z", "2026-11-21T08:15:30+08", "2026-11-21T08:15:30Zx",
		"2026-11-21T", "26-11-21", "-2h", "2026-11-21T08:15:30.Z"};
	struct gw_error err;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(gw_time_arg_parse(good[i].text, now_ms, &ms, &err), GW_OK);
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 7;
		assert_int_not_equal(gw_time_arg_parse(bad[i], now_ms, &ms, &err), GW_OK);
		assert_true(ms == 7);
	}
}

static void ages_in_two_units_at_most(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{0, "0ms"}, {999, "999ms"}, {1049, "1.0s"}, {9999, "9.9s"},
		{59999, "59s"}, {60000, "1min"}, {3599999, "59min"}, {3600000, "1h0min"},
		{90000000, "1d1h"}};
	char memory[32];
	struct gw_text t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gw_text_init(&t, memory, sizeof(memory));
		gw_time_arg_add_age(&t, rows[i].ms);
		assert_string_equal(memory, rows[i].text);
	}
}

static void a_daemon_that_is_not_there_is_named_with_the_next_step(void **state)
{
	struct gw_connection c;
	struct gw_error err;

	(void)state;
	assert_int_equal(
		gw_connection_open(&c, "/nonexistent/control.sock", &err), GW_ERR_LINK);
	assert_string_equal(err.text,
		"cannot reach tocsind at /nonexistent/control.sock: is it running? "
		"systemctl "
		"status tocsind");
	gw_connection_close(&c);
}

static void lines_are_taken_whole_however_they_arrive(void **state)
{
	struct gw_connection c = {0};
	struct gw_error err;
	size_t n = 300000;
	char *line, *big = malloc(n);
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	c.fd = ends[0];
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_ERR_TIMEOUT);
	assert_int_equal(write(ends[1], "on", 2), 2);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_ERR_TIMEOUT);
	assert_int_equal(write(ends[1], "e\ntwo\nthr", 9), 9);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_OK);
	assert_string_equal(line, "one");
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_OK);
	assert_string_equal(line, "two");
	memset(big, 'x', n);
	for (size_t done = 0; done < n; done += 100000) {
		assert_int_equal(write(ends[1], big + done, 100000), 100000);
		assert_int_equal(
			gw_connection_read_line(&c, 0, &line, &err), GW_ERR_TIMEOUT);
	}
	assert_int_equal(write(ends[1], "\n", 1), 1);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_OK);
	assert_int_equal(strlen(line), n + 3);
	close(ends[1]);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_ERR_STOPPED);
	gw_connection_close(&c);
	free(big);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(widths_count_columns),
		TEST(nothing_from_outside_commands_the_terminal),
		TEST(points_align_under_chinese_names),
		TEST(empty_states_say_so),
		TEST(alarms_in_columns),
		TEST(colours_only_where_asked),
		TEST(lines_of_the_log_keep_every_byte),
		TEST(status_tells_what_is_wrong),
		TEST(times_that_people_write),
		TEST(ages_in_two_units_at_most),
		TEST(a_daemon_that_is_not_there_is_named_with_the_next_step),
		TEST(lines_are_taken_whole_however_they_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
