/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pemkey.h"

#include "tests/unit/fixture/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CERT "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static void test_encrypted_keys_are_recognised_in_every_form(void **state)
{
	static const struct {
		const char *text;
		bool encrypted;
	} rows[] = {
		{"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n", false},
		{"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n-----END ENCRYPTED PRIVATE "
		 "KEY-----\n",
			true},
		{CERT "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n", true},
		{"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
		 "DEK-Info: AES-256-CBC,00\n\nMIHs\n-----END RSA PRIVATE KEY-----\n",
			true},
		{"-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n"
		 "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n",
			false},
		/* the first one counts, for OpenSSL, too */
		{"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
		 "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
			false},
		{CERT, false},
		{"", false},
		{"0\x82\x04", false},
	};
	char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 16];

	(void)state;
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *f = fopen(path, "w");

		fputs(rows[i].text, f);
		fclose(f);
		if (gw_pemkey_encrypted(path) != rows[i].encrypted)
			fail_msg("row %zu: %s", i, rows[i].text);
		assert_int_equal(gw_pemkey_inspect(path) != NULL, rows[i].encrypted);
	}
	assert_int_equal(temp_dir_remove(dir), 0);
}

static void test_a_file_that_cannot_be_read_is_not_encrypted(void **state)
{
	(void)state;
	assert_false(gw_pemkey_encrypted("/nowhere/key.pem"));
	assert_false(gw_pemkey_encrypted("/"));
	assert_false(gw_pemkey_encrypted(""));
	assert_false(gw_pemkey_encrypted(NULL));
	assert_null(gw_pemkey_inspect("/nowhere/key.pem"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encrypted_keys_are_recognised_in_every_form),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_not_encrypted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
