// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/kallsyms.h"

#include <elf.h>
#include <inttypes.h>

#include "base/num.h"
#include "image/kallsyms_tables.h"

#define MAX_SYMBOLS (1U << 22)
#define MAX_TEXT    (128U << 20)
#define MAX_NAME    511 /* KSYM_NAME_LEN - 1, v6.1 on */
#define MAX_COVER   (64U << 10)
#define MAX_PROBES \
	256 /* of the hash of names: a third of it is empty, so an honest table needs few */
#define MODULE_NAME 64
#define SYM_SIZE    sizeof(Elf64_Sym)

struct kallsyms {
	struct kallsyms_entry *v; /* by address, then as the table has them */
	size_t n;
	char *text;      /* of each symbol: type, name, NUL, in the order of the table */
	uint32_t *slots; /* of a hash of the names: index of v + 1; 0: empty */
	size_t mask;     /* slots - 1 */
	enum kallsyms_form form;
	bool searched;
	char module[MODULE_NAME]; /* "": the kernel */
};

void kallsyms_list_deinit(struct kallsyms_list *list)
{
	free(list->v);
	free(list->text);
	*list = (struct kallsyms_list){0};
}

/* Room for one more symbol, type and name. */
static int list_reserve(struct kallsyms_list *list, struct err *err)
{
	size_t need = list->text_len + MAX_NAME + 2, cap = list->text_cap;
	size_t max = list->max_text ? list->max_text : MAX_TEXT;
	char *text;

	if (need <= cap)
		return 0;
	if (need > max)
		return err_set(err, ERR_CORRUPT, "names: %zu symbols have more than %zu bytes",
			       list->n, max);
	cap = NUM_MAX(need, cap + cap / 2);
	text = realloc(list->text, cap);
	if (!text)
		return err_nomem(err, cap, "names of symbols");
	list->text = text;
	list->text_cap = cap;
	return 0;
}

/* ---- compressed names */

struct token {
	const char *text;
	size_t len;
};

static int read_tokens(const struct kallsyms_tables *t, struct token tokens[256], struct err *err)
{
	for (unsigned int i = 0; i < 256; i++) {
		const uint8_t *end;
		struct bytes rest;
		uint16_t at;

		if (!bytes_le16(t->token_index, i * sizeof(at), &at))
			return err_set(err, ERR_CORRUPT,
				       "kallsyms_token_index ends before entry %u", i);
		if (at >= t->token_table.len)
			return err_set(err, ERR_CORRUPT,
				       "kallsyms_token_index[%u]=%u is beyond the token table "
				       "(%zu bytes)",
				       i, at, t->token_table.len);
		rest = (struct bytes){t->token_table.data + at, t->token_table.len - at};
		end = memchr(rest.data, '\0', rest.len);
		if (!end)
			return err_set(err, ERR_CORRUPT,
				       "kallsyms_token_table: token %u at %u does not end", i, at);
		tokens[i] = (struct token){(const char *)rest.data, (size_t)(end - rest.data)};
	}
	return 0;
}

bool kallsyms_next_name(struct bytes names, bool big_lengths, size_t *at, struct bytes *ret)
{
	size_t off = *at, len;

	if (off >= names.len)
		return false;
	len = names.data[off++];
	if (big_lengths && (len & 0x80)) {
		if (off >= names.len)
			return false;
		len = (len & 0x7f) | (size_t)names.data[off++] << 7;
	}
	if (!len || !bytes_sub(names, off, len, ret))
		return false;
	*at = off + len;
	return true;
}

/* Type and name; what is too long is cut, as the kernel does. */
static void expand(struct bytes packed, const struct token tokens[256], struct kallsyms_list *list)
{
	char *to = list->text + list->text_len;
	size_t room = MAX_NAME + 1, at = 0;

	for (size_t i = 0; i < packed.len && at < room; i++) {
		const struct token *token = &tokens[packed.data[i]];
		size_t n = NUM_MIN(token->len, room - at);

		memcpy(to + at, token->text, n);
		at += n;
	}
	if (!at)
		to[at++] = '?'; /* only empty tokens: not even a type */
	to[at++] = '\0';
	list->v[list->n++].name = (uint32_t)list->text_len;
	list->text_len += at;
}

