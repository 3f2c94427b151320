// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/service.h"
#include "service/build.h"

static int print_recipe(const struct service *s, const char *kernel, struct err *err)
{
	char version[BUILD_VERSION_SIZE];
	struct config *config = NULL;
	struct recipe *recipe = NULL;
	char *text = NULL;
	size_t len = 0;
	int r = service_config(s, &config, NULL, err);

	if (!r && !kernel)
		r = build_version(s, config, version, err) ? err_wrap(err, "give --kernel") : 0;
	if (!r)
		r = service_recipe(s, config, kernel ? kernel : version, &recipe, err);
	if (!r)
		r = recipe_format(recipe, &text, &len, err);
	fwrite(text ? text : "", 1, len, stdout);
	free(text);
	recipe_destroy(recipe);
	config_destroy(config);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *dir = NULL, *path = NULL, *kernel = NULL;
	const struct opt opts[] = {
		OPT_STRING(0, "config", "FILE", &path,
			   "configuration file (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &dir, "look at the machine recorded below DIR"),
		OPT_STRING(0, "kernel", "VERSION", &kernel,
			   "version of the capture kernel (default: as configured, else the "
			   "running one)"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (!r)
		r = service_words_init(&w, cmd, dir, path, err);
	if (r)
		return r;
	r = print_recipe(&w.service, kernel, err);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_recipe = {
	.name = "recipe",
	.operands = "",
	.summary = "print what the configuration makes of this machine",
	.details =
		"Prints the recipe: targets by names that hold in the capture kernel, the modules\n"
		"they need, and every setting, defaults too. `lifeboat initramfs --config` makes "
		"the\n"
		"same one; printed and edited, it can be given to `lifeboat initramfs --recipe`.",
	.run = run,
	.group = CMD_IMAGES,
};
