/* SPDX-License-Identifier: Apache-2.0 */
/* A whole site file: all complaints in one run, paths, the limits of the gateway and its
 * uplinks. */
#include "load_fixture.h"

static void all_mistakes_of_a_file_are_reported_in_its_order(void **state)
{
	static const struct refused files[] = {
		{"gatway: {id: box}\n"
		 "sources:\n"
		 "  - name: plant\n"
		 "    driver: modbus-tcp\n"
		 "    host: 10.0.3.20\n"
		 "    prot: 502\n"
		 "    poll: 1\n"
		 "    devices:\n"
		 "      - name: heat\n"
		 "        unit: 1\n"
		 "        profile: nowhere\n"
		 "alarms:\n"
		 "  - {name: ok, on: plant/heat/anything, when: {above: 1}}\n"
		 "  - {name: bad, on: plnt/heat/anything, when: {above: 1}}\n"
		 "uplinks:\n"
		 "  - {name: city, url: \"https://x\", heartbeat: soon}\n",
			"t.yaml:1:1: gatway: unknown key (did you mean gateway?)\n"
			"t.yaml:1:1: gateway: this key is missing\n"
			"t.yaml:6:5: sources[0].prot: unknown key (did you mean port?)\n"
			"t.yaml:7:11: sources[0].poll: \"1\" is not a duration such as 300ms, 10s, 5min, 1h or 7d (did you mean 1s?)\n"
			"t.yaml:11:18: sources[0].devices[0].profile: there is no profile \"nowhere\" in profiles/, $TOCSIN_PROFILES or *\n"
			"t.yaml:14:21: alarms[1].on: \"plnt/heat/anything\" matches no point\n"
			"t.yaml:16:47: uplinks[0].heartbeat: \"soon\" is not a duration such as 300ms, 10s, 5min, 1h or 7d\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_control_socket_has_a_short_path(void **state)
{
	static const struct refused files[] = {
		{"gateway:\n  id: box\n  control_socket: /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
			"t.yaml:3:19: gateway.control_socket: 109 bytes are too long for a socket (at most 107)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void uplinks_have_names_of_their_own_and_a_limit(void **state)
{
	static const struct refused files[] = {
		{SITE "uplinks:\n- {name: plant, url: \"https://x\"}\n- {name: city, url: \"http://x\", cert: c}\n- {nmae: c}\n",
			"t.yaml:10:10: uplinks[0].name: a source or uplink has this name already, on line 3\n"
			"t.yaml:11:21: uplinks[1].url: \"http://x\" is not https\n"
			"t.yaml:11:39: uplinks[1].cert: cert needs key\n"
			"t.yaml:12:3: uplinks[2].name: this key is missing\n"
			"t.yaml:12:3: uplinks[2].url: this key is missing\n"
			"t.yaml:12:4: uplinks[2].nmae: unknown key (did you mean name?)\n"},
		{"gateway: {id: box}\nuplinks: [{name: a, url: \"https://x\"}, {name: b, url: \"https://x\"}, {name: c, url: \"https://x\"}, {name: d, url: \"https://x\"}, {name: e, url: \"https://x\"}, {name: f, url: \"https://x\"}, {name: g, url: \"https://x\"}, {name: h, url: \"https://x\"}, {name: i, url: \"https://x\"}]\n",
			"t.yaml:2:10: uplinks: 9 uplinks are too many (at most 8)\n"},
		{"gateway: {id: box}\nuplinks: [{name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, url: \"https://x\"}]\n",
			"t.yaml:2:18: uplinks[0].name: 64 bytes are too many for a name (at most 63)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_setting_of_another_sink_is_refused(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box}\nuplinks:\n"
		 "- {name: a, url: \"file:///x\", accept: any}\n",
			"t.yaml:3:18: uplinks[0].url: \"file:///x\" is not https\n"
			"t.yaml:3:39: uplinks[0].accept: a file gives no answer\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

/* Paths in the file are relative to it, wherever the daemon runs. */
static void paths_are_relative_to_the_file(void **state)
{
	static struct complaint_lines lines;
	struct gw_complaints complaints = {.say = collect_line, .arg = &lines};
	struct gw_config *c = NULL;

	(void)state;
	lines.n = 0;
	write_file("etc/site.yaml",
		"gateway: {id: box, state_dir: state, control_socket: /run/x}\n"
		"sources: [{name: m, driver: mqtt, url: u, ca: tls/ca.pem, devices: [{name: d, topic: t, profile: near}]}]\n");
	write_file("etc/profiles/near.yaml",
		"profile: near\npoints: [{name: p, register: \"coil:0\"}]\n");
	assert_int_equal(gw_config_load("etc/site.yaml", &c, &complaints), GW_OK);
	assert_string_equal(c->gateway.state_dir, "etc/state");
	assert_string_equal(c->gateway.control_socket, "/run/x");
	assert_string_equal(
		((const struct fake_broker *)c->sources[0].driver)->ca, "etc/tls/ca.pem");
	gw_config_free(c);
	assert_int_equal(gw_config_load("etc/none.yaml", &c, &complaints), GW_ERR_CONFIG);
	assert_string_equal(lines.line[0],
		"etc/none.yaml:1:1: cannot be read: No such file or directory");
	assert_int_equal(gw_config_load("etc", &c, &complaints), GW_ERR_CONFIG);
	assert_string_equal(lines.line[1], "etc:1:1: cannot be read: Is a directory");
	assert_int_equal(complaints.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_mistakes_of_a_file_are_reported_in_its_order),
		cmocka_unit_test(a_control_socket_has_a_short_path),
		cmocka_unit_test(uplinks_have_names_of_their_own_and_a_limit),
		cmocka_unit_test(a_setting_of_another_sink_is_refused),
		cmocka_unit_test(paths_are_relative_to_the_file),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
