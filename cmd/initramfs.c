// SPDX-License-Identifier: GPL-2.0-or-later
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "capture/recipe.h"
#include "cmd/service.h"
#include "initramfs/initramfs.h"

struct arguments {
	const char *root, *kernel, *recipe, *config, *init, *compress, *out, *check;
	bool json;
};

static int require(const char *value, const char *option, struct err *err)
{
	return value ? 0 : err_set(err, ERR_USAGE, "%s is missing", option);
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
	       "files), %zu files as they are\n",
	       out, num_human(image->len, packed), pack_kind_name(image->pack),
	       num_human(image->unpacked_len, unpacked), image->n_modules, image->n_firmware,
	       image->n_programs, image->n_program_files, image->n_files);
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
	json_put_uint(&j, "files", image->n_files);
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

static int check(const struct arguments *a, const struct initramfs_spec *spec, struct err *err)
{
	char difference[INPUTS_DIFFERENCE];

	if (initramfs_compare(a->check, spec, difference, err))
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

static int make_recipe(const struct service *s, const char *kernel, char **ret, size_t *ret_len,
		       struct err *err)
{
	struct config *config = NULL;
	struct recipe *recipe = NULL;
	int r = service_config(s, &config, NULL, err);

	if (!r)
		r = service_recipe(s, config, kernel, &recipe, err);
	if (!r)
		r = recipe_format(recipe, ret, ret_len, err);
	recipe_destroy(recipe);
	config_destroy(config);
	return r;
}

/* As it is written, or made of the configuration. */
static int read_recipe(const struct service *s, const struct arguments *a, char **ret,
		       size_t *ret_len, struct err *err)
{
	/* one byte more than allowed: recipe_create says what is wrong with it */
	if (a->recipe)
		return io_read_file(a->recipe, RECIPE_MAX_SIZE + 1, ret, ret_len, err);
	return make_recipe(s, a->kernel, ret, ret_len, err);
}

static int prepare(const struct service *s, const struct arguments *a, struct err *err)
{
	struct initramfs_spec spec = {.root = s->root,
				      .kernel = a->kernel,
				      .tool = "lifeboat " LIFEBOAT_VERSION,
				      .recipe_name = a->recipe ? a->recipe
							       : "the recipe of the configuration",
				      .init = a->init ? a->init : s->init};
	_cleanup_free_ char *recipe = NULL;
	char init[PATH_MAX];
	size_t len;

	if (pack_kind_from_name(a->compress, &spec.pack, err))
		return err_wrap(err, "option --compress");
	if (!spec.init) {
		if (service_find_init(init, err))
			return err_wrap(err, "give --init");
		spec.init = init;
	}
	if (read_recipe(s, a, &recipe, &len, err))
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
			   "static program that becomes /init (default " SERVICE_INIT ")"),
		OPT_WORD(0, "compress", "KIND", &a.compress, "auto gzip zstd none",
			 "auto, gzip, zstd or none (default auto: what the kernel accepts)"),
		OPT_STRING('o', "output", "IMG", &a.out, "where to write the image"),
		OPT_STRING(
			0, "check", "IMG", &a.check,
			"build nothing; say whether IMG is what would be built (status 0 or 12)"),
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
	};
	struct service_words w;
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
	if (service_words_init(&w, cmd, a.root, a.config, err))
		return err->code;
	r = prepare(&w.service, &a, err);
	service_words_deinit(&w);
	return r;
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
	.group = CMD_IMAGES,
};
