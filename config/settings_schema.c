/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema 2020-12 of the site file and of profiles (told apart by the key `profile`). It is
 * there for editors and says less than the reader: patterns, votes and addresses are beyond it.
 */
#include "settings_doc.h"

#include "base/parse.h"
#include "conf/setting_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DURATION "^(0|[1-9][0-9]*)(\\.[0-9]+)?(ms|s|min|h|d)$"
#define NAME     "^[^\\s/*?:]{1,63}$"

static void add_limits(struct gw_text *t, const struct gw_setting *row)
{
	if (row->min == 0 && row->max == 0)
		return;
	gw_json_double(t, "minimum", row->min);
	gw_json_double(t, "maximum", row->max);
}

static void add_default(struct gw_text *t, const struct gw_setting *row)
{
	if (!row->def || !*row->def)
		return;
	if (row->type == GW_SET_BOOL || row->type == GW_SET_INT ||
		row->type == GW_SET_DOUBLE)
		gw_json_raw(t, "default", row->def);
	else
		gw_json_string(t, "default", row->def);
}

static void add_ref(struct gw_text *t, const char *key, const char *name)
{
	char memory[96];

	snprintf(memory, sizeof(memory), "#/$defs/%s", name);
	gw_json_open(t, key, '{');
	gw_json_string(t, "$ref", memory);
	gw_json_close(t, '}');
}

static void add_cells(struct gw_text *t, const char *key, const struct gw_setting *row)
{
	gw_json_open(t, key, '{');
	gw_json_string(t, "type", "array");
	gw_json_int(t, "minItems", 1);
	if (row->max > 0)
		gw_json_int(t, "maxItems", (int64_t)row->max);
	add_ref(t, "items", "cell");
	gw_json_close(t, '}');
}

static void add_table(struct gw_text *t, const struct gw_setting *row)
{
	gw_json_open(t, "anyOf", '[');
	add_ref(t, NULL, "cell");
	if (row->max != 1) {
		add_cells(t, NULL, row);
		gw_json_open(t, NULL, '{');
		gw_json_string(t, "type", "array");
		add_cells(t, "items", row);
		gw_json_close(t, '}');
	}
	gw_json_close(t, ']');
}

static void add_pairs(struct gw_text *t, const struct gw_setting *row)
{
	gw_json_open(t, "anyOf", '[');
	if (row->choices) {
		gw_json_open(t, NULL, '{');
		gw_json_open(t, "enum", '[');
		for (const char *const *c = row->choices; *c; c++)
			gw_json_string(t, NULL, *c);
		gw_json_close(t, ']');
		gw_json_close(t, '}');
	}
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "type", "object");
	gw_json_int(t, "minProperties", 1);
	if (row->max > 0)
		gw_json_int(t, "maxProperties", (int64_t)row->max);
	gw_json_raw(t, "additionalProperties",
		"{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}");
	gw_json_close(t, '}');
	gw_json_close(t, ']');
}

static void add_type(struct gw_text *t, const struct gw_setting *row)
{
	double number;

	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH:
		gw_json_string(t, "type", "string");
		gw_json_int(t, "maxLength", row->max > 0 ? (int64_t)row->max : 255);
		if (row->required)
			gw_json_int(t, "minLength", 1);
		if (strcmp(row->key, "name") == 0)
			gw_json_string(t, "pattern", NAME);
		return;
	case GW_SET_BOOL: gw_json_string(t, "type", "boolean"); return;
	case GW_SET_INT:
		gw_json_string(t, "type", "integer");
		add_limits(t, row);
		return;
	case GW_SET_DOUBLE:
		gw_json_string(t, "type", "number");
		add_limits(t, row);
		return;
	case GW_SET_DURATION:
		gw_json_string(t, "type", "string");
		gw_json_string(t, "pattern", DURATION);
		return;
	case GW_SET_CHOICE:
		gw_json_open(t, "enum", '[');
		for (const char *const *c = row->choices; *c; c++) {
			gw_json_string(t, NULL, *c);
			if (gw_parse_double(*c, &number, NULL) == GW_OK)
				gw_json_raw(t, NULL, *c); /* baud: 9600 */
		}
		gw_json_close(t, ']');
		return;
	case GW_SET_TABLE: add_table(t, row); return;
	case GW_SET_STRINGS:
		gw_json_raw(t, "type", "[\"string\",\"array\"]");
		gw_json_int(t, "minItems", 1);
		gw_json_raw(t, "items", "{\"type\":\"string\"}");
		return;
	case GW_SET_CODES:
		gw_json_open(t, "anyOf", '[');
		add_ref(t, NULL, "code");
		gw_json_open(t, NULL, '{');
		gw_json_string(t, "type", "array");
		gw_json_int(t, "minItems", 1);
		add_ref(t, "items", "code");
		gw_json_close(t, '}');
		gw_json_close(t, ']');
		return;
	case GW_SET_PAIRS: add_pairs(t, row); return;
	case GW_SET_CUSTOM:
		gw_json_raw(t, "type", "[\"string\",\"number\",\"boolean\"]");
		return;
	}
}

