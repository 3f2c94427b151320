// SPDX-License-Identifier: GPL-2.0-or-later
/* Types of a dump, and memory read as one of them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/opened.h"
#include "image/ctype.h"

struct asked {
	const struct opened *o;
	const struct btf *btf;
	uint32_t id;
	const char *path; /* of a member; NULL: all of it */
	uint64_t addr;
	bool has_addr;
	struct ctype_options how;
};

/* "struct rq.cfs.load": the type ends at the first dot. */
static int find_type(struct asked *a, char *text, struct err *err)
{
	char *dot = strchr(text, '.');

	if (dot) {
		*dot = '\0';
		a->path = dot + 1;
	}
	if (!ctype_find(a->o->k, text, &a->btf, &a->id))
		return err_set(err, ERR_NOT_FOUND, "%s: %s", text,
			       a->o->k->btf ? "neither the kernel nor a module has such a type"
					    : "there are no types in this dump that can be read");
	return 0;
}

static int show_json(const struct asked *a, struct err *err)
{
	struct json j;
	int r = 0;

	cmd_begin_json(&j, stdout, "lifeboat-struct-1");
	opened_put(&j, a->o);
	ctype_define_json(a->btf, a->id, &j, "type");
	if (a->has_addr) {
		json_put_hex(&j, "address", a->addr);
		json_put_string(&j, "member", a->path);
		r = ctype_show_json(a->o->k, a->btf, a->id, a->path, a->addr, &a->how, &j, "value",
				    err);
	}
	opened_put_gaps(&j, a->o);
	cmd_end_json(&j);
	return r;
}

/* A member's own definition, without an address. */
static int find_member(struct asked *a, struct err *err)
{
	struct btf_member member;
	struct btf_type type;

	if (a->has_addr || !a->path)
		return 0;
	if (!btf_path(a->btf, a->id, a->path, &member))
		return err_set(err, ERR_NOT_FOUND, "%s: there is no member '%s'", a->path,
			       member.name ? member.name : "");
	if (!btf_strip(a->btf, member.type, &type))
		return err_set(err, ERR_CORRUPT, "%s: its type leads nowhere", a->path);
	a->id = type.id;
	return 0;
}

static int look(struct asked *a, char **operands, const char *cpu, bool json, struct err *err)
{
	uint64_t number = 0;

	if (!operands[0])
		return err_set(err, ERR_USAGE, "no TYPE is given");
	if (cmd_count(operands) > 2)
		return err_set(err, ERR_USAGE,
			       "too many operands; a type of two words is put in quotes");
	if (cpu && num_parse_range(cpu, 0, KERNEL_MAX_CPUS, &number, err))
		return err_wrap(err, "--cpu");
	if (find_type(a, operands[0], err))
		return err->code;
	a->has_addr = operands[1];
	if (a->has_addr && opened_address(a->o, operands[1], cpu ? (int)number : -1, &a->addr, err))
		return err->code;
	if (a->has_addr && !cpu && opened_is_percpu(a->o, a->addr))
		return err_set(err, ERR_USAGE,
			       "%s: is a per-CPU variable: --cpu says which CPU's is meant",
			       operands[1]);
	if (find_member(a, err))
		return err->code;
	if (json)
		return show_json(a, err);
	if (a->has_addr)
		return ctype_show(a->o->k, a->btf, a->id, a->path, a->addr, &a->how, stdout, err);
	ctype_define(a->btf, a->id, stdout);
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	uint64_t depth = 0, elements = 0;
	const char *cpu = NULL;
	bool as_json = false;
	const struct opt opts[] = {
		OPT_STRING('c', "cpu", "N", &cpu, "of a per-CPU variable, that of this CPU"),
		OPT_NUMBER(0, "depth", "N", &depth, 1, 64,
			   "show structs in structs as deep as this"),
		OPT_NUMBER(0, "elements", "N", &elements, 1, 1U << 20,
			   "show so many elements of an array"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	struct asked asked = {.o = &o};
	char **operands;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, &operands, err);
	if (r)
		return r;
	asked.how.depth = (unsigned int)depth;
	asked.how.elements = (unsigned int)elements;
	return look(&asked, operands, cpu, as_json, err);
}

const struct cmd cmd_struct = {
	.name = "struct",
	.operands = "DUMP TYPE[.MEMBER] [ADDRESS]",
	.summary = "a type of a dump's kernel, or memory read as one",
	.details = "TYPE is a struct, union, enum or typedef of the kernel or a module, as the "
		   "dump itself "
		   "has\nthem (BTF). Without ADDRESS its definition is shown, with offsets and "
		   "sizes. ADDRESS "
		   "is a\nnumber in hexadecimal, a symbol, or \"symbol+0x1f\".\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
