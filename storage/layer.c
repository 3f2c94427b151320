// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One table row per key. The text is taken for hostile: what a message quotes was checked for control characters by whoever
 * read the line, and is cut to a bounded length.
 */
#include "storage/layer.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyvalue.h"
#include "base/num.h"

#define MAX_VALUE 1024

#define BIT(kind)      (1u << (kind))
#define OF_MAPPED      (BIT(LAYER_DM) | BIT(LAYER_CRYPT) | BIT(LAYER_MULTIPATH))
#define OF_NETWORK     (BIT(LAYER_ISCSI) | BIT(LAYER_NVME_TCP))
#define OF_ALL         (OF_MAPPED | BIT(LAYER_MD) | OF_NETWORK)
#define HEX            "0123456789abcdefABCDEF"
#define LVM_ID_CHARS   "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#"
#define LAYER_PREFIX   "layer:"
#define KEY_KERNEL     "kernel "
#define KEY_FILE       "file "
#define KEY_LEN_KERNEL 128 /* KEY_DESC_MAX_LEN of kernel/crash_dump_dm_crypt.c, Linux 6.16 */

struct key {
	const char *name;
	unsigned int of, required_of; /* bits of kinds */
	int (*set)(const struct key *key, const char *value, void *at, struct err *err);
	void (*put)(const struct key *key, const void *at, FILE *to);
	size_t at;
	uint64_t min, max;
	bool repeatable;
	bool (*fits)(const char *value);
	const char *wanted;
};

static const char *const kind_names[] = {
	[LAYER_DM] = "dm", [LAYER_CRYPT] = "crypt", [LAYER_MULTIPATH] = "multipath",
	[LAYER_MD] = "md", [LAYER_ISCSI] = "iscsi", [LAYER_NVME_TCP] = "nvme-tcp",
};

const char *layer_kind_name(enum layer_kind kind)
{
	return kind_names[kind];
}

/* ---- what values may be */

static bool has_prefix(const char *value, const char *prefix)
{
	return strncmp(value, prefix, strlen(prefix)) == 0;
}

/* Printable, no blank: what tools of device-mapper write as it is or as \xNN. Not a component of a path that leads elsewhere, nor
 * an option of a program. */
static bool is_name(const char *value)
{
	size_t len = strlen(value);

	if (!len || len >= LAYER_NAME || value[0] == '.' || value[0] == '-')
		return false;
	for (const char *p = value; *p; p++)
		if (!isgraph((unsigned char)*p) || strchr("/{}", *p))
			return false;
	return true;
}

/* One word of printable characters. */
static bool is_word(const char *value)
{
	for (const char *p = value; *p; p++)
		if (!isgraph((unsigned char)*p))
			return false;
	return *value;
}

static bool is_path(const char *path)
{
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
	}
	return *path == '\0';
}

static bool is_file(const char *value)
{
	return value[0] == '/' && value[1] && is_path(value);
}

static bool is_hex_id(const char *id)
{
	return *id && strspn(id, HEX "-:/") == strlen(id) && strlen(id) <= 80;
}

/* As LVM shows one: 6-4-4-4-4-4-6 of its characters. */
static bool is_lvm_id(const char *id, size_t len)
{
	static const uint8_t dashes[] = {6, 11, 16, 21, 26, 31};

	if (len != LAYER_LVM_ID - 1)
		return false;
	for (size_t i = 0, d = 0; i < len; i++) {
		bool dash = d < sizeof(dashes) && i == dashes[d];

		d += dash;
		if (dash ? id[i] != '-' : !strchr(LVM_ID_CHARS, id[i]))
			return false;
	}
	return true;
}

static bool is_device(const char *value)
{
	const char *id = strchr(value, '=');

	if (has_prefix(value, "/dev/"))
		return value[5] && is_path(value);
	if (!id)
		return false;
	id++;
	if (has_prefix(value, "PARTUUID=") || has_prefix(value, "LUKS=") ||
	    has_prefix(value, "MD="))
		return is_hex_id(id);
	if (has_prefix(value, "LVMPV="))
		return is_lvm_id(id, strlen(id));
	return has_prefix(value, "WWID=") && *id;
}

const char *layer_member_device(const char *member)
{
	const char *rest;

	if (!has_prefix(member, LAYER_PREFIX))
		return member;
	rest = strchr(member, ' ');
	return rest ? rest + 1 : "";
}

