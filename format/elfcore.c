// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/elfcore.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "format/elfcore_fields.h"
#include "format/input.h"
#include "format/note.h"
#include "format/window.h"

#define NOTES_MAX (64ULL * 1024 * 1024)
#define PHDRS_MAX (1U << 17)
#define STEPS_MAX (8 * PHDRS_MAX) /* whole files need less, whatever their segments are */

/* Bytes of the dump: physical [start, end) lies at file offset `off`. */
struct extent {
	uint64_t start, end;
	uint64_t off;
};

/* A program header while the file is being opened. */
struct segment {
	uint32_t index; /* in the program header table, for messages */
	uint64_t paddr, offset, filesz, memsz;
	bool repeats; /* its memory is that of others, too */
};

struct segments {
	struct segment *v;
	size_t n;
};

struct elfcore {
	struct source src;
	struct input *in;
	struct extent *extents; /* sorted by start, disjoint */
	size_t n_extents;
};

static const struct elfcore *core_of(const struct source *src)
{
	return (const struct elfcore *)src;
}

static bool elfcore_probe(struct bytes head)
{
	return head.len >= SELFMAG && memcmp(head.data, ELFMAG, SELFMAG) == 0;
}

/* ---- opening: headers ---- */

struct header {
	uint64_t phoff;
	uint32_t phnum;
	uint16_t machine;
	bool incomplete;
};

static int check_ident(struct bytes h, struct err *err)
{
	uint8_t class = 0, data = 0;
	uint16_t type = 0;

	if (!bytes_u8(h, EI_CLASS, &class) || !bytes_u8(h, EI_DATA, &data) ||
	    !bytes_le16(h, offsetof(Elf64_Ehdr, e_type), &type))
		return err_set(err, ERR_CORRUPT, "the ELF header is cut");
	if (class != ELFCLASS64 || data != ELFDATA2LSB)
		return err_set(err, ERR_UNSUPPORTED,
			       "ELF class %u, data encoding %u: only 64-bit little-endian cores "
			       "are supported",
			       class, data);
	if (type != ET_CORE)
		return err_set(err, ERR_UNSUPPORTED, "ELF type %u is not a core (%u)", type,
			       ET_CORE);
	return 0;
}

/* With PN_XNUM program headers or more, their number is in sh_info of section header 0. */
static int read_extended_phnum(const struct elfcore *core, uint64_t shoff, uint32_t *ret,
			       struct err *err)
{
	uint8_t buf[sizeof(Elf64_Shdr)];

	if (!shoff)
		return err_set(err, ERR_CORRUPT, "e_phnum is PN_XNUM but there is no section 0");
	if (input_read(core->in, buf, sizeof(buf), shoff, "section header 0", err))
		return err->code;
	if (!bytes_le32((struct bytes){buf, sizeof(buf)}, offsetof(Elf64_Shdr, sh_info), ret))
		return err_set(err, ERR_CORRUPT, "section header 0 is cut");
	return 0;
}

static int read_header(const struct elfcore *core, struct header *ret, struct err *err)
{
	uint8_t buf[sizeof(Elf64_Ehdr)];
	struct bytes h = {buf, sizeof(buf)};
	uint16_t phentsize = 0, phnum = 0;
	uint64_t shoff = 0, end;
	struct header hdr = {0};
	int r;

	r = input_read(core->in, buf, sizeof(buf), 0, "ELF header", err);
	if (!r)
		r = check_ident(h, err);
	if (r)
		return r;
	if (!bytes_le16(h, offsetof(Elf64_Ehdr, e_machine), &hdr.machine) ||
	    !bytes_le64(h, offsetof(Elf64_Ehdr, e_phoff), &hdr.phoff) ||
	    !bytes_le64(h, offsetof(Elf64_Ehdr, e_shoff), &shoff) ||
	    !bytes_le16(h, offsetof(Elf64_Ehdr, e_phentsize), &phentsize) ||
	    !bytes_le16(h, offsetof(Elf64_Ehdr, e_phnum), &phnum))
		return err_set(err, ERR_CORRUPT, "the ELF header is cut");
	if (phentsize != sizeof(Elf64_Phdr))
		return err_set(err, ERR_CORRUPT, "e_phentsize is %u, expected %zu", phentsize,
			       sizeof(Elf64_Phdr));
	hdr.incomplete = memcmp(buf + EI_PAD, ELFCORE_INCOMPLETE, ELFCORE_INCOMPLETE_LEN) == 0;
	hdr.phnum = phnum;
	if (phnum == PN_XNUM && read_extended_phnum(core, shoff, &hdr.phnum, err))
		return err->code;
	if (!hdr.phnum)
		return err_set(err, ERR_CORRUPT, "there are no program headers");
	if (hdr.phnum > PHDRS_MAX)
		return err_set(err, ERR_UNSUPPORTED, "%" PRIu32 " program headers; the limit is %u",
			       hdr.phnum, PHDRS_MAX);
	if (!num_add(hdr.phoff, (uint64_t)hdr.phnum * sizeof(Elf64_Phdr), &end) ||
	    end > core->src.file_size)
		return err_set(err, ERR_CORRUPT,
			       "%" PRIu32 " program headers at offset 0x%" PRIx64
			       " reach past the end of the file (0x%" PRIx64 ")",
			       hdr.phnum, hdr.phoff, core->src.file_size);
	*ret = hdr;
	return 0;
}

