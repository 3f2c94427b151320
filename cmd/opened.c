// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/opened.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/text.h"
#include "capture/target.h"
#include "cmd/crashes.h"
#include "cmd/dump.h"
#include "cmd/encrypted.h"
#include "image/module.h"

/* What to do about it, behind what is wrong. */
static int hint(struct err *err, const char *what)
{
	size_t len = strlen(err->msg);

	snprintf(err->msg + len, sizeof(err->msg) - len, "; %s", what);
	return err->code;
}

static int copy_path(const char *from, char ret[PATH_MAX], struct err *err)
{
	if (strlen(from) >= PATH_MAX)
		return err_set(err, ERR_USAGE, "the path has %zu bytes, more than %d", strlen(from),
			       PATH_MAX - 1);
	strcpy(ret, from);
	return 0;
}

/* "" or the way to the machine that is meant, in front of its paths. */
static const char *root_of(const char *root)
{
	return root && strcmp(root, "/") != 0 ? root : "";
}

/* A web server has a large dump in parts, and so has whoever took them from there. */
static int refuse_parts(const char *root, const struct dumps_entry *e, struct err *err)
{
	int stem = (int)(strstr(e->dump, CRASH_FILE_PART) - e->dump);

	return err_set(err, ERR_UNSUPPORTED,
		       "%s%s: its dump is in %u part%s; `cat %.*s" CRASH_FILE_PART
		       "* >%.*s` in that folder makes one file of it",
		       root, e->folder, e->dump_parts, e->dump_parts == 1 ? "" : "s", stem, e->dump,
		       stem, e->dump);
}

/* The dump of a crash that the service of the machine below `root` knows; `root` NULL: of a folder of this machine. */
static int find_crash(const struct cmd *cmd, const struct opened_options *options, const char *root,
		      const char *which, char ret[PATH_MAX], struct err *err)
{
	_cleanup_free_ struct dumps_entry *e = malloc(sizeof(*e));
	struct crashes c;
	int r;

	if (!e)
		return err_nomem(err, sizeof(*e), "a crash's entry");
	r = crashes_init(&c, cmd, root, options->config, true, err);
	if (!r)
		r = dumps_find(&c.words.service, c.config, which, e, err);
	crashes_deinit(&c);
	if (r == ERR_NOT_FOUND && !root)
		return hint(err, "name the dump's file, or give a log that lies there to "
				 "`lifeboat signature`");
	if (r)
		return r;
	if (!e->opened)
		return err_set(err, ERR_REFUSED, "%s: %s: it is for root to see, or for its owner",
			       e->folder, e->record_error);
	if (!*e->dump && e->sent_dump)
		return err_set(err, ERR_NOT_FOUND,
			       "%s: its dump was sent to %s, where it is %s: fetch it from there",
			       e->folder, e->sent_to, e->sent_name);
	if (!*e->dump)
		return err_set(err, ERR_NOT_FOUND, "%s: has no dump%s%s%s", e->folder,
			       *e->log ? ", only a log: " : "", e->log,
			       *e->log ? "; `lifeboat signature` tells what it is a crash of" : "");
	if (e->dump_parts)
		return refuse_parts(root_of(root), e, err);
	if (snprintf(ret, PATH_MAX, "%s%s/%s", root_of(root), e->folder, e->dump) >= PATH_MAX)
		return err_set(err, ERR_USAGE, "%s: its path is too long", e->folder);
	return 0;
}

int opened_find(const struct cmd *cmd, const struct opened_options *options, const char *which,
		char ret[PATH_MAX], struct err *err)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!*which)
		return err_set(err, ERR_USAGE, "the name of the DUMP is empty");
	if (strcmp(which, "-") == 0)
		return copy_path(which, ret, err);
	if (stat(which, &st)) {
		if (errno != ENOENT || strchr(which, '/'))
			return err_sys(err, errno, "%s", which);
		return find_crash(cmd, options, options->root ? options->root : "/", which, ret,
				  err);
	}
	if (!S_ISDIR(st.st_mode))
		return copy_path(which, ret, err);
	/* only a path with a '/' is a folder to those who look for crashes */
	if (snprintf(folder, sizeof(folder), "%s%s", strchr(which, '/') ? "" : "./", which) >=
	    PATH_MAX)
		return err_set(err, ERR_USAGE, "%s: its path is too long", which);
	/* what is here is here, wherever crashes of a name are looked for */
	return find_crash(cmd, options, NULL, folder, ret, err);
}

