// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/service.h"
#include "loader/probe.h"
#include "service/bootloader.h"
#include "service/crashkernel.h"

struct arguments {
	const char *root, *config, *size;
	bool dry_run, undo, remove, json;
};

/* A diff quotes files that anybody may have written; in a pipe it is for patch(1). */
static void print_diff(const char *text)
{
	if (isatty(STDOUT_FILENO))
		cmd_print_plain(stdout, text);
	else
		fputs(text, stdout);
}

/* What it comes to first: in GRUB's file that is at the end of a long line. */
static void print_text(const struct arguments *a, const struct bootloader_plan *p)
{
	if (!a->undo)
		printf("boot loader: %s\nnext boot:   %s\n\n", p->loaders,
		       *p->words ? p->words : "no crashkernel=");
	for (size_t i = 0; i < p->n; i++)
		print_diff(p->v[i].diff);
	for (char **c = p->commands; c && *c; c++)
		printf("%s: %s\n", a->dry_run ? "would run" : "run", *c);
	fflush(stdout);
}

/* `error`: why it was not done, or not wholly; NULL. */
static void print_json(const struct arguments *a, const struct bootloader_plan *p,
		       const char *error)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-reset-crashkernel-1");
	json_put_string(&j, "action", a->undo ? "undo" : a->remove ? "remove" : "set");
	json_put_bool(&j, "dry_run", a->dry_run);
	json_put_string(&j, "parameters", a->undo ? NULL : p->words);
	json_put_string(&j, "boot_loaders", *p->loaders ? p->loaders : NULL);
	json_begin_array(&j, "files");
	for (size_t i = 0; i < p->n; i++) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "path", p->v[i].path);
		json_put_bool(&j, "created", !p->v[i].was);
		json_put_bool(&j, "removed", !p->v[i].will);
		json_put_string(&j, "diff", p->v[i].diff);
		json_put_bool(&j, "written", p->v[i].written);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_put_uint(&j, "left_alone", p->left);
	json_begin_array(&j, "commands");
	for (char **c = p->commands; c && *c; c++)
		json_put_string(&j, NULL, *c);
	json_end_array(&j);
	json_put_uint(&j, "commands_run", p->n_run);
	json_put_string(&j, "error", error);
	cmd_end_json(&j);
}

static int estimate(const struct service *s, struct crashkernel_estimate *ret, struct err *err)
{
	struct config *config = NULL;
	int r;

	if (service_config(s, &config, NULL, err))
		return err->code;
	r = crashkernel_estimate(s, config, NULL, ret, err);
	config_destroy(config);
	return r;
}

/* Its syntax, and what it comes to here. */
static int check_size(const struct service *s, const char *size, struct err *err)
{
	struct crashkernel_estimate e = {0};
	struct crashkernel_value v;
	struct facts facts;
	struct err none = {0};
	uint64_t ram;

	if (facts_probe(s->root, &facts, err))
		return err->code;
	ram = facts.mem_total.known ? facts.mem_total.value : 0;
	facts_deinit(&facts);
	if (crashkernel_parse(size, ram, &v, err))
		return err->code;
	if (!*v.words)
		return err_set(err, ERR_USAGE, "--size is empty; to take it out use --remove");
	if (v.cma && !crashkernel_knows_cma(s->root))
		service_tell(
			s, SERVICE_WARNING,
			"it is not known that the running kernel knows \",cma\": one that does "
			"not reserves the rest only");
	if (estimate(s, &e, &none))
		service_tell(s, SERVICE_NOTE, "what is needed here is not known: %s", none.msg);
	else if (v.bytes + v.cma < e.suggested)
		service_tell(s, SERVICE_WARNING,
			     "%s reserves %llu MiB here; %llu MiB are suggested (`lifeboat "
			     "estimate`)",
			     v.words, (unsigned long long)((v.bytes + v.cma) >> 20),
			     (unsigned long long)(e.suggested >> 20));
	return 0;
}

static int make_plan(const struct service *s, const struct arguments *a,
		     struct bootloader_plan *ret, struct err *err)
{
	struct crashkernel_estimate e = {0};

	if (a->undo)
		return bootloader_undo(s, ret, err);
	if (a->remove)
		return bootloader_plan(s, "", ret, err);
	if (a->size ? check_size(s, a->size, err) : estimate(s, &e, err))
		return err_wrap(err, a->size ? "option --size"
					     : "what is needed is not known; give --size");
	return bootloader_plan(s, a->size ? a->size : e.parameter, ret, err);
}

static int reset(const struct service *s, const struct arguments *a, struct err *err)
{
	_cleanup_(bootloader_deinit) struct bootloader_plan p = {0};
	int r = 0;

	if (make_plan(s, a, &p, err))
		return err->code;
	if (!a->json)
		print_text(a, &p);
	if (!a->dry_run)
		r = bootloader_apply(s, &p, err);
	if (a->json)
		print_json(a, &p, r ? err->msg : NULL);
	if (r || a->json || a->dry_run)
		return r;
	if (p.n || p.commands)
		printf("It takes effect at the next boot.%s\n",
		       a->undo ? "" : " `lifeboat reset-crashkernel --undo` takes it back.");
	else
		printf("Nothing had to be changed.\n");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(service_words_deinit) struct service_words w = {.root = {.fd = -1}};
	struct arguments a = {0};
	const struct opt opts[] = {
		OPT_STRING(0, "size", "VALUE", &a.size,
			   "as crashkernel= has it, several separated by blanks (default: what "
			   "`lifeboat estimate` suggests)"),
		OPT_FLAG(0, "remove", &a.remove, "take crashkernel= out"),
		OPT_FLAG(0, "undo", &a.undo, "take the last change back, byte for byte"),
		OPT_FLAG(0, "dry-run", &a.dry_run, "only show what would be changed"),
		OPT_STRING(0, "config", "FILE", &a.config, "configuration file"),
		OPT_STRING(0, "root", "DIR", &a.root,
			   "work on the machine below DIR; no command is run there"),
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	if ((a.size != NULL) + a.remove + a.undo > 1)
		return err_set(err, ERR_USAGE, "--size, --remove and --undo exclude each other");
	if (service_words_init(&w, cmd, a.root, a.config, err))
		return err->code;
	return reset(&w.service, &a, err);
}

const struct cmd cmd_reset_crashkernel = {
	.name = "reset-crashkernel",
	.operands = "",
	.summary = "set the reservation of the next boot in the boot loader's configuration",
	.details = "Shows a diff of each file, writes them, and has GRUB's menu made anew. GRUB "
		   "gets a\n"
		   "file of ours, /etc/default/grub.d/lifeboat.cfg, which replaces what others say "
		   "of\n"
		   "crashkernel=; entries of the Boot Loader Specification (systemd-boot, Fedora's "
		   "GRUB)\n"
		   "and /etc/kernel/cmdline are edited. What was is kept for --undo.",
	.run = run,
};
