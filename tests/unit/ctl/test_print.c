/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of the daemon as a person sees them. */
#include "ctl/print_lists.h"
#include "ctl/print_status.h"
#include "term/table.h"
#include "term/width.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void names_cannot_control_the_terminal(void **state)
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

static void empty_documents_are_explained(void **state)
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

static void colours_only_if_requested(void **state)
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

static void status_shows_faults(void **state)
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

static void status_shows_stalled_stores_and_lost_events(void **state)
{
	json_t *r = json(
		"{\"gateway\":\"tj-1\",\"store\":{\"state\":\"stalled\",\"why\":\"\","
		"\"oldest_uncommitted_ms\":42000,\"rows\":2},"
		"\"uplinks\":[{\"name\":\"city\",\"state\":\"up\",\"lost\":7,\"why\":\"\"},"
		"{\"name\":\"county\",\"state\":\"down\",\"lost\":1,\"why\":\"refused\"}]}");

	(void)state;
	gw_print_status(out, r, &(struct gw_print_opts){.colour = false});
	shown();
	assert_non_null(strstr(
		printed, "  store      STALLED (nothing committed for 42s), 2 rows"));
	assert_non_null(strstr(printed, "  7 lost\n"));
	assert_non_null(strstr(printed, "  1 lost; refused\n"));
	json_decref(r);
	r = json(
		"{\"gateway\":\"tj-1\",\"store\":{\"state\":\"opening\",\"why\":\"\",\"rows\":0}}");
	gw_print_status(out, r, &(struct gw_print_opts){.colour = false});
	shown();
	assert_non_null(strstr(printed, "  store      opening, 0 rows"));
	json_decref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			names_cannot_control_the_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(
			points_align_under_chinese_names, setup, teardown),
		cmocka_unit_test_setup_teardown(
			empty_documents_are_explained, setup, teardown),
		cmocka_unit_test_setup_teardown(alarms_in_columns, setup, teardown),
		cmocka_unit_test_setup_teardown(colours_only_if_requested, setup, teardown),
		cmocka_unit_test_setup_teardown(
			lines_of_the_log_keep_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(status_shows_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(
			status_shows_stalled_stores_and_lost_events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