static int find(struct opened *o, const struct cmd *cmd, const struct opened_options *options,
		char ***operands, struct err *err)
{
	const char *which = **operands;

	if (options->live) {
		if (snprintf(o->path, PATH_MAX, "%s/proc/kcore", root_of(options->root)) >=
		    PATH_MAX)
			return err_set(err, ERR_USAGE, "%s: its path is too long", options->root);
		return 0;
	}
	if (!which)
		return err_set(err, ERR_USAGE,
			       "no DUMP is named; usage: lifeboat %s [OPTION...] %s", cmd->name,
			       cmd->operands);
	(*operands)++;
	return opened_find(cmd, options, which, o->path, err);
}

static int understand(struct opened *o, struct err *err)
{
	int r = image_create(o->src, &o->img, &o->bare);
	uint64_t phys = 0;
	bool found = false;

	if (!r)
		o->bare = (struct err){0};
	else if (r == ERR_NO_MEMORY)
		return *err = o->bare, r;
	else if (!o->src->live && !image_create_found(o->src, &o->img, &phys, err))
		found = true;
	else if (image_create_bare(o->src, &o->img, err))
		return err->code;
	r = kernel_create(o->img, &o->k, err);
	if (!r && found) {
		gaps_add(&o->k->gaps,
			 "%s; what its kernel keeps at 0x%" PRIx64 " was taken instead",
			 o->bare.msg, phys);
		o->bare = (struct err){0};
	}
	return r;
}

/* Whoever has but a log, or one piece of a dump, is told what takes it. */
static int open_file(struct opened *o, const struct opened_options *options,
		     const struct dump_options *dump, struct err *err)
{
	char head[16] = "", *path = o->path;
	int r = dump_open(&path, 1, dump, &o->src, err);
	size_t n = 0;
	FILE *f;

	if (!r)
		return 0;
	if (options->live && r == ERR_NOT_FOUND)
		return hint(err, "the kernel shows its memory only with CONFIG_PROC_KCORE");
	if ((r == ERR_UNSUPPORTED || r == ERR_CORRUPT) && strstr(path, CRASH_FILE_PART))
		return hint(err, "it is a part of a file: `cat` of all of them, in order, is one");
	if (r != ERR_UNSUPPORTED || strcmp(path, "-") == 0)
		return r;
	if (!options->split && strstr(err->msg, "one file of a split dump"))
		return hint(err, "`lifeboat filter --reassemble` joins them, `lifeboat report` "
				 "takes them as they are");
	if (encrypted_is(path))
		return r;
	f = fopen(path, "re");
	if (f) {
		n = fread(head, 1, sizeof(head), f);
		fclose(f);
	}
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)head[i]) && !isspace((unsigned char)head[i]))
			return r;
	return n ? hint(err, "of a log or a crash.json `lifeboat signature` tells what it is a "
			     "crash of")
		 : r;
}

int opened_init(struct opened *o, const struct cmd *cmd, const struct opened_options *options,
		char **operands, char ***ret_rest, struct err *err)
{
	struct dump_options dump = options->dump;
	int r;

	dump.cut = true; /* who wants to know what happened takes what there is */
	if (!dump.verb)
		dump.verb = cmd->name;

	*o = (struct opened){0};
	if (options->split && !options->live &&
	    (cmd_count(operands) > 1 || options->dump.partial)) {
		r = dump_open(operands, cmd_count(operands), &dump, &o->src, err);
		return r ? r : understand(o, err);
	}
	r = find(o, cmd, options, &operands, err);
	if (!r && !ret_rest && *operands)
		r = err_set(err, ERR_USAGE,
			    "%s: there is no use for it; usage: lifeboat %s [OPTION...] %s",
			    *operands, cmd->name, cmd->operands);
	if (!r)
		r = open_file(o, options, &dump, err);
	if (!r)
		r = understand(o, err);
	if (!r && ret_rest)
		*ret_rest = operands;
	return r;
}

