// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static const struct cmd *const commands[] = {
	&cmd_load,         &cmd_unload, &cmd_status, &cmd_check,   &cmd_initramfs,
	&cmd_filter,       &cmd_dmesg,  &cmd_info,   &cmd_verify,  &cmd_mem_usage,
	&cmd_makedumpfile, &cmd_exec,   &cmd_kexec,  &cmd_collect, &cmd_recipe,
};

static void print_usage(FILE *to)
{
	fprintf(to, "usage: lifeboat COMMAND [OPTION...] [OPERAND...]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\n`lifeboat COMMAND --help` lists the options of one command.\n");
}

int cmd_parse(const struct cmd *cmd, const struct opt *opts, size_t n_opts, int argc, char **argv,
	      int min_operands, int max_operands, struct err *err)
{
	int n = 0, r;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		printf("usage: lifeboat %s [OPTION...] %s\n\n%s\n", cmd->name, cmd->operands,
		       cmd->details ? cmd->details : cmd->summary);
		if (n_opts)
			printf("\noptions:\n");
		opt_print_help(stdout, opts, n_opts);
		return CMD_HELP_SHOWN;
	}
	r = opt_parse(opts, n_opts, argc, argv, &n, err);
	if (r)
		return r;
	if (n < min_operands || n > max_operands)
		return err_set(err, ERR_USAGE, "%s operands; usage: lifeboat %s [OPTION...] %s",
			       n < min_operands ? "too few" : "too many", cmd->name, cmd->operands);
	argv[1 + n] = NULL;
	return 0;
}

size_t cmd_count(char *const *operands)
{
	size_t n = 0;

	while (operands[n])
		n++;
	return n;
}

int cmd_flush_stdout(struct err *err)
{
	if (fflush(stdout) || ferror(stdout))
		return err_sys(err, errno ? errno : EIO, "standard output");
	return 0;
}

void cmd_begin_json(struct json *j, FILE *to, const char *schema)
{
	json_init(j, to);
	json_begin_object(j, NULL);
	json_put_string(j, "schema", schema);
	json_put_string(j, "tool", "lifeboat " LIFEBOAT_VERSION);
}

void cmd_end_json(struct json *j)
{
	json_end_object(j);
	fputc('\n', j->to);
}

static const struct cmd *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int run_command(const struct cmd *cmd, int argc, char **argv)
{
	struct err err = {0};
	int r = cmd->run(cmd, argc, argv, &err);

	if (r == CMD_HELP_SHOWN)
		r = 0;
	if (!r)
		r = cmd_flush_stdout(&err);
	if (r && err.msg[0])
		fprintf(stderr, "lifeboat %s: %s\n", cmd->name, err.msg);
	return r;
}

int main(int argc, char **argv)
{
	const char *called = argc && strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *name = argc > 1 ? argv[1] : "";
	struct err err = {0};

	if (argc && strcmp(called, cmd_makedumpfile.name) == 0)
		return run_command(&cmd_makedumpfile, argc, argv);
	if (argc && strcmp(called, cmd_kexec.name) == 0)
		return run_command(&cmd_kexec, argc, argv);
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		print_usage(stdout);
		return cmd_flush_stdout(&err);
	}
	if (strcmp(name, "--version") == 0) {
		printf("lifeboat %s\n", LIFEBOAT_VERSION);
		return cmd_flush_stdout(&err);
	}
	if (find_command(name))
		return run_command(find_command(name), argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "lifeboat: '%s' is not a command\n", name);
	print_usage(stderr);
	return ERR_USAGE;
}
