// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * import_create, shellvars_read. The first byte says what the text is. Properties: it is refused with a bounded message and
 * without output, or what comes out is a configuration that config_create takes, and a list whose texts are lines; of
 * passwords that the text is given in front nothing is in either of them.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/import.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define SECRET "x9Zq"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever stands behind them cannot change what these lines are, but may set the same variables again. */
static const char *const heads[] = {
	[IMPORT_KDUMP] = "net user:" SECRET "@host\nsshkey pass=" SECRET "\n"
			 "dracut_args --mount \"//a/b /c cifs user=d,password=" SECRET "\"\n",
	[IMPORT_DEBIAN] = "FTP_PASSWORD=" SECRET "\nSSH='u:" SECRET "@h'\nFTP=ftp://u:" SECRET
			  "@h/x\nKDUMP_CMDLINE_APPEND='a rd.iscsi.password=" SECRET "'\n",
	[IMPORT_SUSE] =
		"KDUMP_SAVEDIR=\"ftp://u:" SECRET "@h/x nfs://a/b\"\nKDUMP_SMTP_PASSWORD='a "
		"b" SECRET "'\nUNKNOWN=" SECRET "\n",
};

static void check_line(const char *text)
{
	REQUIRE(text && strlen(text) < 600 && !strstr(text, SECRET));
	for (; *text; text++)
		REQUIRE((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_import(const struct import *im)
{
	struct config *c = NULL;
	struct err err = {0};
	size_t lost = 0;

	REQUIRE(im->text && im->len == strlen(im->text) && !strstr(im->text, SECRET));
	REQUIRE(!config_create((struct bytes){(const uint8_t *)im->text, im->len}, "F", &c, &err));
	config_destroy(c);
	for (size_t i = 0; i < im->n; i++) {
		const struct import_entry *e = &im->entries[i];

		check_line(e->what);
		if (e->became)
			check_line(e->became);
		if (e->why)
			check_line(e->why);
		REQUIRE(!e->file == !e->line);
		REQUIRE((e->outcome == IMPORT_CARRIED || e->outcome == IMPORT_CHANGED) ==
			!!e->became);
		REQUIRE(e->why || e->outcome == IMPORT_CARRIED);
		lost += e->outcome == IMPORT_LOST;
	}
	REQUIRE(lost == im->n_lost);
	if (im->warning)
		REQUIRE(!strstr(im->warning, SECRET) && im->n_lost);
}

static void import_text(struct import_source *source, const uint8_t *data, size_t size)
{
	const char *head = heads[source->family];
	size_t len = strlen(head);
	char *text = malloc(len + size + 1);
	struct import_file file = {"F", {(const uint8_t *)text, len + size}};
	struct import *im = NULL;
	struct err err = {0};
	int code;

	REQUIRE(text);
	memcpy(text, head, len);
	if (size)
		memcpy(text + len, data, size);
	if (source->family == IMPORT_KDUMP)
		source->conf = &file;
	else
		source->variables = &file;
	code = import_create(source, &im, &err);
	if (code) {
		REQUIRE(code == ERR_USAGE || code == ERR_UNSUPPORTED);
		REQUIRE(!im && err.code == code && strlen(err.msg) < 600 &&
			!strstr(err.msg, SECRET));
	} else {
		check_import(im);
	}
	import_destroy(im);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_source source = {0};

	if (!size || memmem(data, size, SECRET, strlen(SECRET)))
		return 0;
	source.family = (enum import_family)(data[0] % IMPORT_FAMILIES);
	import_text(&source, data + 1, size - 1);
	return 0;
}