void opened_deinit(struct opened *o)
{
	kernel_destroy(o->k);
	image_destroy(o->img);
	source_destroy(o->src);
}

/* ---- what was opened */

const char *opened_why(const struct opened *o)
{
	return o->bare.code ? o->bare.msg : o->k->gaps.n ? o->k->gaps.v[0] : "";
}

int opened_fail(const struct opened *o, struct err *err)
{
	if (o->bare.code && !strstr(err->msg, o->bare.msg)) {
		char what[ERR_MSG_SIZE];

		snprintf(what, sizeof(what), "%s", err->msg);
		err_set(err, err->code, "%.400s: %.500s", what, o->bare.msg);
	}
	if (strncmp(err->msg, o->src->path, strlen(o->src->path)) != 0)
		err_wrap(err, "%s", o->src->path);
	return err->code;
}

void opened_put(struct json *j, const struct opened *o)
{
	char level[128];

	json_put_string(j, "file", o->src->path);
	json_put_bool(j, "live", o->src->live);
	json_put_bool(j, "incomplete", o->src->incomplete);
	json_put_string(j, "release", *o->img->uts[UTS_RELEASE] ? o->img->uts[UTS_RELEASE] : NULL);
	json_put_string(j, "level", kernel_level(o->k, level, sizeof(level)));
}

void opened_put_gaps(struct json *j, const struct opened *o)
{
	const struct gaps *g = &o->k->gaps;

	json_begin_array(j, "gaps");
	if (o->bare.code)
		json_put_string(j, NULL, o->bare.msg);
	for (size_t i = 0; i < g->n; i++)
		json_put_string(j, NULL, g->v[i]);
	json_end_array(j);
	json_put_uint(j, "gaps_left_out", g->more);
}

static void tell(const struct cmd *cmd, const char *text)
{
	fprintf(stderr, "lifeboat %s: note: ", cmd->name);
	cmd_print_plain(stderr, text);
	fputc('\n', stderr);
}

void opened_tell_gaps(const struct cmd *cmd, const struct opened *o, size_t most)
{
	const struct gaps *g = &o->k->gaps;
	size_t n = g->n < most ? g->n : most;

	if (o->bare.code)
		tell(cmd, o->bare.msg);
	for (size_t i = 0; i < n; i++)
		tell(cmd, g->v[i]);
	if (g->n + g->more > n)
		fprintf(stderr, "lifeboat %s: note: %zu more of these; --json has all\n", cmd->name,
			g->n + g->more - n);
}

/* ---- addresses */

static bool parse_hex(const char *text, uint64_t *ret)
{
	uint64_t v = 0;
	const char *s = text;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	if (!*s || strspn(s, "0123456789abcdefABCDEF") != strlen(s) || strlen(s) > 16)
		return false;
	for (; *s; s++)
		v = v << 4 |
		    (uint64_t)(isdigit((unsigned char)*s) ? *s - '0' : (*s | 0x20) - 'a' + 10);
	*ret = v;
	return true;
}

/* A symbol of the kernel, of any module, or of the one in front of ':'. */
static bool find_symbol(const struct opened *o, const char *name, uint64_t *ret)
{
	const struct module_list *modules = o->k->modules;
	const char *colon = strchr(name, ':');
	struct symbol sym;
	struct err ignored;

	if (!colon && !kernel_symbol(o->k, name, ret, &ignored))
		return true;
	for (size_t i = 0; modules && i < modules->n; i++) {
		const struct module *m = &modules->v[i];

		if (colon && (strlen(m->name) != (size_t)(colon - name) ||
			      strncmp(m->name, name, (size_t)(colon - name)) != 0))
			continue;
		if (m->syms && kallsyms_find(m->syms, colon ? colon + 1 : name, &sym)) {
			*ret = sym.addr;
			return true;
		}
	}
	return false;
}

/* Per-CPU variables are linked from 0, or between these two symbols. */
bool opened_is_percpu(const struct opened *o, uint64_t addr)
{
	uint64_t start, end;
	struct err ignored;

	return !kernel_symbol(o->k, "__per_cpu_start", &start, &ignored) &&
	       !kernel_symbol(o->k, "__per_cpu_end", &end, &ignored) && addr >= start && addr < end;
}

