// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/cmdline_plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "loader/check.h"
#include "loader/cmdline.h"

/* What the line of one kernel says and that cannot be true of another one. */
static const struct cmdline_rule always[] = {
	{CMDLINE_DROP, "BOOT_IMAGE", "the boot loader's note of the file that it started"},
	{CMDLINE_DROP, "initrd",
	 "it told the boot loader or the EFI stub what to load; there is none"},
	{CMDLINE_DROP, "elfcorehdr", "it is where another crash left its ELF header"},
	{CMDLINE_DROP, "dmcryptkeys", "it is where keys were left for another kernel"},
	{0},
};

static const struct cmdline_rule always_panic[] = {
	{CMDLINE_DROP, "crashkernel",
	 "it would take memory away from the capture kernel, for a panic kernel of its own"},
	{0},
};

/* Why a token is missing that --no-rule, or cmdline_remove of the configuration, speaks of. */
#define REMOVED "left out at the user's wish (%.200s)"

struct planner {
	const struct cmdline_input *in;
	const char *texts[CMDLINE_FROM_RULE]; /* by origin */
	/* NULL: the UKI's line is used if there is one */
	const char *instead_of_uki;
	char nr_cpus[32], bsp[48];
	bool cpus_doubtful;
	struct cmdline_rule dynamic[3];
	const struct cmdline_rule *tables[4];
	size_t n_tables;
	bool dashes; /* the "--" is in the plan */
	struct cmdline_plan plan;
};

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static int grow(struct cmdline_plan *plan, struct err *err)
{
	size_t cap = plan->cap ? 2 * plan->cap : 32;
	struct cmdline_token *v;

	if (plan->n < plan->cap)
		return 0;
	v = reallocarray(plan->v, cap, sizeof(*v));
	if (!v)
		return err_nomem(err, cap * sizeof(*v), "the command line's tokens");
	plan->v = v;
	plan->cap = cap;
	return 0;
}

static _printf_(6, 7) int add(struct planner *p, struct bytes text, enum cmdline_origin origin,
			      enum cmdline_verdict verdict, struct err *err, const char *why, ...)
{
	struct cmdline_token t = {.origin = origin, .verdict = verdict};
	va_list args;
	int len;

	if (grow(&p->plan, err))
		return err->code;
	t.text = strndup((const char *)text.data, text.len);
	if (!t.text)
		return err_nomem(err, text.len + 1, "a token of the command line");
	va_start(args, why);
	len = vasprintf(&t.why, why, args);
	va_end(args);
	if (len < 0) {
		free(t.text);
		return err_nomem(err, strlen(why) + 1, "the reason for a token");
	}
	p->plan.v[p->plan.n++] = t;
	return 0;
}

/* A pattern may end in '*': all parameters that begin so. */
static bool name_matches(struct bytes pattern, struct bytes name)
{
	if (pattern.len && pattern.data[pattern.len - 1] == '*') {
		pattern.len--;
		name.len = NUM_MIN(name.len, pattern.len);
	}
	return cmdline_same_name(pattern, name);
}

static bool rule_is_for(const struct cmdline_rule *rule, struct bytes name)
{
	struct bytes own, value;

	cmdline_split(bytes_of(rule->text), &own, &value);
	return name_matches(own, name);
}

/* What of the user's wishes to leave something out is about this token; NULL: nothing. */
static const char *removed_by(const struct planner *p, struct bytes token)
{
	struct bytes name, value;

	cmdline_split(token, &name, &value);
	for (size_t i = 0; i < p->in->n_remove; i++) {
		struct bytes wish = bytes_of(p->in->remove[i]);

		if (memchr(wish.data, '=', wish.len)
			    ? wish.len == token.len && memcmp(wish.data, token.data, wish.len) == 0
			    : name_matches(wish, name))
			return p->in->remove[i];
	}
	return NULL;
}

static const struct cmdline_rule *find_rule(const struct planner *p, enum cmdline_action action,
					    struct bytes name)
{
	for (size_t i = 0; i < p->n_tables; i++)
		for (const struct cmdline_rule *r = p->tables[i]; r->text; r++)
			if (r->action == action && rule_is_for(r, name))
				return r;
	return NULL;
}

