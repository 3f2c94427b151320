// SPDX-License-Identifier: GPL-2.0-or-later
/* Open a dump in crash or drgn, with the vmlinux that belongs to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/program.h"
#include "cmd/opened.h"

struct tool {
	const char *name;
	const char *debian, *fedora; /* packages */
};

static const struct tool tools[] = {
	{"crash", "crash", "crash"},
	{"drgn", "python3-drgn", "drgn"},
};

/* ---- what is missing, and how to get it */

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/*
 * Who built a kernel stands in its version or release: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", "#1~22.04-Ubuntu
 * SMP …", "6.12.8-200.fc41.x86_64", "5.14.0-503.el9.x86_64", "6.4.0-150600.23-default".
 */
static void say_package(const struct image *img, char *ret, size_t size)
{
	const char *release = img->uts[UTS_RELEASE], *version = img->uts[UTS_VERSION];
	const char *debian = strstr(version, "Debian ");
	size_t len = strlen(release);

	if (debian) {
		debian += strlen("Debian ");
		snprintf(ret, size, "it is in Debian's package linux-image-%s-dbg, version %.*s",
			 release, (int)strcspn(debian, " "), debian);
	} else if (has(version, "Ubuntu")) {
		snprintf(ret, size,
			 "it is in Ubuntu's package linux-image-unsigned-%s-dbgsym "
			 "(ddebs.ubuntu.com)",
			 release);
	} else if (has(release, ".fc") || has(release, ".el") || has(release, ".amzn")) {
		snprintf(ret, size, "`dnf debuginfo-install kernel-%s` gets it", release);
	} else if (len > 8 && strcmp(release + len - 8, "-default") == 0) {
		snprintf(ret, size,
			 "it is in the package kernel-default-debuginfo of this version");
	} else {
		snprintf(ret, size, "whoever built that kernel has it");
	}
}

static int find_vmlinux(const struct opened *o, const struct opened_debug *debug,
			char ret[PATH_MAX], struct err *err)
{
	const struct debuginfo_options options = opened_debug_options(debug);
	const char *servers = getenv("DEBUGINFOD_URLS");
	char package[512], why[ERR_MSG_SIZE];
	int r = debuginfo_find_vmlinux(o->k, &options, ret, err);

	if (!r || debug->vmlinux)
		return r;
	say_package(o->img, package, sizeof(package));
	strcpy(why, err->msg);
	return err_set(err, (enum err_code)r, "%s; %s%s; --vmlinux names it where it is elsewhere",
		       why, package,
		       debug->fetch          ? ""
		       : servers && *servers ? "; --fetch asks $DEBUGINFOD_URLS"
					     : "; --fetch asks the servers of $DEBUGINFOD_URLS, "
					       "which is not set");
}

/* The one that is asked for, else the first that is installed. */
static int find_tool(const char *with, const struct tool **ret, char path[PATH_MAX],
		     struct err *err)
{
	struct err ignored;

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		if (with && strcmp(tools[i].name, with) != 0)
			continue;
		if (!program_find(tools[i].name, NULL, path, &ignored)) {
			*ret = &tools[i];
			return 0;
		}
		if (with)
			return err_set(err, ERR_NOT_FOUND,
				       "%s is not installed: it is in the package %s (Debian, "
				       "Ubuntu) or %s "
				       "(Fedora, RHEL)",
				       with, tools[i].debian, tools[i].fedora);
	}
	return err_set(err, ERR_NOT_FOUND,
		       "neither crash nor drgn is installed: packages crash, python3-drgn (Debian, "
		       "Ubuntu) or crash, drgn (Fedora, RHEL); `lifeboat report` needs neither");
}

/* ---- the command line */

#define MAX_WORDS 5 /* besides the caller's */

