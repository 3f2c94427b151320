// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/kexec.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "loader/check.h"
#include "loader/explain.h"

/*
 * The kernel denies writing to the file while it reads it (ETXTBSY if somebody already does), and
 * by then the old image is gone. A read lease is refused for the same reason, harmlessly; where
 * the file system has no leases, or we may not take one, the question stays open.
 */
static bool open_for_writing(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno == EAGAIN;
}

/* What fs/kernel_read_file.c will insist on. O_NONBLOCK: a FIFO must not make us wait. */
static int open_input(const char *path, int *ret_fd, uint64_t *ret_size, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	if (fstat(fd, &st))
		return err_sys(err, errno, "%s: stat", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s: is not a regular file", path);
	if (st.st_size == 0)
		return err_set(err, ERR_CORRUPT, "%s: is empty", path);
	if (st.st_size > INT_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "%s: has %jd bytes, the kernel reads no more than %d", path,
			       (intmax_t)st.st_size, INT_MAX);
	if (open_for_writing(fd))
		return err_set(err, ERR_SYSTEM,
			       "%s: is open for writing in some process, the kernel would refuse "
			       "it; wait until that is done (fuser -v names it) and load again",
			       path);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int parse_kernel(const char *path, int fd, uint64_t size, struct kernel_image *ret,
			struct err *err)
{
	size_t len = size < KERNEL_IMAGE_HEAD_SIZE ? (size_t)size : KERNEL_IMAGE_HEAD_SIZE;
	_cleanup_free_ uint8_t *head = malloc(len);

	if (!head)
		return err_nomem(err, len, path);
	if (io_pread_full(fd, head, len, 0, path, err))
		return err->code;
	if (kernel_image_parse((struct bytes){head, len}, size, ret, err))
		return err_wrap(err, "%s", path);
	return 0;
}

static int open_inputs(struct load *l, struct err *err)
{
	int r = open_input(l->request.kernel, &l->kernel_fd, &l->kernel_size, err);

	if (!r)
		r = open_input(l->request.initrd, &l->initrd_fd, &l->initrd_size, err);
	if (!r)
		r = parse_kernel(l->request.kernel, l->kernel_fd, l->kernel_size, &l->kernel, err);
	return r;
}

/* The machine first: on one without a reservation no file is worth a complaint. */
static int run_checks(struct load *l, struct err *err)
{
	int r = check_permission(&l->facts, err);

	if (!r)
		r = check_reservation(&l->facts, err);
	if (!r)
		r = open_inputs(l, err);
	if (!r)
		r = check_cmdline(&l->kernel, l->request.cmdline, err);
	if (!r)
		r = check_sizes(&l->facts, &l->kernel, l->initrd_size, err);
	return r;
}

int load_prepare(const struct root *root, const struct load_request *request, struct load *ret,
		 struct err *err)
{
	struct load l = {.request = *request, .kernel_fd = -1, .initrd_fd = -1};
	int r = facts_probe(root, &l.facts, err);

	if (r)
		return r;
	r = run_checks(&l, err);
	if (r) {
		load_deinit(&l);
		return r;
	}
	*ret = l;
	return 0;
}

void load_deinit(struct load *load)
{
	if (load->kernel_fd >= 0)
		close(load->kernel_fd);
	if (load->initrd_fd >= 0)
		close(load->initrd_fd);
	load->kernel_fd = load->initrd_fd = -1;
	facts_deinit(&load->facts);
}

/* After a refusal the operator must know whether the machine is still covered. */
static void append_state(struct fact loaded, struct err *err)
{
	const char *state = "";
	size_t len = strlen(err->msg);

	if (fact_is(loaded, 1))
		state = " (the panic kernel loaded before is still in place)";
	else if (fact_is(loaded, 0))
		state = " (no panic kernel is loaded now)";
	strncat(err->msg, state, sizeof(err->msg) - 1 - len);
}

int load_submit(const struct load *load, const struct root *root, const struct sys *sys,
		bool *ret_verified, struct err *err)
{
	const char *cmdline = load->request.cmdline;
	struct fact loaded;

	if (sys->kexec_file_load(load->kernel_fd, load->initrd_fd, strlen(cmdline) + 1, cmdline,
				 KEXEC_FILE_ON_CRASH)) {
		explain_err(errno, EXPLAIN_LOAD, &load->facts, err);
		append_state(facts_crash_loaded(root), err);
		return err->code;
	}
	loaded = facts_crash_loaded(root);
	if (fact_is(loaded, 0))
		return err_set(err, ERR_SYSTEM,
			       "kexec_file_load succeeded, but crash_loaded in /sys/kernel says "
			       "that no panic kernel is loaded; load again, something may have "
			       "unloaded it");
	*ret_verified = loaded.known;
	return 0;
}

static int unload(const struct root *root, const struct sys *sys, const struct facts *facts,
		  struct err *err)
{
	int r = check_permission(facts, err);

	if (r)
		return r;
	if (sys->kexec_file_load(-1, -1, 0, NULL, KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH)) {
		explain_err(errno, EXPLAIN_UNLOAD, facts, err);
		append_state(facts_crash_loaded(root), err);
		return err->code;
	}
	if (fact_is(facts_crash_loaded(root), 1))
		return err_set(err, ERR_SYSTEM,
			       "the kernel accepted the unload, but crash_loaded in /sys/kernel "
			       "says that a panic kernel is loaded; something may have loaded one");
	return 0;
}

int load_unload(const struct root *root, const struct sys *sys, bool *ret_was_loaded,
		struct err *err)
{
	struct facts facts;
	bool was_loaded;
	int r = facts_probe(root, &facts, err);

	if (r)
		return r;
	/* Unknown counts as loaded: asking the kernel to unload nothing does no harm. */
	was_loaded = !fact_is(facts.crash_loaded, 0);
	if (was_loaded)
		r = unload(root, sys, &facts, err);
	facts_deinit(&facts);
	if (!r)
		*ret_was_loaded = was_loaded;
	return r;
}
