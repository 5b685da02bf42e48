/* SPDX-License-Identifier: Apache-2.0 */
#include "app/tls.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static struct {
	_Alignas(16) unsigned char bytes[GW_TLS_RESERVE];
	_Atomic size_t used;
	_Atomic uint64_t failed, refused; /* counts: they order nothing */
} reserve;

/* Before each block: its size, and room that keeps it aligned. */
#define HEAD 16

static void *take_reserve(size_t n)
{
	size_t at, need;

	atomic_fetch_add_explicit(&reserve.failed, 1, memory_order_relaxed);
	if (n < GW_TLS_RESERVE) {
		need = HEAD + (n + HEAD - 1) / HEAD * HEAD;
		at = atomic_load_explicit(&reserve.used, memory_order_relaxed);
		/* relaxed: the range is the caller's alone, nothing is published by it */
		while (at + need <= GW_TLS_RESERVE)
			if (atomic_compare_exchange_weak_explicit(&reserve.used, &at,
				    at + need, memory_order_relaxed,
				    memory_order_relaxed)) {
				memcpy(reserve.bytes + at, &n, sizeof(n));
				return reserve.bytes + at + HEAD;
			}
	}
	atomic_fetch_add_explicit(&reserve.refused, 1, memory_order_relaxed);
	return NULL;
}

static bool from_reserve(const void *p)
{
	return (uintptr_t)p - (uintptr_t)reserve.bytes < GW_TLS_RESERVE;
}

static void *take(size_t n, const char *file, int line)
{
	void *p = malloc(n);

	(void)file;
	(void)line;
	return p || n == 0 ? p : take_reserve(n);
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (!from_reserve(p))
		free(p);
}

static void *resize(void *p, size_t n, const char *file, int line)
{
	void *grown = NULL;
	size_t had = 0;

	(void)file;
	(void)line;
	if (!from_reserve(p)) {
		grown = realloc(p, n);
		if (grown || n == 0)
			return grown;
		had = p ? malloc_usable_size(p) : 0; /* realloc left it as it was */
	} else {
		memcpy(&had, (unsigned char *)p - HEAD, sizeof(had));
	}
	grown = take(n, NULL, 0);
	if (grown && p)
		memcpy(grown, p, had < n ? had : n);
	if (grown)
		give_back(p, NULL, 0);
	return grown;
}

bool gw_tls_reserve(void)
{
	return CRYPTO_set_mem_functions(take, resize, give_back) == 1;
}

uint64_t gw_tls_failed_allocations(void)
{
	return atomic_load_explicit(&reserve.failed, memory_order_relaxed);
}

uint64_t gw_tls_refused_allocations(void)
{
	return atomic_load_explicit(&reserve.refused, memory_order_relaxed);
}

/* ---- whether it is usable ---- */

/* Signed by itself with ECDSA over P-256 and SHA-256, which no policy of a distribution
 * forbids and every TLS 1.3 has (RFC 8446, 9.1). The key it was made with is gone. */
