// SPDX-License-Identifier: GPL-2.0-or-later
/* Modules of what is no disk: file systems, shares, watchdogs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "config/chain.h"
#include "config/mounts.h"
#include "config/realpath.h"

#define MAX_CONFIG ((size_t)16 << 20)
#define MAX_TAGS   300 /* bytes of an error's list of tags */

/* ---- file systems */

struct found {
	const struct chain *c;
	bool any;
};

static int add_found(void *ctx, const char *module, struct err *err)
{
	struct found *f = ctx;

	f->any = true;
	return chain_add_module(f->c, module, err);
}

/* The running kernel has it, whatever the lists say: "nodev\tproc" or "\text4" lines. */
static bool is_registered(const struct root *root, const char *type)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t len, want = strlen(type);

	if (root_read(root, "/proc/filesystems", 65536, &text, &len, &ignored))
		return false;
	for (const char *at = text; (at = strstr(at, type)); at++)
		if (at > text && at[-1] == '\t' && (at[want] == '\n' || !at[want]))
			return true;
	return false;
}

/*
 * The kernel's defaults, without which it would look for character sets that it was not built for: the values of
 * CONFIG_FAT_DEFAULT_CODEPAGE and _IOCHARSET. `ret` is as it was if the configuration does not tell.
 */
static void read_default(const struct root *root, const char *kernel, const char *option,
			 char ret[64])
{
	static const char *const places[] = {"/boot/config-%s", "/lib/modules/%s/config",
					     "/usr/lib/modules/%s/config"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *text = NULL;
		char path[PATH_MAX];
		struct err ignored;
		const char *at;
		size_t len;

		if ((size_t)snprintf(path, sizeof(path), "%.*s%s%s", (int)strcspn(places[i], "%"),
				     places[i], kernel,
				     strchr(places[i], '%') + 2) >= sizeof(path) ||
		    root_read(root, path, MAX_CONFIG, &text, &len, &ignored))
			continue;
		at = strstr(text, option);
		if (at && (at == text || at[-1] == '\n') && at[strlen(option)] == '=') {
			at += strlen(option) + 1;
			at += *at == '"';
			snprintf(ret, 64, "%.*s", (int)NUM_MIN(strcspn(at, "\"\n"), (size_t)63),
				 at);
			return;
		}
	}
}

static int add_charset(const struct chain *c, const char *prefix, const char *name, struct err *err)
{
	char module[160];

	snprintf(module, sizeof(module), "nls_%s%s", prefix, name);
	return chain_add_module(c, module, err);
}

/* fs/fat/inode.c of Linux loads two, "cp" and the code page, and the one of names as programs see them. */
static int add_charsets(const struct chain *c, const char *kernel, const char *options,
			struct err *err)
{
	char codepage[64] = "437", iocharset[64] = "iso8859-1";
	const char *value;
	size_t len;

	read_default(c->root, kernel, "CONFIG_FAT_DEFAULT_CODEPAGE", codepage);
	read_default(c->root, kernel, "CONFIG_FAT_DEFAULT_IOCHARSET", iocharset);
	value = mounts_option(options, "codepage=", &len);
	if (value)
		snprintf(codepage, sizeof(codepage), "%.*s", (int)NUM_MIN(len, 63u), value);
	value = mounts_option(options, "iocharset=", &len);
	if (value)
		snprintf(iocharset, sizeof(iocharset), "%.*s", (int)NUM_MIN(len, 63u), value);
	if (add_charset(c, "cp", codepage, err))
		return err->code;
	return add_charset(c, "", iocharset, err);
}

int chain_add_fs(const struct chain *c, const char *kernel, const char *type, const char *options,
		 struct err *err)
{
	struct found f = {.c = c};
	char alias[64];
	bool builtin;

