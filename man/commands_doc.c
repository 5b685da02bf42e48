/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts that come from the rows of gateway/control/commands.def: commands_doc TEMPLATE
 * writes the template with each line @NAME@ replaced.
 */
#include "control/command_row.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *name, *help, *brief, *manual;
	struct gw_command_argument arguments[GW_COMMAND_ARGUMENTS];
	size_t n_arguments;
};

#define OPTION(id, ...) [GW_OPTION_##id] = {__VA_ARGS__},

static const struct gw_option options[GW_OPTIONS] = {
#include "control/commands.def"
};

#define COMMAND(id, ...)   {.name = #id, __VA_ARGS__},
#define HELP(text, brief_) .help = (text), .brief = (brief_),
#define ARGUMENTS(...) \
	.arguments = {__VA_ARGS__}, .n_arguments = GW_COMMAND_COUNT(__VA_ARGS__),
#define MANUAL(text) .manual = (text),
#define PRINT(function)
#define RUN(function)
#define KEYS(may, must)
#define HANDLER(function)
#define LOGGED_AS(text)
#define SUBSCRIBES
#define LOCAL

static const struct row rows[] = {
#include "control/commands.def"
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *or_option(const char *own, const char *of_option)
{
	return own ? own : of_option;
}

static void put_quoted(const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
}

/* ---- mdoc(7) ---- */

static void man_argument(const struct gw_command_argument *a, bool last)
{
	const struct gw_option *o = &options[a->option];
	const char *value = or_option(a->manual_value, o->manual_value);

	fputs(a->required ? " " : last ? " Op " : " Oo ", stdout);
	if (o->short_usage)
		printf("Fl %c", o->letter);
	else if (o->name)
		printf("Fl -%s", o->name);
	if (o->name && o->value)
		putchar(' ');
	if (a->repeated)
		fputs("Ar", stdout);
	else if (value)
		printf("Ar %s", value);
	if (!a->required && !last)
		fputs(" Oc", stdout);
}

static void man_commands(void)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		printf(".It Cm %s", rows[i].name);
		for (size_t k = 0; k < rows[i].n_arguments; k++)
			man_argument(&rows[i].arguments[k], k + 1 == rows[i].n_arguments);
		printf("\n%s", rows[i].manual);
	}
}

static void man_options(void)
{
	for (int id = GW_OPTION_NONE + 1; id < GW_OPTIONS; id++) {
		const struct gw_option *o = &options[id];

		fputs(".It Fl ", stdout);
		if (o->letter)
			printf("%c , ", o->letter);
		printf("-%s", o->name);
		if (o->manual_value) /* files are called so here */
			printf(" Ar %s",
				o->words && strcmp(o->words, "FILE") == 0
					? "file"
					: o->manual_value);
		printf("\n%s", o->manual_note);
	}
}

/* ---- bash ---- */

static void bash_names(void)
{
	for (size_t i = 0; i < N_ROWS; i++)
		printf("%s%s", i ? " " : "\tlocal commands='", rows[i].name);
	puts("'");
}

static void bash_options_with_value(void)
{
	fputs("\t\t", stdout);
	for (int id = GW_OPTION_NONE + 1, n = 0; id < GW_OPTIONS; id++) {
		if (!options[id].value)
			continue;
		if (options[id].letter)
			printf("%s-%c", n++ ? "|" : "", options[id].letter);
		printf("%s--%s", n++ ? "|" : "", options[id].name);
	}
	puts(") ((i++)) ;;");
}

/* The pattern of an option of this command; "*": of any. */
static void bash_pattern(const char *command, const struct gw_option *o)
{
	putchar('\t');
	if (o->letter)
		printf("%s\" -%c\"|", command, o->letter);
	printf("%s\" --%s\") ", command, o->name);
}

static void bash_words(const char *words)
{
	if (strcmp(words, "FILE") == 0)
		puts("compopt -o default; return ;;");
	else
		printf("COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", words);
}

/* The words of a command before those that its option has for any. */
static void bash_option_words(void)
{
	for (size_t i = 0; i < N_ROWS; i++)
		for (size_t k = 0; k < rows[i].n_arguments; k++) {
			const struct gw_command_argument *a = &rows[i].arguments[k];

			if (!a->words || !options[a->option].value)
				continue;
			bash_pattern(rows[i].name, &options[a->option]);
			bash_words(a->words);
		}
	for (int id = GW_OPTION_NONE + 1; id < GW_OPTIONS; id++) {
		const struct gw_option *o = &options[id];

		if (!o->value)
			continue;
		bash_pattern("*", o);
		if (o->words)
			bash_words(o->words);
		else if (id == GW_OPTION_UPLINK)
			puts("COMPREPLY=($(compgen -W \"$(_tocsin_uplinks)\" -- "
			     "\"$cur\")); return ;;");
		else
			puts("return ;;");
	}
}