static const char known_good[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBfDCCASKgAwIBAgIBATAKBggqhkjOPQQDAjAcMRowGAYDVQQDDBF0b2NzaW4g\n"
	"c2VsZi1jaGVjazAgFw0yNjExMzAxNTI4MDJaGA8yMTI2MTEwNjE1MjgwMlowHDEa\n"
	"MBgGA1UEAwwRdG9jc2luIHNlbGYtY2hlY2swWTATBgcqhkjOPQIBBggqhkjOPQMB\n"
	"BwNCAAR11A8D12McGDRpiLYbe024J2wkEph27NDRmyjfLI29marNO+ddO16dp3Lk\n"
	"P2dyIaESfKC382UHG7EgsdSf9ojAo1MwUTAdBgNVHQ4EFgQURheDti9cr4Rf2qdE\n"
	"rwn9j11m5D8wHwYDVR0jBBgwFoAURheDti9cr4Rf2qdErwn9j11m5D8wDwYDVR0T\n"
	"AQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAHp1Em9+Y/qkrvzDb1mk1c1FIG\n"
	"mVQnh5cVQuOBGejygAIhANBjAaWUnB32Tt9xvlQyvv3JS9E6CSln4MFTbqNJWLfQ\n"
	"-----END CERTIFICATE-----\n";

static enum gw_err refuse(struct gw_error *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	char text[120] = "no reason given";

	if (code)
		ERR_error_string_n(code, text, sizeof(text));
	return gw_fail(err, GW_ERR_REFUSED, 0, "%s: %s", what, text);
}

/* As a link does it: trusted authority, strength of the signature, the signature itself. */
static bool takes(X509 *certificate)
{
	X509_STORE *trusted = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool good = trusted && ctx && X509_STORE_add_cert(trusted, certificate) == 1 &&
		X509_STORE_CTX_init(ctx, trusted, certificate, NULL) == 1;

	if (good) {
		X509_VERIFY_PARAM *how = X509_STORE_CTX_get0_param(ctx);

		X509_VERIFY_PARAM_set_auth_level(how, 2);
		X509_VERIFY_PARAM_set_flags(
			how, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_CHECK_SS_SIGNATURE);
		good = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(trusted);
	return good;
}

enum gw_err gw_tls_check(struct gw_error *err)
{
	BIO *pem = BIO_new_mem_buf(known_good, -1);
	X509 *certificate = pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int strength = 0;
	enum gw_err rc = GW_OK;

	if (!ctx)
		rc = refuse(err, "no TLS context can be made");
	else if (!certificate)
		rc = refuse(err, "a good certificate cannot be read");
	else if (X509_get_signature_info(certificate, NULL, NULL, &strength, NULL) != 1 ||
		strength < 112)
		rc = refuse(err, "SHA-256 is taken for too weak");
	else if (!takes(certificate))
		rc = refuse(err, "a good certificate is refused");
	X509_free(certificate);
	SSL_CTX_free(ctx);
	BIO_free(pem);
	ERR_clear_error();
	return rc;
}

/* OpenSSL builds the table of an operation when the first algorithm of it is asked for.
 * Which of them there are is up to the machine's policy: what is missing is no fault
 * here. */
static void build_tables(void)
{
	EVP_MD_free(EVP_MD_fetch(NULL, "SHA2-256", NULL));
	EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL));
	EVP_MAC_free(EVP_MAC_fetch(NULL, "HMAC", NULL));
	EVP_KDF_free(EVP_KDF_fetch(NULL, "HKDF", NULL));
	EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(NULL, "EC", NULL));
	EVP_KEYEXCH_free(EVP_KEYEXCH_fetch(NULL, "ECDH", NULL));
	EVP_SIGNATURE_free(EVP_SIGNATURE_fetch(NULL, "ECDSA", NULL));
	EVP_ASYM_CIPHER_free(EVP_ASYM_CIPHER_fetch(NULL, "RSA", NULL));
	ERR_clear_error();
}

enum gw_err gw_tls_begin(struct gw_error *err)
{
	uint64_t before = gw_tls_refused_allocations();
	enum gw_err rc = GW_OK;
	int error;

	errno = 0;
	/* as libcurl does it, and before it does: a failure here is remembered for ever */
	if (OPENSSL_init_ssl(
		    OPENSSL_INIT_ENGINE_ALL_BUILTIN | OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		rc = refuse(err, "OpenSSL cannot be set up");
	error = errno;
	if (!rc) {
		build_tables();
		rc = gw_tls_check(err);
	}
	if (gw_tls_refused_allocations() != before || (rc && error == ENOMEM))
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM,
			"out of memory while OpenSSL was set up");
	return rc;
}

bool gw_tls_broken(struct gw_tls_watch *w, struct gw_error *err)
{
	uint64_t refused = gw_tls_refused_allocations(), failed;

	if (refused == w->seen)
		return false;
	failed = gw_tls_failed_allocations();
	if (gw_tls_check(err) == GW_OK) {
		w->seen = refused;
		return false;
	}
	/* not while memory is short: that passes */
	return gw_tls_failed_allocations() == failed;
}
