// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two bytes of flags, then the running kernel's, the UKI's, --command-line's, --append's and --no-rule's text, each ended
 * by a NUL.
 * Properties: the line is taken apart into exactly the tokens that are kept and added; every word of the user is kept
 * in its order, but for a "--" where one is already; no rule adds what the user has, but where the kernel adds them up;
 * a text without elfcorehdr= and open quotes is no error. The texts are also read as /proc/cpuinfo.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/cmdline_rules.h"
#include "base/cleanup.h"
#include "loader/check.h"
#include "loader/cmdline.h"
#include "loader/cmdline_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static bool same(struct bytes a, const char *b)
{
	return a.len == strlen(b) && memcmp(a.data, b, a.len) == 0;
}

/* Text i of those behind the flags; `texts` ends with a NUL. */
static const char *text_at(const char *texts, const char *end, unsigned int i)
{
	while (i-- && texts < end)
		texts += strlen(texts) + 1;
	return texts < end ? texts : "";
}

static void check_line(const struct cmdline_plan *plan)
{
	const char *pos = plan->line;
	struct bytes token;

	for (size_t i = 0; i < plan->n; i++) {
		const struct cmdline_token *t = &plan->v[i];

		must(*t->why && *cmdline_origin_name(t->origin) &&
		     *cmdline_verdict_name(t->verdict));
		if (t->verdict != CMDLINE_DROPPED)
			must(cmdline_next(&pos, &token) && same(token, t->text));
		if (t->origin == CMDLINE_FROM_RULE)
			must(t->verdict != CMDLINE_KEPT);
		else
			must(t->verdict != CMDLINE_ADDED);
	}
	must(!cmdline_next(&pos, &token));
}

/* The next token of this origin from *at on; NULL: no more. */
static const struct cmdline_token *next_of(const struct cmdline_plan *plan,
					   enum cmdline_origin origin, size_t *at)
{
	while (*at < plan->n)
		if (plan->v[(*at)++].origin == origin)
			return &plan->v[*at - 1];
	return NULL;
}

static void check_user(const struct cmdline_plan *plan, const char *text,
		       enum cmdline_origin origin)
{
	const char *pos = text;
	struct bytes token;
	size_t at = 0;

	while (pos && cmdline_next(&pos, &token)) {
		const struct cmdline_token *t = next_of(plan, origin, &at);

		must(t && same(token, t->text));
		must(t->verdict == CMDLINE_KEPT || cmdline_is_dashes(token));
	}
	must(!next_of(plan, origin, &at));
}

/* Does a rule add this text to whatever else says the same parameter? */
static bool adds_up(const struct cmdline_rule *rules, const char *text)
{
	for (; rules && rules->text; rules++)
		if (rules->action == CMDLINE_ADD_TOO && strcmp(rules->text, text) == 0)
			return true;
	return false;
}

/* In front of "--" no rule's parameter stands beside the user's, but where the kernel adds them up. */
static void check_rules(const struct cmdline_plan *plan, const struct cmdline_rule *rules,
			const char *text)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct bytes rule, name, value, token;
		const char *pos = text;

		if (plan->v[i].verdict != CMDLINE_ADDED || adds_up(rules, plan->v[i].text))
			continue;
		cmdline_split(bytes_of(plan->v[i].text), &rule, &value);
		while (pos && cmdline_next(&pos, &token) && !cmdline_is_dashes(token)) {
			cmdline_split(token, &name, &value);
			must(!cmdline_same_name(rule, name));
		}
	}
}

static bool may_fail(const struct cmdline_input *in)
{
	const char *texts[] = {in->running, in->uki, in->command_line, in->append};
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i] && (cmdline_open_quote(texts[i]) ||
				 (i >= 2 && check_no_elfcorehdr(texts[i], &err))))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cmdline_rule *const rules[] = {NULL, x86_64_cmdline_rules,
							   arm64_cmdline_rules, NULL};
	_cleanup_free_ char *texts = calloc(1, size + 1);
	const char *end = texts + size;
	struct cmdline_input in;
	struct cmdline_plan plan;
	const char *remove;
	struct err err = {0};
	uint32_t id;

	must(texts && (size < 2 || memcpy(texts, data + 2, size - 2)));
	if (size < 2)
		return 0;
	remove = text_at(texts, end, 4);
	in = (struct cmdline_input){
		.panic = data[0] & 1,
		.rules = rules[data[0] >> 1 & 3],
		.running = data[0] & 8 ? text_at(texts, end, 0) : NULL,
		.uki = data[0] & 16 ? text_at(texts, end, 1) : NULL,
		.command_line = data[0] & 32 ? text_at(texts, end, 2) : NULL,
		.append = data[0] & 64 ? text_at(texts, end, 3) : NULL,
		.cpus = {.wanted = data[1] & 7,
			 .several = data[1] & 8,
			 .present = 16,
			 .reserved = (uint64_t)data[1] << 22,
			 .apic = data[1] & 16,
			 .bsp_known = data[1] & 32,
			 .bsp_apicid = data[1]},
		.remove = &remove,
		.n_remove = data[0] >> 7,
	};
	cmdline_cpus_bsp(texts, &id);
	if (cmdline_plan_init(&plan, &in, &err)) {
		must(err.code && may_fail(&in));
		return 0;
	}
	check_line(&plan);
	check_user(&plan, in.command_line, CMDLINE_FROM_COMMAND_LINE);
	check_user(&plan, in.append, CMDLINE_FROM_APPEND);
	check_rules(&plan, in.rules, in.command_line);
	check_rules(&plan, in.rules, in.append);
	cmdline_plan_deinit(&plan);
	return 0;
}
