// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define OURS "lifeboat: "

static const char *behind(const char *line, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(line, prefix, len) == 0 ? line + len : NULL;
}

/* "[    2.817220] " and, where the kernel tells who speaks, "[    T1] " are none of the line. */
static const char *skip_stamps(const char *line)
{
	while (*line == '[' && strchr(line, ']')) {
		line = strchr(line, ']') + 1;
		line += strspn(line, " ");
	}
	return line;
}

/* A number from 1 on that a target may have; else 0. */
static size_t target_number(const char *text)
{
	size_t n = 0;

	for (; *text >= '0' && *text <= '9' && n <= RECIPE_MAX_TARGETS; text++)
		n = n * 10 + (size_t)(*text - '0');
	return n <= RECIPE_MAX_TARGETS ? n : 0;
}

/* "complete, log 466 bytes, dump 532.0 KB, in 2023-11-14T22-13-20Z of target 1" */
static void take_result(struct console *c, const char *text)
{
	const char *in = strstr(text, ", in "), *of = in ? strstr(in, " of target ") : NULL;
	size_t n = of ? target_number(of + strlen(" of target ")) : 0;
	struct console_target *t;

	if (!n)
		return;
	t = &c->targets[n - 1];
	in += strlen(", in ");
	t->told = true;
	snprintf(t->result, sizeof(t->result), "%.*s", (int)NUM_MIN(strcspn(text, ","), 31), text);
	snprintf(t->name, sizeof(t->name), "%.*s", (int)NUM_MIN((size_t)(of - in), 63), in);
	if (strcmp(t->name, "nothing") == 0)
		t->name[0] = '\0';
}

/* "123 of 456 bytes were free at the worst moment" */
static void take_memory(struct console *c, const char *text)
{
	char *end;
	uint64_t lowest = strtoull(text, &end, 10);
	const char *of = behind(end, " of ");

	if (!of)
		return;
	c->lowest = lowest;
	c->ram = strtoull(of, NULL, 10);
}

/* "dump FAILED after 12 ms: …": which step it is, and why */
static void take_failure(struct console *c, const char *text)
{
	const char *failed = strstr(text, " FAILED after ");
	const char *why = failed ? strstr(failed, ": ") : NULL;
	char *to;

	if (!why)
		return;
	to = c->target ? c->targets[c->target - 1].failure : c->failure;
	if (!*to)
		snprintf(to, CONSOLE_TEXT, "%.*s%.450s", (int)NUM_MIN(failed - text, 60), text,
			 why);
	if (!*c->failure)
		snprintf(c->failure, CONSOLE_TEXT, "%s", to);
}

static void take_ours(struct console *c, const char *text)
{
	const char *rest;

	if (behind(text, "| "))
		return; /* of the log that it shows, whatever that says */
	if (behind(text, "version "))
		c->init = true;
	else if ((rest = behind(text, "target ")) && strstr(rest, " of "))
		c->target = target_number(rest);
	else if ((rest = behind(text, "result: ")))
		take_result(c, rest);
	else if ((rest = behind(text, "memory: ")))
		take_memory(c, rest);
	else if (behind(text, "final action: ") || behind(text, "a shell for "))
		c->over = true;
	else
		take_failure(c, text);
}

static void take_line(struct console *c)
{
	const char *line = skip_stamps(c->line), *ours = behind(line, OURS);

	if (*line)
		c->kernel = true;
	if (ours)
		take_ours(c, ours);
	else if (behind(line, "Kernel panic - not syncing"))
		c->panic = c->over = true;
}

void console_feed(struct console *c, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			c->line[c->len] = '\0';
			take_line(c);
			c->len = 0;
		} else if (c->len < CONSOLE_LINE - 1 && (unsigned char)text[i] >= ' ') {
			c->line[c->len++] = text[i];
		}
	}
}
