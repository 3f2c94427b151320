// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/lvm.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "base/crc.h"

#define SECTOR    512
#define CRC_START UINT32_C(0xf597a6cf)
#define MAX_TEXT  (UINT64_C(16) << 20)
#define MAX_AREAS 16
#define MAX_DEPTH 16

#define MDA_MAGIC   " LVM2 x[5A%r0N*>"
#define MDA_LOCNS   40 /* raw locations: offset, size, checksum, flags */
#define MDA_IGNORED 1

static uint32_t crc_of(const uint8_t *data, size_t len)
{
	return crc_update(CRC_IEEE, CRC_START, data, len);
}

/* ---- label and areas */

struct area {
	uint64_t offset, size;
};

/* Offset and size, a list that ends with one of zeros; false: it ends beyond the sector. */
static bool read_areas(struct bytes b, uint64_t *at, struct area *ret, size_t max, size_t *ret_n)
{
	size_t n = 0;

	for (;; *at += 16) {
		struct area a;

		if (!bytes_le64(b, *at, &a.offset) || !bytes_le64(b, *at + 8, &a.size))
			return false;
		if (!a.offset)
			break;
		if (n < max)
			ret[n++] = a;
	}
	*at += 16;
	*ret_n = n;
	return true;
}

static int read_label(int fd, uint64_t size, const char *name, struct area areas[MAX_AREAS],
		      size_t *ret_n, struct err *err)
{
	uint8_t buf[4 * SECTOR];

	if (size < sizeof(buf))
		return err_set(err, ERR_NOT_FOUND, "%s is no physical volume", name);
	if (io_pread_full(fd, buf, sizeof(buf), 0, name, err))
		return err->code;
	for (size_t i = 0; i < 4; i++) {
		struct bytes b = {buf + i * SECTOR, SECTOR};
		uint32_t crc, header;
		struct area data;
		uint64_t at;
		size_t n;

		if (memcmp(b.data, "LABELONE", 8) != 0 || memcmp(b.data + 24, "LVM2 001", 8) != 0)
			continue;
		if (!bytes_le32(b, 16, &crc) || crc != crc_of(b.data + 20, SECTOR - 20))
			return err_set(err, ERR_CORRUPT, "%s: the checksum of its label is wrong",
				       name);
		if (!bytes_le32(b, 20, &header))
			header = SECTOR;
		at = (uint64_t)header + 40; /* behind the id and the device's size */
		if (!read_areas(b, &at, &data, 1, &n) ||
		    !read_areas(b, &at, areas, MAX_AREAS, ret_n))
			return err_set(err, ERR_CORRUPT, "%s: its label lists areas without end",
				       name);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "%s is no physical volume", name);
}

/* The text is in a ring that begins behind the area's header. */
static int read_ring(int fd, const struct area *a, uint64_t offset, uint64_t size, const char *name,
		     char *to, struct err *err)
{
	uint64_t first = NUM_MIN(size, a->size - offset);

	if (io_pread_full(fd, to, first, a->offset + offset, name, err))
		return err->code;
	return first == size
		       ? 0
		       : io_pread_full(fd, to + first, size - first, a->offset + SECTOR, name, err);
}

/* 0, ERR_NOT_FOUND: there is none in it; or another error. */
static int read_area(int fd, uint64_t size, const struct area *a, const char *name, char **ret,
		     size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	uint8_t buf[SECTOR];
	struct bytes b = {buf, SECTOR};
	uint64_t offset = 0, len = 0;
	uint32_t crc = 0, flags = 0;

	if (a->size <= SECTOR || a->offset > size || a->size > size - a->offset)
		return err_set(err, ERR_CORRUPT, "%s: a metadata area lies beyond its end", name);
	if (io_pread_full(fd, buf, SECTOR, a->offset, name, err))
		return err->code;
	if (memcmp(buf + 4, MDA_MAGIC, 16) != 0 || !bytes_le32(b, 0, &crc) ||
	    crc != crc_of(buf + 4, SECTOR - 4))
		return err_set(err, ERR_CORRUPT, "%s: the header of a metadata area is damaged",
			       name);
	if (!bytes_le64(b, MDA_LOCNS, &offset) || !bytes_le64(b, MDA_LOCNS + 8, &len) ||
	    !bytes_le32(b, MDA_LOCNS + 16, &crc) || !bytes_le32(b, MDA_LOCNS + 20, &flags) ||
	    !offset || !len || flags & MDA_IGNORED)
		return err_set(err, ERR_NOT_FOUND, "%s holds no metadata of its volume group",
			       name);
	if (offset < SECTOR || offset >= a->size || len > a->size - SECTOR || len > MAX_TEXT)
		return err_set(err, ERR_CORRUPT, "%s: metadata that lies outside of its area",
			       name);
	text = malloc(len + 1);
	if (!text)
		return err_nomem(err, len, "metadata of LVM");
	if (read_ring(fd, a, offset, len, name, text, err))
		return err->code;
	if (crc_of((uint8_t *)text, len) != crc)
		return err_set(err, ERR_CORRUPT, "%s: the checksum of its metadata is wrong", name);
	text[len] = '\0';
	*ret_len = len;
	*ret = text;
	text = NULL;
	return 0;
}

