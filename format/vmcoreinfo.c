// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/vmcoreinfo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define VMCOREINFO_MAX (1024 * 1024)

struct entry {
	const char *key;
	const char *value;
};

/* The text is kept twice: as given, and cut into keys and values that the index points at. */
struct vmcoreinfo {
	char *text;
	char *pieces;
	struct entry *v; /* sorted by key; of equal keys the one that stands first in the text */
	size_t n;
};

/* Entries of one key sort by their place in the text. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : (x->key > y->key) - (x->key < y->key);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static void split_lines(struct vmcoreinfo *v)
{
	for (char *line = v->pieces, *next; line; line = next) {
		char *value;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = '\0';
		v->v[v->n++] = (struct entry){line, value};
	}
}

static void drop_repeated(struct vmcoreinfo *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		if (!n || strcmp(v->v[n - 1].key, v->v[i].key) != 0)
			v->v[n++] = v->v[i];
	v->n = n;
}

int vmcoreinfo_create(struct bytes text, struct vmcoreinfo **ret, struct err *err)
{
	size_t len = text.len ? strnlen((const char *)text.data, text.len) : 0;
	struct vmcoreinfo *v;
	size_t lines;

	if (len > VMCOREINFO_MAX)
		return err_set(err, ERR_CORRUPT,
			       "VMCOREINFO: %zu bytes of text are more than the limit of %d", len,
			       VMCOREINFO_MAX);
	v = calloc(1, sizeof(*v));
	if (!v)
		return err_nomem(err, sizeof(*v), "VMCOREINFO");
	v->text = strndup(text.len ? (const char *)text.data : "", len);
	v->pieces = v->text ? strdup(v->text) : NULL;
	if (!v->pieces) {
		vmcoreinfo_destroy(v);
		return err_nomem(err, len, "VMCOREINFO");
	}
	lines = count_lines(v->pieces);
	v->v = calloc(lines, sizeof(*v->v));
	if (!v->v) {
		vmcoreinfo_destroy(v);
		return err_nomem(err, lines * sizeof(*v->v), "the index of VMCOREINFO");
	}
	split_lines(v);
	qsort(v->v, v->n, sizeof(*v->v), compare_entries);
	drop_repeated(v);
	*ret = v;
	return 0;
}

void vmcoreinfo_destroy(struct vmcoreinfo *v)
{
	if (!v)
		return;
	free(v->text);
	free(v->pieces);
	free(v->v);
	free(v);
}

const char *vmcoreinfo_text(const struct vmcoreinfo *v)
{
	return v->text;
}

const char *vmcoreinfo_get(const struct vmcoreinfo *v, const char *key)
{
	size_t lo = 0, hi = v->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(v->v[mid].key, key);

		if (c == 0)
			return v->v[mid].value;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* The whole of `text` in `base`; strtoull alone would take spaces, signs and a rest. */
static bool parse_digits(const char *text, unsigned int base, uint64_t *ret)
{
	char *end;

	if (base == 16 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	if (base == 10 ? !(*text >= '0' && *text <= '9') : !strchr("0123456789abcdefABCDEF", *text))
		return false;
	if (!*text)
		return false;
	errno = 0;
	*ret = strtoull(text, &end, (int)base);
	return !*end && !errno;
}

static int bad_value(struct err *err, const char *key, const char *value, const char *what)
{
	return err_set(err, ERR_CORRUPT, "VMCOREINFO: %s=%s is not a %s number", key, value, what);
}

int vmcoreinfo_value(const struct vmcoreinfo *v, const char *key, unsigned int base, uint64_t *ret,
		     bool *ret_found, struct err *err)
{
	const char *value = vmcoreinfo_get(v, key);
	uint64_t n;

	if (!value) {
		*ret_found = false;
		return 0;
	}
	if (!parse_digits(value, base, &n))
		return bad_value(err, key, value,
				 base == 16 ? "64-bit hexadecimal" : "64-bit decimal");
	*ret = n;
	*ret_found = true;
	return 0;
}

/* "KIND(name)" into buf; a name longer than any C identifier in the kernel is nobody's key. */
static bool build_key(char *buf, size_t size, const char *kind, const char *name)
{
	return snprintf(buf, size, "%s(%s)", kind, name) < (int)size;
}

static int lookup(const struct vmcoreinfo *v, const char *kind, const char *name, unsigned int base,
		  uint64_t *ret, bool *ret_found, struct err *err)
{
	char key[256];

	if (!build_key(key, sizeof(key), kind, name)) {
		*ret_found = false;
		return 0;
	}
	return vmcoreinfo_value(v, key, base, ret, ret_found, err);
}

int vmcoreinfo_symbol(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		      struct err *err)
{
	return lookup(v, "SYMBOL", name, 16, ret, ret_found, err);
}

int vmcoreinfo_size(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		    struct err *err)
{
	return lookup(v, "SIZE", name, 10, ret, ret_found, err);
}

int vmcoreinfo_offset(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		      struct err *err)
{
	return lookup(v, "OFFSET", name, 10, ret, ret_found, err);
}

int vmcoreinfo_length(const struct vmcoreinfo *v, const char *name, uint64_t *ret, bool *ret_found,
		      struct err *err)
{
	return lookup(v, "LENGTH", name, 10, ret, ret_found, err);
}

/*
 * A hexadecimal NUMBER may use all 64 bits (arm64 prints addresses so): it is taken as the bit
 * pattern. A decimal one is what "%ld" prints.
 */
int vmcoreinfo_number(const struct vmcoreinfo *v, const char *name, int64_t *ret, bool *ret_found,
		      struct err *err)
{
	const char *value, *digits;
	char key[256];
	uint64_t n;
	bool hex;

	value = build_key(key, sizeof(key), "NUMBER", name) ? vmcoreinfo_get(v, key) : NULL;
	if (!value) {
		*ret_found = false;
		return 0;
	}
	digits = value + (*value == '-');
	hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	if (!parse_digits(digits, hex ? 16 : 10, &n) || (hex && *value == '-') ||
	    (!hex && n > (uint64_t)INT64_MAX + (*value == '-')))
		return bad_value(err, key, value, "64-bit signed");
	*ret = (int64_t)(*value == '-' ? 0 - n : n);
	*ret_found = true;
	return 0;
}
