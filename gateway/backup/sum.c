/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/sum.h"

#include <openssl/evp.h>
#include <stdio.h>

bool gw_sum_begin(struct gw_sum *s)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	s->context = c;
	return c != NULL;
}

void gw_sum_add(struct gw_sum *s, const void *bytes, size_t n)
{
	if (s->context && EVP_DigestUpdate(s->context, bytes, n) != 1) {
		EVP_MD_CTX_free(s->context);
		s->context = NULL;
	}
}

bool gw_sum_end(struct gw_sum *s, char ret_hex[GW_SUM_HEX])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool done = s->context && EVP_DigestFinal_ex(s->context, hash, &n) == 1;

	EVP_MD_CTX_free(s->context);
	s->context = NULL;
	for (size_t i = 0; done && i < (GW_SUM_HEX - 1) / 2; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
	return done;
}

bool gw_sum_of(const void *bytes, size_t n, char ret_hex[GW_SUM_HEX])
{
	struct gw_sum s;

	if (!gw_sum_begin(&s))
		return false;
	gw_sum_add(&s, bytes, n);
	return gw_sum_end(&s, ret_hex);
}
