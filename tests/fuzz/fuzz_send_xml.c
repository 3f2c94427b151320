// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xml_root, xml_text. Property: what they give fits and has no control characters; what is written by xml_put and read again
 * is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "send/xml.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *name)
{
	char got[300], again[300], *written;
	size_t len;
	FILE *to;

	memset(got, 0xff, sizeof(got));
	if (!xml_text(text, name, got, sizeof(got)))
		return;
	REQUIRE(memchr(got, '\0', sizeof(got)));
	for (const char *p = got; *p; p++)
		REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
	to = open_memstream(&written, &len);
	REQUIRE(to);
	fprintf(to, "<Any><%s>", name);
	xml_put(got, to);
	fprintf(to, "</%s></Any>", name);
	REQUIRE(fclose(to) == 0);
	REQUIRE(xml_text(written, name, again, sizeof(again)) && strcmp(got, again) == 0);
	REQUIRE(xml_root(written, again, sizeof(again)) && strcmp(again, "Any") == 0);
	free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), root[64];

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (xml_root(text, root, sizeof(root)))
		REQUIRE(*root && strlen(root) < sizeof(root) && !strpbrk(root, " \t\r\n/>"));
	check_text(text, "Code");
	check_text(text, "Message");
	check_text(text, "UploadId");
	free(text);
	return 0;
}
