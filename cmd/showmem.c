// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "loader/check.h"

/* All regions; /proc/iomem shows their addresses to root only, the size is known to all. */
static uint64_t reserved(const struct facts *f)
{
	uint64_t all = f->regions_hidden ? 0 : ranges_total(&f->regions);

	return all ? all : f->crash_size.known ? f->crash_size.value : 0;
}

static void print_text(const struct facts *f)
{
	printf("Reserved %" PRIu64 "MB memory for crash kernel\n", reserved(f) >> 20);
	for (size_t i = 0; !f->regions_hidden && i < f->regions.n; i++)
		printf("  0x%" PRIx64 "-0x%" PRIx64 " (%" PRIu64 " MiB)\n", f->regions.v[i].start,
		       f->regions.v[i].end - 1,
		       (f->regions.v[i].end - f->regions.v[i].start) >> 20);
	if (f->regions_hidden)
		printf("  (where, only root is told)\n");
}

static void print_json(const struct facts *f)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-showmem-1");
	json_put_uint(&j, "reserved_bytes", reserved(f));
	json_begin_array(&j, "regions");
	for (size_t i = 0; !f->regions_hidden && i < f->regions.n; i++) {
		json_begin_object(&j, NULL);
		json_put_hex(&j, "start", f->regions.v[i].start);
		json_put_hex(&j, "end", f->regions.v[i].end - 1);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_put_bool(&j, "regions_hidden", f->regions_hidden);
	json_put_string(&j, "crashkernel", f->crashkernel);
	cmd_end_json(&j);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	_cleanup_(root_deinit) struct root root = {.fd = -1};
	_cleanup_(facts_deinit) struct facts facts = {0};
	const char *dir = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_STRING(0, "root", "DIR", &dir, "look at the machine recorded below DIR"),
		OPT_FLAG(0, "json", &json, "print a JSON object"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r || root_init(&root, dir, err) || facts_probe(&root, &facts, err))
		return r ? r : err->code;
	if (json)
		print_json(&facts);
	else
		print_text(&facts);
	if (reserved(&facts))
		return 0;
	if (!check_reservation(&facts, err))
		return err_set(err, ERR_NOT_LOADED, "whether memory is reserved is not known");
	err->code = ERR_NOT_LOADED; /* the words are right, the status is this command's */
	return err->code;
}

const struct cmd cmd_showmem = {
	.name = "showmem",
	.operands = "",
	.summary = "say how much memory is reserved for a capture kernel",
	.details = "Prints the reservation of the running kernel, and where it is. Status 3: there "
		   "is\n"
		   "none, and standard error says why.",
	.run = run,
};
