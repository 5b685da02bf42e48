/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_response.h: the response to one HTTPS request and its verdict. Private to sink_https.c.
 *
 * Owner: the sink. Thread: the uplink's. Life: init, (begin, on_header..., on_body...,
 * evaluate)..., fini.
 */
#ifndef GW_UPLINK_HTTPS_RESPONSE_H
#define GW_UPLINK_HTTPS_RESPONSE_H

#include "uplink/sink.h"

#include <curl/curl.h>

#define GW_HTTPS_BODY_MAX    (64 * 1024) /* more is an error */
#define GW_HTTPS_EXCERPT_MAX 96

struct gw_https_response {
	bool head_done;
	size_t n;   /* bytes of the whole body */
	char *body; /* the first GW_HTTPS_BODY_MAX of them */
	char excerpt[GW_HTTPS_EXCERPT_MAX];
	char error[CURL_ERROR_SIZE];
};

bool gw_https_response_init(struct gw_https_response *r); /* false: no memory */
void gw_https_response_fini(struct gw_https_response *r); /* zeroed or twice is fine */
void gw_https_response_begin(struct gw_https_response *r);

/* For CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION. */
size_t gw_https_response_on_header(char *line, size_t size, size_t n, void *arg);
size_t gw_https_response_on_body(char *bytes, size_t size, size_t n, void *arg);

/* code: how the transfer on easy ended. */
void gw_https_response_evaluate(const struct gw_https_response *r, CURL *easy,
	CURLcode code, const struct gw_setting_pairs *accept,
	struct gw_sink_result *ret_result);
/* A verdict with its reason, in which the platform's own words are made safe for a log. */
void gw_https_response_set_result(struct gw_sink_result *ret_result,
	enum gw_sink_verdict verdict, int status, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
