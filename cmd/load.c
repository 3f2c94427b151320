// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/load.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/plan.h"
#include "cmd/service.h"
#include "loader/check.h"

static void print_loaded(const struct plan *p, const struct load_outcome *o)
{
	uint64_t region = p->panic ? facts_load_region(&p->facts) : 0;
	const char *release = p->files.image.release[0] ? p->files.image.release : p->kernel;
	char kernel[16], initrd[16], reserved[16];

	if (o->unchanged) {
		printf("panic kernel %s is loaded already, and nothing has changed: not loaded "
		       "again (-f does)\n",
		       release);
		return;
	}
	printf("%s %s is loaded by %s: takes %s to start, initramfs %s",
	       p->panic ? "panic kernel" : "kernel", release, load_method_name(o->submitted.method),
	       num_human(p->files.image.mem_size, kernel), num_human(p->files.initrd.len, initrd));
	if (region)
		printf(", of %s reserved", num_human(region, reserved));
	if (o->submitted.unarmed_ns)
		printf("; unarmed for %.1f ms", (double)o->submitted.unarmed_ns / 1e6);
	printf("%s\n", o->submitted.verified ? "" : " (not verified: /sys/kernel cannot be read)");
	if (o->submitted.fell_back)
		printf("kexec_load was used because of this: %s\n", o->submitted.refusal.msg);
	if (o->record.code)
		printf("warning: %s\n", o->record.msg);
}

static void warn(const struct plan *p)
{
	const struct living *l = &p->living;
	char missing[16];

	if (p->panic && !p->files.initrd.len)
		printf("warning: without an initramfs (--initrd) nothing captures the dump, unless "
		       "one "
		       "is built into the kernel\n");
	if (p->panic && l->region && l->sum > l->region)
		printf("warning: it may not have the memory to live: short by about %s; use "
		       "crashkernel=%" PRIu64 "M (--plan shows the sum)\n",
		       num_human(l->sum - l->region, missing), l->suggest_mib);
}

static int call_kernel(struct plan *p, const struct service *s, enum load_mode mode, bool force,
		       struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	const struct load_options options = {.force = force, .dirs = &dirs};
	struct load_outcome outcome;
	int r;

	if (mode == LOAD_REHEARSE) {
		r = submit_rehearse(p, s->root, s->sys, err);
		if (!r)
			printf("the kernel took kernel and initramfs, and gave them up again; "
			       "what was loaded before still is\n");
		return r;
	}
	r = load_plan(p, &options, s->root, s->sys, &outcome, err);
	if (!r) {
		print_loaded(p, &outcome);
		warn(p);
	}
	return r;
}

static int print_plan(struct plan *p, const struct root *root, bool json)
{
	struct err placed = {0};

	/* a plan without segments is still worth reading */
	if (!plan_segments(p, root, &placed))
		placed.code = 0;
	if (json)
		plan_print_json(p, &placed);
	else
		plan_print_text(p, &placed);
	return 0;
}

static int run_plan(struct plan *p, const struct service *s, enum load_mode mode, bool force,
		    struct err *err)
{
	struct kmsg kmsg;
	int r;

	if (mode == LOAD_PLAN_TEXT || mode == LOAD_PLAN_JSON)
		return print_plan(p, s->root, mode == LOAD_PLAN_JSON);
	if (*s->root->path) {
		printf("all checks pass on the machine recorded in %s; nothing was loaded\n",
		       s->root->path);
		warn(p);
		return 0;
	}
	kmsg_open(&kmsg);
	r = call_kernel(p, s, mode, force, err);
	if (r && err->sys)
		service_tell_kernel(s, &kmsg);
	kmsg_close(&kmsg);
	return r;
}

int load_do(const struct service *s, const struct load_request *request, enum load_mode mode,
	    bool force, struct err *err)
{
	bool calls = !*s->root->path && (mode == LOAD_NOW || mode == LOAD_REHEARSE);
	const struct state_dirs dirs = service_dirs(s);
	/* before the machine is looked at: who comes later must have the newer memory map */
	_cleanup_close_ int lock = calls ? state_lock(&dirs) : -1;
	struct plan p;
	int r = plan_make(s->root, request, &p, err);

	if (r)
		return r;
	r = run_plan(&p, s, mode, force, err);
	plan_deinit(&p);
	return r;
}

/* What the command line asks for. */
struct load_words {
	struct load_request request;
	struct opt_list initrds, removed;
	const char *root, *config_path;
	struct config *config;
	bool ordinary, plan, json, rehearse, force;
	int method;
	uint64_t cpus;
};