int opened_address(const struct opened *o, const char *text, int cpu, uint64_t *ret,
		   struct err *err)
{
	_cleanup_free_ char *name = strdup(text);
	uint64_t addr, offset = 0;
	char *plus, *slash;

	if (!name)
		return err_nomem(err, strlen(text) + 1, "an address");
	plus = strchr(name, '+');
	if (plus) {
		*plus++ = '\0';
		slash = strchr(plus, '/'); /* the function's size, as oopses have it */
		if (slash)
			*slash = '\0';
		if (strncmp(plus, "0x", 2) == 0 ? !parse_hex(plus, &offset)
						: num_parse_u64(plus, &offset, err) != 0)
			return err_set(err, ERR_USAGE, "%s: '%s' is no offset", text, plus);
	}
	if (!find_symbol(o, name, &addr) && !parse_hex(name, &addr)) {
		if (!o->k->syms)
			return err_set(err, ERR_NOT_FOUND,
				       "%s: there are no symbols in this dump to look it up in",
				       name);
		return err_set(err, ERR_NOT_FOUND, "%s: there is no symbol of that name", name);
	}
	if (cpu >= 0 && opened_is_percpu(o, addr) &&
	    kernel_percpu(o->k, addr, (unsigned int)cpu, &addr, err))
		return err_wrap(err, "%s", text);
	if (__builtin_add_overflow(addr, offset, &addr))
		return err_set(err, ERR_USAGE, "%s: is beyond the end of the address space", text);
	*ret = addr;
	return 0;
}

int opened_check_states(const char *states, struct err *err)
{
	for (const char *s = states; s && *s; s++)
		if (*s == ' ' || !strchr(OPENED_STATES, *s))
			return err_set(err, ERR_USAGE, "option --state: '%c' is none of: %s", *s,
				       OPENED_STATES);
	return 0;
}

/* ---- files and lines */

#define MAX_LINES 16 /* functions that are inlined into each other */

struct debuginfo_options opened_debug_options(const struct opened_debug *debug)
{
	return (struct debuginfo_options){
		.vmlinux = debug->vmlinux,
		.folders = debug->folders.v,
		.n_folders = debug->folders.n,
		.fetch = debug->fetch,
	};
}

struct debuginfo *opened_debuginfo(const struct cmd *cmd, const struct opened *o,
				   const struct opened_debug *debug)
{
	const struct debuginfo_options options = opened_debug_options(debug);
	struct debuginfo *d = NULL;
	char path[PATH_MAX];
	struct err err = {0};

	if (!debug->lines)
		return NULL;
	if (debuginfo_find_vmlinux(o->k, &options, path, &err) ||
	    debuginfo_create(o->k, &options, path, &d, &err)) {
		tell(cmd, err.msg);
		return NULL;
	}
	return d;
}

void opened_debug_deinit(struct opened_debug *debug)
{
	opt_list_deinit(&debug->folders);
}

void opened_put_lines(struct json *j, struct debuginfo *d, uint64_t addr)
{
	struct source_line lines[MAX_LINES];
	size_t n;

	if (!d)
		return;
	n = debuginfo_lines(d, addr, lines, MAX_LINES);
	json_begin_array(j, "lines");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(j, NULL);
		json_put_string(j, "function", *lines[i].function ? lines[i].function : NULL);
		json_put_string(j, "file", *lines[i].file ? lines[i].file : NULL);
		json_put_uint(j, "line", lines[i].line);
		json_put_bool(j, "inlined", lines[i].inlined);
		json_end_object(j);
	}
	json_end_array(j);
}

void opened_print_lines(struct debuginfo *d, uint64_t addr, int indent)
{
	struct source_line lines[MAX_LINES];
	size_t n = d ? debuginfo_lines(d, addr, lines, MAX_LINES) : 0;
	char plain[4 * sizeof(lines->file)];

	for (size_t i = 0; i < n; i++) {
		printf("%*s", indent, "");
		printf("%s:%u", text_plain(lines[i].file, plain, sizeof(plain)), lines[i].line);
		if (*lines[i].function)
			printf(" in %s", text_plain(lines[i].function, plain, sizeof(plain)));
		printf("%s\n", lines[i].inlined ? " (inlined)" : "");
	}
}
