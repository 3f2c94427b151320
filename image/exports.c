// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/exports.h"

#include <ctype.h>
#include <elf.h>
#include <inttypes.h>

#include "base/num.h"
#include "image/search.h"

#define ENTRY  12
#define AROUND (2U << 20) /* bytes of entries that are looked at on either side: 170,000 */
#define MAX_BEFORE \
	(16U << 20) /* the table lies in front of its strings, in the same read-only data */
#define MAX_AFTER (4U << 20)
#define MAX_NAME  256
#define MAX_TRIES 16
#define SYM_SIZE  sizeof(Elf64_Sym)

/* Every kernel exports it. Without the NUL in front: linkers let a name be the end of another one. */
static const uint8_t known[] = "init_task";

struct found {
	struct reader *rd;
	struct range span;
	uint64_t name, entry; /* addresses */
	int tries;
};

/* The 32-bit word in [start, name) that leads to the name. */
static bool find_entry(struct found *f, uint64_t start)
{
	_cleanup_free_ uint8_t *data = NULL;
	struct err ignored;
	uint64_t len = f->name - start;

	while (len >= ENTRY &&
	       reader_bulk(f->rd, f->name - len, len, MAX_BEFORE, "exports", &data, &ignored))
		len /= 2; /* a hole in front: what is nearer may do */
	for (uint64_t at = num_align_up(f->name - len, 4); data && at + 4 <= f->name; at += 4) {
		uint32_t word;

		if (bytes_le32((struct bytes){data, len}, at - (f->name - len), &word) &&
		    at + (uint64_t)(int64_t)(int32_t)word == f->name) {
			f->entry = at - 4;
			return true;
		}
	}
	return false;
}

static bool look_at_name(void *ctx, uint64_t vaddr, struct bytes there)
{
	struct found *f = ctx;
	uint64_t room = vaddr - f->span.start;

	(void)there;
	f->name = vaddr;
	return find_entry(f, f->name - NUM_MIN(room, (uint64_t)MAX_BEFORE)) ||
	       ++f->tries == MAX_TRIES;
}

/* ---- the entries around it */

struct table {
	uint64_t entries_at, strings_at; /* addresses of these */
	struct bytes entries, strings;
};

/* Address and offset of the name of the entry at `off`; false: it does not look like one. */
static bool read_entry(const struct table *t, uint64_t off, uint64_t *ret_value, uint32_t *ret_name)
{
	uint64_t at = t->entries_at + off, to;
	uint32_t value, word;
	const uint8_t *name;
	size_t len;

	if (!bytes_le32(t->entries, off, &value) || !bytes_le32(t->entries, off + 4, &word))
		return false;
	to = at + 4 + (uint64_t)(int64_t)(int32_t)word - t->strings_at;
	if (to >= t->strings.len)
		return false;
	name = t->strings.data + to;
	len = strnlen((const char *)name, NUM_MIN(t->strings.len - to, (uint64_t)MAX_NAME));
	if (!len || len == t->strings.len - to || len == MAX_NAME || isdigit(name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum(name[i]) && name[i] != '_' && name[i] != '.' && name[i] != '$')
			return false;
	*ret_value = at + (uint64_t)(int64_t)(int32_t)value;
	*ret_name = (uint32_t)to;
	return true;
}

/* The entries as a table of ELF's, which kallsyms can read. */
static int make_symbols(const struct table *t, uint64_t first, uint64_t last, struct kallsyms **ret,
			struct err *err)
{
	size_t n = (size_t)((last - first) / ENTRY) + 2;
	_cleanup_free_ Elf64_Sym *v = calloc(n, SYM_SIZE);
	struct kallsyms_elf elf = {.strings = t->strings, .module = ""};

	if (!v)
		return err_nomem(err, n * SYM_SIZE, "exported symbols");
	n = 1;
	for (uint64_t off = first; off <= last; off += ENTRY) {
		uint64_t value;
		uint32_t name;

		if (!read_entry(t, off, &value, &name))
			continue;
		v[n].st_name = htole32(name);
		v[n].st_shndx = htole16(SHN_ABS);
		v[n++].st_value = htole64(value);
	}
	elf.symtab = (struct bytes){(const uint8_t *)v, n * SYM_SIZE};
	return kallsyms_decode_elf(&elf, ret, err);
}

/* The bytes before and after `must`, fewer if not all of them are there. */
static uint8_t *read_around(struct reader *rd, uint64_t must, uint64_t *before, uint64_t *after)
{
	struct err ignored;
	uint8_t *data;

	while (reader_bulk(rd, must - *before, *before + *after, MAX_BEFORE, "exports", &data,
			   &ignored)) {
		if (*after <= ENTRY)
			return NULL;
		*before = *before / 2 / ENTRY * ENTRY;
		*after = *after / 2 / ENTRY * ENTRY;
	}
	return data;
}

static int read_table(struct found *f, struct kallsyms **ret, struct err *err)
{
	uint64_t before = NUM_MIN((uint64_t)AROUND, f->entry - f->span.start) / ENTRY * ENTRY;
	uint64_t after = AROUND / ENTRY * ENTRY, s_before = MAX_AFTER, s_after = MAX_AFTER, first,
		 last, value;
	_cleanup_free_ uint8_t *entries = read_around(f->rd, f->entry, &before, &after);
	_cleanup_free_ uint8_t *strings = read_around(f->rd, f->name, &s_before, &s_after);
	struct table t = {.entries_at = f->entry - before, .strings_at = f->name - s_before};
	uint32_t name;

	if (!entries || !strings)
		return err_set(err, ERR_NOT_FOUND, "the exports around 0x%" PRIx64 " are not there",
			       f->entry);
	t.entries = (struct bytes){entries, before + after};
	t.strings = (struct bytes){strings, s_before + s_after};
	first = last = before;
	while (first >= ENTRY && read_entry(&t, first - ENTRY, &value, &name))
		first -= ENTRY;
	while (read_entry(&t, last + ENTRY, &value, &name))
		last += ENTRY;
	return make_symbols(&t, first, last, ret, err);
}

int exports_create(struct reader *rd, struct kallsyms **ret, struct err *err)
{
	struct found f = {.rd = rd};
	int r = search_span(reader_image(rd), &f.span, err);

	if (r)
		return r;
	if (search_bytes(reader_image(rd), f.span, (struct bytes){known, sizeof(known)},
			 look_at_name, &f, err) &&
	    f.entry)
		return read_table(&f, ret, err);
	return err->code ? err->code
			 : err_set(err, ERR_NOT_FOUND,
				   "the kernel's image has no table of exported symbols");
}
