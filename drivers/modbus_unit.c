/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_unit.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_AFTER     2
#define RETRY_NS       GW_NS_PER_SEC /* after the first failure, if not due sooner */
#define PROBE_FIRST_NS GW_NS_PER_SEC
#define PROBE_MOST_NS  (30 * GW_NS_PER_SEC)
#define HOLE_FIRST_NS  (2 * GW_NS_PER_SEC)
#define HOLE_MOST_NS   (60 * GW_NS_PER_SEC)
#define LEAST_MOST     4 /* registers of the widest value */

/* The first regular place after now. */
static int64_t slot_after(const struct gw_modbus_unit *u, int64_t period_ns, int64_t now_ns)
{
	if (now_ns < u->start_ns)
		return u->start_ns;
	return u->start_ns + ((now_ns - u->start_ns) / period_ns + 1) * period_ns;
}

static void set_poll(struct gw_modbus_unit *u, struct gw_modbus_poll *p,
	const struct gw_modbus_request *ask, int64_t due_ns, int64_t now_ns)
{
	int64_t period = u->fields[ask->first].period_ns;

	*p = (struct gw_modbus_poll){
		.ask = *ask,
		.period_ns = period,
		.due_ns = due_ns,
		.slot_ns = slot_after(u, period, now_ns),
		.retry_ns = HOLE_FIRST_NS,
	};
}

enum replan {
	PLAN_NEXT,  /* all was just read: at the next regular place, holes later */
	PLAN_HOLES, /* a hole has closed: see at once what became of the others */
	PLAN_ALL,   /* ask everything at once, holes later */
};

/* Lay the plan afresh from what is known of the map. */
static void plan(struct gw_modbus_unit *u, enum replan when, int64_t now_ns)
{
	u->n_polls = gw_modbus_plan_make(
		u->fields, u->n_fields, u->bridge, u->most, u->scratch);
	gw_modbus_plan_order(u->scratch, u->n_polls);
	for (size_t i = 0; i < u->n_polls; i++) {
		struct gw_modbus_poll *p = &u->polls[i];

		set_poll(u, p, &u->scratch[i], now_ns, now_ns);
		if (!u->fields[p->ask.first].hole)
			p->due_ns = when == PLAN_ALL ? now_ns : p->slot_ns;
		else if (when != PLAN_HOLES)
			p->due_ns = p->slot_ns = now_ns + p->retry_ns;
	}
	u->probe = 0;
}

enum gw_err gw_modbus_unit_init(struct gw_modbus_unit *u, uint8_t id, bool serial,
	unsigned bridge, const struct gw_modbus_field *fields, size_t n_fields,
	uint64_t seed, int64_t now_ns, struct gw_error *err)
{
	*u = (struct gw_modbus_unit){
		.id = id,
		.serial = serial,
		.n_fields = n_fields,
		.start_ns = now_ns,
		.bridge = bridge,
		.most = GW_MODBUS_MOST_REGISTERS,
	};
	u->fields = calloc(n_fields, sizeof(*u->fields));
	u->polls = calloc(n_fields, sizeof(*u->polls));
	u->scratch = calloc(n_fields, sizeof(*u->scratch));
	if (!u->fields || !u->polls || !u->scratch) {
		gw_modbus_unit_fini(u);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "unit %u: out of memory", id);
	}
	memcpy(u->fields, fields, n_fields * sizeof(*fields));
	gw_modbus_plan_sort(u->fields, n_fields);
	gw_breaker_init(&u->breaker, PROBE_FIRST_NS, PROBE_MOST_NS, seed);
	plan(u, PLAN_ALL, now_ns);
	for (size_t i = 0; i < u->n_polls; i++)
		u->polls[i].slot_ns = now_ns;
	return GW_OK;
}

void gw_modbus_unit_fini(struct gw_modbus_unit *u)
{
	free(u->fields);
	free(u->polls);
	free(u->scratch);
	memset(u, 0, sizeof(*u));
}

int64_t gw_modbus_unit_next_ns(const struct gw_modbus_unit *u)
{
	int64_t next = INT64_MAX;

	if (u->dead)
		return u->breaker.next_ns;
	for (size_t i = 0; i < u->n_polls; i++)
		if (u->polls[i].due_ns < next)
			next = u->polls[i].due_ns;
	return next;
}

