// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"

#define PIECE (1UL << 20)
#define ALIGN 4096UL /* what every disk and file system takes for O_DIRECT */

/* ---- digests */

/* Reading past the page cache, as long as it goes well. */
struct reader {
	int fd, flags; /* as the descriptor's were */
	bool direct;
	const char *name;
};

static void reader_init(struct reader *r, int fd, const char *name)
{
	*r = (struct reader){.fd = fd, .flags = fcntl(fd, F_GETFL), .name = name};
	if (r->flags >= 0)
		r->direct = fcntl(fd, F_SETFL, r->flags | O_DIRECT) == 0;
}

static void reader_stop_direct(struct reader *r)
{
	if (r->direct)
		fcntl(r->fd, F_SETFL, r->flags);
	r->direct = false;
}

/* One piece that begins at a multiple of ALIGN; `len` is what is wanted of it. */
static int read_piece(struct reader *r, uint8_t *buf, size_t len, uint64_t at, struct err *err)
{
	/* whole blocks: past the end of a file, or of a device, there is less of them */
	size_t blocks = num_align_up(len, ALIGN);
	ssize_t n = -1;

	if (r->direct && at <= INT64_MAX - blocks)
		n = pread(r->fd, buf, blocks, (off_t)at);
	if (n >= 0 && (size_t)n >= len)
		return 0;
	reader_stop_direct(r);
	return io_pread_full(r->fd, buf, len, at, r->name, err);
}

static int digest_pieces(struct reader *r, uint8_t *buf, uint64_t offset, uint64_t len,
			 struct sha256 *sha, struct err *err)
{
	while (len) {
		uint64_t at = num_align_down(offset, ALIGN);
		size_t skip = (size_t)(offset - at);
		size_t take = (size_t)NUM_MIN(len, PIECE - skip);
		int e = read_piece(r, buf, skip + take, at, err);

		if (e)
			return e;
		sha256_update(sha, buf + skip, take);
		offset += take;
		len -= take;
	}
	return 0;
}

int manifest_digest(int fd, uint64_t offset, uint64_t len, const char *name, uint8_t ret[32],
		    struct err *err)
{
	_cleanup_free_ uint8_t *buf = NULL;
	struct reader reader;
	struct sha256 sha;
	uint64_t end;
	int r;

	if (!num_add(offset, len, &end) || end > INT64_MAX)
		return err_set(err, ERR_CORRUPT, "%s: %llu bytes at %llu are out of range", name,
			       (unsigned long long)len, (unsigned long long)offset);
	if (posix_memalign((void **)&buf, PIECE, PIECE))
		return err_nomem(err, PIECE, name);
	sha256_init(&sha);
	reader_init(&reader, fd, name);
	if (!reader.direct && posix_fadvise(fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED)) {
		/* then it comes from the page cache */
	}
	r = digest_pieces(&reader, buf, offset, len, &sha, err);
	reader_stop_direct(&reader);
	if (!r)
		sha256_final(&sha, ret);
	return r;
}

/* ---- text */

