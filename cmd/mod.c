// SPDX-License-Identifier: GPL-2.0-or-later
/* The modules of a dump. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/crashes.h"
#include "cmd/opened.h"
#include "image/module.h"
#include "image/system.h"

static const char *state_name(unsigned int state)
{
	static const char *const names[] = {"live", "coming", "going", "unformed"};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

/* Where its first instruction may be: what its addresses are counted from. */
static uint64_t text_of(const struct module *m)
{
	for (size_t i = 0; i < m->n_ranges; i++)
		if (m->ranges[i].text && m->ranges[i].size)
			return m->ranges[i].start;
	return 0;
}

/* ---- text */

static void print_row(const struct module *m)
{
	char letters[SYSTEM_MAX_TAINTS + 1], size[16];

	printf("%016" PRIx64 " %10s %5" PRIu64 " %-8s %-5s ", text_of(m), num_human(m->size, size),
	       m->refcount, state_name(m->state), system_taint_letters(m->taints, letters));
	crashes_print(stdout, m->name);
	putchar('\n');
}

static void print_text_row(const char *name, const char *text)
{
	if (!*text)
		return;
	printf("  %-12s ", name);
	crashes_print(stdout, text);
	putchar('\n');
}

static void print_all_of(const struct module *m)
{
	char letters[SYSTEM_MAX_TAINTS + 1], id[2 * MODULE_BUILD_ID + 1], size[16];

	crashes_print(stdout, m->name);
	printf("\n  %-12s %016" PRIx64 "\n", "struct", m->addr);
	printf("  %-12s %s, %" PRIu64 " users\n", "state", state_name(m->state), m->refcount);
	print_text_row("taints", system_taint_letters(m->taints, letters));
	print_text_row("version", m->version);
	print_text_row("srcversion", m->srcversion);
	print_text_row("build id", num_hex(m->build_id, m->build_id_len, id, sizeof(id)));
	for (size_t i = 0; i < m->n_ranges; i++)
		if (m->ranges[i].size)
			printf("  %-12s %016" PRIx64 " - %016" PRIx64 ", %s%s\n", i ? "" : "memory",
			       m->ranges[i].start, m->ranges[i].start + m->ranges[i].size - 1,
			       num_human(m->ranges[i].size, size),
			       m->ranges[i].text ? ", text" : "");
	printf("  %-12s %zu\n", "symbols", m->syms ? kallsyms_count(m->syms) : 0);
	printf("  %-12s %" PRIu32 " entries\n", "unwinding", m->n_orcs);
}

/* ---- JSON */

static void put(struct json *j, const struct module *m)
{
	char letters[SYSTEM_MAX_TAINTS + 1], id[2 * MODULE_BUILD_ID + 1];

	json_begin_object(j, NULL);
	json_put_string(j, "name", m->name);
	json_put_hex(j, "address", m->addr);
	if (text_of(m))
		json_put_hex(j, "text", text_of(m));
	else
		json_put_null(j, "text");
	json_put_uint(j, "bytes", m->size);
	json_put_uint(j, "users", m->refcount);
	json_put_string(j, "state", state_name(m->state));
	json_put_string(j, "taints", system_taint_letters(m->taints, letters));
	json_put_string(j, "version", *m->version ? m->version : NULL);
	json_put_string(j, "srcversion", *m->srcversion ? m->srcversion : NULL);
	json_put_string(j, "build_id",
			*num_hex(m->build_id, m->build_id_len, id, sizeof(id)) ? id : NULL);
	json_put_uint(j, "symbols", m->syms ? kallsyms_count(m->syms) : 0);
	json_put_uint(j, "unwind_entries", m->n_orcs);
	json_begin_array(j, "ranges");
	for (size_t i = 0; i < m->n_ranges; i++) {
		json_begin_object(j, NULL);
		json_put_hex(j, "start", m->ranges[i].start);
		json_put_uint(j, "bytes", m->ranges[i].size);
		json_put_bool(j, "text", m->ranges[i].text);
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

/* ---- which ones */

static bool is_asked(const struct module *m, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(m->name, *names) == 0)
			return true;
	return false;
}

static void show(const struct opened *o, char **names, struct json *j)
{
	const struct module_list *list = o->k->modules;

	if (j) {
		opened_put(j, o);
		json_put_bool(j, "cut", list->cut);
		json_begin_array(j, "modules");
	} else if (!*names) {
		printf("%-16s %10s %5s %-8s %-5s %s\n", "TEXT", "SIZE", "USERS", "STATE", "TAINT",
		       "NAME");
	}
	for (size_t i = 0; i < list->n; i++) {
		if (!is_asked(&list->v[i], names))
			continue;
		if (j)
			put(j, &list->v[i]);
		else
			(*names ? print_all_of : print_row)(&list->v[i]);
	}
	if (j) {
		json_end_array(j);
		opened_put_gaps(j, o);
	}
}

static int look(const struct cmd *cmd, const struct opened *o, char **names, bool as_json,
		struct err *err)
{
	const struct module_list *list = o->k->modules;
	size_t n_missing = 0, at = 0;
	char missing[256] = "";
	struct json json;

	if (!list || (!list->n && list->cut))
		return err_set(err, ERR_NOT_FOUND, "%s: its list of modules cannot be read%s%s",
			       o->src->path, *opened_why(o) ? ": " : "", opened_why(o));
	if (as_json)
		cmd_begin_json(&json, stdout, "lifeboat-mod-1");
	show(o, names, as_json ? &json : NULL);
	if (as_json)
		cmd_end_json(&json);
	else if (list->cut)
		opened_tell_gaps(cmd, o, 5);
	for (; *names; names++) {
		if (module_find(list, *names))
			continue;
		n_missing++;
		at += (size_t)snprintf(missing + at,
				       at < sizeof(missing) ? sizeof(missing) - at : 0, "%s%s",
				       at ? ", " : "", *names);
		at = NUM_MIN(at, sizeof(missing) - 1);
	}
	return n_missing ? err_set(err, ERR_NOT_FOUND, "%s: there %s", missing,
				   n_missing > 1 ? "are no such modules" : "is no such module")
			 : 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	bool as_json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	char **names;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, &names, err);
	return r ? r : look(cmd, &o, names, as_json, err);
}

const struct cmd cmd_mod = {
	.name = "mod",
	.operands = "DUMP [NAME...]",
	.summary =
		"modules of a dump, with their taints; of those that are named all that is known",
	.details = OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