static int parse_phdr(struct bytes table, uint32_t i, uint32_t *ret_type, struct segment *ret,
		      struct err *err)
{
	uint64_t at = (uint64_t)i * sizeof(Elf64_Phdr);

	ret->index = i;
	if (!bytes_le32(table, at + offsetof(Elf64_Phdr, p_type), ret_type) ||
	    !bytes_le64(table, at + offsetof(Elf64_Phdr, p_paddr), &ret->paddr) ||
	    !bytes_le64(table, at + offsetof(Elf64_Phdr, p_offset), &ret->offset) ||
	    !bytes_le64(table, at + offsetof(Elf64_Phdr, p_filesz), &ret->filesz) ||
	    !bytes_le64(table, at + offsetof(Elf64_Phdr, p_memsz), &ret->memsz))
		return err_set(err, ERR_CORRUPT, "program header %" PRIu32 " is cut", i);
	return 0;
}

static int check_in_file(const struct elfcore *core, const struct segment *s, const char *what,
			 struct err *err)
{
	uint64_t end;

	if (!num_add(s->offset, s->filesz, &end))
		return err_set(err, ERR_CORRUPT,
			       "%s (program header %" PRIu32 "): p_offset 0x%" PRIx64
			       " + p_filesz 0x%" PRIx64 " overflows",
			       what, s->index, s->offset, s->filesz);
	if (end > core->src.file_size)
		return err_set(
			err, ERR_CORRUPT,
			"%s (program header %" PRIu32 "): 0x%" PRIx64 " bytes at offset 0x%" PRIx64
			" reach past the end of the file (0x%" PRIx64 " bytes): the file was cut",
			what, s->index, s->filesz, s->offset, core->src.file_size);
	return 0;
}

static int check_load(const struct elfcore *core, const struct segment *s, struct err *err)
{
	uint64_t end;

	if (!num_add(s->paddr, s->memsz, &end))
		return err_set(err, ERR_CORRUPT,
			       "PT_LOAD (program header %" PRIu32 "): p_paddr 0x%" PRIx64
			       " + p_memsz 0x%" PRIx64 " overflows",
			       s->index, s->paddr, s->memsz);
	if (s->filesz > s->memsz)
		return err_set(err, ERR_CORRUPT,
			       "PT_LOAD (program header %" PRIu32 "): p_filesz 0x%" PRIx64
			       " is larger than p_memsz 0x%" PRIx64,
			       s->index, s->filesz, s->memsz);
	return check_in_file(core, s, "PT_LOAD", err);
}

/* ---- opening: segments ---- */

/* By address; of segments that begin together the one that covers most comes first. */
static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	if (x->paddr != y->paddr)
		return x->paddr < y->paddr ? -1 : 1;
	if (x->memsz != y->memsz)
		return x->memsz > y->memsz ? -1 : 1;
	if (x->filesz != y->filesz)
		return x->filesz > y->filesz ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* While extents are made. */
struct growth {
	size_t cap;    /* of the array */
	uint32_t left; /* extents and gaps that may still be looked at */
};

static int append_extent(struct elfcore *core, const struct extent *e, struct growth *g,
			 struct err *err)
{
	if (core->n_extents == g->cap) {
		size_t want = g->cap ? g->cap * 2 : 64;
		struct extent *v = reallocarray(core->extents, want, sizeof(*v));

		if (!v)
			return err_nomem(err, want * sizeof(*v), "the segment table");
		core->extents = v;
		g->cap = want;
	}
	core->extents[core->n_extents++] = *e;
	return 0;
}

