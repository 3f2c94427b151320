// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "base/io.h"
#include "base/num.h"

#define CONFIG_MAX_SIZE ((size_t)4 << 20) /* distributions' are 250 to 300 KB */
#define GZIP_LEVEL      12
#define ZSTD_LEVEL      19
#define ZSTD_WINDOW_LOG 17

static const char *const kind_names[] = {
	[PACK_AUTO] = "auto",
	[PACK_NONE] = "none",
	[PACK_GZIP] = "gzip",
	[PACK_ZSTD] = "zstd",
};

int pack_kind_from_name(const char *name, enum pack_kind *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (strcmp(name, kind_names[i]) != 0)
			continue;
		*ret = (enum pack_kind)i;
		return 0;
	}
	return err_set(err, ERR_USAGE, "'%.80s' is not a compression: auto, gzip, zstd or none",
		       name);
}

const char *pack_kind_name(enum pack_kind kind)
{
	return kind_names[kind];
}

/* Whether the configuration has the line KEY=y. */
static bool has_yes(const char *config, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = config; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && strncmp(line + len, "=y", 2) == 0 &&
		    (line[len + 2] == '\n' || line[len + 2] == '\r' || !line[len + 2]))
			return true;
	}
	return false;
}

int pack_support_read(const struct root *root, const char *kernel, struct pack_support *ret,
		      struct err *err)
{
	/* Debian, Ubuntu and SUSE; Fedora and its kin; merged /usr without the link */
	static const struct {
		const char *before, *after;
	} places[] = {
		{"/boot/config-", ""},
		{"/lib/modules/", "/config"},
		{"/usr/lib/modules/", "/config"},
	};
	struct pack_support found = {0};

	for (size_t i = 0; i < ARRAY_SIZE(places) && !found.known; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (snprintf(found.source, sizeof(found.source), "%s%s%s", places[i].before, kernel,
			     places[i].after) >= (int)sizeof(found.source))
			return err_set(err, ERR_USAGE, "kernel version '%.80s' is too long",
				       kernel);
		if (root_read(root, found.source, CONFIG_MAX_SIZE, &text, &len, err)) {
			if (err->sys == ENOENT || err->sys == ENOTDIR)
				continue;
			return err->code;
		}
		found.known = true;
		found.gzip = has_yes(text, "CONFIG_RD_GZIP");
		found.zstd = has_yes(text, "CONFIG_RD_ZSTD");
		if (!has_yes(text, "CONFIG_BLK_DEV_INITRD"))
			return err_set(err, ERR_UNSUPPORTED,
				       "%s%s: kernel %s takes no initramfs (no "
				       "CONFIG_BLK_DEV_INITRD=y)",
				       root->path, found.source, kernel);
	}
	*ret = found;
	return 0;
}

int pack_choose(enum pack_kind asked, const struct pack_support *support, enum pack_kind *ret,
		struct err *err)
{
	bool ok = true;

	switch (asked) {
	case PACK_AUTO:
		if (!support->known || support->gzip)
			asked = PACK_GZIP;
		else
			asked = support->zstd ? PACK_ZSTD : PACK_NONE;
		break;
	case PACK_NONE:
		break;
	case PACK_GZIP:
		ok = !support->known || support->gzip;
		break;
	case PACK_ZSTD:
		ok = !support->known || support->zstd;
		break;
	}
	if (!ok)
		return err_set(err, ERR_USAGE,
			       "the kernel cannot unpack %s: %s has no CONFIG_RD_%s=y",
			       pack_kind_name(asked), support->source,
			       asked == PACK_ZSTD ? "ZSTD" : "GZIP");
	*ret = asked;
	return 0;
}

/* libdeflate packs 4 % smaller than zlib, and writes no time of day into the header. */
static int pack_gzip(struct bytes in, struct buf *out, struct err *err)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(GZIP_LEVEL);
	size_t room, n = 0;
	int r;

	if (!c)
		return err_nomem(err, 0, "gzip");
	room = libdeflate_gzip_compress_bound(c, in.len);
	r = buf_reserve(out, room, "the packed initramfs", err);
	if (!r)
		n = libdeflate_gzip_compress(c, in.data, in.len, out->data + out->len, room);
	if (!r && !n)
		r = err_set(err, ERR_SYSTEM, "gzip: cannot compress");
	out->len += n;
	libdeflate_free_compressor(c);
	return r;
}

/*
 * The kernel allocates the frame's window (or the content's size, if that is smaller and in the
 * header) on top of the unpacked files: keep it small. ZSTD_compress2 sees all of the input, so the
 * size is in the header.
 */
static int zstd_compress(ZSTD_CCtx *c, struct bytes in, struct buf *out, struct err *err)
{
	static const struct {
		ZSTD_cParameter name;
		int value;
	} params[] = {
		{ZSTD_c_compressionLevel, ZSTD_LEVEL},
		{ZSTD_c_windowLog, ZSTD_WINDOW_LOG},
		{ZSTD_c_contentSizeFlag, 1},
		{ZSTD_c_checksumFlag, 1}, /* a damaged image is reported, not run */
	};
	size_t room = ZSTD_compressBound(in.len), n;

	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		n = ZSTD_CCtx_setParameter(c, params[i].name, params[i].value);
		if (ZSTD_isError(n))
			return err_set(err, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(n));
	}
	if (buf_reserve(out, room, "the packed initramfs", err))
		return err->code;
	n = ZSTD_compress2(c, out->data + out->len, room, in.data, in.len);
	if (ZSTD_isError(n))
		return err_set(err, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(n));
	out->len += n;
	return 0;
}

static int pack_zstd(struct bytes in, struct buf *out, struct err *err)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	int r = c ? zstd_compress(c, in, out, err) : err_nomem(err, 0, "zstd");

	ZSTD_freeCCtx(c);
	return r;
}

int pack_run(enum pack_kind kind, struct bytes in, struct buf *out, struct err *err)
{
	switch (kind) {
	case PACK_NONE:
		return buf_append(out, in.data, in.len, "the initramfs", err);
	case PACK_GZIP:
		return pack_gzip(in, out, err);
	case PACK_ZSTD:
		return pack_zstd(in, out, err);
	case PACK_AUTO:
		break;
	}
	return err_set(err, ERR_USAGE, "compression '%s' was not resolved", pack_kind_name(kind));
}
