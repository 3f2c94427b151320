// SPDX-License-Identifier: GPL-2.0-or-later
/* Can the image of the capture kernel be built: are the modules and programs there that the configuration takes? */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "capture/recipe.h"
#include "cmd/check.h"
#include "cmd/initramfs.h"
#include "initramfs/initramfs.h"

/* Why it is not looked at, or NULL. */
static const char *why_not(const struct check_run *run)
{
	if (!run->configured)
		return "there is no configuration";
	if (!run->recipe)
		return "the configuration does not say what is in it";
	return run->root->fd >= 0 ? "of a recorded machine not all files are there" : NULL;
}

static int find_inputs(const struct check_run *run, struct err *err)
{
	struct initramfs_spec spec = {.root = run->root,
				      .kernel = run->kernel,
				      .tool = "lifeboat " LIFEBOAT_VERSION,
				      .recipe_name = "the recipe of the configuration"};
	_cleanup_free_ char *text = NULL;
	struct inputs inputs;
	char init[PATH_MAX];
	size_t len;

	if (initramfs_find_init(init, err) || recipe_format(run->recipe, &text, &len, err))
		return err->code;
	spec.init = init;
	spec.recipe = (struct bytes){(const uint8_t *)text, len};
	return initramfs_inputs(&spec, &inputs, err);
}

int check_image(struct check_run *run, struct err *err)
{
	const char *why = why_not(run);
	struct err found = {0};

	(void)err; /* what is missing is what was looked for, and no failure of the look */
	if (!why && find_inputs(run, &found))
		run->fatal = true;
	if (run->json) {
		if (why)
			json_put_null(run->json, "can_be_built");
		else
			json_put_bool(run->json, "can_be_built", !found.code);
		json_put_string(run->json, "why_not", why ? why : found.code ? found.msg : NULL);
		return 0;
	}
	if (why)
		printf("image: not looked at: %s\n", why);
	else if (!found.code)
		printf("image: all that goes into it is there\n");
	else
		printf("image: CANNOT BE BUILT\n");
	if (found.code)
		check_put_note("FAILED", found.msg);
	return 0;
}
