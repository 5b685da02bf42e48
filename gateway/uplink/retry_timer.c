/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/retry_timer.h"

#include "base/clock.h"

#define BACKOFF_FIRST_NS (GW_NS_PER_SEC)
#define BACKOFF_MAX_NS   (60 * GW_NS_PER_SEC)

void gw_retry_timer_init(struct gw_retry_timer *p, uint64_t seed)
{
	*p = (struct gw_retry_timer){.hold_ns = 0};
	gw_backoff_init(&p->backoff, BACKOFF_FIRST_NS, BACKOFF_MAX_NS, seed);
}

void gw_retry_timer_failed(struct gw_retry_timer *p, int64_t retry_after_ns, int64_t now_ns)
{
	gw_backoff_failed(&p->backoff, now_ns);
	if (retry_after_ns > 0)
		p->hold_ns = p->backoff.next_ns = now_ns + retry_after_ns;
}

void gw_retry_timer_succeeded(struct gw_retry_timer *p)
{
	gw_backoff_succeeded(&p->backoff);
	p->hold_ns = 0;
}

void gw_retry_timer_expire(struct gw_retry_timer *p, int64_t now_ns)
{
	if (p->backoff.next_ns > now_ns)
		p->backoff.next_ns = now_ns;
}

bool gw_retry_timer_ready(const struct gw_retry_timer *p, int64_t now_ns)
{
	return now_ns >= p->hold_ns && gw_backoff_ready(&p->backoff, now_ns);
}

int64_t gw_retry_timer_next_ns(const struct gw_retry_timer *p)
{
	return p->backoff.next_ns > p->hold_ns ? p->backoff.next_ns : p->hold_ns;
}
