// SPDX-License-Identifier: GPL-2.0-or-later
/* GRUB, whose menu grub-mkconfig makes of files that a shell reads. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/realpath.h"
#include "service/bootedit.h"
#include "service/bootfile.h"
#include "service/bootplan.h"

#define GRUB_DEFAULTS "/etc/default/grub"
#define GRUB_FOLDER   "/etc/default/grub.d"
#define GRUB_OURS     GRUB_FOLDER "/lifeboat.cfg"
#define GRUB_VAR      "GRUB_CMDLINE_LINUX_DEFAULT"

struct grub {
	char *defaults;       /* /etc/default/grub, or NULL */
	const char *mkconfig; /* path */
	bool update;          /* there is update-grub */
	bool folder;          /* it reads /etc/default/grub.d */
	bool bls;             /* its menu is made of entries */
};

static const char *find_first(const struct root *root, const char *const *paths)
{
	for (; *paths; paths++)
		if (root_exists(root, *paths))
			return *paths;
	return NULL;
}

/* Does the program that makes grub.cfg read /etc/default/grub.d? That is a distribution's patch: its text tells. */
static bool reads_folder(const struct service *s, const char *mkconfig)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored = {0};

	if (mkconfig && !bootfile_read(s->root, mkconfig, &text, &ignored))
		return strstr(text, "default/grub.d");
	return root_exists(s->root, GRUB_FOLDER);
}

/* *ret_found: this machine has GRUB, and what its menu is made of. */
static int find_grub(const struct service *s, struct grub *g, bool *ret_found, struct err *err)
{
	static const char *const mkconfigs[] = {"/usr/sbin/grub-mkconfig",
						"/usr/sbin/grub2-mkconfig",
						"/usr/bin/grub-mkconfig",
						"/usr/bin/grub2-mkconfig",
						"/sbin/grub-mkconfig",
						"/sbin/grub2-mkconfig",
						NULL};
	static const char *const updates[] = {"/usr/sbin/update-grub", "/sbin/update-grub", NULL};

	g->mkconfig = find_first(s->root, mkconfigs);
	g->update = find_first(s->root, updates);
	*ret_found = (g->mkconfig || g->update) &&
		     (root_exists(s->root, GRUB_DEFAULTS) || root_exists(s->root, GRUB_FOLDER));
	if (!*ret_found)
		return 0;
	g->folder = reads_folder(s, g->mkconfig);
	if (!root_exists(s->root, GRUB_DEFAULTS))
		return 0;
	if (bootfile_read(s->root, GRUB_DEFAULTS, &g->defaults, err))
		return err->code;
	for (const char *p = g->defaults; (p = strstr(p, "GRUB_ENABLE_BLSCFG=")); p++)
		if (p == g->defaults || p[-1] == '\n')
			g->bls = strncmp(p + strspn(p, "GRUB_ENABLSCFG=\"'"), "true", 4) == 0;
	return 0;
}

/*
 * Where the menu is: Fedora's packages have a link to it, which with EFI led to the system partition (until Fedora 34 and RHEL 9).
 */
static const char *menu_of(const struct root *root)
{
	const char *link =
		root_exists(root, "/sys/firmware/efi") ? "/etc/grub2-efi.cfg" : "/etc/grub2.cfg";

	if (root_exists(root, link))
		return link;
	return root_exists(root, "/boot/grub2") ? "/boot/grub2/grub.cfg" : "/boot/grub/grub.cfg";
}

static int grub_command(const struct bootplan *f, const struct grub *g, struct err *err)
{
	_cleanup_free_ char *cfg = NULL;
	char command[PATH_MAX + 64];

	if (g->update)
		return bootplan_add_command(f->plan, "update-grub", err);
	cfg = bootfile_real_path(f->s->root, menu_of(f->s->root), err);
	if (!cfg)
		return err->code;
	if (strchr(cfg, ' '))
		return err_set(err, ERR_UNSUPPORTED, "%s: there is a blank in its path", cfg);
	snprintf(command, sizeof(command), "%s -o %s", strrchr(g->mkconfig, '/') + 1, cfg);
	return bootplan_add_command(f->plan, command, err);
}

/*
 * Files are read in the order of a shell's pattern, which is the locale's: what may be read after ours in any. Backups
 * of editors do not match "*.cfg".
 */
static bool may_be_later(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".cfg") == 0 && name[0] != '.' &&
	       strcmp(name, "lifeboat.cfg") != 0 &&
	       (strcasecmp(name, "lifeboat.cfg") > 0 || !isalnum((unsigned char)name[0]));
}

static int edit_later(const struct bootplan *f, const char *name, struct err *err)
{
	_cleanup_free_ char *was = NULL;
	_cleanup_free_ char *path = NULL, *real = NULL;
	size_t line;
	char *will;

	if (asprintf(&path, GRUB_FOLDER "/%s", name) < 0) {
		path = NULL;
		return err_nomem(err, PATH_MAX, "a path");
	}
	real = bootfile_real_path(f->s->root, path, err);
	if (!real || bootfile_read(f->s->root, real, &was, err))
		return err->code;
	line = *f->plan->words ? bootedit_grub_discards(was, GRUB_VAR) : 0;
	if (line)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: line %zu sets " GRUB_VAR " anew after " GRUB_OURS
			       " has added to it; write \"$" GRUB_VAR
			       " …\" there, or give the file a name that comes first",
			       path, line);
	if (!bootedit_mentions(was))
		return 0;
	if (bootedit_grub(was, GRUB_VAR, "", &will, err))
		return err_wrap(err, "%s", path);
	return bootplan_add_change(f->plan, real, no_cleanup_ptr(was), will, err);
}

