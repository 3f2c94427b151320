// SPDX-License-Identifier: GPL-2.0-or-later
/* What of this machine stands in the way of capturing a crash: a section for each thing that is looked at. */
#include <stdio.h>
#include <string.h>

#include "cmd/check.h"
#include "cmd/service.h"
#include "cmd/term.h"
#include "loader/kconfig.h"

#define WIDTH       80
#define WHAT_COLUMN 11 /* behind "  warning  " */
#define TEXT_COLUMN 37 /* behind the longest option without "CONFIG_", and two blanks */

/* Print `text` from column `at` on, broken at blanks; the line is as far as `at`. */
static void put_wrapped(const char *text, int at)
{
	int column = at;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > at && column + 1 + len > WIDTH) {
			printf("\n%*s", at, "");
			column = at;
		}
		column += printf("%s%.*s", column > at ? " " : "", len, text);
		text += len + (text[len] == ' ');
	}
	putchar('\n');
}

/* In the first column: how much it matters, which the colour repeats. */
static int put_weight(const char *weight)
{
	static const struct {
		const char *weight;
		enum term_style style;
	} styles[] = {
		{"FATAL", TERM_BAD},
		{"FAILED", TERM_BAD},
		{"warning", TERM_WARNING},
		{"good", TERM_GOOD},
	};
	enum term_style style = TERM_PLAIN;
	struct term term;

	term_init(&term, stdout);
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		if (strcmp(styles[i].weight, weight) == 0)
			style = styles[i].style;
	return printf("  ") + term_put(&term, style, WHAT_COLUMN - 2, weight);
}

static void put_row(const char *weight, const char *what, const char *text, const char *remedy)
{
	int n = put_weight(weight) + printf("%s", what);

	if (n > TEXT_COLUMN - 2)
		printf("\n%*s", TEXT_COLUMN, "");
	else
		printf("%*s", TEXT_COLUMN - n, "");
	put_wrapped(text, TEXT_COLUMN);
	if (remedy) {
		printf("%*s", TEXT_COLUMN, "");
		n = printf("-> ");
		put_wrapped(remedy, TEXT_COLUMN + n);
	}
}

void check_put_note(const char *weight, const char *text)
{
	put_weight(weight);
	put_wrapped(text, WHAT_COLUMN);
}

static const char *weight_key(enum kconfig_weight weight)
{
	switch (weight) {
	case KCONFIG_FATAL:
		return "fatal";
	case KCONFIG_WARNING:
		return "warning";
	case KCONFIG_INFO:
		break;
	}
	return "info";
}

static const char *value_key(enum kconfig_value value)
{
	switch (value) {
	case KCONFIG_YES:
		return "y";
	case KCONFIG_MODULE:
		return "m";
	case KCONFIG_NO:
		return "n";
	case KCONFIG_UNKNOWN:
		break;
	}
	return NULL;
}

static void put_kernel_json(struct json *j, const struct kconfig_report *r)
{
	json_put_string(j, "source", *r->source ? r->source : NULL);
	json_begin_array(j, "options");
	for (size_t i = 0; i < r->n; i++) {
		const struct kconfig_finding *f = &r->v[i];

		json_begin_object(j, NULL);
		json_put_string(j, "option", f->option);
		json_put_string(j, "value", value_key(f->value));
		json_put_bool(j, "good", f->good);
		json_put_string(j, "weight", weight_key(f->weight));
		json_put_string(j, "effect", f->effect);
		json_put_string(j, "remedy", f->remedy);
		json_end_object(j);
	}
	json_end_array(j);
}

/* The rows of one kind, and how many there are. */
static size_t put_options(const struct kconfig_report *r, bool good, enum kconfig_weight weight,
			  const char *label, bool print)
{
	const size_t prefix = strlen("CONFIG_");
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct kconfig_finding *f = &r->v[i];

		if (f->value == KCONFIG_UNKNOWN || f->good != good ||
		    (!good && f->weight != weight))
			continue;
		n++;
		if (print)
			put_row(label, f->option + prefix, f->effect, f->remedy);
	}
	return n;
}

/* The options whose value the file does not tell, as one row. */
static void put_unknown(const struct kconfig_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->v[i].value == KCONFIG_UNKNOWN;
	if (!n)
		return;
	printf("  %-*s%zu options that the file does not mention:\n", WHAT_COLUMN - 2, "unknown",
	       n);
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].value == KCONFIG_UNKNOWN)
			printf("%*s%s\n", WHAT_COLUMN, "", r->v[i].option);
}

