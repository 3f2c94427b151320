// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "config/resolve.h"

#define MESSAGE_SIZE 2048
#define INIT_NAME    "lifeboat-init"

int service_init(struct service *s, const struct root *root, const struct sys *sys, struct err *err)
{
	int run, lib;

	*s = (struct service){.root = root, .sys = sys};
	run = snprintf(s->run, sizeof(s->run), "%s%s", root->path, STATE_RUN_DIR);
	lib = snprintf(s->lib, sizeof(s->lib), "%s%s", root->path, STATE_LIB_DIR);
	if (run >= (int)sizeof(s->run) || lib >= (int)sizeof(s->lib))
		return err_set(err, ERR_USAGE, "--root %s: the path is too long", root->path);
	return 0;
}

void service_tell(const struct service *s, enum service_tone tone, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list args;

	if (!s->tell)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	s->tell(s->tell_ctx, tone, text);
}

void service_tell_kernel(const struct service *s, struct kmsg *k)
{
	struct kmsg_lines lines;

	kmsg_read(k, &lines);
	for (size_t i = 0; i < lines.n; i++)
		service_tell(s, SERVICE_WARNING, "kernel log: %s", lines.v[i]);
}

int service_lock(const struct service *s, const char *name)
{
	char path[sizeof(s->run) + 32];
	struct err ignored;

	if (io_make_folder(s->run, &ignored))
		return -1;
	snprintf(path, sizeof(path), "%s/%s", s->run, name);
	return io_lock(path, &ignored);
}

int service_find_init(char ret[PATH_MAX], struct err *err)
{
	char path[PATH_MAX];
	ssize_t n;
	char *slash;

	snprintf(ret, PATH_MAX, "%s", SERVICE_INIT);
	if (access(ret, F_OK) == 0)
		return 0;
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(err, errno, "/proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	if (snprintf(ret, PATH_MAX, "%s/%s", path, INIT_NAME) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s", path);
	if (access(ret, F_OK) == 0)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "no " INIT_NAME ": neither %s nor %s", SERVICE_INIT,
		       ret);
}

static void tell_notes(const struct service *s, char *const *notes)
{
	for (; notes && *notes; notes++)
		service_tell(s, SERVICE_NOTE, "%s", *notes);
}

/* One byte more than allowed: config_create says what is wrong with it. */
static int read_text(const struct service *s, char **ret, size_t *ret_len, struct err *err)
{
	if (s->config_path)
		return io_read_file(s->config_path, CONFIG_MAX_SIZE + 1, ret, ret_len, err);
	return root_read(s->root, CONFIG_PATH, CONFIG_MAX_SIZE + 1, ret, ret_len, err);
}

int service_config(const struct service *s, struct config **ret, bool *ret_found, struct err *err)
{
	_cleanup_free_ char *text = NULL, *name = NULL;
	bool found = true;
	size_t len = 0;
	int r = read_text(s, &text, &len, err);

	if (r == ERR_NOT_FOUND && !s->config_path) {
		*err = (struct err){0};
		found = false;
	} else if (r) {
		return r;
	}
	if (asprintf(&name, "%s%s", s->config_path ? "" : s->root->path,
		     s->config_path ? s->config_path : CONFIG_PATH) < 0) {
		name = NULL;
		return err_nomem(err, sizeof(CONFIG_PATH), "the name of the configuration");
	}
	if (config_create((struct bytes){(const uint8_t *)text, len}, name, ret, err))
		return err->code;
	tell_notes(s, (*ret)->notes);
	if (ret_found)
		*ret_found = found;
	return 0;
}

int service_recipe_path(const struct service *s, const char *kernel, char ret[SERVICE_RECIPE_SIZE],
			struct err *err)
{
	if (!*kernel || strchr(kernel, '/') ||
	    snprintf(ret, SERVICE_RECIPE_SIZE, "%s/recipe-%s", s->lib, kernel) >=
		    SERVICE_RECIPE_SIZE)
		return err_set(err, ERR_USAGE, "'%.80s' is no version of a kernel", kernel);
	return 0;
}

/* Of the image that was built last; NULL: none, or none that is understood any more. */
static struct recipe *read_previous(const struct service *s, const char *kernel)
{
	_cleanup_free_ char *text = NULL;
	char path[SERVICE_RECIPE_SIZE];
	struct recipe *previous = NULL;
	struct err ignored;
	size_t len = 0;

	if (service_recipe_path(s, kernel, path, &ignored) ||
	    io_read_file(path, RECIPE_MAX_SIZE, &text, &len, &ignored) ||
	    recipe_create((struct bytes){(const uint8_t *)text, len}, path, &previous, &ignored))
		return NULL;
	return previous;
}

static int make_recipe(const struct service *s, const struct config *config, const char *kernel,
		       bool sending, struct recipe **ret, struct err *err)
{
	struct recipe *previous = read_previous(s, kernel);
	const struct resolve_env env = {
		.root = s->root, .kernel = kernel, .previous = previous, .sending = sending};
	struct resolved resolved = {0};
	int r = resolve_recipe(config, &env, &resolved, err);

	recipe_destroy(previous);
	if (r)
		return r;
	tell_notes(s, resolved.notes);
	for (char **m = resolved.missing; *m; m++)
		service_tell(s, SERVICE_WARNING, "%s", *m);
	*ret = resolved.recipe;
	resolved.recipe = NULL;
	resolve_deinit(&resolved);
	return 0;
}

int service_recipe(const struct service *s, const struct config *config, const char *kernel,
		   struct recipe **ret, struct err *err)
{
	return make_recipe(s, config, kernel, false, ret, err);
}

int service_recipe_to_send(const struct service *s, const struct config *config, const char *kernel,
			   struct recipe **ret, struct err *err)
{
	return make_recipe(s, config, kernel, true, ret, err);
}

int service_release(const struct service *s, char ret[128], struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (root_read(s->root, "/proc/sys/kernel/osrelease", 4096, &text, &len, err))
		return err->code;
	snprintf(ret, 128, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}
