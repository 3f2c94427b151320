// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The small texts of lifeboat-send; the first byte says which: an answer, a date, an address, a list of parts, an upload's state,
 * credentials. Property: either refused with a message, or what it gives keeps what its header promises.
 */
#include <stdlib.h>
#include <string.h>

#include "send/credentials.h"
#include "send/date.h"
#include "send/job.h"
#include "send/parts.h"
#include "send/state.h"
#include "send/url.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_date(const char *text)
{
	char basic[DATE_BASIC];
	uint64_t t;

	if (date_parse(text, &t))
		REQUIRE(date_basic(t, basic) && strlen(basic) == DATE_BASIC - 1);
}

static void check_url(const char *text)
{
	struct err err = {0};
	struct url url;
	char *whole, *to;

	if (url_parse(text, &url, &err)) {
		REQUIRE(*err.msg);
		return;
	}
	REQUIRE(*url.host && *url.path == '/' && url.port && url.port < 65536);
	REQUIRE(asprintf(&whole, "https://%s%s%s%s", url.authority, url.path, *url.query ? "?" : "",
			 url.query) > 0);
	if (strlen(whole) <= URL_MAX) {
		/* it leads to itself */
		REQUIRE(!url_same_server(&url, whole, &to, &err));
		REQUIRE(*to == '/');
		free(to);
	}
	free(whole);
	url_deinit(&url);
}

static void check_redirect(const char *text)
{
	struct err err = {0};
	struct url url;
	char *to;

	REQUIRE(!url_parse("https://a.example:8443/in/", &url, &err));
	if (url_same_server(&url, text, &to, &err)) {
		REQUIRE(err.code == ERR_REFUSED);
	} else {
		REQUIRE(*to == '/' && !strpbrk(to, " \r\n\"<>"));
		free(to);
	}
	url_deinit(&url);
}

static void check_parts(struct bytes text)
{
	struct parts parts = {0}, again = {0};
	struct err err = {0};
	char *out;
	size_t len;
	FILE *to;

	if (parts_parse(text, "vmcore.flat", &parts, &err)) {
		REQUIRE(*err.msg && !parts.v);
		return;
	}
	REQUIRE(parts.n && parts.n <= PARTS_MAX);
	to = open_memstream(&out, &len);
	REQUIRE(to);
	parts_put(&parts, "vmcore.flat", to);
	REQUIRE(fclose(to) == 0);
	REQUIRE(!parts_parse((struct bytes){(uint8_t *)out, len}, "vmcore.flat", &again, &err));
	REQUIRE(again.n == parts.n && again.bytes == parts.bytes);
	free(out);
	parts_deinit(&parts);
	parts_deinit(&again);
}

static void check_state(struct bytes text)
{
	struct parts parts = {0};
	struct err err = {0};
	char *upload = NULL;

	if (state_parse(text, &upload, &parts, &err)) {
		REQUIRE(*err.msg && !parts.v && !upload);
		return;
	}
	REQUIRE(parts.n <= PARTS_MAX);
	if (upload)
		REQUIRE(*upload && !strpbrk(upload, "&= \n"));
	parts_deinit(&parts);
	free(upload);
}

static void check_credentials(struct bytes text)
{
	struct credentials c = {0};
	struct err err = {0};

	if (!credentials_parse_s3(text, "fuzz", &c, &err))
		REQUIRE(c.id && c.secret && strlen(c.secret) <= CREDENTIALS_MAX_KEY &&
			!strpbrk(c.id, " /\r\n") && (!c.token || !strpbrk(c.token, " \r\n")));
	credentials_deinit(&c);
	if (!credentials_parse_https(text, "fuzz", &c, &err))
		REQUIRE(c.lines[0] && strchr(c.lines[0], ':') && !strpbrk(c.lines[0], "\r\n"));
	credentials_deinit(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct send_answer answer;
	struct bytes rest;
	struct err err = {0};
	char *text;

	if (!size)
		return 0;
	rest = (struct bytes){data + 1, size - 1};
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (*data) {
	case 'a':
		if (send_answer_parse(text, "fuzz", &answer, &err))
			REQUIRE(err.code && *err.msg);
		break;
	case 'd':
		check_date(text);
		break;
	case 'u':
		check_url(text);
		break;
	case 'r':
		check_redirect(text);
		break;
	case 'p':
		check_parts(rest);
		break;
	case 's':
		check_state(rest);
		break;
	case 'c':
		check_credentials(rest);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
