/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_oversize.h"

#include <errno.h>
#include <mosquitto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK    16384
#define READ_MAX ((size_t)1 << 20)

#define PUBACK  0x40
#define PUBREC  0x50
#define PINGREQ 0xc0

static unsigned qos(const struct gw_mqtt_oversize *d)
{
	return d->first_byte >> 1 & 3;
}

void gw_mqtt_oversize_begin(struct gw_mqtt_oversize *d, const struct gw_mqtt_head *head)
{
	d->first_byte = head->first_byte;
	d->head_size = head->head_size;
	d->at = d->topic_size = 0;
	d->size = head->size;
	d->mid = 0;
	memset(d->topic, 0, sizeof(d->topic));
}

static void put(struct gw_mqtt_oversize *d, const unsigned char *bytes, size_t n)
{
	if (d->n_out + n > sizeof(d->out))
		return;
	memcpy(d->out + d->n_out, bytes, n);
	d->n_out += n;
}

static void end_message(struct gw_mqtt_oversize *d)
{
	const unsigned char ack[] = {qos(d) == 2 ? PUBREC : PUBACK, 2,
		(unsigned char)(d->mid >> 8), (unsigned char)d->mid};

	if (qos(d) > 0)
		put(d, ack, sizeof(ack));
	d->size = 0;
}

void gw_mqtt_oversize_ping(struct gw_mqtt_oversize *d)
{
	static const unsigned char ping[] = {PINGREQ, 0};

	put(d, ping, sizeof(ping));
}

/* A byte of what stands before the payload: topic and packet identifier. */
static void take_byte(struct gw_mqtt_oversize *d, size_t at, unsigned char byte)
{
	if (at < 2)
		d->topic_size = d->topic_size << 8 | byte;
	else if (at < 2 + d->topic_size && d->topic_size < sizeof(d->topic))
		d->topic[at - 2] = (char)byte;
	else if (at >= 2 + d->topic_size)
		d->mid = (uint16_t)(d->mid << 8 | byte);
}

enum gw_err gw_mqtt_oversize_bytes(struct gw_mqtt_oversize *d, const unsigned char *bytes,
	size_t n, struct gw_error *err)
{
	for (; n > 0 && d->at < d->head_size; n--, bytes++)
		d->at++;
	for (; n > 0; n--, bytes++, d->at++) {
		size_t at = d->at - d->head_size;

		if (at >= 2 && at >= 2 + d->topic_size + (qos(d) ? 2 : 0))
			break;
		take_byte(d, at, *bytes);
	}
	d->at += n;
	if (d->at < d->size)
		return GW_OK;
	if (d->at > d->size || (qos(d) && d->mid == 0) ||
		d->head_size + 2 + d->topic_size + (qos(d) ? 2 : 0) > d->size)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "the broker sends no MQTT");
	end_message(d);
	return GW_OK;
}

/* -1: nothing yet; 0: the end, or an error. */
static ssize_t read_some(struct mosquitto *m, void *to, size_t size)
{
	SSL *ssl = mosquitto_ssl_get(m);
	ssize_t n;

	if (ssl) {
		ERR_clear_error();
		n = SSL_read(ssl, to, (int)size);
		if (n > 0)
			return n;
		n = SSL_get_error(ssl, (int)n);
		return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? -1 : 0;
	}
	n = recv(mosquitto_socket(m), to, size, MSG_DONTWAIT);
	return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? -1 : 0;
}

enum gw_err gw_mqtt_oversize_read(struct gw_mqtt_oversize *d, struct mosquitto *m,
	size_t *ret_n, struct gw_error *err)
{
	unsigned char bytes[CHUNK];
	size_t sum = 0;

	while (d->size > 0 && sum < READ_MAX) {
		size_t rest_size = d->size - d->at;
		ssize_t n = read_some(m, bytes, rest_size < CHUNK ? rest_size : CHUNK);

		if (n < 0)
			break;
		if (n == 0)
			return gw_fail(
				err, GW_ERR_LINK, 0, "the broker closed the connection");
		sum += (size_t)n;
		if (gw_mqtt_oversize_bytes(d, bytes, (size_t)n, err) != GW_OK)
			return GW_ERR_PROTOCOL;
	}
	*ret_n = sum;
	return GW_OK;
}

enum gw_err gw_mqtt_oversize_write(
	struct gw_mqtt_oversize *d, struct mosquitto *m, struct gw_error *err)
{
	SSL *ssl = mosquitto_ssl_get(m);
	ssize_t n;

	if (d->n_out == 0)
		return GW_OK;
	if (ssl) {
		ERR_clear_error();
		n = SSL_write(ssl, d->out, (int)d->n_out);
		if (n <= 0) {
			n = SSL_get_error(ssl, (int)n);
			n = n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? 0 : -1;
		}
	} else {
		n = send(
			mosquitto_socket(m), d->out, d->n_out, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			n = 0;
	}
	if (n < 0)
		return gw_fail(err, GW_ERR_LINK, errno, "the broker closed the connection");
	memmove(d->out, d->out + n, d->n_out - (size_t)n);
	d->n_out -= (size_t)n;
	d->partly_written = d->n_out > 0 && (d->partly_written || n > 0);
	return GW_OK;
}
