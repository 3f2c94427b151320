// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layer_set, layers_check, layer_fill. Properties: any text is refused with ERR_USAGE, or gives layers that are written as
 * what is read again the same; members that are layers come before, and every row can be filled.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/layer.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_layers(char *text, struct layers *layers, struct err *err)
{
	struct layer *l = NULL;
	char *line;
	int r = 0;

	while (!r && (line = strsep(&text, "\n"))) {
		char *value = strstr(line, " = ");

		if (!value)
			continue;
		*value = '\0';
		if (strcmp(line, "layer") == 0)
			r = layers_add(layers, value + 3, &l, err);
		else if (l)
			r = layer_set(l, line, value + 3, err);
	}
	return r ? r : layers_check(layers, err);
}

static char *write_layers(const struct layers *layers)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	REQUIRE(to);
	for (size_t i = 0; i < layers->n; i++)
		layer_put(&layers->v[i], to);
	REQUIRE(fclose(to) == 0);
	return text;
}

static const char *a_device(void *ctx, size_t member)
{
	const struct layer *l = ctx;

	for (size_t i = 0; l->members[i]; i++)
		if (i == member)
			return "8:16";
	return NULL;
}

static void check(const struct layers *layers)
{
	for (size_t i = 0; i < layers->n; i++) {
		struct layer *l = &layers->v[i];
		struct layer_lvm lvm;
		struct err err = {0};

		REQUIRE(layers_find(layers, l->name) == l);
		REQUIRE(*layer_kind_name(l->kind) && !strchr(l->name, '/'));
		for (char **m = l->members; *m; m++) {
			char name[LAYER_NAME];

			if (layer_of_member(*m, name))
				REQUIRE(layers_find(layers, name) < l);
			else
				REQUIRE(*layer_member_device(*m));
		}
		for (char **row = l->tables; *row; row++) {
			char *text = NULL;

			REQUIRE(!layer_fill(*row, a_device, l, &text, &err));
			REQUIRE(!strpbrk(text, "{}\n"));
			free(text);
		}
		for (char **s = l->lvm; *s; s++) {
			REQUIRE(!layer_lvm_parse(*s, &lvm, &err));
			REQUIRE(a_device(l, lvm.member));
		}
		REQUIRE(l->kind != LAYER_CRYPT || !layer_key_file(l) != !layer_key_kernel(l));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *first, *second;
	struct layers layers = {0}, again = {0};
	struct err err = {0};

	REQUIRE(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (read_layers(text, &layers, &err)) {
		REQUIRE(err.code == ERR_USAGE && strlen(err.msg) < 400);
	} else {
		check(&layers);
		first = write_layers(&layers);
		second = strdup(first);
		REQUIRE(second && !read_layers(second, &again, &err));
		free(second);
		second = write_layers(&again);
		REQUIRE(strcmp(first, second) == 0);
		free(first);
		free(second);
	}
	layers_deinit(&again);
	layers_deinit(&layers);
	free(text);
	return 0;
}
