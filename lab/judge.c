// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab-judge: are the pages of a dump those of the memory that it was made of?
 *
 *     lab-judge DUMP SOURCE [PEER]
 *
 * An operand is READER:FILE. The reader `kdumpfile` is libkdumpfile, which shares no code with us;
 * `elf` is a plain view of an ELF vmcore, because libkdumpfile 0.5.1 loses the memory behind a PT_LOAD
 * that lies inside of another; `lifeboat` is our own, for what others cannot read (cut and flattened
 * dumps, and the files of a split one, separated by commas).
 *
 * Prints one JSON object. The bytes of every page of DUMP are compared with SOURCE's; its set of page
 * frames with PEER's if there is one, else with SOURCE's. A page that DUMP names and cannot give is
 * `lost` if the dump says that it is incomplete, else `unreadable`. Of what is wrong, the first page
 * frames are listed. The exit status is 0 if there is an answer, good or bad; else 1 and a reason.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libkdumpfile/kdumpfile.h>

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "base/range.h"
#include "format/elfcore.h"
#include "format/kdump_set.h"
#include "format/source.h"

#define PAGE         4096UL
#define FIRST_LISTED 8
#define MAX_PARTS    16

enum got { GOT_DATA, GOT_LOST, GOT_NOTHING };

struct reader;

struct reader_ops {
	const char *name;
	int (*open)(struct reader *r, const char *file, struct err *err);
	/* *ret points at the page's bytes until the next call; `err` says why there are none */
	enum got (*page)(struct reader *r, uint64_t pfn, const uint8_t **ret, struct err *err);
};

/* A PT_LOAD: so many bytes of memory, and where they are in the file. */
struct piece {
	uint64_t start, size, offset;
};

/* One operand. Never closed: the program ends soon. */
struct reader {
	const struct reader_ops *ops;
	const char *file;
	struct ranges pages; /* page frames whose bytes it should have */
	bool incomplete;     /* it says so itself */
	struct bytes notes;
	kdump_ctx_t *kdump;
	struct source *source;
	struct view view;
	const uint8_t *map; /* all of the file */
	struct piece *pieces;
	size_t n_pieces;
	uint8_t buf[PAGE];
};

/* ---- libkdumpfile */

static int kdump_failed(struct reader *r, const char *what, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s: %s", what, kdump_get_err(r->kdump));
}

static int kdump_list_pages(struct reader *r, kdump_bmp_t *map, struct err *err)
{
	kdump_addr_t from = 0, to;
	kdump_status status;
	int ret = 0;

	while (!ret && (status = kdump_bmp_find_set(map, &from)) == KDUMP_OK) {
		to = from;
		if (kdump_bmp_find_clear(map, &to) != KDUMP_OK)
			return err_set(err, ERR_CORRUPT, "find_clear: %s", kdump_bmp_get_err(map));
		/* 0.5.1 stands still behind a PT_LOAD that lies inside of another */
		if (to <= from)
			return err_set(err, ERR_UNSUPPORTED,
				       "libkdumpfile does not get behind page frame 0x%" PRIx64,
				       (uint64_t)from);
		ret = ranges_add(&r->pages, from, to, err);
		from = to;
	}
	if (!ret && status != KDUMP_ERR_NODATA)
		return err_set(err, ERR_CORRUPT, "find_set: %s", kdump_bmp_get_err(map));
	return ret;
}

static int kdump_open(struct reader *r, const char *file, struct err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	kdump_attr_t map = {.type = KDUMP_BITMAP};

	if (fd < 0)
		return err_sys(err, errno, "open");
	r->kdump = kdump_new();
	if (!r->kdump)
		return err_nomem(err, 0, "a libkdumpfile context");
	if (kdump_open_fd(r->kdump, fd) != KDUMP_OK)
		return kdump_failed(r, "kdump_open_fd", err);
	if (kdump_get_attr(r->kdump, KDUMP_ATTR_FILE_PAGEMAP, &map) != KDUMP_OK)
		return kdump_failed(r, KDUMP_ATTR_FILE_PAGEMAP, err);
	return kdump_list_pages(r, map.val.bitmap, err);
}

static enum got kdump_page(struct reader *r, uint64_t pfn, const uint8_t **ret, struct err *err)
{
	size_t len = PAGE;

	if (kdump_read(r->kdump, KDUMP_MACHPHYSADDR, pfn * PAGE, r->buf, &len) != KDUMP_OK) {
		kdump_failed(r, "kdump_read", err);
		return GOT_NOTHING;
	}
	*ret = r->buf;
	return GOT_DATA;
}

/* ---- our own */

static int own_open(struct reader *r, const char *file, struct err *err)
{
	const char *parts[MAX_PARTS];
	char *rest = strdup(file), *part;
	size_t n = 0;
	int ret;

	while (n < MAX_PARTS && (part = strsep(&rest, ",")))
		parts[n++] = part;
	if (rest)
		return err_set(err, ERR_USAGE, "more than %d files", MAX_PARTS);
	ret = n > 1 ? kdump_set_open(parts, n, false, &r->source, err)
		    : source_open(file, &r->source, err);
	if (ret)
		return ret;
	view_init(&r->view);
	r->incomplete = r->source->incomplete;
	r->notes = r->source->notes;
	for (size_t i = 0; i < r->source->present.n && !ret; i++) {
		const struct range *range = &r->source->present.v[i];

		ret = ranges_add(&r->pages, range->start / PAGE, num_div_up(range->end, PAGE), err);
	}
	return ret;
}

