/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: sizes that octal digits cannot hold. */
#include "base/tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static enum gw_tar_next header(uint64_t n, int flip, struct gw_tar_entry *ret)
{
	char *bytes = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&bytes, &size);
	enum gw_tar_next next;

	assert_non_null(f);
	assert_true(gw_tar_begin(f, "tocsin.db", n, 1));
	assert_int_equal(fclose(f), 0);
	if (flip >= 0)
		bytes[flip] = (char)(bytes[flip] ^ 0x40);
	f = fmemopen(bytes, size, "r");
	assert_non_null(f);
	next = gw_tar_next(f, ret);
	fclose(f);
	free(bytes);
	return next;
}

static void every_size_comes_back(void **state)
{
	static const uint64_t sizes[] = {0, 1, 511, 512, (UINT64_C(1) << 33) - 1,
		UINT64_C(1) << 33, (UINT64_C(1) << 36) + 12345, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct gw_tar_entry e;

		assert_int_equal(header(sizes[i], -1, &e), GW_TAR_ENTRY);
		assert_int_equal(e.n, sizes[i]);
		assert_string_equal(e.name, "tocsin.db");
		/* in the field of the size */
		assert_int_equal(header(sizes[i], 124, &e), GW_TAR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_size_comes_back)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
