// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/config.h"

#include <stdio.h>

#include "base/io.h"
#include "config/resolve.h"

static void print_notes(const struct cmd *cmd, char *const *notes)
{
	for (; *notes; notes++)
		fprintf(stderr, "lifeboat %s: note: %s\n", cmd->name, *notes);
}

/* One byte more than allowed: config_create says what is wrong with it. */
int config_read_text(const struct root *root, const char *path, char **ret, size_t *ret_len,
		     struct err *err)
{
	if (path)
		return io_read_file(path, CONFIG_MAX_SIZE + 1, ret, ret_len, err);
	return root_read(root, CONFIG_PATH, CONFIG_MAX_SIZE + 1, ret, ret_len, err);
}

int config_read(const struct cmd *cmd, const struct root *root, const char *path,
		struct config **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL, *name = NULL;
	struct config *c;
	size_t len = 0;

	if (config_read_text(root, path, &text, &len, err))
		return err->code;
	if (asprintf(&name, "%s%s", path ? "" : root->path, path ? path : CONFIG_PATH) < 0) {
		name = NULL;
		return err_nomem(err, sizeof(CONFIG_PATH), "the name of the configuration");
	}
	if (config_create((struct bytes){(const uint8_t *)text, len}, name, &c, err))
		return err->code;
	if (cmd)
		print_notes(cmd, c->notes);
	*ret = c;
	return 0;
}

static void cleanup_config(struct config **c)
{
	config_destroy(*c);
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

int config_recipe(const struct cmd *cmd, const struct root *root, const char *path,
		  const char *kernel, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_(cleanup_config) struct config *config = NULL;
	_cleanup_(cleanup_recipe) struct recipe *recipe = NULL;
	char **notes = NULL;

	if (config_read(cmd, root, path, &config, err) ||
	    resolve_recipe(config, root, kernel, &recipe, &notes, err))
		return err->code;
	print_notes(cmd, notes);
	recipe_free_strings(notes);
	return recipe_format(recipe, ret, ret_len, err);
}
