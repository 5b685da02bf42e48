/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations without their secrets. */
#include "ctl/redact_config.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

static void is(const char *text, const char *expected)
{
	struct gw_error err;
	size_t n;
	char *got = gw_redact_config(text, strlen(text), &n, &err);

	if (!got)
		fail_msg("\"%s\": %s", text, err.text);
	assert_string_equal(got, expected);
	assert_int_equal(n, strlen(expected));
	free(got);
}

/* Whatever else is left out. */
static void hides(const char *text)
{
	struct gw_error err;
	size_t n;
	char *got = gw_redact_config(text, strlen(text), &n, &err);

	if (got ? strstr(got, "S3") : strstr(err.text, "S3"))
		fail_msg("\"%s\" became \"%s\"", text, got ? got : err.text);
	free(got);
}

static void fails(const char *text, size_t n, const char *expected)
{
	struct gw_error err;

	assert_null(gw_redact_config(text, n, &n, &err));
	assert_string_equal(err.text, expected);
}

/* ---- by example ---- */

static void what_is_no_secret_stays(void **state)
{
	(void)state;
	is("", "");
	is("# only this", "");
	is("gateway:\n  id: box\n  area: \"120101\"\n  unit: 大厦\n",
		"gateway:\n  id: box\n  area: \"120101\"\n  unit: 大厦\n");
	is("points: [{name: ch4, register: 'holding:0', valid: [-1, 2]}]\nb: {}\nc: []\nd:\n",
		"points: [{name: ch4, register: 'holding:0', valid: [-1, 2]}]\nb: {}\nc: []\nd:\n");
	is("url: file:///var/log/x?y\nlog: /var/log/x\n",
		"url: file:///var/log/x?y\nlog: /var/log/x\n");
	is("text: |\n  a\n\n  b # c\nkind: >-\n  d\n",
		"text: |\n  a\n\n  b # c\nkind: >-\n  d\n");
}

static void comments_are_left_out(void **state)
{
	(void)state;
	is("# S3CRET\na: 1 # S3CRET\nb: \"x # y\"\nc: x#y\n",
		"a: 1\nb: \"x # y\"\nc: x#y\n");
	is("a: 'it''s # 1' # S3CRET\n", "a: 'it''s # 1'\n");
	is("a: city's # S3CRET\n", "a: city's\n");
	is("a: the city's # S3CRET is the city's\n", "a: the city's\n");
	is("a: [b, 'x', # S3CRET isn't '\n]\n", "a: [b, 'x']\n");
	is("a: the \"x # S3CRET\n", "a: the \"x\n");
	is("a: |\n  x\n# S3CRET\nb: 1\n", "a: |\n  x\nb: 1\n");
}

static void values_of_secret_keys_are_left_out(void **state)
{
	(void)state;
	is("password: S3CRET\nb: 1\n", "password: (left out)\nb: 1\n");
	is("u: {API-Token: S3CRET, b: 1}\n", "u: {API-Token: (left out), b: 1}\n");
	is("a:\n  password: |\n    S3CRET\n\n    S3CRET\n  b: 1\n",
		"a:\n  password: (left out)\n  b: 1\n");
	is("token: S3CRET\n  S3CRET\nb: 1\n", "token: (left out)\nb: 1\n");
	is("headers:\n- X: S3CRET\nb: 1\n", "headers: (left out)\nb: 1\n");
	is("headers: {X: S3CRET,\n  Y: S3CRET}\nb: 1\n", "headers: (left out)\nb: 1\n");
	is("token: /S3CRET\nkey: '/S3CRET'\ntoken_file: /S3CRET\n",
		"token: (left out)\nkey: (left out)\ntoken_file: (left out)\n");
}

static void quotes_do_not_matter(void **state)
{
	(void)state;
	is("password: 'it''s-S3CRET'\nb: 1\n", "password: (left out)\nb: 1\n");
	is("{password: 'it''s, S3CRET', b: 1}\n", "{password: (left out), b: 1}\n");
	is("{password: \"a\\\", S3CRET\", b: 1}\n", "{password: (left out), b: 1}\n");
	is("password: \"x\n  S3CRET: 1\n  S3CRET\"\nb: 1\n",
		"password: (left out)\nb: 1\n");
	is("{\"token\":\"S3CRET\",\"b\":1}\n", "{\"token\": (left out), \"b\": 1}\n");
	is("\"pass\\x77ord\": S3CRET\n", "\"password\": (left out)\n");
}

