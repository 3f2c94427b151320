// SPDX-License-Identifier: GPL-2.0-or-later
/* Symbols: which one an address belongs to, where one is, or all of them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/opened.h"
#include "image/module.h"

struct sym {
	const struct opened *o;
	struct debuginfo *d;
	struct json *j;           /* NULL: text */
	size_t missing;           /* operands that no symbol was found for */
	char first[ERR_MSG_SIZE]; /* why, of the first one */
};

static void put_json(struct sym *s, const char *query, uint64_t addr, const struct symbol *found)
{
	const char type[] = {found->type, '\0'};

	json_begin_object(s->j, NULL);
	if (query)
		json_put_string(s->j, "query", query);
	json_put_hex(s->j, "address", addr);
	json_put_string(s->j, "name", found->name);
	json_put_string(s->j, "type", type);
	json_put_hex(s->j, "start", found->addr);
	json_put_uint(s->j, "offset", addr - found->addr);
	if (found->size)
		json_put_uint(s->j, "size", found->size);
	else
		json_put_null(s->j, "size");
	json_put_string(s->j, "module", found->module);
	opened_put_lines(s->j, s->d, addr);
	json_end_object(s->j);
}

static void print_name(const char *name)
{
	char plain[4 * 512 + 1];

	fputs(text_plain(name, plain, sizeof(plain)), stdout);
}

static void put(struct sym *s, const char *query, uint64_t addr, const struct symbol *found)
{
	if (s->j) {
		put_json(s, query, addr, found);
		return;
	}
	printf("%016" PRIx64 " %c ", addr, found->type);
	print_name(found->name);
	if (query && addr != found->addr)
		printf("+0x%" PRIx64, addr - found->addr);
	if (query && found->size)
		printf("%s/0x%" PRIx64, addr == found->addr ? "+0x0" : "", found->size);
	if (found->module) {
		printf("\t[");
		print_name(found->module);
		putchar(']');
	}
	putchar('\n');
	opened_print_lines(s->d, addr, 4);
}

static const struct module_list *modules_of(const struct sym *s)
{
	static const struct module_list none = {0};

	return s->o->k->modules ? s->o->k->modules : &none;
}

/* All of one table, or those of a name. Returns how many. */
static size_t put_table(struct sym *s, const struct kallsyms *syms, const char *name)
{
	size_t n = syms ? kallsyms_count(syms) : 0, found = 0;
	struct symbol one;

	for (size_t i = 0; i < n; i++) {
		kallsyms_get(syms, i, &one);
		if (name && strcmp(one.name, name) != 0)
			continue;
		put(s, name, one.addr, &one);
		found++;
	}
	return found;
}

static size_t put_all(struct sym *s, const char *name)
{
	const struct module_list *modules = modules_of(s);
	size_t found = put_table(s, s->o->k->syms, name);

	for (size_t i = 0; i < modules->n; i++)
		found += put_table(s, modules->v[i].syms, name);
	return found;
}

static void miss(struct sym *s, const char *query, const char *why)
{
	if (!s->missing++)
		snprintf(s->first, sizeof(s->first), "%s", why);
	if (!s->j)
		return;
	json_begin_object(s->j, NULL);
	json_put_string(s->j, "query", query);
	json_put_null(s->j, "address");
	json_put_string(s->j, "error", why);
	json_end_object(s->j);
}

static void look_up(struct sym *s, const char *query)
{
	struct symbol found;
	struct err err = {0};
	char why[ERR_MSG_SIZE];
	uint64_t addr;

	/* several functions may have one name, and all are meant then */
	if (!strpbrk(query, "+:") && put_all(s, query))
		return;
	if (opened_address(s->o, query, -1, &addr, &err)) {
		miss(s, query, err.msg);
	} else if (!kernel_symbol_at(s->o->k, addr, &found)) {
		snprintf(why, sizeof(why), "%s: no symbol covers 0x%" PRIx64, query, addr);
		miss(s, query, why);
	} else {
		put(s, query, addr, &found);
	}
}

static int look(struct sym *s, char **queries, struct err *err)
{
	if (!s->o->k->syms)
		return err_set(err, ERR_NOT_FOUND, "%s: has no symbols that can be read: %s",
			       s->o->src->path,
			       *opened_why(s->o) ? opened_why(s->o) : "their tables are not in it");
	if (s->j) {
		opened_put(s->j, s->o);
		json_put_string(s->j, "form", kallsyms_form_name(kallsyms_form(s->o->k->syms)));
		json_begin_array(s->j, "symbols");
	}
	if (!*queries)
		put_all(s, NULL);
	for (; *queries; queries++)
		look_up(s, *queries);
	if (s->j) {
		json_end_array(s->j);
		opened_put_gaps(s->j, s->o);
	}
	if (s->missing > 1)
		return err_set(err, ERR_NOT_FOUND, "%.900s, and %zu more were not found", s->first,
			       s->missing - 1);
	if (s->missing)
		return err_set(err, ERR_NOT_FOUND, "%s", s->first);
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	_cleanup_(opened_debug_deinit) struct opened_debug debug = {0};
	bool as_json = false;
	const struct opt opts[] = {
		OPT_FLAG('l', "lines", &debug.lines, "files and lines of the source"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
		OPENED_DEBUG_OPTS(&debug),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	struct sym s = {0};
	struct json json;
	char **queries;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (r || opened_init(&o, cmd, &options, argv + 1, &queries, err))
		return r ? r : err->code;
	s.o = &o;
	s.d = opened_debuginfo(cmd, &o, &debug);
	if (as_json && o.k->syms) {
		s.j = &json;
		cmd_begin_json(&json, stdout, "lifeboat-sym-1");
	}
	r = look(&s, queries, err);
	if (s.j)
		cmd_end_json(&json);
	debuginfo_destroy(s.d);
	return r;
}

const struct cmd cmd_sym = {
	.name = "sym",
	.operands = "DUMP [ADDRESS|SYMBOL...]",
	.summary = "symbols of a dump's kernel and modules: of an address, of a name, or all",
	.details = "Looks addresses (\"ffffffff81000000\", \"panic+0x1f\", \"ext4:ext4_iget\") and "
		   "names up "
		   "in the\nsymbols that the dump itself has; without any, lists all as "
		   "/proc/kallsyms does.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
