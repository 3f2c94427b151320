// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define NEWC_MAGIC    "070701"
#define NEWC_HEADER   110
#define NEWC_FILESIZE 54
#define NEWC_NAMESIZE 94
#define MAX_ENTRIES \
	8 /* of the front archive that are looked at; ours has the folder and the file */

static const char *const part_names[INPUTS_N_PARTS] = {
	[INPUTS_RECIPE] = "recipe",     [INPUTS_INIT] = "init",
	[INPUTS_MODULES] = "modules",   [INPUTS_FIRMWARE] = "firmware",
	[INPUTS_PROGRAMS] = "programs", [INPUTS_FILES] = "files",
};

static size_t put_parts(const struct inputs *in, char *to, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < INPUTS_N_PARTS; i++) {
		char text[SHA256_TEXT];

		sha256_text(in->part[i], text);
		n += (size_t)snprintf(to + n, room - n, "%s = %s\n", part_names[i], text);
	}
	return n;
}

void inputs_seal(struct inputs *in)
{
	char text[INPUTS_MAX_SIZE];
	struct sha256 s;
	int n = snprintf(text, sizeof(text), INPUTS_SCHEMA "\n%s\n%s\n%s\n", in->tool, in->kernel,
			 in->pack);

	sha256_init(&s);
	sha256_update(&s, text, (size_t)n);
	sha256_update(&s, text, put_parts(in, text, sizeof(text)));
	sha256_final(&s, in->digest);
}

size_t inputs_format(const struct inputs *in, char ret[INPUTS_MAX_SIZE])
{
	char digest[SHA256_TEXT];
	size_t n;

	sha256_text(in->digest, digest);
	n = (size_t)snprintf(ret, INPUTS_MAX_SIZE,
			     "schema = " INPUTS_SCHEMA "\ndigest = %s\ntool = %s\nkernel = %s\n"
			     "pack = %s\npacked = %" PRIu64 "\nunpacked = %" PRIu64 "\n",
			     digest, in->tool, in->kernel, in->pack, in->packed, in->unpacked);
	return n + put_parts(in, ret + n, INPUTS_MAX_SIZE - n);
}

/* ---- reading: the file in the front archive, then its lines */

static bool read_hex(struct bytes b, size_t off, size_t digits, uint64_t *ret)
{
	uint64_t v = 0;

	if (!bytes_has(b, off, digits))
		return false;
	for (size_t i = 0; i < digits; i++) {
		int c = b.data[off + i];
		int d = c >= '0' && c <= '9'                 ? c - '0'
			: (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
							     : -1;

		if (d < 0)
			return false;
		v = v << 4 | (unsigned int)d;
	}
	*ret = v;
	return true;
}

static bool find_file(struct bytes image, struct bytes *ret)
{
	static const char wanted[] = "lifeboat/inputs";
	uint64_t at = 0, size, name_size;

	for (int i = 0; i < MAX_ENTRIES; i++) {
		struct bytes h, name;

		if (!bytes_sub(image, at, NEWC_HEADER, &h) ||
		    memcmp(h.data, NEWC_MAGIC, strlen(NEWC_MAGIC)) != 0 ||
		    !read_hex(h, NEWC_FILESIZE, 8, &size) ||
		    !read_hex(h, NEWC_NAMESIZE, 8, &name_size) ||
		    !bytes_sub(image, at + NEWC_HEADER, name_size, &name))
			return false;
		at = num_align_up(at + NEWC_HEADER + name_size, 4);
		if (name_size == sizeof(wanted) && memcmp(name.data, wanted, sizeof(wanted)) == 0)
			return size < INPUTS_MAX_SIZE && bytes_sub(image, at, size, ret);
		at = num_align_up(at + size, 4);
	}
	return false;
}

/* The value of the line KEY; the lines come in one order only. */
static bool take_line(const char **text, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key), len;

	if (strncmp(*text, key, n) != 0 || strncmp(*text + n, " = ", 3) != 0)
		return false;
	*text += n + 3;
	len = strcspn(*text, "\n");
	if (len >= size || (*text)[len] != '\n')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)(*text)[i] < 0x20 || (*text)[i] == 0x7f)
			return false;
	memcpy(ret, *text, len);
	ret[len] = '\0';
	*text += len + 1;
	return true;
}