static void another_encoding_hides_nothing(void **state)
{
	static const char utf16[] = "\xff\xfe"
				    "t\0o\0k\0e\0n\0:\0 \0S\0003\0";
	struct gw_error err;
	size_t n;
	char *got = gw_redact_config(utf16, sizeof(utf16) - 1, &n, &err);

	(void)state;
	assert_non_null(got);
	assert_string_equal(got, "token: (left out)\n");
	free(got);
}

static void keys_may_be_written_in_any_way(void **state)
{
	(void)state;
	is("token : S3CRET\nb : 1\n", "token: (left out)\nb: 1\n");
	is("\"token\"\t : S3CRET\n", "\"token\": (left out)\n");
	is("? token\n: S3CRET\nb: 1\n", "token: (left out)\nb: 1\n");
	is("? [a, {token: S3CRET}]\n: S3CRET\n",
		"? [a, {token: (left out)}]\n: (left out)\n");
	is("http.token.value: S3CRET\n", "http.token.value: (left out)\n");
	is("{password:/S3CRET, b: 1}\n", "{(left out): (left out), b: 1}\n");
}

static void anchors_and_tags_hide_nothing(void **state)
{
	(void)state;
	is("u: {token: &S3 \"x,S3CRET\", b: 1}\n", "u: {token: (left out), b: 1}\n");
	is("u: {token: !!str \"x,S3CRET\", b: 1}\n", "u: {token: (left out), b: 1}\n");
	is("u: {token: !S3 &a 'x,S3CRET', b: !S3 1}\n", "u: {token: (left out), b: 1}\n");
	is("token: &a S3CRET\nb: *a\n", "token: &id001 (left out)\nb: *id001\n");
	is("b: &a S3CRET\ntoken: *a\n", "b: &id001 (left out)\ntoken: *id001\n");
	is("b: &a [{c: &c S3CRET}]\nd: *c\ntoken: [*a]\n",
		"b: (left out)\nd: (left out)\ntoken: (left out)\n");
	is("a: &k token\n*k : S3CRET\n", "a: &id001 token\n*id001 : (left out)\n");
	is("a: &a {token: S3CRET}\nb: {<<: *a}\n",
		"a: &id001 {token: (left out)}\nb: {<<: *id001}\n");
	is("a: &a [*a]\n", "a: &id001 [*id001]\n");
	hides("%TAG !e! tag:S3CRET,2000:\n---\na: !e!x 1\n");
}

static void an_alias_of_an_alias_is_found(void **state)
{
	(void)state;
	is("a: &a [S3]\nb: &b [*a]\nc: &c [*b]\ntoken: *c\n",
		"a: (left out)\nb: (left out)\nc: &id001 (left out)\ntoken: *id001\n");
}

static void a_secret_within_a_text_takes_it_along(void **state)
{
	(void)state;
	is("a: 'token: S3CRET'\n", "a: (left out)\n");
	is("a: |\n  # password=S3CRET\n", "a: (left out)\n");
	is("a: Bearer S3CRET\n", "a: (left out)\n");
	is("a: x\n  token S3CRET\n", "a: (left out)\n");
	is("S3CRET\n", "(left out)\n");
	is("- S3CRET:\n", "- S3CRET:\n"); /* a key; nothing says that it is one */
	hides("a: x\npassword S3CRET\n");
	hides("a: [x\npassword: S3,S3]\n");
	hides("a: \"x\\0token\\0S3\"\n");
}

static void urls_lose_what_may_be_secret(void **state)
{
	(void)state;
	is("url: https://a.example/x,S3}S3'S3]S3\nb: 1\n",
		"url: https://a.example/(left out)\nb: 1\n");
	is("url: 'https://me:S3@a.example/x,S3}S3\"S3'\n",
		"url: 'https://(left out)@a.example/(left out)'\n");
	is("url: 'https://a.example/x\", S3'\n", "url: 'https://a.example/(left out)'\n");
	is("url: \"https:\\/\\/me:S3@a.example\\/S3\"\n",
		"url: \"https://(left out)@a.example/(left out)\"\n");
	is("url: \"https://a.example/x\\\n  S3CRET\"\n",
		"url: \"https://a.example/(left out)\"\n");
	is("url: https://key.example:1\n", "url: https://key.example:1\n");
	is("url: me:S3@a.example/S3\nuri: [https://a.example]\n",
		"url: (left out)\nuri: (left out)\n");
	is("a: S3 https://a.example\n", "a: (left out)\n");
	is("a: file:///x token=S3\n", "a: (left out)\n");
	is("https://me:S3@a.example: 1\n", "https://(left out)@a.example: 1\n");
}

