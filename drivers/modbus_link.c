/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/modbus_link.h"

#include "base/clock.h"
#include "drivers/wait.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static enum gw_err link_error(struct gw_error *err, const char *what)
{
	int native = errno;

	return gw_fail(err, GW_ERR_LINK, native, "%s: %s", what, gw_errno_text(native));
}

static enum gw_err set_rs485(struct gw_modbus_link *l, int rs485, struct gw_error *err)
{
	int code = 0;

	switch ((enum gw_modbus_rs485)rs485) {
	case GW_MODBUS_RS485_NONE: return GW_OK;
	case GW_MODBUS_RS485_KERNEL:
		code = modbus_rtu_set_serial_mode(l->ctx, MODBUS_RTU_RS485);
		break;
	case GW_MODBUS_RS485_RTS_HIGH:
		code = modbus_rtu_set_rts(l->ctx, MODBUS_RTU_RTS_UP);
		break;
	case GW_MODBUS_RS485_RTS_LOW:
		code = modbus_rtu_set_rts(l->ctx, MODBUS_RTU_RTS_DOWN);
		break;
	}
	return code == 0 ? GW_OK : link_error(err, "rs485 mode");
}

enum gw_err gw_modbus_link_open_rtu(struct gw_modbus_link *l,
	const struct gw_modbus_rtu_opts *opts, struct gw_error *err)
{
	int baud = gw_modbus_opts_baud(opts), stop;
	char parity;
	enum gw_err rc;

	gw_modbus_link_close(l);
	gw_modbus_opts_format(opts, &parity, &stop);
	l->serial = true;
	l->char_ns = GW_NS_PER_SEC * (1 + 8 + (parity != 'N') + stop) / baud;
	l->ctx = modbus_new_rtu(opts->device, baud, parity, 8, stop);
	if (!l->ctx)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "open %s: %s", opts->device,
			modbus_strerror(errno));
	modbus_set_error_recovery(l->ctx, MODBUS_ERROR_RECOVERY_NONE);
	if (modbus_connect(l->ctx) != 0) {
		rc = gw_fail(err, GW_ERR_LINK, errno, "open %s: %s", opts->device,
			gw_errno_text(errno));
		modbus_free(l->ctx);
		l->ctx = NULL;
		l->fd = -1;
		return rc;
	}
	l->fd = modbus_get_socket(l->ctx);
	rc = set_rs485(l, opts->rs485, err);
	if (rc != GW_OK) {
		gw_modbus_link_close(l);
		return gw_error_wrap(err, "open %s", opts->device);
	}
	return GW_OK;
}

static void drop(struct gw_modbus_link *l)
{
	if (l->fd < 0)
		return;
	modbus_set_socket(l->ctx, -1);
	close(l->fd);
	l->fd = -1;
}

enum gw_err gw_modbus_link_reconnect(struct gw_modbus_link *l, struct gw_error *err)
{
	int one = 1, low_delay = IPTOS_LOWDELAY;

	drop(l);
	l->fd = socket(
		l->peer.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return link_error(err, "socket");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (l->peer.addr.ss_family == AF_INET)
		setsockopt(l->fd, IPPROTO_IP, IP_TOS, &low_delay, sizeof(low_delay));
	modbus_set_socket(l->ctx, l->fd);
	if (connect(l->fd, (const struct sockaddr *)&l->peer.addr, l->peer.len) != 0 &&
		errno != EINPROGRESS)
		return link_error(err, "connect");
	return GW_OK;
}

enum gw_err gw_modbus_link_connected(struct gw_modbus_link *l, struct gw_error *err)
{
	int failed = 0;
	socklen_t len = sizeof(failed);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
		return link_error(err, "connect");
	if (failed) {
		errno = failed;
		return link_error(err, "connect");
	}
	return GW_OK;
}

static enum gw_err wait_connected(struct gw_modbus_link *l, int64_t until_ns,
	struct gw_emit *emit, struct gw_error *err)
{
	short revents;
	enum gw_err rc = gw_wait_ready(l->fd, POLLOUT, until_ns, emit, &revents);