/* Our own file. Of values only what crashkernel_parse() lets through is in the words. */
static char *make_ours(const char *words)
{
	static const char take_out[] = "$(printf '%s' \"$%s\" | sed -E "
				       "'s/(^|[[:space:]]+)\"?crashkernel=[^[:space:]]*//g')";
	_cleanup_free_ char *linux_line = NULL, *default_line = NULL;
	char *text = NULL;

	if (asprintf(&linux_line, take_out, "%s", "GRUB_CMDLINE_LINUX") < 0)
		return NULL;
	if (asprintf(&default_line, take_out, "%s", GRUB_VAR) < 0)
		return NULL;
	if (asprintf(&text,
		     "# Written by `lifeboat reset-crashkernel`, which takes it back with --undo.\n"
		     "# The kernel takes the last crashkernel= of its command line: what the files "
		     "before this one\n"
		     "# say of it is left out, so that this is all there is.\n"
		     "GRUB_CMDLINE_LINUX=\"%s\"\n" GRUB_VAR "=\"%s%s%s\"\n",
		     linux_line, default_line, *words ? " " : "", words) < 0)
		return NULL;
	return text;
}

/* Is there any crashkernel= that GRUB reads before our file? */
static bool others_mention(const struct bootplan *f, const struct grub *g, char *const *names)
{
	if (g->defaults && bootedit_mentions(g->defaults))
		return true;
	for (; *names; names++) {
		_cleanup_free_ char *text = NULL;
		struct err ignored = {0};
		char path[sizeof(GRUB_FOLDER) + NAME_MAX + 1];

		if (strcmp(*names, "lifeboat.cfg") == 0 || may_be_later(*names))
			continue;
		snprintf(path, sizeof(path), GRUB_FOLDER "/%s", *names);
		if (!bootfile_read(f->s->root, path, &text, &ignored) && bootedit_mentions(text))
			return true;
	}
	return false;
}

static int put_ours(const struct bootplan *f, bool needed, struct err *err)
{
	_cleanup_free_ char *real = bootfile_real_path(f->s->root, GRUB_OURS, err);
	char *was = NULL, *will = NULL;

	if (!real)
		return err->code;
	if (root_exists(f->s->root, GRUB_OURS) && bootfile_read(f->s->root, GRUB_OURS, &was, err))
		return err->code;
	if (needed) {
		will = make_ours(f->plan->words);
		if (!will) {
			free(was);
			return err_nomem(err, 1024, GRUB_OURS);
		}
	}
	return bootplan_add_change(f->plan, real, was, will, err);
}

static int plan_folder(const struct bootplan *f, const struct grub *g, struct err *err)
{
	char **names = realpath_list(f->s->root, GRUB_FOLDER);
	int r = names ? 0 : err_nomem(err, PATH_MAX, GRUB_FOLDER);

	for (char **n = names; !r && *n; n++)
		if (may_be_later(*n))
			r = edit_later(f, *n, err);
	if (!r)
		r = put_ours(f, *f->plan->words || others_mention(f, g, names), err);
	realpath_list_free(names);
	return r;
}

static int plan_defaults(const struct bootplan *f, const struct grub *g, struct err *err)
{
	const char *var = g->bls ? "GRUB_CMDLINE_LINUX" : GRUB_VAR;
	_cleanup_free_ char *real = NULL;
	char *was, *will;

	if (!g->defaults)
		return err_set(err, ERR_NOT_FOUND,
			       GRUB_DEFAULTS " is not there, and this GRUB reads nothing else");
	real = bootfile_real_path(f->s->root, GRUB_DEFAULTS, err);
	if (!real)
		return err->code;
	if (bootedit_grub(g->defaults, var, f->plan->words, &will, err))
		return err_wrap(err, GRUB_DEFAULTS);
	was = strdup(g->defaults);
	if (!was) {
		free(will);
		return err_nomem(err, BOOTEDIT_MAX_SIZE, GRUB_DEFAULTS);
	}
	return bootplan_add_change(f->plan, real, was, will, err);
}

int bootplan_grub(const struct bootplan *f, struct err *err)
{
	struct grub g = {0};
	size_t before = f->plan->n;
	bool found;
	int r = find_grub(f->s, &g, &found, err);

	if (!r && found) {
		bootplan_name_loader(f->plan, "GRUB");
		r = g.folder ? plan_folder(f, &g, err) : plan_defaults(f, &g, err);
		/* a menu that is made of entries when the machine starts has no file to be made */
		if (!r && !(g.bls && f->entries) &&
		    (f->plan->n > before || bootloader_unfinished(f->s)))
			r = grub_command(f, &g, err);
	}
	free(g.defaults);
	return r;
}