bool layer_of_member(const char *member, char ret[LAYER_NAME])
{
	size_t len;

	if (!has_prefix(member, LAYER_PREFIX))
		return false;
	member += strlen(LAYER_PREFIX);
	len = strcspn(member, " ");
	if (len >= LAYER_NAME)
		return false;
	memcpy(ret, member, len);
	ret[len] = '\0';
	return true;
}

static bool is_member(const char *value)
{
	char name[LAYER_NAME];

	if (!has_prefix(value, LAYER_PREFIX))
		return is_device(value);
	if (!layer_of_member(value, name) || !is_name(name))
		return false;
	value = layer_member_device(value);
	return !*value || (has_prefix(value, "PARTUUID=") && is_device(value));
}

static bool is_key(const char *value)
{
	if (has_prefix(value, KEY_FILE))
		return is_file(value + strlen(KEY_FILE));
	if (!has_prefix(value, KEY_KERNEL))
		return false;
	value += strlen(KEY_KERNEL);
	return strlen(value) <= KEY_LEN_KERNEL && is_word(value);
}

const char *layer_key_kernel(const struct layer *layer)
{
	return has_prefix(layer->key, KEY_KERNEL) ? layer->key + strlen(KEY_KERNEL) : NULL;
}

const char *layer_key_file(const struct layer *layer)
{
	return has_prefix(layer->key, KEY_FILE) ? layer->key + strlen(KEY_FILE) : NULL;
}

static bool is_lvm(const char *value)
{
	struct layer_lvm lvm;
	struct err ignored;

	return !layer_lvm_parse(value, &lvm, &ignored);
}

/* Several words of printable characters. */
static bool is_row(const char *value)
{
	for (const char *p = value; *p; p++)
		if (!isgraph((unsigned char)*p) && *p != ' ')
			return false;
	return *value;
}

/* An address and no name, but which is what whoever uses it finds out. */
static bool is_address(const char *value)
{
	return strspn(value, HEX ".:") == strlen(value) && strlen(value) < 48 &&
	       strpbrk(value, ".:");
}

int layer_lvm_parse(const char *value, struct layer_lvm *ret, struct err *err)
{
	struct layer_lvm lvm = {0};
	char number[24];
	uint64_t member;
	struct err ignored;
	size_t len;

	len = *value == '{' ? strcspn(++value, "}") : 0;
	if (!len || len >= sizeof(number) || value[len] != '}' || value[len + 1] != ' ')
		goto bad;
	snprintf(number, sizeof(number), "%.*s", (int)len, value);
	if (num_parse_range(number, 0, LAYER_MAX_EACH - 1, &member, &ignored))
		goto bad;
	lvm.member = (size_t)member;
	value += len + 2;
	len = strcspn(value, " ");
	if (!is_lvm_id(value, len) || value[len] != ' ')
		goto bad;
	memcpy(lvm.vg, value, len);
	value += len + 1;
	len = strcspn(value, " ");
	if (!len || len >= sizeof(number) || value[len] != ' ')
		goto bad;
	snprintf(number, sizeof(number), "%.*s", (int)len, value);
	if (num_parse_u64(number, &lvm.seqno, &ignored))
		goto bad;
	value += len + 1;
	if (strlen(value) != 64 || strspn(value, "0123456789abcdef") != 64)
		goto bad;
	memcpy(lvm.digest, value, 64);
	*ret = lvm;
	return 0;
bad:
	return err_set(err, ERR_USAGE,
		       "it is not \"{MEMBER} VGUUID SEQNO DIGEST\", as of an LVM volume group");
}

/* ---- kinds of values */

static int set_kind(const struct key *key, const char *value, void *at, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (strcmp(value, kind_names[i]) != 0)
			continue;
		*(enum layer_kind *)at = (enum layer_kind)i;
		return 0;
	}
	return keyvalue_bad(value, key->wanted, err);
}

static void put_kind(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %s\n", key->name, kind_names[*(const enum layer_kind *)at]);
}

static int set_string(const struct key *key, const char *value, void *at, struct err *err)
{
	char *copy;

	if (!key->fits(value))
		return keyvalue_bad(value, key->wanted, err);
	copy = strdup(value);
	if (!copy)
		return err_nomem(err, strlen(value) + 1, key->name);
	free(*(char **)at);
	*(char **)at = copy;
	return 0;
}

static void put_string(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %s\n", key->name, *(char *const *)at);
}

