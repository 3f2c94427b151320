// SPDX-License-Identifier: GPL-2.0-or-later
/* The program called by the name kexec: the usual command lines of kexec(8). */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/exec.h"
#include "cmd/load.h"
#include "cmd/service.h"

/* kexec -S: its exit status. */
#define STATUS_LOADED 1
#define STATUS_ERROR  255

struct kexec_words {
	struct load_request request;
	struct opt_list initrds;
	bool load, exec, force, unload, status, debug, quiet;
	int method;
};

/* -S answers by its exit status alone. */
static int status(bool panic, const struct root *root, struct err *err)
{
	struct fact loaded = panic ? facts_crash_loaded(root) : facts_ordinary_loaded(root);

	if (loaded.known)
		return loaded.value ? STATUS_LOADED : 0;
	err_set(err, ERR_UNSUPPORTED, "/sys/kernel does not tell whether an image is loaded");
	return STATUS_ERROR;
}

static int unload(bool panic, const struct service *s, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	bool was_loaded;

	return load_unload(panic, &dirs, s->root, s->sys, &was_loaded, err);
}

static int load(struct kexec_words *w, const struct service *s, const char *kernel, struct err *err)
{
	int r = 0;

	if (!kernel)
		return err_set(err, ERR_USAGE, "no kernel is named");
	w->request.kernel = kernel;
	w->request.initrds = w->initrds.v;
	w->request.n_initrds = w->initrds.n;
	w->request.method = (enum load_method)w->method;
	w->request.no_rules = true;
	if (!w->request.append)
		w->request.append = "";
	if (w->debug)
		r = load_do(s, &w->request, LOAD_PLAN_TEXT, true, err);
	return r ? r : load_do(s, &w->request, LOAD_NOW, true, err);
}

static int run(struct kexec_words *w, const struct service *s, const char *kernel, struct err *err)
{
	bool loads = w->load || (w->request.panic && !w->unload && !w->status) || w->force;
	int r = 0;

	/* kexec(8) asks for the panic kernel unless -l says otherwise */
	if (w->status)
		return status(w->request.panic || !w->load, s->root, err);
	if (w->request.panic && w->exec)
		return err_set(err, ERR_USAGE,
			       "-p and -e: a panic kernel is started by a crash only, and -e would "
			       "restart the machine at once; leave one of them out");
	if (w->unload)
		return unload(w->request.panic, s, err);
	if (!loads && !w->exec)
		return err_set(
			err, ERR_USAGE,
			"one of -l, -p, -e, -u, -S and -f is needed; for loading and an orderly "
			"restart at once use -l, then `systemctl kexec`");
	if (loads)
		r = load(w, s, kernel, err);
	if (!r && (w->exec || (w->force && !w->request.panic)))
		r = exec_now(s->root, s->sys, err);
	return r;
}

static int kexec_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct kexec_words w = {0};
	const struct opt opts[] = {
		OPT_FLAG('l', "load", &w.load, "load a kernel to start"),
		OPT_FLAG('p', "load-panic", &w.request.panic, "stage a panic kernel"),
		OPT_FLAG('e', "exec", &w.exec,
			 "start the loaded kernel at once (with -l: load it first)"),
		OPT_FLAG('f', "force", &w.force, "load, and start at once (with -p: only load)"),
		OPT_FLAG('u', "unload", &w.unload, "take the image out (-p: the panic kernel)"),
		OPT_FLAG('S', "status", &w.status,
			 "exit status 1: a panic kernel (-l: an ordinary one) is loaded, 0: not, "
			 "255: unknown"),
		OPT_CHOICE('s', "kexec-file-syscall", &w.method, LOAD_BY_FILES,
			   "by kexec_file_load(2)"),
		OPT_CHOICE('c', "kexec-syscall", &w.method, LOAD_BY_SEGMENTS, "by kexec_load(2)"),
		OPT_CHOICE('a', "kexec-syscall-auto", &w.method, LOAD_AUTO, "by whichever works"),
		OPT_LIST(0, "initrd", "FILE", &w.initrds, "initramfs; several are joined"),
		OPT_LIST(0, "ramdisk", "FILE", &w.initrds, "the same"),
		OPT_STRING(0, "append", "STR", &w.request.append, "the command line"),
		OPT_STRING(0, "command-line", "STR", &w.request.append, "the same"),
		OPT_FLAG(0, "reuse-cmdline", &w.request.reuse_cmdline,
			 "begin with the running kernel's command line"),
		OPT_FLAG('d', "debug", &w.debug, "print the plan first"),
		OPT_FLAG('x', "no-ifdown", &w.quiet,
			 "does nothing: no interface is taken down anyway"),
		OPT_REFUSED('i', "no-checks", "the checks stay"),
		OPT_REFUSED('t', "type", "the format is recognised"),
		OPT_REFUSED(0, "mem-min", "--plan of `lifeboat load` shows where things go"),
		OPT_REFUSED(0, "mem-max", "--plan of `lifeboat load` shows where things go"),
		OPT_REFUSED(0, "reuseinitrd", "name the initramfs"),
		OPT_REFUSED(0, "dtb", "x86 has none"),
		OPT_REFUSED(0, "load-preserve-context", "jumping back is not supported"),
	};
	struct service_words words;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, err);

	if (!r)
		r = service_words_init(&words, cmd, NULL, NULL, err);
	if (!r) {
		r = run(&w, &words.service, argv[1], err);
		service_words_deinit(&words);
	}
	opt_list_deinit(&w.initrds);
	return r;
}

const struct cmd cmd_kexec = {
	.name = "kexec",
	.operands = "[KERNEL]",
	.summary = "take the command lines of kexec(8)",
	.details = "What the program does when it is called by the name kexec: -l, -p, -e, -f, -u, "
		   "-S,\n"
		   "-s, -c, -a and what goes with them, as kexec(8) has them. No rules are applied "
		   "to\n"
		   "the command line. Exit status of -S: 1 a panic kernel (-l: an ordinary one) is "
		   "loaded,\n"
		   "0 not loaded, 255 unknown.",
	.run = kexec_run,
	.group = CMD_OTHER,
};