static bool owes(const struct gw_modbus_unit *u, uint32_t shape)
{
	for (unsigned i = 0; i < u->n_owed && i < GW_MODBUS_OWED; i++)
		if (u->owed[i] == shape)
			return true;
	return u->n_owed > GW_MODBUS_OWED;
}

size_t gw_modbus_unit_pick(struct gw_modbus_unit *u, int64_t now_ns)
{
	size_t best = 0;
	bool best_apart = false, found = false;

	if (u->dead)
		return u->probe++ % u->n_polls;
	if (u->n_polls == 1)
		return 0;
	for (size_t i = 0; i < u->n_polls; i++) {
		const struct gw_modbus_poll *p = &u->polls[i];
		uint32_t shape = gw_modbus_plan_shape(&p->ask);
		bool apart = shape != u->last_shape && !owes(u, shape);

		if (p->due_ns > now_ns || (found && best_apart && !apart))
			continue;
		if (!found || apart != best_apart || p->due_ns < u->polls[best].due_ns) {
			best = i;
			best_apart = apart;
			found = true;
		}
	}
	return best;
}

uint64_t gw_modbus_unit_asked(struct gw_modbus_unit *u, size_t poll, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	int64_t missed = 0;

	u->last_shape = gw_modbus_plan_shape(&p->ask);
	if (now_ns >= p->slot_ns) {
		missed = (now_ns - p->slot_ns) / p->period_ns;
		p->slot_ns += (missed + 1) * p->period_ns;
	}
	p->due_ns = p->slot_ns;
	return u->dead ? 0 : (uint64_t)missed;
}

bool gw_modbus_unit_doubtful(
	struct gw_modbus_unit *u, size_t poll, bool exception, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	bool doubt = exception ? u->n_owed > 0 : owes(u, gw_modbus_plan_shape(&p->ask));

	u->n_owed = 0;
	if (doubt) {
		p->due_ns = now_ns;
		if (u->dead) {
			u->probe = poll;
			u->breaker.next_ns = now_ns;
		}
	}
	return doubt;
}

bool gw_modbus_unit_suspect(const struct gw_modbus_unit *u)
{
	return u->dead || (!u->seen && u->failures > 0);
}

static void alive(struct gw_modbus_unit *u, int64_t now_ns, struct gw_modbus_change *ret)
{
	u->failures = 0;
	u->seen = true;
	if (!u->dead)
		return;
	u->dead = false;
	gw_breaker_worked(&u->breaker);
	ret->revived = true;
	/* It may have been exchanged, or be starting up: what it refuses now says little. */
	for (size_t i = 0; i < u->n_fields; i++)
		u->fields[i].known = false;
	for (size_t i = 0; i < u->n_polls; i++) {
		struct gw_modbus_poll *p = &u->polls[i];

		p->slot_ns = slot_after(u, p->period_ns, now_ns);
		p->due_ns = now_ns;
		p->failures = 0;
	}
}

/* All pieces of what was refused are answered: join again what is good. */
static void search_done(struct gw_modbus_unit *u, enum replan when, int64_t now_ns)
{
	for (size_t i = 0; i < u->n_polls; i++)
		if (u->polls[i].piece)
			return;
	plan(u, when, now_ns);
}

void gw_modbus_unit_answered(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	struct gw_modbus_field *f = &u->fields[p->ask.first];
	bool news = p->piece || f->hole;
	enum replan when = f->hole ? PLAN_HOLES : PLAN_NEXT;

	*ret_change = (struct gw_modbus_change){0};
	alive(u, now_ns, ret_change);
	p->failures = 0;
	p->worked = true;
	p->retry_ns = HOLE_FIRST_NS;
	p->due_ns = p->slot_ns;
	if (!news)
		return;
	p->piece = false;
	for (uint32_t i = 0; i < p->ask.n; i++) {
		f[i].hole = false;
		f[i].known = true;
	}
	search_done(u, when, now_ns);
}

static bool all_known(const struct gw_modbus_unit *u, const struct gw_modbus_request *ask)
{
	for (uint32_t i = ask->first; i < ask->first + ask->n; i++)
		if (!u->fields[i].known)
			return false;
	return true;
}

/* Ask for the two halves of it from now on, at once. False if it cannot be made smaller. */
static bool split(struct gw_modbus_unit *u, size_t poll, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	struct gw_modbus_request half[2];

	if (!gw_modbus_plan_split(u->fields, &p->ask, half))
		return false;
	set_poll(u, p, &half[0], now_ns, now_ns);
	p->piece = true;
	p = &u->polls[u->n_polls++];
	set_poll(u, p, &half[1], now_ns, now_ns);
	p->piece = true;
	return true;
}

