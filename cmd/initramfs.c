// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/root.h"
#include "capture/recipe.h"
#include "cmd/cmd.h"
#include "cmd/config.h"
#include "cmd/initramfs.h"
#include "initramfs/initramfs.h"

#define INIT_NAME      "lifeboat-init"
#define INIT_INSTALLED LIFEBOAT_LIBEXEC "/" INIT_NAME

struct arguments {
	const char *root, *kernel, *recipe, *config, *init, *compress, *out, *check;
	bool json;
};

static int require(const char *value, const char *option, struct err *err)
{
	return value ? 0 : err_set(err, ERR_USAGE, "%s is missing", option);
}

int initramfs_find_init(char path[PATH_MAX], struct err *err)
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

static void print_notes(const struct initramfs_image *image)
{
	if (!image->support.known)
		fprintf(stderr,
			"lifeboat initramfs: note: no configuration file of this kernel was found; "
			"%s\n",
			image->pack == PACK_GZIP
				? "gzip is used, which every distribution's kernel unpacks"
				: "whether it unpacks this image is not known");
	for (size_t i = 0; i < image->n_missing; i++)
		fprintf(stderr, "lifeboat initramfs: note: no firmware %s\n", image->missing[i]);
}

static void print_text(const char *out, const struct initramfs_image *image)
{
	char packed[16], unpacked[16], memory[16], peak[16];

	printf("%s: %s %s, %s unpacked, %zu modules, %zu firmware files, %zu programs (%zu "
	       "files)\n",
	       out, num_human(image->len, packed), pack_kind_name(image->pack),
	       num_human(image->unpacked_len, unpacked), image->n_modules, image->n_firmware,
	       image->n_programs, image->n_program_files);
	printf("memory in the capture kernel, about: %s, %s while it is unpacked\n",
	       num_human(image->memory, memory), num_human(image->memory_peak, peak));
}

static void print_json(const char *out, const struct initramfs_image *image)
{
	char digest[SHA256_TEXT];
	struct json j;

	sha256_text(image->inputs.digest, digest);
	cmd_begin_json(&j, stdout, "lifeboat-initramfs-1");
	json_put_string(&j, "image", out);
	json_put_string(&j, "kernel", image->inputs.kernel);
	json_put_string(&j, "inputs_sha256", digest);
	json_put_string(&j, "pack", pack_kind_name(image->pack));
	json_put_bool(&j, "kernel_config_found", image->support.known);
	json_put_uint(&j, "bytes", image->len);
	json_put_uint(&j, "unpacked_bytes", image->unpacked_len);
	json_put_uint(&j, "memory_bytes", image->memory);
	json_put_uint(&j, "memory_peak_bytes", image->memory_peak);
	json_put_uint(&j, "modules", image->n_modules);
	json_put_uint(&j, "firmware", image->n_firmware);
	json_put_uint(&j, "programs", image->n_programs);
	json_put_uint(&j, "program_files", image->n_program_files);
	json_begin_array(&j, "missing_firmware");
	for (size_t i = 0; i < image->n_missing; i++)
		json_put_string(&j, NULL, image->missing[i]);
	json_end_array(&j);
	cmd_end_json(&j);
}

static int build(const struct arguments *a, const struct initramfs_spec *spec, struct err *err)
{
	_cleanup_(initramfs_image_deinit) struct initramfs_image image = {0};

	if (initramfs_build(spec, &image, err) || io_write_file(a->out, image.data, image.len, err))
		return err->code;
	if (a->json) {
		print_json(a->out, &image);
	} else {
		print_notes(&image);
		print_text(a->out, &image);
	}
	return 0;
}

