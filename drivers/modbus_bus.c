/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At most one request is outstanding. gw_modbus_bus_poll is a small state machine around it, so
 * that it keeps to its timeout and reacts to a stop whatever a device does.
 */
#include "drivers/modbus_bus.h"

#include "base/clock.h"
#include "base/timespec.h"
#include "drivers/modbus_value.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* The link is lost if the line is never silent, or if the connection breaks this often in a row. */
#define NEVER_SILENT_NS GW_NS_PER_SEC
#define BREAKS_MAX      3
/* A TCP connection is made anew after so many requests in a row that nobody answered. */
#define TIMEOUTS_MAX 3
/* While some units answer, probing dead ones may take at most one part in this many of the time. */
#define PROBE_SHARE 5

static struct gw_modbus_unit *current_unit(struct gw_modbus_bus *b)
{
	return &b->units[b->unit];
}

/* How long bytes take on the line, with 25 % for adapters that deliver them in bursts. */
static int64_t wire_ns(const struct gw_modbus_bus *b, size_t bytes)
{
	return b->wire == GW_MODBUS_RTU ? b->link.char_ns * (int64_t)bytes * 5 / 4 : 0;
}

static enum gw_err reconnect(struct gw_modbus_bus *b, int64_t now_ns, struct gw_error *err)
{
	b->phase = GW_MODBUS_CONNECTING;
	b->until_ns = now_ns + b->connect_ns;
	b->timeouts = 0;
	memset(b->request.unanswered, 0, sizeof(b->request.unanswered));
	return gw_modbus_link_reconnect(&b->link, err);
}

/* The peer closed the connection: once is an idle time-out, repeatedly is a broken link. */
static enum gw_err on_connection_broken(
	struct gw_modbus_bus *b, int64_t now_ns, struct gw_error *err)
{
	if (++b->breaks > BREAKS_MAX)
		return gw_fail(
			err, GW_ERR_LINK, 0, "the connection breaks at every request");
	return reconnect(b, now_ns, err);
}

static bool is_alive(const struct gw_modbus_unit *u)
{
	return u->seen && !u->dead;
}

/* For one time-out since the last byte that came; if none came, from now. */
static void await_silence(struct gw_modbus_bus *b, int64_t now_ns)
{
	int64_t since_ns = b->got > 0 ? b->received_ns : now_ns;

	b->phase = GW_MODBUS_AWAITING_SILENCE;
	b->until_ns = since_ns + b->timeout_ns;
	b->give_up_ns = now_ns + 10 * b->timeout_ns + NEVER_SILENT_NS;
}

/* After an error: what comes next may belong to an earlier request. Over TCP its transaction id
 * tells, so that a unit behind a gateway that is silent leaves the connection to the others. */
static enum gw_err recover(
	struct gw_modbus_bus *b, bool others_alive, int64_t now_ns, struct gw_error *err)
{
	if (b->wire == GW_MODBUS_RTU) {
		await_silence(b, now_ns);
		return GW_OK;
	}
	if (b->got > 0 || !others_alive || b->lenient_transaction ||
		++b->timeouts >= TIMEOUTS_MAX)
		return reconnect(b, now_ns, err);
	b->request.unanswered[b->n_unanswered++ % GW_MODBUS_UNANSWERED] =
		b->request.transaction;
	b->phase = GW_MODBUS_IDLE;
	b->until_ns = now_ns + b->gap_ns;
	return GW_OK;
}

static void log_state(
	struct gw_modbus_bus *b, struct gw_emit *emit, bool ok, const char *why)
{
	for (size_t d = 0; d < b->opts->n_devices; d++)
		if (gw_modbus_map_unit(&b->opts->devices[d]) == current_unit(b)->id)
			gw_emit_device_state(emit, &b->opts->devices[d], ok, why);
}

