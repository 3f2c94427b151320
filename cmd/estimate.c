// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/service.h"
#include "service/crashkernel.h"

#define MIB (1024.0 * 1024)

static void put_row(const char *what, uint64_t bytes, const char *from)
{
	printf("  %-32s %8.1f MiB  %s\n", what, (double)bytes / MIB, from);
}

static void print_cma(const struct crashkernel_estimate *e)
{
	if (!e->cma_supported)
		return;
	if (!*e->cma) {
		printf("\nThis kernel knows crashkernel=SIZE,cma as well; it would save too little "
		       "here.\n");
		return;
	}
	printf("\nInstead, this kernel can take a part from CMA, memory that programs use until "
	       "then:\n"
	       "  %s\n"
	       "The fixed part holds the kernel and its image. What programs had in the CMA area "
	       "is "
	       "not in the\n"
	       "dump, some movable pages of the kernel may be missing, and devices that still "
	       "write there may\n"
	       "disturb the capture (the kernel waits for them). With kexec_file_load only.\n",
	       e->cma);
}

static void print_text(const struct crashkernel_estimate *e)
{
	printf("capture kernel %s\n\n", e->version);
	for (size_t i = 0; i < e->n_parts; i++)
		put_row(e->parts[i].what, e->parts[i].bytes, e->parts[i].from);
	put_row("computed", e->computed, "the sum");
	if (e->n_measured) {
		char from[64];

		snprintf(from, sizeof(from), "highest of %zu captures and tests", e->n_measured);
		put_row("measured", e->measured, from);
	} else {
		printf("  %-32s %12s  no capture or test of this kernel has told yet\n", "measured",
		       "-");
	}
	put_row("never less than", e->floor, "to start at all");
	printf("\nsuggested: %s\n", e->parameter);
	if (!e->reserved)
		printf("reserved now: nothing; `lifeboat reset-crashkernel` changes that\n");
	else
		printf("reserved now: %.0f MiB: %s\n", (double)e->reserved / MIB,
		       e->enough
			       ? "enough"
			       : "less than suggested; `lifeboat reset-crashkernel` changes that");
	print_cma(e);
}

static void print_json(const struct crashkernel_estimate *e)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-estimate-1");
	json_put_string(&j, "kernel", e->version);
	json_begin_array(&j, "parts");
	for (size_t i = 0; i < e->n_parts; i++) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "what", e->parts[i].what);
		json_put_uint(&j, "bytes", e->parts[i].bytes);
		json_put_string(&j, "from", e->parts[i].from);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_put_uint(&j, "computed_bytes", e->computed);
	json_put_uint(&j, "floor_bytes", e->floor);
	if (e->n_measured)
		json_put_uint(&j, "measured_bytes", e->measured);
	else
		json_put_null(&j, "measured_bytes");
	json_put_uint(&j, "measurements", e->n_measured);
	json_put_uint(&j, "suggested_bytes", e->suggested);
	json_put_string(&j, "parameter", e->parameter);
	json_put_bool(&j, "cma_supported", e->cma_supported);
	json_put_string(&j, "cma_parameters", *e->cma ? e->cma : NULL);
	json_put_uint(&j, "reserved_bytes", e->reserved);
	json_put_bool(&j, "enough", e->enough);
	cmd_end_json(&j);
}

static int estimate(struct service *s, const char *kernel, bool json, struct err *err)
{
	struct crashkernel_estimate e = {0};
	struct config *config = NULL;
	int r;

	if (service_config(s, &config, NULL, err))
		return err->code;
	r = crashkernel_estimate(s, config, kernel, &e, err);
	config_destroy(config);
	if (r)
		return r;
	if (json)
		print_json(&e);
	else
		print_text(&e);
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(service_words_deinit) struct service_words w = {.root = {.fd = -1}};
	const char *root = NULL, *config = NULL, *kernel = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_STRING(0, "kernel", "VERSION", &kernel,
			   "version of the capture kernel (default: the configuration's, else the "
			   "running one)"),
		OPT_STRING(0, "config", "FILE", &config, "configuration file"),
		OPT_STRING(0, "root", "DIR", &root, "look at the machine recorded below DIR"),
		OPT_FLAG(0, "json", &json, "print a JSON object"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r || service_words_init(&w, cmd, root, config, err))
		return r ? r : err->code;
	w.quiet = json;
	return estimate(&w.service, kernel, json, err);
}

const struct cmd cmd_estimate = {
	.name = "estimate",
	.operands = "",
	.summary = "say how much memory a capture kernel needs here, and from what that is known",
	.details =
		"Adds up what the capture kernel needs on this machine: each term, and where it "
		"is\n"
		"from. Where captures or tests with this kernel have measured what they took, the\n"
		"highest measure and a quarter of it is suggested, else the sum, in steps of 8 "
		"MiB.",
	.run = run,
};
