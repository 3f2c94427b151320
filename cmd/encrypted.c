// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/encrypted.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "capture/target.h"
#include "cmd/cmd.h"
#include "crypt/age.h"

#define INCOMPLETE ".incomplete"

/* -1 for what is no regular file: a FIFO would be waited for. */
static int open_regular(const char *path, uint64_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*ret_size = (uint64_t)st.st_size;
		return fd;
	}
	close(fd);
	errno = EINVAL;
	return -1;
}

bool encrypted_is(const char *path)
{
	uint8_t head[32];
	uint64_t size;
	_cleanup_close_ int fd = open_regular(path, &size);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

	return n > 0 && age_probe((struct bytes){head, (size_t)n});
}

static bool is_incomplete(const char *path)
{
	size_t len = strlen(path), end = strlen(INCOMPLETE);

	return len > end && strcmp(path + len - end, INCOMPLETE) == 0;
}

/* Is it a log, by its name? */
static bool is_log(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name) - (is_incomplete(name) ? strlen(INCOMPLETE) : 0);
	char plain[64];
	enum crash_file file;

	return len < sizeof(plain) && snprintf(plain, sizeof(plain), "%.*s", (int)len, name) > 0 &&
	       crash_file_of_name(plain, &file) && file == CRASH_LOG;
}

void encrypted_print_command(FILE *to, const char *path, const char *verb)
{
	fputs("age -d -i KEY ", to);
	cmd_print_word(to, path);
	if (is_log(path))
		fputs(" | less", to);
	else
		fprintf(to, " | lifeboat %s -", verb);
}

static int check(const char *path, struct age_info *ret, struct err *err)
{
	uint64_t size;
	_cleanup_close_ int fd = open_regular(path, &size);

	return fd < 0 ? err_sys(err, errno, "%s", path) : age_check(fd, size, path, ret, err);
}

int encrypted_check(const char *path, struct err *err)
{
	struct age_info info;

	return check(path, &info, err);
}

int encrypted_refuse(const char *path, const char *verb, struct err *err)
{
	char *command = NULL;
	struct age_info info;
	size_t len;
	FILE *f;

	if (check(path, &info, err))
		return err_wrap(err, "it is encrypted, and damaged");
	f = open_memstream(&command, &len);
	if (!f)
		return err_nomem(err, PATH_MAX, "a command line");
	encrypted_print_command(f, path, verb);
	if (fclose(f))
		err_nomem(err, PATH_MAX, "a command line");
	else
		err_set(err, ERR_UNSUPPORTED,
			"%s: it is encrypted, to %zu recipient%s (%s); with the secret KEY of one: "
			"`%s`",
			path, info.n_recipients, info.n_recipients == 1 ? "" : "s", info.types,
			command);
	free(command);
	return err->code;
}

static void print_info(const char *path, const struct age_info *info)
{
	char human[16];

	printf("%-16s age, encrypted to %zu recipient%s (%s)\n", "format", info->n_recipients,
	       info->n_recipients == 1 ? "" : "s", info->types);
	printf("%-16s %" PRIu64 ", of %" PRIu64 " bytes (%s) when it is opened\n", "chunks",
	       info->chunks, info->plain, num_human(info->plain, human));
	printf("%-16s only the key tells whether it is genuine, what is in it, and whether it "
	       "goes on\n"
	       "%-16s behind its last chunk: ",
	       "not known", "");
	encrypted_print_command(stdout, path, "verify");
	putchar('\n');
}

static void put_info(struct json *j, const char *path, const struct age_info *info)
{
	json_put_string(j, "file", path);
	json_put_uint(j, "problems", 0);
	json_put_string(j, "format", "age");
	json_put_bool(j, "encrypted", true);
	json_put_bool(j, "incomplete", is_incomplete(path));
	json_put_uint(j, "recipients", info->n_recipients);
	json_put_string(j, "recipient_types", info->types);
	json_put_uint(j, "chunks", info->chunks);
	json_put_uint(j, "plain_bytes", info->plain);
}

int encrypted_verify(const char *path, struct json *json, struct err *err)
{
	struct age_info info;

	if (check(path, &info, err))
		return err->code;
	if (json)
		put_info(json, path, &info);
	else
		print_info(path, &info);
	if (is_incomplete(path))
		return err_set(err, ERR_PARTIAL, "%s: it was cut off: its name says so", path);
	return 0;
}
