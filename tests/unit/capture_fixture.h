/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of capture/ share: a temporary folder, and system calls that only take notes. */
#ifndef TESTS_UNIT_CAPTURE_FIXTURE_H
#define TESTS_UNIT_CAPTURE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/sys.h"
#include "base/step.h"
#include "tests/unit/unit.h"

/* ---- files */

static char scratch[64]; /* a folder of this test alone, the working directory */

static inline int scratch_make(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/lifeboat-capture-XXXXXX");
	umask(022);
	return mkdtemp(scratch) && chdir(scratch) == 0 ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int flag,
				     struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int scratch_drop(void **state)
{
	(void)state;
	if (chdir("/"))
		return -1;
	return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static __attribute__((noinline, unused)) void write_text(const char *path, const char *text)
{
	assert_ok(io_write_file(path, text, strlen(text), err));
}

/* A whole file as text; "" if there is none. Good until the next call. */
static inline const char *text_of(const char *path)
{
	static char *text;
	struct err ignored;
	size_t len;

	free(text);
	text = NULL;
	return io_read_file(path, 1 << 20, &text, &len, &ignored) ? "" : text;
}

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static inline unsigned int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* ---- system calls. Steps call them in children: what they note is in shared memory. */

struct calls {
	/* what they shall do */
	int mount_errno;
	unsigned int mount_sleep_ms;
	char mount_which; /* only that whose mount point ends in this character does so; 0: each */
	bool (*at_mount)(const char *target); /* do this as well */
	int umount_errno;
	unsigned int umount_sleep_ms; /* without flags */
	unsigned int umount_busy;     /* so many times; 0: always */
	int umount_flags_ok;          /* with these flags it works nevertheless; 0: none */
	const char *bad_module;       /* finit_module of a file with this text fails … */
	int module_errno;             /* … so */
	const char *sick_module;      /* that of a file with this text never returns */
	unsigned int reboot_sleep_ms;

	/* what they saw */
	unsigned int mounts, umounts, reboots;
	time_t clock;      /* as it was set; 0: it was not */
	char umounted[16]; /* the last characters of the mount points, in order */
	unsigned long mount_flags;
	char mount_source[64], mount_type[32], mount_options[256];
	int umount_flags;
	char modules
		[256]; /* contents of the loaded files, in order, and "(parameters)" if there are any */
	unsigned int reboot_how;
};

static struct calls *calls;

static inline int calls_answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static inline int calls_mount(const char *source, const char *target, const char *type,
			      unsigned long flags, const void *data)
{
	bool mine = !calls->mount_which || target[strlen(target) - 1] == calls->mount_which;

	usleep(mine ? calls->mount_sleep_ms * 1000 : 0);
	calls->mounts++;
	calls->mount_flags = flags;
	snprintf(calls->mount_source, sizeof(calls->mount_source), "%s", source);
	snprintf(calls->mount_type, sizeof(calls->mount_type), "%s", type);
	snprintf(calls->mount_options, sizeof(calls->mount_options), "%s", (const char *)data);
	if (calls->at_mount && !calls->at_mount(target))
		return calls_answer(EPERM);
	return calls_answer(mine ? calls->mount_errno : 0);
}

static inline int calls_umount(const char *target, int flags)
{
	if (calls->umounts < sizeof(calls->umounted) - 1)
		calls->umounted[calls->umounts] = target[strlen(target) - 1];
	calls->umounts++;
	calls->umount_flags = flags;
	usleep(flags ? 0 : calls->umount_sleep_ms * 1000);
	if (calls->umount_busy && calls->umounts > calls->umount_busy)
		return 0;
	return calls_answer(flags && flags == calls->umount_flags_ok ? 0 : calls->umount_errno);
}

static inline int calls_finit_module(int fd, const char *params, int flags)
{
	char text[64];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0 && flags == 0);
	text[n] = '\0';
	strcat(calls->modules, text);
	if (*params)
		sprintf(calls->modules + strlen(calls->modules), "(%s)", params);
	while (calls->sick_module && strcmp(text, calls->sick_module) == 0)
		pause();
	return calls_answer(calls->bad_module && strcmp(text, calls->bad_module) == 0
				    ? calls->module_errno
				    : 0);
}

static inline int calls_reboot(unsigned int how)
{
	usleep(calls->reboot_sleep_ms * 1000);
	calls->reboots++;
	calls->reboot_how = how;
	return calls_answer(EPERM);
}

static inline int calls_set_clock(const struct timespec *time)
{
	calls->clock = time->tv_sec;
	return 0;
}

static const struct sys calls_sys __attribute__((unused)) = {
	.mount = calls_mount,
	.umount = calls_umount,
	.finit_module = calls_finit_module,
	.set_clock = calls_set_clock,
	.reboot = calls_reboot,
};

static inline int calls_make(void **state)
{
	calls = step_shared_alloc(sizeof(*calls));
	return calls ? scratch_make(state) : -1;
}

static inline int calls_drop(void **state)
{
	step_shared_free(calls, sizeof(*calls));
	return scratch_drop(state);
}

/* ---- a disk: the beginning of an ext4 file system with a UUID whose bytes are first, first + 1 … */

static __attribute__((noinline, unused)) void write_disk(const char *path, uint8_t first)
{
	uint8_t disk[4096] = {0};
	FILE *f = fopen(path, "w");

	disk[1024] = 16;       /* inodes */
	disk[1024 + 4] = 4;    /* blocks */
	disk[1024 + 0x20] = 4; /* and in a group */
	disk[1024 + 0x28] = 16;
	disk[1024 + 0x38] = 0x53;
	disk[1024 + 0x39] = 0xef;
	disk[1024 + 0x3a] = 1;    /* clean */
	disk[1024 + 0x60] = 0x40; /* extents: ext4 */
	for (uint8_t i = 0; i < 16; i++)
		disk[1024 + 0x68 + i] = (uint8_t)(first + i);
	assert_non_null(f);
	assert_int_equal(fwrite(disk, 1, sizeof(disk), f), sizeof(disk));
	fclose(f);
}

#endif
