// SPDX-License-Identifier: GPL-2.0-or-later
/* How the kernel of a dump counted its memory. `mem-usage` counts pages itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cmd/crashes.h"
#include "cmd/opened.h"
#include "image/memory.h"

#define TOP 15 /* slab caches that are shown unless all are asked for */

static void print_counters(const struct memory *mem)
{
	uint64_t total, part;
	bool known = memory_counter(mem, "MemTotal", &total) && total;

	for (size_t i = 0; i < mem->n_counters; i++) {
		const struct memory_counter *c = &mem->counters[i];
		char size[16], name[32];

		snprintf(name, sizeof(name), "%s:", c->name);
		printf("%-20s %12" PRIu64 " kB %10s", name, c->bytes / 1024,
		       num_human(c->bytes, size));
		part = known ? (c->bytes > UINT64_MAX / 200 ? UINT64_MAX
							    : c->bytes * 100 + total / 2) /
				       total
			     : 0;
		if (known && part <= 100)
			printf(" %3" PRIu64 " %%", part);
		putchar('\n');
	}
}

static void print_slabs(const struct memory *mem, bool all)
{
	size_t n = all || mem->n_slabs < TOP ? mem->n_slabs : TOP;

	if (n)
		printf("\n%12s %12s %12s %9s %s\n", "SLAB", "OBJECTS", "IN USE", "OBJSIZE", "NAME");
	for (size_t i = 0; i < n; i++) {
		const struct slab *s = &mem->slabs[i];
		char size[16], active[24] = "?";

		if (s->active != UINT64_MAX)
			snprintf(active, sizeof(active), "%" PRIu64, s->active);
		printf("%12s %12" PRIu64 " %12s %9" PRIu32 " ", num_human(s->bytes, size),
		       s->objects, active, s->size); /* as /proc/slabinfo's objsize */
		crashes_print(stdout, s->name);
		putchar('\n');
	}
	if (n < mem->n_slabs)
		printf("%12s %zu more caches: -a has them\n", "", mem->n_slabs - n);
}

static void put_slabs(struct json *j, const struct memory *mem)
{
	json_begin_array(j, "slabs");
	for (size_t i = 0; i < mem->n_slabs; i++) {
		const struct slab *s = &mem->slabs[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", s->name);
		json_put_hex(j, "address", s->addr);
		json_put_uint(j, "object_bytes", s->object_size);
		json_put_uint(j, "place_bytes", s->size);
		json_put_uint(j, "objects", s->objects);
		if (s->active == UINT64_MAX)
			json_put_null(j, "active");
		else
			json_put_uint(j, "active", s->active);
		json_put_uint(j, "bytes", s->bytes);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_bool(j, "slabs_cut", mem->slabs_cut);
}

static void print_json(const struct opened *o, const struct memory *mem)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-mem-1");
	opened_put(&j, o);
	json_begin_object(&j, "counters");
	for (size_t i = 0; i < mem->n_counters; i++)
		json_put_uint(&j, mem->counters[i].name, mem->counters[i].bytes);
	json_end_object(&j);
	put_slabs(&j, mem);
	opened_put_gaps(&j, o);
	cmd_end_json(&j);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	bool as_json = false, all = false;
	const struct opt opts[] = {
		OPT_FLAG('a', "all", &all, "all slab caches, not the largest only"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	struct memory *mem;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, NULL, err);
	if (!r)
		r = memory_create(o.k, &mem, err);
	if (r)
		return r;
	if (!mem->n_counters && !mem->n_slabs)
		r = err_set(err, ERR_NOT_FOUND, "%s: its memory counters cannot be read%s%s",
			    o.src->path, *opened_why(&o) ? ": " : "", opened_why(&o));
	if (as_json) {
		print_json(&o, mem);
	} else if (!r) {
		print_counters(mem);
		print_slabs(mem, all);
	}
	memory_destroy(mem);
	return r;
}

const struct cmd cmd_mem = {
	.name = "mem",
	.operands = "DUMP",
	.summary = "memory as the kernel of a dump counted it, and its slab caches",
	.details = "Like /proc/meminfo and /proc/slabinfo at the moment of the crash. `lifeboat "
		   "mem-usage` "
		   "counts\nthe pages themselves.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