static int add_string(const struct key *key, const char *value, void *at, struct err *err)
{
	char **list = *(char ***)at, **grown;
	size_t n = 0;

	if (!key->fits(value))
		return keyvalue_bad(value, key->wanted, err);
	while (list[n])
		n++;
	if (n == LAYER_MAX_EACH)
		return err_set(err, ERR_USAGE, "more than %d of them", LAYER_MAX_EACH);
	grown = reallocarray(list, n + 2, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (n + 2) * sizeof(*grown), key->name);
	*(char ***)at = grown;
	grown[n + 1] = NULL;
	grown[n] = strdup(value);
	return grown[n] ? 0 : err_nomem(err, strlen(value) + 1, key->name);
}

static void put_strings(const struct key *key, const void *at, FILE *to)
{
	for (char *const *s = *(char **const *)at; *s; s++)
		fprintf(to, "%s = %s\n", key->name, *s);
}

static int parse_number(const struct key *key, const char *value, uint64_t *ret, struct err *err)
{
	return keyvalue_number(value, key->min, key->max, ret, err);
}

static int set_number(const struct key *key, const char *value, void *at, struct err *err)
{
	uint64_t v;
	int r = parse_number(key, value, &v, err);

	if (!r)
		*(unsigned int *)at = (unsigned int)v;
	return r;
}

static void put_number(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %u\n", key->name, *(const unsigned int *)at);
}

static int set_u64(const struct key *key, const char *value, void *at, struct err *err)
{
	return parse_number(key, value, at, err);
}

static void put_u64(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %" PRIu64 "\n", key->name, *(const uint64_t *)at);
}

/* ---- the keys */

#define AT(m) .at = offsetof(struct layer, m)
#define STRING(n, m, kinds, needed, test, what)                                   \
	{                                                                         \
		.name = n, .of = kinds, .required_of = needed, .set = set_string, \
		.put = put_string, AT(m), .fits = test, .wanted = what            \
	}
#define LIST(n, m, kinds, needed, test, what)                                               \
	{                                                                                   \
		.name = n, .of = kinds, .required_of = needed, .set = add_string,           \
		.put = put_strings, AT(m), .fits = test, .wanted = what, .repeatable = true \
	}

/* Written in this order. */
static const struct key keys[] = {
	{.name = "kind",
	 .of = OF_ALL,
	 .required_of = OF_ALL,
	 .set = set_kind,
	 .put = put_kind,
	 AT(kind),
	 .wanted = "dm, crypt, multipath, md, iscsi or nvme-tcp"},
	STRING("uuid", uuid, OF_MAPPED | BIT(LAYER_MD), BIT(LAYER_MD), is_word,
	       "the uuid of a device"),
	LIST("member", members, OF_ALL, OF_MAPPED | BIT(LAYER_MD) | BIT(LAYER_NVME_TCP), is_member,
	     "the name of a member: PARTUUID=, WWID=, LVMPV=, LUKS=, MD=, /dev/… or layer:NAME"),
	LIST("table", tables, OF_MAPPED, BIT(LAYER_DM) | BIT(LAYER_MULTIPATH), is_row,
	     "a row of a table"),
	LIST("lvm", lvm, OF_MAPPED, 0, is_lvm, "\"{MEMBER} VGUUID SEQNO DIGEST\""),
	STRING("key", key, BIT(LAYER_CRYPT), BIT(LAYER_CRYPT), is_key,
	       "\"kernel NAME\" or \"file PATH\""),
	{.name = "memory",
	 .of = BIT(LAYER_CRYPT),
	 .set = set_u64,
	 .put = put_u64,
	 AT(memory),
	 .max = UINT32_MAX},
	STRING("server", server, OF_NETWORK, OF_NETWORK, is_address, "an address"),
	{.name = "port",
	 .of = OF_NETWORK,
	 .required_of = OF_NETWORK,
	 .set = set_number,
	 .put = put_number,
	 AT(port),
	 .min = 1,
	 .max = 65535},
	STRING("target-name", target, OF_NETWORK, OF_NETWORK, is_word, "the name of a target"),
	STRING("initiator", initiator, OF_NETWORK, OF_NETWORK, is_word, "the name of an initiator"),
	STRING("user", user, BIT(LAYER_ISCSI), 0, is_word, "a user's name"),
	STRING("secret", secret, OF_NETWORK, 0, is_file, "the absolute path of a file"),
	{.name = "group",
	 .of = BIT(LAYER_ISCSI),
	 .set = set_number,
	 .put = put_number,
	 AT(group),
	 .max = 65535},
	{.name = "lun",
	 .of = BIT(LAYER_ISCSI),
	 .required_of = BIT(LAYER_ISCSI),
	 .set = set_number,
	 .put = put_number,
	 AT(lun),
	 .max = 16383},
	STRING("host-id", host_id, BIT(LAYER_NVME_TCP), 0, is_hex_id, "a UUID"),
	STRING("network", network, OF_NETWORK, OF_NETWORK, is_word, "the name of a link"),
};

