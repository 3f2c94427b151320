/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command is data: main() looks it up by name and runs it. Only code in this room prints to
 * standard output, reads argv or decides an exit status.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"

/* Under which heading of `lifeboat --help` a command stands. */
enum cmd_group {
	CMD_SERVICE, /* to be ready for a crash */
	CMD_DUMPS,   /* what crashes have left */
	CMD_IMAGES,  /* what the service is made of, a step each */
	CMD_OTHER,   /* names of other programs, and this program itself */
	CMD_GROUPS,
};

struct cmd_describe;

struct cmd {
	const char *name;
	/*
	 * For the usage line: "VMCORE OUT", "" for none. A name in capitals says what it is (opt_takes()), "bash|zsh" is a
	 * choice of words, " | " stands between forms.
	 */
	const char *operands;
	const char *summary; /* one line for `lifeboat --help` */
	const char *details; /* a paragraph for `lifeboat NAME --help`, or NULL */
	/* Returns 0 or an enum err_code, which becomes the exit status; err says why. */
	int (*run)(const struct cmd *cmd, int argc, char **argv, struct err *err);
	enum cmd_group group;
	const struct cmd_describe *describe; /* NULL, but in the copy that cmd_describe() makes */
};

/* All commands, in the order of --help; NULL behind the last. */
extern const struct cmd *const cmd_all[];

#define CMD_HELP_SHOWN \
	(-1) /* cmd_parse printed the help text or described the command, which is over: status 0 */

/*
 * Parse a command's options and check that it got between min and max operands, which then stand in
 * argv[1..]. --help is known to every command. A command calls this before it does anything, and returns what it returns: so
 * help, completion and the manual's lint learn the tables, which live on the commands' stacks.
 */
int cmd_parse(const struct cmd *cmd, const struct opt *opts, size_t n_opts, int argc, char **argv,
	      int min_operands, int max_operands, struct err *err) _must_check_;

/* Gets the table of one command, which is gone when `take` returns; names and texts in it stay. */
struct cmd_describe {
	void (*take)(void *ctx, const struct cmd *cmd, const struct opt *opts, size_t n_opts);
	void *ctx;
};

/* Have a command describe itself and do nothing. */
void cmd_describe(const struct cmd *cmd, const struct cmd_describe *describe);

/* Call `take` with each operand that a command can have: its name, or a choice of words, "bash|zsh". */
void cmd_operands(const struct cmd *cmd, void (*take)(void *ctx, const char *name, size_t len),
		  void *ctx);

const struct cmd *cmd_find(const char *name);

/* cmd/help.c */
void cmd_print_usage(FILE *to);
void cmd_print_help(const struct cmd *cmd, const struct opt *opts, size_t n_opts);
/* Say on standard error that there is no command `name`, and which ones are spelled nearly so. */
void cmd_print_unknown(const char *name);

/* How many operands there are, NULL behind the last. */
size_t cmd_count(char *const *operands);

/*
 * Print text that may quote a file or a program: line by line as base/text.h has it, so that a terminal does not obey it.
 */
void cmd_print_plain(FILE *to, const char *text);

/* A word of a line for pasting into a shell, in quotes if it needs them; somebody else may have chosen it. */
void cmd_print_word(FILE *to, const char *text);

/* Flush standard output and tell a full disk or a closed pipe. */
int cmd_flush_stdout(struct err *err) _must_check_;

/* Begin and end the one JSON object of a command, with its schema (docs/json.md) and the program's version. */
void cmd_begin_json(struct json *j, FILE *to, const char *schema);
void cmd_end_json(struct json *j);

extern const struct cmd cmd_start;
extern const struct cmd cmd_stop;
extern const struct cmd cmd_restart;
extern const struct cmd cmd_reload;
extern const struct cmd cmd_rebuild;
extern const struct cmd cmd_check;
extern const struct cmd cmd_load;
extern const struct cmd cmd_unload;
extern const struct cmd cmd_status;
extern const struct cmd cmd_test;
extern const struct cmd cmd_drill;
extern const struct cmd cmd_initramfs;
extern const struct cmd cmd_filter;
extern const struct cmd cmd_dmesg;
extern const struct cmd cmd_info;
extern const struct cmd cmd_signature;
extern const struct cmd cmd_makedumpfile;
extern const struct cmd cmd_mem_usage;
extern const struct cmd cmd_verify;
extern const struct cmd cmd_report;
extern const struct cmd cmd_exec;
extern const struct cmd cmd_kexec;
extern const struct cmd cmd_list;
extern const struct cmd cmd_show;
extern const struct cmd cmd_prune;
extern const struct cmd cmd_collect;
extern const struct cmd cmd_send;
extern const struct cmd cmd_recipe;
extern const struct cmd cmd_import;
extern const struct cmd cmd_generator; /* by its name only: no command of a person's */
extern const struct cmd cmd_completion;
extern const struct cmd cmd_help;
extern const struct cmd cmd_estimate;
extern const struct cmd cmd_showmem;
extern const struct cmd cmd_get_default_crashkernel;
extern const struct cmd cmd_reset_crashkernel;
extern const struct cmd cmd_propagate;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_open;
extern const struct cmd cmd_bt;
extern const struct cmd cmd_ps;
extern const struct cmd cmd_log;
extern const struct cmd cmd_mod;
extern const struct cmd cmd_mem;
extern const struct cmd cmd_sym;
extern const struct cmd cmd_struct;
extern const struct cmd cmd_rd;

#endif
