// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "crash/line.h"

#define MAX_ODD 64 /* lines of others among those of a stack: CPUs print at the same time */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$";

static void copy_word(char *to, size_t size, const char *from, size_t len)
{
	snprintf(to, size, "%.*s", (int)NUM_MIN(len, size - 1), from);
}

const char *trace_symbol(const char *text, struct crash_frame *ret)
{
	struct crash_frame f = {0};
	size_t len = strspn(text, letters);
	const char *at = text + len;

	if (!len || (*text >= '0' && *text <= '9') || !(at = line_after(at, "+0x")) ||
	    !(at = line_hex(at, &f.offset)))
		return NULL;
	if (*at == '/' && !(at = line_hex(at + 1, &f.size)))
		return NULL;
	copy_word(f.function, sizeof(f.function), text, len);
	if (at[0] == ' ' && at[1] == '[') {
		const char *name = at + 2;

		len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-");
		if (len && (name[len] == ']' || name[len] == ' ')) {
			copy_word(f.module, sizeof(f.module), name, len);
			at = name + strcspn(name, "]");
			at += *at == ']';
		}
	}
	*ret = f;
	return at;
}

static bool is_same(const struct crash_frame *a, const struct crash_frame *b)
{
	return strcmp(a->function, b->function) == 0 && a->offset == b->offset &&
	       a->size == b->size;
}

static void add(struct trace *t, const struct crash_frame *f)
{
	if (t->n < CRASH_MAX_FRAMES)
		t->frames[t->n++] = *f;
}

/* "[<ffffffff81234567>]", twice where somebody meant it well; "(null)" */
static const char *skip_address(const char *s)
{
	uint64_t address;

	while (s[0] == '[' && s[1] == '<') {
		const char *at = line_hex(s + 2, &address);

		if (!at || at[0] != '>' || at[1] != ']')
			return s;
		s = at + 2 + strspn(at + 2, " ");
	}
	return s;
}

/* "<IRQ>", "</TASK>", "<#DF>": the stack that the next frames are on */
static const char *skip_mark(const char *s, bool *ret_end)
{
	static const char *const marks[] = {"<IRQ>",
					    "</IRQ>",
					    "<NMI>",
					    "</NMI>",
					    "<TASK>",
					    "</TASK>",
					    "<EOI>",
					    "<EOE>",
					    "<<EOE>>",
					    "<SOFTIRQ>",
					    "</SOFTIRQ>",
					    "<ENTRY_TRAMPOLINE>",
					    "</ENTRY_TRAMPOLINE>"};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		const char *at = line_after(s, marks[i]);

		if (at) {
			*ret_end = strcmp(marks[i], "</TASK>") == 0;
			return at + strspn(at, " ");
		}
	}
	if (s[0] == '<' && (s[1] == '#' || (s[1] == '/' && s[2] == '#'))) {
		const char *at = s + strcspn(s, ">");

		return *at ? at + 1 + strspn(at + 1, " ") : at;
	}
	return s;
}

/* Where the CPU was: false if the line is no such one. *ret_user: in a program. */
static bool is_place(const char *s, struct crash_frame *ret, bool *ret_user)
{
	static const char *const starts[] = {"RIP: ", "pc : ", "PC is at ", "IP: "};
	const char *at = NULL;
	uint64_t selector;

	*ret = (struct crash_frame){.reliable = true, .interrupted = true};
	*ret_user = false;
	for (size_t i = 0; !at && i < ARRAY_SIZE(starts); i++)
		at = line_after(s, starts[i]);
	if (!at)
		return false;
	if (*s == 'R') {
		at = line_hex(at, &selector);
		if (!at || *at != ':')
			return false;
		*ret_user = selector & 3; /* its privilege */
		at++;
	}
	at = skip_address(at);
	(void)trace_symbol(at, ret); /* else nobody knows which function: a jump to nowhere */
	ret->reliable = ret->interrupted = true;
	return true;
}

