/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with disks and what is made of them: sysfs as the kernel has it, plain files for nodes. */
#ifndef TESTS_UNIT_STACK_FIXTURE_H
#define TESTS_UNIT_STACK_FIXTURE_H

#include "base/root.h"
#include "storage/layer.h"
#include "tests/unit/lvm_fixture.h"

static struct root machine __attribute__((unused));

static __attribute__((format(printf, 1, 2), unused)) const char *at(const char *fmt, ...)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(paths[0]), fmt, args);
	va_end(args);
	return path;
}

/* The folders of a path whose last part is a file. */
static __attribute__((unused)) void make_folders(const char *path)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(copy, 0700);
	}
}

static __attribute__((unused)) void put_file(const char *path, const char *text)
{
	make_folders(path);
	write_text(path, text);
}

static __attribute__((unused)) int machine_make(void **state)
{
	struct err err;
	int r = scratch_make(state);

	make_folders("sys/class/block/");
	make_folders("dev/mapper/");
	return r || root_init(&machine, scratch, &err) ? -1 : 0;
}

static __attribute__((unused)) int machine_drop(void **state)
{
	root_deinit(&machine);
	return scratch_drop(state);
}

/* A device below sys/devices/`where` ("pci0/block", "virtual/block", "pci0/block/vda" for a partition). */
static __attribute__((unused)) void add_block(const char *where, const char *name,
					      const char *number)
{
	make_folders(at("sys/devices/%s/%s/", where, name));
	assert_int_equal(
		symlink(at("../../devices/%s/%s", where, name), at("sys/class/block/%s", name)), 0);
	put_file(at("sys/class/block/%s/size", name), "2048\n");
	put_file(at("sys/class/block/%s/dev", name), number);
	disk_make(at("dev/%s", name), DISK_SIZE);
}

/* What device-mapper made, of these devices. */
static __attribute__((unused)) void add_mapped(unsigned int minor, const char *name,
					       const char *uuid, const char *const *slaves)
{
	char kernel[16], number[16];

	snprintf(kernel, sizeof(kernel), "dm-%u", minor);
	snprintf(number, sizeof(number), "254:%u\n", minor);
	add_block("virtual/block", kernel, number);
	put_file(at("sys/class/block/dm-%u/dm/name", minor), at("%s\n", name));
	put_file(at("sys/class/block/dm-%u/dm/uuid", minor), at("%s\n", uuid));
	for (; slaves && *slaves; slaves++) {
		put_file(at("sys/class/block/dm-%u/slaves/%s", minor, *slaves), "");
		put_file(at("sys/class/block/%s/holders/dm-%u", *slaves, minor), "");
	}
}

#define PV0_RAW "OQ1nWsToc015TpU0QOFlvodiL9czuH0Z"
#define PV1_RAW "xjR7U0rCjsPfvBDBy2sYULqQRJzH8Oyq"

/* Lines of a recipe. */
static __attribute__((unused)) int read_layers(const char *text, struct layers *layers,
					       struct err *err)
{
	char *copy = strdup(text), *rest = copy, *line;
	struct layer *l = NULL;
	int r = 0;

	while (!r && (line = strsep(&rest, "\n"))) {
		char *value = strstr(line, " = ");

		if (!*line)
			continue;
		assert_non_null(value);
		*value = '\0';
		r = strcmp(line, "layer") == 0 ? layers_add(layers, value + 3, &l, err)
					       : layer_set(l, line, value + 3, err);
	}
	free(copy);
	return r ? r : layers_check(layers, err);
}

static __attribute__((unused)) char *layers_text(const struct layers *layers)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	for (size_t i = 0; i < layers->n; i++)
		layer_put(&layers->v[i], to);
	fclose(to);
	return text;
}

#endif
