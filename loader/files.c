// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the user names is copied into a sealed memfd first, and looked at there: the file may be changed or cut
 * meanwhile. A kernel is then peeled, layer by layer, until the architecture knows it.
 *
 * Signatures. The kernel checks the PE signature inside of the bytes that it is given (kernel/kexec_file.c,
 * kimage_validate_signature(); v6.1) and IMA the xattr of their file. A kernel that comes out of a wrapping is
 * the same bytes as before it was packed: its PE signature is still there and still good, but a memfd has no xattr.
 * Of a UKI the signature over the whole file is lost: it covers stub, initramfs and command line, which
 * kexec_file_load(2) does not take as one. What is in .linux goes on with the signature that it had before it was
 * put there: none, if the maker of the UKI signed only the whole; ukify signs it, too, when it is asked to sign. The
 * digest of such a signature runs to the last byte, so the padding behind the section must not come along.
 */
#include "loader/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "format/pe.h"
#include "loader/blob.h"
#include "loader/unwrap.h"

#define LAYERS_MAX   2 /* vmlinuz.gz, UKI, UKI.gz */
#define INITRD_ALIGN 4

const char *files_wrap_name(enum files_wrap wrap)
{
	static const char *const names[] = {
		[FILES_PLAIN] = "plain", [FILES_GZIP] = "gzip", [FILES_ZSTD] = "zstd",
		[FILES_XZ] = "xz",       [FILES_LZMA] = "lzma", [FILES_UKI] = "UKI",
	};

	return names[wrap];
}

/* ---- what the user named */

struct input {
	const char *path; /* borrowed */
	int fd;
	uint64_t size;
};

static void input_deinit(struct input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

/*
 * The kernel denies writing to the file while it reads it (ETXTBSY if somebody already does), and
 * by then the old image is gone. A read lease is refused for the same reason, harmlessly; where
 * the file system has no leases, or we may not take one, the question stays open.
 */
static bool open_for_writing(int fd)
{
	/* Who opens it for writing right then has us told, by SIGIO, which ends a program; SIGURG is ignored. */
	fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno == EAGAIN;
}

/* What fs/kernel_read_file.c will insist on. O_NONBLOCK: a FIFO must not make us wait. */
static int open_input(const char *path, struct input *ret, struct err *err)
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
	*ret = (struct input){path, fd, (uint64_t)st.st_size};
	fd = -1;
	return 0;
}

static int copy_input(const struct input *in, struct blob *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = blob_create("lifeboat-copy", &fd, err);

	if (!r)
		r = blob_append_file(fd, in->fd, in->size, in->path, err);
	if (!r)
		r = blob_seal(fd, in->path, ret, err);
	if (!r)
		fd = -1;
	return r;
}

/* ---- the kernel and its wrappings */

struct peeler {
	struct blob now; /* what the last peeling gave; at first the file's copy */
	enum files_wrap layers[LAYERS_MAX];
	size_t n_layers;
	struct blob initrd; /* of a UKI */
	char *cmdline;
};

static void peeler_deinit(struct peeler *p)
{
	blob_deinit(&p->now);
	blob_deinit(&p->initrd);
	free(p->cmdline);
}

static int parse(const struct arch_load *arch, struct bytes kernel, struct kernel_image *ret,
		 struct err *err)
{
	struct bytes head = {kernel.data, NUM_MIN(kernel.len, arch->head_size)};

	return arch->parse(head, kernel.len, ret, err);
}

/*
 * What is around a kernel, if it is not one itself. An EFI program without .linux is nothing that we know; the
 * architecture says then what it takes it for.
 */
static int detect(struct bytes b, enum files_wrap *ret, struct err *err)
{
	struct bytes section;
	struct err ignored;
	bool is_uki;
	struct pe pe;
	int r;

	*ret = unwrap_detect(b);
	if (*ret != FILES_PLAIN)
		return 0;
	r = pe_init(b, &pe, &ignored);
	if (r == ERR_UNSUPPORTED)
		return 0;
	if (r) {
		*err = ignored;
		return r;
	}
	r = pe_section(&pe, ".linux", &is_uki, &section, err);
	if (!r && is_uki)
		*ret = FILES_UKI;
	return r;
}

/*
 * A command line as systemd-stub hands it over: the blanks around it are cut off, control characters inside (a
 * text file's line ends) become blanks. A NUL ends it.
 */
static int copy_cmdline(struct bytes text, char **ret, struct err *err)
{
	const char *from = (const char *)text.data;
	size_t len = text.len ? strnlen(from, text.len) : 0;
	char *line;

	while (len && (unsigned char)from[len - 1] <= ' ')
		len--;
	while (len && (unsigned char)*from <= ' ') {
		from++;
		len--;
	}
	line = malloc(len + 1);
	if (!line)
		return err_nomem(err, len + 1, "the command line in section .cmdline");
	for (size_t i = 0; i < len; i++)
		line[i] = (unsigned char)from[i] < ' ' ? ' ' : from[i];
	line[len] = '\0';
	*ret = line;
	return 0;
}