/* The rows of a group as properties; those of its namesakes are told once. */
static void add_rows(struct gw_text *t, const char *name)
{
	size_t n;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(g[i].name, name) != 0)
			continue;
		for (const struct gw_setting *row = g[i].rows; row->key; row++) {
			gw_json_open(t, row->key, '{');
			add_type(t, row);
			add_default(t, row);
			gw_json_string(t, "description", row->help);
			gw_json_close(t, '}');
		}
	}
}

static void add_required(struct gw_text *t, const char *name)
{
	size_t n;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	for (size_t i = 0; i < n; i++)
		for (const struct gw_setting *row = g[i].rows;
			strcmp(g[i].name, name) == 0 && row->key; row++)
			if (row->required)
				gw_json_string(t, NULL, row->key);
}

static const char *of(const char *group, const char *who, char memory[64])
{
	snprintf(memory, 64, "%s (%s)", group, who);
	return memory;
}

static const char *def(const char *what, const char *who, char memory[64])
{
	snprintf(memory, 64, "%s-%s", what, who);
	return memory;
}

static void open_object(struct gw_text *t, const char *key)
{
	gw_json_open(t, key, '{');
	gw_json_string(t, "type", "object");
	gw_json_bool(t, "additionalProperties", false);
	gw_json_open(t, "properties", '{');
}

/* Ends properties; group and more may be NULL. */
static void close_object(struct gw_text *t, const char *group, const char *more)
{
	gw_json_close(t, '}');
	if (group) {
		gw_json_open(t, "required", '[');
		add_required(t, group);
		if (more)
			add_required(t, more);
		gw_json_close(t, ']');
	}
	gw_json_close(t, '}');
}

static void add_list(struct gw_text *t, const char *key, const char *items)
{
	gw_json_open(t, key, '{');
	gw_json_raw(t, "type", "[\"array\",\"null\"]");
	add_ref(t, "items", items);
	gw_json_close(t, '}');
}

static void add_driver(struct gw_text *t, const struct gw_driver *d)
{
	char a[64], b[64];

	open_object(t, def("point", d->name, a));
	add_rows(t, "points[]");
	add_rows(t, of("points[]", d->name, b));
	close_object(t, NULL, NULL);

	open_object(t, def("device", d->name, a));
	add_rows(t, "devices[]");
	add_rows(t, of("devices[]", d->name, b));
	add_ref(t, "place", "place");
	add_list(t, "points", def("point", d->name, a));
	gw_json_close(t, '}');
	gw_json_open(t, "required", '[');
	add_required(t, "devices[]");
	add_required(t, of("devices[]", d->name, b));
	gw_json_close(t, ']');
	/* what a profile gives need not be given again */
	gw_json_raw(t, "if", "{\"not\":{\"required\":[\"profile\"]}}");
	gw_json_open(t, "then", '{');
	gw_json_raw(t, "required", "[\"points\"]");
	gw_json_open(t, "properties", '{');
	gw_json_open(t, "points", '{');
	gw_json_open(t, "items", '{');
	gw_json_open(t, "required", '[');
	add_required(t, "points[]");
	add_required(t, of("points[]", d->name, b));
	gw_json_close(t, ']');
	for (int i = 0; i < 5; i++)
		gw_json_close(t, '}');

	open_object(t, def("source", d->name, a));
	add_rows(t, "sources[]");
	add_rows(t, of("sources[]", d->name, b));
	add_list(t, "devices", def("device", d->name, a));
	close_object(t, "sources[]", of("sources[]", d->name, b));
}

/* One of several by the value of a key, or by the presence of one. */
static void add_choice(
	struct gw_text *t, const char *key, const char *value, const char *name)
{
	gw_json_open(t, NULL, '{');
	gw_json_open(t, "if", '{');
	gw_json_open(t, "required", '[');
	gw_json_string(t, NULL, key);
	gw_json_close(t, ']');
	if (value) {
		gw_json_open(t, "properties", '{');
		gw_json_open(t, key, '{');
		gw_json_string(t, "const", value);
		gw_json_close(t, '}');
		gw_json_close(t, '}');
	}
	gw_json_close(t, '}');
	add_ref(t, "then", name);
	gw_json_close(t, '}');
}

