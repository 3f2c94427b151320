// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/service.h"
#include "service/crashkernel.h"

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(service_words_deinit) struct service_words w = {.root = {.fd = -1}};
	const char *root = NULL;
	char value[128];
	const struct opt opts[] = {
		OPT_STRING(0, "root", "DIR", &root, "look at the machine recorded below DIR"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r || service_words_init(&w, cmd, root, NULL, err) ||
	    crashkernel_default(&w.service, value, err))
		return r ? r : err->code;
	printf("%s\n", value);
	return 0;
}

const struct cmd cmd_get_default_crashkernel = {
	.name = "get-default-crashkernel",
	.operands = "",
	.summary = "print a crashkernel= value that will do on any machine of this kind",
	.details = "Prints sizes by ranges of memory, for a command line that many machines share. "
		   "What\n"
		   "this very machine needs, `lifeboat estimate` says.",
	.run = run,
};