/*
 * .ucode, a UKI's microcode for before its initramfs, is left out: the processors keep what they were given
 * when the machine started, and a panic kernel has no memory to spare.
 */
static int split_uki(struct peeler *p, struct blob *ret, struct err *err)
{
	struct bytes kernel, initrd, cmdline;
	bool found, has_cmdline;
	struct pe pe;
	int r = pe_init(p->now.data, &pe, err);

	for (size_t i = 0; !r && i < p->n_layers; i++)
		if (p->layers[i] == FILES_UKI)
			r = err_set(err, ERR_UNSUPPORTED, "is a UKI once more");
	if (!r)
		r = pe_section(&pe, ".linux", &found, &kernel, err);
	if (!r)
		r = pe_section(&pe, ".initrd", &found, &initrd, err);
	if (!r)
		r = pe_section(&pe, ".cmdline", &has_cmdline, &cmdline, err);
	if (!r && has_cmdline)
		r = copy_cmdline(cmdline, &p->cmdline, err);
	if (!r && initrd.len)
		r = blob_from_bytes(initrd, "lifeboat-initrd", &p->initrd, err);
	return r ? r : blob_from_bytes(kernel, "lifeboat-kernel", ret, err);
}

static int unpack(enum files_wrap wrap, struct bytes in, struct blob *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = blob_create("lifeboat-kernel", &fd, err);

	if (!r)
		r = unwrap_run(wrap, in, UNWRAP_MAX, fd, err);
	if (!r)
		r = blob_seal(fd, "lifeboat-kernel", ret, err);
	if (!r)
		fd = -1;
	return r;
}

/* Take one layer off. What went wrong within it is said by the caller to be "in" it. */
static int peel(struct peeler *p, enum files_wrap wrap, struct err *err)
{
	struct blob inner = BLOB_NONE;
	int r = wrap == FILES_UKI ? split_uki(p, &inner, err)
				  : unpack(wrap, p->now.data, &inner, err);

	if (r == ERR_CORRUPT && wrap == FILES_LZMA)
		return err_wrap(err, "lzma data, if its first bytes are no accident");
	if (r)
		return err_wrap(err, "%s%s", files_wrap_name(wrap),
				wrap == FILES_UKI ? "" : " data");
	blob_deinit(&p->now);
	p->now = inner;
	p->layers[p->n_layers++] = wrap;
	return 0;
}

/*
 * The image itself comes first: a bzImage is a PE file, too, and whatever its first bytes look like, what the
 * architecture takes needs no peeling.
 */
static int peel_all(const struct arch_load *arch, struct peeler *p, struct kernel_image *ret,
		    struct err *err)
{
	for (;;) {
		enum files_wrap wrap = FILES_PLAIN;
		int r = parse(arch, p->now.data, ret, err);

		if (r != ERR_UNSUPPORTED)
			return r;
		if (detect(p->now.data, &wrap, err) || wrap == FILES_PLAIN)
			return err->code;
		if (p->n_layers == LAYERS_MAX)
			return err_set(err, ERR_UNSUPPORTED,
				       "wrapped once more, in %s: more than %d times",
				       files_wrap_name(wrap), LAYERS_MAX);
		r = peel(p, wrap, err);
		if (r)
			return r;
	}
}

/* What peeling gave becomes the files' kernel; of a plain one the descriptor of the user's file. */
static void take_kernel(struct peeler *p, struct input *in, struct files *f)
{
	f->kernel_is_memfd = p->n_layers;
	f->wrap = p->n_layers ? p->layers[0] : FILES_PLAIN;
	f->kernel = p->now.data;
	p->now.data = (struct bytes){NULL, 0};
	if (p->n_layers) {
		f->kernel_fd = p->now.fd;
		p->now.fd = -1;
	} else {
		f->kernel_fd = in->fd;
		in->fd = -1;
	}
	f->cmdline = no_cleanup_ptr(p->cmdline);
}

static int open_kernel(const struct arch_load *arch, const char *path, struct files *f,
		       struct blob *ret_initrd, struct err *err)
{
	struct peeler p = {.now = BLOB_NONE, .initrd = BLOB_NONE};
	struct input in = {.fd = -1};
	int r = open_input(path, &in, err);

	if (!r)
		r = copy_input(&in, &p.now, err);
	if (!r) {
		r = peel_all(arch, &p, &f->image, err);
		for (size_t i = p.n_layers; r && i-- > 0;)
			err_wrap(err, "inside of %s", files_wrap_name(p.layers[i]));
		if (r)
			err_wrap(err, "%s", path);
	}
	if (!r) {
		take_kernel(&p, &in, f);
		*ret_initrd = p.initrd;
		p.initrd = BLOB_NONE;
	}
	peeler_deinit(&p);
	input_deinit(&in);
	return r;
}

/* ---- the initramfs */