static bool by_user(enum cmdline_origin origin)
{
	return origin == CMDLINE_FROM_COMMAND_LINE || origin == CMDLINE_FROM_APPEND;
}

/* What the user says of a parameter; the last of several. */
static bool users_token(const struct planner *p, struct bytes name, struct bytes *ret,
			enum cmdline_origin *ret_origin)
{
	bool found = false;

	for (enum cmdline_origin o = 0; o < CMDLINE_FROM_RULE; o++) {
		const char *pos = by_user(o) ? p->texts[o] : NULL;
		struct bytes token, own, value;

		while (pos && cmdline_next(&pos, &token) && !cmdline_is_dashes(token)) {
			cmdline_split(token, &own, &value);
			if (!cmdline_same_name(own, name))
				continue;
			*ret = token;
			*ret_origin = o;
			found = true;
		}
	}
	return found;
}

static int judge_users(struct planner *p, struct bytes token, enum cmdline_origin origin,
		       const struct cmdline_rule *drop, struct err *err)
{
	int r;

	if (!drop)
		return add(p, token, origin, CMDLINE_KEPT, err, "given by --%s",
			   cmdline_origin_name(origin));
	r = add(p, token, origin, CMDLINE_KEPT, err,
		"given by --%s, so it stays; left to the rules it would be dropped: %s",
		cmdline_origin_name(origin), drop->why);
	if (!r)
		p->plan.v[p->plan.n - 1].doubtful = true;
	return r;
}

/* A token in front of "--" of a text that is used. */
static int judge(struct planner *p, struct bytes token, enum cmdline_origin origin, struct err *err)
{
	const struct cmdline_rule *drop, *rule;
	struct bytes name, value;
	const char *removed;

	cmdline_split(token, &name, &value);
	drop = find_rule(p, CMDLINE_DROP, name);
	if (by_user(origin))
		return judge_users(p, token, origin, drop, err);
	removed = removed_by(p, token);
	if (removed)
		return add(p, token, origin, CMDLINE_DROPPED, err, REMOVED, removed);
	if (drop)
		return add(p, token, origin, CMDLINE_DROPPED, err, "%s", drop->why);
	rule = find_rule(p, CMDLINE_ADD, name);
	if (!rule)
		rule = find_rule(p, CMDLINE_ADD_ROOT, name);
	if (rule && removed_by(p, bytes_of(rule->text)))
		rule = NULL;
	if (rule && token.len == strlen(rule->text) &&
	    memcmp(token.data, rule->text, token.len) == 0)
		return add(p, token, origin, CMDLINE_KEPT, err, "a rule wants it: %s", rule->why);
	if (rule)
		return add(p, token, origin, CMDLINE_DROPPED, err,
			   "the user or a rule has another value for the next kernel");
	return add(p, token, origin, CMDLINE_KEPT, err, "no rule speaks against it");
}

/* All tokens in front of a text's "--". */
static int plan_parameters(struct planner *p, enum cmdline_origin origin, struct err *err)
{
	const char *pos = p->texts[origin];
	struct bytes token;
	int r = 0;

	while (!r && pos && cmdline_next(&pos, &token) && !cmdline_is_dashes(token))
		r = judge(p, token, origin, err);
	return r;
}

/* The first "--" of a text and what is behind it. A second one there is a word like others. */
static int plan_init_words(struct planner *p, enum cmdline_origin origin, struct err *err)
{
	const char *pos = p->texts[origin];
	bool behind = false;
	struct bytes token;
	int r = 0;

	while (!r && pos && cmdline_next(&pos, &token)) {
		bool dashes = !behind && cmdline_is_dashes(token);

		if (dashes && p->dashes)
			r = add(p, token, origin, CMDLINE_DROPPED, err,
				"there is one already, which this text's words for init follow");
		else if (dashes)
			r = add(p, token, origin, CMDLINE_KEPT, err, "what follows is for init");
		else if (behind)
			r = add(p, token, origin, CMDLINE_KEPT, err, "behind --, so it is init's");
		p->dashes |= dashes;
		behind |= dashes;
	}
	return r;
}

