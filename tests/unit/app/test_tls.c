/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL with too little memory: at the start, and afterwards. Each trial is a process of its own,
 * as OpenSSL builds its tables once in a process.
 */
#include "app/tls.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif

#ifdef SANITIZED

int main(void)
{
	return 77; /* it has its own malloc */
}

#else

/* Counted and failed here; OpenSSL and libc call these by their names. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

/* Shared with the trials, which are other processes. */
static struct {
	long asked;
	uint64_t failed, refused;
} * shared;
static long from = -1, until = -1; /* the allocations that fail */

static bool fails(void)
{
	long n = shared ? shared->asked++ : -1;

	return n >= from && n < until;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

static void starve(long first, long count)
{
	shared->asked = 0;
	from = first;
	until = first + count;
}

/* ---- a handshake in memory, which is the truth about whether OpenSSL is usable ---- */

static X509 *sign_by_itself(EVP_PKEY *key)
{
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)"peer", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	return x;
}

static bool handshake_with(SSL_CTX *server_ctx, SSL_CTX *client_ctx)
{
	SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
	BIO *a = NULL, *b = NULL;
	bool done = false;

	if (server && client && BIO_new_bio_pair(&a, 0, &b, 0) == 1) {
		SSL_set_bio(server, a, a);
		SSL_set_bio(client, b, b);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		for (int turn = 0; turn < 10 && !done; turn++) {
			SSL_do_handshake(client);
			SSL_do_handshake(server);
			done = SSL_is_init_finished(client) && SSL_is_init_finished(server);
		}
	}
	SSL_free(server);
	SSL_free(client);
	return done;
}

static bool handshake(void)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? sign_by_itself(key) : NULL;
	bool done = false;

	if (server && client && certificate &&
		SSL_CTX_use_certificate(server, certificate) == 1 &&
		SSL_CTX_use_PrivateKey(server, key) == 1) {
		SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
		X509_STORE_add_cert(SSL_CTX_get_cert_store(client), certificate);
		done = handshake_with(server, client);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	return done;
}

/* ---- trials ---- */

/* How the process ends that does this. */
static int in_a_process(int (*scenario)(long), long arg)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* cmocka's handler would run the tests on */
		_exit(scenario(arg));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return 1000 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

enum { GOOD, SAYS_SO, LIES, NOT_TAKEN };

/* One allocation of the start fails: it succeeds and links work, or it says why not. */
static int begin_with_one_failing(long n)
{
	struct gw_error err = {.kind = GW_OK};
	enum gw_err rc;

	if (!gw_tls_reserve())
		return NOT_TAKEN;
	starve(n, 1);
	rc = gw_tls_begin(&err);
	shared->failed = gw_tls_failed_allocations();
	from = until = -1;
	if (rc == GW_ERR_SYSTEM)
		return strstr(err.text, "memory") ? SAYS_SO : LIES;
	return rc == GW_OK && handshake() ? GOOD : LIES;
}

static void a_start_succeeds_or_says_so_whichever_allocation_fails(void **state)
{
	long all, step, served = 0;

	(void)state;
	assert_int_equal(in_a_process(begin_with_one_failing, -1), GOOD);
	/* what the handshake takes stands at the end of the count */
	all = shared->asked;
	step = all / 300 + 1;
	for (long n = 0; n < all; n += step) {
		int end = in_a_process(begin_with_one_failing, n);

		if (end != GOOD && end != SAYS_SO)
			fail_msg("allocation %ld of %ld fails: ends with %d", n, all, end);
		served += shared->failed > 0;
	}
	assert_true(served > 100); /* most of them are OpenSSL's own */
}

/* No memory at all from the n-th on: it ends with a reason. */
static int begin_without_memory(long n)
{
	struct gw_error err = {.kind = GW_OK};
	enum gw_err rc;

	if (!gw_tls_reserve())
		return NOT_TAKEN;
	starve(n, LONG_MAX - n);
	rc = gw_tls_begin(&err);
	from = until = -1;
	return rc == GW_OK ? GOOD : rc == GW_ERR_SYSTEM ? SAYS_SO : LIES;
}

static void a_start_without_memory_does_not_crash(void **state)
{
	(void)state;
	for (long n = 0; n < 200; n += 7) {
		int end = in_a_process(begin_without_memory, n);

		if (end != GOOD && end != SAYS_SO)
			fail_msg("no memory from %ld on: ends with %d", n, end);
	}
}

/* What a policy of the machine takes away, no new process brings back: another error. */
static int begin_without_algorithms(long n)
{
	char path[] = "/tmp/test_tls.XXXXXX";
	struct gw_error err;
	int fd = mkstemp(path);
	enum gw_err rc;

	(void)n;
	if (fd < 0 ||
		dprintf(fd,
			"openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n"
			"[c]\nactivate = 1\n") < 0)
		return NOT_TAKEN;
	setenv("OPENSSL_CONF", path, 1);
	rc = gw_tls_begin(&err);
	unlink(path);
	return rc == GW_ERR_REFUSED ? SAYS_SO : LIES;
}

static void a_machine_without_algorithms_is_not_short_of_memory(void **state)
{
	(void)state;
	assert_int_equal(in_a_process(begin_without_algorithms, 0), SAYS_SO);
}

/* ---- afterwards ---- */

/* Memory is gone during a handshake, more than the reserve has; then there is some again. */
static int shortage_at_work(long n)
{
	struct gw_tls_watch watch = {.seen = 0};
	struct gw_error err;
	bool works, broken;

	if (!gw_tls_reserve() || gw_tls_begin(&err) != GW_OK)
		return NOT_TAKEN;
	if (gw_tls_broken(&watch, &err))
		return LIES; /* nothing happened yet */
	starve(0, n);
	handshake();
	from = until = -1;
	shared->refused = gw_tls_refused_allocations();
	works = handshake();
	broken = gw_tls_broken(&watch, &err);
	return works != broken ? GOOD : LIES;
}

static void a_shortage_at_work_is_survived_or_found(void **state)
{
	bool beyond = false;

	(void)state;
	for (long n = 1; n < 4000; n += 61) {
		assert_int_equal(in_a_process(shortage_at_work, n), GOOD);
		beyond |= shared->refused > 0;
	}
	assert_true(beyond); /* the reserve was used up */
}

/* Without reserve and tables: where one allocation that fails in the first handshake leaves OpenSSL
 * unusable, the check says so. It may also crash, which is what the reserve is for. */
static int first_handshake_with_one_failing(long n)
{
	struct gw_error err;
	bool usable;

	/* OpenSSL 3.5 waits for itself for ever if the very first one fails. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
	starve(n, 1);
	handshake();
	from = until = -1;
	usable = gw_tls_check(&err) == GW_OK;
	if (!usable)
		return SAYS_SO;
	return handshake() ? GOOD : LIES;
}

static void an_unusable_library_is_distinguished_from_a_usable_one(void **state)
{
	long said = 0;

	(void)state;
	for (long n = 0; n < 720; n += 3) {
		int end = in_a_process(first_handshake_with_one_failing, n);

		assert_int_not_equal(end, LIES);
		said += end == SAYS_SO;
	}
	assert_true(said > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_succeeds_or_says_so_whichever_allocation_fails),
		cmocka_unit_test(a_start_without_memory_does_not_crash),
		cmocka_unit_test(a_machine_without_algorithms_is_not_short_of_memory),
		cmocka_unit_test(a_shortage_at_work_is_survived_or_found),
		cmocka_unit_test(an_unusable_library_is_distinguished_from_a_usable_one),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