static int pad(int fd, uint64_t *total, struct err *err)
{
	static const uint8_t zeros[INITRD_ALIGN];
	size_t n = (size_t)(num_align_up(*total, INITRD_ALIGN) - *total);

	*total += n;
	return io_write_full(fd, zeros, n, "memfd", err);
}

/*
 * The UKI's and the user's, one behind the other. The kernel skips NULs between archives (init/initramfs.c,
 * do_reset()). None follow the last one: a boot configuration is found at the very end.
 */
static int write_joined(struct bytes uki, const struct input *in, size_t n, int fd, struct err *err)
{
	uint64_t total = uki.len;
	int r;

	for (size_t i = 0; i < n; i++)
		total = num_align_up(total, INITRD_ALIGN) + in[i].size; /* each is below 2^31 */
	if (total > INT_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "the initramfs files have %" PRIu64
			       " bytes together, the kernel reads no more than %d",
			       total, INT_MAX);
	r = io_write_full(fd, uki.data, uki.len, "memfd", err);
	total = uki.len;
	for (size_t i = 0; !r && i < n; i++) {
		r = pad(fd, &total, err);
		if (!r)
			r = blob_append_file(fd, in[i].fd, in[i].size, in[i].path, err);
		total += in[i].size;
	}
	return r;
}

static int join(struct bytes uki, const struct input *in, size_t n, struct blob *ret,
		struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = blob_create("lifeboat-initrd", &fd, err);

	if (!r)
		r = write_joined(uki, in, n, fd, err);
	if (!r)
		r = blob_seal(fd, "lifeboat-initrd", ret, err);
	if (!r)
		fd = -1;
	return r;
}

/* Takes out of `uki` and `in` what the files keep. */
static int choose_initrd(struct blob *uki, struct input *in, size_t n, struct files *f,
			 struct err *err)
{
	struct blob b = BLOB_NONE;
	int r = 0;

	if (n == 1 && !uki->data.len) {
		r = copy_input(in, &b, err);
		if (r)
			return r;
		close(b.fd);
		b.fd = in->fd; /* the file as it is, so that its xattr counts */
		in->fd = -1;
	} else if (n) {
		r = join(uki->data, in, n, &b, err);
		f->initrd_is_memfd = !r;
	} else {
		b = *uki;
		*uki = BLOB_NONE;
		f->initrd_is_memfd = b.fd >= 0;
	}
	f->initrd_fd = b.fd;
	f->initrd = b.data;
	return r;
}

static int open_initrds(const char *const *paths, size_t n, struct blob *uki, struct files *f,
			struct err *err)
{
	_cleanup_free_ struct input *in = calloc(n + 1, sizeof(*in));
	size_t opened = 0;
	int r = 0;

	if (!in)
		return err_nomem(err, n * sizeof(*in), "the list of initramfs files");
	while (!r && opened < n) {
		r = open_input(paths[opened], &in[opened], err);
		opened += !r;
	}
	if (!r)
		r = choose_initrd(uki, in, n, f, err);
	for (size_t i = 0; i < opened; i++)
		input_deinit(&in[i]);
	return r;
}

/* ---- */

static void digest(struct bytes b, uint8_t ret[SHA256_SIZE])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, b.data, b.len);
	sha256_final(&s, ret);
}

static void drop_uki(struct files *f, struct blob *initrd)
{
	blob_deinit(initrd);
	*initrd = BLOB_NONE;
	free(f->cmdline);
	f->cmdline = NULL;
}

static int open_all(const struct arch_load *arch, const char *kernel, const char *const *initrds,
		    size_t n_initrds, bool bare, struct files *ret, struct err *err)
{
	struct files f = {.kernel_fd = -1, .initrd_fd = -1};
	struct blob uki = BLOB_NONE;
	int r = open_kernel(arch, kernel, &f, &uki, err);

	if (bare)
		drop_uki(&f, &uki);
	if (!r)
		r = open_initrds(initrds, n_initrds, &uki, &f, err);
	blob_deinit(&uki);
	if (r) {
		files_close(&f);
		return r;
	}
	digest(f.kernel, f.kernel_digest);
	digest(f.initrd, f.initrd_digest);
	*ret = f;
	return 0;
}

int files_open(const struct arch_load *arch, const char *kernel, const char *const *initrds,
	       size_t n_initrds, struct files *ret, struct err *err)
{
	return open_all(arch, kernel, initrds, n_initrds, false, ret, err);
}

int files_open_bare(const struct arch_load *arch, const char *kernel, const char *const *initrds,
		    size_t n_initrds, struct files *ret, struct err *err)
{
	return open_all(arch, kernel, initrds, n_initrds, true, ret, err);
}

void files_close(struct files *f)
{
	if (f->kernel_fd >= 0)
		close(f->kernel_fd);
	if (f->initrd_fd >= 0)
		close(f->initrd_fd);
	blob_unmap(f->kernel);
	blob_unmap(f->initrd);
	free(f->cmdline);
	*f = (struct files){.kernel_fd = -1, .initrd_fd = -1};
}
