/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of a configuration as one text: all of it comes back, or nothing. */
#include "yaml/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct gw_files some_files(void)
{
	struct gw_files f = {.n = 0};

	assert_true(gw_files_add(&f, "/etc/a b/tocsin.yaml", "gateway:\n  id: x\n", 17));
	assert_true(gw_files_add(&f, "p/empty.yaml", "", 0));
	assert_true(gw_files_add(&f, "/p/odd.yaml", "file 3 x\nend\n\0z", 15));
	return f;
}

static void decoding_gives_every_encoded_file(void **state)
{
	struct gw_files f = some_files(), back;
	size_t n;
	char *text = gw_files_encode(&f, &n);

	(void)state;
	assert_non_null(text);
	assert_int_equal(gw_files_decode(text, n, &back, NULL), GW_OK);
	assert_true(gw_files_equal(&f, &back));
	assert_string_equal(gw_files_find(&back, "p/empty.yaml")->bytes, "");
	assert_null(gw_files_find(&back, "empty.yaml"));
	gw_files_free(&back);
	gw_files_free(&back);
	gw_files_free(&f);
	free(text);
}

static void a_truncated_or_altered_text_is_refused(void **state)
{
	struct gw_files f = some_files(), back;
	size_t n;
	char *text = gw_files_encode(&f, &n);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		char *part = malloc(cut + 1);

		memcpy(part, text, cut);
		assert_int_equal(gw_files_decode(part, cut, &back, NULL), GW_ERR_CORRUPT);
		free(part);
	}
	for (size_t at = 0; at < n; at++) {
		text[at] ^= 1;
		assert_int_equal(gw_files_decode(text, n, &back, NULL), GW_ERR_CORRUPT);
		text[at] ^= 1;
	}
	gw_files_free(&f);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_gives_every_encoded_file),
		cmocka_unit_test(a_truncated_or_altered_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