static int plan_unused_uki(struct planner *p, struct err *err)
{
	const char *pos = p->in->uki;
	struct bytes token;
	int r = 0;

	while (!r && cmdline_next(&pos, &token))
		r = add(p, token, CMDLINE_FROM_UKI, CMDLINE_DROPPED, err,
			"%s is used instead of the image's own line", p->instead_of_uki);
	return r;
}

/* Does the line have this very token already? Then judge() has said that a rule wants it. */
static bool has_kept(const struct planner *p, const char *text)
{
	for (size_t i = 0; i < p->plan.n; i++)
		if (p->plan.v[i].verdict == CMDLINE_KEPT && strcmp(p->plan.v[i].text, text) == 0)
			return true;
	return false;
}

static int plan_rule(struct planner *p, const struct cmdline_rule *rule, struct err *err)
{
	bool too = rule->action == CMDLINE_ADD_TOO;
	struct bytes name, value, token;
	enum cmdline_origin origin;
	const char *removed;
	int r;

	cmdline_split(bytes_of(rule->text), &name, &value);
	if ((!too && users_token(p, name, &token, &origin)) ||
	    (rule->action == CMDLINE_ADD_ROOT && users_token(p, bytes_of("root"), &token, &origin)))
		return add(p, bytes_of(rule->text), CMDLINE_FROM_RULE, CMDLINE_DROPPED, err,
			   "--%s has %.*s", cmdline_origin_name(origin),
			   (int)NUM_MIN(token.len, 200u), token.data);
	removed = removed_by(p, bytes_of(rule->text));
	if (removed)
		return add(p, bytes_of(rule->text), CMDLINE_FROM_RULE, CMDLINE_DROPPED, err,
			   REMOVED, removed);
	if (has_kept(p, rule->text))
		return 0;
	r = add(p, bytes_of(rule->text), CMDLINE_FROM_RULE, CMDLINE_ADDED, err, "%s", rule->why);
	if (!r)
		p->plan.v[p->plan.n - 1].doubtful = rule == p->dynamic && p->cpus_doubtful;
	return r;
}

static int plan_rules(struct planner *p, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < p->n_tables; i++)
		for (const struct cmdline_rule *rule = p->tables[i]; !r && rule->text; rule++)
			if (rule->action != CMDLINE_DROP)
				r = plan_rule(p, rule, err);
	return r;
}

/* The rules that depend on the machine: nr_cpus= and, with more than one, disable_cpu_apicid=. */
static void make_dynamic(struct planner *p)
{
	const struct cmdline_cpus *c = &p->in->cpus;
	struct bytes token, name, value;
	enum cmdline_origin origin;
	const char *why;
	unsigned int cpus = cmdline_cpus_decide(c, &why);
	bool several = cpus > 1;

	snprintf(p->nr_cpus, sizeof(p->nr_cpus), "nr_cpus=%u", cpus);
	p->dynamic[0] = (struct cmdline_rule){CMDLINE_ADD, p->nr_cpus, why};
	if (users_token(p, bytes_of("nr_cpus"), &token, &origin)) {
		cmdline_split(token, &name, &value);
		several = !(value.len == 1 && value.data[0] == '1');
	}
	if (!several || !c->apic)
		return;
	if (c->bsp_known) {
		snprintf(p->bsp, sizeof(p->bsp), "disable_cpu_apicid=%" PRIu32, c->bsp_apicid);
		p->dynamic[1] =
			(struct cmdline_rule){CMDLINE_ADD, p->bsp,
					      "were the CPU that booted the machine woken by "
					      "another one, the machine would "
					      "be reset; newer kernels see to it by themselves"};
		return;
	}
	p->cpus_doubtful = true;
	p->dynamic[0].why = "as many CPUs as were asked for; but it is not known which one booted "
			    "the machine, and older kernels reset it by waking that one";
}

