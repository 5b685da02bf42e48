/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/template.h"

#include "base/text.h"
#include "conf/incomplete.h"
#include "yaml/complain.h"
#include "yaml/hint.h"

#include <string.h>

static void refuse_no_kind(struct gw_load *l, const struct gw_yaml_node *when)
{
	const struct gw_condition_kind *const *k;
	struct gw_hint hint;
	bool hinted = false;
	char memory[256];
	struct gw_text all;

	for (const struct gw_yaml_node *n = when->first; n; n = n->next) {
		gw_hint_init(&hint, &l->reader, n->key);
		for (k = gw_condition_kinds; *k; k++)
			gw_hint_add(&hint, (*k)->key);
		if (hint.best)
			gw_complain_key(
				&l->reader, n, "unknown condition%s", gw_hint_text(&hint));
		hinted |= hint.best != NULL;
	}
	if (hinted)
		return;
	gw_text_init(&all, memory, sizeof(memory));
	for (k = gw_condition_kinds; *k; k++)
		gw_text_addf(&all, "%s%s", all.used ? ", " : "", (*k)->key);
	gw_complain(&l->reader, when, "no condition stands here: give one of %s", memory);
}

static void read_when(struct gw_load *l, struct gw_template *t)
{
	const struct gw_condition_kind *kind = NULL, *another;
	const struct gw_yaml_node *n, *first = NULL;
	struct gw_settings_report r;
	bool several = false;

	if (gw_yaml_is_empty(t->when)) {
		gw_complain(&l->reader, t->when, "has no value");
		return;
	}
	if (!gw_yaml_is_map(&l->reader, t->when))
		return;
	for (n = t->when->first; n; n = n->next) {
		another = gw_condition_find(n->key);
		if (another && kind && n->kind != GW_YAML_INVALID) {
			several = true;
			gw_complain_key(&l->reader, n,
				"one condition only: %s stands on line %u already",
				kind->key, first->key_place.line);
		} else if (another && !kind) {
			kind = another;
			first = n;
		}
	}
	if (!kind) {
		refuse_no_kind(l, t->when);
		return;
	}
	t->when_block = gw_settings_add_block(
		&l->reader, kind->settings, &t->condition, sizeof(t->condition), t->when);
	if (!t->when_block)
		return;
	t->condition.kind = kind;
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){
			.map = t->when,
			.blocks = &t->when_block,
			.n_blocks = 1,
			.ignore_unknown = several,
		});
	gw_settings_check_required(&l->reader, t->when_block);
	gw_settings_report_init(&r, &l->reader);
	if (kind->check)
		kind->check(&t->condition, &r.report);
}

void gw_template_read(
	struct gw_load *l, const struct gw_yaml_node *node, struct gw_template *ret)
{
	struct gw_template *t = ret;
	struct gw_settings_block *blocks[2];

	*t = (struct gw_template){.node = node};
	blocks[0] = gw_settings_add_block(
		&l->reader, gw_alarm_settings, &t->opts, sizeof(t->opts), node);
	blocks[1] = gw_settings_add_block(&l->reader, gw_alarm_reader_settings,
		&t->reader_opts, sizeof(t->reader_opts), node);
	if (!blocks[0] || !blocks[1])
		return;
	t->block = blocks[0];
	t->reader_block = blocks[1];
	gw_settings_read_map(&l->reader,
		&(struct gw_settings_map){
			.map = node,
			.blocks = blocks,
			.n_blocks = 2,
			.other_keys = (const char *const[]){"when", NULL},
		});
	gw_settings_check_required(&l->reader, blocks[1]);
	t->when = gw_yaml_get(node, "when");
	if (t->when)
		read_when(l, t);
	t->usable = *t->reader_opts.name &&
		gw_context_check_name(
			l, gw_settings_node(t->reader_block, "name"), t->reader_opts.name);
	if (!t->usable || (t->when && !t->when_block))
		gw_incomplete_alarm(l);
}