	if (rc == GW_OK)
		return gw_modbus_link_connected(l, err);
	if (rc == GW_ERR_STOPPED)
		return gw_fail(err, GW_ERR_STOPPED, 0, "stopped while connecting");
	if (rc == GW_ERR_TIMEOUT) {
		errno = ETIMEDOUT;
		return link_error(err, "connect");
	}
	return link_error(err, "poll");
}

/* One address after the other: a device may have one of a family that it does not listen on. What
 * is silent gets its share of the time, so that the last is tried, too. */
static enum gw_err connect_any(struct gw_modbus_link *l,
	const struct gw_dns_addresses *found, int64_t until_ns, struct gw_emit *emit,
	struct gw_error *err)
{
	enum gw_err rc = GW_ERR_LINK;

	for (size_t i = 0; i < found->n && rc == GW_ERR_LINK; i++) {
		int64_t now_ns = gw_clock_boot_ns();
		int64_t share_ns = (until_ns - now_ns) / (int64_t)(found->n - i);

		l->peer = found->at[i];
		rc = gw_modbus_link_reconnect(l, err);
		if (rc == GW_OK)
			rc = wait_connected(l, now_ns + share_ns, emit, err);
	}
	return rc;
}

enum gw_err gw_modbus_link_open_tcp(struct gw_modbus_link *l,
	const struct gw_modbus_tcp_opts *opts, struct gw_emit *emit, struct gw_error *err)
{
	int64_t until_ns = gw_clock_boot_ns() + opts->connect_timeout_ns;
	struct gw_dns_addresses found;
	enum gw_err rc;

	gw_modbus_link_close(l);
	rc = gw_dns_resolve(opts->host, (uint16_t)opts->port, until_ns, emit, &found, err);
	if (rc != GW_OK)
		return rc;
	l->ctx = modbus_new_tcp(NULL, (int)opts->port);
	if (!l->ctx)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "connect %s: %s", opts->host,
			modbus_strerror(errno));
	modbus_set_error_recovery(l->ctx, MODBUS_ERROR_RECOVERY_NONE);
	rc = connect_any(l, &found, until_ns, emit, err);
	if (rc != GW_OK) {
		gw_modbus_link_close(l);
		return gw_error_wrap(err, "%s:%d", opts->host, (int)opts->port);
	}
	return GW_OK;
}

enum gw_err gw_modbus_link_send(
	struct gw_modbus_link *l, const uint8_t *adu, size_t n, struct gw_error *err)
{
	ssize_t sent;

	if (l->serial) {
		/* Appends the CRC, and turns an RS-485 line by RTS where that is wanted. */
		if (modbus_send_raw_request(l->ctx, adu, (int)n) < 0)
			return link_error(err, "write");
		return GW_OK;
	}
	/* Not libmodbus: its raw requests all have transaction id 0. */
	sent = send(l->fd, adu, n, MSG_NOSIGNAL);
	if (sent == (ssize_t)n)
		return GW_OK;
	if (sent >= 0)
		errno = EAGAIN;
	return link_error(err, "send");
}

enum gw_err gw_modbus_link_read(struct gw_modbus_link *l, uint8_t *bytes, size_t size,
	size_t *ret_n, struct gw_error *err)
{
	ssize_t n;

	if (l->serial)
		n = read(l->fd, bytes, size);
	else
		n = recv(l->fd, bytes, size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	else if (n < 0)
		return link_error(err, "read");
	else if (n == 0 && !l->serial)
		return gw_fail(err, GW_ERR_LINK, 0, "closed by the peer");
	*ret_n = (size_t)n;
	return GW_OK;
}

enum gw_err gw_modbus_link_flush(struct gw_modbus_link *l, struct gw_error *err)
{
	return modbus_flush(l->ctx) < 0 ? link_error(err, "flush") : GW_OK;
}

void gw_modbus_link_close(struct gw_modbus_link *l)
{
	if (l->ctx) {
		/* Bytes still to be sent would make close() of a port wait for them. */
		if (l->fd >= 0 && l->serial)
			modbus_flush(l->ctx);
		if (l->serial)
			modbus_close(l->ctx);
		else
			drop(l);
		modbus_free(l->ctx);
	}
	l->ctx = NULL;
	l->fd = -1;
}
