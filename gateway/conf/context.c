/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/context.h"

#include "base/text.h"
#include "yaml/complain.h"

#include <string.h>

/* Spaces, controls and invisible marks of Unicode: what looks like nothing or like a space. */
static bool invisible(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
		(c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
		(c >= 0xd800 && c <= 0xf8ff) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff);
}

static uint32_t code_point(const char *s, size_t n)
{
	uint32_t c = (unsigned char)*s;

	if (n > 1)
		c &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

bool gw_context_check_name(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name)
{
	size_t n = strlen(name);

	if (n > GW_NAME_MAX) {
		gw_complain(&l->reader, node,
			"%zu bytes are too many for a name (at most %d)", n, GW_NAME_MAX);
		return false;
	}
	for (const char *s = name; *s; s += n) {
		n = gw_text_utf8(s, strlen(s));
		if (n == 1 &&
			strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789_.-",
				*s))
			continue;
		if (n > 1 && !invisible(code_point(s, n)))
			continue;
		gw_complain(&l->reader, node,
			"\"%s\" is not a name: letters, digits, _ . and - only, no spaces",
			name);
		return false;
	}
	return true;
}

void gw_context_check_owner(
	struct gw_load *l, const struct gw_yaml_node *node, const char *name)
{
	struct gw_strmap_entry *e;

	if (!*name || !gw_context_check_name(l, node, name))
		return;
	if (strcmp(name, "gateway") == 0) {
		gw_complain(&l->reader, node,
			"\"gateway\" is the gateway's own name: choose another");
		return;
	}
	e = gw_strmap_add(&l->names, name, node->place.line);
	if (e && e->value != node->place.line)
		gw_complain(&l->reader, node,
			"a source or uplink has this name already, on line %u", e->value);
}