int kallsyms_read_names(const struct kallsyms_tables *t, struct kallsyms_list *ret, struct err *err)
{
	struct kallsyms_list list = {0};
	struct token tokens[256];
	size_t at = 0;
	int r;

	/* what is claimed must fit what is there before memory is taken for it */
	if (!t->num_syms || t->num_syms > MAX_SYMBOLS || t->num_syms > t->names.len / 2)
		return err_set(err, ERR_CORRUPT,
			       "kallsyms_num_syms is %" PRIu64 ", with %zu bytes of names",
			       t->num_syms, t->names.len);
	r = read_tokens(t, tokens, err);
	if (r)
		return r;
	list.v = calloc(t->num_syms, sizeof(list.v[0]));
	if (!list.v)
		return err_nomem(err, t->num_syms * sizeof(list.v[0]), "symbols");
	while (list.n < t->num_syms) {
		size_t start = at;
		struct bytes packed;

		if (!kallsyms_next_name(t->names, t->big_lengths, &at, &packed)) {
			r = err_set(err, ERR_CORRUPT,
				    "kallsyms_names: symbol %zu of %" PRIu64
				    ", at %zu of %zu bytes, has no name or one that does not end",
				    list.n, t->num_syms, start, t->names.len);
			break;
		}
		r = list_reserve(&list, err);
		if (r)
			break;
		expand(packed, tokens, &list);
	}
	if (r)
		kallsyms_list_deinit(&list);
	else
		*ret = list;
	return r;
}

/* ---- addresses */

size_t kallsyms_width(enum kallsyms_form form)
{
	return form == KALLSYMS_ABSOLUTE ? 8 : 4;
}

uint64_t kallsyms_address(const struct kallsyms_tables *t, enum kallsyms_form form, uint64_t i)
{
	uint64_t v = 0;
	uint32_t word = 0;
	int32_t off;

	if (form == KALLSYMS_ABSOLUTE)
		return bytes_le64(t->addresses, i * 8, &v) ? v : 0;
	if (!bytes_le32(t->addresses, i * 4, &word))
		return 0;
	off = (int32_t)word;
	switch (form) {
	case KALLSYMS_RELATIVE:
		return t->base + word;
	case KALLSYMS_PERCPU:
		return off >= 0 ? (uint64_t)off : t->base - 1 - (uint64_t)(int64_t)off;
	case KALLSYMS_PLACE:
		return t->at + i * 4 + (uint64_t)(int64_t)off;
	case KALLSYMS_ABSOLUTE:
		break;
	}
	return 0;
}

/* ---- the finished table */