/* A block was refused. True if a smaller one may do better. */
static bool narrow(struct gw_modbus_unit *u, size_t poll, int64_t now_ns)
{
	struct gw_modbus_poll *p = &u->polls[poll];

	if (!p->piece && all_known(u, &p->ask)) {
		/* Each part of it is answered: it is the gap or the length that is refused. */
		if (u->bridge > 0)
			u->bridge = 0;
		else if (p->ask.kind > GW_MODBUS_DISCRETE && p->ask.count > LEAST_MOST)
			u->most = p->ask.count / 2 > LEAST_MOST ? p->ask.count / 2U
								: LEAST_MOST;
		else
			return false;
		plan(u, PLAN_ALL, now_ns);
		return true;
	}
	return split(u, poll, now_ns);
}

static void mark(const struct gw_modbus_request *ask, struct gw_modbus_change *ret)
{
	ret->poll_bad = true;
	ret->first = ask->first;
	ret->n = ask->n;
}

/* Ask for it less and less often. */
static void put_off(struct gw_modbus_poll *p, int64_t now_ns)
{
	p->due_ns = p->slot_ns = now_ns +
		(p->retry_ns > p->period_ns ? p->retry_ns : p->period_ns);
	p->retry_ns = p->retry_ns * 2 < HOLE_MOST_NS ? p->retry_ns * 2 : HOLE_MOST_NS;
}

/* The device does not have the registers of this request. */
static void give_up(
	struct gw_modbus_unit *u, size_t poll, int64_t now_ns, struct gw_modbus_change *ret)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	bool news = p->piece;

	mark(&p->ask, ret);
	p->piece = false;
	for (uint32_t i = p->ask.first; i < p->ask.first + p->ask.n; i++)
		u->fields[i].hole = true;
	put_off(p, now_ns);
	if (news)
		search_done(u, PLAN_NEXT, now_ns);
}

/* The unit lives but does not answer this request: some devices say nothing instead of refusing
 * a block with a hole. */
static void unanswered(
	struct gw_modbus_unit *u, size_t poll, int64_t now_ns, struct gw_modbus_change *ret)
{
	struct gw_modbus_poll *p = &u->polls[poll];

	if (!p->worked && split(u, poll, now_ns))
		return;
	if (p->piece) {
		give_up(u, poll, now_ns, ret);
		return;
	}
	mark(&p->ask, ret);
	put_off(p, now_ns);
}

void gw_modbus_unit_refused(struct gw_modbus_unit *u, size_t poll, unsigned code,
	int64_t now_ns, struct gw_modbus_change *ret_change)
{
	struct gw_modbus_poll *p = &u->polls[poll];
	bool address = code == 2 || code == 3;

	*ret_change = (struct gw_modbus_change){0};
	alive(u, now_ns, ret_change);
	if (address && narrow(u, poll, now_ns))
		return;
	p->failures++;
	if (address || code == 1) {
		give_up(u, poll, now_ns, ret_change);
	} else if (p->failures >= DEAD_AFTER) {
		/* Busy, or the sensor behind it is broken; once may have been chance. */
		mark(&p->ask, ret_change);
	} else if (p->due_ns > now_ns + RETRY_NS) {
		p->due_ns = now_ns + RETRY_NS;
	}
}

void gw_modbus_unit_failed(struct gw_modbus_unit *u, size_t poll, int64_t now_ns,
	struct gw_modbus_change *ret_change)
{
	struct gw_modbus_poll *p = &u->polls[poll];

	*ret_change = (struct gw_modbus_change){0};
	if (u->serial) {
		if (u->n_owed < GW_MODBUS_OWED)
			u->owed[u->n_owed] = gw_modbus_plan_shape(&p->ask);
		if (u->n_owed <= GW_MODBUS_OWED)
			u->n_owed++;
	}
	p->failures++;
	if (++u->failures >= DEAD_AFTER) {
		ret_change->died = !u->dead;
		ret_change->unit_bad = true;
		u->dead = true;
		gw_breaker_failed(&u->breaker, now_ns);
	} else if (p->failures >= DEAD_AFTER) {
		unanswered(u, poll, now_ns, ret_change);
	} else if (p->due_ns > now_ns + RETRY_NS) {
		p->due_ns = now_ns + RETRY_NS;
	}
}
