// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/sha256.h"
#include "crash/class.h"
#include "crash/names.h"

#define NORMAL_TEXT 161 /* of a normalised text, with the NUL */

bool signature_is_reporting(const char *function)
{
	char name[CRASH_FUNCTION];

	names_plain(function, name, sizeof(name));
	return names_is_reporting(name);
}

/* ---- frames */

static bool is_entry(const struct crash_frame *f)
{
	char name[CRASH_FUNCTION];

	names_plain(f->function, name, sizeof(name));
	return names_is_entry(f->function) || names_is_entry(name);
}

static bool is_reporting(const struct crash_frame *f)
{
	return !is_entry(f) && signature_is_reporting(f->function);
}

/* Behind the way into the interrupt that a watchdog runs in; 0: there is none. */
static size_t behind_interrupt(const struct crash *c)
{
	bool watchdog = false;

	for (size_t i = 0; i < c->n_frames; i++) {
		const struct crash_frame *f = &c->frames[i];

		if (!f->reliable || !*f->function)
			continue;
		watchdog |= is_reporting(f);
		if (!watchdog || !is_entry(f))
			continue;
		while (i < c->n_frames && (!c->frames[i].reliable || is_entry(&c->frames[i])))
			i++;
		return i < c->n_frames ? i : 0;
	}
	return 0;
}

/*
 * The stack of a watchdog has its interrupt's functions on top of those that it is about; that of a fault, in a dump, the fault's
 * handlers. In a log both may begin with the function that was interrupted; in a dump the first frame is where the registers were
 * saved, by a reporting function.
 */
static size_t first_frame(const struct crash *c)
{
	bool lockup = c->cls == CRASH_SOFT_LOCKUP || c->cls == CRASH_HARD_LOCKUP ||
		      c->cls == CRASH_RCU_STALL;

	for (size_t i = 0; i < c->n_frames; i++) {
		if (!c->frames[i].interrupted || is_reporting(&c->frames[i]))
			continue;
		return lockup || (i && is_reporting(&c->frames[i - 1])) ? i : 0;
	}
	return lockup ? behind_interrupt(c) : 0;
}

/* Indexes of the frames that count. */
static size_t choose(const struct crash *c, size_t ret[SIGNATURE_FRAMES])
{
	size_t n = 0;

	if (class_is_placeless(c->cls))
		return 0;
	for (size_t i = first_frame(c); i < c->n_frames && n < SIGNATURE_FRAMES; i++) {
		const struct crash_frame *f = &c->frames[i];
		bool entry = *f->function && is_entry(f);

		if (!f->reliable || !*f->function || is_reporting(f))
			continue;
		/* it happened in there */
		if (!entry || !n)
			ret[n++] = i;
		if (entry)
			break;
	}
	return n;
}

static void name_of(const struct crash_frame *f, bool plain,
		    char ret[CRASH_FUNCTION + CRASH_MODULE + 1])
{
	char name[CRASH_FUNCTION];

	if (plain)
		names_plain(f->function, name, sizeof(name));
	else
		snprintf(name, sizeof(name), "%s", f->function);
	snprintf(ret, CRASH_FUNCTION + CRASH_MODULE + 1, "%s%s%s", f->module, *f->module ? ":" : "",
		 name);
}

size_t signature_frames(const struct crash *crash,
			char ret[SIGNATURE_FRAMES][CRASH_FUNCTION + CRASH_MODULE + 1])
{
	size_t index[SIGNATURE_FRAMES], n = choose(crash, index);

	for (size_t i = 0; i < n; i++)
		name_of(&crash->frames[index[i]], true, ret[i]);
	return n;
}

/* ---- texts */

/* What is known of a crash without frames. */
static void text_of(const struct crash *c, char ret[NORMAL_TEXT])
{
	if (c->cls == CRASH_SYSRQ)
		*ret = '\0'; /* each kernel has its own words for that */
	else
		names_normalize(class_is_by_panic(c->cls) && *c->panic ? c->panic : c->title, ret,
				NORMAL_TEXT);
}

struct text {
	char *to;
	size_t n;
};

static void put(struct text *t, const char *key, const char *value)
{
	if (t->n < SIGNATURE_TEXT)
		t->n += (size_t)snprintf(t->to + t->n, SIGNATURE_TEXT - t->n, "%s %s\n", key,
					 value);
	t->n = NUM_MIN(t->n, (size_t)SIGNATURE_TEXT - 1);
}

static void put_exact_frame(struct text *t, const struct crash_frame *f)
{
	char name[CRASH_FUNCTION + CRASH_MODULE + 1], whole[sizeof(name) + 24];

	name_of(f, false, name);
	snprintf(whole, sizeof(whole), "%s+0x%" PRIx64, name, f->offset);
	put(t, "frame", whole);
}

size_t signature_text(const struct crash *crash, enum signature_kind kind, char ret[SIGNATURE_TEXT])
{
	static const char *const kinds[] = {"exact", "func", "class"};
	size_t index[SIGNATURE_FRAMES], n = choose(crash, index);
	char name[CRASH_FUNCTION + CRASH_MODULE + 1], normal[NORMAL_TEXT];
	struct text t = {.to = ret};

	put(&t, SIGNATURE_ALG, kinds[kind]);
	put(&t, "class", crash_class_name(crash->cls));
	for (size_t i = 0; i < (kind == SIGNATURE_CLASS ? NUM_MIN(n, (size_t)1) : n); i++) {
		if (kind == SIGNATURE_EXACT) {
			put_exact_frame(&t, &crash->frames[index[i]]);
			continue;
		}
		name_of(&crash->frames[index[i]], true, name);
		put(&t, "frame", name);
	}
	if (!n) {
		text_of(crash, normal);
		if (*normal)
			put(&t, "text", normal);
	}
	if (kind == SIGNATURE_EXACT && *crash->release)
		put(&t, "release", crash->release);
	return t.n;
}

/* ---- all of it */

static void hash(const struct crash *crash, enum signature_kind kind, char ret[SHA256_TEXT])
{
	char text[SIGNATURE_TEXT];
	uint8_t digest[SHA256_SIZE];
	struct sha256 s;
	size_t len = signature_text(crash, kind, text);

	sha256_init(&s);
	sha256_update(&s, text, len);
	sha256_final(&s, digest);
	sha256_text(digest, ret);
}

void signature_make(const struct crash *crash, struct signature *ret)
{
	char frames[SIGNATURE_FRAMES][CRASH_FUNCTION + CRASH_MODULE + 1], normal[NORMAL_TEXT];
	const char *name = crash_class_name(crash->cls);

	hash(crash, SIGNATURE_EXACT, ret->exact);
	hash(crash, SIGNATURE_FUNC, ret->func);
	hash(crash, SIGNATURE_CLASS, ret->cls);
	ret->n_frames = signature_frames(crash, frames);
	text_of(crash, normal);
	if (ret->n_frames)
		snprintf(ret->title, sizeof(ret->title), "%s in %s", name, frames[0]);
	else
		snprintf(ret->title, sizeof(ret->title), "%s%s%s", name, *normal ? ": " : "",
			 normal);
}