static int by_address(const void *a, const void *b)
{
	const struct kallsyms_entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* ELF for ARM's mapping symbols, and what assemblers leave: no symbols to the kernel either (is_mapping_symbol()) */
static bool is_mapping(const char *name)
{
	if (name[0] == '.' && name[1] == 'L')
		return true;
	return name[0] == '$' && name[1] && strchr("adtx", name[1]) &&
	       (name[2] == '\0' || name[2] == '.');
}

static const char *entry_name(const char *text, const struct kallsyms_entry *e)
{
	return text + e->name + 1;
}

static void sort(struct kallsyms_list *list)
{
	size_t kept = 0;
	bool sorted = true;

	for (size_t i = 0; i < list->n; i++)
		if (!is_mapping(entry_name(list->text, &list->v[i])))
			list->v[kept++] = list->v[i];
	list->n = kept;
	for (size_t i = 1; i < list->n && sorted; i++)
		sorted = list->v[i - 1].addr <= list->v[i].addr;
	if (!sorted) /* kernels sort the table; modules do not */
		qsort(list->v, list->n, sizeof(list->v[0]), by_address);
}

/* Each symbol goes on to the next address; the last one to `end`, if that is known. */
static void set_sizes(struct kallsyms_list *list, uint64_t end)
{
	uint64_t next = end;

	for (size_t i = list->n; i-- > 0;) {
		struct kallsyms_entry *e = &list->v[i];

		if (i + 1 < list->n && list->v[i + 1].addr != e->addr)
			next = list->v[i + 1].addr;
		if (next > e->addr)
			e->size = (uint32_t)NUM_MIN(next - e->addr, (uint64_t)MAX_COVER);
	}
}

static void drop_prefixes(struct kallsyms_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (strncmp(entry_name(list->text, &list->v[i]), "__pfx_", 6) != 0)
			list->v[kept++] = list->v[i];
	list->n = kept;
}

/* FNV-1a */
static size_t hash_name(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

/*
 * The slot of a name, or the empty one where it would be. NULL: too many names have this hash, which was made to be so; then
 * this one is found by its address only.
 */
static uint32_t *find_slot(const struct kallsyms *syms, const char *name)
{
	size_t at = hash_name(name) & syms->mask;

	for (unsigned int probes = 0; probes < MAX_PROBES; probes++) {
		uint32_t *slot = &syms->slots[at];

		if (!*slot || strcmp(entry_name(syms->text, &syms->v[*slot - 1]), name) == 0)
			return slot;
		at = (at + 1) & syms->mask;
	}
	return NULL;
}

/* Of several of one name the first of the table stays. */
static void hash_insert(struct kallsyms *syms, size_t i)
{
	uint32_t *slot = find_slot(syms, entry_name(syms->text, &syms->v[i]));

	if (slot && (!*slot || syms->v[i].name < syms->v[*slot - 1].name))
		*slot = (uint32_t)i + 1;
}

static int make_hash(struct kallsyms *syms, struct err *err)
{
	size_t slots = 16;

	while (slots < syms->n + syms->n / 2)
		slots *= 2;
	syms->slots = calloc(slots, sizeof(syms->slots[0]));
	if (!syms->slots)
		return err_nomem(err, slots * sizeof(syms->slots[0]), "a hash of symbols");
	syms->mask = slots - 1;
	for (size_t i = 0; i < syms->n; i++)
		hash_insert(syms, i);
	return 0;
}

/* What was reserved for what did not come. */
static void trim(void *p, size_t size)
{
	void *smaller = realloc(*(void **)p, size ? size : 1);

	if (smaller)
		*(void **)p = smaller;
}

/* Takes the list over. `end`: where the last symbol ends; 0: not known. */
static int finish(struct kallsyms_list *list, uint64_t end, struct kallsyms **ret, struct err *err)
{
	struct kallsyms *syms = calloc(1, sizeof(*syms));
	int r;

	if (!syms)
		return err_nomem(err, sizeof(*syms), "symbols");
	sort(list);
	set_sizes(list, end);
	drop_prefixes(list);
	trim(&list->v, list->n * sizeof(list->v[0]));
	trim(&list->text, list->text_len);
	syms->v = no_cleanup_ptr(list->v);
	syms->n = list->n;
	syms->text = no_cleanup_ptr(list->text);
	kallsyms_list_deinit(list);
	r = make_hash(syms, err);
	if (r) {
		kallsyms_destroy(syms);
		return r;
	}
	*ret = syms;
	return 0;
}

int kallsyms_finish_tables(const struct kallsyms_tables *t, struct kallsyms_list *list,
			   bool searched, struct kallsyms **ret, struct err *err)
{
	int r;

	for (size_t i = 0; i < list->n; i++)
		list->v[i].addr = kallsyms_address(t, t->form, i);
	r = finish(list, 0, ret, err);
	if (r)
		return r;
	(*ret)->form = t->form;
	(*ret)->searched = searched;
	return 0;
}

int kallsyms_decode(const struct kallsyms_tables *t, struct kallsyms **ret, struct err *err)
{
	struct kallsyms_list list = {0};
	int r;

	if (t->num_syms > t->addresses.len / kallsyms_width(t->form))
		return err_set(err, ERR_CORRUPT,
			       "kallsyms_num_syms is %" PRIu64 ", but there are %zu bytes of %s "
			       "addresses",
			       t->num_syms, t->addresses.len, kallsyms_form_name(t->form));
	r = kallsyms_read_names(t, &list, err);
	if (!r)
		r = kallsyms_finish_tables(t, &list, false, ret, err);
	kallsyms_list_deinit(&list);
	return r;
}

/* ---- modules */

/* Nothing is added if it is none, or if its name does not lie among the strings. */
static void add_elf(const struct kallsyms_elf *elf, size_t i, struct kallsyms_list *list)
{
	struct bytes symbol, name;
	uint16_t section;
	uint32_t at;
	uint64_t value;
	uint8_t type = '?';
	size_t len;

	if (!bytes_sub(elf->symtab, i * SYM_SIZE, SYM_SIZE, &symbol) ||
	    !bytes_le32(symbol, offsetof(Elf64_Sym, st_name), &at) ||
	    !bytes_le16(symbol, offsetof(Elf64_Sym, st_shndx), &section) ||
	    !bytes_le64(symbol, offsetof(Elf64_Sym, st_value), &value) || section == SHN_UNDEF ||
	    !bytes_sub(elf->strings, at, 1, &name))
		return;
	name.len = elf->strings.len - at;
	len = strnlen((const char *)name.data, NUM_MIN(name.len, (size_t)MAX_NAME));
	if (!len)
		return;
	if (elf->types.len && (!bytes_u8(elf->types, i, &type) || !type))
		type = '?';
	list->v[list->n++] =
		(struct kallsyms_entry){.addr = value, .name = (uint32_t)list->text_len};
	list->text[list->text_len++] = (char)type;
	memcpy(list->text + list->text_len, name.data, len);
	list->text_len += len;
	list->text[list->text_len++] = '\0';
}

int kallsyms_decode_elf(const struct kallsyms_elf *elf, struct kallsyms **ret, struct err *err)
{
	size_t n = elf->symtab.len / SYM_SIZE;
	/* strings may be shared, but not all of them by all symbols: a table is to grow as it is large itself */
	struct kallsyms_list list = {
		.max_text = NUM_MIN(2 * (elf->strings.len + n) + MAX_NAME + 2, (size_t)MAX_TEXT)};
	int r = 0;

	if (n > MAX_SYMBOLS)
		return err_set(err, ERR_CORRUPT, "a table of %zu symbols", n);
	list.v = calloc(n ? n : 1, sizeof(list.v[0]));
	if (!list.v)
		return err_nomem(err, n * sizeof(list.v[0]), "symbols of a module");
	for (size_t i = 1; i < n && !r; i++) {
		r = list_reserve(&list, err);
		if (!r)
			add_elf(elf, i, &list);
	}
	if (!r)
		r = finish(&list, elf->end, ret, err);
	if (!r) {
		size_t len = strnlen(elf->module, MODULE_NAME - 1);

		memcpy((*ret)->module, elf->module, len);
		(*ret)->form = KALLSYMS_ABSOLUTE;
	}
	kallsyms_list_deinit(&list);
	return r;
}

/* ---- looking up */

void kallsyms_destroy(struct kallsyms *syms)
{
	if (!syms)
		return;
	free(syms->v);
	free(syms->text);
	free(syms->slots);
	free(syms);
}

enum kallsyms_form kallsyms_form(const struct kallsyms *syms)
{
	return syms->form;
}

const char *kallsyms_form_name(enum kallsyms_form form)
{
	static const char *const names[] = {"absolute", "base-relative", "absolute-percpu",
					    "place-relative"};

	return (size_t)form < ARRAY_SIZE(names) ? names[form] : "unknown";
}

bool kallsyms_searched(const struct kallsyms *syms)
{
	return syms->searched;
}

size_t kallsyms_count(const struct kallsyms *syms)
{
	return syms->n;
}

void kallsyms_get(const struct kallsyms *syms, size_t i, struct symbol *ret)
{
	const struct kallsyms_entry *e = &syms->v[i];

	*ret = (struct symbol){.addr = e->addr,
			       .size = e->size,
			       .type = syms->text[e->name],
			       .name = entry_name(syms->text, e),
			       .module = *syms->module ? syms->module : NULL};
}

bool kallsyms_at(const struct kallsyms *syms, uint64_t addr, struct symbol *ret)
{
	size_t low = 0, high = syms->n;

	while (low < high) { /* the first that lies behind `addr` */
		size_t mid = low + (high - low) / 2;

		if (syms->v[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || !(addr >> 63))
		return false;
	low--;
	if (addr != syms->v[low].addr && addr - syms->v[low].addr >= syms->v[low].size)
		return false;
	while (low && syms->v[low - 1].addr == syms->v[low].addr)
		low--;
	kallsyms_get(syms, low, ret);
	return true;
}

bool kallsyms_find(const struct kallsyms *syms, const char *name, struct symbol *ret)
{
	const uint32_t *slot = find_slot(syms, name);

	if (!slot || !*slot)
		return false;
	kallsyms_get(syms, *slot - 1, ret);
	return true;
}
