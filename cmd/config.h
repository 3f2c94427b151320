/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file as the commands take it: --config FILE, or /etc/lifeboat.conf. */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "base/root.h"
#include "cmd/cmd.h"
#include "config/config.h"

/* The text of `path`, a file of this machine; NULL: of CONFIG_PATH below the root. *ret is malloc'ed. */
int config_read_text(const struct root *root, const char *path, char **ret, size_t *ret_len,
		     struct err *err) _must_check_;

/*
 * The same, parsed. What was read but changes nothing is told on standard error, in the name of `cmd`; NULL: not at all.
 */
int config_read(const struct cmd *cmd, const struct root *root, const char *path,
		struct config **ret, struct err *err) _must_check_;

#define CONFIG_RECIPE_NAME "the recipe of the configuration" /* for messages */

/*
 * The text of the recipe that it gives for the capture kernel `kernel` (a version) on the machine below the root. Notes
 * go to standard error. *ret is malloc'ed.
 */
int config_recipe(const struct cmd *cmd, const struct root *root, const char *path,
		  const char *kernel, char **ret, size_t *ret_len, struct err *err) _must_check_;

#endif