static void emit_change(struct gw_modbus_bus *b, const struct gw_modbus_change *c,
	enum gw_quality quality, const char *why, int64_t now_ns, struct gw_emit *emit)
{
	struct gw_modbus_unit *u = current_unit(b);
	size_t first = c->unit_bad ? 0 : c->first;
	size_t n = c->unit_bad ? u->n_fields : c->poll_bad ? c->n : 0;

	if (c->died || c->revived)
		log_state(b, emit, c->revived, c->revived ? "answers again" : why);
	for (size_t i = first; i < first + n; i++)
		if (c->unit_bad)
			gw_emit_sample(emit, u->fields[i].point, quality, 0, now_ns, 0);
		else
			gw_emit_unreadable(
				emit, u->fields[i].opts, quality, why, NULL, 0, now_ns);
	if (n > 0)
		gw_emit_flush(emit);
}

/* Counts the units that answer, and gives the bus to others after an unresponsive one cost time. */
static void end_request(struct gw_modbus_bus *b, bool was_alive, int64_t now_ns)
{
	struct gw_modbus_unit *u = current_unit(b);

	if (is_alive(u) && !was_alive)
		b->n_alive++;
	else if (was_alive && !is_alive(u))
		b->n_alive--;
	if (gw_modbus_unit_is_unresponsive(u)) {
		int64_t cost = now_ns - b->sent_ns;

		/* The silence that is waited for after an error on RTU is part of the cost. */
		if (b->phase == GW_MODBUS_AWAITING_SILENCE)
			cost += b->timeout_ns;
		b->probe_ns = now_ns + cost * PROBE_SHARE;
	}
	b->next_ns[b->unit] = gw_modbus_unit_next_ns(u);
}

static enum gw_err on_failure(struct gw_modbus_bus *b, enum gw_quality quality,
	const char *why, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_unit *u = current_unit(b);
	bool was_alive = is_alive(u);
	struct gw_modbus_change change;
	enum gw_err rc;

	gw_emit_count(emit,
		quality == GW_QUALITY_BAD_PROTOCOL ? GW_COUNT_BAD_FRAMES
						   : GW_COUNT_TIMEOUTS,
		1);
	gw_modbus_unit_on_failure(u, b->poll, now_ns, &change);
	emit_change(b, &change, quality, why, now_ns, emit);
	rc = recover(b, b->n_alive > (was_alive ? 1 : 0), now_ns, err);
	end_request(b, was_alive, now_ns);
	return rc;
}

static void on_data(
	struct gw_modbus_bus *b, const uint8_t *data, int64_t now_ns, struct gw_emit *emit)
{
	struct gw_modbus_unit *u = current_unit(b);
	const struct gw_modbus_block *block = &u->polls[b->poll].block;
	bool was_alive = is_alive(u);
	struct gw_modbus_change change;

	for (uint32_t i = block->first; i < block->first + block->n; i++) {
		const struct gw_modbus_field *f = &u->fields[i];
		uint64_t bits;
		double raw = gw_modbus_value_decode(f, block->addr, data, &bits);

		gw_emit_raw_bits(emit, f->opts, raw, bits, gw_modbus_value_bits(f), now_ns);
	}
	gw_emit_flush(emit);
	gw_modbus_unit_on_response(u, b->poll, now_ns, &change);
	emit_change(b, &change, GW_QUALITY_GOOD, NULL, now_ns, emit);
	end_request(b, was_alive, now_ns);
}

static void on_exception(
	struct gw_modbus_bus *b, unsigned code, int64_t now_ns, struct gw_emit *emit)
{
	struct gw_modbus_unit *u = current_unit(b);
	bool was_alive = is_alive(u);
	struct gw_modbus_change change;
	char why[96];

