/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

/* splitmix64: good for any seed, 0 included. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void gw_backoff_init(struct gw_backoff *b, int64_t first_ns, int64_t max_ns, uint64_t seed)
{
	*b = (struct gw_backoff){
		.first_ns = first_ns > 1 ? first_ns : 1,
		.max_ns = max_ns > first_ns ? max_ns : first_ns,
		.random = seed,
	};
}

bool gw_backoff_ready(const struct gw_backoff *b, int64_t now_ns)
{
	return b->failures == 0 || now_ns >= b->next_ns;
}

void gw_backoff_failed(struct gw_backoff *b, int64_t now_ns)
{
	int64_t wait_ns = b->first_ns;

	for (uint32_t i = 0; i < b->failures && wait_ns < b->max_ns; i++)
		wait_ns = wait_ns > b->max_ns / 2 ? b->max_ns : wait_ns * 2;
	if (b->failures < UINT32_MAX)
		b->failures++;
	wait_ns -= (int64_t)(random_next(&b->random) % ((uint64_t)wait_ns / 2 + 1));
	b->next_ns = now_ns + wait_ns;
}

void gw_backoff_succeeded(struct gw_backoff *b)
{
	b->failures = 0;
	b->next_ns = 0;
}
