/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_peek.h"

#include <mosquitto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#define PUBLISH    3
#define LENGTH_MAX 4 /* bytes of a packet's length */

enum gw_mqtt_next gw_mqtt_peek_bytes(
	const unsigned char *bytes, size_t n, char ret_topic[GW_MQTT_PEEK_MAX])
{
	size_t at = 1, size;

	if (n == 0 || bytes[0] >> 4 != PUBLISH)
		return GW_MQTT_NEXT_OTHER;
	while (at < n && at < LENGTH_MAX && (bytes[at] & 128))
		at++;
	at++;
	if (at + 2 > n)
		return GW_MQTT_NEXT_UNCLEAR;
	size = (size_t)bytes[at] << 8 | bytes[at + 1];
	at += 2;
	if (size >= GW_MQTT_PEEK_MAX || at + size > n)
		return GW_MQTT_NEXT_UNCLEAR;
	memcpy(ret_topic, bytes + at, size);
	ret_topic[size] = '\0';
	return GW_MQTT_NEXT_MESSAGE;
}

enum gw_mqtt_next gw_mqtt_peek(struct mosquitto *m, char ret_topic[GW_MQTT_PEEK_MAX])
{
	unsigned char bytes[1 + LENGTH_MAX + 2 + GW_MQTT_PEEK_MAX];
	SSL *ssl = mosquitto_ssl_get(m);
	ssize_t n;

	if (ssl) {
		ERR_clear_error(); /* of this thread; SSL_peek reads it */
		n = SSL_peek(ssl, bytes, sizeof(bytes));
	} else {
		n = recv(
			mosquitto_socket(m), bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	}
	/* The end and every error are told by the read that follows. */
	return gw_mqtt_peek_bytes(bytes, n > 0 ? (size_t)n : 0, ret_topic);
}
