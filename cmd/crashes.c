// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/crashes.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utc.h"
#include "service/places.h"

void crashes_print(FILE *to, const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	_cleanup_free_ char *plain = malloc(size);

	fputs(plain ? text_plain(text, plain, size) : "?", to);
}

static void put_sent(struct json *j, const struct dumps_entry *e)
{
	char time[UTC_TEXT];

	if (!*e->sent_to) {
		json_put_null(j, "sent");
		return;
	}
	json_begin_object(j, "sent");
	json_put_string(j, "time", e->sent_time && utc_format(e->sent_time, time) ? time : NULL);
	json_put_string(j, "target", e->sent_to);
	json_put_string(j, "name", e->sent_name);
	json_put_bool(j, "verified", e->sent_verified);
	json_put_bool(j, "dump", e->sent_dump);
	json_end_object(j);
}

void crashes_put(struct json *j, const struct dumps_entry *e)
{
	char time[UTC_TEXT];

	json_put_string(j, "name", e->name);
	json_put_string(j, "folder", e->folder);
	json_put_string(j, "time", e->time && utc_format(e->time, time) ? time : NULL);
	json_put_string(j, "result", strcmp(e->result, "?") == 0 ? NULL : e->result);
	json_put_string(j, "panic", *e->panic ? e->panic : NULL);
	json_put_string(j, "class", *e->cls ? e->cls : NULL);
	json_put_string(j, "signature", *e->signature ? e->signature : NULL);
	json_put_string(j, "signature_title", *e->signature_title ? e->signature_title : NULL);
	json_put_string(j, "kernel", *e->release ? e->release : NULL);
	json_put_string(j, "dump", *e->dump ? e->dump : NULL);
	json_put_string(j, "log", *e->log ? e->log : NULL);
	if (e->opened) {
		json_put_uint(j, "bytes", e->bytes);
		json_put_uint(j, "dump_bytes", e->dump_bytes);
	} else {
		json_put_null(j, "bytes");
		json_put_null(j, "dump_bytes");
	}
	json_put_bool(j, "waits", e->waits);
	json_put_string(j, "send_to", *e->send_to ? e->send_to : NULL);
	put_sent(j, e);
	json_put_bool(j, "pinned", e->pinned);
	json_put_bool(j, "foreign", e->foreign);
	json_put_string(j, "record_error", *e->record_error ? e->record_error : NULL);
	json_put_known(j, "reserved_bytes", e->reserved);
	json_put_known(j, "peak_bytes", e->peak);
}

/* A mistake in the configuration must not hide what the last crash left. */
static int use_defaults(struct crashes *c, struct err *err)
{
	service_tell(&c->words.service, SERVICE_WARNING, "only %s is looked at: %s", PLACES_DEFAULT,
		     err->msg);
	return config_create((struct bytes){(const uint8_t *)"", 0}, CONFIG_PATH, &c->config, err);
}

int crashes_init(struct crashes *c, const struct cmd *cmd, const char *root, const char *config,
		 bool lenient, struct err *err)
{
	bool quiet = false;
	int r;

	*c = (struct crashes){.words = {.root = {.fd = -1}}};
	r = service_words_init(&c->words, cmd, root, config, err);
	if (r)
		return r;
	quiet = c->words.quiet;
	c->words.quiet = true; /* the configuration's own notes are for `check` */
	r = service_config(&c->words.service, &c->config, NULL, err);
	c->words.quiet = quiet;
	c->words.told = 0;
	return r && !config && lenient ? use_defaults(c, err) : r;
}

void crashes_deinit(struct crashes *c)
{
	config_destroy(c->config);
	service_words_deinit(&c->words);
}
