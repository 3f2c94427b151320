/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel behind struct sys on a copy of a recorded machine. It looks at what it is given as the real one does,
 * notes each call, and keeps sysfs up to date: for a new panic kernel the one in place is freed first
 * (kernel/kexec_file.c, kernel/kexec.c; v6.1), so most refusals leave none.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/kexec.h>
#include <sys/stat.h>

#include "base/io.h"
#include "loader/load.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/unit.h"

#define FAKE_INITRD  "070701 an initramfs"
#define FAKE_CMDLINE "console=ttyS0 quiet"
#define FAKE_CALLS   16
#define FAKE_HOTPLUG 4 /* KEXEC_UPDATE_ELFCOREHDR, include/uapi/linux/kexec.h since 6.5 */

struct fake_call {
	bool segments, unload, panic;
	unsigned long flags;
	size_t n_segments;
	char cmdline[256];   /* of kexec_file_load(2) */
	uint8_t kernel_byte; /* FIXTURE_MARK of the kernel that was given */
};

/* A byte of the fixture's payload in which test kernels differ. */
#define FIXTURE_MARK (FIXTURE_SETUP + 0x800)

static struct fake_kernel {
	char dir[32], root_path[64], run[64], lib[64];
	char kernel[64], initrd[64];
	struct root root;
	struct state_dirs dirs;
	bool interrupt; /* a signal comes with the next call */
	struct sys sys;

	int refuse_files, refuse_segments; /* errno; 0: accept */
	int accept;                        /* so many calls before the first refusal */
	int refusals;                      /* so many of them, then accept; -1: always */
	bool lie;                          /* accept, but do nothing */

	bool other_files; /* accept others than `kernel` and `initrd` */

	struct fake_call calls[FAKE_CALLS];
	int n_calls;
	uint8_t in_place; /* kernel_byte of the panic kernel */
} fake;

/* Not inlined: each has a struct err or an image, and sanitizers give them all a place in the test's frame. */
#define FAKE_CALL static __attribute__((noinline, unused))

/* ---- files */

static inline void fake_path(char ret[256], const char *name)
{
	snprintf(ret, 256, "%s%s", fake.root_path, name);
}

FAKE_CALL void fake_write(const char *path, const void *data, size_t len)
{
	assert_ok(io_write_file(path, data, len, err));
}

/* A text file of the machine. */
FAKE_CALL void fake_set(const char *name, const char *text)
{
	char path[256];

	fake_path(path, name);
	fake_write(path, text, strlen(text));
}

static inline void fake_remove(const char *name)
{
	char path[256];

	fake_path(path, name);
	assert_int_equal(unlink(path), 0);
}

FAKE_CALL void fake_append(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	fake_path(path, name);
	f = fopen(path, "a");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static inline bool fake_new_names(void)
{
	return root_exists(&fake.root, "/sys/kernel/kexec/crash_loaded");
}

static inline void fake_loaded(bool panic, bool loaded)
{
	const char *name = panic ? "/sys/kernel/kexec_crash_loaded" : "/sys/kernel/kexec_loaded";

	if (fake_new_names())
		name = panic ? "/sys/kernel/kexec/crash_loaded" : "/sys/kernel/kexec/loaded";
	/* tests take the file away, for nobody to be able to tell */
	if (root_exists(&fake.root, name))
		fake_set(name, loaded ? "1\n" : "0\n");
}

static inline bool fake_is_loaded(bool panic)
{
	return fact_is(panic ? facts_crash_loaded(&fake.root) : facts_ordinary_loaded(&fake.root),
		       1);
}

/* Files that differ in their content by `mark`. */
FAKE_CALL void fake_make_kernel(uint8_t mark)
{
	static uint8_t image[FIXTURE_SIZE];

	fixture_bzimage(image);
	for (size_t i = FIXTURE_SETUP; i < FIXTURE_SIZE; i++)
		image[i] = (uint8_t)(i * 7);
	image[FIXTURE_MARK] = mark;
	fake_write(fake.kernel, image, sizeof(image));
}

static inline void fake_make_initrd(const char *text)
{
	fake_write(fake.initrd, text, strlen(text));
}

/* ---- what is given to the kernel */

/* The descriptor has all of the file's bytes; a byte of it. */
static inline uint8_t fake_check_fd(int fd, const char *path, size_t at)
{
	_cleanup_free_ char *want = NULL;
	_cleanup_free_ char *got = NULL;
	size_t len;

	assert_ok(io_read_file(path, 1 << 20, &want, &len, err));
	got = malloc(len + 1);
	assert_non_null(got);
	assert_true(pread(fd, got, len, 0) > (ssize_t)at);
	if (!fake.other_files) {
		assert_int_equal(pread(fd, got, len + 1, 0), len);
		assert_memory_equal(got, want, len);
	}
	return (uint8_t)got[at];
}

/* Is [start, end) in a range of the machine's iomem that ends in `name`? */
static inline bool fake_in(const char *name, unsigned long start, unsigned long end)
{
	unsigned long first, last;
	char path[256], line[256];
	bool found = false;
	FILE *f;

	fake_path(path, "/proc/iomem");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, name) && sscanf(line, "%lx-%lx", &first, &last) == 2)
			found |= start >= first && end <= last + 1;
	fclose(f);
	return found;
}

