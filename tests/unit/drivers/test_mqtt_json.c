/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The finder of values beside jansson, over random texts: what jansson takes it takes alike; and
 * over texts that are damaged where the pointer does not lead: it takes what it took before.
 */
#include "drivers/mqtt_payload.h"

#include "reference_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define TEXT_MAX  8192
#define PLACE_MAX 128

static struct {
	char text[TEXT_MAX];
	size_t n;
	char path[256];
	size_t path_n;
	bool wanted; /* where it leads is being written */
	/* what may be damaged: words, and the insides of strings */
	struct place {
		size_t at, n;
		bool string, on_the_way;
	} place[PLACE_MAX];
	size_t n_places;
} doc;

static void put(const char *text)
{
	size_t n = strlen(text);

	assert_true(doc.n + n < TEXT_MAX);
	memcpy(doc.text + doc.n, text, n + 1);
	doc.n += n;
}

static void put_space(void)
{
	static const char *const spaces[] = {"", "", "", "", " ", "\n", "\t", "\r\n "};

	put(spaces[pick(8)]);
}

static void put_place(const char *text, bool string)
{
	struct place *p = &doc.place[doc.n_places];

	if (doc.n_places + 1 < PLACE_MAX)
		doc.n_places++;
	*p = (struct place){doc.n, strlen(text), string, doc.wanted};
	put(text);
}

static void put_string(void)
{
	static const char *const strings[] = {"", "on", "5", "a \\\"b\\\"", "\\u00e4\\n",
		"测试", "\\ud83d\\ude00", "{\\\"smoke\\\":1}", "x,y}]", "-1.5"};

	put("\"");
	put_place(strings[pick(10)], true);
	put("\"");
}

static void put_name(int i)
{
	static const char *const names[] = {"a", "smoke", "x/y", "m~n", "", "b"};

	put("\"");
	put_place(i == 1 && pick(4) == 0 ? "sm\\u006fke" : names[i], true);
	put("\"");
}

static void point_to(const char *name)
{
	doc.path[doc.path_n++] = '/';
	for (; *name; name++) {
		if (*name == '/' || *name == '~')
			doc.path[doc.path_n++] = '~';
		doc.path[doc.path_n++] = *name == '/' ? '1' : *name == '~' ? '0' : *name;
	}
	doc.path[doc.path_n] = '\0';
}

static void put_value(int depth, bool wanted);

static void put_object(int depth, bool wanted)
{
	static const char *const names[] = {"a", "smoke", "x/y", "m~n", "", "b"};
	int n = pick(6), chosen = wanted && n ? pick(n) : -1, first = pick(6);

	put("{");
	put_space();
	for (int i = 0; i < n; i++) {
		doc.wanted = i == chosen;
		if (i == chosen)
			point_to(names[(first + i) % 6]);
		if (i)
			put(",");
		put_space();
		put_name((first + i) % 6);
		put_space();
		put(":");
		put_space();
		put_value(depth - 1, i == chosen);
		doc.wanted = false;
		put_space();
	}
	put("}");
}

static void put_array(int depth, bool wanted)
{
	int n = pick(5), chosen = wanted && n ? pick(n) : -1;
	char index[12];

	put("[");
	put_space();
	for (int i = 0; i < n; i++) {
		if (i == chosen) {
			snprintf(index, sizeof(index), "%d", i);
			point_to(index);
		}
		if (i)
			put(",");
		put_space();
		put_value(depth - 1, i == chosen);
		put_space();
	}
	put("]");
}

static void put_value(int depth, bool wanted)
{
	static const char *const words[] = {"0", "1", "-0.5", "52.3", "1e3", "2E-2", "true",
		"false", "null", "18446744073709551616", "-7"};
	int kind = depth > 0 ? pick(5) : pick(3);

	doc.wanted = wanted;
	if (kind == 0)
		put_string();
	else if (kind < 3)
		put_place(words[pick(11)], false);
	else if (kind == 3)
		put_object(depth, wanted);
	else
		put_array(depth, wanted);
}

static void write_doc(void)
{
	do {
		doc.n = doc.path_n = doc.n_places = 0;
		doc.path[0] = '\0';
		put_space();
		if (pick(4))
			put_object(4, true);
		else
			put_array(4, true);
		put_space();
	} while (doc.path_n == 0);
}

/* ---- the reference ---- */

static const json_t *child(const json_t *value, const char *name)
{
	return json_is_array(value) ? json_array_get(value, (size_t)atoi(name))
				    : json_object_get(value, name);
}

static const json_t *follow(const json_t *value, const char *path)
{
	char name[256];

	while (value && *path == '/') {
		size_t n = 0;

		for (path++; *path && *path != '/'; path++)
			name[n++] = *path != '~' ? *path : *++path == '1' ? '/' : '~';
		name[n] = '\0';
		value = child(value, name);
	}
	return value;
}

static bool as_number(const char *text, double *ret_value)
{
	char *end;

	*ret_value = strtod(text, &end);
	return end > text && *end == '\0';
}

static bool as_word(const char *text, double *ret_value)
{
	*ret_value = strcmp(text, "on") == 0 || strcmp(text, "1") == 0;
	return *ret_value != 0 || strcmp(text, "0") == 0;
}