static void choose_texts(struct planner *p)
{
	const struct cmdline_input *in = p->in;

	p->texts[CMDLINE_FROM_RUNNING] = in->running;
	p->texts[CMDLINE_FROM_COMMAND_LINE] = in->command_line;
	p->texts[CMDLINE_FROM_APPEND] = in->append;
	if (in->command_line)
		p->instead_of_uki = "--command-line";
	else if (in->running)
		p->instead_of_uki = "the running kernel's line";
	else
		p->texts[CMDLINE_FROM_UKI] = in->uki;
}

static void choose_rules(struct planner *p)
{
	p->tables[p->n_tables++] = always;
	if (!p->in->panic)
		return;
	p->tables[p->n_tables++] = always_panic;
	if (!p->in->rules)
		return;
	make_dynamic(p);
	p->tables[p->n_tables++] = p->dynamic;
	p->tables[p->n_tables++] = p->in->rules;
}

static int check_quotes(const struct planner *p, enum cmdline_origin origin, struct err *err)
{
	const char *text = p->texts[origin];
	size_t column = text ? cmdline_open_quote(text) : 0;

	if (!column)
		return 0;
	if (by_user(origin))
		return err_set(err, ERR_USAGE,
			       "--%s: the quote in column %zu is never closed, so the kernel would "
			       "take all that follows as one value; close it",
			       cmdline_origin_name(origin), column);
	return err_set(err, ERR_CORRUPT,
		       "the command line of %s: the quote in column %zu is never closed, so what "
		       "follows is one value to the kernel; give a whole one by --command-line",
		       origin == CMDLINE_FROM_UKI ? "the UKI" : "the running kernel", column);
}

static int check_texts(const struct planner *p, struct err *err)
{
	int r = 0;

	for (enum cmdline_origin o = 0; !r && o < CMDLINE_FROM_RULE; o++) {
		r = check_quotes(p, o, err);
		if (!r && p->in->panic && by_user(o) && p->texts[o])
			r = check_no_elfcorehdr(p->texts[o], err);
	}
	return r;
}

/* Parameters, rules, init's words: the order of the line. */
static int plan_all(struct planner *p, struct err *err)
{
	int r = 0;

	if (p->in->uki && p->instead_of_uki)
		r = plan_unused_uki(p, err);
	for (enum cmdline_origin o = 0; !r && o < CMDLINE_FROM_RULE; o++)
		r = plan_parameters(p, o, err);
	if (!r)
		r = plan_rules(p, err);
	for (enum cmdline_origin o = 0; !r && o < CMDLINE_FROM_RULE; o++)
		r = plan_init_words(p, o, err);
	return r;
}

static int join(struct cmdline_plan *plan, struct err *err)
{
	size_t size = 1;
	char *end;

	for (size_t i = 0; i < plan->n; i++)
		if (plan->v[i].verdict != CMDLINE_DROPPED)
			size += strlen(plan->v[i].text) + 1;
	plan->line = end = malloc(size);
	if (!plan->line)
		return err_nomem(err, size, "the command line");
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].verdict == CMDLINE_DROPPED)
			continue;
		if (end > plan->line)
			*end++ = ' ';
		end = stpcpy(end, plan->v[i].text);
	}
	*end = '\0';
	return 0;
}

int cmdline_plan_init(struct cmdline_plan *ret, const struct cmdline_input *in, struct err *err)
{
	struct planner p = {.in = in};
	int r;

	choose_texts(&p);
	r = check_texts(&p, err);
	if (r)
		return r;
	choose_rules(&p);
	r = plan_all(&p, err);
	if (!r)
		r = join(&p.plan, err);
	if (r) {
		cmdline_plan_deinit(&p.plan);
		return r;
	}
	*ret = p.plan;
	return 0;
}

void cmdline_plan_deinit(struct cmdline_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->v[i].text);
		free(plan->v[i].why);
	}
	free(plan->v);
	free(plan->line);
	*plan = (struct cmdline_plan){0};
}

const char *cmdline_origin_name(enum cmdline_origin origin)
{
	static const char *const names[] = {"running", "uki", "command-line", "append", "rule"};

	return names[origin];
}

const char *cmdline_verdict_name(enum cmdline_verdict verdict)
{
	static const char *const names[] = {"kept", "dropped", "added"};

	return names[verdict];
}
