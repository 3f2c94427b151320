// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/root.h"
#include "capture/recipe.h"
#include "cmd/cmd.h"
#include "initramfs/initramfs.h"

#define INIT_NAME      "lifeboat-init"
#define INIT_INSTALLED LIFEBOAT_LIBEXEC "/" INIT_NAME

struct arguments {
	const char *root, *kernel, *recipe, *init, *compress, *out;
};

static int require(const char *value, const char *option, struct err *err)
{
	return value ? 0 : err_set(err, ERR_USAGE, "%s is missing", option);
}

/* The installed init, or the one beside this program: so that a build tree works as it is. */
static int find_init(char path[PATH_MAX], struct err *err)
{
	char exe[PATH_MAX];
	ssize_t n;
	char *slash;

	snprintf(path, PATH_MAX, "%s", INIT_INSTALLED);
	if (access(path, F_OK) == 0)
		return 0;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return err_sys(err, errno, "/proc/self/exe");
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	if (snprintf(path, PATH_MAX, "%s/%s", exe, INIT_NAME) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s", exe);
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "no " INIT_NAME ": neither %s nor %s; give --init",
		       INIT_INSTALLED, path);
}

static void print_result(const char *out, const struct initramfs_image *image)
{
	char packed[16], unpacked[16];

	if (!image->support.known)
		fprintf(stderr,
			"lifeboat initramfs: note: no configuration file of this kernel was found; "
			"%s\n",
			image->pack == PACK_GZIP
				? "gzip is used, which every distribution's kernel unpacks"
				: "whether it unpacks this image is not known");
	printf("%s: %s %s, %s unpacked, %zu modules\n", out, num_human(image->len, packed),
	       pack_kind_name(image->pack), num_human(image->unpacked_len, unpacked),
	       image->n_modules);
}

static int build(const struct arguments *a, struct err *err)
{
	_cleanup_(initramfs_image_deinit) struct initramfs_image image = {0};
	_cleanup_(root_deinit) struct root root = {.fd = -1};
	struct initramfs_spec spec = {
		.root = &root, .kernel = a->kernel, .recipe_name = a->recipe, .init = a->init};
	_cleanup_free_ char *recipe = NULL;
	char init[PATH_MAX];
	size_t len;

	if (pack_kind_from_name(a->compress, &spec.pack, err))
		return err_wrap(err, "option --compress");
	if (!spec.init) {
		if (find_init(init, err))
			return err->code;
		spec.init = init;
	}
	/* one byte more than allowed: recipe_create says what is wrong with it */
	if (root_init(&root, a->root, err) ||
	    io_read_file(a->recipe, RECIPE_MAX_SIZE + 1, &recipe, &len, err))
		return err->code;
	spec.recipe = (struct bytes){(const uint8_t *)recipe, len};
	if (initramfs_build(&spec, &image, err) ||
	    io_write_file(a->out, image.data, image.len, err))
		return err->code;
	print_result(a->out, &image);
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {.compress = "auto"};
	const struct opt opts[] = {
		OPT_STRING(0, "root", "DIR", &a.root,
			   "take modules and configuration of the kernel from below DIR"),
		OPT_STRING(0, "kernel", "VERSION", &a.kernel,
			   "version of the capture kernel, as in /lib/modules (required)"),
		OPT_STRING(0, "recipe", "FILE", &a.recipe,
			   "what to capture and where to (required)"),
		OPT_STRING(0, "init", "FILE", &a.init,
			   "static program that becomes /init (default " INIT_INSTALLED ")"),
		OPT_STRING(0, "compress", "KIND", &a.compress,
			   "auto, gzip, zstd or none (default auto: what the kernel accepts)"),
		OPT_STRING('o', "output", "IMG", &a.out, "where to write the image (required)"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	if (require(a.kernel, "--kernel", err) || require(a.recipe, "--recipe", err) ||
	    require(a.out, "-o", err))
		return err->code;
	return build(&a, err);
}

const struct cmd cmd_initramfs = {
	.name = "initramfs",
	.operands = "",
	.summary = "build the image that the capture kernel runs from",
	.details =
		"Builds an initramfs with lifeboat-init, the kernel modules that the recipe names\n"
		"with everything they depend on in load order, and the recipe. IMG is replaced\n"
		"only when the new image is complete and on the disk.",
	.run = run,
};
