// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/root.h"
#include "cmd/cmd.h"
#include "config/config.h"
#include "config/import.h"

#define KDUMP_CONF "/etc/kdump.conf"
#define SYSCONFIG  "/etc/sysconfig/kdump"
#define KDUMPTOOLS "/etc/default/kdump-tools"
#define PROGRAMS   "/etc/kdump" /* pre.d and post.d in it */

#define MAX_PROGRAMS 100

struct arguments {
	const char *from, *root, *out;
	bool dry_run, force, json;
};

/* What is read: texts are ours, and the source points to them. */
struct input {
	struct import_file conf, variables;
	char *texts[2];
	size_t n_texts;
	char **pre, **post;
	struct import_source source;
};

static void input_deinit(struct input *in)
{
	for (size_t i = 0; i < in->n_texts; i++)
		free(in->texts[i]);
	recipe_free_strings(in->pre);
	recipe_free_strings(in->post);
}

/* ---- which files */

/* `root` NULL: a file of this machine that was named. One byte more than allowed: the parser says what is wrong with it. */
static int read_file(struct input *in, const struct root *root, const char *path,
		     struct import_file *ret, struct err *err)
{
	char *text;
	size_t len = 0;
	int r = root ? root_read(root, path, CONFIG_MAX_SIZE + 1, &text, &len, err)
		     : io_read_file(path, CONFIG_MAX_SIZE + 1, &text, &len, err);

	if (r)
		return r;
	in->texts[in->n_texts++] = text;
	*ret = (struct import_file){path, {(const uint8_t *)text, len}};
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Of a folder the programs that kdump would run, in its order; none, if there is no such folder. */
static int list_programs(const struct root *root, const char *folder, char ***ret, struct err *err)
{
	int fd = root_open(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char **list = calloc(1, sizeof(*list));
	struct dirent *e;
	size_t n = 0;
	int r = list ? 0 : err_nomem(err, sizeof(*list), folder);

	if (fd >= 0 && !dir)
		close(fd);
	while (!r && dir && n < MAX_PROGRAMS && (e = readdir(dir))) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, 0) ||
		    !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
			continue;
		if (asprintf(&path, "%s/%s", folder, e->d_name) < 0) {
			path = NULL;
			r = err_nomem(err, 256, folder);
			break;
		}
		r = recipe_add_string(&list, path, err);
		n += !r;
	}
	if (dir)
		closedir(dir);
	if (r) {
		recipe_free_strings(list);
		return r;
	}
	qsort(list, n, sizeof(*list), compare);
	*ret = list;
	return 0;
}

/* By which files are there: /etc/sysconfig/kdump is of two families, and only one has the other file, too. */
static int find_family(const struct root *root, enum import_family *ret, struct err *err)
{
	bool kdump = root_exists(root, KDUMP_CONF), debian = root_exists(root, KDUMPTOOLS);
	bool suse = !kdump && root_exists(root, SYSCONFIG);

	if (kdump + debian + suse > 1)
		return err_set(err, ERR_USAGE,
			       "%s and %s are there: say --from kdump, debian or suse", KDUMPTOOLS,
			       kdump ? KDUMP_CONF : SYSCONFIG);
	if (!kdump && !debian && !suse)
		return err_set(err, ERR_NOT_FOUND,
			       "neither " KDUMP_CONF " nor " KDUMPTOOLS " nor " SYSCONFIG
			       " is there: say --from and the FILE");
	*ret = kdump ? IMPORT_KDUMP : debian ? IMPORT_DEBIAN : IMPORT_SUSE;
	return 0;
}

/* A file that was named tells by its name what it is, if nobody does. */
static int guess_family(const char *file, enum import_family *ret, struct err *err)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;

	if (strcmp(name, "kdump.conf") == 0)
		*ret = IMPORT_KDUMP;
	else if (strcmp(name, "kdump-tools") == 0)
		*ret = IMPORT_DEBIAN;
	else
		return err_set(err, ERR_USAGE,
			       "%s: its name does not tell what it is: say --from kdump, debian or "
			       "suse",
			       file);
	return 0;
}