static void what_is_no_yaml_is_left_out_whole(void **state)
{
	static char deep[400];

	(void)state;
	fails("a: 1\nb: [S3\nc: 2\n", 16,
		"line 3, column 2: did not find expected ',' or ']'");
	fails("a: 1\n---\nb: *S3", 15, "line 3, column 4: found undefined alias");
	fails("a: \xff", 4, "byte 3: invalid leading UTF-8 octet");
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 2 ? ' ' : '-';
	fails(deep, sizeof(deep), "line 1: nested deeper than 64 levels");
}

/* ---- by chance ---- */

#define SECRET "S3CRET"
#define OTHER  "0ther"

struct writer {
	char text[1 << 16];
	size_t n, n_others; /* that must stay */
	bool in_block_text; /* where # does not begin a comment */
	uint64_t random;
	unsigned n_anchors;       /* of the document */
	unsigned secret_anchors;  /* bits: of secrets */
	unsigned pending_anchors; /* of what only a later alias will make secret */
};

static unsigned any(struct writer *w, unsigned n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned)(w->random >> 32) % n;
}

__attribute__((format(printf, 2, 3))) static void out(
	struct writer *w, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	w->n += (size_t)vsnprintf(w->text + w->n, sizeof(w->text) - w->n, fmt, args);
	va_end(args);
	assert_true(w->n < sizeof(w->text));
}

static void new_line(struct writer *w, unsigned indent)
{
	if (any(w, 4) == 0)
		out(w, "%s# it's token: \"" SECRET, w->in_block_text ? "\n" : " ");
	w->in_block_text = false;
	out(w, "\n%*s", (int)indent, "");
}

/* Between quotes as they are written. */
static const char *const plain[] = {"%s", "/%s", "x-%s", "it's %s", "%s#1", "-%s\"x"};
static const char *const single[] = {
	"it''s %s", "a: %s", "x, %s}]", " # %s", "%s''", "\"%s"};
static const char *const doubled[] = {
	"\\\"%s", "a: %s", "x, %s}]", " # %s\\\\", "'%s", "\\x20%s"};

static void write_quoted(struct writer *w, const char *word)
{
	const char *const *forms[] = {plain, single, doubled};
	const char *quotes[] = {"", "'", "\""};
	unsigned style = any(w, 3);
	const char *form = forms[style][any(w, 6)], *at = strstr(form, "%s");

	out(w, "%s%.*s%s%s%s", quotes[style], (int)(at - form), form, word, at + 2,
		quotes[style]);
}

static void write_scalar(struct writer *w, unsigned indent, bool flow, bool secret)
{
	const char *word = secret ? SECRET : OTHER;

	if (!secret)
		w->n_others++;
	if (flow || any(w, 3) > 0) {
		write_quoted(w, word);
		return;
	}
	w->in_block_text = true;
	out(w, "%s", any(w, 2) ? "|" : ">");
	out(w, "%s\n%*sx\n\n%*s%s", any(w, 2) ? "-" : "", (int)indent + 2, "",
		(int)indent + 2 + (any(w, 2) ? 1 : 0), "", word);
}

static void write_properties(struct writer *w, bool secret)
{
	if (any(w, 4) == 0)
		out(w, "!%s ", any(w, 2) ? SECRET : "!str");
	if (any(w, 4) == 0 && w->n_anchors < 30) {
		w->secret_anchors |= secret ? 1U << w->n_anchors : 0;
		out(w, "&a%u ", w->n_anchors++);
	}
}

static const char *const secret_keys[] = {"password", "Api-Token", "x.SECRET.y", "key",
	"'my auth'", "\"pass\\x77ord\"", "headers", "token_file"};

static void write_key(
	struct writer *w, unsigned indent, unsigned number, bool secret, bool flow)
{
	const char *ends[] = {": ", " : ", "\t: "};
	bool marked = !flow && any(w, 6) == 0;

	if (marked)
		out(w, "? ");
	if (secret)
		out(w, "%s", secret_keys[any(w, 8)]);
	else
		out(w, any(w, 2) ? "k%u" : "\"k%u\"", number);
	if (marked)
		new_line(w, indent);
	out(w, "%s", marked ? ": " : ends[any(w, 3)]);
}

static void write_value(
	struct writer *w, unsigned indent, unsigned depth, bool flow, bool secret);

static void write_flow(struct writer *w, unsigned depth, bool secret)
{
	bool map = any(w, 2), secret_too;

	write_properties(w, secret);
	out(w, "%c", map ? '{' : '[');
	for (unsigned i = 0, n = any(w, 4); i < n; i++) {
		secret_too = secret || (map && any(w, 2));
		if (map)
			write_key(w, 0, i, !secret && secret_too, true);
		write_value(w, 0, depth + 1, true, secret_too);
		out(w, ", ");
	}
	out(w, "%c", map ? '}' : ']');
}