/* Only a file that was cut into very many pieces has no more left. */
static int take_step(struct growth *g, struct err *err)
{
	if (!g->left)
		return err_set(err, ERR_UNSUPPORTED,
			       "the flattened file was cut and has more than %u gaps in its memory",
			       STEPS_MAX);
	g->left--;
	return 0;
}

/* An extent of what the file has of [start, end): all of it, but for a flattened file that was cut. */
static int add_extents(struct elfcore *core, const struct extent *all, struct growth *g,
		       struct err *err)
{
	uint64_t at = all->off, end = all->off + (all->end - all->start);
	struct range known;

	for (; input_next_known(core->in, at, end, &known); at = known.end) {
		struct extent e = {
			.start = all->start + (known.start - all->off),
			.end = all->start + (known.end - all->off),
			.off = known.start,
		};

		if (take_step(g, err) || append_extent(core, &e, g, err) ||
		    ranges_add(&core->src.present, e.start, e.end, err))
			return err->code;
	}
	return 0;
}

/* Make extents of the bytes of a segment that none has yet. */
static int add_bytes(struct elfcore *core, const struct segment *s, struct growth *g,
		     struct err *err)
{
	uint64_t at = s->paddr, end = s->paddr + s->filesz;

	while (at < end) {
		const struct range *next = ranges_from(&core->src.present, at);
		struct extent e = {.start = at, .end = end, .off = s->offset + (at - s->paddr)};

		if (take_step(g, err))
			return err->code;
		if (next && next->start <= at) {
			at = next->end;
			continue;
		}
		if (next && next->start < end)
			e.end = next->start;
		if (add_extents(core, &e, g, err))
			return err->code;
		at = e.end;
	}
	return 0;
}

static int overlap(const struct segments *segs, const struct segment *s, struct err *err)
{
	const struct segment *other = segs->v;

	while (other == s || other->paddr >= s->paddr + s->memsz ||
	       s->paddr >= other->paddr + other->memsz)
		other++;
	return err_set(err, ERR_CORRUPT,
		       "PT_LOADs overlap: program header %" PRIu32 " [0x%" PRIx64 ", 0x%" PRIx64
		       ") and %" PRIu32 " [0x%" PRIx64 ", 0x%" PRIx64 ")",
		       other->index, other->paddr, other->paddr + other->memsz, s->index, s->paddr,
		       s->paddr + s->memsz);
}

/*
 * Turn the sorted segments into disjoint extents. A segment that begins inside an earlier one must lie
 * wholly in the memory that the others cover: then it repeats what they have (the kernel text of x86_64's
 * and arm64's /proc/vmcore lies inside RAM segments), and only bytes that they do not have count.
 * Anything else is no picture of one machine's memory.
 */
static int build_extents(struct elfcore *core, struct segments *segs, struct err *err)
{
	struct ranges *ram = &core->src.ram;
	uint64_t reach = 0; /* end of the segments so far, repeating ones aside */
	struct growth g = {.left = STEPS_MAX};

	for (size_t i = 0; i < segs->n; i++) {
		struct segment *s = &segs->v[i];

		s->repeats = ram->n && s->paddr < reach;
		if (s->repeats)
			continue;
		reach = s->paddr + s->memsz;
		if (ranges_add(ram, s->paddr, reach, err) || add_bytes(core, s, &g, err))
			return err->code;
	}
	for (size_t i = 0; i < segs->n; i++) {
		const struct segment *s = &segs->v[i];
		const struct range *in = s->repeats ? ranges_find(ram, s->paddr) : NULL;

		if (s->repeats && (!in || in->end < s->paddr + s->memsz))
			return overlap(segs, s, err);
		if (s->repeats && add_bytes(core, s, &g, err))
			return err->code;
	}
	if (core->n_extents)
		qsort(core->extents, core->n_extents, sizeof(*core->extents), compare_extents);
	return 0;
}

static uint64_t in_file(const struct elfcore *core, uint64_t off)
{
	return off < core->in->size ? core->in->size - off : 0;
}

/* Is it /proc/kcore's picture of virtual memory, without a place in the physical? */
static bool is_virtual(uint32_t type, const struct segment *s)
{
	return type == PT_LOAD && s->paddr == UINT64_MAX;
}

