// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/sha256.h"
#include "base/utc.h"
#include "cmd/service.h"
#include "cmd/term.h"
#include "service/status.h"

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

static const char *header_name(enum status_header header)
{
	static const char *const names[] = {
		[STATUS_HEADER_UNKNOWN] = NULL,
		[STATUS_HEADER_FRESH] = "fresh",
		[STATUS_HEADER_STALE] = "stale",
		[STATUS_HEADER_KEPT] = "kept by the kernel",
	};

	return names[header];
}

static const char *image_name(enum status_image image)
{
	static const char *const names[] = {
		[STATUS_IMAGE_UNKNOWN] = NULL,
		[STATUS_IMAGE_FRESH] = "fresh",
		[STATUS_IMAGE_STALE] = "stale",
		[STATUS_IMAGE_MISSING] = "missing",
	};

	return names[image];
}

static const char *test_name(enum status_test test)
{
	static const char *const names[] = {
		[STATUS_TEST_UNKNOWN] = NULL,      [STATUS_TEST_NONE] = "none",
		[STATUS_TEST_PENDING] = "pending", [STATUS_TEST_PASSED] = "passed",
		[STATUS_TEST_FAILED] = "failed",
	};

	return names[test];
}

static const char *fit_name(enum status_fit fit)
{
	static const char *const names[] = {
		[STATUS_FIT_UNKNOWN] = NULL,    [STATUS_FIT_YES] = "yes",
		[STATUS_FIT_LEANER] = "leaner", [STATUS_FIT_PERHAPS] = "perhaps",
		[STATUS_FIT_NO] = "no",
	};

	return names[fit];
}

static const char *time_text(uint64_t seconds, char buf[UTC_TEXT])
{
	utc_format(seconds, buf);
	return buf;
}

/* ---- for people */

static void put_label(const char *label)
{
	printf("%-16s ", label);
}

/* Text of others ends its line, and cannot do anything else. */
static void put_text(const struct term *t, enum term_style style, const char *text)
{
	term_put(t, style, 0, text);
	putchar('\n');
}

static void put_row(const struct term *t, const char *label, const char *text)
{
	put_label(label);
	put_text(t, TERM_PLAIN, text);
}

static void print_verdict(const struct term *t, const struct status *st)
{
	char text[STATUS_VERDICT];
	enum term_style style = status_code(st)  ? TERM_BAD
				: st->n_problems ? TERM_WARNING
						 : TERM_GOOD;

	put_text(t, style, status_verdict(st, text));
	for (size_t i = 1; i < st->n_problems; i++) {
		printf("  and: ");
		put_text(t, TERM_WARNING, st->problems[i]);
	}
	putchar('\n');
}

static void print_armed(const struct term *t, const struct status *st)
{
	const struct state *armed = &st->armed;
	char text[SHA256_TEXT];

	if (st->record_err.code) {
		put_label("kernel:");
		printf("unknown: ");
		put_text(t, TERM_PLAIN, st->record_err.msg);
	}
	if (!armed->known)
		return;
	put_label("kernel:");
	term_put(t, TERM_PLAIN, 0, armed->kernel);
	if (*armed->release)
		printf(", %s", armed->release);
	printf(", by %s\n", load_method_name(armed->method));
	put_row(t, "since:", time_text(armed->time, text));
	put_row(t, "command line:", armed->cmdline);
	sha256_text(armed->kernel_digest, text);
	put_row(t, "kernel sha256:", text);
	sha256_text(armed->initrd_digest, text);
	put_row(t, "initrd sha256:", text);
	put_row(t, "core header:", header_name(st->header) ? header_name(st->header) : "unknown");
}

/* What is among the problems above is not said again. */
static void put_unknown(const struct term *t, const struct status *st, const struct err *why)
{
	for (size_t i = 0; i < st->n_problems; i++) {
		if (!strstr(st->problems[i], why->msg))
			continue;
		printf("unknown, as above\n");
		return;
	}
	printf("unknown: ");
	put_text(t, TERM_PLAIN, why->msg);
}

static void print_image(const struct term *t, const struct status *st)
{
	const char *name = image_name(st->image_state);

	put_label("image:");
	if (!name) {
		put_unknown(t, st, &st->image_err);
		return;
	}
	printf("%s, %s", *st->image ? st->image : "?", name);
	if (*st->difference)
		printf(" (%s)", st->difference);
	printf("%s\n", status_code(st) || st->image_is_armed
			       ? ""
			       : "; whether it is what is loaded is not known");
}

static void print_test(const struct term *t, const struct status *st)
{
	char when[UTC_TEXT];

	put_label("last test:");
	if (st->test_state == STATUS_TEST_UNKNOWN) {
		printf("unknown\n");
		return;
	}
	if (st->test_state == STATUS_TEST_NONE) {
		printf("none: `lifeboat test` makes one\n");
		return;
	}
	printf("%s %s, %s, of %s", history_kind_name(st->test.kind), test_name(st->test_state),
	       time_text(st->test.time, when),
	       st->test_of_this       ? "what is armed"
	       : st->test.image_known ? "another image"
				      : "no image");
	if (*st->test.text) {
		printf(": ");
		term_put(t, TERM_PLAIN, 0, st->test.text);
	}
	putchar('\n');
}