/* What it says to a reader of numbers, or of words. */
static bool reference(const json_t *value, bool is_bool, double *ret_value)
{
	if (json_is_string(value))
		return is_bool ? as_word(json_string_value(value), ret_value)
			       : as_number(json_string_value(value), ret_value);
	if (json_is_boolean(value)) {
		*ret_value = json_is_true(value);
		return is_bool;
	}
	*ret_value = json_number_value(value);
	return json_is_number(value) && (!is_bool || *ret_value == 0 || *ret_value == 1);
}

/* ---- the one that is used ---- */

static struct gw_mqtt_json_damage damage;

static enum gw_mqtt_lookup_result read_doc(bool is_bool, double *ret_value)
{
	const struct gw_mqtt_lookup want = {
		.path = doc.path, .name = "x", .is_bool = is_bool};
	struct gw_mqtt_payload p;
	char *copy = malloc(doc.n); /* so that a sanitizer sees a step too far */
	enum gw_mqtt_lookup_result said;

	memcpy(copy, doc.text, doc.n);
	gw_mqtt_payload_init(&p, copy, doc.n);
	said = gw_mqtt_payload_read(&p, &want, ret_value);
	damage = p.damage;
	free(copy);
	return said;
}

static void as_jansson_reads_it(void **state)
{
	unsigned long said = 0;

	(void)state;
	for (unsigned long i = 0; i < reference_sequences() / 4; i++) {
		const bool is_bool = pick(2);
		double must = 0, is = 0;
		enum gw_mqtt_lookup_result how;
		const json_t *value;
		json_t *root;
		bool good;

		write_doc();
		root = json_loadb(doc.text, doc.n,
			JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
		if (!root)
			fail_msg("jansson does not take %s", doc.text);
		value = follow(root, doc.path);
		assert_non_null(value);
		good = reference(value, is_bool, &must);
		how = read_doc(is_bool, &is);
		if (how != (good ? GW_MQTT_VALUE : GW_MQTT_UNREADABLE) ||
			(good && is != must) || damage.what)
			fail_msg("%s at %s: %d, %g instead of %g, %s", doc.text, doc.path,
				(int)how, is, must, damage.what ? damage.what : "");
		said += good;
		json_decref(root);
	}
	assert_true(said > reference_sequences() / 40);
}

/* In place of a word, or inside a string; none has a mark that others go by. */
static const char *const bad_words[] = {"nan", "-Infinity", "undefined", "05", "0x1F",
	"1.2.3", "'x'", "\xb2\xe2", "tru", "12:30", "-", ""};
static const char *const bad_insides[] = {"\t", "\n", "\xff", "\xb2\xe2\xca\xd4", "M\xfcnz",
	"\\u0000", "\\x", "\\ud800", "\\u12", "\x01"};

static bool spoil_elsewhere(void)
{
	const struct place *p = &doc.place[doc.n_places ? pick((int)doc.n_places) : 0];
	const char *bad;
	size_t n, before = p->at;

	if (doc.n_places == 0 || p->on_the_way)
		return false;
	bad = p->string ? bad_insides[pick(10)] : bad_words[pick(12)];
	n = strlen(bad);
	while (before && strchr(" \t\r\n", doc.text[before - 1]))
		before--;
	if (n == 0 && (before == 0 || doc.text[before - 1] != ':'))
		return false; /* an array would have one less */
	assert_true(doc.n + n < TEXT_MAX);
	memmove(doc.text + p->at + n, doc.text + p->at + p->n, doc.n - p->at - p->n + 1);
	memcpy(doc.text + p->at, bad, n);
	doc.n += n - p->n;
	return true;
}

static void damage_outside_the_field_changes_nothing(void **state)
{
	unsigned long spoilt = 0;

	(void)state;
	for (unsigned long i = 0; i < reference_sequences() / 4; i++) {
		const bool is_bool = pick(2);
		double before = 0, after = 0;
		enum gw_mqtt_lookup_result was, is;
		char clean[TEXT_MAX];

		write_doc();
		memcpy(clean, doc.text, doc.n + 1);
		was = read_doc(is_bool, &before);
		if (!spoil_elsewhere())
			continue;
		is = read_doc(is_bool, &after);
		if (is != was || before != after || !damage.what)
			fail_msg("%s\nspoilt: %s\nat %s: %d %g, was %d %g, %s", clean,
				doc.text, doc.path, (int)is, after, (int)was, before,
				damage.what ? damage.what : "no damage");
		spoilt++;
	}
	assert_true(spoilt > reference_sequences() / 40);
}

/* Cut off anywhere it says the same, or nothing that is wrong. */
static void a_truncated_text_yields_no_wrong_value(void **state)
{
	unsigned long said = 0;

	(void)state;
	for (unsigned long i = 0; i < reference_sequences() / 4; i++) {
		double whole = -1, part = -1;
		enum gw_mqtt_lookup_result was;

		write_doc();
		was = read_doc(false, &whole);
		doc.n = (size_t)pick((int)doc.n);
		if (doc.n == 0 || read_doc(false, &part) != GW_MQTT_VALUE)
			continue;
		if (was != GW_MQTT_VALUE || whole != part)
			fail_msg("%.*s at %s: %g instead of %g", (int)doc.n, doc.text,
				doc.path, part, whole);
		said++;
	}
	assert_true(said > reference_sequences() / 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_jansson_reads_it),
		cmocka_unit_test(damage_outside_the_field_changes_nothing),
		cmocka_unit_test(a_truncated_text_yields_no_wrong_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
