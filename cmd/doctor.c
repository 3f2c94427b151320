// SPDX-License-Identifier: GPL-2.0-or-later
/* If the machine crashed now: what would be captured, what could be read of it, and what should be changed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cmd/doctor.h"
#include "cmd/service.h"
#include "cmd/stats.h"
#include "cmd/term.h"

#define TEXT_COLUMN 28

static const char *const answer_words[] = {"unknown", "yes", "NO"};
static const char *const weight_keys[] = {"fatal", "warning", "note"};

/* ---- text */

/* Texts may quote files and dumps. */
static void print_wrapped(const char *text, int at)
{
	size_t size = 4 * strlen(text) + 1;
	_cleanup_free_ char *plain = malloc(size);

	opt_print_wrapped(stdout, plain ? text_plain(text, plain, size) : "?", at);
}

static void print_label(const struct term *term, enum term_style style, const char *word,
			const char *name)
{
	int n = printf("  ") + term_put(term, style, 9, word);

	n += printf("%s", name);
	if (n > TEXT_COLUMN - 2)
		printf("\n%*s", TEXT_COLUMN, "");
	else
		printf("%*s", TEXT_COLUMN - n, "");
}

static void print_rungs(const struct doctor *d, const struct term *term)
{
	static const enum term_style styles[] = {TERM_WARNING, TERM_GOOD, TERM_BAD};
	char text[512];

	printf("\nwhat a dump of this kernel could tell%s:\n",
	       d->live.k ? ", tried on the running machine" : "");
	for (size_t i = 0; i < d->n_rungs; i++) {
		const struct doctor_rung *r = &d->rungs[i];

		print_label(term, styles[r->answer], answer_words[r->answer], r->name);
		snprintf(text, sizeof(text), "%s%s%s%s", r->gives, *r->detail ? " (" : "",
			 r->detail, *r->detail ? ")" : "");
		print_wrapped(text, TEXT_COLUMN);
	}
}

static void print_classes(const struct doctor_dump *dump)
{
	char size[16];

	for (int c = 0; c < PAGE_CLASSES; c++)
		if (dump->stats.class_pages[c])
			printf("  %-26s%12s%s\n", page_class_name(c),
			       num_human(dump->stats.class_pages[c] * dump->page_size, size),
			       dump->stats.dropped[c] >= dump->stats.class_pages[c] ? "   left out"
										    : "");
}

static void print_size(const struct doctor_dump *dump)
{
	char size[16];

	printf("\nthe dump, of level %u:\n", dump->level);
	if (dump->counted) {
		print_classes(dump);
		printf("  %-26s%12s   packed, by a sample\n", "size",
		       num_human(dump->file_bytes, size));
	}
	if (dump->most_known)
		printf("  %-26s%12s   before compression\n", "at most",
		       num_human(dump->most_bytes, size));
	if (!dump->counted && *dump->why) {
		printf("  %-26s", "pages");
		printf("not counted: ");
		print_wrapped(dump->why, TEXT_COLUMN + 13);
	}
	if (dump->capture_ms) {
		printf("  %-26sabout %" PRIu64 " s, as fast as ", "time",
		       dump->capture_ms / 1000 + 1);
		cmd_print_plain(stdout, dump->rate_of);
		putchar('\n');
	} else if (dump->counted) {
		printf("  %-26s%" PRIu64 ".%" PRIu64
		       " s of one CPU to pack it; how fast the target is, a crash tells\n",
		       "time", dump->pack_ms / 1000, dump->pack_ms / 100 % 10);
	}
}

static const char *fit_text(const struct doctor *d, const struct status_target *t)
{
	static const char *const texts[] = {
		[STATUS_FIT_UNKNOWN] = "whether it fits is not known",
		[STATUS_FIT_YES] = "it fits",
		[STATUS_FIT_LEANER] = "only one of level 31 is sure to fit",
		[STATUS_FIT_PERHAPS] = "it fits only if it packs well",
		[STATUS_FIT_NO] = "it does NOT fit",
	};

	if (t->log_only)
		return "takes the log only";
	/* what was packed here is known better */
	if (t->free_known && d->dump.file_bytes)
		return t->free >= d->dump.file_bytes ? texts[STATUS_FIT_YES] : texts[STATUS_FIT_NO];
	return texts[t->fit];
}

