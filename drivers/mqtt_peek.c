/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_peek.h"

#include <errno.h>
#include <mosquitto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#define PUBLISH    3
#define LENGTH_MAX 4 /* bytes of a packet's length */
#define QOS_2      4 /* its bit of a PUBLISH packet's first byte */

void gw_mqtt_peek_bytes(const unsigned char *bytes, size_t n, struct gw_mqtt_head *ret_head)
{
	size_t at = 1, length = 0, size;

	ret_head->next = GW_MQTT_NEXT_OTHER;
	if (bytes[0] >> 4 != PUBLISH)
		return;
	do {
		if (at > LENGTH_MAX) /* no MQTT: libmosquitto says so */
			return;
		if (at == n) {
			ret_head->next = GW_MQTT_NEXT_HEAD;
			return;
		}
		length |= (size_t)(bytes[at] & 127) << 7 * (at - 1);
	} while (bytes[at++] & 128);
	ret_head->next = GW_MQTT_NEXT_NO_TOPIC;
	ret_head->first_byte = bytes[0];
	ret_head->head_size = at;
	ret_head->size = at + length;
	if (at + 2 > n)
		return;
	size = (size_t)bytes[at] << 8 | bytes[at + 1];
	at += 2;
	if (size >= GW_MQTT_PEEK_MAX || at + size > n)
		return;
	memcpy(ret_head->topic, bytes + at, size);
	ret_head->topic[size] = '\0';
	ret_head->next = GW_MQTT_NEXT_MESSAGE;
}

/* -1: nothing yet; 0: the end, or an error. */
static ssize_t look(struct mosquitto *m, void *to, size_t size)
{
	SSL *ssl = mosquitto_ssl_get(m);
	ssize_t n;

	if (ssl) {
		ERR_clear_error(); /* of this thread; SSL_peek reads it */
		n = SSL_peek(ssl, to, (int)size);
		if (n > 0)
			return n;
		n = SSL_get_error(ssl, (int)n);
		return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? -1 : 0;
	}
	n = recv(mosquitto_socket(m), to, size, MSG_PEEK | MSG_DONTWAIT);
	return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? -1 : 0;
}

/* False: the window ends before the packet does, or its topic. */
static bool peek_window(const struct gw_mqtt_window *w, struct gw_mqtt_head *ret_head)
{
	if (!gw_mqtt_peek_more(w))
		return false;
	gw_mqtt_peek_bytes(w->bytes + w->at, w->n - w->at, ret_head);
	return ret_head->next == GW_MQTT_NEXT_OTHER ||
		(ret_head->next == GW_MQTT_NEXT_MESSAGE && ret_head->size <= w->n - w->at);
}

void gw_mqtt_peek(
	struct mosquitto *m, struct gw_mqtt_window *w, struct gw_mqtt_head *ret_head)
{
	ssize_t n;

	if (peek_window(w, ret_head))
		return;
	n = look(m, w->bytes, sizeof(w->bytes));
	w->at = 0;
	w->n = n > 0 ? (size_t)n : 0;
	if (n > 0)
		gw_mqtt_peek_bytes(w->bytes, w->n, ret_head);
	else /* the read that follows reports the end and every error */
		ret_head->next = n < 0 ? GW_MQTT_NEXT_NOTHING : GW_MQTT_NEXT_OTHER;
}

/* Of QoS 2 libmosquitto passes nothing on yet, and may have read the packet behind it. */
void gw_mqtt_peek_skip(
	struct gw_mqtt_window *w, const struct gw_mqtt_head *head, bool whole)
{
	if (whole && head->next == GW_MQTT_NEXT_MESSAGE &&
		(head->first_byte & QOS_2) == 0 && head->size <= w->n - w->at)
		w->at += head->size;
	else
		w->at = w->n = 0;
}

bool gw_mqtt_peek_buffered(struct mosquitto *m)
{
	SSL *ssl = mosquitto_ssl_get(m);

	return ssl && SSL_pending(ssl) > 0;
}
