/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dump that a first look is taken at, opened and understood as far as it can be: what bt, ps, log, mod, sym, struct, rd, mem,
 * open and report begin with.
 */
#ifndef CMD_OPENED_H
#define CMD_OPENED_H

#include <limits.h>

#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "config/config.h"
#include "debuginfo/debuginfo.h"
#include "image/kernel.h"

struct opened_options {
	bool live; /* /proc/kcore instead of an operand */
	const char *
		root; /* of the machine whose crashes, or whose /proc/kcore, are meant; NULL: this one */
	const char *config; /* that says where crashes lie; NULL: the usual one */
	bool split; /* several operands are the files of a split dump, and there is no other operand */
	struct dump_options dump;
};

/* The rows that these commands' tables of options have in common. */
#define OPENED_OPTS(options)                                                               \
	OPT_FLAG(0, "live", &(options)->live,                                              \
		 "look at the running machine (/proc/kcore, for root) instead of a DUMP"), \
		OPT_STRING(0, "config", "FILE", &(options)->config,                        \
			   "where crashes lie (default " CONFIG_PATH ")"),                 \
		OPT_STRING(0, "root", "DIR", &(options)->root,                             \
			   "take crashes of the machine recorded in DIR")

/* For the help of each of them. */
#define OPENED_DETAILS                                                                             \
	"DUMP is a file (ELF vmcore, kdump-compressed, flattened), a crash's folder, its name as " \
	"in\n"                                                                                     \
	"`lifeboat list`, or \"latest\". With --live there is none: the running machine is "       \
	"looked at."

struct opened {
	char path[PATH_MAX]; /* of the file; "-" for standard input */
	struct source *src;
	struct image *img;
	struct kernel *k;
	struct err bare; /* code != 0: there are only pages, and why (image_create_bare()) */
};

/*
 * Open what the first operand names, or the running machine; *ret_rest (may be NULL: there may be none) are the operands behind
 * it. End it with opened_deinit(), which is also fine after a failure and with all zeros.
 */
int opened_init(struct opened *o, const struct cmd *cmd, const struct opened_options *options,
		char **operands, char ***ret_rest, struct err *err) _must_check_;
void opened_deinit(struct opened *o);

/* The file that a DUMP stands for: what opened_init() opens. */
int opened_find(const struct cmd *cmd, const struct opened_options *options, const char *which,
		char ret[PATH_MAX], struct err *err) _must_check_;

/* Why less of it is understood than there could be, for a message's end; "" if nothing is known to lack. Borrowed. */
const char *opened_why(const struct opened *o);

/* Put the dump, and why less of it is understood, around the error of a part that cannot be read. Returns its code. */
int opened_fail(const struct opened *o, struct err *err);

/* Is it the address of a per-CPU variable, which is of no CPU? */
bool opened_is_percpu(const struct opened *o, uint64_t addr);

/* `states` (NULL is fine) are letters of task states, as ps and bt take them; else ERR_USAGE. */
#define OPENED_STATES "R S D I T t Z X P"
int opened_check_states(const char *states, struct err *err) _must_check_;

/* The members of a JSON object that say what was opened, and how far it is understood: file, release, live, level. */
void opened_put(struct json *j, const struct opened *o);
/* "gaps": what could not be found or read on the way. Last of all, as there may be more by then. */
void opened_put_gaps(struct json *j, const struct opened *o);
/* The same for people, on standard error; `most`: no more lines than that. */
void opened_tell_gaps(const struct cmd *cmd, const struct opened *o, size_t most);

/*
 * An address as people write it: "0xffffffff81000000", "ffffffff81000000", "name", "name+0x1f", "module:name", "name+0x1f/0x80". What has
 * only hexadecimal digits is a number, unless a symbol is called so. `cpu`: of a per-CPU variable that one's; -1: as it is. ERR_NOT_FOUND names
 * the symbol, ERR_USAGE what is no number.
 */
int opened_address(const struct opened *o, const char *text, int cpu, uint64_t *ret,
		   struct err *err) _must_check_;

/* ---- files and lines of the source, where somebody has the debugging information */

struct opened_debug {
	bool lines; /* they are wanted */
	bool fetch;
	const char *vmlinux;
	struct opt_list folders;
};

#define OPENED_DEBUG_OPTS(debug)                                                                   \
	OPT_STRING(0, "vmlinux", "FILE", &(debug)->vmlinux,                                        \
		   "the kernel with debugging information (default: looked for by its build id)"), \
		OPT_LIST(0, "debuginfo", "DIR", &(debug)->folders,                                 \
			 "look for debugging information in DIR, too"),                            \
		OPT_FLAG(0, "fetch", &(debug)->fetch,                                              \
			 "ask the servers of $DEBUGINFOD_URLS for it")

struct debuginfo_options opened_debug_options(const struct opened_debug *debug);

/* NULL: not wanted, or there is none, and then standard error says so. The caller ends it (debuginfo_destroy()), and the options. */
struct debuginfo *opened_debuginfo(const struct cmd *cmd, const struct opened *o,
				   const struct opened_debug *debug);
void opened_debug_deinit(struct opened_debug *debug);

/* "lines": [{function, file, line, inlined}] of an address; `d` may be NULL: then there is no such member. */
void opened_put_lines(struct json *j, struct debuginfo *d, uint64_t addr);
/* The same for people: a line each, behind `indent` blanks. */
void opened_print_lines(struct debuginfo *d, uint64_t addr, int indent);

#endif
