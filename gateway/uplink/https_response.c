/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/https_response.h"

#include "base/clock.h"
#include "base/text.h"
#include "uplink/accept.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_MAX  (60 * GW_NS_PER_SEC)
#define NOT_YET_VALID    9L /* X509_V_ERR_CERT_NOT_YET_VALID */
#define CERT_HAS_EXPIRED 10L

bool gw_https_response_init(struct gw_https_response *r)
{
	*r = (struct gw_https_response){.body = malloc(GW_HTTPS_BODY_MAX)};
	return r->body != NULL;
}

void gw_https_response_fini(struct gw_https_response *r)
{
	free(r->body);
	r->body = NULL;
}

void gw_https_response_begin(struct gw_https_response *r)
{
	r->head_done = false;
	r->n = 0;
	r->excerpt[0] = r->error[0] = '\0';
}

size_t gw_https_response_on_header(char *line, size_t size, size_t n, void *arg)
{
	struct gw_https_response *r = arg;
	(void)size;

	/* libcurl accepts a response whose header was cut off; we require the empty line. */
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
		r->head_done = false;
	else if (n == 2 && line[0] == '\r' && line[1] == '\n')
		r->head_done = true;
	return n;
}

size_t gw_https_response_on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct gw_https_response *r = arg;
	size_t space = GW_HTTPS_BODY_MAX - r->n,
	       space_in_excerpt; /* it is not called again beyond the limit */
	(void)size;

	memcpy(r->body + r->n, bytes, space < n ? space : n);
	space_in_excerpt = r->n < GW_HTTPS_EXCERPT_MAX - 1 ? GW_HTTPS_EXCERPT_MAX - 1 - r->n
							   : 0;
	if (space_in_excerpt > n)
		space_in_excerpt = n;
	if (space_in_excerpt > 0) {
		memcpy(r->excerpt + r->n, bytes, space_in_excerpt);
		r->excerpt[r->n + space_in_excerpt] = '\0';
	}
	r->n += n;
	return r->n > GW_HTTPS_BODY_MAX ? CURL_WRITEFUNC_ERROR : n;
}

void gw_https_response_set_result(struct gw_sink_result *ret_result,
	enum gw_sink_verdict verdict, int status, const char *fmt, ...)
{
	char memory[512];
	struct gw_text t, why;
	va_list ap;

	*ret_result = (struct gw_sink_result){.verdict = verdict, .status = status};
	gw_text_init(&t, memory, sizeof(memory));
	va_start(ap, fmt);
	gw_text_addv(&t, fmt, ap);
	va_end(ap);
	/* it may contain the platform's own words */
	gw_text_init(&why, ret_result->why, sizeof(ret_result->why));
	gw_text_add_sanitized(&why, memory);
}

static enum gw_sink_verdict verdict_of(long status)
{
	switch (status) {
	case 408:
	case 425:
	case 429: return GW_SINK_RETRY;
	default: break;
	}
	if (status >= 200 && status < 300)
		return GW_SINK_SENT;
	return status >= 400 && status < 500 ? GW_SINK_REFUSED : GW_SINK_RETRY;
}

/* The body of a 2xx may refuse all the same. */
static void evaluate_body(const struct gw_https_response *r, int status,
	const struct gw_setting_pairs *accept, struct gw_sink_result *ret_result)
{
	char memory[256];
	struct gw_text why;

	gw_text_init(&why, memory, sizeof(memory));
	if (accept->word != GW_ACCEPT_ANY && gw_accept_is_html(r->body, r->n))
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, status,
			"HTTP %d with a web page: a login or captive page took it: %s",
			status, r->excerpt);
	else if (accept->n > 0 && !gw_accept_matches(accept, r->body, r->n, &why))
		gw_https_response_set_result(ret_result, GW_SINK_REFUSED, status,
			"HTTP %d, %s%s%s", status, memory, r->n ? ": " : "", r->excerpt);
	else
		*ret_result = (struct gw_sink_result){
			.verdict = GW_SINK_SENT, .status = status};
}

static void evaluate_status(const struct gw_https_response *r, CURL *easy,
	const struct gw_setting_pairs *accept, struct gw_sink_result *ret_result)
{
	curl_off_t after_sec = 0;
	enum gw_sink_verdict verdict;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	verdict = verdict_of(status);
	if (verdict == GW_SINK_SENT && r->head_done) {
		evaluate_body(r, (int)status, accept, ret_result);
		return;
	}
	if (!r->head_done)
		gw_https_response_set_result(
			ret_result, GW_SINK_RETRY, 0, "the answer was cut off");
	else if (status >= 300 && status < 400)
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, (int)status,
			"HTTP %ld: the platform sends us elsewhere, and redirects are not followed",
			status);
	else
		gw_https_response_set_result(ret_result, verdict, (int)status,
			"HTTP %ld%s%s", status, r->excerpt[0] ? ": " : "", r->excerpt);
	if (ret_result->verdict != GW_SINK_RETRY)
		return;
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after_sec);
	if (after_sec > RETRY_AFTER_MAX / GW_NS_PER_SEC)
		after_sec = RETRY_AFTER_MAX / GW_NS_PER_SEC;
	if (after_sec > 0)
		ret_result->retry_after_ns = after_sec * GW_NS_PER_SEC;
}

void gw_https_response_evaluate(const struct gw_https_response *r, CURL *easy,
	CURLcode code, const struct gw_setting_pairs *accept,
	struct gw_sink_result *ret_result)
{
	const char *text = r->error[0] ? r->error : curl_easy_strerror(code);
	long verify = 0;

	if (code == CURLE_OK) {
		evaluate_status(r, easy, accept, ret_result);
		return;
	}
	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0,
			"stopped while waiting for the answer");
	else if (code == CURLE_WRITE_ERROR && r->n > GW_HTTPS_BODY_MAX)
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0,
			"the answer is longer than %d bytes", GW_HTTPS_BODY_MAX);
	else if (code == CURLE_PEER_FAILED_VERIFICATION &&
		(verify == NOT_YET_VALID || verify == CERT_HAS_EXPIRED))
		/* Never sent to a peer that is not verified. Tried until the clock is right,
		 * with the reason in the log. */
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0,
			"the platform's certificate %s by this clock%s",
			verify == NOT_YET_VALID ? "is not yet valid" : "has expired",
			gw_clock_synced() ? "" : ", which is not synchronised yet");
	else
		gw_https_response_set_result(ret_result, GW_SINK_RETRY, 0, "%s", text);
}