static void bash_command_options(void)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		int n = 0;

		for (size_t k = 0; k < rows[i].n_arguments; k++) {
			const struct gw_option *o = &options[rows[i].arguments[k].option];

			if (!o->name)
				continue;
			if (n++ == 0)
				printf("\t\t%s) keys='", rows[i].name);
			if (o->short_usage)
				printf("%s-%c", n > 1 ? " " : "", o->letter);
			else
				printf("%s--%s", n > 1 ? " " : "", o->name);
		}
		if (n)
			puts("' ;;");
	}
}

static void bash_arguments(void)
{
	for (size_t i = 0; i < N_ROWS; i++)
		for (size_t k = 0; k < rows[i].n_arguments; k++) {
			const struct gw_command_argument *a = &rows[i].arguments[k];

			if (a->option)
				continue;
			if (strcmp(a->completion, "FILE") == 0)
				printf("\t%s) compopt -o default; return ;;\n",
					rows[i].name);
			else
				printf("\t%s) keys=$(_tocsin_keys %s) ;;\n", rows[i].name,
					a->completion);
		}
}

/* ---- zsh ---- */

static void zsh_commands(void)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		printf("\t\t'%s:", rows[i].name);
		put_quoted(rows[i].brief);
		puts("'");
	}
}

static void zsh_value(const struct gw_command_argument *a)
{
	const struct gw_option *o = &options[a->option];
	const char *words = or_option(a->words, o->words);
	const char *name = or_option(a->manual_value, o->manual_value);

	if (!o->value)
		return;
	if (words && strcmp(words, "FILE") == 0)
		fputs(":file:_files", stdout);
	else
		printf(":%s:", strchr(name, ' ') ? o->name : name);
	if (words && strcmp(words, "FILE") != 0)
		printf("(%s)", words);
}

static void zsh_argument(const struct gw_command_argument *a)
{
	const struct gw_option *o = &options[a->option];

	if (!o->name) {
		printf(" '%s:%s:", a->repeated ? "*" : "1", a->hint);
		if (strcmp(a->completion, "FILE") == 0)
			fputs("_files'", stdout);
		else
			printf("_tocsin_keys %s'", a->completion);
		return;
	}
	if (o->letter)
		printf(" '(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
	else
		printf(" '--%s[", o->name);
	put_quoted(or_option(a->hint, o->hint));
	putchar(']');
	zsh_value(a);
	putchar('\'');
}

static void zsh_arguments(void)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		printf("\t\t%s) _arguments $common", rows[i].name);
		for (size_t k = 0; k < rows[i].n_arguments; k++)
			zsh_argument(&rows[i].arguments[k]);
		puts(" ;;");
	}
}

static const struct {
	const char *line;
	void (*put)(void);
} places[] = {
	{"@MAN_COMMANDS@\n", man_commands},
	{"@MAN_OPTIONS@\n", man_options},
	{"@BASH_NAMES@\n", bash_names},
	{"@BASH_OPTIONS_WITH_VALUE@\n", bash_options_with_value},
	{"@BASH_OPTION_WORDS@\n", bash_option_words},
	{"@BASH_COMMAND_OPTIONS@\n", bash_command_options},
	{"@BASH_ARGUMENTS@\n", bash_arguments},
	{"@ZSH_COMMANDS@\n", zsh_commands},
	{"@ZSH_ARGUMENTS@\n", zsh_arguments},
};

int main(int argc, char **argv)
{
	FILE *template = argc == 2 ? fopen(argv[1], "re") : NULL;
	char line[1024];

	if (!template) {
		fputs("usage: commands_doc TEMPLATE\n", stderr);
		return 1;
	}
	while (fgets(line, sizeof(line), template)) {
		size_t i = 0;

		while (i < sizeof(places) / sizeof(places[0]) &&
			strcmp(line, places[i].line) != 0)
			i++;
		if (i < sizeof(places) / sizeof(places[0]))
			places[i].put();
		else
			fputs(line, stdout);
	}
	fclose(template);
	return fflush(stdout) != 0;
}