	snprintf(why, sizeof(why), "%s (exception %u)%s", gw_modbus_codec_exception(code),
		code, code <= 3 ? ": look at its register" : "");
	gw_emit_count(emit, GW_COUNT_REFUSED, 1);
	if (code == 0x0a || code == 0x0b) {
		/* A Modbus gateway reports that the unit does not answer: the connection is
		 * good. */
		gw_modbus_unit_on_failure(u, b->poll, now_ns, &change);
		emit_change(b, &change, GW_QUALITY_BAD_TIMEOUT, why, now_ns, emit);
	} else {
		gw_modbus_unit_on_exception(u, b->poll, code, now_ns, &change);
		emit_change(b, &change, GW_QUALITY_BAD_REFUSED, why, now_ns, emit);
	}
	end_request(b, was_alive, now_ns);
}

/* A whole response has been received. */
static void handle_response(struct gw_modbus_bus *b, bool exception,
	const struct gw_modbus_response *response, int64_t now_ns, struct gw_emit *emit)
{
	b->phase = GW_MODBUS_IDLE;
	b->until_ns = now_ns + b->gap_ns;
	b->breaks = b->timeouts = 0;
	if (gw_modbus_unit_may_be_stale(current_unit(b), b->poll, exception, now_ns)) {
		await_silence(b, now_ns);
		b->next_ns[b->unit] = gw_modbus_unit_next_ns(current_unit(b));
		return;
	}
	if (exception)
		on_exception(b, response->code, now_ns, emit);
	else
		on_data(b, response->data, now_ns, emit);
}

/* The first n bytes received. */
static void forget(struct gw_modbus_bus *b, size_t n)
{
	b->got -= n;
	memmove(b->adu, b->adu + n, b->got);
}

static enum gw_err receive(
	struct gw_modbus_bus *b, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_response response = {0};
	enum gw_err rc;
	size_t n;

	rc = gw_modbus_link_read(
		&b->link, b->adu + b->got, sizeof(b->adu) - b->got, &n, err);
	if (rc != GW_OK) {
		if (b->link.serial)
			return rc;
		if (++b->breaks > BREAKS_MAX)
			return gw_fail(err, GW_ERR_LINK, 0,
				"the connection breaks at every request");
		return on_failure(b,
			b->got ? GW_QUALITY_BAD_PROTOCOL : GW_QUALITY_BAD_TIMEOUT,
			"the connection was closed instead of an answer", now_ns, emit,
			err);
	}
	if (n == 0)
		return GW_OK;
	b->got += n;
	b->received_ns = now_ns;
	switch (gw_modbus_codec_find(&b->request, b->adu, b->got, &response)) {
	case GW_MODBUS_INCOMPLETE:
		b->why = response.why;
		forget(b, response.late);
		if (b->got == sizeof(b->adu)) /* noise: an answer is shorter than half */
			forget(b, b->got / 2);
		return GW_OK;
	case GW_MODBUS_DATA:
		handle_response(b, false, &response, now_ns, emit);
		return GW_OK;
	case GW_MODBUS_EXCEPTION:
		handle_response(b, true, &response, now_ns, emit);
		return GW_OK;
	case GW_MODBUS_BAD: break;
	}
	return on_failure(b, GW_QUALITY_BAD_PROTOCOL, response.why, now_ns, emit, err);
}

static enum gw_err on_timeout(
	struct gw_modbus_bus *b, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	char why[64];

	snprintf(why, sizeof(why), "no answer in %lld ms",
		(long long)(b->timeout_ns / GW_NS_PER_MS));
	if (b->got > 0)
		return on_failure(b, GW_QUALITY_BAD_PROTOCOL,
			b->why ? b->why : "only part of an answer came", now_ns, emit, err);
	return on_failure(b, GW_QUALITY_BAD_TIMEOUT, why, now_ns, emit, err);
}

/* The unit whose request is due first. */
static size_t earliest(struct gw_modbus_bus *b)
{
	size_t best = 0;

	for (size_t i = 1; i < b->n_units; i++)
		if (b->next_ns[i] < b->next_ns[best])
			best = i;
	return best;
}

/* What was received before the request is sent is no response to it: a greeting, a late answer.
 * ret_open: whether the link may be used. */