static enum got own_page(struct reader *r, uint64_t pfn, const uint8_t **ret, struct err *err)
{
	size_t len;

	if (!source_map(r->source, &r->view, pfn * PAGE, ret, &len, err)) {
		if (len >= PAGE)
			return GOT_DATA;
		*ret = r->buf;
		if (!source_read(r->source, pfn * PAGE, r->buf, PAGE, err))
			return GOT_DATA;
	}
	return r->incomplete && err->code == ERR_NOT_FOUND ? GOT_LOST : GOT_NOTHING;
}

/* ---- an ELF vmcore: memory as it is, and its layout */

static int by_place(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->size > y->size ? -1 : x->size < y->size;
}

/*
 * The kernel's image has a PT_LOAD of its own within another one's memory: such a piece is left out
 * once it is known to say the same. What remains does not overlap.
 */
static int elf_drop_nested(struct reader *r, struct err *err)
{
	size_t n = 0;

	qsort(r->pieces, r->n_pieces, sizeof(*r->pieces), by_place);
	for (size_t i = 0; i < r->n_pieces; i++) {
		const struct piece p = r->pieces[i], *outer = n ? &r->pieces[n - 1] : NULL;

		if (!outer || p.start >= outer->start + outer->size) {
			r->pieces[n++] = p;
			continue;
		}
		if (p.start + p.size > outer->start + outer->size ||
		    memcmp(r->map + p.offset, r->map + outer->offset + (p.start - outer->start),
			   p.size) != 0)
			return err_set(err, ERR_CORRUPT,
				       "two PT_LOADs disagree about what is at 0x%" PRIx64,
				       p.start);
	}
	r->n_pieces = n;
	return 0;
}

static int elf_add_piece(struct reader *r, const Elf64_Phdr *phdr, uint64_t size, struct err *err)
{
	struct piece p = {phdr->p_paddr, phdr->p_filesz, phdr->p_offset};

	if (phdr->p_type != PT_LOAD || !p.size)
		return 0;
	if (p.offset > size || p.size > size - p.offset)
		return err_set(err, ERR_CORRUPT, "the PT_LOAD of 0x%" PRIx64 " is not in the file",
			       p.start);
	r->pieces[r->n_pieces++] = p;
	return ranges_add(&r->pages, p.start / PAGE, num_div_up(p.start + p.size, PAGE), err);
}

static int elf_list_pieces(struct reader *r, uint64_t size, struct err *err)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)r->map;
	uint64_t n;
	int ret = 0;

	if (size < sizeof(*ehdr) || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(err, ERR_UNSUPPORTED, "not an ELF file");
	n = ehdr->e_phnum;
	if (n == PN_XNUM)
		n = ((const Elf64_Shdr *)(r->map + ehdr->e_shoff))->sh_info;
	if (ehdr->e_phoff > size || n > (size - ehdr->e_phoff) / sizeof(Elf64_Phdr))
		return err_set(err, ERR_CORRUPT, "the program headers are not in the file");
	r->pieces = calloc(n + 1, sizeof(*r->pieces));
	if (!r->pieces)
		return err_nomem(err, n, "program headers");
	for (uint64_t i = 0; i < n && !ret; i++)
		ret = elf_add_piece(r, (const Elf64_Phdr *)(r->map + ehdr->e_phoff) + i, size, err);
	return ret ? ret : elf_drop_nested(r, err);
}

static int elf_open(struct reader *r, const char *file, struct err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "open");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return err_sys(err, errno, "mmap");
	r->map = map;
	return elf_list_pieces(r, (uint64_t)st.st_size, err);
}

static enum got elf_page(struct reader *r, uint64_t pfn, const uint8_t **ret, struct err *err)
{
	uint64_t phys = pfn * PAGE;
	size_t low = 0, high = r->n_pieces;

	while (low < high) { /* the first piece that ends behind the page's first byte */
		size_t middle = (low + high) / 2;
		const struct piece *p = &r->pieces[middle];

		if (p->start + p->size <= phys)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->n_pieces || r->pieces[low].start > phys ||
	    r->pieces[low].start + r->pieces[low].size - phys < PAGE) {
		err_set(err, ERR_NOT_FOUND, "no PT_LOAD has all of page frame 0x%" PRIx64, pfn);
		return GOT_NOTHING;
	}
	*ret = r->map + r->pieces[low].offset + (phys - r->pieces[low].start);
	return GOT_DATA;
}

/* ---- opening an operand */

static const struct reader_ops readers[] = {
	{"kdumpfile", kdump_open, kdump_page},
	{"lifeboat", own_open, own_page},
	{"elf", elf_open, elf_page},
};

static void die(const char *operand, const struct err *err)
{
	fprintf(stderr, "lab-judge: %s: %s\n", operand, err->msg);
	exit(1);
}