static bool take_digest(const char **text, const char *key, uint8_t ret[SHA256_SIZE])
{
	char hex[SHA256_TEXT];
	uint64_t byte;

	if (!take_line(text, key, hex, sizeof(hex)) || strlen(hex) != SHA256_TEXT - 1)
		return false;
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		if (!read_hex((struct bytes){(const uint8_t *)hex, SHA256_TEXT - 1}, 2 * i, 2,
			      &byte))
			return false;
		ret[i] = (uint8_t)byte;
	}
	return true;
}

static bool take_number(const char **text, const char *key, uint64_t *ret)
{
	struct err ignored;
	char value[24];

	return take_line(text, key, value, sizeof(value)) &&
	       num_parse_u64(value, ret, &ignored) == 0;
}

static bool parse(const char *text, struct inputs *in)
{
	bool ok = take_digest(&text, "digest", in->digest) &&
		  take_line(&text, "tool", in->tool, sizeof(in->tool)) &&
		  take_line(&text, "kernel", in->kernel, sizeof(in->kernel)) &&
		  take_line(&text, "pack", in->pack, sizeof(in->pack)) &&
		  take_number(&text, "packed", &in->packed) &&
		  take_number(&text, "unpacked", &in->unpacked);

	for (size_t i = 0; ok && i < INPUTS_N_PARTS; i++)
		ok = take_digest(&text, part_names[i], in->part[i]);
	return ok && !*text;
}

int inputs_read(struct bytes image, struct inputs *ret, struct err *err)
{
	char text[INPUTS_MAX_SIZE], schema[64];
	struct inputs in = {0}, again;
	const char *at = text;
	struct bytes file;

	if (!find_file(image, &file))
		return err_set(err, ERR_NOT_FOUND, "has no " INPUTS_PATH " in front");
	memcpy(text, file.data, file.len);
	text[file.len] = '\0';
	if (!take_line(&at, "schema", schema, sizeof(schema)))
		return err_set(err, ERR_CORRUPT, INPUTS_PATH " is damaged");
	if (strcmp(schema, INPUTS_SCHEMA) != 0)
		return err_set(err, ERR_CORRUPT, INPUTS_PATH " has schema '%s', not " INPUTS_SCHEMA,
			       schema);
	if (!parse(at, &in))
		return err_set(err, ERR_CORRUPT, INPUTS_PATH " is damaged");
	again = in;
	inputs_seal(&again);
	if (memcmp(again.digest, in.digest, sizeof(in.digest)) != 0)
		return err_set(err, ERR_CORRUPT, INPUTS_PATH " does not have its own digest");
	*ret = in;
	return 0;
}

const char *inputs_difference(const struct inputs *was, const struct inputs *now,
			      char buf[INPUTS_DIFFERENCE])
{
	const struct {
		const char *name, *was, *now;
	} texts[] = {
		{"tool", was->tool, now->tool},
		{"kernel", was->kernel, now->kernel},
		{"compression", was->pack, now->pack},
	};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < INPUTS_N_PARTS; i++)
		if (memcmp(was->part[i], now->part[i], SHA256_SIZE) != 0)
			n += (size_t)snprintf(buf + n, INPUTS_DIFFERENCE - n, "%s%s", n ? ", " : "",
					      part_names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].was, texts[i].now) != 0)
			n += (size_t)snprintf(buf + n, INPUTS_DIFFERENCE - n, "%s%s (%s, now %s)",
					      n ? ", " : "", texts[i].name, texts[i].was,
					      texts[i].now);
	return buf;
}

/* The front of the image, where its inputs stand; a short image is a short front. */
static int read_front(const char *path, uint8_t front[2 * INPUTS_MAX_SIZE], struct bytes *ret,
		      struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	while (len < 2 * INPUTS_MAX_SIZE) {
		ssize_t n = read(fd, front + len, 2 * INPUTS_MAX_SIZE - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s: read", path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret = (struct bytes){front, len};
	return 0;
}

int inputs_read_file(const char *path, struct inputs *ret, struct err *ret_why, struct err *err)
{
	uint8_t front[2 * INPUTS_MAX_SIZE];
	struct bytes image = {0};

	if (read_front(path, front, &image, err))
		return err->code;
	*ret_why = (struct err){0};
	if (!inputs_read(image, ret, ret_why))
		ret_why->code = 0;
	return 0;
}
