/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/retry_timer.h"

#include "base/clock.h"

#define BACKOFF_FIRST_NS (GW_NS_PER_SEC)
#define BACKOFF_MAX_NS   (60 * GW_NS_PER_SEC)

void gw_retry_timer_init(struct gw_retry_timer *t, uint64_t seed)
{
	*t = (struct gw_retry_timer){.hold_ns = 0};
	gw_backoff_init(&t->backoff, BACKOFF_FIRST_NS, BACKOFF_MAX_NS, seed);
}

void gw_retry_timer_failed(struct gw_retry_timer *t, int64_t retry_after_ns, int64_t now_ns)
{
	gw_backoff_failed(&t->backoff, now_ns);
	if (retry_after_ns > 0)
		t->hold_ns = t->backoff.next_ns = now_ns + retry_after_ns;
}

void gw_retry_timer_succeeded(struct gw_retry_timer *t)
{
	gw_backoff_succeeded(&t->backoff);
	t->hold_ns = 0;
}

void gw_retry_timer_expire(struct gw_retry_timer *t, int64_t now_ns)
{
	if (t->backoff.next_ns > now_ns)
		t->backoff.next_ns = now_ns;
}

bool gw_retry_timer_ready(const struct gw_retry_timer *t, int64_t now_ns)
{
	return now_ns >= t->hold_ns && gw_backoff_ready(&t->backoff, now_ns);
}

int64_t gw_retry_timer_next_ns(const struct gw_retry_timer *t)
{
	return t->backoff.next_ns > t->hold_ns ? t->backoff.next_ns : t->hold_ns;
}