static void put_kernel(const struct kconfig_report *r, bool all)
{
	size_t fatal, warnings, notes, unknown = r->n;

	if (!*r->source) {
		printf("kernel: unknown: found no /proc/config.gz, /boot/config-RELEASE or\n"
		       "        /lib/modules/RELEASE/config\n");
		return;
	}
	fatal = put_options(r, false, KCONFIG_FATAL, NULL, false);
	warnings = put_options(r, false, KCONFIG_WARNING, NULL, false);
	notes = put_options(r, false, KCONFIG_INFO, NULL, false);
	unknown -= fatal + warnings + notes + put_options(r, true, KCONFIG_INFO, NULL, false);
	if (fatal)
		printf("kernel: CANNOT CAPTURE A CRASH (%s)\n", r->source);
	else if (warnings || notes || unknown)
		printf("kernel: warnings: %zu, notes: %zu (%s)\n", warnings, notes, r->source);
	else
		printf("kernel: has all that it needs (%s)\n", r->source);
	put_options(r, false, KCONFIG_FATAL, "FATAL", true);
	put_options(r, false, KCONFIG_WARNING, "warning", true);
	put_options(r, false, KCONFIG_INFO, "note", true);
	put_unknown(r);
	put_options(r, true, KCONFIG_INFO, "good", all);
}

static int check_kernel(struct check_run *run, struct err *err)
{
	struct kconfig_report report;
	int r = kconfig_check(run->service->root, &report, err);

	if (r)
		return r;
	for (size_t i = 0; i < report.n; i++) {
		const struct kconfig_finding *f = &report.v[i];

		run->fatal |= !f->good && f->weight == KCONFIG_FATAL;
		run->unknown |= f->value == KCONFIG_UNKNOWN;
	}
	if (run->json)
		put_kernel_json(run->json, &report);
	else
		put_kernel(&report, run->all);
	kconfig_deinit(&report);
	return 0;
}

static const struct section {
	const char *name; /* in JSON, of the object with what `look` prints */
	int (*look)(struct check_run *run, struct err *err);
} sections[] = {
	{"kernel", check_kernel},
	{"configuration", check_configuration},
	{"image", check_image},
	{"targets", check_targets},
};

/* A section that fails says so in its place, and the first failure is the command's; the others go on. */
static int look_at_all(struct check_run *run, struct err *err)
{
	struct err failed, *to = err;
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		int r;

		if (run->json)
			json_begin_object(run->json, sections[i].name);
		r = sections[i].look(run, to);
		if (r && run->json)
			json_put_string(run->json, "error", to->msg);
		else if (r)
			printf("%s: unknown: it could not be looked at\n", sections[i].name);
		if (run->json)
			json_end_object(run->json);
		if (r && !first) {
			first = r;
			to = &failed;
		}
	}
	return first;
}

/* They stand in the section that they are about, not on standard error. */
static void keep_note(void *ctx, enum service_tone tone, const char *text)
{
	struct check_run *run = ctx;
	char ***list = tone == SERVICE_NOTE ? &run->notes : &run->warnings;
	struct err ignored;

	if (tone != SERVICE_PROGRESS && *list && recipe_add_string(list, text, &ignored))
		return; /* a note is no reason to stop */
}

static int check_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root_path = NULL, *config = NULL;
	bool as_json = false;
	struct check_run run = {0};
	const struct opt opts[] = {
		OPT_FLAG('a', "all", &run.all, "list what is good, too"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_FLAG(0, "no-probe", &run.no_probe, "write nothing to the targets"),
		OPT_STRING(0, "root", "DIR", &root_path, "look at the machine recorded in DIR"),
	};
	struct service_words words;
	struct json json;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	r = service_words_init(&words, cmd, root_path, config, err);
	if (r)
		return r;
	run.notes = calloc(1, sizeof(*run.notes));
	run.warnings = calloc(1, sizeof(*run.warnings));
	run.service = &words.service;
	run.service->tell = keep_note;
	run.service->tell_ctx = &run;
	if (as_json) {
		run.json = &json;
		cmd_begin_json(&json, stdout, "lifeboat-check-1");
	}
	r = look_at_all(&run, err);
	if (as_json) {
		if (!run.fatal && (r || run.unknown))
			json_put_null(&json, "can_capture");
		else
			json_put_bool(&json, "can_capture", !run.fatal);
		cmd_end_json(&json);
	}
	recipe_destroy(run.recipe);
	config_destroy(run.config);
	recipe_free_strings(run.notes);
	recipe_free_strings(run.warnings);
	service_words_deinit(&words);
	if (r || !run.fatal)
		return r;
	*err = (struct err){0}; /* what was looked for in vain on the way is no cause */
	return ERR_UNSUPPORTED;
}

const struct cmd cmd_check = {
	.name = "check",
	.operands = "",
	.summary = "can this machine capture a crash, and what does it lack",
	.details =
		"Looks at the running kernel's configuration: what each missing option costs, and "
		"what\nreplaces it; at the configuration, and whether all that the image takes is "
		"there; at the targets,\neach of which is written to, under the same deadlines as "
		"after a crash: a small file, which is\nremoved again. Exit status: 0 a crash can "
		"be captured, 5 not.",
	.run = check_run,
};
