// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: of any records (the input, cut at zeros) kmsg_read() gives at most KMSG_MAX_LINES terminated, non-empty
 * lines of printable characters, and leaves nothing unread.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/kmsg.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct kmsg_lines *l)
{
	REQUIRE(l->n <= KMSG_MAX_LINES && (!l->left_out || l->n == KMSG_MAX_LINES));
	for (size_t i = 0; i < l->n; i++) {
		size_t len = strnlen(l->v[i], KMSG_LINE_SIZE);

		REQUIRE(len && len < KMSG_LINE_SIZE);
		for (size_t k = 0; k < len; k++)
			REQUIRE(l->v[i][k] >= ' ' && l->v[i][k] <= '~');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kmsg_lines lines;
	struct kmsg kmsg;
	int fd[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) == 0);
	kmsg.fd = fd[0];
	for (int sent = 0; size && sent < 100; sent++) {
		const uint8_t *zero = memchr(data, 0, size);
		size_t len = zero ? (size_t)(zero - data) : size;

		if (len && write(fd[1], data, len) != (ssize_t)len)
			break; /* the socket is full */
		len += zero != NULL;
		data += len;
		size -= len;
	}
	kmsg_read(&kmsg, &lines);
	check_lines(&lines);
	kmsg_read(&kmsg, &lines);
	REQUIRE(lines.n == 0 && !lines.lost);
	kmsg_close(&kmsg);
	close(fd[1]);
	return 0;
}
