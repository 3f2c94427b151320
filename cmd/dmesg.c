// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "image/printk.h"

static int to_stdout(void *ctx, const char *text, size_t len, struct err *err)
{
	(void)ctx;
	if (fwrite(text, 1, len, stdout) != len)
		return err_sys(err, errno, "standard output");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct printk_stats stats;
	struct source *src;
	struct image *img;
	int r = cmd_parse(cmd, NULL, 0, argc, argv, 1, 1, err);

	if (r || (r = source_open(argv[1], &src, err)))
		return r;
	r = image_create(src, &img, err);
	if (!r) {
		r = printk_format(img, to_stdout, NULL, &stats, err);
		if (!r && stats.damaged)
			fprintf(stderr, "lifeboat dmesg: %" PRIu64 " damaged records skipped\n",
				stats.damaged);
		image_destroy(img);
	}
	source_destroy(src);
	return r;
}

const struct cmd cmd_dmesg = {
	.name = "dmesg",
	.operands = "VMCORE",
	.summary = "print the kernel log of a dump",
	.details = "Print the kernel log that was in memory when VMCORE was taken, in the form of\n"
		   "dmesg(1). VMCORE is an ELF vmcore or a kdump-compressed file.",
	.run = run,
};