/* The front of the image, where its inputs stand; a short image is a short front. */
static int read_front(const char *path, uint8_t front[2 * INPUTS_MAX_SIZE], struct bytes *ret,
		      struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	while (len < 2 * INPUTS_MAX_SIZE) {
		ssize_t n = read(fd, front + len, 2 * INPUTS_MAX_SIZE - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s: read", path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret = (struct bytes){front, len};
	return 0;
}

/* What is different; "" if the image is what would be built now. */
static int compare(const struct arguments *a, const struct initramfs_spec *spec,
		   char difference[INPUTS_DIFFERENCE], struct err *err)
{
	uint8_t front[2 * INPUTS_MAX_SIZE];
	struct inputs was = {0}, now = {0};
	struct bytes image = {0};
	struct err why = {0};

	if (read_front(a->check, front, &image, err) || initramfs_inputs(spec, &now, err))
		return err->code;
	if (inputs_read(image, &was, &why))
		snprintf(difference, INPUTS_DIFFERENCE, "%s", why.msg);
	else
		inputs_difference(&was, &now, difference);
	return 0;
}

static int check(const struct arguments *a, const struct initramfs_spec *spec, struct err *err)
{
	char difference[INPUTS_DIFFERENCE];

	if (compare(a, spec, difference, err))
		return err->code;
	if (a->json) {
		struct json j;

		cmd_begin_json(&j, stdout, "lifeboat-initramfs-check-1");
		json_put_string(&j, "image", a->check);
		json_put_bool(&j, "stale", *difference);
		json_put_string(&j, "difference", *difference ? difference : NULL);
		cmd_end_json(&j);
	} else if (!*difference) {
		printf("%s: up to date\n", a->check);
	}
	return *difference ? err_set(err, ERR_STALE, "%s is stale: %s", a->check, difference) : 0;
}

/* As it is written, or made of the configuration. */
static int read_recipe(const struct cmd *cmd, const struct arguments *a, const struct root *root,
		       char **ret, size_t *ret_len, struct err *err)
{
	/* one byte more than allowed: recipe_create says what is wrong with it */
	if (a->recipe)
		return io_read_file(a->recipe, RECIPE_MAX_SIZE + 1, ret, ret_len, err);
	return config_recipe(cmd, root, a->config, a->kernel, ret, ret_len, err);
}

static int prepare(const struct cmd *cmd, const struct arguments *a, struct err *err)
{
	_cleanup_(root_deinit) struct root root = {.fd = -1};
	struct initramfs_spec spec = {.root = &root,
				      .kernel = a->kernel,
				      .tool = "lifeboat " LIFEBOAT_VERSION,
				      .recipe_name = a->recipe ? a->recipe : CONFIG_RECIPE_NAME,
				      .init = a->init};
	_cleanup_free_ char *recipe = NULL;
	_cleanup_free_ char *init = malloc(PATH_MAX);
	size_t len;

	if (!init)
		return err_nomem(err, PATH_MAX, "a path");
	if (pack_kind_from_name(a->compress, &spec.pack, err))
		return err_wrap(err, "option --compress");
	if (!spec.init) {
		if (initramfs_find_init(init, err))
			return err->code;
		spec.init = init;
	}
	if (root_init(&root, a->root, err) || read_recipe(cmd, a, &root, &recipe, &len, err))
		return err->code;
	spec.recipe = (struct bytes){(const uint8_t *)recipe, len};
	return a->check ? check(a, &spec, err) : build(a, &spec, err);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {.compress = "auto"};
	const struct opt opts[] = {
		OPT_STRING(0, "root", "DIR", &a.root,
			   "take modules, firmware, programs, the kernel's configuration from "
			   "below DIR"),
		OPT_STRING(0, "kernel", "VERSION", &a.kernel,
			   "version of the capture kernel, as in /lib/modules (required)"),
		OPT_STRING(0, "recipe", "FILE", &a.recipe,
			   "what to capture and where to, as a recipe"),
		OPT_STRING(0, "config", "FILE", &a.config,
			   "the same as a configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "init", "FILE", &a.init,
			   "static program that becomes /init (default " INIT_INSTALLED ")"),
		OPT_STRING(0, "compress", "KIND", &a.compress,
			   "auto, gzip, zstd or none (default auto: what the kernel accepts)"),
		OPT_STRING('o', "output", "IMG", &a.out, "where to write the image"),
		OPT_STRING(
			0, "check", "IMG", &a.check,
			"build nothing; say whether IMG is what would be built (status 0 or 12)"),
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	if (require(a.kernel, "--kernel", err) ||
	    (!a.check && require(a.out, "-o or --check", err)))
		return err->code;
	if (a.recipe && a.config)
		return err_set(err, ERR_USAGE, "--recipe and --config exclude each other");
	if (a.out && a.check)
		return err_set(err, ERR_USAGE, "-o and --check exclude each other");
	return prepare(cmd, &a, err);
}

const struct cmd cmd_initramfs = {
	.name = "initramfs",
	.operands = "",
	.summary = "build the image that the capture kernel runs from",
	.details =
		"Builds an initramfs with lifeboat-init, the kernel modules that the recipe names\n"
		"with everything they depend on in load order and the firmware they name, the\n"
		"programs that it names with their libraries, and the recipe. IMG is replaced\n"
		"only when the new image is complete and on the disk. Equal inputs give equal\n"
		"bytes; --check tells by their digest, not by times, whether IMG is stale.",
	.run = run,
};
