// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/num.h"
#include "base/sha256.h"
#include "cmd/cmd.h"
#include "loader/check.h"
#include "loader/state.h"

static const char *lockdown_name(enum lockdown l)
{
	switch (l) {
	case LOCKDOWN_NONE:
		return "none";
	case LOCKDOWN_INTEGRITY:
		return "integrity";
	case LOCKDOWN_CONFIDENTIALITY:
		return "confidentiality";
	case LOCKDOWN_UNKNOWN:
		break;
	}
	return NULL;
}

/* What is asked and found: the facts, and of the panic kernel what is on record. */
struct status {
	struct facts facts;
	struct state image;    /* known: it was loaded by us, and is still there */
	struct err record_err; /* code != 0: the record is damaged */
	const char *
		header; /* of the core header: "fresh", "stale", "kept by the kernel"; NULL: unknown */
};

/* Would the core header that was staged be the same today? */
static const char *judge_header(const struct root *root, const struct state *image)
{
	const char *answer = NULL;
	struct machine m;
	struct err ignored;
	uint8_t memory[32];

	if (!image->known || machine_probe(root, &m, &ignored))
		return NULL;
	state_memory(&m, memory);
	if (m.elfcorehdr_size)
		answer = "kept by the kernel";
	else if (image->memory_known)
		answer = memcmp(memory, image->memory, 32) ? "stale" : "fresh";
	machine_deinit(&m);
	return answer;
}

static int probe(const struct root *root, struct status *ret, struct err *err)
{
	char run[PATH_MAX];
	const struct state_dirs dirs = {run, NULL};
	struct status s = {0};
	int r = facts_probe(root, &s.facts, err);

	if (r)
		return r;
	snprintf(run, sizeof(run), "%s%s", root->path, STATE_RUN_DIR);
	if (fact_is(s.facts.crash_loaded, 1) && !state_read(&dirs, &s.image, &s.record_err)) {
		s.record_err.code = 0;
		s.header = judge_header(root, &s.image);
	}
	*ret = s;
	return 0;
}

static void deinit(struct status *s)
{
	facts_deinit(&s->facts);
	state_deinit(&s->image);
}

