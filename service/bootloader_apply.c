// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes made. At last comes what is made of the files, GRUB's menu. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/program.h"
#include "service/bootfile.h"
#include "service/bootjournal.h"

#define MAX_WORDS       8   /* of a command */
#define COMMAND_SECONDS 600 /* update-grub may look through many disks */

static int check_unchanged(const struct service *s, const struct bootloader_plan *plan,
			   struct err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct bootloader_change *c = &plan->v[i];
		_cleanup_free_ char *now = NULL;

		if (bootfile_read_now(s->root, c->path, &now, err))
			return err->code;
		if (!now != !c->was || (now && strcmp(now, c->was) != 0))
			return err_set(err, ERR_STALE,
				       "%s has been changed meanwhile; nothing was written, run "
				       "it again",
				       c->path);
	}
	return 0;
}

static int run_command(const struct service *s, const char *command, bool *ret_run, struct err *err)
{
	_cleanup_free_ char *copy = strdup(command);
	const char *argv[MAX_WORDS + 1] = {NULL};
	const struct program p = {.argv = argv, .ms = COMMAND_SECONDS * 1000, .path = PROGRAM_PATH};
	char *save = NULL;
	size_t n = 0;

	if (!copy)
		return err_nomem(err, strlen(command), "a command");
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (n == MAX_WORDS)
			return err_set(err, ERR_CORRUPT, "'%s' has too many words", command);
		argv[n++] = w;
	}
	if (!n)
		return 0;
	if (s->root->fd >= 0) {
		service_tell(s, SERVICE_NOTE, "%s is to be run there; it was not", command);
		return 0;
	}
	service_tell(s, SERVICE_PROGRESS, "%s", command);
	if (program_run(&p, err))
		return err->code;
	*ret_run = true;
	return 0;
}

/* grub-mkconfig copies over its menu and leaves it in memory: a power cut would find it empty. */
static int sync_menus(const struct service *s, struct err *err)
{
	static const char *const places[] = {"/boot", "/boot/efi"};

	for (size_t i = 0; s->root->fd < 0 && i < ARRAY_SIZE(places); i++) {
		_cleanup_close_ int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && syncfs(fd))
			return err_sys(err, errno, "%s: syncfs", places[i]);
	}
	return 0;
}

static int run_commands(const struct service *s, struct bootloader_plan *plan, struct err *err)
{
	if (!plan->commands || !*plan->commands)
		return 0;
	for (char **c = plan->commands; *c; c++) {
		bool ran = false;

		if (run_command(s, *c, &ran, err))
			return err->code;
		plan->n_run += ran;
	}
	return sync_menus(s, err);
}

int bootloader_apply(const struct service *s, struct bootloader_plan *plan, struct err *err)
{
	_cleanup_close_ int locked = -1;

	if (!plan->n && !plan->undo && !plan->commands)
		return 0;
	if (bootjournal_lock(s, &locked, err) || check_unchanged(s, plan, err) ||
	    (plan->n && !plan->undo && bootjournal_keep(s, plan, err)))
		return err->code;
	if (plan->undo)
		bootjournal_unmark_done(s, plan->undo);
	for (size_t i = 0; i < plan->n; i++) {
		if (bootfile_write(s->root, &plan->v[i], err))
			return err_wrap(err, "%zu of %zu files were written; --undo takes it back",
					i, plan->n);
		plan->v[i].written = true;
	}
	if (run_commands(s, plan, err))
		return err_wrap(err,
				"the files are written, but not what is made of them; run it "
				"again%s",
				plan->undo ? "" : ", or --undo takes it back");
	return plan->undo ? bootjournal_forget(s, plan, err) : bootjournal_mark_done(s, err);
}
