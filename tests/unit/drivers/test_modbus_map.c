/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_map.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_register_is_kind_and_protocol_address(void **state)
{
	static const struct {
		const char *text;
		unsigned kind, addr;
	} good[] = {
		{"coil:0", GW_MODBUS_COIL, 0},
		{"discrete:4", GW_MODBUS_DISCRETE, 4},
		{"holding:0x07D0", GW_MODBUS_HOLDING, 2000},
		{"holding:2000", GW_MODBUS_HOLDING, 2000},
		{"input:65535", GW_MODBUS_INPUT, 65535},
		{"input:0xFFFF", GW_MODBUS_INPUT, 65535},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct gw_modbus_register r = {0};
		struct gw_error err = {0};

		assert_int_equal(gw_modbus_opts_parse(good[i].text, &r, &err), GW_OK);
		assert_int_equal(r.kind, good[i].kind);
		assert_int_equal(r.addr, good[i].addr);
	}
}

static void test_register_refuses_with_a_hint(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"40001", "did you mean holding:0?"},
		{"30101", "did you mean input:100?"},
		{"400001", "did you mean holding:0?"},
		{"10005", "did you mean discrete:4?"},
		{"7", "did you mean coil:6?"},
		{"holdng:3", "did you mean holding?"},
		{"register:3", "is not coil, discrete, input or holding"},
		{"holding", "KIND:ADDRESS"},
		{"holding:", "address"},
		{"holding:-1", "address"},
		{"holding:65536", "address"},
		{"holding:010", "address"},
		{"holding:1 ", "address"},
		{"holding: 1", "address"},
		{"HOLDING:1", "is not coil"},
		{":1", "is not coil"},
		{"", "KIND:ADDRESS"},
		{"a-very-long-kind-of-register:1", "is not coil"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gw_modbus_register r = {.addr = 77, .kind = 99};
		struct gw_error err = {0};

		assert_int_equal(
			gw_modbus_opts_parse(bad[i].text, &r, &err), GW_ERR_CONFIG);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_int_equal(r.addr, 77);
		assert_int_equal(r.kind, 99);
	}
}

struct said {
	struct gw_report base;
	const void *where;
	char text[200];
};

static void say(struct gw_report *report, const void *where, const char *text)
{
	struct said *s = (struct said *)report;

	s->where = where;
	strncpy(s->text, text, sizeof(s->text) - 1);
}

static void test_points_that_cannot_be_read_are_refused(void **state)
{
	static const struct {
		unsigned kind, addr;
		int type, order, bit;
		const char *says; /* NULL: nothing */
	} rows[] = {
		{GW_MODBUS_HOLDING, 65535, GW_TYPE_U16, 0, 0, NULL},
		{GW_MODBUS_HOLDING, 65534, GW_TYPE_F32, 0, 0, NULL},
		{GW_MODBUS_HOLDING, 65535, GW_TYPE_F32, 0, 0, "65536"},
		{GW_MODBUS_INPUT, 65533, GW_TYPE_F64, 0, 0, "65536"},
		{GW_MODBUS_COIL, 1, GW_TYPE_NUMBER, 0, 0, NULL},
		{GW_MODBUS_COIL, 1, GW_TYPE_BOOL, 0, 0, NULL},
		{GW_MODBUS_COIL, 1, GW_TYPE_U16, 0, 0, "one bit"},
		{GW_MODBUS_DISCRETE, 1, GW_TYPE_BIT, 0, 0, "one bit"},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_BIT, 0, 15, NULL},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_BIT, 0, 16, "bits 0 to 15"},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_U16, 0, 3, "type: bit"},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_U16, GW_MODBUS_BADC, 0, NULL},
		{GW_MODBUS_COIL, 1, GW_TYPE_BOOL, GW_MODBUS_CDAB, 0, "order"},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_S64, GW_MODBUS_EFGHABCD, 0, NULL},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_BCD64, 11, 0, NULL},
		{GW_MODBUS_HOLDING, 1, GW_TYPE_F32, GW_MODBUS_EFGHABCD, 0, "has 32"},
		{GW_MODBUS_HOLDING, 65533, GW_TYPE_U48, 0, 0, NULL},
		{GW_MODBUS_HOLDING, 65534, GW_TYPE_U48, 0, 0, "65536"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_point_opts own = {.reg = {.kind = (uint16_t)rows[i].kind,
							   .addr = (uint16_t)rows[i].addr},
			.order = rows[i].order,
			.bit = rows[i].bit};
		struct gw_point_opts point = {
			.type = rows[i].type, .scale = 1, .driver = &own};
		struct gw_modbus_device_opts device_own = {0};
		struct gw_device_opts device = {
			.points = &point, .n_points = 1, .driver = &device_own};
		struct gw_source_opts source = {.devices = &device, .n_devices = 1};
		struct said said = {.base.add = say};

		gw_modbus_map_check(&source, &said.base);
		assert_int_equal(said.base.n, rows[i].says != NULL);
		if (rows[i].says && !strstr(said.text, rows[i].says))
			fail_msg("row %zu: %s", i, said.text);
	}
}