static void print_crash(const struct term *t, const struct status *st)
{
	char when[UTC_TEXT];

	put_label("last crash:");
	if (!st->crash_known) {
		printf("%s\n", st->test_state == STATUS_TEST_UNKNOWN ? "unknown" : "none");
		return;
	}
	printf("%s, %s", time_text(st->crash.time, when),
	       st->crash.good ? "a whole dump was saved" : "no whole dump was saved");
	if (*st->crash.where) {
		printf(st->crash.good ? " to " : ", what there was is in ");
		term_put(t, TERM_PLAIN, 0, st->crash.where);
	}
	printf(": ");
	put_text(t, TERM_PLAIN, st->crash.text);
}

/* Nothing is said if nothing waits: most machines have no spool. */
static void print_waiting(const struct term *t, const struct status *st)
{
	char text[1024];

	for (size_t i = 0; i < st->n_waiting; i++) {
		put_label(i ? "" : "waits to be sent:");
		term_put(t, TERM_PLAIN, 0, st->waiting[i].folder);
		printf(" (%s)\n", sending_describe(&st->waiting[i], st->now, text, sizeof(text)));
	}
}

static void print_fit(const struct status *st, const struct status_target *target)
{
	char need[16], leaner[16];

	num_human(st->need, need);
	num_human(st->need_leaner, leaner);
	switch (target->fit) {
	case STATUS_FIT_UNKNOWN:
		break;
	case STATUS_FIT_YES:
		printf(", a dump of %s at most fits", need);
		break;
	case STATUS_FIT_LEANER:
		printf(", only one of level 31 is sure to fit: %s at most, at level %u %s", leaner,
		       st->level, need);
		break;
	case STATUS_FIT_PERHAPS:
		printf(", a dump may not fit: at level 31 %s before it is packed", leaner);
		break;
	case STATUS_FIT_NO:
		printf(", a dump does not fit: at level 31 %s before it is packed", leaner);
		break;
	}
}

