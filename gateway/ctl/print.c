/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include "ctl/json_cell.h"
#include "term/table.h"

#include <string.h>

void gw_print_changed(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	gw_table_text(out, false, GW_STYLE_PLAIN, gw_json_cell_text(result, "alarm"));
	fputs(" is now ", out);
	gw_table_text(out, opts->colour, GW_STYLE_BOLD, gw_json_cell_text(result, "state"));
	fputs("\n", out);
}

void gw_print_line(FILE *out, const char *line, bool colour)
{
	const char *level = strchr(line, ' ');
	size_t n = level ? strcspn(level + 1, " ") : 0;
	char word[16], time[48];

	if (!colour || !level || n >= sizeof(word) ||
		(size_t)(level - line) >= sizeof(time)) {
		gw_table_text(out, false, GW_STYLE_PLAIN, line);
	} else {
		snprintf(time, sizeof(time), "%.*s", (int)(level - line), line);
		snprintf(word, sizeof(word), "%.*s", (int)n, level + 1);
		gw_table_text(out, true, GW_STYLE_DIM, time);
		fputs(" ", out);
		gw_table_text(out, true, gw_table_level_style(word), word);
		gw_table_text(out, false, GW_STYLE_PLAIN, level + 1 + n);
	}
	fputs("\n", out);
}

void gw_print_resent(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	const json_t *uplinks = json_object_get(result, "uplinks");
	json_t *u;
	size_t i;

	(void)opts;
	json_array_foreach(uplinks, i, u)
		fprintf(out, "%s: %lld parked offered again, %lld others sent again\n",
			gw_json_cell_text(u, "name"), gw_json_cell_int(u, "parked"),
			gw_json_cell_int(u, "resent"));
}

void gw_print_verified(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	const json_t *head = json_object_get(result, "head");
	const char *hash = json_string_value(json_object_get(head, "sha256"));
	long long unchained = gw_json_cell_int(result, "unchained");

	(void)opts;
	if (json_is_integer(json_object_get(result, "broken")))
		fprintf(out, "the journal was changed: #%lld: %s\n",
			gw_json_cell_int(result, "broken"),
			json_string_value(json_object_get(result, "why")));
	else
		fprintf(out, "the journal is as it was written: %lld events\n",
			gw_json_cell_int(result, "events"));
	if (unchained > 0)
		fprintf(out, "%lld of them are of an earlier version and have no hash\n",
			unchained);
	if (hash)
		fprintf(out, "it ends at #%lld, sha256 %s\n", gw_json_cell_int(head, "seq"),
			hash);
}

void gw_print_reloaded(FILE *out, const json_t *result, const struct gw_print_opts *opts)
{
	(void)opts;
	fprintf(out, "reloaded: %lld sources, %lld alarms, %lld uplinks\n",
		gw_json_cell_int(result, "sources"), gw_json_cell_int(result, "alarms"),
		gw_json_cell_int(result, "uplinks"));
}