/* Settings that fit only some types, devices or places. */
static void test_settings_that_do_not_fit_are_refused(void **state)
{
	static const struct {
		struct gw_modbus_point_opts own;
		int type, registers;
		const char *says; /* NULL: nothing */
	} rows[] = {
		{{.byte = 1}, GW_TYPE_U8, 0, NULL},
		{{.byte = 1}, GW_TYPE_S8, 0, NULL},
		{{.byte = 1}, GW_TYPE_U16, 0, "type: u8"},
		{{.bit = 31}, GW_TYPE_BIT, 1, NULL},
		{{.scale_register = {100, GW_MODBUS_HOLDING}}, GW_TYPE_S16, 0, NULL},
		{{.scale_register = {100, GW_MODBUS_INPUT}}, GW_TYPE_S16, 0,
			"holding register"},
		{{.scale_register = {100, GW_MODBUS_HOLDING}}, GW_TYPE_BIT, 0,
			"no exponent"},
		{{.scale_register = {51, GW_MODBUS_HOLDING}}, GW_TYPE_U32, 0,
			"part of the value"},
		{{.scale_register = {52, GW_MODBUS_HOLDING}}, GW_TYPE_U32, 0, NULL},
		{{.scale_register = {51, GW_MODBUS_HOLDING}}, GW_TYPE_U32, 1, NULL},
		{{.scale_register = {174, GW_MODBUS_HOLDING}}, GW_TYPE_U16, 0, NULL},
		{{.scale_register = {175, GW_MODBUS_HOLDING}}, GW_TYPE_U16, 0,
			"at most 125"},
		{{.scale_register = {111, GW_MODBUS_HOLDING}}, GW_TYPE_U16, 1, NULL},
		{{.scale_register = {112, GW_MODBUS_HOLDING}}, GW_TYPE_U16, 1,
			"at most 62"},
		{{.scale_register = {0, GW_MODBUS_HOLDING}}, GW_TYPE_U64, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_point_opts own = rows[i].own;
		struct gw_point_opts point = {
			.type = rows[i].type, .scale = 1, .driver = &own};
		struct gw_modbus_device_opts device_own = {.registers = rows[i].registers};
		struct gw_device_opts device = {
			.points = &point, .n_points = 1, .driver = &device_own};
		struct gw_source_opts source = {.devices = &device, .n_devices = 1};
		struct said said = {.base.add = say};

		own.reg = (struct gw_modbus_register){50, GW_MODBUS_HOLDING};
		gw_modbus_map_check(&source, &said.base);
		if (said.base.n != (rows[i].says != NULL) ||
			(rows[i].says && !strstr(said.text, rows[i].says)))
			fail_msg("row %zu: %u %s", i, said.base.n, said.text);
	}
}

/* Their points share requests, so the size of a register is the unit's. */
static void test_devices_of_one_unit_agree_on_their_registers(void **state)
{
	struct gw_modbus_device_opts own[2] = {{.unit = 7}, {.unit = 7, .registers = 1}};
	struct gw_device_opts devices[2] = {
		{.name = "a", .driver = &own[0]}, {.name = "b", .driver = &own[1]}};
	struct gw_source_opts source = {.devices = devices, .n_devices = 2};
	struct said said = {.base.add = say};

	(void)state;
	gw_modbus_map_check(&source, &said.base);
	assert_int_equal(said.base.n, 1);
	assert_ptr_equal(said.where, &own[1].registers);
	own[1].unit = 8;
	gw_modbus_map_check(&source, &said.base);
	assert_int_equal(said.base.n, 1);
}

static void test_a_field_covers_its_exponent(void **state)
{
	static const struct {
		unsigned value, exponent, addr, width, value_at, exponent_at;
	} rows[] = {{50, 52, 50, 3, 0, 2}, {50, 60, 50, 11, 0, 10}, {50, 49, 49, 3, 1, 0},
		{50, 0, 0, 52, 50, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_point_opts own = {
			.reg = {(uint16_t)rows[i].value, GW_MODBUS_INPUT},
			.scale_register = {(uint16_t)rows[i].exponent, GW_MODBUS_INPUT}};
		struct gw_point_opts point = {.type = GW_TYPE_S32, .driver = &own};
		struct gw_modbus_device_opts device_own = {0};
		struct gw_device_opts device = {.driver = &device_own};
		struct gw_source_opts source = {.poll_ns = 700};
		struct gw_modbus_field f;

		gw_modbus_map_field(&source, &device, &point, &f);
		assert_true(f.has_exponent);
		assert_int_equal(f.addr, rows[i].addr);
		assert_int_equal(f.width, rows[i].width);
		assert_int_equal(f.value_at, rows[i].value_at);
		assert_int_equal(f.exponent_at, rows[i].exponent_at);
	}
}

static struct gw_modbus_field field_of(int kind, int type, double scale, double offset)
{
	struct gw_modbus_point_opts own = {.reg = {.kind = (uint16_t)kind, .addr = 9}};
	double cells[2] = {-1, 5};
	struct gw_point_opts point = {.type = type,
		.scale = scale,
		.offset = offset,
		.range = {.rows = 1, .columns = 2, .cells = cells},
		.index = 4,
		.driver = &own};
	struct gw_modbus_device_opts device_own = {0};
	struct gw_device_opts device = {.poll_ns = 0, .driver = &device_own};
	struct gw_source_opts source = {.poll_ns = 700};
	struct gw_modbus_field f;

	gw_modbus_map_field(&source, &device, &point, &f);
	return f;
}

static void test_a_field_has_the_width_of_its_type(void **state)
{
	static const struct {
		int kind, type, width, becomes;
	} rows[] = {
		{GW_MODBUS_COIL, GW_TYPE_NUMBER, 1, GW_TYPE_BOOL},
		{GW_MODBUS_DISCRETE, GW_TYPE_BOOL, 1, GW_TYPE_BOOL},
		{GW_MODBUS_HOLDING, GW_TYPE_NUMBER, 1, GW_TYPE_U16},
		{GW_MODBUS_INPUT, GW_TYPE_S16, 1, GW_TYPE_S16},
		{GW_MODBUS_HOLDING, GW_TYPE_BIT, 1, GW_TYPE_BIT},
		{GW_MODBUS_HOLDING, GW_TYPE_U32, 2, GW_TYPE_U32},
		{GW_MODBUS_HOLDING, GW_TYPE_S32, 2, GW_TYPE_S32},
		{GW_MODBUS_HOLDING, GW_TYPE_F32, 2, GW_TYPE_F32},
		{GW_MODBUS_HOLDING, GW_TYPE_U64, 4, GW_TYPE_U64},
		{GW_MODBUS_HOLDING, GW_TYPE_S64, 4, GW_TYPE_S64},
		{GW_MODBUS_HOLDING, GW_TYPE_F64, 4, GW_TYPE_F64},
		{GW_MODBUS_HOLDING, GW_TYPE_U8, 1, GW_TYPE_U8},
		{GW_MODBUS_HOLDING, GW_TYPE_S24, 2, GW_TYPE_S24},
		{GW_MODBUS_HOLDING, GW_TYPE_U48, 3, GW_TYPE_U48},
		{GW_MODBUS_HOLDING, GW_TYPE_MOD10X3, 3, GW_TYPE_MOD10X3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_modbus_field f = field_of(rows[i].kind, rows[i].type, 1, 0);

		assert_int_equal(f.width, rows[i].width);
		assert_int_equal(f.type, rows[i].becomes);
		assert_int_equal(f.kind, rows[i].kind);
		assert_int_equal(f.addr, 9);
		assert_int_equal(f.point, 4);
		assert_int_equal(f.period_ns, 700);
	}
}

static void test_rows_default_as_documented(void **state)
{
	(void)state;
	for (const struct gw_setting *r = gw_modbus_opts_rtu_settings; r->key; r++) {
		assert_non_null(r->help);
		if (r->type != GW_SET_CHOICE || !r->def)
			continue;
		for (size_t i = 0;; i++) {
			assert_non_null(r->choices[i]);
			if (strcmp(r->choices[i], r->def) == 0)
				break;
		}
	}
	for (int i = 0; i < 6; i++) {
		struct gw_modbus_rtu_opts o = {.format = i, .baud = 3};
		char parity = 0;
		int stop = 0;

		gw_modbus_opts_format(&o, &parity, &stop);
		assert_int_equal(parity, "NEO"[i % 3]);
		assert_int_equal(stop, i < 3 ? 1 : 2);
		assert_int_equal(gw_modbus_opts_baud(&o), 9600);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_is_kind_and_protocol_address),
		cmocka_unit_test(test_register_refuses_with_a_hint),
		cmocka_unit_test(test_points_that_cannot_be_read_are_refused),
		cmocka_unit_test(test_settings_that_do_not_fit_are_refused),
		cmocka_unit_test(test_devices_of_one_unit_agree_on_their_registers),
		cmocka_unit_test(test_a_field_covers_its_exponent),
		cmocka_unit_test(test_a_field_has_the_width_of_its_type),
		cmocka_unit_test(test_rows_default_as_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
