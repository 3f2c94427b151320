/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What list, show and prune say of captured crashes in the same way. */
#ifndef CMD_CRASHES_H
#define CMD_CRASHES_H

#include "cmd/service.h"
#include "service/dumps.h"

/* Print text of unknown origin (base/text.h). */
void crashes_print(FILE *to, const char *text);

/* The members of an entry's object, inside of one (docs/json.md, lifeboat-list-1). */
void crashes_put(struct json *j, const struct dumps_entry *e);

/*
 * The service and its configuration for one of these verbs; end it with crashes_deinit(), also after a failure. words.told
 * counts what was told since: places where crashes may be that could not be looked at. `lenient`: with a configuration that
 * has a mistake, and was not named by `config`, the default folder is looked at.
 */
struct crashes {
	struct service_words words;
	struct config *config;
};
int crashes_init(struct crashes *c, const struct cmd *cmd, const char *root, const char *config,
		 bool lenient, struct err *err) _must_check_;
void crashes_deinit(struct crashes *c);

#endif