static void print_targets(const struct term *t, const struct status *st)
{
	char free[16];

	for (size_t i = 0; i < st->n_targets; i++) {
		const struct status_target *target = &st->targets[i];

		put_label(i ? "" : "dumps go to:");
		term_put(t, TERM_PLAIN, 0, target->text);
		if (*target->at) {
			printf(", mounted at ");
			term_put(t, TERM_PLAIN, 0, target->at);
		}
		if (target->free_known)
			printf(", %s free", num_human(target->free, free));
		else
			printf(", free room unknown: %s", target->why);
		if (target->log_only)
			printf(", for the log only");
		print_fit(st, target);
		putchar('\n');
	}
	if (st->n_targets)
		return;
	if (!st->config_err.code) {
		put_row(t, "dumps go to:", "unknown: only root can see that");
		return;
	}
	put_label("dumps go to:");
	put_unknown(t, st, &st->config_err);
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

static void print_machine(const struct facts *f)
{
	const char *lockdown = lockdown_name(f->lockdown);
	char size[16];

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
}

static void print_text(const struct status *st)
{
	struct term t;

	term_init(&t, stdout);
	print_verdict(&t, st);
	print_yes_no("loaded:", st->facts.crash_loaded);
	print_armed(&t, st);
	print_image(&t, st);
	print_test(&t, st);
	print_targets(&t, st);
	print_crash(&t, st);
	print_waiting(&t, st);
	print_machine(&st->facts);
}

/* ---- for programs: unknown values are null; load_limit is null without a limit, too */

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

static void put_armed(struct json *j, const struct status *st)
{
	const struct state *image = &st->armed;
	char text[SHA256_TEXT];

	if (!image->known) {
		json_put_null(j, "image");
		return;
	}
	json_begin_object(j, "image");
	json_put_string(j, "kernel", image->kernel);
	json_put_string(j, "release", image->release[0] ? image->release : NULL);
	json_put_string(j, "method", load_method_name(image->method));
	json_put_string(j, "since", time_text(image->time, text));
	json_put_string(j, "command_line", image->cmdline);
	sha256_text(image->kernel_digest, text);
	json_put_string(j, "kernel_sha256", text);
	sha256_text(image->initrd_digest, text);
	json_put_string(j, "initramfs_sha256", text);
	json_put_string(j, "core_header", header_name(st->header));
	json_end_object(j);
}

static void put_built(struct json *j, const struct status *st)
{
	bool known = st->image_state != STATUS_IMAGE_UNKNOWN;

	json_begin_object(j, "capture_image");
	json_put_string(j, "kernel", *st->version ? st->version : NULL);
	json_put_string(j, "file", *st->image ? st->image : NULL);
	json_put_string(j, "state", image_name(st->image_state));
	json_put_string(j, "difference", known && *st->difference ? st->difference : NULL);
	json_put_string(j, "unknown", known ? NULL : st->image_err.msg);
	if (known)
		json_put_bool(j, "is_armed", st->image_is_armed);
	else
		json_put_null(j, "is_armed");
	json_end_object(j);
}

static void put_test(struct json *j, const struct status *st)
{
	bool any = st->test_state != STATUS_TEST_UNKNOWN && st->test_state != STATUS_TEST_NONE;
	char when[UTC_TEXT];

	json_begin_object(j, "last_test");
	json_put_string(j, "state", test_name(st->test_state));
	json_put_string(j, "kind", any ? history_kind_name(st->test.kind) : NULL);
	json_put_string(j, "time", any ? time_text(st->test.time, when) : NULL);
	json_put_string(j, "text", any && *st->test.text ? st->test.text : NULL);
	if (any)
		json_put_bool(j, "of_this_image", st->test_of_this);
	else
		json_put_null(j, "of_this_image");
	json_end_object(j);
}

static void put_crash(struct json *j, const struct status *st)
{
	char when[UTC_TEXT];

	if (!st->crash_known) {
		json_put_null(j, "last_crash");
		return;
	}
	json_begin_object(j, "last_crash");
	json_put_string(j, "time", time_text(st->crash.time, when));
	json_put_bool(j, "good", st->crash.good);
	json_put_string(j, "text", st->crash.text);
	json_put_string(j, "where", *st->crash.where ? st->crash.where : NULL);
	json_end_object(j);
}

static void put_waiting(struct json *j, const struct status *st)
{
	if (!st->waiting_known) {
		json_put_null(j, "waiting");
		return;
	}
	json_begin_array(j, "waiting");
	for (size_t i = 0; i < st->n_waiting; i++) {
		const struct sending *w = &st->waiting[i];
		char time[UTC_TEXT];

		json_begin_object(j, NULL);
		json_put_string(j, "folder", w->folder);
		json_put_string(j, "since", time_text(w->since, time));
		json_put_uint(j, "attempts", w->attempts);
		json_put_string(j, "next", w->next ? time_text(w->next, time) : NULL);
		json_put_string(j, "error", *w->error ? w->error : NULL);
		json_put_bool(j, "sent", w->sent);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_targets(struct json *j, const struct status *st)
{
	json_begin_array(j, "targets");
	for (size_t i = 0; i < st->n_targets; i++) {
		const struct status_target *t = &st->targets[i];

		json_begin_object(j, NULL);
		json_put_string(j, "target", t->text);
		json_put_bool(j, "log_only", t->log_only);
		json_put_string(j, "mounted_at", *t->at ? t->at : NULL);
		put_number(j, "free_bytes", (struct fact){t->free_known, t->free});
		json_put_string(j, "unknown", t->free_known ? NULL : t->why);
		json_put_string(j, "fits", fit_name(t->fit));
		json_end_object(j);
	}
	json_end_array(j);
	put_number(j, "dump_level", (struct fact){st->n_targets, st->level});
	put_number(j, "dump_bytes_at_most", (struct fact){st->need_known, st->need});
	put_number(j, "leanest_bytes_at_most", (struct fact){st->need_known, st->need_leaner});
}

static void put_verdict(struct json *j, const struct status *st)
{
	char text[STATUS_VERDICT];

	json_put_string(j, "verdict", status_verdict(st, text));
	put_bool(j, "loaded", st->facts.crash_loaded);
	json_put_string(j, "problem", st->n_problems ? st->problems[0] : NULL);
	json_begin_array(j, "problems");
	for (size_t i = 0; i < st->n_problems; i++)
		json_put_string(j, NULL, st->problems[i]);
	json_end_array(j);
	json_put_bool(j, "all_seen", st->all_seen);
}

static void print_json(const struct status *st)
{
	const struct facts *f = &st->facts;
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-status-2");
	put_verdict(&j, st);
	put_armed(&j, st);
	put_built(&j, st);
	put_test(&j, st);
	put_targets(&j, st);
	json_put_string(&j, "configuration_error", st->config_err.code ? st->config_err.msg : NULL);
	put_crash(&j, st);
	put_waiting(&j, st);
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
	cmd_end_json(&j);
}

static int print(const struct service *s, bool json, struct err *err)
{
	struct status *st;
	int r = status_create(s, &st, err);

	if (r)
		return r;
	if (json)
		print_json(st);
	else
		print_text(st);
	r = status_code(st);
	status_destroy(st);
	return r; /* without a message: it is what was printed */
}

static int status_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root = NULL, *config = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &root, "look at the machine recorded in DIR"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (!r)
		r = service_words_init(&w, cmd, root, config, err);
	if (r)
		return r;
	r = print(&w.service, json, err);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_status = {
	.name = "status",
	.operands = "",
	.summary = "is the machine armed, with what, and would a dump fit",
	.details =
		"The first line is the verdict: armed, armed but something is wrong, or not armed, "
		"with\nthe remedy. Then what is loaded and since when, whether the image is what "
		"would be built\nnow, how the last test went, where a dump would go and whether it "
		"would fit, the last\ncrash, and what is known of the machine. Most of it takes "
		"root. Exit status: 0 the\nmachine is armed, 3 it is not.",
	.run = status_run,
	.group = CMD_SERVICE,
};
