/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/usage.h"

#include "control/protocol.h"

#include <string.h>

#define HELP_COLUMN 32
#define USAGE_MAX   128

#define OPTION(id, ...) [GW_OPTION_##id] = {__VA_ARGS__},

const struct gw_option gw_usage_options[GW_OPTIONS] = {
#include "control/commands.def"
};

void gw_usage_line(const struct gw_cli_command *c, struct gw_text *t)
{
	gw_text_add(t, c->name);
	for (size_t i = 0; i < c->n_arguments; i++) {
		const struct gw_command_argument *a = &c->arguments[i];
		const struct gw_option *o = &gw_usage_options[a->option];
		const char *value = a->value ? a->value : o->value;

		gw_text_add(t, a->required ? " " : " [");
		if (o->short_usage)
			gw_text_addf(t, "-%c", o->letter);
		else if (o->name)
			gw_text_addf(t, "--%s", o->name);
		if (value)
			gw_text_addf(t, "%s%s%s", o->name ? " " : "", value,
				a->repeated ? "..." : "");
		gw_text_add(t, a->required ? "" : "]");
	}
}

void gw_usage_help(const struct gw_cli_command *commands, size_t n, FILE *out)
{
	fputs("usage: tocsin [--socket PATH] COMMAND [--json]\n\n", out);
	for (size_t i = 0; i < n; i++) {
		char usage[USAGE_MAX];
		struct gw_text t;
		bool wide;

		gw_text_init(&t, usage, sizeof(usage));
		gw_usage_line(&commands[i], &t);
		wide = strlen(usage) >= HELP_COLUMN;
		fprintf(out, "  %-*s%s", HELP_COLUMN, usage, wide ? "\n" : "");
		fprintf(out, "%*s%s\n", wide ? 2 + HELP_COLUMN : 0, "", commands[i].help);
	}
	fputs("\nALARM is an alarm's key (tocsin alarms --all), or its name where only one has it.\n"
	      "  --socket PATH  the control socket (" GW_PROTOCOL_SOCKET
	      ", or $TOCSIN_SOCKET)\n"
	      "  --json         one JSON document; for tail and replay one event a line\n"
	      "  --help, --version\n"
	      "exit: 0 done, 1 refused or tocsind went away (check, replay: a bad file), 2 "
	      "wrong usage,\n"
	      "      3 cannot reach tocsind\n",
		out);
}