/* Split the program headers into PT_LOADs and PT_NOTEs; both arrays have room for all. */
static int sort_phdrs(struct elfcore *core, struct bytes table, uint32_t phnum,
		      struct segments *loads, struct segments *notes, struct err *err)
{
	for (uint32_t i = 0; i < phnum; i++) {
		struct segment s = {0};
		uint32_t type = 0;
		int r = parse_phdr(table, i, &type, &s, err);

		if (!r && is_virtual(type, &s)) {
			core->src.live = true;
			continue;
		}
		if (!r && type == PT_LOAD && core->in->cut)
			s.filesz = NUM_MIN(s.filesz, in_file(core, s.offset));
		if (!r && type == PT_LOAD && core->in->may_be_cut &&
		    s.filesz > in_file(core, s.offset)) {
			s.filesz = in_file(core, s.offset);
			s.offset = NUM_MIN(s.offset, core->in->size);
			core->src.incomplete = true;
		}
		if (!r && type == PT_LOAD && s.memsz)
			r = check_load(core, &s, err);
		if (!r && type == PT_NOTE)
			r = check_in_file(core, &s, "PT_NOTE", err);
		if (r)
			return r;
		if (type == PT_LOAD && s.memsz)
			loads->v[loads->n++] = s;
		else if (type == PT_NOTE && s.filesz)
			notes->v[notes->n++] = s;
	}
	qsort(loads->v, loads->n, sizeof(*loads->v), compare_segments);
	return 0;
}

/* ---- opening: notes ---- */

/* How many bytes of `piece` are whole notes; *ret_broken if what follows is not an end mark. */
static size_t whole_notes(struct bytes piece, bool *ret_broken)
{
	bool more = true;
	struct err err;
	struct note n;
	size_t off = 0;

	*ret_broken = false;
	while (more && !*ret_broken)
		*ret_broken = note_next(piece, &off, &n, &more, &err) != 0;
	return off;
}

/*
 * Put the pieces together so that note_next() walks through all of them: the unused end of a piece
 * is left out because it would end the walk. The rest of a broken piece goes to the very end, where
 * it still is an error but hides nothing. `out` has room for all pieces and padding of each to 4.
 */
static size_t join_notes(const struct bytes *pieces, size_t n, uint8_t *out)
{
	struct bytes rest = {0};
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bool broken;
		size_t whole = whole_notes(pieces[i], &broken);

		if (!whole && !broken)
			continue;
		memcpy(out + len, pieces[i].data, whole);
		len += num_align_up(whole, 4);
		if (broken && !rest.len)
			rest = (struct bytes){pieces[i].data + whole, pieces[i].len - whole};
	}
	if (rest.len)
		memcpy(out + len, rest.data, rest.len);
	return len + rest.len;
}

static int read_notes(struct elfcore *core, const struct segments *segs, struct err *err)
{
	_cleanup_free_ struct bytes *pieces = calloc(NUM_MAX(segs->n, 1), sizeof(*pieces));
	_cleanup_free_ uint8_t *raw = NULL;
	uint64_t total = 0, at = 0;
	uint8_t *joined;

	for (size_t i = 0; i < segs->n; i++) {
		if (!num_add(total, segs->v[i].filesz, &total) || total > NOTES_MAX)
			return err_set(err, ERR_CORRUPT,
				       "PT_NOTE (program header %" PRIu32 "): p_filesz 0x%" PRIx64
				       " makes more than %llu bytes of notes",
				       segs->v[i].index, segs->v[i].filesz, NOTES_MAX);
	}
	raw = calloc(1, NUM_MAX(total, 1));
	joined = calloc(1, total + segs->n * 4 + 1);
	core->src.notes = (struct bytes){joined, 0};
	if (!pieces || !raw || !joined)
		return err_nomem(err, total, "the ELF notes");
	for (size_t i = 0; i < segs->n; i++) {
		const struct segment *s = &segs->v[i];

		if (input_read(core->in, raw + at, s->filesz, s->offset, "PT_NOTE", err))
			return err_wrap(err, "program header %" PRIu32, s->index);
		pieces[i] = (struct bytes){raw + at, s->filesz};
		at += s->filesz;
	}
	core->src.notes.len = join_notes(pieces, segs->n, joined);
	return 0;
}

/* ---- opening ---- */