static void format_time(uint64_t seconds, char ret[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(ret, "?");
}

/* 0 if a panic kernel is loaded, else the exit status; err says why and what to do. */
static int judge(const struct facts *f, struct err *err)
{
	int r;

	if (fact_is(f->crash_loaded, 1))
		return 0;
	r = check_reservation(f, err);
	if (r)
		return f->sysfs ? ERR_NOT_LOADED : r;
	return err_set(err, ERR_NOT_LOADED,
		       "no panic kernel is loaded: load one with lifeboat load -p --initrd=IMG "
		       "--command-line=STR KERNEL");
}

static void print_regions(const struct facts *f)
{
	char size[16];

	for (size_t i = 0; i < f->regions.n; i++) {
		const struct range *r = &f->regions.v[i];

		printf("region:          0x%" PRIx64 "-0x%" PRIx64 " (%s)\n", r->start, r->end - 1,
		       num_human(r->end - r->start, size));
	}
	if (f->regions_hidden)
		printf("region:          hidden: /proc/iomem shows addresses to root only\n");
	else if (f->iomem_err.code)
		printf("region:          unknown: %s\n", f->iomem_err.msg);
}

static void print_yes_no(const char *label, struct fact f)
{
	printf("%-16s %s\n", label, !f.known ? "unknown" : f.value ? "yes" : "no");
}

static void print_image(const struct status *s)
{
	const struct state *image = &s->image;
	char text[65];

	if (s->record_err.code)
		printf("%-16s %s\n", "image:", s->record_err.msg);
	else if (fact_is(s->facts.crash_loaded, 1) && !image->known)
		printf("%-16s not on record: loaded by another program, or the record was lost\n",
		       "image:");
	if (!image->known)
		return;
	printf("%-16s %s %s, by %s\n", "image:", image->kernel, image->release,
	       load_method_name(image->method));
	format_time(image->time, text);
	printf("%-16s %s\n", "since:", text);
	printf("%-16s %s\n", "command line:", image->cmdline);
	sha256_text(image->kernel_digest, text);
	printf("%-16s %s\n", "kernel sha256:", text);
	sha256_text(image->initrd_digest, text);
	printf("%-16s %s\n", "initrd sha256:", text);
	printf("%-16s %s%s\n", "core header:", s->header ? s->header : "unknown",
	       s->header && strcmp(s->header, "stale") == 0
		       ? ": memory has changed since, load again"
		       : "");
}

static void print_text(const struct status *s, const struct err *problem)
{
	const struct facts *f = &s->facts;
	const char *lockdown = lockdown_name(f->lockdown);
	char size[16];

	print_yes_no("loaded:", f->crash_loaded);
	print_image(s);
	print_yes_no("ordinary image:", f->ordinary_loaded);
	printf("%-16s %s\n",
	       "reserved:", f->crash_size.known ? num_human(f->crash_size.value, size) : "unknown");
	print_regions(f);
	printf("%-16s %s\n", "parameter:", f->crashkernel ? f->crashkernel : "none");
	printf("%-16s %s\n", "running kernel:", f->release ? f->release : "unknown");
	printf("%-16s %s\n", "lockdown:", lockdown ? lockdown : "unknown");
	print_yes_no("secure boot:", f->secure_boot);
	print_yes_no("load disabled:", f->load_disabled);
	if (f->load_limit.known && f->load_limit.value != LOAD_UNLIMITED)
		printf("%-16s %" PRIu64 "\n", "loads left:", f->load_limit.value);
	if (problem->code)
		printf("\n%s\n", problem->msg);
}

static void put_number(struct json *j, const char *key, struct fact f)
{
	if (f.known && f.value != LOAD_UNLIMITED)
		json_put_uint(j, key, f.value);
	else
		json_put_null(j, key);
}

static void put_bool(struct json *j, const char *key, struct fact f)
{
	if (f.known)
		json_put_bool(j, key, f.value);
	else
		json_put_null(j, key);
}

static void put_regions(struct json *j, const struct facts *f)
{
	json_begin_array(j, "regions");
	for (size_t i = 0; i < f->regions.n; i++) {
		json_begin_object(j, NULL);
		json_put_hex(j, "start", f->regions.v[i].start);
		json_put_hex(j, "end", f->regions.v[i].end - 1);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_bool(j, "regions_hidden", f->regions_hidden);
}

static void put_image(struct json *j, const struct status *s)
{
	const struct state *image = &s->image;
	char text[65];

	if (!image->known) {
		json_put_null(j, "image");
		return;
	}
	json_begin_object(j, "image");
	json_put_string(j, "kernel", image->kernel);
	json_put_string(j, "release", image->release[0] ? image->release : NULL);
	json_put_string(j, "method", load_method_name(image->method));
	format_time(image->time, text);
	json_put_string(j, "since", text);
	json_put_string(j, "command_line", image->cmdline);
	sha256_text(image->kernel_digest, text);
	json_put_string(j, "kernel_sha256", text);
	sha256_text(image->initrd_digest, text);
	json_put_string(j, "initramfs_sha256", text);
	json_put_string(j, "core_header", s->header);
	json_end_object(j);
}

/* Unknown values are null; load_limit is null without a limit, too. */
static void print_json(const struct status *s, const struct err *problem)
{
	const struct facts *f = &s->facts;
	struct json j;

	json_init(&j, stdout);
	json_begin_object(&j, NULL);
	json_put_string(&j, "schema", "lifeboat-status-1");
	put_bool(&j, "loaded", f->crash_loaded);
	put_image(&j, s);
	put_bool(&j, "ordinary_loaded", f->ordinary_loaded);
	put_bool(&j, "hotplug_cpu", f->hotplug_cpu);
	put_bool(&j, "hotplug_memory", f->hotplug_memory);
	put_number(&j, "reserved_bytes", f->crash_size);
	put_regions(&j, f);
	json_put_string(&j, "crashkernel", f->crashkernel);
	json_put_string(&j, "running_kernel", f->release);
	json_put_string(&j, "lockdown", lockdown_name(f->lockdown));
	put_bool(&j, "secure_boot", f->secure_boot);
	put_bool(&j, "load_disabled", f->load_disabled);
	put_number(&j, "load_limit", f->load_limit);
	json_put_string(&j, "problem", problem->code ? problem->msg : NULL);
	json_end_object(&j);
	putchar('\n');
}

static int status_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root_path = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "root", "DIR", &root_path, "look at the machine recorded in DIR"),
	};
	struct err problem = {0};
	struct status s;
	struct root root;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	r = root_init(&root, root_path, err);
	if (r)
		return r;
	r = probe(&root, &s, err);
	root_deinit(&root);
	if (r)
		return r;
	r = judge(&s.facts, &problem);
	if (json)
		print_json(&s, &problem);
	else
		print_text(&s, &problem);
	deinit(&s);
	return r;
}

const struct cmd cmd_status = {
	.name = "status",
	.operands = "",
	.summary = "is a panic kernel loaded, and if not, why",
	.details = "Shows whether a panic kernel is loaded, what memory is reserved for it, and "
		   "what stands in\nthe way; and whether an image for an ordinary kexec is loaded. "
		   "Exit "
		   "status: 0 a panic kernel\nis loaded, 3 none.",
	.run = status_run,
};
