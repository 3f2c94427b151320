/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine and its configuration for a verb of the service, and what the library tells on the way put on standard error. */
#ifndef CMD_SERVICE_H
#define CMD_SERVICE_H

#include <limits.h>

#include "cmd/cmd.h"
#include "service/service.h"

struct service_words {
	struct root root;
	struct service service;
	char init[PATH_MAX];
	const struct cmd *cmd;
	bool quiet;        /* notes are not told */
	unsigned int told; /* how many notes and warnings were */
};

/*
 * Open the root and fill in the service; lifeboat-init is looked for where it is installed and beside this program, and may
 * be missing (service.init is NULL then: build_image says so). `config` is a file of this machine or NULL. Borrows all strings; end it with
 * service_words_deinit().
 */
int service_words_init(struct service_words *w, const struct cmd *cmd, const char *root,
		       const char *config, struct err *err) _must_check_;
void service_words_deinit(struct service_words *w);

#endif