static int check_words(struct load_words *w, struct err *err)
{
	struct load_request *r = &w->request;

	if (r->panic == w->ordinary)
		return err_set(err, ERR_USAGE,
			       "one of -p (the kernel that runs when this one crashes) and -l (an "
			       "ordinary one, for `lifeboat exec`) is needed");
	if (w->json && !w->plan)
		return err_set(err, ERR_USAGE, "--json goes with --plan");
	if (w->cpus && (w->ordinary || r->no_rules))
		return err_set(err, ERR_USAGE,
			       "--cpus is for panic kernels whose command line is made by rules: "
			       "write nr_cpus= into the command line");
	if (w->config_path && w->ordinary)
		return err_set(err, ERR_USAGE, "--config is about capture kernels: not with -l");
	if (w->plan && w->rehearse)
		return err_set(err, ERR_USAGE, "--plan or --rehearse, not both");
	r->initrds = w->initrds.v;
	r->n_initrds = w->initrds.n;
	r->remove = w->removed.v;
	r->n_remove = w->removed.n;
	r->method = (enum load_method)w->method;
	r->cpus = (unsigned int)w->cpus;
	return 0;
}

/* What the command line leaves to the configuration. */
static int add_config(struct load_words *w, const struct service *s, struct err *err)
{
	struct load_request *r = &w->request;

	if (service_config(s, &w->config, NULL, err))
		return err->code;
	if (!r->cpus && !r->no_rules)
		r->cpus = (unsigned int)w->config->capture_cpus;
	if (!r->append)
		r->append = w->config->cmdline_append;
	if (!r->n_remove) {
		r->remove = (const char *const *)w->config->cmdline_remove;
		r->n_remove = cmd_count(w->config->cmdline_remove);
	}
	return 0;
}

static int run_words(struct load_words *w, struct err *err)
{
	enum load_mode mode = w->rehearse ? LOAD_REHEARSE : LOAD_NOW;
	struct service_words words;
	int r = check_words(w, err);

	if (w->plan)
		mode = w->json ? LOAD_PLAN_JSON : LOAD_PLAN_TEXT;
	if (!r)
		r = service_words_init(&words, &cmd_load, w->root, w->config_path, err);
	if (r)
		return r;
	if (w->config_path)
		r = add_config(w, &words.service, err);
	if (!r)
		r = load_do(&words.service, &w->request, mode, w->force, err);
	service_words_deinit(&words);
	config_destroy(w->config);
	return r;
}

static int load_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct load_words w = {0};
	const struct opt opts[] = {
		OPT_FLAG('p', "panic", &w.request.panic,
			 "stage the kernel that runs when this one crashes"),
		OPT_FLAG('l', "load", &w.ordinary, "load one for `lifeboat exec`"),
		OPT_LIST(0, "initrd", "IMG", &w.initrds,
			 "its initramfs; several are joined in the order given"),
		OPT_STRING(0, "command-line", "STR", &w.request.cmdline, "its command line"),
		OPT_FLAG(0, "reuse-cmdline", &w.request.reuse_cmdline,
			 "begin with the running kernel's command line"),
		OPT_STRING(0, "append", "STR", &w.request.append, "put behind the command line"),
		OPT_FLAG(0, "no-rules", &w.request.no_rules,
			 "do not apply the rules for a panic kernel's command line"),
		OPT_LIST(0, "no-rule", "NAME", &w.removed,
			 "leave NAME out: no rule adds it, nor is it taken from another line"),
		OPT_STRING(0, "config", "FILE", &w.config_path,
			   "take CPUs and command line, where they are not given, from FILE"),
		OPT_NUMBER(0, "cpus", "N", &w.cpus, 1, 4096,
			   "CPUs of the capture kernel (default: 1)"),
		OPT_CHOICE('s', "kexec-file-syscall", &w.method, LOAD_BY_FILES,
			   "by kexec_file_load(2) only"),
		OPT_CHOICE('c', "kexec-syscall", &w.method, LOAD_BY_SEGMENTS,
			   "by kexec_load(2) only"),
		OPT_CHOICE('a', "kexec-syscall-auto", &w.method, LOAD_AUTO,
			   "by whichever works (the default)"),
		OPT_FLAG('f', "force", &w.force,
			 "load a panic kernel although nothing has changed"),
		OPT_FLAG(0, "plan", &w.plan, "print what would be loaded, where and why"),
		OPT_FLAG(0, "json", &w.json, "with --plan: as a JSON object"),
		OPT_FLAG(0, "rehearse", &w.rehearse,
			 "try the files as an ordinary image, and take it out again"),
		OPT_STRING(0, "root", "DIR", &w.root,
			   "check against the machine recorded in DIR and load nothing"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, err);

	if (!r) {
		w.request.kernel = argv[1];
		r = run_words(&w, err);
	}
	opt_list_deinit(&w.initrds);
	opt_list_deinit(&w.removed);
	return r;
}

const struct cmd cmd_load = {
	.name = "load",
	.operands = "KERNEL",
	.summary = "stage a panic kernel, or load a kernel to start",
	.details = "Stages KERNEL (a bzImage, also packed by gzip, zstd, xz or lzma, or a unified "
		   "kernel\n"
		   "image) in the memory reserved by crashkernel= (-p), or loads it for `lifeboat\n"
		   "exec` (-l). Everything that can be checked is checked before the image in "
		   "place, if\n"
		   "there is one, is given up; a panic kernel that is loaded already is not loaded "
		   "again.",
	.run = load_run,
	.group = CMD_IMAGES,
};
