// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/mountopts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * Which options are kept, by type; one that ends in '=' has a value. Left out of xfs' are those that newer kernels no longer
 * take (attr2) and those that follow from the superblock (logbsize, sunit); of btrfs', compression and the like, which a
 * dump does not need. Accounting of quota stays: without it xfs and ext4 would have to count again.
 */
static const struct kind {
	const char *type;
	const char *kept[12];
	const char *refused[3]; /* what they name is on another device */
	const char *added;      /* "NAME=VALUE,…": where NAME= is not kept */
} kinds[] = {
	{"ext2", {"errors="}, {0}, ""},
	{"ext3", {"errors=", "data="}, {0}, ""},
	{"ext4", {"errors=", "data=", "nodelalloc", "prjquota"}, {"journal_path="}, ""},
	{"xfs",
	 {"nouuid", "inode32", "usrquota", "uqnoenforce", "grpquota", "gqnoenforce", "prjquota",
	  "pqnoenforce"},
	 {"logdev=", "rtdev="},
	 ""},
	{"btrfs", {"subvolid="}, {0}, ""},
	/* it has no owners and modes: without masks the dump would be readable for all */
	{"vfat",
	 {"codepage=", "iocharset=", "shortname=", "utf8", "errors="},
	 {0},
	 "fmask=0177,dmask=0077"},
	{"exfat", {"iocharset=", "errors="}, {0}, "fmask=0177,dmask=0077"},
	/* what is negotiated is left to the next mount; Kerberos is refused by who asks */
	{"nfs",
	 {"vers=", "nfsvers=", "port=", "mountport=", "mountvers=", "sec=", "resvport",
	  "noresvport"},
	 {0},
	 ""},
	{"9p", {"version=", "msize=", "access=", "cache="}, {0}, ""},
};

/* Words of mount(8), mount(2)'s flags and systemd.mount(5) that are no data of a file system. */
static const char *const generic[] = {
	"rw",       "defaults",   "auto",       "noauto",     "nofail",      "user",
	"users",    "nouser",     "owner",      "group",      "suid",        "nosuid",
	"dev",      "nodev",      "exec",       "noexec",     "atime",       "noatime",
	"diratime", "nodiratime", "relatime",   "norelatime", "strictatime", "nostrictatime",
	"lazytime", "nolazytime", "sync",       "async",      "dirsync",     "mand",
	"nomand",   "iversion",   "noiversion", "silent",     "loud",        "_netdev",
	"seclabel", "remount",    "bind",       "rbind",
};

static const struct kind *kind_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

/* Is this word of `len` bytes one of the list, NULL-terminated? */
static bool is_one_of(const char *word, size_t len, const char *const *list)
{
	for (; *list; list++) {
		size_t n = strlen(*list);

		if ((*list)[n - 1] == '=' ? len > n && strncmp(word, *list, n) == 0
					  : len == n && strncmp(word, *list, n) == 0)
			return true;
	}
	return false;
}

static void put(FILE *to, const char *word, size_t len)
{
	fprintf(to, "%s%.*s", ftell(to) ? "," : "", (int)len, word);
}

static int finish(FILE *to, char **text, char **ret, struct err *err)
{
	if (fclose(to)) {
		free(*text);
		return err_nomem(err, 0, "mount options");
	}
	*ret = *text;
	return 0;
}

/* A file system with errors=panic would take the capture kernel down where it could still write. */
static void put_kept(FILE *to, const char *word, size_t len)
{
	static const char panic[] = "errors=panic", remount[] = "errors=remount-ro";

	if (len == strlen(panic) && strncmp(word, panic, len) == 0)
		put(to, remount, strlen(remount));
	else
		put(to, word, len);
}

int mountopts_of_mounted(const char *type, const char *options, char **ret, struct err *err)
{
	const struct kind *kind = kind_of(type);
	char *text = NULL;
	size_t size;
	FILE *to;

	for (const char *at = options; kind && *at;) {
		size_t n = strcspn(at, ",");

		if (is_one_of(at, n, kind->refused))
			return err_set(
				err, ERR_UNSUPPORTED,
				"the %s file system has a part of it on another device (%.*s), "
				"which the capture kernel does not bring up yet: name another "
				"target",
				type, (int)n, at);
		at += n + (at[n] == ',');
	}
	to = open_memstream(&text, &size);
	if (!to)
		return err_nomem(err, 0, "mount options");
	for (const char *at = options; kind && *at;) {
		size_t n = strcspn(at, ",");

		if (is_one_of(at, n, kind->kept))
			put_kept(to, at, n);
		at += n + (at[n] == ',');
	}
	if (kind && *kind->added)
		put(to, kind->added, strlen(kind->added));
	return finish(to, &text, ret, err);
}

int mountopts_default(const char *type, char **ret, struct err *err)
{
	return mountopts_of_mounted(type, "", ret, err);
}

static bool is_generic(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(generic); i++)
		if (strlen(generic[i]) == len && strncmp(word, generic[i], len) == 0)
			return true;
	return len == 0 || (len > 2 && (word[0] == 'x' || word[0] == 'X') && word[1] == '-') ||
	       strncmp(word, "comment=", 8) == 0;
}

int mountopts_of_config(const char *options, char **ret, char **ret_dropped, struct err *err)
{
	_cleanup_free_ char *dropped = NULL;
	char *text = NULL;
	size_t size;
	FILE *to, *drop;

	for (const char *at = options; *at;) {
		size_t n = strcspn(at, ",");

		if (n == 2 && strncmp(at, "ro", 2) == 0)
			return err_set(err, ERR_USAGE, "mount_options: ro: a target is written to");
		at += n + (at[n] == ',');
	}
	drop = open_memstream(&dropped, &size);
	if (!drop)
		return err_nomem(err, 0, "mount options");
	to = open_memstream(&text, &size);
	if (!to) {
		fclose(drop);
		return err_nomem(err, 0, "mount options");
	}
	for (const char *at = options; *at;) {
		size_t n = strcspn(at, ",");

		if (!is_generic(at, n))
			put(to, at, n);
		else if (n)
			fprintf(drop, "%s%.*s", ftell(drop) ? " " : "", (int)n, at);
		at += n + (at[n] == ',');
	}
	if (fclose(drop)) {
		fclose(to);
		free(text);
		return err_nomem(err, 0, "mount options");
	}
	if (finish(to, &text, ret, err))
		return err->code;
	*ret_dropped = no_cleanup_ptr(dropped);
	return 0;
}