static void print_targets(const struct doctor *d)
{
	char text[2048], size[16];

	printf("\nwhere it would go:\n");
	if (!d->st->n_targets)
		printf("  nowhere that is known\n");
	for (size_t i = 0; i < d->st->n_targets; i++) {
		const struct status_target *t = &d->st->targets[i];

		snprintf(text, sizeof(text), "%zu  %s: %s%s; %s", i + 1, t->text,
			 t->free_known ? num_human(t->free, size) : "room not known",
			 t->free_known ? " free" : "", fit_text(d, t));
		printf("  ");
		print_wrapped(text, 5);
	}
}

static void print_findings(const struct doctor *d, const struct term *term)
{
	static const char *const words[] = {"FATAL", "warning", "note"};
	static const enum term_style styles[] = {TERM_BAD, TERM_WARNING, TERM_PLAIN};

	printf("\n%s\n", d->n_findings ? "to be changed:" : "nothing needs to be changed");
	for (size_t i = 0; i < d->n_findings; i++) {
		const struct doctor_finding *f = &d->findings[i];

		print_label(term, styles[f->weight], words[f->weight], f->what);
		print_wrapped(f->reason, TEXT_COLUMN);
		if (!*f->remedy)
			continue;
		printf("%*s-> ", TEXT_COLUMN, "");
		print_wrapped(f->remedy, TEXT_COLUMN + 3);
	}
	if (d->findings_left_out)
		printf("  and %zu more\n", d->findings_left_out);
}

static void print_text(const struct doctor *d)
{
	char verdict[STATUS_VERDICT];
	struct term term;

	term_init(&term, stdout);
	print_wrapped(status_verdict(d->st, verdict), 0);
	print_rungs(d, &term);
	print_size(&d->dump);
	print_targets(d);
	print_findings(d, &term);
}

/* ---- JSON: docs/json.md */

