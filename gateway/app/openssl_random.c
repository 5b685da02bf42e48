/* SPDX-License-Identifier: Apache-2.0 */
#include "app/openssl_random.h"

#include <openssl/rand.h>
#include <sys/random.h>

bool gw_openssl_random_init(void)
{
	unsigned char one;

	if (getrandom(&one, sizeof(one), GRND_NONBLOCK) != sizeof(one))
		return true;
	return RAND_status() == 1;
}