int lvm_read(int fd, uint64_t size, const char *name, char **ret, size_t *ret_len, struct err *err)
{
	struct area areas[MAX_AREAS];
	size_t n = 0;
	int r = ERR_NOT_FOUND;

	if (read_label(fd, size, name, areas, &n, err))
		return err->code;
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "%s holds no metadata of its volume group",
			       name);
	for (size_t i = 0; i < n && r; i++)
		r = read_area(fd, size, &areas[i], name, ret, ret_len, err);
	return r;
}

/* ---- the text: sections, and "key = value" with a value or a list of them */

struct span {
	const char *p, *end;
};

struct token {
	char kind; /* 'w' a word or number, 's' what is in quotes, or the character itself; 0: the end, or nonsense */
	struct span is;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.+-/", c));
}

static struct token next_token(struct span *in)
{
	struct token t = {0};

	while (in->p < in->end && (isspace((unsigned char)*in->p) || *in->p == '#')) {
		if (*in->p == '#')
			while (in->p < in->end && *in->p != '\n')
				in->p++;
		else
			in->p++;
	}
	if (in->p == in->end)
		return t;
	t.is = (struct span){in->p, in->p};
	if (*in->p == '"') {
		t.is.p++;
		for (in->p++; in->p < in->end && *in->p != '"'; in->p++)
			in->p += *in->p == '\\' && in->p + 1 < in->end;
		if (in->p == in->end)
			return t;
		t.kind = 's';
		t.is.end = in->p++;
	} else if (is_word(*in->p)) {
		while (in->p < in->end && is_word(*in->p))
			in->p++;
		t.kind = 'w';
		t.is.end = in->p;
	} else if (strchr("={}[],", *in->p) && *in->p) {
		t.kind = *in->p++;
		t.is.end = in->p;
	}
	return t;
}

