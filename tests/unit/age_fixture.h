/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys made by the stock tools in a folder of the test's own, and stock age as the judge of what we write. */
#ifndef TESTS_UNIT_AGE_FIXTURE_H
#define TESTS_UNIT_AGE_FIXTURE_H

#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/out.h"
#include "crypt/age.h"
#include "tests/unit/unit.h"

static char age_dir[] = "/tmp/lifeboat-age-XXXXXX";

/* Run a shell command in the folder: 0 if it is happy. What it says on standard error is in the file "said". */
static inline int age_shell(const char *command)
{
	char line[1024];

	assert_in_range(snprintf(line, sizeof(line), "cd %s && { %s; } </dev/null 2>said", age_dir,
				 command),
			1, sizeof(line) - 1);
	return system(line);
}

/* A file of the folder, as text without the end of its last line; the caller frees it. */
static inline char *age_text(const char *name, size_t *ret_len)
{
	char path[256], *text = NULL;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/%s", age_dir, name);
	assert_ok(io_read_file(path, 64 << 20, &text, &len, err));
	if (ret_len)
		*ret_len = len;
	else if (len && text[len - 1] == '\n')
		text[len - 1] = 0;
	return text;
}

/* "a" and "b" are pairs of age's, "ssh" one of ssh's; what is public of them is in "a.pub", "b.pub", "ssh.pub". */
static inline int age_make_keys(void **state __attribute__((unused)))
{
	if (!mkdtemp(age_dir))
		return -1;
	return age_shell("age-keygen -o a && age-keygen -y -o a.pub a && age-keygen -o b && "
			 "age-keygen -y -o b.pub b && ssh-keygen -q -t ed25519 -N '' -f ssh");
}

static inline int age_drop_keys(void **state __attribute__((unused)))
{
	return age_shell("rm -rf \"$PWD\"");
}

static inline struct age_recipient age_recipient_of(const char *name)
{
	struct age_recipient r = {0};
	char pub[32], *text;

	snprintf(pub, sizeof(pub), "%s.pub", name);
	text = age_text(pub, NULL);
	assert_ok(age_recipient_parse(text, &r, err));
	free(text);
	return r;
}

/* An out for a file of the folder; *ret_fd stays the caller's. */
static inline struct out *age_stream(const char *name, int *ret_fd)
{
	struct out *out = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", age_dir, name);
	*ret_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(*ret_fd >= 0);
	assert_ok(out_stream_create(*ret_fd, name, &out, err));
	return out;
}

/* Bytes that differ from chunk to chunk. */
static inline uint8_t *age_plain(size_t len)
{
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + i / 251 + i / 65536);
	return data;
}

#endif
