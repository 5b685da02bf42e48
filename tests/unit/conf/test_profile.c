/* SPDX-License-Identifier: Apache-2.0 */
/* Device profiles: merged into the site file, and their own mistakes. */
#include "load_fixture.h"

static const char gas[] =
	"profile: gas\n"
	"title: gas\n"
	"driver: modbus\n"
	"poll: 4s\n"
	"points:\n"
	"- {name: ch4, register: \"holding:0\", path: /x, type: u16, scale: 0.1, unit: \"%LEL\"}\n"
	"- {name: fault, register: \"holding:1\", type: bit, bit: 2}\n"
	"alarms:\n"
	"- {name: high, on: ch4, when: {above: 50}, level: red}\n"
	"- {name: silent, level: orange}\n";

static void a_profile_brings_points_and_alarms_that_the_site_may_change(void **state)
{
	struct gw_config *c;
	const struct gw_device_opts *d;

	(void)state;
	write_file("profiles/gas.yaml", gas);
	c = load_valid(SITE
		"      - {name: g1, unit: 3, profile: gas}\n"
		"      - {name: g2, unit: 4, poll: 9s, profile: gas, points: [{name: ch4, scale: 0.2}, {name: extra, register: \"input:9\"}]}\n"
		"  - {name: m, driver: mqtt, url: u, devices: [{name: g, topic: t, profile: gas}, {name: h, topic: u, profile: gas, points: [{name: ch4, scale: 0.5}]}]}\n"
		"alarms:\n"
		"- {name: high, on: plant/g2/ch4, level: orange, text: hi}\n"
		"- {name: high, on: m/g/ch4, when: {above: 40}}\n");
	d = &c->sources[0].devices[2];
	assert_int_equal(d->poll_ns, INT64_C(4000000000));
	assert_int_equal(d->n_points, 2);
	assert_float_equal(d->points[0].scale, 0.1, 0);
	assert_string_equal(d->points[0].info->unit_of_measure, "%LEL");
	assert_int_equal(((const struct fake_point *)d->points[1].driver)->bit, 2);
	d = &c->sources[0].devices[3];
	assert_int_equal(d->poll_ns, INT64_C(9000000000));
	assert_int_equal(d->n_points, 3);
	assert_float_equal(d->points[0].scale, 0.2, 0);
	assert_int_equal(d->points[0].type, GW_TYPE_U16);
	assert_int_equal(((const struct fake_point *)d->points[0].driver)->at.table, 3);
	assert_string_equal(d->points[2].name, "extra");
	d = &c->sources[1].devices[0];
	assert_string_equal(((const struct fake_path *)d->points[0].driver)->path, "/x");
	/* there are no registers: the message holds the value itself */
	assert_int_equal(d->points[0].type, GW_TYPE_NUMBER);
	assert_float_equal(d->points[0].scale, 1, 0);
	assert_int_equal(d->points[1].type, GW_TYPE_BOOL);
	d = &c->sources[1].devices[1];
	assert_float_equal(d->points[0].scale, 0.5, 0); /* but the site may say so */
	assert_int_equal(alarm_of(c, "plant/g1/ch4:high")->level, GW_LEVEL_RED);
	assert_int_equal(alarm_of(c, "plant/g2/ch4:high")->level, GW_LEVEL_ORANGE);
	assert_float_equal(alarm_of(c, "plant/g2/ch4:high")->when->limit, 50, 0);
	assert_string_equal(alarm_of(c, "plant/g2/ch4:high")->info.text, "hi");
	assert_float_equal(alarm_of(c, "m/g/ch4:high")->when->limit, 40, 0);
	assert_int_equal(alarm_of(c, "m/g/ch4:high")->level, GW_LEVEL_RED);
	assert_int_equal(alarm_of(c, "plant/g1:silent")->level, GW_LEVEL_ORANGE);
	assert_int_equal(
		alarm_of(c, "plant/g1:silent")->when->window_ns, INT64_C(14000000000));
	gw_config_free(c);

	/* what the site says of the whole source goes before the profile */
	c = load_valid(
		"gateway: {id: box}\nsources: [{name: s, driver: modbus-tcp, host: h, poll: 7s, devices: [{name: g, unit: 1, profile: gas}]}]\n");
	assert_int_equal(c->sources[0].devices[0].poll_ns, 0);
	gw_config_free(c);
}

static void mistakes_of_a_profile_are_reported_once_in_its_file(void **state)
{
	static struct complaint_lines lines;
	struct gw_config *c = NULL;
	const char *yaml = SITE
		"      - {name: g1, unit: 3, profile: bad}\n"
		"      - {name: g2, unit: 4, profile: bad}\n"
		"      - {name: g3, unit: 5, profile: gsa}\n"
		"      - {name: g4, unit: 6, profile: torn}\n"
		"      - {name: g5, unit: 7, profile: a/b}\n"
		"alarms: [{name: x, on: plant/g3/any, when: {above: 1}}, {name: y, on: plant/g1/any, when: {above: 1}}]\n";

	(void)state;
	write_file("profiles/gas.yaml", gas);
	write_file("profiles/torn.yaml", "profile: [\n");
	write_file("profiles/bad.yaml",
		"profile: good\n"
		"pol: 1s\n"
		"points:\n"
		"- {name: a, register: \"holding:x\", typ: u16}\n"
		"- {name: b, path: /b}\n"
		"alarms:\n"
		"- {name: high, on: aa, when: {above: 50, claer: 1}}\n"
		"- {name: low, when: {above: 50}}\n"
		"- {name: dup, on: a, when: {above: 50}}\n"
		"- {name: dup, on: a, when: {above: 50}}\n");
	assert_int_equal(load(yaml, &c, &lines), GW_ERR_CONFIG);
	assert_int_equal(0,
		count_wrong_lines(&lines, yaml,
			"t.yaml:11:38: sources[0].devices[4].profile: there is no profile \"gsa\" in profiles/, $TOCSIN_PROFILES or *\n"
			"t.yaml:13:38: sources[0].devices[6].profile: a profile is named without folder and ending\n"
			"t.yaml:14:71: alarms[1].on: \"plant/g1/any\" matches no point*\n"
			"profiles/bad.yaml:1:10: profile: \"good\" is not the file's name (did you mean bad?)\n"
			"profiles/bad.yaml:2:1: pol: unknown key (did you mean poll?)\n"
			"profiles/bad.yaml:4:23: points[0].register: \"x\" is not a whole number\n"
			"profiles/bad.yaml:4:36: points[0].typ: unknown key (did you mean type?)\n"
			"profiles/bad.yaml:5:3: points[1].register: this key is missing\n"
			"profiles/bad.yaml:7:20: alarms[0].on: \"aa\" is no point of this profile (did you mean a?)\n"
			"profiles/bad.yaml:7:42: alarms[0].when.claer: unknown key (did you mean clear?)\n"
			"profiles/bad.yaml:8:3: alarms[1].on: this key is missing\n"
			"profiles/bad.yaml:10:10: alarms[3].name: an alarm on the same with this name stands on line 9 already\n"
			"profiles/torn.yaml:2:1: not YAML: did not find expected node content (while parsing a flow node)\n"));
	assert_non_null(strstr(lines.line[0], "(did you mean gas?)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_profile_brings_points_and_alarms_that_the_site_may_change),
		cmocka_unit_test(mistakes_of_a_profile_are_reported_once_in_its_file),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
