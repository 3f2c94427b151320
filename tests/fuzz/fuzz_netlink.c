// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_probe. Property: whatever messages are taken for the kernel's (all of the input is the answer to each question), the way to a
 * server is refused with a message, and nothing is left behind, or gives links that net_check takes and net_put writes such that
 * they could be read again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/probe.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzzed {
	struct net_source source;
	struct bytes answer;
};

static int answer(const struct net_source *src, const void *request, size_t len,
		  int (*fn)(void *ctx, const void *message, size_t len, struct err *err), void *ctx,
		  struct err *err)
{
	struct bytes rest = ((const struct fuzzed *)src)->answer, message;

	REQUIRE(len >= NLMSG_HDRLEN && netlink_type((struct bytes){request, len}));
	while (netlink_next(&rest, &message))
		if (fn(ctx, message.data, message.len, err))
			return err->code;
	return 0;
}

static int count_note(void *ctx, const char *text, struct err *err)
{
	(void)err;
	REQUIRE(*text && strlen(text) < 512);
	++*(size_t *)ctx;
	return 0;
}

static void check_text(const struct net *net)
{
	struct err err = {0};
	char *text, *line, *rest;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct net again = {0};
	struct net_link *link = NULL;

	for (size_t i = 0; i < net->n; i++)
		net_put(&net->links[i], to);
	fclose(to);
	rest = text;
	while ((line = strsep(&rest, "\n")) && *line) {
		char *value = strstr(line, " = ");

		REQUIRE(value);
		*value = '\0';
		value += 3;
		if (strcmp(line, "link") == 0)
			REQUIRE(!net_add(&again, value, &link, &err));
		else
			REQUIRE(!net_set(link, line, value, &err));
	}
	REQUIRE(!net_check(&again, &err));
	net_deinit(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* nothing is to be found there */
	const struct root root = {.fd = open("/proc/self/fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC),
				  .path = "/nowhere"};
	struct fuzzed f = {{answer, &root}, {data, size}};
	const struct net_ip servers[] = {{AF_INET, {198, 51, 100, 7}},
					 {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 7}}};
	struct net net = {0};
	size_t notes = 0;

	for (size_t i = 0; i < 2; i++) {
		char link[NET_NAME] = "untouched";
		size_t before = net.n;
		struct err err = {0};
		int r = net_probe(&f.source, &servers[i], &net, link, count_note, &notes, &err);

		if (r) {
			REQUIRE(err.code == r && *err.msg && net.n == before);
			REQUIRE(strcmp(link, "untouched") == 0);
			continue;
		}
		REQUIRE(net_find(&net, link));
		if (!net_check(&net, &err))
			check_text(&net);
	}
	net_deinit(&net);
	close(root.fd);
	return 0;
}
