// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * age_recipient_parse. Properties: any text is refused with ERR_USAGE and without an output, or gives a recipient that can be
 * encrypted to, the same a second time; what is written for it has a header that age_check takes, and is as large as age_size
 * said; a secret key is not repeated in a message.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypt/age.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encrypt(const struct age_recipient *r)
{
	int fd = memfd_create("age", MFD_CLOEXEC);
	struct out *to, *out;
	struct age_info info;
	struct err err;

	REQUIRE(fd >= 0 && out_stream_create(fd, "a file", &to, &err) == 0);
	REQUIRE(age_out_create(to, r, 1, &out, &err) == 0);
	REQUIRE(out->ops->pwrite(out, "secret", 6, 0, &err) == 0);
	REQUIRE(out->ops->commit(out, &err) == 0);
	REQUIRE(lseek(fd, 0, SEEK_END) == (off_t)age_size(r, 1, 6));
	REQUIRE(age_check(fd, age_size(r, 1, 6), "a file", &info, &err) == 0);
	REQUIRE(info.n_recipients == 1 && info.plain == 6);
	REQUIRE(strcmp(info.types, r->kind == AGE_X25519 ? "X25519" : "ssh-ed25519") == 0);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct age_recipient r, again;
	char *text = malloc(size + 1);
	struct err err = {0};

	REQUIRE(text);
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&r, 0x5a, sizeof(r));
	again = r;
	if (age_recipient_parse(text, &r, &err)) {
		REQUIRE(err.code == ERR_USAGE && *err.msg);
		REQUIRE(memcmp(&r, &again, sizeof(r)) == 0);
		if (strncmp(text, "AGE-SECRET-KEY", 14) == 0 && strlen(text) > 40)
			REQUIRE(!strstr(err.msg, text + 14));
	} else {
		REQUIRE(age_recipient_parse(text, &again, &err) == 0);
		REQUIRE(r.kind == again.kind && memcmp(r.point, again.point, 32) == 0);
		encrypt(&r);
	}
	free(text);
	return 0;
}