static inline bool fake_has(const struct kexec_segment *s, const void *data, size_t len)
{
	return memmem(s->buf, s->bufsz, data, len);
}

/* As sanity_check_segment_list() does, and more: the kernel and the initramfs are among them. */
static inline uint8_t fake_check_segments(unsigned long entry, size_t n,
					  const struct kexec_segment *v, bool panic)
{
	bool has_entry = false, has_initrd = false;
	uint8_t payload[64], mark = 0;
	uint8_t *kernel = NULL;
	uintptr_t end = 0;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)((FIXTURE_SETUP + i) * 7);
	assert_in_range(n, 1, KEXEC_SEGMENT_MAX);
	for (size_t i = 0; i < n; i++) {
		uintptr_t start = (uintptr_t)v[i].mem;

		assert_true(start >= end && v[i].memsz && v[i].bufsz <= v[i].memsz);
		end = start + v[i].memsz;
		assert_true(start % 4096 == 0 && end % 4096 == 0);
		assert_true(fake_in(panic ? "Crash kernel" : "System RAM", start, end));
		has_entry |= entry >= start && entry < end;
		has_initrd |= fake_has(&v[i], FAKE_INITRD, strlen(FAKE_INITRD));
		kernel = memmem(v[i].buf, v[i].bufsz, payload, sizeof(payload));
		if (kernel)
			mark = kernel[FIXTURE_MARK - FIXTURE_SETUP];
	}
	assert_true(has_entry && mark);
	assert_true(has_initrd || fake.other_files);
	return mark;
}

/* ---- the calls */

static inline struct fake_call *fake_note(bool segments, unsigned long flags)
{
	struct fake_call *c = &fake.calls[fake.n_calls++];

	if (fake.interrupt)
		raise(SIGUSR1);
	fake.interrupt = false;
	assert_true(fake.n_calls <= FAKE_CALLS);
	*c = (struct fake_call){.segments = segments, .flags = flags};
	return c;
}

static inline int fake_answer(const struct fake_call *c, int refuse)
{
	/* the syscall is not there; the lock is not got: nothing was touched */
	bool early = refuse == ENOSYS || refuse == EBUSY;

	if (refuse && fake.refusals && fake.n_calls > fake.accept) {
		fake.refusals -= fake.refusals > 0;
		if (c->panic && !c->unload && !early) {
			fake_loaded(true, false);
			fake.in_place = 0;
		}
		errno = refuse;
		return -1;
	}
	if (fake.lie)
		return 0;
	fake_loaded(c->panic, !c->unload);
	if (c->panic)
		fake.in_place = c->unload ? 0 : c->kernel_byte;
	return 0;
}

