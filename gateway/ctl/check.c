/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/check.h"

#include "ctl/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 2

static void become_tocsind(const char *file)
{
	char name[] = "tocsind", check[] = "--check", config[] = "--config";
	char *path = strdup(file);
	char *argv[] = {name, check, config, path, NULL};

	gw_exec_program(NULL, argv);
	free(path);
}

static void take_complaints(FILE *from, json_t *complaints)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, from)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		/* jansson takes valid UTF-8 only; a file name may be anything */
		json_t *text = json_stringn(line, (size_t)n);
		json_array_append_new(complaints, text ? text : json_string("?"));
	}
	free(line);
}

static int exit_code(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CANNOT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CANNOT;
}

static int check_as_json(const char *file)
{
	json_t *complaints = json_array(), *document;
	int ends[2], code;
	FILE *from;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		json_decref(complaints);
		return CANNOT;
	}
	pid = fork();
	if (pid == 0) {
		/* tocsind prints a summary on stdout, where the document goes */
		close(STDOUT_FILENO);
		open("/dev/null", O_WRONLY);
		dup2(ends[1], STDERR_FILENO);
		become_tocsind(file);
		_exit(CANNOT);
	}
	close(ends[1]);
	from = pid > 0 ? fdopen(ends[0], "r") : NULL;
	if (from) {
		take_complaints(from, complaints);
		fclose(from);
	} else {
		close(ends[0]);
	}
	code = pid > 0 ? exit_code(pid) : CANNOT;
	document = json_pack("{s:s?, s:b, s:o}", "file", file, "ok", code == 0,
		"complaints", complaints);
	json_dumpf(document, stdout, JSON_COMPACT);
	puts("");
	json_decref(document);
	return code;
}

int gw_check_file(const char *file, bool json)
{
	if (json)
		return check_as_json(file);
	become_tocsind(file);
	return CANNOT;
}
