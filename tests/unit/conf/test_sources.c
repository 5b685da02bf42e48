/* SPDX-License-Identifier: Apache-2.0 */
/* Sources and their devices. */
#include "load_fixture.h"

static void a_source_needs_a_name_a_driver_and_its_settings(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box}\nsources:\n- {driver: modbus-tpc, host: x, rubbish: 1}\n",
			"t.yaml:3:3: sources[0].name: this key is missing\n"
			"t.yaml:3:12: sources[0].driver: \"modbus-tpc\" is not one of modbus-rtu, modbus-tcp, mqtt (did you mean modbus-tcp?)\n"},
		{"gateway: {id: box}\nsources:\n- {name: a}\n",
			"t.yaml:3:3: sources[0].driver: this key is missing\n"},
		{"gateway: {id: box}\nsources:\n- {name: a, driver: modbus-rtu, baud: 9601x}\n",
			"t.yaml:3:3: sources[0].device: this key is missing\n"
			"t.yaml:3:3: sources[0]: a bus without devices\n"
			"t.yaml:3:39: sources[0].baud: \"9601x\" is not a whole number (did you mean 9601?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void names_of_sources_are_their_own(void **state)
{
	static const struct refused files[] = {
		{SITE "  - {name: plant, driver: mqtt, url: x}\n",
			"t.yaml:9:12: sources[1].name: a source or uplink has this name already, on line 3\n"},
		{SITE "  - {name: gateway, driver: mqtt, url: x, poll: 1s}\n",
			"t.yaml:9:12: sources[1].name: \"gateway\" is the gateway's own name: choose another\n"
			"t.yaml:9:43: sources[1].poll: devices of the mqtt driver speak by themselves and are not polled (give a device expect_every)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void devices_have_points_and_names_and_pass_the_drivers_check(void **state)
{
	static const struct refused files[] = {
		{SITE "      - {name: heat, unit: 1}\n      - {name: x, unit: 0, expect_every: 1h, points: []}\n",
			"t.yaml:9:9: sources[0].devices[2]: has no points: give it points or a profile\n"
			"t.yaml:9:16: sources[0].devices[2].name: a device of this source has this name already, on line 7\n"
			"t.yaml:9:28: sources[0].devices[2].unit: heat has unit 1 too\n"
			"t.yaml:10:9: sources[0].devices[3]: has no points: give it points or a profile\n"
			"t.yaml:10:25: sources[0].devices[3].unit: \"0\" is out of range (1 to 247)\n"
			"t.yaml:10:28: sources[0].devices[3].expect_every: only for devices that speak by themselves; this one is silent after three and a half polls and at least 10 s (did you mean poll?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_device_that_speaks_by_itself_is_not_polled(void **state)
{
	static const struct refused files[] = {
		{SITE "  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices: [{name: d, topic: t, poll: 1s, points: [{name: p, register: \"coil:1\"}]}]\n",
			"t.yaml:12:35: sources[1].devices[0].poll: a device of the mqtt driver speaks by itself and is not polled (did you mean expect_every?)\n"
			"t.yaml:12:64: sources[1].devices[0].points[0].register: unknown key\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_needs_a_name_a_driver_and_its_settings),
		cmocka_unit_test(names_of_sources_are_their_own),
		cmocka_unit_test(devices_have_points_and_names_and_pass_the_drivers_check),
		cmocka_unit_test(a_device_that_speaks_by_itself_is_not_polled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