/* crash OPTIONS VMLINUX DUMP; drgn -s VMLINUX -c DUMP ARGS. *ret is malloc'ed, its words are borrowed. */
static int make_words(const struct tool *tool, const char *path, const char *vmlinux,
		      const struct opened *o, char **args, const char ***ret, struct err *err)
{
	size_t n_args = cmd_count(args), n = 0;
	const char **v = calloc(n_args + MAX_WORDS + 1, sizeof(*v));
	bool is_crash = strcmp(tool->name, "crash") == 0;

	if (!v)
		return err_nomem(err, (n_args + MAX_WORDS + 1) * sizeof(*v), "a command line");
	v[n++] = path;
	for (size_t i = 0; is_crash && i < n_args; i++)
		v[n++] = args[i];
	if (is_crash) {
		v[n++] = vmlinux;
		v[n++] = o->path;
	} else {
		v[n++] = "-s";
		v[n++] = vmlinux;
		v[n++] = o->src->live ? "-k" : "-c";
		if (!o->src->live)
			v[n++] = o->path;
	}
	for (size_t i = 0; !is_crash && i < n_args; i++)
		v[n++] = args[i];
	*ret = v;
	return 0;
}

static int start(const char *const *words, struct err *err)
{
	if (cmd_flush_stdout(err))
		return err->code;
	execv(words[0], (char *const *)words);
	return err_sys(err, errno, "%s", words[0]);
}

static void print_words(const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			putchar(' ');
		cmd_print_word(stdout, words[i]);
	}
	putchar('\n');
}

/* Which program with which files. */
struct start {
	const struct tool *tool;
	char program[PATH_MAX], vmlinux[PATH_MAX];
	const char **words;
};

static void print_json(const struct opened *o, const struct start *s)
{
	char id[65];
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-open-1");
	opened_put(&j, o);
	debuginfo_build_id(o->k, id);
	json_put_string(&j, "build_id", *id ? id : NULL);
	json_put_string(&j, "vmlinux", s->vmlinux);
	json_put_string(&j, "with", s->tool->name);
	json_begin_array(&j, "command");
	for (size_t i = 0; s->words[i]; i++)
		json_put_string(&j, NULL, s->words[i]);
	json_end_array(&j);
	cmd_end_json(&j);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	/* what is opened with a key goes through a pipe, and crash and drgn want a file */
	struct opened_options options = {.dump.verb = "report"};
	_cleanup_(opened_debug_deinit) struct opened_debug debug = {0};
	_cleanup_(opened_deinit) struct opened o = {0};
	_cleanup_free_ struct start *s = calloc(1, sizeof(*s));
	const char *with = NULL;
	bool only_print = false, as_json = false;
	const struct opt opts[] = {
		OPT_WORD(0, "with", "PROGRAM", &with, "crash drgn",
			 "crash or drgn (default: the first that is installed)"),
		OPT_FLAG(0, "print", &only_print, "print the command line, start nothing"),
		OPT_FLAG(0, "json", &as_json, "print it as a JSON object, start nothing"),
		OPENED_OPTS(&options),
		OPENED_DEBUG_OPTS(&debug),
	};
	char **args;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r && !s)
		r = err_nomem(err, sizeof(*s), "a command line");
	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, &args, err);
	if (!r && strcmp(o.path, "-") == 0)
		r = err_set(err, ERR_USAGE, "-: crash and drgn need a file");
	if (!r)
		r = find_tool(with, &s->tool, s->program, err);
	if (!r)
		r = find_vmlinux(&o, &debug, s->vmlinux, err);
	if (!r)
		r = make_words(s->tool, s->program, s->vmlinux, &o, args, &s->words, err);
	if (r)
		return r;
	if (as_json)
		print_json(&o, s);
	else if (only_print)
		print_words(s->words);
	else
		r = start(s->words, err);
	free(s->words);
	return r;
}

const struct cmd cmd_open = {
	.name = "open",
	.operands = "DUMP [ARG...]",
	.summary = "open a dump in crash or drgn, with the vmlinux that belongs to it",
	.details = "The kernel with debugging information is found by its build id: below "
		   "/usr/lib/debug,\n/lib/modules, /boot, or what debuginfod has fetched. ARGs, "
		   "which stand "
		   "behind --, are that\nprogram's.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