static inline int fake_kexec_file_load(int kernel_fd, int initrd_fd, size_t cmdline_len,
				       const char *cmdline, unsigned long flags)
{
	struct fake_call *c = fake_note(false, flags);

	assert_false(flags & ~(unsigned long)(KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH |
					      KEXEC_FILE_NO_INITRAMFS));
	c->unload = flags & KEXEC_FILE_UNLOAD;
	c->panic = flags & KEXEC_FILE_ON_CRASH;
	if (!c->unload) {
		assert_int_equal(cmdline_len, strlen(cmdline) + 1);
		snprintf(c->cmdline, sizeof(c->cmdline), "%s", cmdline);
		c->kernel_byte = fake_check_fd(kernel_fd, fake.kernel, FIXTURE_MARK);
		if (!(flags & KEXEC_FILE_NO_INITRAMFS))
			fake_check_fd(initrd_fd, fake.initrd, 0);
	}
	return fake_answer(c, fake.refuse_files);
}

static inline int fake_kexec_load(unsigned long entry, unsigned long n,
				  const struct kexec_segment *v, unsigned long flags)
{
	struct fake_call *c = fake_note(true, flags);

	c->unload = n == 0;
	c->panic = flags & KEXEC_ON_CRASH;
	c->n_segments = n;
	if (!c->unload) {
		assert_int_equal(flags & KEXEC_ARCH_MASK, KEXEC_ARCH_X86_64);
		assert_false(flags &
			     ~(unsigned long)(KEXEC_ARCH_MASK | KEXEC_ON_CRASH | FAKE_HOTPLUG));
		c->kernel_byte = fake_check_segments(entry, n, v, c->panic);
	}
	return fake_answer(c, fake.refuse_segments);
}

/* ---- a machine's life */

FAKE_CALL void fake_up(const char *machine)
{
	char command[256];

	memset(&fake, 0, sizeof(fake));
	strcpy(fake.dir, "/tmp/lifeboat-test.XXXXXX");
	assert_non_null(mkdtemp(fake.dir));
	snprintf(command, sizeof(command), "cp -r tests/roots/%s %s/root", machine, fake.dir);
	assert_int_equal(system(command), 0);
	snprintf(fake.root_path, sizeof(fake.root_path), "%s/root", fake.dir);
	snprintf(fake.kernel, sizeof(fake.kernel), "%s/vmlinuz", fake.dir);
	snprintf(fake.initrd, sizeof(fake.initrd), "%s/initrd", fake.dir);
	snprintf(fake.run, sizeof(fake.run), "%s/run", fake.dir);
	snprintf(fake.lib, sizeof(fake.lib), "%s/lib", fake.dir);
	fake.dirs = (struct state_dirs){fake.run, fake.lib};
	fake.sys = (struct sys){.kexec_file_load = fake_kexec_file_load,
				.kexec_load = fake_kexec_load};
	fake.refusals = -1;
	assert_ok(root_init(&fake.root, fake.root_path, err));
	fake_set(fake_new_names() ? "/sys/kernel/kexec/loaded" : "/sys/kernel/kexec_loaded", "0\n");
	fake_make_kernel('A');
	fake_make_initrd(FAKE_INITRD);
}

static inline int fake_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fake_down(void)
{
	root_deinit(&fake.root);
	assert_int_equal(nftw(fake.dir, fake_unlink, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- requests */

/* A panic kernel with the initramfs; tests change what they want otherwise. */
static inline struct load_request fake_request(enum load_method method)
{
	static const char *initrds[1];

	initrds[0] = fake.initrd;
	return (struct load_request){.panic = true,
				     .kernel = fake.kernel,
				     .initrds = initrds,
				     .n_initrds = 1,
				     .cmdline = FAKE_CMDLINE,
				     .no_rules = true,
				     .method = method};
}

/* Make a plan and give it to load_plan(). */
FAKE_CALL int fake_load(const struct load_request *request, bool force, struct load_outcome *ret,
			struct err *err)
{
	const struct load_options options = {force, &fake.dirs};
	struct plan p;
	int r = plan_make(&fake.root, request, &p, err);

	if (r)
		return r;
	r = load_plan(&p, &options, &fake.root, &fake.sys, ret, err);
	plan_deinit(&p);
	return r;
}

#endif