_Static_assert(ARRAY_SIZE(keys) <= 32, "`said` has a bit per row");

static void *at_of(const struct key *key, const struct layer *layer)
{
	return (char *)layer + key->at;
}

static bool has_said(const struct layer *layer, const struct key *key)
{
	return layer->said & 1u << (key - keys);
}

int layer_set(struct layer *layer, const char *name, const char *value, struct err *err)
{
	const struct key *key = keys;

	while (key < keys + ARRAY_SIZE(keys) && strcmp(key->name, name) != 0)
		key++;
	if (key == keys + ARRAY_SIZE(keys))
		return err_set(err, ERR_USAGE, "a layer has no key '%.*s'", KEYVALUE_QUOTE, name);
	if (has_said(layer, key) && !key->repeatable)
		return err_set(err, ERR_USAGE, "'%s' is there twice", key->name);
	if (keyvalue_check(value, strlen(value), 1, err))
		return err_wrap(err, "%s", key->name);
	/* what is written is read again, which takes blanks off */
	if (!*value || strlen(value) > MAX_VALUE || keyvalue_is_blank(*value) ||
	    keyvalue_is_blank(value[strlen(value) - 1]))
		return keyvalue_bad(value, key->wanted ? key->wanted : "a value", err);
	if (key->set(key, value, at_of(key, layer), err))
		return err->code;
	layer->said |= 1u << (key - keys);
	return 0;
}

void layer_put(const struct layer *layer, FILE *to)
{
	fprintf(to, "layer = %s\n", layer->name);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (has_said(layer, &keys[i]))
			keys[i].put(&keys[i], at_of(&keys[i], layer), to);
}

/* ---- layers */

static void deinit_layer(struct layer *layer)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].set == set_string)
			free(*(char **)at_of(&keys[i], layer));
		if (keys[i].set != add_string)
			continue;
		for (char **s = *(char ***)at_of(&keys[i], layer); s && *s; s++)
			free(*s);
		free(*(char ***)at_of(&keys[i], layer));
	}
}

void layers_cut(struct layers *layers, size_t n)
{
	while (layers->n > n)
		deinit_layer(&layers->v[--layers->n]);
}

void layers_deinit(struct layers *layers)
{
	layers_cut(layers, 0);
	free(layers->v);
	*layers = (struct layers){0};
}

static int init_layer(struct layer *layer, const char *name, struct err *err)
{
	*layer = (struct layer){0};
	strcpy(layer->name, name);
	layer->group = 1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		void *at = at_of(&keys[i], layer);
		bool got = true;

		if (keys[i].set == set_string)
			got = (*(char **)at = calloc(1, 1));
		else if (keys[i].set == add_string)
			got = (*(char ***)at = calloc(1, sizeof(char *)));
		if (got)
			continue;
		deinit_layer(layer);
		return err_nomem(err, sizeof(char *), "a layer");
	}
	return 0;
}

int layers_add(struct layers *layers, const char *name, struct layer **ret, struct err *err)
{
	struct layer *grown;

	if (!is_name(name))
		return keyvalue_bad(name, "the name of a layer", err);
	if (layers_find(layers, name))
		return err_set(err, ERR_USAGE, "there are two layers %s", name);
	if (layers->n == LAYER_MAX)
		return err_set(err, ERR_USAGE, "more than %d layers", LAYER_MAX);
	grown = reallocarray(layers->v, layers->n + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (layers->n + 1) * sizeof(*grown), "the layers");
	layers->v = grown;
	if (init_layer(&grown[layers->n], name, err))
		return err->code;
	*ret = &grown[layers->n++];
	return 0;
}

const struct layer *layers_find(const struct layers *layers, const char *name)
{
	for (size_t i = 0; i < layers->n; i++)
		if (strcmp(layers->v[i].name, name) == 0)
			return &layers->v[i];
	return NULL;
}

