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

static unsigned qos(const struct gw_mqtt_oversize *o)
{
	return o->first_byte >> 1 & 3;
}

void gw_mqtt_oversize_begin(struct gw_mqtt_oversize *o, const struct gw_mqtt_head *head)
{
	o->first_byte = head->first_byte;
	o->head_size = head->head_size;
	o->at = o->topic_size = 0;
	o->size = head->size;
	o->mid = 0;
	memset(o->topic, 0, sizeof(o->topic));
}

static void put(struct gw_mqtt_oversize *o, const unsigned char *bytes, size_t n)
{
	if (o->n_out + n > sizeof(o->out))
		return;
	memcpy(o->out + o->n_out, bytes, n);
	o->n_out += n;
}

static void end_message(struct gw_mqtt_oversize *o)
{
	const unsigned char ack[] = {qos(o) == 2 ? PUBREC : PUBACK, 2,
		(unsigned char)(o->mid >> 8), (unsigned char)o->mid};

	if (qos(o) > 0)
		put(o, ack, sizeof(ack));
	o->size = 0;
}

void gw_mqtt_oversize_ping(struct gw_mqtt_oversize *o)
{
	static const unsigned char ping[] = {PINGREQ, 0};

	put(o, ping, sizeof(ping));
}

/* A byte of what stands before the payload: topic and packet identifier. */
static void take_byte(struct gw_mqtt_oversize *o, size_t at, unsigned char byte)
{
	if (at < 2)
		o->topic_size = o->topic_size << 8 | byte;
	else if (at < 2 + o->topic_size && o->topic_size < sizeof(o->topic))
		o->topic[at - 2] = (char)byte;
	else if (at >= 2 + o->topic_size)
		o->mid = (uint16_t)(o->mid << 8 | byte);
}

enum gw_err gw_mqtt_oversize_bytes(struct gw_mqtt_oversize *o, const unsigned char *bytes,
	size_t n, struct gw_error *err)
{
	for (; n > 0 && o->at < o->head_size; n--, bytes++)
		o->at++;
	for (; n > 0; n--, bytes++, o->at++) {
		size_t at = o->at - o->head_size;

		if (at >= 2 && at >= 2 + o->topic_size + (qos(o) ? 2 : 0))
			break;
		take_byte(o, at, *bytes);
	}
	o->at += n;
	if (o->at < o->size)
		return GW_OK;
	if (o->at > o->size || (qos(o) && o->mid == 0) ||
		o->head_size + 2 + o->topic_size + (qos(o) ? 2 : 0) > o->size)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "the broker sends no MQTT");
	end_message(o);
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

enum gw_err gw_mqtt_oversize_read(struct gw_mqtt_oversize *o, struct mosquitto *m,
	size_t *ret_n, struct gw_error *err)
{
	unsigned char bytes[CHUNK];
	size_t sum = 0;

	while (o->size > 0 && sum < READ_MAX) {
		size_t rest_size = o->size - o->at;
		ssize_t n = read_some(m, bytes, rest_size < CHUNK ? rest_size : CHUNK);

		if (n < 0)
			break;
		if (n == 0)
			return gw_fail(
				err, GW_ERR_LINK, 0, "the broker closed the connection");
		sum += (size_t)n;
		if (gw_mqtt_oversize_bytes(o, bytes, (size_t)n, err) != GW_OK)
			return GW_ERR_PROTOCOL;
	}
	*ret_n = sum;
	return GW_OK;
}

enum gw_err gw_mqtt_oversize_write(
	struct gw_mqtt_oversize *o, struct mosquitto *m, struct gw_error *err)
{
	SSL *ssl = mosquitto_ssl_get(m);
	ssize_t n;

	if (o->n_out == 0)
		return GW_OK;
	if (ssl) {
		ERR_clear_error();
		n = SSL_write(ssl, o->out, (int)o->n_out);
		if (n <= 0) {
			n = SSL_get_error(ssl, (int)n);
			n = n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? 0 : -1;
		}
	} else {
		n = send(
			mosquitto_socket(m), o->out, o->n_out, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			n = 0;
	}
	if (n < 0)
		return gw_fail(err, GW_ERR_LINK, errno, "the broker closed the connection");
	memmove(o->out, o->out + n, o->n_out - (size_t)n);
	o->n_out -= (size_t)n;
	o->partly_written = o->n_out > 0 && (o->partly_written || n > 0);
	return GW_OK;
}