void manifest_line(const uint8_t digest[32], const char *name, char *ret, size_t size)
{
	char text[SHA256_TEXT];

	sha256_text(digest, text);
	snprintf(ret, size, "%s  %s\n", text, name);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_digest(const uint8_t *text, uint8_t ret[SHA256_SIZE])
{
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* It names a file in the manifest's own folder, and goes to a terminal. */
static bool is_plain_name(const uint8_t *name, size_t len)
{
	if (!len || (len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0))
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x20 || name[i] == 0x7f || name[i] == '/')
			return false;
	return true;
}

/* A digest, a blank, a blank or '*' (read as binary, which is the same here), a name. */
static bool parse_line(const uint8_t *line, size_t len, struct manifest_file *ret)
{
	const size_t before = 2 * SHA256_SIZE + 2;

	if (len <= before || len - before >= sizeof(ret->name))
		return false;
	if (!parse_digest(line, ret->digest) || line[before - 2] != ' ' ||
	    (line[before - 1] != ' ' && line[before - 1] != '*') ||
	    !is_plain_name(line + before, len - before))
		return false;
	memcpy(ret->name, line + before, len - before);
	ret->name[len - before] = '\0';
	return true;
}

static size_t count_lines(struct bytes text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	return n;
}

int manifest_parse(struct bytes text, const char *name, struct manifest_file **ret, size_t *ret_n,
		   struct err *err)
{
	_cleanup_free_ struct manifest_file *files = NULL;
	size_t lines, at = 0;

	if (text.len > MANIFEST_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "%s: %zu bytes are more than a manifest has", name,
			       text.len);
	if (!text.len || text.data[text.len - 1] != '\n')
		return err_set(err, ERR_CORRUPT, "%s: %s", name,
			       text.len ? "its last line does not end" : "names no file");
	lines = count_lines(text);
	files = calloc(lines, sizeof(*files));
	if (!files)
		return err_nomem(err, lines * sizeof(*files), name);
	for (size_t n = 0; n < lines; n++) {
		const uint8_t *line = text.data + at;
		size_t len = (size_t)((const uint8_t *)memchr(line, '\n', text.len - at) - line);

		if (!parse_line(line, len, &files[n]))
			return err_set(err, ERR_CORRUPT,
				       "%s: line %zu is no digest and plain file name", name,
				       n + 1);
		for (size_t k = 0; k < n; k++)
			if (strcmp(files[k].name, files[n].name) == 0)
				return err_set(err, ERR_CORRUPT, "%s: line %zu names %s again",
					       name, n + 1, files[n].name);
		at += len + 1;
	}
	*ret = no_cleanup_ptr(files);
	*ret_n = lines;
	return 0;
}

/* ---- check */

/* A regular file of the folder; whatever else there is would block, or lead elsewhere. */
static int open_file(int folder, const char *name, int *ret, uint64_t *ret_size, struct err *err)
{
	_cleanup_close_ int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no %s", name);
	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s is not a regular file", name);
	*ret = fd;
	*ret_size = (uint64_t)st.st_size;
	fd = -1;
	return 0;
}

static enum manifest_verdict check_file(int folder, const struct manifest_file *f, struct err *why)
{
	_cleanup_close_ int fd = -1;
	uint8_t digest[SHA256_SIZE];
	uint64_t size;
	int r = open_file(folder, f->name, &fd, &size, why);

	if (r)
		return r == ERR_NOT_FOUND ? MANIFEST_MISSING : MANIFEST_UNREADABLE;
	if (manifest_digest(fd, 0, size, f->name, digest, why))
		return MANIFEST_UNREADABLE;
	if (memcmp(digest, f->digest, SHA256_SIZE) == 0)
		return MANIFEST_SAME;
	err_set(why, ERR_CORRUPT, "%s: its digest is another one than in %s", f->name,
		MANIFEST_FILE);
	return MANIFEST_DIFFERS;
}

int manifest_check(const char *folder, manifest_fn tell, void *ctx, struct err *err)
{
	_cleanup_close_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	_cleanup_free_ struct manifest_file *files = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len, n, bad = 0;
	uint64_t size;
	int r;

	if (dir < 0)
		return err_sys(err, errno, "%s: open", folder);
	r = open_file(dir, MANIFEST_FILE, &fd, &size, err);
	if (!r)
		r = io_read_all(fd, MANIFEST_MAX_SIZE, MANIFEST_FILE, &text, &len, err);
	if (!r)
		r = manifest_parse((struct bytes){(const uint8_t *)text, len}, MANIFEST_FILE,
				   &files, &n, err);
	if (r)
		return err_wrap(err, "%s", folder);
	for (size_t i = 0; i < n; i++) {
		struct err why = {0};
		enum manifest_verdict verdict = check_file(dir, &files[i], &why);

		bad += verdict != MANIFEST_SAME;
		if (tell)
			tell(ctx, files[i].name, verdict, verdict == MANIFEST_SAME ? NULL : &why);
	}
	return bad ? err_set(err, ERR_CORRUPT, "%s: %zu of %zu files are not as %s says", folder,
			     bad, n, MANIFEST_FILE)
		   : 0;
}