static int read_named(struct input *in, char *const *files, struct err *err)
{
	struct import_source *s = &in->source;

	if (s->family != IMPORT_KDUMP) {
		if (files[1])
			return err_set(err, ERR_USAGE, "%s: %s has one file", files[1],
				       import_family_name(s->family));
		s->variables = &in->variables;
		return read_file(in, NULL, files[0], &in->variables, err);
	}
	s->conf = &in->conf;
	if (read_file(in, NULL, files[0], &in->conf, err))
		return err->code;
	if (!files[1])
		return 0;
	s->variables = &in->variables;
	return read_file(in, NULL, files[1], &in->variables, err);
}

static int read_found(struct input *in, const struct root *root, struct err *err)
{
	struct import_source *s = &in->source;

	if (s->family == IMPORT_DEBIAN || s->family == IMPORT_SUSE) {
		s->variables = &in->variables;
		return read_file(in, root, s->family == IMPORT_DEBIAN ? KDUMPTOOLS : SYSCONFIG,
				 &in->variables, err);
	}
	s->conf = &in->conf;
	if (read_file(in, root, KDUMP_CONF, &in->conf, err))
		return err->code;
	if (root_exists(root, SYSCONFIG)) {
		s->variables = &in->variables;
		if (read_file(in, root, SYSCONFIG, &in->variables, err))
			return err->code;
	}
	if (list_programs(root, PROGRAMS "/pre.d", &in->pre, err) ||
	    list_programs(root, PROGRAMS "/post.d", &in->post, err))
		return err->code;
	s->pre = in->pre;
	s->post = in->post;
	return 0;
}

static int read_input(struct input *in, const struct arguments *a, char *const *files,
		      struct err *err)
{
	_cleanup_(root_deinit) struct root root = {.fd = -1};

	if (a->from && import_family_from_name(a->from, &in->source.family, err))
		return err_wrap(err, "option --from");
	if (*files && a->root)
		return err_set(err, ERR_USAGE, "--root is where files are looked for: name none");
	if (*files) {
		if (!a->from && guess_family(*files, &in->source.family, err))
			return err->code;
		return read_named(in, files, err);
	}
	if (root_init(&root, a->root, err) ||
	    (!a->from && find_family(&root, &in->source.family, err)))
		return err->code;
	return read_found(in, &root, err);
}

/* ---- what is told */

static void print_row(FILE *to, const char *before, const char *text)
{
	fputs(before, to);
	cmd_print_plain(to, text);
	fputc('\n', to);
}

static void print_entry(const struct import_entry *e, FILE *to)
{
	char place[PATH_MAX + 32] = "  ";

	if (e->file)
		snprintf(place, sizeof(place), "  %s, line %u: ", e->file, e->line);
	print_row(to, place, e->what);
	if (e->became)
		print_row(to, "      is now: ", e->became);
	if (e->why)
		print_row(to, "      ", e->why);
}

static void print_list(const struct import *im, FILE *to)
{
	static const struct {
		enum import_outcome outcome;
		const char *title;
	} parts[] = {
		{IMPORT_LOST, "Lost"},
		{IMPORT_CHANGED, "Carried over, but not quite the same"},
		{IMPORT_CARRIED, "Carried over"},
		{IMPORT_NEEDLESS, "Not needed here"},
	};

	if (im->warning)
		print_row(to, "ATTENTION: ", im->warning);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		bool any = false;

		for (size_t j = 0; j < im->n; j++) {
			if (im->entries[j].outcome != parts[i].outcome)
				continue;
			if (!any)
				fprintf(to, "%s:\n", parts[i].title);
			any = true;
			print_entry(&im->entries[j], to);
		}
	}
}

static void put_entry(struct json *j, const struct import_entry *e)
{
	json_begin_object(j, NULL);
	json_put_string(j, "outcome", import_outcome_name(e->outcome));
	json_put_string(j, "file", e->file);
	if (e->line)
		json_put_uint(j, "line", e->line);
	else
		json_put_null(j, "line");
	json_put_string(j, "what", e->what);
	json_put_string(j, "became", e->became);
	json_put_string(j, "why", e->why);
	json_end_object(j);
}

