/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files and folders of files: replay PATH... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static unsigned inputs;

static int run_file(const char *path, size_t n)
{
	uint8_t *bytes = malloc(n ? n : 1); /* exact, so that a sanitizer sees the end */
	FILE *f = fopen(path, "rb");
	int bad = !f || !bytes || fread(bytes, 1, n, f) != n;

	if (f)
		fclose(f);
	if (!bad) {
		printf("%s\n", path);
		fflush(stdout); /* the last line names the one that crashed */
		LLVMFuzzerTestOneInput(bytes, n);
		inputs++;
	}
	free(bytes);
	return bad;
}

static int run(const char *path)
{
	struct dirent *e;
	struct stat st;
	char inner[4096];
	int bad = 0;
	DIR *dir;

	if (stat(path, &st) != 0)
		return 1;
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
		bad |= run(inner);
	}
	if (dir)
		closedir(dir);
	return bad || !dir;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= run(argv[i]);
	printf("%u inputs\n", inputs);
	return bad || inputs == 0;
}
