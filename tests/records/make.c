// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A crash record as the capture would write it, of a log: records-make NODE TIME < LOG prints the path among others and the record, a line
 * each. What the capture would read of VMCOREINFO is made up of the arguments.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "capture/record.h"

static int fill(struct record *rec, struct bytes log, struct err *err)
{
	struct crash_log *c;

	if (crash_log_create(&c, err) || crash_log_feed_text(c, log, err))
		return err->code;
	rec->crash_known = crash_log_finish(c, &rec->crash);
	rec->log_read = true;
	if (rec->crash_known)
		signature_make(&rec->crash, &rec->signature);
	snprintf(rec->modules, sizeof(rec->modules), "%s", crash_log_modules(c));
	snprintf(rec->headline.panic, sizeof(rec->headline.panic), "%s", rec->crash.panic);
	crash_log_destroy(c);
	return 0;
}

static int make(char **argv, struct err *err)
{
	static char text[] = "", by_uuid[] = "UUID=1", ext4[] = "ext4";
	struct recipe_target target = {
		.device = by_uuid, .fstype = ext4, .mount_options = text, .path = text};
	struct recipe recipe = {.targets = &target, .n_targets = 1, .levels = {31}, .n_levels = 1};
	static struct record rec;
	char info[128], path[CRASH_RECORD_PATH];
	char *log, *line;
	size_t len;

	if (num_parse_u64(argv[2], &rec.crash_time, err) ||
	    io_read_all(STDIN_FILENO, 1 << 20, "the log", &log, &len, err) ||
	    fill(&rec, (struct bytes){(const uint8_t *)log, len}, err))
		return err->code;
	rec.examined = true;
	rec.memory_bytes = 1ULL << 40;
	snprintf(rec.uts[UTS_NODENAME], IMAGE_UTS_FIELD, "%s", argv[1]);
	snprintf(rec.uts[UTS_RELEASE], IMAGE_UTS_FIELD, "%.64s", rec.crash.release);
	snprintf(info, sizeof(info), "CRASHTIME=%" PRIu64 "\n%.32s", rec.crash_time,
		 rec.signature.func);
	crash_record_uuid((struct bytes){(const uint8_t *)info, strlen(info)}, argv[1], rec.uuid);
	rec.targets[0].tried = rec.targets[0].closing = rec.targets[0].log_written = true;
	crash_record_path(rec.crash_time, argv[1], rec.uuid, path);
	if (record_format(&rec, &recipe, 0, &line, &len, err))
		return err->code;
	printf("%s\n%s", path, line);
	return fflush(stdout) ? err_set(err, ERR_SYSTEM, "standard output") : 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	if (argc != 3)
		return ERR_USAGE;
	if (make(argv, &err))
		fprintf(stderr, "records-make: %s\n", err.msg);
	return err.code;
}