static void put_rungs(struct json *j, const struct doctor *d)
{
	json_begin_array(j, "readable");
	for (size_t i = 0; i < d->n_rungs; i++) {
		const struct doctor_rung *r = &d->rungs[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", r->name);
		json_put_string(j, "gives", r->gives);
		if (r->answer == DOCTOR_UNKNOWN)
			json_put_null(j, "there");
		else
			json_put_bool(j, "there", r->answer == DOCTOR_YES);
		json_put_string(j, "from", r->from);
		json_put_string(j, "detail", *r->detail ? r->detail : NULL);
		json_put_string(j, "remedy", r->remedy);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_dump(struct json *j, const struct doctor_dump *dump)
{
	json_begin_object(j, "dump");
	json_put_uint(j, "level", dump->level);
	json_put_string(j, "not_counted", dump->counted ? NULL : dump->why);
	json_put_known(j, "file_bytes", dump->file_bytes);
	json_put_known(j, "at_most_bytes", dump->most_known ? dump->most_bytes : 0);
	if (dump->counted)
		json_put_uint(j, "pack_ms", dump->pack_ms);
	else
		json_put_null(j, "pack_ms");
	json_put_known(j, "bytes_per_second", dump->rate);
	json_put_string(j, "rate_of", dump->rate ? dump->rate_of : NULL);
	json_put_known(j, "capture_ms", dump->capture_ms);
	json_begin_object(j, "classes");
	for (int c = 0; c < PAGE_CLASSES && dump->counted; c++) {
		json_begin_object(j, stats_class_key(c));
		json_put_uint(j, "pages", dump->stats.class_pages[c]);
		json_put_uint(j, "bytes", dump->stats.class_pages[c] * dump->page_size);
		json_put_uint(j, "left_out", dump->stats.dropped[c]);
		json_end_object(j);
	}
	json_end_object(j);
	json_end_object(j);
}

static void put_targets(struct json *j, const struct doctor *d)
{
	json_begin_array(j, "targets");
	for (size_t i = 0; i < d->st->n_targets; i++) {
		const struct status_target *t = &d->st->targets[i];

		json_begin_object(j, NULL);
		json_put_string(j, "target", t->text);
		json_put_bool(j, "log_only", t->log_only);
		if (t->free_known)
			json_put_uint(j, "free_bytes", t->free);
		else
			json_put_null(j, "free_bytes");
		if (t->free_known && d->dump.file_bytes && !t->log_only)
			json_put_bool(j, "fits", t->free >= d->dump.file_bytes);
		else
			json_put_null(j, "fits");
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_findings(struct json *j, const struct doctor *d)
{
	json_begin_array(j, "findings");
	for (size_t i = 0; i < d->n_findings; i++) {
		const struct doctor_finding *f = &d->findings[i];

		json_begin_object(j, NULL);
		json_put_string(j, "weight", weight_keys[f->weight]);
		json_put_string(j, "what", f->what);
		json_put_string(j, "reason", f->reason);
		json_put_string(j, "remedy", *f->remedy ? f->remedy : NULL);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_uint(j, "findings_left_out", d->findings_left_out);
}

static void print_json(const struct doctor *d)
{
	char verdict[STATUS_VERDICT];
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-doctor-1");
	json_put_string(&j, "verdict", status_verdict(d->st, verdict));
	json_put_bool(&j, "armed", !status_code(d->st));
	json_put_bool(&j, "tried", d->live.k != NULL);
	json_put_string(&j, "not_tried", d->live.k ? NULL : d->live_err.msg);
	json_put_string(&j, "release", d->st->facts.release);
	put_rungs(&j, d);
	put_dump(&j, &d->dump);
	put_targets(&j, d);
	put_findings(&j, d);
	cmd_end_json(&j);
}

/* ---- looking */

static void open_memory(struct doctor *d)
{
	const struct opened_options options = {.live = true, .root = d->root, .config = d->config};
	char *none[] = {NULL};

	if (opened_init(&d->live, d->cmd, &options, none, NULL, &d->live_err)) {
		opened_deinit(&d->live);
		d->live = (struct opened){0};
	}
}

static int examine(struct doctor *d, struct err *err)
{
	struct config *config = NULL;

	if (status_create(d->service, &d->st, err))
		return err->code;
	if (!kconfig_check(d->service->root, &d->kconfig, &d->kconfig_err))
		d->kconfig_err = (struct err){0}; /* of places where it is not */
	else if (d->kconfig_err.code == ERR_NO_MEMORY)
		return *err = d->kconfig_err, err->code;
	if (!service_config(d->service, &config, NULL, &d->room_err)) {
		if (!crashkernel_estimate(d->service, config, NULL, &d->room, &d->room_err))
			d->room_err = (struct err){0};
		config_destroy(config);
	}
	open_memory(d);
	doctor_climb(d);
	if (doctor_measure(d, err))
		return err->code;
	doctor_judge(d);
	return 0;
}

/* Without a message: it is what was printed. */
static int verdict_of(const struct doctor *d)
{
	int r = status_code(d->st);

	for (size_t i = 0; i < d->n_findings && !r; i++)
		if (d->findings[i].weight != DOCTOR_NOTE)
			r = ERR_PARTIAL;
	return r;
}

/* What the libraries tell on the way stands in the findings, or does not matter here. */
static void hear(void *ctx, enum service_tone tone, const char *text)
{
	(void)ctx;
	(void)tone;
	(void)text;
}

static void doctor_deinit(struct doctor *d)
{
	opened_deinit(&d->live);
	kconfig_deinit(&d->kconfig);
	status_destroy(d->st);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root = NULL, *config = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &root, "look at the machine recorded in DIR"),
	};
	_cleanup_free_ struct doctor *d = calloc(1, sizeof(*d));
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (!r && !d)
		r = err_nomem(err, sizeof(*d), "what is looked at");
	if (!r)
		r = service_words_init(&w, cmd, root, config, err);
	if (r)
		return r;
	w.service.tell = hear;
	d->cmd = cmd;
	d->service = &w.service;
	d->root = root;
	d->config = config;
	r = examine(d, err);
	if (!r) {
		(json ? print_json : print_text)(d);
		r = verdict_of(d);
	}
	doctor_deinit(d);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "if the machine crashed now: what could be read, how large the dump, what to "
		   "change",
	.details =
		"Tries on the running machine (/proc/kcore, for root) what could be read of a dump "
		"without\ndebugging information, else goes by the kernel's configuration and /sys; "
		"estimates size and\ntime of the dump, where it would go and whether it fits; and "
		"lists "
		"what should be changed,\neach with its reason. Exit status: 0 all is well as far "
		"as is "
		"known, 3 the machine is not\narmed, 11 a crash would be captured, but something "
		"would be "
		"lost.",
	.run = run,
	.group = CMD_SERVICE,
};
