// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/armed.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "initramfs/initramfs.h"
#include "initramfs/unpack.h"
#include "loader/probe.h"

#define CRASH_LOADED \
	"/sys/kernel/kexec_crash_loaded" /* Linux 6.19 has both in kexec/, and the old ones */
#define CRASH_LOADED_NEW "/sys/kernel/kexec/crash_loaded"
#define CRASH_SIZE       "/sys/kernel/kexec_crash_size"
#define CRASH_SIZE_NEW   "/sys/kernel/kexec/crash_size"
#define FILE_MAX         ((size_t)512 << 20)
#define MAX_ENTRIES      65536
#define MAX_MODULES      4096

/* ---- cpio: Documentation/driver-api/early-userspace/buffer-format.rst */

#define CPIO_HEADER   110
#define CPIO_MAGIC    "070701"
#define CPIO_FILESIZE (6 + 6 * 8)
#define CPIO_NAMESIZE (6 + 11 * 8)
#define CPIO_TRAILER  "TRAILER!!!"

struct cpio_file {
	const char *name; /* not terminated */
	size_t name_len;
	struct bytes content;
};

static bool read_hex(struct bytes b, uint64_t off, uint64_t *ret)
{
	uint64_t v = 0;

	if (!bytes_has(b, off, 8))
		return false;
	for (int i = 0; i < 8; i++) {
		uint8_t c = b.data[off + i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

/* The entry at *off, which is moved behind it. */
static bool next_file(struct bytes b, uint64_t *off, struct cpio_file *ret)
{
	uint64_t size, name_size, at;
	struct bytes name;

	if (!bytes_has(b, *off, CPIO_HEADER) || memcmp(b.data + *off, CPIO_MAGIC, 6) != 0 ||
	    !read_hex(b, *off + CPIO_FILESIZE, &size) ||
	    !read_hex(b, *off + CPIO_NAMESIZE, &name_size) || !name_size ||
	    !bytes_sub(b, *off + CPIO_HEADER, name_size, &name))
		return false;
	at = num_align_up(*off + CPIO_HEADER + name_size, 4);
	if (!bytes_sub(b, at, size, &ret->content))
		return false;
	ret->name = (const char *)name.data;
	ret->name_len = strnlen(ret->name, name_size);
	*off = NUM_MIN(num_align_up(at + size, 4), (uint64_t)b.len);
	return true;
}

static bool is_named(const struct cpio_file *f, const char *path)
{
	while (*path == '/')
		path++;
	return f->name_len == strlen(path) && memcmp(f->name, path, f->name_len) == 0;
}

/* ---- the image */

struct found {
	struct bytes recipe, modules;
};

/* Walk the archives at the front; what is behind them is left in *ret_rest. A later file of a name counts, as for the kernel. */
static int walk(struct bytes b, const char *name, struct found *found, struct bytes *ret_rest,
		struct err *err)
{
	uint64_t off = 0;

	for (size_t n = 0; n < MAX_ENTRIES; n++) {
		struct cpio_file f;

		while (off < b.len && !b.data[off])
			off++; /* between archives */
		if (off == b.len || !bytes_has(b, off, 6) ||
		    memcmp(b.data + off, CPIO_MAGIC, 6) != 0) {
			*ret_rest = (struct bytes){b.data + off, b.len - off};
			return 0;
		}
		if (!next_file(b, &off, &f))
			return err_set(err, ERR_CORRUPT, "%s: archive: entry %zu is damaged", name,
				       n);
		if (is_named(&f, RECIPE_IMAGE_PATH))
			found->recipe = f.content;
		if (is_named(&f, RECIPE_MODULES_PATH))
			found->modules = f.content;
	}
	return err_set(err, ERR_CORRUPT, "%s: archive of more than %d files", name, MAX_ENTRIES);
}

static enum unpack_kind packed_by(struct bytes b)
{
	static const struct {
		enum unpack_kind kind;
		uint8_t magic[4];
		size_t len;
	} kinds[] = {
		{UNPACK_GZIP, {0x1f, 0x8b}, 2},
		{UNPACK_XZ, {0xfd, '7', 'z', 'X'}, 4},
		{UNPACK_ZSTD, {0x28, 0xb5, 0x2f, 0xfd}, 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (bytes_has(b, 0, kinds[i].len) &&
		    memcmp(b.data, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].kind;
	return UNPACK_NONE;
}

static int read_modules(struct bytes text, char ***ret, struct err *err)
{
	_cleanup_free_ char *copy = strndup(text.data ? (const char *)text.data : "", text.len);
	char *save = NULL;
	size_t n = 0;

	if (!copy)
		return err_nomem(err, text.len, "the modules of an image");
	for (char *line = strtok_r(copy, "\n", &save); line && n < MAX_MODULES;
	     line = strtok_r(NULL, "\n", &save), n++) {
		line[strcspn(line, " \t")] = '\0'; /* its parameters */
		if (recipe_add_string(ret, line, err))
			return err->code;
	}
	return 0;
}

static int take(const struct found *found, const char *name, struct armed_image *ret,
		struct err *err)
{
	struct armed_image image = {0};

	if (!found->recipe.data)
		return err_set(
			err, ERR_NOT_FOUND,
			"%s: no " RECIPE_IMAGE_PATH
			" in it: it is no image of lifeboat's, and what it would do is not known",
			name);
	image.modules = calloc(1, sizeof(*image.modules));
	if (!image.modules)
		return err_nomem(err, sizeof(*image.modules), "the modules of an image");
	if (recipe_create(found->recipe, RECIPE_IMAGE_PATH, &image.recipe, err) ||
	    read_modules(found->modules, &image.modules, err)) {
		armed_image_deinit(&image);
		return err_wrap(err, "%s", name);
	}
	*ret = image;
	return 0;
}

int armed_image_read(struct bytes data, const char *name, struct armed_image *ret, struct err *err)
{
	_cleanup_buf_ struct buf unpacked = BUF_INIT(FILE_MAX);
	struct found found = {0};
	struct bytes rest;

	if (walk(data, name, &found, &rest, err))
		return err->code;
	if (rest.len && packed_by(rest) == UNPACK_NONE)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: packed in a way that is not gzip, xz or zstd, or damaged",
			       name);
	if (rest.len && (unpack_run(packed_by(rest), rest, name, &unpacked, err) ||
			 walk(buf_bytes(&unpacked), name, &found, &rest, err)))
		return err->code;
	return take(&found, name, ret, err);
}

void armed_image_deinit(struct armed_image *image)
{
	recipe_destroy(image->recipe);
	recipe_free_strings(image->modules);
	*image = (struct armed_image){0};
}

/* "/lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko.xz" is virtio_blk */
static bool is_module(const char *path, const char *name)
{
	const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	for (; *name; name++, file++)
		if (*name != *file &&
		    !((*name == '-' || *name == '_') && (*file == '-' || *file == '_')))
			return false;
	return *file == '.' || !*file;
}

bool armed_image_has(const struct armed_image *image, const char *module)
{
	for (char **m = image->modules; *m; m++)
		if (is_module(*m, module))
			return true;
	return false;
}

/* ---- what is armed */

static int check_loaded(const struct service *s, const struct state *state, struct err *err)
{
	if (fact_is(facts_crash_loaded(s->root), 0))
		return err_set(err, ERR_NOT_LOADED,
			       "no panic kernel is loaded: `lifeboat start` first");
	if (!state->known)
		return err_set(err, ERR_NOT_LOADED,
			       "there is no record of a panic kernel that lifeboat has loaded "
			       "(%s/panic-kernel): `lifeboat start` first",
			       s->run);
	return 0;
}

static int read_copy(const char *path, const uint8_t digest[32], char **ret, size_t *ret_len,
		     struct err *err)
{
	_cleanup_free_ char *data = NULL;
	uint8_t now[32];
	struct sha256 sha;
	size_t len;

	if (io_read_file(path, FILE_MAX, &data, &len, err))
		return err_wrap(err, "the copy of what is armed cannot be read (`lifeboat restart` "
				     "makes it anew)");
	sha256_init(&sha);
	sha256_update(&sha, data, len);
	sha256_final(&sha, now);
	if (memcmp(now, digest, sizeof(now)) != 0)
		return err_set(err, ERR_CORRUPT,
			       "%s is not what was loaded: `lifeboat restart` makes it anew", path);
	*ret_len = len;
	*ret = no_cleanup_ptr(data);
	return 0;
}

static int read_files(const struct service *s, struct armed *a, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	struct state_paths paths;
	_cleanup_free_ char *kernel = NULL;
	struct err ignored;
	size_t len;

	state_request(&dirs, &a->state, &paths);
	memcpy(a->kernel, paths.kernel, sizeof(a->kernel));
	memcpy(a->initrd, paths.initrd, sizeof(a->initrd));
	if (read_copy(a->kernel, a->state.kernel_digest, &kernel, &len, err) ||
	    read_copy(a->initrd, a->state.initrd_digest, &a->data, &a->len, err))
		return err->code;
	if (inputs_read((struct bytes){(uint8_t *)a->data, a->len}, &a->inputs, &ignored))
		a->inputs = (struct inputs){0};
	return armed_image_read((struct bytes){(uint8_t *)a->data, a->len}, a->initrd, &a->image,
				err);
}

int armed_read(const struct service *s, struct armed *ret, struct err *err)
{
	const struct state_dirs dirs = service_dirs(s);
	struct armed a = {0};
	struct err ignored;
	int r = state_read(&dirs, &a.state, err);

	if (!r)
		r = check_loaded(s, &a.state, err);
	if (!r)
		r = read_files(s, &a, err);
	if (r) {
		armed_deinit(&a);
		return r;
	}
	if (root_read_u64(s->root, CRASH_SIZE_NEW, &a.reserved, &ignored) &&
	    root_read_u64(s->root, CRASH_SIZE, &a.reserved, &ignored))
		a.reserved = 0;
	*ret = a;
	return 0;
}

void armed_deinit(struct armed *a)
{
	state_deinit(&a->state);
	free(a->data);
	armed_image_deinit(&a->image);
	*a = (struct armed){0};
}

int armed_compare(const struct service *s, const struct armed *a, const struct config *config,
		  char ret[INPUTS_DIFFERENCE], struct err *err)
{
	struct initramfs_spec spec = {.root = s->root,
				      .kernel = a->inputs.kernel,
				      .tool = "lifeboat " LIFEBOAT_VERSION,
				      .recipe_name = "the configuration",
				      .init = s->init};
	_cleanup_free_ char *text = NULL;
	struct recipe *recipe = NULL;
	size_t len;
	int r;

	if (!*a->inputs.kernel)
		return err_set(err, ERR_NOT_FOUND, "%s does not say what it was made of",
			       a->initrd);
	if (!s->init)
		return err_set(err, ERR_NOT_FOUND, "there is no lifeboat-init to compare it with");
	if (service_recipe(s, config, a->inputs.kernel, &recipe, err))
		return err->code;
	r = recipe_format(recipe, &text, &len, err);
	recipe_destroy(recipe);
	if (r)
		return r;
	spec.recipe = (struct bytes){(const uint8_t *)text, len};
	return initramfs_compare(a->initrd, &spec, ret, err);
}