	snprintf(alias, sizeof(alias), "fs-%.50s", type);
	if (kmods_aliased(c->kmods, alias, add_found, &f, &builtin, err))
		return err->code;
	if (!f.any && !builtin && kmods_known(c->kmods) &&
	    kmods_find(c->kmods, type) == KMODS_NONE &&
	    !(c->same_kernel && is_registered(c->root, type)))
		return err_set(err, ERR_NOT_FOUND,
			       "kernel %s has no file system %s: neither a module with the alias "
			       "'%s' nor built in",
			       kernel, type, alias);
	/* kernels without aliases of file systems, and modules that are loaded without a folder of them */
	if (!f.any && chain_add_module(c, type, err))
		return err->code;
	return strcmp(type, "vfat") == 0 ? add_charsets(c, kernel, options, err) : 0;
}

/* ---- shares */

/* One of the two kinds of virtio devices that offer a share (linux/virtio_ids.h). */
struct share_kind {
	const char *fstype;
	uint64_t device;
	const char *transport; /* a module that it takes besides its own */
};

static const struct share_kind share_kinds[] = {
	{"9p", 9, "9pnet_virtio"},
	{"virtiofs", 26, NULL},
};

/* A tag's file; the kernel puts a NUL behind 9p's. */
static bool read_tag(const struct root *root, const char *folder, const char *file, char ret[256])
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct err ignored;
	size_t len;

	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= PATH_MAX ||
	    root_read(root, path, 4096, &text, &len, &ignored))
		return false;
	text[strcspn(text, "\n")] = '\0';
	snprintf(ret, 256, "%s", text);
	return true;
}

/*
 * The tag of a virtio device: 9p's driver shows it there, virtiofs' in /sys/fs/virtiofs, whose entries are links to
 * their devices (since Linux 6.9). False: not known.
 */
static bool tag_of(const struct root *root, const char *device, char ret[256])
{
	static const char shares[] = "/sys/fs/virtiofs";
	char **names = NULL;
	bool found = read_tag(root, device, "mount_tag", ret);

	if (!found)
		names = realpath_list(root, shares);
	for (char **n = names; n && *n && !found; n++) {
		char folder[NAME_MAX + 32], link[NAME_MAX + 48], real[PATH_MAX];

		snprintf(folder, sizeof(folder), "%s/%s", shares, *n);
		snprintf(link, sizeof(link), "%s/device", folder);
		found = realpath_below(root, link, real) && strcmp(real, device) == 0 &&
			read_tag(root, folder, "tag", ret);
	}
	realpath_list_free(names);
	return found;
}

struct share_search {
	const struct chain *c;
	const struct share_kind *kind;
	const char *tag;
	size_t n;     /* devices of the kind */
	bool found;   /* one with the tag */
	bool unknown; /* one whose tag is not known */
	char seen[MAX_TAGS];
};

static int look_at_share(struct share_search *s, const char *name, struct err *err)
{
	char link[NAME_MAX + 32], device[PATH_MAX], path[PATH_MAX + 16], tag[256];
	struct err ignored;
	uint64_t id;
	size_t len;

	snprintf(link, sizeof(link), "/sys/bus/virtio/devices/%s", name);
	if (!realpath_below(s->c->root, link, device))
		return 0;
	snprintf(path, sizeof(path), "%s/device", device);
	if (root_read_u64(s->c->root, path, &id, &ignored) || id != s->kind->device)
		return 0;
	s->n++;
	if (!tag_of(s->c->root, device, tag)) {
		s->unknown = true;
		return 0;
	}
	len = strlen(s->seen);
	snprintf(s->seen + len, sizeof(s->seen) - len, "%s '%.60s'", len ? "," : "", tag);
	if (s->found || strcmp(tag, s->tag) != 0)
		return 0;
	s->found = true;
	return chain_add_device(s->c, device, err);
}

/* Where the tags are not known: any of them may be it. */
static int add_all_shares(const struct share_search *s, char **names, struct err *err)
{
	for (char **n = names; *n; n++) {
		char path[NAME_MAX + 40];
		struct err ignored;
		uint64_t id;

		snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%s/device", *n);
		if (root_read_u64(s->c->root, path, &id, &ignored) || id != s->kind->device)
			continue;
		*strrchr(path, '/') = '\0';
		if (chain_add_device(s->c, path, err))
			return err->code;
	}
	return 0;
}