static bool is_text(struct span s, const char *text)
{
	return (size_t)(s.end - s.p) == strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

struct entry {
	struct span key;
	bool section;
	struct span body; /* between its braces; of a value all its tokens */
};

/* What follows until the brace that closes; false: none does. */
static bool skip_section(struct span *in, struct span *ret)
{
	unsigned int depth = 1;

	ret->p = in->p;
	while (depth && depth < MAX_DEPTH) {
		const char *before = in->p;
		struct token t = next_token(in);

		if (!t.kind)
			return false;
		depth += t.kind == '{';
		depth -= t.kind == '}';
		ret->end = before;
	}
	return !depth;
}

static bool skip_value(struct span *in, struct span *ret)
{
	struct token t;

	ret->p = in->p;
	t = next_token(in);
	if (t.kind == '[')
		while (t.kind && t.kind != ']')
			t = next_token(in);
	else if (t.kind != 's' && t.kind != 'w')
		return false;
	ret->end = in->p;
	return t.kind;
}

/* The next one in a section: 1, 0 at its end, -1 for what is no such text. */
static int next_entry(struct span *in, struct entry *ret)
{
	struct token key = next_token(in), t;

	if (!key.kind && in->p == in->end)
		return 0;
	t = next_token(in);
	if (key.kind != 'w' || (t.kind != '{' && t.kind != '='))
		return -1;
	ret->key = key.is;
	ret->section = t.kind == '{';
	return (ret->section ? skip_section(in, &ret->body) : skip_value(in, &ret->body)) ? 1 : -1;
}

static bool find_entry(struct span in, const char *key, bool section, struct span *ret)
{
	struct entry e;

	while (next_entry(&in, &e) == 1)
		if (e.section == section && is_text(e.key, key)) {
			*ret = e.body;
			return true;
		}
	return false;
}

static bool find_value(struct span in, const char *key, struct span *ret)
{
	struct token t;

	if (!find_entry(in, key, false, ret))
		return false;
	t = next_token(ret);
	*ret = t.is;
	return t.kind == 's' || t.kind == 'w';
}

/* ---- ids */

bool lvm_id_format(const char *raw, char ret[LAYER_LVM_ID])
{
	char *p = ret;

	for (size_t i = 0; i < LVM_ID_RAW; i++) {
		if (!isalnum((unsigned char)raw[i]) && raw[i] != '!' && raw[i] != '#')
			return false;
		if (i == 6 || (i > 6 && i < 30 && (i - 6) % 4 == 0))
			*p++ = '-';
		*p++ = raw[i];
	}
	*p = '\0';
	return true;
}

bool lvm_is_volume(const char *dm_uuid)
{
	char id[LAYER_LVM_ID];

	return strncmp(dm_uuid, "LVM-", 4) == 0 && strlen(dm_uuid) >= 4 + 2 * LVM_ID_RAW &&
	       lvm_id_format(dm_uuid + 4, id) && lvm_id_format(dm_uuid + 4 + LVM_ID_RAW, id);
}

/* ---- what a volume is made of */

struct volume {
	struct span name, body;
	bool physical;
	bool done, waits;
};

struct group {
	struct volume *v;
	size_t n;
	struct sha256 sha;
	size_t *queue; /* logical volumes to be digested, each once */
	size_t n_queue;
};

static int compare_spans(struct span a, struct span b)
{
	size_t la = (size_t)(a.end - a.p), lb = (size_t)(b.end - b.p);
	int r = memcmp(a.p, b.p, NUM_MIN(la, lb));

	return r ? r : (la > lb) - (la < lb);
}

static int compare_volumes(const void *a, const void *b)
{
	return compare_spans(((const struct volume *)a)->name, ((const struct volume *)b)->name);
}

static int add_volumes(struct group *g, struct span vg, const char *section, bool physical,
		       struct err *err)
{
	struct span in;
	struct entry e;
	int r;

	if (!find_entry(vg, section, true, &in))
		return 0; /* of logical ones there may be none */
	while ((r = next_entry(&in, &e)) == 1) {
		struct volume *grown = g->v;

		if (!e.section)
			continue;
		/* doubled, as there may be thousands */
		if (!(g->n & (g->n - 1)))
			grown = reallocarray(g->v, g->n ? g->n * 2 : 1, sizeof(*grown));
		if (!grown)
			return err_nomem(err, g->n * sizeof(*grown), "the volumes of a group");
		g->v = grown;
		grown[g->n++] =
			(struct volume){.name = e.key, .body = e.body, .physical = physical};
	}
	return r ? err_set(err, ERR_CORRUPT, "the group's %s are no text of LVM", section) : 0;
}

static struct volume *find_volume(const struct group *g, struct span name)
{
	const struct volume key = {.name = name};

	return bsearch(&key, g->v, g->n, sizeof(*g->v), compare_volumes);
}

static void digest(struct group *g, struct span s)
{
	sha256_update(&g->sha, s.p, (size_t)(s.end - s.p));
	sha256_update(&g->sha, "\n", 1);
}

static void digest_physical(struct group *g, const struct volume *v)
{
	struct span id, start;

	if (find_value(v->body, "id", &id))
		digest(g, id);
	if (find_value(v->body, "pe_start", &start))
		digest(g, start);
}

/* Words that are no names of volumes, though a volume may be called "striped". */
static bool is_plain(struct span key)
{
	return is_text(key, "type") || is_text(key, "status") || is_text(key, "flags") ||
	       is_text(key, "creation_host");
}

/* Names of physical volumes are those of one version of the text: their ids take their place. */
static void digest_value(struct group *g, struct span key, struct span body)
{
	struct token t;

	while ((t = next_token(&body)).kind) {
		struct volume *v = t.kind == 's' && !is_plain(key) ? find_volume(g, t.is) : NULL;

		if (v && v->physical) {
			digest_physical(g, v);
			continue;
		}
		digest(g, t.is);
		if (v && !v->waits) {
			v->waits = true;
			g->queue[g->n_queue++] = (size_t)(v - g->v);
		}
	}
}

/* Other volumes of a pool count in its transaction_id, and tags are for people: neither moves a block. */
static bool is_of_no_matter(struct span key)
{
	return is_text(key, "transaction_id") || is_text(key, "tags");
}

static int digest_section(struct group *g, struct span body, unsigned int depth, struct err *err)
{
	struct entry e;
	int r;

	while ((r = next_entry(&body, &e)) == 1) {
		if (is_of_no_matter(e.key))
			continue;
		digest(g, e.key);
		if (!e.section)
			digest_value(g, e.key, e.body);
		else if (depth == MAX_DEPTH || digest_section(g, e.body, depth + 1, err))
			return err_set(err, ERR_CORRUPT, "a volume's segments are no text of LVM");
	}
	return r ? err_set(err, ERR_CORRUPT, "a volume's section is no text of LVM") : 0;
}

/* An id in the text has dashes, one of device-mapper has none. */
static bool is_id(struct span text, const char *raw)
{
	char id[LAYER_LVM_ID];

	return lvm_id_format(raw, id) && is_text(text, id);
}

static int digest_volume(struct group *g, const char *id, struct err *err)
{
	for (size_t i = 0; i < g->n && !g->n_queue; i++) {
		struct span own;

		if (g->v[i].physical || !find_value(g->v[i].body, "id", &own) || !is_id(own, id))
			continue;
		g->v[i].waits = true;
		g->queue[g->n_queue++] = i;
	}
	if (!g->n_queue)
		return err_set(err, ERR_CORRUPT, "it has no such logical volume any more");
	for (size_t i = 0; i < g->n_queue; i++)
		if (digest_section(g, g->v[g->queue[i]].body, 0, err))
			return err->code;
	return 0;
}

static int guard_group(struct group *g, struct span vg, const char *id, char ret[SHA256_TEXT],
		       struct err *err)
{
	uint8_t sum[SHA256_SIZE];
	struct span extent;

	if (add_volumes(g, vg, "physical_volumes", true, err) ||
	    add_volumes(g, vg, "logical_volumes", false, err))
		return err->code;
	if (!g->n)
		return err_set(err, ERR_CORRUPT, "it has no volumes");
	qsort(g->v, g->n, sizeof(*g->v), compare_volumes);
	g->queue = calloc(g->n + 1, sizeof(*g->queue));
	if (!g->queue)
		return err_nomem(err, g->n * sizeof(*g->queue), "the volumes of a group");
	sha256_init(&g->sha);
	if (find_value(vg, "extent_size", &extent))
		digest(g, extent);
	if (digest_volume(g, id, err))
		return err->code;
	sha256_final(&g->sha, sum);
	sha256_text(sum, ret);
	return 0;
}

/* The only section at the top is the group. */
static bool find_group(struct span text, struct entry *ret)
{
	while (next_entry(&text, ret) == 1)
		if (ret->section)
			return true;
	return false;
}

int lvm_guard(struct bytes text, const char *dm_uuid, struct lvm_guard *ret, struct err *err)
{
	struct span whole = {(const char *)text.data, (const char *)text.data + text.len};
	struct lvm_guard guard = {0};
	struct group g = {0};
	struct span value;
	char number[24];
	struct entry vg;
	int r;

	if (!lvm_is_volume(dm_uuid))
		return err_set(err, ERR_USAGE, "'%.100s' is no uuid of a logical volume", dm_uuid);
	if (!find_group(whole, &vg) || !find_value(vg.body, "id", &value))
		return err_set(err, ERR_CORRUPT, "the metadata is no text of LVM");
	if (!is_id(value, dm_uuid + 4) || !lvm_id_format(dm_uuid + 4, guard.vg))
		return err_set(err, ERR_CORRUPT, "the metadata is that of another volume group");
	snprintf(guard.vg_name, sizeof(guard.vg_name), "%.*s",
		 (int)NUM_MIN(vg.key.end - vg.key.p, LAYER_NAME - 1), vg.key.p);
	if (!find_value(vg.body, "seqno", &value) ||
	    value.end - value.p >= (ptrdiff_t)sizeof(number))
		return err_set(err, ERR_CORRUPT, "the volume group has no sequence number");
	snprintf(number, sizeof(number), "%.*s", (int)(value.end - value.p), value.p);
	if (num_parse_u64(number, &guard.seqno, err))
		return err->code;
	r = guard_group(&g, vg.body, dm_uuid + 4 + LVM_ID_RAW, guard.digest, err);
	free(g.queue);
	free(g.v);
	if (r)
		return err_wrap(err, "volume group %s", guard.vg_name);
	*ret = guard;
	return 0;
}