static bool feed_place(struct trace *t, const char *s)
{
	struct crash_frame f;
	bool user;

	if (!is_place(s, &f, &user))
		return false;
	if (user) {
		/* the stack's outer end: it came from a program */
		t->done |= t->open;
		t->open = false;
		return true;
	}
	/* 4.x says it twice: "IP: " and "RIP: " */
	if (t->open || !t->n)
		add(t, &f);
	return true;
}

/* " (P)": of an exception's registers, not of a call; other letters tell other things */
static bool is_pc(const char *s)
{
	return s[0] == ' ' && s[1] == '(' && memchr(s, 'P', strcspn(s, ")"));
}

/* "? f+0x1/0x2 [mod]" behind address and mark. */
static bool feed_frame(struct trace *t, const char *s)
{
	struct crash_frame f;
	bool end = false, reliable;
	const char *at = skip_mark(s, &end);

	if (end)
		t->done = true;
	if (at != s && !*at)
		return true;
	at = skip_address(at);
	reliable = at[0] != '?';
	if (!reliable)
		at += 1 + strspn(at + 1, " ");
	at = trace_symbol(at, &f);
	/* but for a module's build id and arm64's letters nothing follows */
	if (!at || (*at && *at != ' ') || strlen(at) > 64)
		return false;
	f.reliable = reliable;
	f.interrupted = is_pc(at);
	/* on arm64 the stack begins with the function that was interrupted, which "pc" has told already */
	if (t->n == 1 && t->frames[0].interrupted && is_same(&t->frames[0], &f))
		return true;
	add(t, &f);
	return true;
}

/* What stands among or behind frames and is no frame. */
static bool is_registers(const char *s)
{
	static const char *const starts[] = {
		"RSP: ",  "RAX: ",           "RDX: ",   "RBP: ",    "R10: ",  "R13: ",    "FS: ",
		"CS: ",   "CR2: ",           "DR0: ",   "DR3: ",    "PKRU: ", "ORIG_RAX", "Code: ",
		"pstate", "lr : ",           "sp : ",   "pmr_save", "x29: ",  "x26: ",    "x23: ",
		"x20: ",  "x17: ",           "x14: ",   "x11: ",    "x8 : ",  "x5 : ",    "x2 : ",
		"Stack:", "Exception stack", "LR is at"};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (line_after(s, starts[i]))
			return true;
	return false;
}

/* Where another stack of the same report begins, which tells of the past: KASAN and its like. */
static bool is_end(const char *s)
{
	static const char *const starts[] = {"---[ end",          "Allocated by ",
					     "Freed by ",         "Mem-Info",
					     "Memory state",      "Last potentially related",
					     "The buggy address", "Kernel Offset:"};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (line_after(s, starts[i]))
			return true;
	return false;
}

/* Words, which arm64 prints behind the stack; x86 prints bytes, and also in the middle of it. */
static bool is_arm64_code(const char *s)
{
	const char *at = line_after(s, "Code: ");

	return at && strspn(at, "(0123456789abcdef") >= 8;
}

static void close_trace(struct trace *t)
{
	t->done |= t->n > 0;
	t->open = false;
}

bool trace_feed(struct trace *t, const char *text)
{
	const char *at;

	if (t->done)
		return false;
	at = line_after(text, "Call Trace:");
	if (!at)
		at = line_after(text, "Call trace:");
	if (at && t->open && t->n > 0) {
		close_trace(t); /* another one */
		return true;
	}
	if (at) {
		t->open = true;
		t->odd = 0;
		at += strspn(at, " ");
		return !*at || feed_frame(t, at);
	}
	if (feed_place(t, text))
		return true;
	if (!t->open)
		return is_registers(text);
	if (feed_frame(t, text))
		return true;
	if (is_end(text) || is_arm64_code(text) || ++t->odd > MAX_ODD)
		close_trace(t);
	return is_registers(text);
}
