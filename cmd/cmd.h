/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command is data: main() looks it up by name and runs it. Only code in this room prints to
 * standard output, reads argv or decides an exit status.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"

struct cmd {
	const char *name;
	const char *operands; /* for the usage line, "VMCORE OUT" */
	const char *summary;  /* one line for `lifeboat --help` */
	const char *details;  /* a paragraph for `lifeboat NAME --help`, or NULL */
	/* Returns 0 or an enum err_code, which becomes the exit status; err says why. */
	int (*run)(const struct cmd *cmd, int argc, char **argv, struct err *err);
};

#define CMD_HELP_SHOWN (-1) /* cmd_parse printed the help text: the command is over, status 0 */

/*
 * Parse a command's options and check that it got between min and max operands, which then stand in
 * argv[1..]. --help is known to every command.
 */
int cmd_parse(const struct cmd *cmd, const struct opt *opts, size_t n_opts, int argc, char **argv,
	      int min_operands, int max_operands, struct err *err) _must_check_;

/* How many operands there are, NULL behind the last. */
size_t cmd_count(char *const *operands);

/* Flush standard output and tell a full disk or a closed pipe. */
int cmd_flush_stdout(struct err *err) _must_check_;

/* Begin and end the one JSON object of a command, with its schema (docs/json.md) and the program's version. */
void cmd_begin_json(struct json *j, FILE *to, const char *schema);
void cmd_end_json(struct json *j);

extern const struct cmd cmd_check, cmd_load, cmd_unload, cmd_status, cmd_initramfs, cmd_filter,
	cmd_dmesg, cmd_info, cmd_makedumpfile, cmd_mem_usage, cmd_verify, cmd_exec, cmd_kexec,
	cmd_collect, cmd_recipe;

#endif
