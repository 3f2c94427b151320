// SPDX-License-Identifier: GPL-2.0-or-later
#include "initramfs/firmware.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "initramfs/elf.h"
#include "initramfs/unpack.h"

#define KEY        "firmware="
#define MAX_NAMES  8192 /* of one image, found or not; amdgpu names some 600 */
#define MAX_PACKED FIRMWARE_MAX_SIZE

void firmware_deinit(struct firmware_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].name);
		free(list->v[i].data);
	}
	for (size_t i = 0; i < list->n_missing; i++)
		free(list->missing[i]);
	free(list->v);
	free(list->missing);
	*list = (struct firmware_list){0};
}

/* A relative path that stays below the folder. */
static bool is_usable(const char *name)
{
	size_t total = strlen(name);

	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && memcmp(part, "..", 2) == 0))
			return false;
		part += len;
		if (!*part)
			return total < PATH_MAX / 2;
	}
}

static bool is_known(const struct firmware_list *l, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < l->n_missing; i++)
		if (strncmp(l->missing[i], name, len) == 0 &&
		    strncmp(l->missing[i] + len, " of ", 4) == 0)
			return true;
	return false;
}

static int add_missing(struct firmware_list *l, const char *name, const char *module,
		       struct err *err)
{
	char **grown = reallocarray(l->missing, l->n_missing + 1, sizeof(*grown));
	const char *base = strrchr(module, '/');
	char *text;

	if (grown)
		l->missing = grown;
	if (!grown || asprintf(&text, "%s of %s", name, base ? base + 1 : module) < 0)
		return err_nomem(err, (l->n_missing + 1) * sizeof(*grown), "the firmware list");
	for (char *c = text; *c; c++) /* it is going to be shown to people */
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	grown[l->n_missing++] = text;
	return 0;
}

static int add_file(struct firmware_list *l, const char *name, struct buf *content, struct err *err)
{
	struct firmware_file *grown = reallocarray(l->v, l->n + 1, sizeof(*grown));
	char *copy = strdup(name);

	if (grown)
		l->v = grown;
	if (!grown || !copy) {
		free(copy);
		return err_nomem(err, (l->n + 1) * sizeof(*grown), "the firmware list");
	}
	grown[l->n++] = (struct firmware_file){
		.name = copy, .data = no_cleanup_ptr(content->data), .len = content->len};
	l->size += content->len;
	return 0;
}

/* The file at `path`, if it is there. */
static int try_path(struct firmware_list *l, const struct root *root, const char *path,
		    const char *name, bool *ret_found, struct err *err)
{
	_cleanup_buf_ struct buf plain = BUF_INIT(FIRMWARE_MAX_SIZE);
	_cleanup_free_ char *data = NULL;
	enum unpack_kind kind = UNPACK_NONE;
	struct bytes in;
	size_t len, stem;

	*ret_found = false;
	if (root_read(root, path, MAX_PACKED, &data, &len, err)) {
		/* a folder of that name is none */
		if (err->sys == ENOENT || err->sys == ENOTDIR || err->sys == EISDIR)
			return 0;
		return err->code;
	}
	*ret_found = true;
	/* a name may end in .xz of itself: only what we put behind it is packing */
	if (strlen(path) > strlen(name) && strcmp(path + strlen(path) - strlen(name), name) != 0)
		kind = unpack_kind_of(path, &stem);
	in = (struct bytes){(const uint8_t *)data, len};
	if ((len || kind != UNPACK_NONE) && unpack_run(kind, in, path, &plain, err))
		return *root->path ? err_wrap(err, "%s", root->path) : err->code;
	if (plain.len > FIRMWARE_MAX_SIZE - l->size)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s%s: with it the modules' firmware is more than %zu MB; leave a "
			       "module out of the recipe",
			       root->path, path, FIRMWARE_MAX_SIZE >> 20);
	return add_file(l, name, &plain, err);
}

static int add_name(struct firmware_list *l, const struct root *root, const char *kernel,
		    const char *name, const char *module, struct err *err)
{
	static const char *const folders[] = {"/lib/firmware", "/usr/lib/firmware"};
	static const char *const suffixes[] = {"", ".zst", ".xz"};
	const char *const below[][2] = {
		{"/updates/", kernel}, {"/updates", ""}, {"/", kernel}, {"", ""}};
	bool found;

	if (is_known(l, name))
		return 0;
	if (l->n + l->n_missing >= MAX_NAMES)
		return err_set(err, ERR_CORRUPT, "%s: more than %d names of firmware", module,
			       MAX_NAMES);
	if (!is_usable(name))
		return add_missing(l, name, module, err);
	for (size_t f = 0; f < ARRAY_SIZE(folders); f++)
		for (size_t s = 0; s < ARRAY_SIZE(suffixes); s++)
			for (size_t b = 0; b < ARRAY_SIZE(below); b++) {
				char path[PATH_MAX];

				if (snprintf(path, sizeof(path), "%s%s%s/%s%s", folders[f],
					     below[b][0], below[b][1], name,
					     suffixes[s]) >= (int)sizeof(path))
					continue;
				if (try_path(l, root, path, name, &found, err))
					return err->code;
				if (found)
					return 0;
			}
	return add_missing(l, name, module, err);
}

int firmware_add(struct firmware_list *list, const struct root *root, const char *kernel,
		 const char *path, struct bytes content, struct err *err)
{
	struct bytes info;

	if (elf_find_section(content, path, ".modinfo", &info, err))
		return *root->path ? err_wrap(err, "%s", root->path) : err->code;
	/* NUL-terminated strings; an unterminated rest is none */
	for (size_t at = 0; at < info.len;) {
		const char *text = (const char *)info.data + at;
		const char *end = memchr(text, 0, info.len - at);

		if (!end)
			return 0;
		if (strncmp(text, KEY, strlen(KEY)) == 0 &&
		    add_name(list, root, kernel, text + strlen(KEY), path, err))
			return err->code;
		at += (size_t)(end - text) + 1;
	}
	return 0;
}
