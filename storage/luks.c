// SPDX-License-Identifier: GPL-2.0-or-later
#include "storage/luks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"

#define MAGIC        "LUKS\xba\xbe"
#define BINARY       4096 /* of LUKS2, in front of the JSON */
#define MAX_HEADER   (UINT64_C(4) << 20)
#define MAX_DEPTH    32
#define MAX_MEMORY   UINT32_MAX /* KiB, of one slot */
#define CSUM_OFF     448
#define CSUM_SIZE    64
#define UUID_OFF     168
#define V1_SLOTS     208
#define V1_SLOT_SIZE 48
#define V1_N_SLOTS   8
#define V1_ACTIVE    UINT32_C(0x00ac71f3)

/* ---- JSON: a walk over the values of an object; what nobody asks for is skipped */

struct json_in {
	const char *p, *end;
};

static void skip_space(struct json_in *in)
{
	while (in->p < in->end && isspace((unsigned char)*in->p))
		in->p++;
}

static bool take(struct json_in *in, char c)
{
	skip_space(in);
	if (in->p == in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

/* A string's bytes as they are: names of keys and kinds have nothing that would be escaped. */
static bool take_string(struct json_in *in, struct json_in *ret)
{
	if (!take(in, '"'))
		return false;
	ret->p = in->p;
	for (; in->p < in->end && *in->p != '"'; in->p++)
		in->p += *in->p == '\\' && in->p + 1 < in->end;
	if (in->p == in->end)
		return false;
	ret->end = in->p++;
	return true;
}

/* One value of any kind: brackets and braces are counted, not matched, which is enough to find its end. */
static bool take_value(struct json_in *in, struct json_in *ret)
{
	unsigned int depth = 0;
	struct json_in text;

	skip_space(in);
	ret->p = in->p;
	while (in->p < in->end) {
		char c = *in->p;

		if (c == '"') {
			if (!take_string(in, &text))
				return false;
		} else if (c == '{' || c == '[') {
			if (++depth > MAX_DEPTH)
				return false;
			in->p++;
		} else if (c == '}' || c == ']') {
			if (!depth)
				break;
			depth--;
			in->p++;
		} else if (c == ',' && !depth) {
			break;
		} else {
			in->p++;
		}
		if (!depth && (c == '"' || c == '}' || c == ']'))
			break;
	}
	ret->end = in->p;
	return !depth && ret->p < ret->end;
}

/* The next "key": value of an object that was begun by enter(): 1, 0 at its end, -1 for what is no JSON. */
static int next_member(struct json_in *in, struct json_in *key, struct json_in *value)
{
	if (take(in, '}'))
		return 0;
	(void)take(in, ',');
	return take_string(in, key) && take(in, ':') && take_value(in, value) ? 1 : -1;
}

static bool enter(struct json_in *in)
{
	return take(in, '{');
}

static bool is_text(struct json_in s, const char *text)
{
	return (size_t)(s.end - s.p) == strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

/* A member of an object; false: it is not there. */
static bool find_member(struct json_in in, const char *name, struct json_in *ret)
{
	struct json_in key, value;

	if (!enter(&in))
		return false;
	while (next_member(&in, &key, &value) == 1)
		if (is_text(key, name)) {
			*ret = value;
			return true;
		}
	return false;
}

static bool find_string(struct json_in in, const char *name, struct json_in *ret)
{
	return find_member(in, name, &in) && take_string(&in, ret);
}

static bool find_number(struct json_in in, const char *name, uint64_t *ret)
{
	char digits[21];
	struct err ignored;

	if (!find_member(in, name, &in))
		return false;
	while (in.end > in.p && isspace((unsigned char)in.end[-1]))
		in.end--;
	if (in.end - in.p >= (ptrdiff_t)sizeof(digits))
		return false;
	memcpy(digits, in.p, (size_t)(in.end - in.p));
	digits[in.end - in.p] = '\0';
	return !num_parse_range(digits, 0, UINT64_MAX, ret, &ignored);
}

/* ---- what it says */

static int read_slot(struct json_in slot, struct luks *l, struct err *err)
{
	struct json_in kdf, type;
	uint64_t memory;

	l->slots++;
	/* a slot of a reencryption has none */
	if (!find_member(slot, "kdf", &kdf) || !find_string(kdf, "type", &type))
		return 0;
	if (type.end - type.p < 6 || memcmp(type.p, "argon2", 6) != 0)
		return 0;
	if (!find_number(kdf, "memory", &memory) || memory > MAX_MEMORY)
		return err_set(err, ERR_CORRUPT,
			       "a keyslot of its header does not say what memory it takes");
	l->memory = NUM_MAX(l->memory, memory);
	return 0;
}

static int read_slots(struct json_in in, struct luks *l, struct err *err)
{
	struct json_in key, value;
	int r = -1;

	if (enter(&in))
		while ((r = next_member(&in, &key, &value)) == 1)
			if (read_slot(value, l, err))
				return err->code;
	return r ? err_set(err, ERR_CORRUPT, "the keyslots of its header are no JSON") : 0;
}

static int read_segments(struct json_in in, struct luks *l, struct err *err)
{
	struct json_in key, value, ignored;
	int r = -1;

	if (enter(&in))
		while ((r = next_member(&in, &key, &value)) == 1)
			l->integrity |= find_member(value, "integrity", &ignored);
	return r ? err_set(err, ERR_CORRUPT, "the segments of its header are no JSON") : 0;
}

int luks_parse(struct bytes json, struct luks *ret, struct err *err)
{
	struct json_in all = {(const char *)json.data, (const char *)json.data + json.len};
	struct json_in slots, segments;
	struct luks l = *ret;

	l.slots = 0;
	l.memory = 0;
	l.integrity = false;
	if (!find_member(all, "keyslots", &slots) || !find_member(all, "segments", &segments))
		return err_set(err, ERR_CORRUPT, "its header has no keyslots or segments");
	if (read_slots(slots, &l, err) || read_segments(segments, &l, err))
		return err->code;
	*ret = l;
	return 0;
}

/* ---- the header */

static uint64_t be_at(struct bytes b, size_t off, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes && off + i < b.len; i++)
		v = v << 8 | b.data[off + i];
	return v;
}

static int read_v2(int fd, uint64_t size, struct bytes head, const char *name, struct luks *l,
		   struct err *err)
{
	uint64_t len = be_at(head, 8, 8);
	uint8_t stored[CSUM_SIZE], sum[SHA256_SIZE];
	_cleanup_free_ uint8_t *all = NULL;
	struct sha256 sha;

	if (len <= BINARY || len > MAX_HEADER || len > size)
		return err_set(err, ERR_CORRUPT, "%s: its LUKS2 header has an impossible size",
			       name);
	all = malloc(len);
	if (!all)
		return err_nomem(err, len, "a LUKS2 header");
	if (io_pread_full(fd, all, len, 0, name, err))
		return err->code;
	/* other sums may be chosen when it is made, but cryptsetup has no option for it */
	if (strncmp((const char *)all + 72, "sha256", 32) != 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s: the checksum of its LUKS2 header is not SHA-256", name);
	memcpy(stored, all + CSUM_OFF, CSUM_SIZE);
	memset(all + CSUM_OFF, 0, CSUM_SIZE);
	sha256_init(&sha);
	sha256_update(&sha, all, len);
	sha256_final(&sha, sum);
	if (memcmp(stored, sum, sizeof(sum)) != 0)
		return err_set(err, ERR_CORRUPT, "%s: the checksum of its LUKS2 header is wrong",
			       name);
	len = BINARY + strnlen((const char *)all + BINARY, len - BINARY);
	if (luks_parse((struct bytes){all + BINARY, len - BINARY}, l, err))
		return err_wrap(err, "%s", name);
	return 0;
}

int luks_read(int fd, uint64_t size, const char *name, struct luks *ret, struct err *err)
{
	struct luks l = {0};
	uint8_t buf[BINARY];
	struct bytes head = {buf, sizeof(buf)};

	if (size < sizeof(buf))
		return err_set(err, ERR_NOT_FOUND, "%s has no LUKS header", name);
	if (io_pread_full(fd, buf, sizeof(buf), 0, name, err))
		return err->code;
	l.version = (unsigned int)be_at(head, 6, 2);
	if (memcmp(buf, MAGIC, 6) != 0 || (l.version != 1 && l.version != 2))
		return err_set(err, ERR_NOT_FOUND, "%s has no LUKS header", name);
	for (size_t i = 0; i + 1 < LUKS_UUID && isgraph(buf[UUID_OFF + i]); i++)
		l.uuid[i] = (char)buf[UUID_OFF + i];
	if (l.version == 2) {
		if (read_v2(fd, size, head, name, &l, err))
			return err->code;
	} else {
		for (size_t i = 0; i < V1_N_SLOTS; i++)
			l.slots += be_at(head, V1_SLOTS + i * V1_SLOT_SIZE, 4) == V1_ACTIVE;
	}
	*ret = l;
	return 0;
}
