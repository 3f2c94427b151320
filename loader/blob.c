// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"

#define STEP ((size_t)256 << 10)

/* linux/memfd.h of 6.3; the C library's headers may be older than the kernel. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int blob_create(const char *name, int *ret_fd, struct err *err)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	/*
	 * Nobody shall run it, and vm.memfd_noexec=2 forbids one that could be. EINVAL: the kernel does
	 * not know the flag.
	 */
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return err_sys(err, errno, "%s: memfd_create", name);
	*ret_fd = fd;
	return 0;
}

int blob_seal(int fd, const char *name, struct blob *ret, struct err *err)
{
	struct blob b = {.fd = fd};
	struct stat st;
	void *map;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return err_sys(err, errno, "%s: sealing the memfd", name);
	if (fstat(fd, &st))
		return err_sys(err, errno, "%s: stat of the memfd", name);
	if (st.st_size) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			return err_sys(err, errno, "%s: mmap of the memfd", name);
		b.data = (struct bytes){map, (size_t)st.st_size};
	}
	*ret = b;
	return 0;
}

int blob_from_bytes(struct bytes data, const char *name, struct blob *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = blob_create(name, &fd, err);

	if (!r)
		r = io_write_full(fd, data.data, data.len, name, err);
	if (!r)
		r = blob_seal(fd, name, ret, err);
	if (!r)
		fd = -1;
	return r;
}

int blob_append_file(int fd, int from, uint64_t size, const char *path, struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(STEP);

	if (!buf)
		return err_nomem(err, STEP, path);
	for (uint64_t off = 0; off < size;) {
		size_t n = (size_t)NUM_MIN(size - off, STEP);

		if (io_pread_full(from, buf, n, off, path, err) ||
		    io_write_full(fd, buf, n, path, err))
			return err->code;
		off += n;
	}
	return 0;
}

void blob_unmap(struct bytes data)
{
	if (data.len)
		munmap((void *)(uintptr_t)data.data, data.len);
}

void blob_deinit(struct blob *b)
{
	if (b->fd >= 0)
		close(b->fd);
	blob_unmap(b->data);
	*b = BLOB_NONE;
}