/* ---- are they whole */

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static int check_keys(const struct layer *l, struct err *err)
{
	if (!has_said(l, &keys[0]))
		return err_set(err, ERR_USAGE, "'kind' is missing");
	for (const struct key *key = keys; key < keys + ARRAY_SIZE(keys); key++) {
		if (has_said(l, key) && !(key->of & BIT(l->kind)))
			return err_set(err, ERR_USAGE, "a layer of the kind %s has no '%s'",
				       kind_names[l->kind], key->name);
		if (!has_said(l, key) && (key->required_of & BIT(l->kind)))
			return err_set(err, ERR_USAGE, "'%s' is missing", key->name);
	}
	if (l->kind == LAYER_CRYPT && has_prefix(l->key, KEY_KERNEL) && !*l->tables)
		return err_set(err, ERR_USAGE,
			       "'table' is missing, which a key of the kernel is for");
	if (!*l->user != !*l->secret && l->kind == LAYER_ISCSI)
		return err_set(err, ERR_USAGE, "'user' and 'secret' belong together");
	return 0;
}

struct numbers {
	size_t n; /* members */
};

static const char *any_name(void *ctx, size_t member)
{
	const struct numbers *numbers = ctx;

	return member < numbers->n ? "" : NULL;
}

static int check_members(const struct layers *layers, const struct layer *l, struct err *err)
{
	struct numbers numbers = {.n = count(l->members)};
	struct numbers none = {0};

	for (char **m = l->members; *m; m++) {
		char name[LAYER_NAME];
		const struct layer *on;

		if (!layer_of_member(*m, name))
			continue;
		on = layers_find(layers, name);
		if (!on || on >= l)
			return err_set(err, ERR_USAGE,
				       "its member '%.*s' is no layer that comes before it",
				       KEYVALUE_QUOTE, *m);
	}
	for (char **row = l->tables; *row; row++) {
		_cleanup_free_ char *filled = NULL;

		if (layer_fill(*row, any_name, l->kind == LAYER_MULTIPATH ? &none : &numbers,
			       &filled, err))
			return err_wrap(err, "table %.*s", KEYVALUE_QUOTE, *row);
	}
	for (char **s = l->lvm; *s; s++) {
		struct layer_lvm lvm;

		if (layer_lvm_parse(*s, &lvm, err))
			return err->code;
		if (lvm.member >= numbers.n)
			return err_set(err, ERR_USAGE, "lvm: there is no member %zu", lvm.member);
	}
	return 0;
}

int layers_check(const struct layers *layers, struct err *err)
{
	for (size_t i = 0; i < layers->n; i++)
		if (check_keys(&layers->v[i], err) || check_members(layers, &layers->v[i], err))
			return err_wrap(err, "layer %s", layers->v[i].name);
	return 0;
}

/* ---- rows */

/* The number in "{12}" at `at`; false if it is none. */
static bool read_brace(const char *at, size_t *ret, size_t *ret_len)
{
	size_t digits = strspn(at + 1, "0123456789");
	size_t n = 0;

	if (!digits || digits > 4 || at[1 + digits] != '}')
		return false;
	for (size_t i = 1; i <= digits; i++)
		n = n * 10 + (size_t)(at[i] - '0');
	*ret = n;
	*ret_len = digits + 2;
	return true;
}

static int fill(const char *row, const char *(*name)(void *ctx, size_t member), void *ctx, FILE *to,
		struct err *err)
{
	while (*row) {
		size_t plain = strcspn(row, "{}"), member, len;
		const char *device;

		fwrite(row, 1, plain, to);
		row += plain;
		if (!*row)
			break;
		if (*row != '{' || !read_brace(row, &member, &len))
			return err_set(err, ERR_USAGE, "'%.*s' is no member's number in braces",
				       KEYVALUE_QUOTE, row);
		device = name(ctx, member);
		if (!device)
			return err_set(err, ERR_USAGE, "there is no member %zu", member);
		fputs(device, to);
		row += len;
	}
	return 0;
}

int layer_fill(const char *row, const char *(*name)(void *ctx, size_t member), void *ctx,
	       char **ret, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int r;

	if (!to)
		return err_nomem(err, strlen(row), "a table's row");
	r = fill(row, name, ctx, to, err);
	if (fclose(to) && !r)
		r = err_nomem(err, strlen(row), "a table's row");
	if (r)
		free(text);
	else
		*ret = text;
	return r;
}
