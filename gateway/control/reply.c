/* SPDX-License-Identifier: Apache-2.0 */
#include "control/reply.h"

#include "alarm/state.h"
#include "control/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void gw_reply_begin(struct gw_reply_buffer *r, struct gw_text *ret_text)
{
	gw_text_init(ret_text, r->bytes + r->used, sizeof(r->bytes) - r->used);
}

static bool end(struct gw_reply_buffer *r, struct gw_text *t)
{
	gw_text_add(t, "\n");
	if (t->cut)
		return false;
	r->used += t->used;
	return true;
}

bool gw_reply_error(struct gw_reply_buffer *r, const char *why,
	const struct gw_lookup_candidates *candidates)
{
	struct gw_text t;

	gw_reply_begin(r, &t);
	gw_json_open(&t, NULL, '{');
	gw_json_bool(&t, "ok", false);
	gw_json_string(&t, "error", why);
	if (candidates && candidates->n) {
		gw_json_open(&t, "candidates", '[');
		for (size_t i = 0; i < candidates->n && i < GW_LOOKUP_MAX; i++)
			gw_json_string(&t, NULL, candidates->keys[i]);
		gw_json_close(&t, ']');
	}
	gw_json_close(&t, '}');
	return end(r, &t);
}

bool gw_reply_state(struct gw_reply_buffer *r, const char *alarm_key, uint32_t state)
{
	struct gw_text t;

	gw_reply_begin(r, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "alarm", alarm_key);
	gw_json_string(&t, "state", gw_state_name(state));
	gw_json_close(&t, '}');
	gw_text_add(&t, "}");
	return end(r, &t);
}

bool gw_reply_line(struct gw_reply_buffer *r, const char *json)
{
	struct gw_text t;

	gw_reply_begin(r, &t);
	gw_text_add(&t, json);
	return end(r, &t);
}

void gw_reply_fini(struct gw_reply_buffer *r)
{
	if (r->attached_fd > 0)
		close(r->attached_fd);
	r->attached_fd = 0;
}

/* As send, with the descriptor. */
static ssize_t send_some(struct gw_reply_buffer *r, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec part;
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *h;

	if (r->attached_fd <= 0)
		return send(
			fd, r->bytes + r->at, r->used - r->at, MSG_NOSIGNAL | MSG_DONTWAIT);
	part = (struct iovec){r->bytes + r->at, r->used - r->at};
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof(control.bytes);
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &r->attached_fd, sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum gw_err gw_reply_send(struct gw_reply_buffer *r, int fd, bool *ret_progress)
{
	while (r->at < r->used) {
		ssize_t n = send_some(r, fd);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? GW_ERR_TIMEOUT : GW_ERR_LINK;
		gw_reply_fini(r);
		r->at += (size_t)n;
		*ret_progress = true;
	}
	r->at = r->used = 0;
	return GW_OK;
}
