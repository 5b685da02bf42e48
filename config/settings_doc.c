/* SPDX-License-Identifier: Apache-2.0 */
/* settings-doc schema | settings-doc man TEMPLATE PICTURES: to standard output. */
#include "settings_doc.h"

#include <stdio.h>
#include <string.h>

static char out[1 << 20], in[1 << 18];

static bool read_template(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(in, 1, sizeof(in), f) : sizeof(in);

	if (f)
		fclose(f);
	if (n == sizeof(in))
		return false;
	in[n] = '\0';
	return true;
}

int main(int argc, char **argv)
{
	struct gw_text t;
	bool good = false;

	gw_text_init(&t, out, sizeof(out));
	if (argc == 2 && strcmp(argv[1], "schema") == 0) {
		gw_settings_schema(&t);
		good = true;
	} else if (argc == 4 && strcmp(argv[1], "man") == 0 && read_template(argv[2])) {
		good = gw_settings_man(&t, in, argv[3]);
	}
	if (!good || t.cut) {
		fprintf(stderr, "settings-doc: cannot write\n");
		return 1;
	}
	return fputs(out, stdout) < 0 || fflush(stdout) != 0;
}