static enum gw_err discard_received(
	struct gw_modbus_bus *b, bool *ret_open, struct gw_error *err)
{
	uint8_t discarded[GW_MODBUS_ADU_MAX];
	size_t n = 0;

	*ret_open = true;
	if (b->link.serial)
		return gw_modbus_link_flush(&b->link, err);
	do
		*ret_open = gw_modbus_link_read(&b->link, discarded, sizeof(discarded), &n,
				    err) == GW_OK;
	while (*ret_open && n == sizeof(discarded));
	return GW_OK;
}

static enum gw_err send_request(struct gw_modbus_bus *bus, int64_t now_ns,
	struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_unit *u = current_unit(bus);
	const struct gw_modbus_block *b;
	uint8_t adu[14];
	uint64_t missed;
	enum gw_err rc;
	size_t n;

	bus->poll = gw_modbus_unit_pick(u, now_ns);
	b = &u->polls[bus->poll].block;
	bus->request.wire = bus->wire;
	bus->request.transaction = (uint16_t)(bus->request.transaction % UINT16_MAX + 1);
	bus->request.unit = u->id;
	bus->request.kind = b->kind;
	bus->request.addr = b->addr;
	bus->request.count = b->count;
	bus->request.wide = u->wide;
	bus->request.lenient_unit = bus->lenient_unit;
	bus->request.lenient_transaction = bus->lenient_transaction;
	n = gw_modbus_codec_encode(&bus->request, adu);
	if (bus->wire == GW_MODBUS_RTU && !bus->link.serial)
		n = gw_modbus_codec_add_crc(adu, n); /* else libmodbus does */
	rc = gw_modbus_link_send(&bus->link, adu, n, err);
	if (rc != GW_OK)
		return bus->link.serial ? rc : on_connection_broken(bus, now_ns, err);
	gw_emit_count(emit, GW_COUNT_REQUESTS, 1);
	missed = gw_modbus_unit_on_sent(u, bus->poll, now_ns);
	if (missed > 0)
		gw_emit_count(emit, GW_COUNT_SKIPPED, missed);
	bus->phase = GW_MODBUS_AWAITING_RESPONSE;
	bus->got = 0;
	bus->why = NULL;
	bus->sent_ns = now_ns;
	bus->until_ns = now_ns + bus->timeout_ns +
		wire_ns(bus, n + 2 + gw_modbus_codec_response_size(&bus->request));
	return GW_OK;
}

static enum gw_err send_next(
	struct gw_modbus_bus *b, int64_t now_ns, struct gw_emit *emit, struct gw_error *err)
{
	enum gw_err rc;
	bool open;

	for (;;) {
		b->unit = earliest(b);
		if (b->n_units == 0 || b->next_ns[b->unit] > now_ns) {
			b->until_ns = b->n_units > 0 ? b->next_ns[b->unit] : INT64_MAX;
			return GW_OK;
		}
		if (b->n_alive == 0 || now_ns >= b->probe_ns ||
			!gw_modbus_unit_is_unresponsive(current_unit(b)))
			break;
		b->next_ns[b->unit] = b->probe_ns;
	}
	rc = discard_received(b, &open, err);
	if (rc != GW_OK)
		return rc;
	if (!open)
		return on_connection_broken(b, now_ns, err);
	return send_request(b, now_ns, emit, err);
}

/* One step of the state machine at now_ns; revents are those of the link. */
static enum gw_err step(struct gw_modbus_bus *b, short revents, int64_t now_ns,
	struct gw_emit *emit, struct gw_error *err)
{
	uint8_t discarded[GW_MODBUS_ADU_MAX];
	enum gw_err rc;
	size_t n;