static void add_sources(struct gw_text *t)
{
	const struct gw_driver *const *d;
	char a[64];

	for (d = gw_drivers; *d; d++)
		add_driver(t, *d);
	gw_json_open(t, "source", '{');
	gw_json_string(t, "type", "object");
	gw_json_raw(t, "required", "[\"driver\"]");
	gw_json_open(t, "properties", '{');
	gw_json_open(t, "driver", '{');
	gw_json_open(t, "enum", '[');
	for (d = gw_drivers; *d; d++)
		gw_json_string(t, NULL, (*d)->name);
	gw_json_close(t, ']');
	gw_json_close(t, '}');
	gw_json_close(t, '}');
	gw_json_open(t, "allOf", '[');
	for (d = gw_drivers; *d; d++)
		add_choice(t, "driver", (*d)->name, def("source", (*d)->name, a));
	gw_json_close(t, ']');
	gw_json_close(t, '}');
}

static void add_alarms(struct gw_text *t)
{
	const struct gw_condition_kind *const *k;
	char a[64], b[64];

	for (k = gw_condition_kinds; *k; k++) {
		open_object(t, def("when", (*k)->key, a));
		add_rows(t, of("when", (*k)->key, b));
		close_object(t, of("when", (*k)->key, b), NULL);
	}
	gw_json_open(t, "when", '{');
	gw_json_string(t, "type", "object");
	gw_json_open(t, "oneOf", '[');
	for (k = gw_condition_kinds; *k; k++) {
		gw_json_open(t, NULL, '{');
		gw_json_open(t, "required", '[');
		gw_json_string(t, NULL, (*k)->key);
		gw_json_close(t, ']');
		gw_json_close(t, '}');
	}
	gw_json_close(t, ']');
	gw_json_open(t, "allOf", '[');
	for (k = gw_condition_kinds; *k; k++)
		add_choice(t, (*k)->key, NULL, def("when", (*k)->key, a));
	gw_json_close(t, ']');
	gw_json_close(t, '}');
	open_object(t, "alarm");
	add_rows(t, "alarms[]");
	add_ref(t, "when", "when");
	close_object(t, "alarms[]", NULL);
}

static void add_simple(struct gw_text *t, const char *name, const char *group)
{
	open_object(t, name);
	add_rows(t, group);
	close_object(t, group, NULL);
}

/* Points of a profile may carry the keys of every driver. */
static void add_profile(struct gw_text *t)
{
	const struct gw_driver *const *d;
	char b[64];
	size_t i, k;

	gw_json_open(t, "profile-point", '{');
	gw_json_string(t, "type", "object");
	gw_json_open(t, "properties", '{');
	add_rows(t, "points[]");
	for (d = gw_drivers, i = 0; *d; d++, i++) {
		for (k = 0; k < i && gw_drivers[k]->point_settings != (*d)->point_settings;)
			k++;
		if (k == i)
			add_rows(t, of("points[]", (*d)->name, b));
	}
	gw_json_close(t, '}');
	gw_json_bool(t, "additionalProperties", false);
	gw_json_raw(t, "required", "[\"name\"]");
	gw_json_close(t, '}');
	open_object(t, "profile");
	add_rows(t, "profile");
	add_list(t, "points", "profile-point");
	add_list(t, "alarms", "alarm");
	close_object(t, "profile", NULL);
}

void gw_settings_schema(struct gw_text *t)
{
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "$schema", "https://json-schema.org/draft/2020-12/schema");
	gw_json_string(t, "$id", "urn:tocsin:schema:tocsin.yaml");
	gw_json_string(t, "title", "tocsin.yaml and device profiles");
	gw_json_raw(t, "if", "{\"required\":[\"profile\"]}");
	add_ref(t, "then", "profile");
	add_ref(t, "else", "site");
	gw_json_open(t, "$defs", '{');
	gw_json_open(t, "cell", '{');
	gw_json_raw(t, "type", "[\"number\",\"string\"]");
	gw_json_string(t, "pattern", DURATION);
	gw_json_close(t, '}');
	gw_json_open(t, "code", '{');
	gw_json_raw(t, "type", "[\"number\",\"string\"]");
	gw_json_string(t, "pattern", "^raw:(-?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$");
	gw_json_close(t, '}');
	open_object(t, "site");
	add_ref(t, "gateway", "gateway");
	add_list(t, "sources", "source");
	add_list(t, "alarms", "alarm");
	add_list(t, "uplinks", "uplink");
	gw_json_close(t, '}');
	gw_json_raw(t, "required", "[\"gateway\"]");
	gw_json_close(t, '}');
	add_simple(t, "gateway", "gateway");
	add_simple(t, "place", "place");
	add_simple(t, "uplink", "uplinks[]");
	add_sources(t);
	add_alarms(t);
	add_profile(t);
	gw_json_close(t, '}');
	gw_json_close(t, '}');
	gw_text_add(t, "\n");
}
