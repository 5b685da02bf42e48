/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/pace.h"

#include "base/clock.h"

#define BACKOFF_FIRST_NS (GW_NS_PER_SEC)
#define BACKOFF_MOST_NS  (60 * GW_NS_PER_SEC)

void gw_pace_init(struct gw_pace *p, uint64_t seed)
{
	*p = (struct gw_pace){.hold_ns = 0};
	gw_breaker_init(&p->breaker, BACKOFF_FIRST_NS, BACKOFF_MOST_NS, seed);
}

void gw_pace_failed(struct gw_pace *p, int64_t retry_after_ns, int64_t now_ns)
{
	gw_breaker_failed(&p->breaker, now_ns);
	if (retry_after_ns > 0)
		p->hold_ns = p->breaker.next_ns = now_ns + retry_after_ns;
}

void gw_pace_worked(struct gw_pace *p)
{
	gw_breaker_worked(&p->breaker);
	p->hold_ns = 0;
}

void gw_pace_hurry(struct gw_pace *p, int64_t now_ns)
{
	if (p->breaker.next_ns > now_ns)
		p->breaker.next_ns = now_ns;
}

bool gw_pace_ready(const struct gw_pace *p, int64_t now_ns)
{
	return now_ns >= p->hold_ns && gw_breaker_ready(&p->breaker, now_ns);
}

int64_t gw_pace_next_ns(const struct gw_pace *p)
{
	return p->breaker.next_ns > p->hold_ns ? p->breaker.next_ns : p->hold_ns;
}