	if (b->link.serial && (revents & (POLLHUP | POLLERR | POLLNVAL)))
		return gw_fail(err, GW_ERR_LINK, 0, "the port is gone");
	switch (b->phase) {
	case GW_MODBUS_AWAITING_RESPONSE:
		if (revents) {
			rc = receive(b, now_ns, emit, err);
			if (rc != GW_OK || b->phase != GW_MODBUS_AWAITING_RESPONSE)
				return rc;
		}
		return now_ns >= b->until_ns ? on_timeout(b, now_ns, emit, err) : GW_OK;
	case GW_MODBUS_AWAITING_SILENCE:
		if (revents) {
			rc = gw_modbus_link_read(
				&b->link, discarded, sizeof(discarded), &n, err);
			if (rc != GW_OK)
				return b->link.serial
					? rc
					: on_connection_broken(b, now_ns, err);
			b->until_ns = now_ns + b->timeout_ns;
			if (now_ns >= b->give_up_ns)
				return gw_fail(
					err, GW_ERR_LINK, 0, "the line is never quiet");
		} else if (now_ns >= b->until_ns) {
			b->phase = GW_MODBUS_IDLE;
			b->until_ns = now_ns;
		}
		return GW_OK;
	case GW_MODBUS_CONNECTING:
		if (revents) {
			rc = gw_modbus_link_connected(&b->link, err);
			b->phase = GW_MODBUS_IDLE;
			b->until_ns = now_ns + b->connect_delay_ns;
			return rc;
		}
		if (now_ns >= b->until_ns)
			return gw_fail(err, GW_ERR_LINK, ETIMEDOUT, "connect: no answer");
		return GW_OK;
	case GW_MODBUS_IDLE: break;
	}
	return GW_OK;
}

static enum gw_err wait_for(struct gw_modbus_bus *b, int64_t now_ns, int64_t end_ns,
	struct gw_emit *emit, short *ret_revents, struct gw_error *err)
{
	static const short events[] = {
		[GW_MODBUS_IDLE] = 0,
		[GW_MODBUS_AWAITING_RESPONSE] = POLLIN,
		[GW_MODBUS_AWAITING_SILENCE] = POLLIN,
		[GW_MODBUS_CONNECTING] = POLLOUT,
	};
	struct pollfd fds[2] = {
		{.fd = gw_emit_stop_fd(emit), .events = POLLIN},
		{.fd = b->link.fd, .events = events[b->phase]},
	};
	int64_t until_ns = b->until_ns < end_ns ? b->until_ns : end_ns;
	int64_t left = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec ts = gw_timespec_from_ns(left);
	/* An idle TCP connection is not watched: that it broke is seen at the next request. */
	bool watch_link = b->phase != GW_MODBUS_IDLE || b->link.serial;

	*ret_revents = 0;
	if (ppoll(fds, watch_link ? 2 : 1, &ts, NULL) < 0)
		return errno == EINTR ? GW_OK
				      : gw_fail(err, GW_ERR_SYSTEM, errno, "poll: %s",
						gw_errno_text(errno));
	if (watch_link)
		*ret_revents = fds[1].revents;
	return GW_OK;
}

enum gw_err gw_modbus_bus_poll(
	void *bus, int timeout_ms, struct gw_emit *emit, struct gw_error *err)
{
	struct gw_modbus_bus *b = bus;
	int64_t now_ns = gw_clock_boot_ns(), end_ns = now_ns + timeout_ms * GW_NS_PER_MS;
	enum gw_err rc;
	short revents;

	do {
		if (b->phase == GW_MODBUS_IDLE && now_ns >= b->until_ns) {
			rc = send_next(b, now_ns, emit, err);
			if (rc != GW_OK)
				return rc;
		}
		rc = wait_for(b, now_ns, end_ns, emit, &revents, err);
		if (rc != GW_OK)
			return rc;
		if (gw_emit_stopping(emit))
			return GW_ERR_STOPPED;
		now_ns = gw_clock_boot_ns();
		rc = step(b, revents, now_ns, emit, err);
		if (rc != GW_OK)
			return rc;
	} while (now_ns < end_ns);
	return GW_OK;
}
