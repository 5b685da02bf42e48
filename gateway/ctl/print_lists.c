/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print_lists.h"

#include "ctl/json_cell.h"
#include "term/table.h"

#include <ctype.h>
#include <string.h>

/* ---- points ---- */

static void point_value(struct gw_text_table *table, const json_t *o)
{
	struct gw_json_cell c;

	if (gw_json_cell_is_number(o, "value"))
		gw_table_cell(
			table, GW_STYLE_PLAIN, "%s", gw_json_cell_number(&c, o, "value"));
	else if (gw_json_cell_is_number(o, "last_value"))
		gw_table_cell(table, GW_STYLE_DIM, "(%s)",
			gw_json_cell_number(&c, o, "last_value"));
	else
		gw_table_cell(table, GW_STYLE_DIM, "%s", "");
}

static enum gw_style quality_style(const char *quality)
{
	if (strcmp(quality, "good") == 0)
		return GW_STYLE_GREEN;
	return strncmp(quality, "uncertain", strlen("uncertain")) == 0 ? GW_STYLE_YELLOW
								       : GW_STYLE_RED;
}

void gw_print_points(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	static const char *const heads[] = {
		"POINT", ">VALUE", "UNIT", "QUALITY", ">AGE", "PLACE"};
	struct gw_text_table table;
	struct gw_json_cell c;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(result, i, o)
	{
		const char *quality = gw_json_cell_text(o, "quality");

		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "point"));
		point_value(&table, o);
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "unit"));
		gw_table_cell(&table, quality_style(quality), "%s", quality);
		gw_table_cell(
			&table, GW_STYLE_PLAIN, "%s", gw_json_cell_age(&c, o, "age_ms"));
		gw_table_cell(&table, GW_STYLE_PLAIN, "%s", gw_json_cell_place(&c, o));
	}
	if (table.n)
		gw_table_print(&table, out, opts->colour);
	else if (opts->pattern)
		fprintf(out,
			"no point matches %s (source/device/point; * stays within one part)\n",
			opts->pattern);
	else
		fputs("no points configured\n", out);
	gw_table_fini(&table);
}

/* ---- alarms ---- */

/* Suppressed by design or by configuration; a shelved alarm is printed otherwise. */
static bool put_aside(const char *state)
{
	return strcmp(state, "suppressed") == 0 || strcmp(state, "out-of-service") == 0;
}

static void alarm_state(struct gw_text_table *table, const json_t *o)
{
	const char *state = gw_json_cell_text(o, "state");
	struct gw_json_cell c;

	if (strcmp(state, "shelved") == 0)
		gw_table_cell(table, GW_STYLE_DIM, "shelved until %s",
			gw_json_cell_local_time(&c, o, "shelved_until"));
	else
		gw_table_cell(table,
			strstr(state, "unacked")   ? GW_STYLE_BOLD
				: put_aside(state) ? GW_STYLE_DIM
						   : GW_STYLE_PLAIN,
			"%s", state);
}

static void alarm_row(struct gw_text_table *table, const json_t *o)
{
	const char *level = gw_json_cell_text(o, "level"),
		   *unit = gw_json_cell_text(o, "unit_of_measure");
	bool normal = strcmp(gw_json_cell_text(o, "state"), "normal") == 0;
	char upper[16] = "";
	struct gw_json_cell c;

	for (size_t i = 0; level[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)level[i]);
	gw_table_cell(
		table, normal ? GW_STYLE_DIM : gw_table_level_style(level), "%s", upper);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "class"));
	alarm_state(table, o);
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "alarm"));
	if (gw_json_cell_is_number(o, "value"))
		gw_table_cell(table, GW_STYLE_PLAIN, "%s%s%s",
			gw_json_cell_number(&c, o, "value"), *unit ? " " : "", unit);
	else
		gw_table_cell(table, GW_STYLE_PLAIN, "%s", "");
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "condition"));
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", gw_json_cell_local_time(&c, o, "since"));
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", gw_json_cell_place(&c, o));
	gw_table_cell(table, GW_STYLE_PLAIN, "%s", gw_json_cell_text(o, "text"));
}

void gw_print_alarms(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	static const char *const heads[] = {"LEVEL", "CLASS", "STATE", "ALARM", ">VALUE",
		"CONDITION", "SINCE", "PLACE", "TEXT"};
	struct gw_text_table table;
	size_t i;
	json_t *o;

	gw_table_init(&table, heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(result, i, o) alarm_row(&table, o);
	if (table.n)
		gw_table_print(&table, out, opts->colour);
	else
		fputs(opts->all ? "no alarms configured\n" : "no standing alarms\n", out);
	gw_table_fini(&table);
}