static int load_headers(struct elfcore *core, struct err *err)
{
	_cleanup_free_ struct segment *loads = NULL, *notes = NULL;
	_cleanup_free_ uint8_t *table = NULL;
	struct segments load_segs, note_segs;
	struct header hdr = {0};
	size_t size;
	int r;

	r = read_header(core, &hdr, err);
	if (r)
		return r;
	core->src.elf_machine = hdr.machine;
	core->src.incomplete = hdr.incomplete || core->in->cut;
	size = hdr.phnum * sizeof(Elf64_Phdr);
	table = malloc(size);
	loads = calloc(hdr.phnum, sizeof(*loads));
	notes = calloc(hdr.phnum, sizeof(*notes));
	if (!table || !loads || !notes)
		return err_nomem(err, size, "the program headers");
	load_segs = (struct segments){.v = loads};
	note_segs = (struct segments){.v = notes};
	r = input_read(core->in, table, size, hdr.phoff, "program headers", err);
	if (!r)
		r = sort_phdrs(core, (struct bytes){table, size}, hdr.phnum, &load_segs, &note_segs,
			       err);
	if (!r)
		r = build_extents(core, &load_segs, err);
	if (!r)
		r = read_notes(core, &note_segs, err);
	return r;
}

static void elfcore_destroy(struct source *src)
{
	struct elfcore *core = (struct elfcore *)src;

	input_destroy(core->in);
	free(core->extents);
	source_deinit(src);
	free(core);
}

static int elfcore_open(struct input *in, const char *path, struct source **ret, struct err *err)
{
	struct elfcore *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return err_nomem(err, sizeof(*core), "an ELF vmcore");
	core->in = in;
	r = source_init(&core->src, &elfcore_source, in, path, err);
	if (!r)
		r = load_headers(core, err);
	if (r) {
		core->in = NULL; /* stays the caller's */
		elfcore_destroy(&core->src);
		return r;
	}
	*ret = &core->src;
	return 0;
}

/* ---- reading ---- */

static int find_extent(const struct elfcore *core, uint64_t phys, const struct extent **ret,
		       struct err *err)
{
	size_t lo = 0, hi = core->n_extents;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (core->extents[mid].end > phys)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo == core->n_extents || core->extents[lo].start > phys)
		return err_set(err, ERR_NOT_FOUND,
			       "physical address 0x%" PRIx64 " is not in the dump%s", phys,
			       ranges_find(&core->src.ram, phys) ? " (but was RAM)" : "");
	*ret = &core->extents[lo];
	return 0;
}

static int elfcore_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			struct err *err)
{
	const struct elfcore *core = core_of(src);

	for (size_t done = 0; done < len;) {
		const struct extent *e;
		uint64_t at = phys + done;
		size_t part;

		if (find_extent(core, at, &e, err))
			return err->code;
		part = (size_t)NUM_MIN(len - done, e->end - at);
		if (input_read(core->in, (char *)buf + done, part, e->off + (at - e->start),
			       "PT_LOAD", err))
			return err_wrap(err, "physical address 0x%" PRIx64, at);
		done += part;
	}
	return 0;
}

static int elfcore_map(const struct source *src, struct view *view, uint64_t phys, struct err *err)
{
	const struct elfcore *core = core_of(src);
	struct window *w = view->priv;
	struct window_piece piece;
	const struct extent *e;
	struct range limits;

	if (find_extent(core, phys, &e, err))
		return err->code;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return err_nomem(err, sizeof(*w), "a view");
		view->priv = w;
		view->priv_len = sizeof(*w);
	}
	view->len = 0; /* nothing is borrowed while the window moves, or if it cannot */
	limits = (struct range){e->off, e->off + (e->end - e->start)};
	if (window_move(w, core->in, &limits, e->off + (phys - e->start), &piece, err))
		return err_wrap(err, "physical address 0x%" PRIx64, phys);
	view->start = e->start + (piece.off - e->off);
	view->data = piece.data;
	view->len = piece.len;
	return 0;
}

static void elfcore_unmap(struct view *view)
{
	window_deinit(view->priv);
	free(view->priv);
}

const struct source_ops elfcore_source = {
	.name = "ELF vmcore",
	.probe = elfcore_probe,
	.open = elfcore_open,
	.read = elfcore_read,
	.map = elfcore_map,
	.unmap = elfcore_unmap,
	.destroy = elfcore_destroy,
};
