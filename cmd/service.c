// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/service.h"

#include <stdio.h>
#include <unistd.h>

/* Progress is for people who wait; a log of it would be noise. */
static void tell(void *ctx, enum service_tone tone, const char *text)
{
	struct service_words *w = ctx;

	if (tone == SERVICE_PROGRESS ? !isatty(STDERR_FILENO) : tone == SERVICE_NOTE && w->quiet)
		return;
	if (tone != SERVICE_PROGRESS) {
		fprintf(stderr, "lifeboat %s: %s: ", w->cmd->name,
			tone == SERVICE_NOTE ? "note" : "warning");
		w->told++;
	}
	cmd_print_plain(stderr, text);
	fputs(tone == SERVICE_PROGRESS ? " …\n" : "\n", stderr);
}

int service_words_init(struct service_words *w, const struct cmd *cmd, const char *root,
		       const char *config, struct err *err)
{
	struct err no_init;

	*w = (struct service_words){.cmd = cmd};
	if (root_init(&w->root, root, err))
		return err->code;
	if (service_init(&w->service, &w->root, &sys_kernel, err)) {
		root_deinit(&w->root);
		return err->code;
	}
	w->service.config_path = config;
	w->service.tell = tell;
	w->service.tell_ctx = w;
	if (!service_find_init(w->init, &no_init))
		w->service.init = w->init;
	return 0;
}

void service_words_deinit(struct service_words *w)
{
	root_deinit(&w->root);
}