static void reader_open(struct reader *r, const char *operand)
{
	const char *colon = strchr(operand, ':');
	struct err err = {0};

	for (size_t i = 0; colon && i < ARRAY_SIZE(readers); i++)
		if (strncmp(readers[i].name, operand, (size_t)(colon - operand)) == 0)
			r->ops = &readers[i];
	if (!r->ops)
		err_set(&err, ERR_USAGE, "not READER:FILE with kdumpfile, lifeboat or elf");
	else
		r->ops->open(r, r->file = colon + 1, &err);
	if (err.code)
		die(operand, &err);
}

/* ---- comparing */

/* Page frames with something wrong. */
struct bad {
	const char *name;
	uint64_t n;
	uint64_t first[FIRST_LISTED];
};

struct verdict {
	uint64_t compared; /* pages that are equal */
	uint64_t lost;
	struct bad different, unreadable, missing, extra;
	struct err why; /* of the first unreadable page */
};

static void bad_add(struct bad *bad, uint64_t pfn)
{
	if (bad->n < FIRST_LISTED)
		bad->first[bad->n] = pfn;
	bad->n++;
}

/*
 * An ELF file names its pages before it has them: in one that says it is incomplete, a page of zeros
 * may be one that was never written.
 */
static bool may_be_hole(const struct reader *dump, const uint8_t *page)
{
	static const uint8_t zeros[PAGE];

	return dump->incomplete && dump->source && dump->source->ops == &elfcore_source &&
	       memcmp(page, zeros, PAGE) == 0;
}

static void compare_page(struct verdict *v, struct reader *dump, struct reader *source,
			 uint64_t pfn)
{
	const uint8_t *ours, *theirs;
	struct err err = {0};

	switch (dump->ops->page(dump, pfn, &ours, &err)) {
	case GOT_LOST:
		v->lost++;
		return;
	case GOT_NOTHING:
		if (!v->unreadable.n)
			v->why = err;
		bad_add(&v->unreadable, pfn);
		return;
	case GOT_DATA:
		break;
	}
	/* a page that the source does not have can be equal to nothing */
	if (source->ops->page(source, pfn, &theirs, &err) == GOT_DATA &&
	    memcmp(ours, theirs, PAGE) == 0)
		v->compared++;
	else if (may_be_hole(dump, ours))
		v->lost++;
	else
		bad_add(&v->different, pfn);
}

static void compare_bytes(struct verdict *v, struct reader *dump, struct reader *source)
{
	for (size_t i = 0; i < dump->pages.n; i++)
		for (uint64_t pfn = dump->pages.v[i].start; pfn < dump->pages.v[i].end; pfn++)
			compare_page(v, dump, source, pfn);
}

/* What is in `a` and not in `b`. */
static void subtract(const struct ranges *a, const struct ranges *b, struct bad *bad)
{
	for (size_t i = 0; i < a->n; i++)
		for (uint64_t pfn = a->v[i].start; pfn < a->v[i].end; pfn++)
			if (!ranges_find(b, pfn))
				bad_add(bad, pfn);
}

static void print_bad(struct json *j, const struct bad *bad)
{
	json_begin_object(j, bad->name);
	json_put_uint(j, "count", bad->n);
	json_begin_array(j, "first");
	for (size_t i = 0; i < NUM_MIN(bad->n, FIRST_LISTED); i++)
		json_put_uint(j, NULL, bad->first[i]);
	json_end_array(j);
	json_end_object(j);
}

static void print(const struct verdict *v, const struct reader *dump, const struct reader *source)
{
	struct json j;

	json_init(&j, stdout);
	json_begin_object(&j, NULL);
	json_put_uint(&j, "pages", ranges_total(&dump->pages));
	json_put_uint(&j, "compared", v->compared);
	json_put_uint(&j, "lost", v->lost);
	json_put_bool(&j, "incomplete", dump->incomplete);
	print_bad(&j, &v->different);
	print_bad(&j, &v->unreadable);
	print_bad(&j, &v->missing);
	print_bad(&j, &v->extra);
	json_put_string(&j, "why", v->why.msg);
	if (dump->source && source->source)
		json_put_bool(
			&j, "same_notes",
			dump->notes.len == source->notes.len &&
				!memcmp(dump->notes.data, source->notes.data, dump->notes.len));
	json_end_object(&j);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static struct reader dump, source, peer;
	static struct verdict v = {
		.different = {.name = "different"},
		.unreadable = {.name = "unreadable"},
		.missing = {.name = "missing"},
		.extra = {.name = "extra"},
	};
	const struct ranges *wanted = &source.pages;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: lab-judge DUMP SOURCE [PEER], each READER:FILE\n");
		return 1;
	}
	reader_open(&dump, argv[1]);
	reader_open(&source, argv[2]);
	if (argc == 4) {
		reader_open(&peer, argv[3]);
		wanted = &peer.pages;
	}
	compare_bytes(&v, &dump, &source);
	subtract(wanted, &dump.pages, &v.missing);
	subtract(&dump.pages, wanted, &v.extra);
	print(&v, &dump, &source);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
