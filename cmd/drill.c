// SPDX-License-Identifier: GPL-2.0-or-later
/* Drills are made by the lab, which is Python: what stands here are its options, and the way to it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/program.h"
#include "cmd/cmd.h"

#define LAB_MAIN    "lab/drill/__main__.py"
#define MAX_WORDS   32 /* besides operands and lists */
#define MAX_NUMBERS 4
#define WORD_SIZE   64

struct arguments {
	bool all, list, json, keep, verbose, compare;
	struct opt_list targets, faults, kernels, sizes;
	const char *out, *config;
	uint64_t jobs, threshold;
};

/* ---- where the lab is */

/* `dir` has it: *ret is the folder that has lab/ in it. */
static bool has_lab(const char *dir, const char *below, char ret[PATH_MAX])
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s/" LAB_MAIN, dir, below);

	if (n < 0 || (size_t)n >= sizeof(path) || access(path, R_OK))
		return false;
	snprintf(ret, PATH_MAX, "%s%s", dir, below);
	return true;
}

/* The folder of this program: of a build tree, where everything else that a drill runs is, too. */
static bool own_folder(char ret[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return false;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

struct lab {
	char folder[PATH_MAX];
	char own[PATH_MAX];   /* where this program is */
	const char *programs; /* the others; NULL: the lab knows */
	bool installed;
};

/* A build tree's program takes that tree's lab, whatever is installed: build/lifeboat, or build/san-thread/lifeboat. */
static int find_lab(struct lab *ret, struct err *err)
{
	const char *named = getenv("LIFEBOAT_LAB");

	*ret = (struct lab){0};
	if (named) {
		if (has_lab(named, "", ret->folder))
			return 0;
		return err_set(err, ERR_NOT_FOUND, "LIFEBOAT_LAB: %s has no " LAB_MAIN, named);
	}
	if (own_folder(ret->own) &&
	    (has_lab(ret->own, "/..", ret->folder) || has_lab(ret->own, "/../..", ret->folder))) {
		ret->programs = ret->own;
		return 0;
	}
	if (has_lab(LIFEBOAT_SHARE, "", ret->folder)) {
		ret->programs = LIFEBOAT_LIBEXEC "/drill";
		ret->installed = true;
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND,
		       "drills are not installed: they are in the package lifeboat-drill, which "
		       "has " LIFEBOAT_SHARE "/" LAB_MAIN);
}

/* ---- its command line */

struct words {
	const char **v;
	size_t n;
	char texts[MAX_NUMBERS][WORD_SIZE];
	size_t n_texts;
};

static void add(struct words *w, const char *word)
{
	w->v[w->n++] = word;
}

static void add_flag(struct words *w, bool set, const char *name)
{
	if (set)
		add(w, name);
}

static void add_number(struct words *w, const char *name, uint64_t value)
{
	if (!value)
		return;
	snprintf(w->texts[w->n_texts], WORD_SIZE, "%s=%" PRIu64, name, value);
	add(w, w->texts[w->n_texts++]);
}

/* Name and value are two words: Python's parser takes one that begins with a dash for an option, so none may. */
static int add_value(struct words *w, const char *name, const char *value, struct err *err)
{
	if (value[0] == '-' || value[0] == '\0')
		return err_set(err, ERR_USAGE, "%s: '%s' is no name", name, value);
	add(w, name);
	add(w, value);
	return 0;
}

static int add_list(struct words *w, const char *name, const struct opt_list *list, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < list->n; i++)
		r = add_value(w, name, list->v[i], err);
	return r;
}

static int make_words(struct words *w, const char *python, const struct arguments *a,
		      char *const *operands, struct err *err)
{
	int r;

	add(w, python);
	add(w, "-m");
	add(w, "lab.drill");
	add_flag(w, a->all, "--all");
	add_flag(w, a->list, "--list");
	add_flag(w, a->json, "--json");
	add_flag(w, a->keep, "--keep");
	add_flag(w, a->verbose, "--verbose");
	add_flag(w, a->compare, "--compare");
	add_number(w, "--jobs", a->jobs);
	add_number(w, "--threshold", a->threshold);
	r = a->out ? add_value(w, "--out", a->out, err) : 0;
	if (!r && a->config)
		r = add_value(w, "--config", a->config, err);
	if (!r)
		r = add_list(w, "--target", &a->targets, err);
	if (!r)
		r = add_list(w, "--fault", &a->faults, err);
	if (!r)
		r = add_list(w, "--kernel", &a->kernels, err);
	if (!r)
		r = add_list(w, "--crashkernel", &a->sizes, err);
	if (r)
		return r;
	add(w, "--");
	while (*operands)
		add(w, *operands++);
	w->v[w->n] = NULL;
	return 0;
}

/* What no table can say. */
static int check(const struct arguments *a, size_t n_operands, struct err *err)
{
	bool matrix = a->targets.n || a->faults.n || a->kernels.n || a->sizes.n;

	if (a->compare && n_operands != 2)
		return err_set(err, ERR_USAGE, "--compare takes two files: OLD and NEW");
	if (a->compare && (a->all || a->list || matrix || a->out || a->jobs || a->keep))
		return err_set(err, ERR_USAGE,
			       "--compare makes no runs, and takes no options for them");
	if (a->config && (a->compare || a->all || n_operands || a->targets.n || a->faults.n))
		return err_set(err, ERR_USAGE,
			       "--config is a scenario of its own, with its own targets: only "
			       "--kernel and --crashkernel go with it");
	if (!a->compare && a->threshold)
		return err_set(err, ERR_USAGE, "--threshold is for --compare");
	if (a->all && n_operands)
		return err_set(err, ERR_USAGE, "--all takes no scenario, and there is one");
	return 0;
}

/* So that only what we found is imported, and never a folder lab/ of wherever the caller is. */
static int set_environment(const struct lab *lab, struct err *err)
{
	if (setenv("PYTHONPATH", lab->folder, 1) || setenv("PYTHONSAFEPATH", "1", 1) ||
	    (lab->installed && setenv("PYTHONDONTWRITEBYTECODE", "1", 1)) ||
	    (lab->programs && setenv("LIFEBOAT_BUILD", lab->programs, 0)))
		return err_sys(err, errno, "the environment");
	return 0;
}

static int start(const struct arguments *a, char *const *operands, struct err *err)
{
	size_t most = MAX_WORDS + cmd_count(operands) +
		      2 * (a->targets.n + a->faults.n + a->kernels.n + a->sizes.n);
	_cleanup_free_ const char **v = calloc(most + 1, sizeof(*v));
	char python[PATH_MAX];
	struct words w = {.v = v};
	struct lab lab;

	if (!v)
		return err_nomem(err, (most + 1) * sizeof(*v), "a command line");
	if (find_lab(&lab, err) || program_find("python3", "python3", python, err) ||
	    make_words(&w, python, a, operands, err) || set_environment(&lab, err) ||
	    cmd_flush_stdout(err))
		return err->code;
	execv(python, (char *const *)v);
	return err_sys(err, errno, "%s", python);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {0};
	const struct opt opts[] = {
		OPT_FLAG('a', "all", &a.all, "make all scenarios"),
		OPT_FLAG('l', "list", &a.list,
			 "make no run: list the ones that there would be; without a word all there "
			 "is"),
		OPT_LIST('t', "target", "NAME", &a.targets,
			 "where the dump goes, instead of where the scenario wants it"),
		OPT_LIST('f', "fault", "NAME", &a.faults, "what is broken; A+B: both at once"),
		OPT_LIST('k', "kernel", "KERNEL", &a.kernels,
			 "which kernel dies: an installed one (6.1.0-9-amd64, running), "
			 "VMLINUZ:MODULES, a package, a "
			 ".deb, a Debian suite"),
		OPT_LIST('c', "crashkernel", "SIZE", &a.sizes,
			 "how much is reserved, as for crashkernel="),
		OPT_STRING('C', "config", "FILE", &a.config,
			   "prove that lifeboat.conf in a guest, instead of a scenario"),
		OPT_NUMBER('j', "jobs", "N", &a.jobs, 1, 1024,
			   "at most so many at a time (default: as many as CPUs and memory allow)"),
		OPT_STRING('o', "out", "DIR", &a.out, "where results go (default ./drill-results)"),
		OPT_FLAG(0, "keep", &a.keep, "keep images of memory and disks"),
		OPT_FLAG('v', "verbose", &a.verbose, "tell of each check"),
		OPT_FLAG(0, "compare", &a.compare, "compare the results.json of two drills"),
		OPT_NUMBER(0, "threshold", "PERCENT", &a.threshold, 1, 1000,
			   "with --compare: what may grow by so much (default 25)"),
		OPT_FLAG(0, "json", &a.json,
			 "print a JSON object; progress goes to standard error"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = check(&a, cmd_count(argv + 1), err);
	if (!r)
		r = start(&a, argv + 1, err);
	opt_list_deinit(&a.targets);
	opt_list_deinit(&a.faults);
	opt_list_deinit(&a.kernels);
	opt_list_deinit(&a.sizes);
	return r;
}

const struct cmd cmd_drill = {
	.name = "drill",
	.operands = "[SCENARIO...] | --compare OLD NEW",
	.summary = "crash virtual machines in every way and judge what is captured",
	.details = "SCENARIO is the name of a scenario or a tag of several, a pattern like 'die-*' "
		   "too, or\n"
		   "the file of one of your own, NAME.toml;\n"
		   "without any a small guest is crashed once, which takes a minute. Options that "
		   "make\n"
		   "a matrix are repeated or have commas in them: each scenario is run with each "
		   "target,\n"
		   "fault, kernel and size; \"own\" is what the scenario has itself. Nothing of "
		   "this machine is\n"
		   "touched: guests run in QEMU, with KVM where it works.",
	.run = run,
};
