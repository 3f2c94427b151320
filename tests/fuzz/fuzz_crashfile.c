// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crashfile_create. Property: any bytes either are ERR_CORRUPT or ERR_UNSUPPORTED with a message, or give a record with at most
 * so many rows and times that have a text; and every text of it becomes plain: whole UTF-8 characters, none of them a control
 * character, within the buffer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utc.h"
#include "service/crashfile.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	char plain[64];
	size_t columns;

	if (!text)
		return;
	memset(plain, 'x', sizeof(plain));
	text_plain(text, plain, sizeof(plain) - 1);
	REQUIRE(plain[sizeof(plain) - 1] == 'x' && memchr(plain, '\0', sizeof(plain)));
	for (const char *p = plain; *p; p += text_utf8_len(p))
		REQUIRE(text_utf8_len(p) && (unsigned char)*p >= ' ' && *p != 0x7f &&
			memcmp(p, "\xc2\x9b", 2) != 0);
	columns = text_columns(plain);
	text_cut(plain, 7);
	REQUIRE(text_columns(plain) == (columns < 7 ? columns : 7));
}

static void check_texts(const struct crashfile *c)
{
	const char *const texts[] = {
		c->tool,     c->release,         c->version,   c->machine,   c->node,
		c->panic,    c->log_file,        c->dump_file, c->format,    c->codec,
		c->cut,      c->unfiltered,      c->warning,   c->result,    c->device,
		c->watchdog, c->capture_release, c->uuid,      c->cls,       c->title,
		c->sig_alg,  c->sig_exact,       c->sig_func,  c->sig_class, c->sig_title,
		c->send_to,  c->sent_target,     c->sent_name};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_text(texts[i]);
	for (size_t i = 0; i < c->n_targets; i++) {
		check_text(c->targets[i].target);
		check_text(c->targets[i].result);
		check_text(c->targets[i].device);
		check_text(c->targets[i].name);
		check_text(c->targets[i].error);
	}
	for (size_t i = 0; i < c->n_phases; i++) {
		check_text(c->phases[i].name);
		check_text(c->phases[i].result);
		check_text(c->phases[i].error);
		REQUIRE(c->phases[i].took_ms <= INT64_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crashfile *c = NULL;
	struct err err = {0};
	int r = crashfile_create((struct bytes){data, size}, &c, &err);
	char time[UTC_TEXT];

	if (r) {
		REQUIRE((r == ERR_CORRUPT || r == ERR_UNSUPPORTED) && !c && *err.msg);
		return 0;
	}
	REQUIRE(c->n_targets <= CRASHFILE_MAX_ROWS && c->n_phases <= CRASHFILE_MAX_ROWS);
	REQUIRE(utc_format(c->time, time));
	REQUIRE(c->pages_known == (c->pages != 0));
	check_texts(c);
	crashfile_destroy(c);
	return 0;
}
