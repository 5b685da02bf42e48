/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_ack.h"

#include "base/clock.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#define COMMIT_WAIT_NS         (2 * GW_NS_PER_SEC)
#define COMMIT_WAIT_STALLED_NS (20 * GW_NS_PER_MS)
#define POLL_FIRST_NS          100000
#define POLL_MAX_NS            GW_NS_PER_MS
#define FEW                    8
#define UNSURE_NS              (20 * GW_NS_PER_MS)

void gw_mqtt_ack_reset(struct gw_mqtt_ack *a)
{
	a->n = 0;
	a->stalled = false;
	a->group++;
	a->unsure_until_ns = 0;
}

void gw_mqtt_ack_mark(
	struct gw_mqtt_ack *a, unsigned before, int64_t now_ns, struct gw_emit *emit)
{
	gw_emit_set_checkpoint(emit, &a->checkpoint);
	/* A few acknowledgements may wait for the next message to carry them along; many keep
	 * the broker from sending more. */
	a->poll_ns = a->n < FEW ? POLL_MAX_NS : POLL_FIRST_NS;
	if (before == 0)
		a->since_ns = now_ns;
}

static void end_group(struct gw_mqtt_ack *a, int64_t now_ns)
{
	if (a->checkpoint.seq != a->last_seq || !a->checkpoint.engine_seen) {
		if (now_ns >= a->unsure_until_ns)
			a->unsure_group = a->group;
		a->unsure_until_ns = now_ns + UNSURE_NS;
		a->last_seq = a->checkpoint.seq;
	}
	a->group++;
	a->n = 0;
}

bool gw_mqtt_ack_may_leave(struct gw_mqtt_ack *a, int64_t now_ns, struct gw_emit *emit)
{
	int64_t patience_ns = a->stalled ? COMMIT_WAIT_STALLED_NS : COMMIT_WAIT_NS;

	if (a->n == 0)
		return true;
	if (gw_emit_is_committed(emit, &a->checkpoint)) {
		a->stalled = false;
	} else if (now_ns - a->since_ns >= patience_ns) {
		/* The store is in trouble. What it should keep is with the engine and the
		 * uplinks already; the messages behind these must not wait for it. */
		a->stalled = true;
		gw_emit_count(emit, GW_COUNT_UNCOMMITTED, a->n);
	} else {
		return false;
	}
	end_group(a, now_ns);
	return true;
}

int64_t gw_mqtt_ack_wait_ns(struct gw_mqtt_ack *a)
{
	int64_t wait_ns = a->poll_ns;

	if (a->poll_ns < POLL_MAX_NS)
		a->poll_ns *= 2;
	return wait_ns;
}

/* Whether an acknowledgement of the last group with an event may still be lost: it has left us,
 * but the broker's machine has not confirmed that it received it. */
static bool is_unsure(struct gw_mqtt_ack *a, int socket, bool writing, int64_t now_ns)
{
	int unsent = 0;

	if (now_ns >= a->unsure_until_ns)
		return false;
	if (ioctl(socket, SIOCOUTQ, &unsent) == 0 && unsent == 0 && !writing)
		a->unsure_until_ns = 0;
	return a->unsure_until_ns != 0;
}

bool gw_mqtt_ack_must_wait(
	struct gw_mqtt_ack *a, uint64_t group, int socket, bool writing, int64_t now_ns)
{
	bool unsure = is_unsure(a, socket, writing, now_ns);

	if (a->n == 0 && !unsure)
		return false;
	return group > 0 && group >= (unsure ? a->unsure_group : a->group);
}