static void print_json(const struct input *in, const struct import *im, const struct arguments *a)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-import-1");
	json_put_string(&j, "from", import_family_name(in->source.family));
	json_begin_array(&j, "files");
	if (in->source.conf)
		json_put_string(&j, NULL, in->source.conf->name);
	if (in->source.variables)
		json_put_string(&j, NULL, in->source.variables->name);
	json_end_array(&j);
	json_put_string(&j, "output", a->dry_run ? NULL : a->out);
	json_put_string(&j, "warning", im->warning);
	json_put_uint(&j, "lost", im->n_lost);
	json_begin_array(&j, "settings");
	for (size_t i = 0; i < im->n; i++)
		put_entry(&j, &im->entries[i]);
	json_end_array(&j);
	json_put_string(&j, "text", im->text);
	cmd_end_json(&j);
}

/* ---- the file */

static int check_out(const struct arguments *a, struct err *err)
{
	struct stat st;

	if (!a->out || a->dry_run)
		return 0;
	if (!a->force && lstat(a->out, &st) == 0)
		return err_set(err, ERR_USAGE, "%s is there already; --force replaces it", a->out);
	return io_check_replaceable(a->out, err);
}

/* There is no secret in it, and commands that need no privilege read it. */
static int write_out(const struct import *im, const struct arguments *a, struct err *err)
{
	if (!a->out || a->dry_run)
		return 0;
	if (io_write_file(a->out, im->text, im->len, err))
		return err->code;
	if (chmod(a->out, 0644))
		return err_sys(err, errno, "%s: chmod", a->out);
	return 0;
}

static int import(const struct arguments *a, char *const *files, struct err *err)
{
	_cleanup_(input_deinit) struct input in = {0};
	struct import *im;
	bool alone = !a->out && !a->dry_run; /* standard output is the file */
	int r;

	if (a->out && a->dry_run)
		return err_set(err, ERR_USAGE, "-o and --dry-run: one of them");
	if (check_out(a, err) || read_input(&in, a, files, err) ||
	    import_create(&in.source, &im, err))
		return err->code;
	r = write_out(im, a, err);
	if (!r && a->json)
		print_json(&in, im, a);
	else if (!r)
		print_list(im, alone ? stderr : stdout);
	if (!r && alone && !a->json)
		fwrite(im->text, 1, im->len, stdout);
	if (!r)
		r = cmd_flush_stdout(err);
	if (!r && im->n_lost)
		r = err_set(err, ERR_PARTIAL, "%zu %s not carried over", im->n_lost,
			    im->n_lost == 1 ? "setting was" : "settings were");
	import_destroy(im);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {0};
	const struct opt opts[] = {
		OPT_WORD(0, "from", "FAMILY", &a.from, "kdump debian suse",
			 "what the files are: kdump (Fedora, RHEL), debian (Debian, Ubuntu) or "
			 "suse (default: by which are there)"),
		OPT_STRING(0, "root", "DIR", &a.root, "look for the files below DIR"),
		OPT_STRING('o', "output", "OUT", &a.out,
			   "write the configuration to OUT (default: standard output)"),
		OPT_FLAG(0, "force", &a.force, "replace OUT if it is there"),
		OPT_FLAG('n', "dry-run", &a.dry_run,
			 "write nothing, only say what would become of "
			 "each setting"),
		OPT_FLAG(0, "json", &a.json, "say it as one JSON object, with the text in it"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 2, err);

	return r ? r : import(&a, argv + 1, err);
}

const struct cmd cmd_import = {
	.name = "import",
	.operands = "[FILE [SYSCONFIG]]",
	.summary = "make a configuration of another kdump's settings",
	.details = "Reads what is there of " KDUMP_CONF " with " SYSCONFIG
		   " (Fedora, RHEL),\n" KDUMPTOOLS " (Debian, Ubuntu) or " SYSCONFIG
		   " (openSUSE, SLE), or FILE,\n"
		   "and writes a lifeboat.conf(5) with a comment above each line that says what it "
		   "was\n"
		   "made of. No shell is run for files that are written for one. Each setting is "
		   "listed:\n"
		   "carried over, changed, not needed, or lost and why; passwords are never shown. "
		   "Exit\n"
		   "status 11: something was lost.",
	.run = run,
};
