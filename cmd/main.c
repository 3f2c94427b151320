// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/cmd.h"

/* In the order of --help, below the headings of their groups. */
// clang-format off
const struct cmd *const cmd_all[] = {
	&cmd_start,
	&cmd_stop,
	&cmd_restart,
	&cmd_reload,
	&cmd_status,
	&cmd_check,
	&cmd_doctor,
	&cmd_test,
	&cmd_drill,
	&cmd_rebuild,
	&cmd_estimate,
	&cmd_showmem,
	&cmd_get_default_crashkernel,
	&cmd_reset_crashkernel,
	&cmd_import,
	&cmd_propagate,
	&cmd_list,
	&cmd_show,
	&cmd_prune,
	&cmd_collect,
	&cmd_send,
	&cmd_report,
	&cmd_signature,
	&cmd_verify,
	&cmd_info,
	&cmd_dmesg,
	&cmd_log,
	&cmd_bt,
	&cmd_ps,
	&cmd_mod,
	&cmd_mem,
	&cmd_sym,
	&cmd_struct,
	&cmd_rd,
	&cmd_open,
	&cmd_filter,
	&cmd_mem_usage,
	&cmd_recipe,
	&cmd_initramfs,
	&cmd_load,
	&cmd_unload,
	&cmd_exec,
	&cmd_kexec,
	&cmd_makedumpfile,
	&cmd_completion,
	&cmd_help,
	NULL,
};
// clang-format on

int cmd_parse(const struct cmd *cmd, const struct opt *opts, size_t n_opts, int argc, char **argv,
	      int min_operands, int max_operands, struct err *err)
{
	int n = 0, r;

	if (cmd->describe) {
		cmd->describe->take(cmd->describe->ctx, cmd, opts, n_opts);
		return CMD_HELP_SHOWN;
	}
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		cmd_print_help(cmd, opts, n_opts);
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

void cmd_describe(const struct cmd *cmd, const struct cmd_describe *describe)
{
	struct cmd copy = *cmd;
	char *argv[] = {(char *)cmd->name, NULL};
	struct err ignored;

	copy.describe = describe;
	(void)cmd->run(&copy, 1, argv, &ignored);
}

void cmd_operands(const struct cmd *cmd, void (*take)(void *ctx, const char *name, size_t len),
		  void *ctx)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-|";

	for (const char *s = cmd->operands; *s;) {
		size_t len;

		s += strcspn(s, letters);
		len = strspn(s, letters);
		/* neither an option of a form, nor what stands between forms */
		if (len && *s != '-' && *s != '|')
			take(ctx, s, len);
		s += len;
	}
}

size_t cmd_count(char *const *operands)
{
	size_t n = 0;

	while (operands[n])
		n++;
	return n;
}

void cmd_print_plain(FILE *to, const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	_cleanup_free_ char *line = strdup(text), *plain = malloc(size);
	char *rest = line, *one;

	if (!line || !plain)
		return;
	while ((one = strsep(&rest, "\n"))) {
		fputs(text_plain(one, plain, size), to);
		if (rest)
			fputc('\n', to);
	}
}

void cmd_print_word(FILE *to, const char *text)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789/._+@%:,-";

	if (text[strspn(text, harmless)] == '\0') {
		fputs(text, to);
		return;
	}
	fputc('\'', to);
	for (size_t len; *text; text += len) {
		_cleanup_free_ char *part = NULL, *plain = NULL;

		len = strcspn(text, "'");
		part = strndup(text, len);
		plain = malloc(4 * len + 1);
		/* a line's end, too: one could be forged by it */
		if (part && plain)
			fputs(text_plain(part, plain, 4 * len + 1), to);
		if (text[len]) {
			fputs("'\\''", to);
			len++;
		}
	}
	fputc('\'', to);
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

const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; cmd_all[i]; i++)
		if (strcmp(cmd_all[i]->name, name) == 0)
			return cmd_all[i];
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
	if (r && err.msg[0]) {
		fprintf(stderr, "lifeboat %s: ", cmd->name);
		cmd_print_plain(stderr, err.msg);
		fputc('\n', stderr);
	}
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
	if (argc && strcmp(called, cmd_generator.name) == 0)
		return run_command(&cmd_generator, argc, argv);
	if (strcmp(name, "--help") == 0) {
		cmd_print_usage(stdout);
		return cmd_flush_stdout(&err);
	}
	if (strcmp(name, "--version") == 0) {
		printf("lifeboat %s\n", LIFEBOAT_VERSION);
		return cmd_flush_stdout(&err);
	}
	if (cmd_find(name))
		return run_command(cmd_find(name), argc - 1, argv + 1);
	if (*name)
		cmd_print_unknown(name);
	else
		cmd_print_usage(stderr);
	return ERR_USAGE;
}