int chain_add_share(const struct chain *c, const char *fstype, const char *tag, bool *ret_sure,
		    struct err *err)
{
	struct share_search s = {.c = c, .kind = &share_kinds[0], .tag = tag};
	char **names = realpath_list(c->root, "/sys/bus/virtio/devices");
	int r = 0;

	if (!names)
		return err_nomem(err, 0, "the virtio devices");
	while (strcmp(s.kind->fstype, fstype) != 0 && s.kind < &share_kinds[1])
		s.kind++;
	for (char **n = names; *n && !r; n++)
		r = look_at_share(&s, *n, err);
	if (!r && !s.found && s.unknown)
		r = add_all_shares(&s, names, err);
	else if (!r && !s.found)
		r = err_set(err, ERR_NOT_FOUND,
			    "no %s share has the tag '%.60s'; the virtual machine offers:%s",
			    fstype, tag, s.n ? s.seen : " none");
	realpath_list_free(names);
	if (!r && s.kind->transport)
		r = chain_add_module(c, s.kind->transport, err);
	if (!r)
		*ret_sure = s.found;
	return r;
}

/* ---- watchdogs */

/* Drivers that name no device to hang on, by what they call themselves (drivers/watchdog/ of Linux 6.1). */
static const struct {
	const char *identity, *module;
} lone_watchdogs[] = {
	{"IT87 WDT", "it87_wdt"},
	{"W83627HF Watchdog", "w83627hf_wdt"},
	{"i6300ESB timer", "i6300esb"},
	{"Software Watchdog", NULL}, /* no hardware: it dies with the kernel */
};

/* Of the modules that use the watchdogs' core, where that is one itself, those that may drive hardware. */
static int add_holders(const struct chain *c, bool *ret_any, struct err *err)
{
	char **names = realpath_list(c->root, "/sys/module/watchdog/holders");
	int r = 0;

	if (!names)
		return err_nomem(err, 0, "the watchdogs");
	for (char **n = names; *n && !r; n++) {
		if (strcmp(*n, "softdog") == 0 || strncmp(*n, "pretimeout_", 11) == 0)
			continue;
		*ret_any = true;
		r = chain_add_module(c, *n, err);
	}
	realpath_list_free(names);
	return r;
}

static int add_lone_watchdog(const struct chain *c, const char *folder, char ret_unknown[64],
			     struct err *err)
{
	char identity[256];
	bool any = false;

	if (!read_tag(c->root, folder, "identity", identity))
		strcpy(identity, "no identity");
	for (size_t i = 0; i < ARRAY_SIZE(lone_watchdogs); i++) {
		if (strcmp(lone_watchdogs[i].identity, identity) != 0)
			continue;
		return lone_watchdogs[i].module ? chain_add_module(c, lone_watchdogs[i].module, err)
						: 0;
	}
	if (add_holders(c, &any, err))
		return err->code;
	if (!any)
		snprintf(ret_unknown, 64, "%.63s", identity);
	return 0;
}

int chain_add_watchdogs(const struct chain *c, char ret_unknown[64], struct err *err)
{
	static const char class[] = "/sys/class/watchdog", virtual[] = "/sys/devices/virtual/";
	char **names = realpath_list(c->root, class);
	int r = 0;

	*ret_unknown = '\0';
	if (!names)
		return err_nomem(err, 0, class);
	for (char **n = names; *n && !r; n++) {
		char path[NAME_MAX + 32], real[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", class, *n);
		if (!realpath_below(c->root, path, real))
			continue;
		if (strncmp(real, virtual, strlen(virtual)) == 0)
			r = add_lone_watchdog(c, real, ret_unknown, err);
		else
			r = chain_add_device(c, real, err);
	}
	realpath_list_free(names);
	return r;
}