static void write_block(struct writer *w, unsigned indent, unsigned depth, bool secret)
{
	bool map = depth == 0 || any(w, 2), secret_too;

	if (depth > 0)
		write_properties(w, secret);
	for (unsigned i = 0, n = 1 + any(w, 4); i < n; i++) {
		new_line(w, indent);
		secret_too = secret || (map && any(w, 2));
		if (map)
			write_key(w, indent, i, !secret && secret_too, false);
		else
			out(w, "- ");
		write_value(w, indent, depth + 1, false, secret_too);
	}
}

/* An alias, to what is secret already or becomes so by it. */
static bool write_alias(struct writer *w, bool secret)
{
	unsigned bits = w->secret_anchors | (secret ? w->pending_anchors : 0), number;

	if (!bits || any(w, 4) > 0)
		return false;
	do
		number = any(w, w->n_anchors);
	while (!(bits >> number & 1));
	w->pending_anchors &= ~(1U << number);
	w->secret_anchors |= 1U << number;
	out(w, "*a%u ", number);
	return true;
}

static void write_url(struct writer *w)
{
	const char *rest[] = {SECRET, "," SECRET, "}" SECRET, "?k=" SECRET, "@" SECRET};
	const char *quote = any(w, 2) ? "'" : "\"";

	out(w, "%shttps://%sa.example/%s%s", quote, any(w, 2) ? "me:" SECRET "@" : "",
		rest[any(w, 5)], quote);
}

static void write_value(
	struct writer *w, unsigned indent, unsigned depth, bool flow, bool secret)
{
	if (write_alias(w, secret))
		return;
	if (depth < 5 && any(w, 3) == 0) {
		if (flow || any(w, 2))
			write_flow(w, depth, secret);
		else
			write_block(w, indent + 1 + any(w, 3), depth, secret);
		return;
	}
	if (!secret && any(w, 6) == 0) {
		write_url(w);
		return;
	}
	if (!secret && any(w, 6) == 0 && w->n_anchors < 30) {
		w->pending_anchors |= 1U << w->n_anchors;
		out(w, "&a%u " SECRET, w->n_anchors++);
		return;
	}
	write_properties(w, secret);
	write_scalar(w, indent, flow, secret);
}

static void write_document(struct writer *w)
{
	w->in_block_text = false;
	w->n_anchors = w->secret_anchors = w->pending_anchors = 0;
	write_block(w, 0, 0, false);
	for (unsigned i = 0; i < w->n_anchors; i++)
		if (w->pending_anchors >> i & 1)
			out(w, "\n%s: *a%u", secret_keys[any(w, 8)], i);
	out(w, "\n");
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void no_document_shows_a_secret_or_loses_more(void **state)
{
	static struct writer w;
	size_t n, n_secrets = 0, n_others = 0;
	struct gw_error err;
	char *got;

	(void)state;
	for (uint64_t seed = 1; seed <= 5000; seed++) {
		w.n = w.n_others = 0;
		w.random = seed * 0x9E3779B97F4A7C15U;
		for (unsigned i = 0, documents = 1 + any(&w, 3); i < documents; i++) {
			out(&w, "---");
			write_document(&w);
		}
		got = gw_redact_config(w.text, w.n, &n, &err);
		if (!got)
			fail_msg("seed %ju: %s in\n%s", (uintmax_t)seed, err.text, w.text);
		if (strstr(got, SECRET) || count(got, OTHER) != w.n_others)
			fail_msg("seed %ju: of %zu others:\n%sbecame\n%s", (uintmax_t)seed,
				w.n_others, w.text, got);
		n_secrets += count(w.text, SECRET);
		n_others += w.n_others;
		free(got);
	}
	assert_true(n_secrets > 10000 && n_others > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_secret_stays),
		cmocka_unit_test(comments_are_left_out),
		cmocka_unit_test(values_of_secret_keys_are_left_out),
		cmocka_unit_test(quotes_do_not_matter),
		cmocka_unit_test(another_encoding_hides_nothing),
		cmocka_unit_test(keys_may_be_written_in_any_way),
		cmocka_unit_test(anchors_and_tags_hide_nothing),
		cmocka_unit_test(an_alias_of_an_alias_is_found),
		cmocka_unit_test(a_secret_within_a_text_takes_it_along),
		cmocka_unit_test(urls_lose_what_may_be_secret),
		cmocka_unit_test(what_is_no_yaml_is_left_out_whole),
		cmocka_unit_test(no_document_shows_a_secret_or_loses_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
