// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One pass over the text, one table row per key. The text is taken for hostile: what a message
 * quotes was checked for control characters first and is cut to a bounded length.
 */
#include "capture/recipe.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/num.h"

#define QUOTE_MAX    80 /* bytes of a bad key or value that a message repeats */
#define MAX_DEADLINE 86400
#define MAX_PATH     1024 /* leaves room below PATH_MAX for the mount point and file names */
#define MAX_FSTYPE   32
#define MAX_MODULE   255

struct key {
	const char *name;
	/* Check the value (NUL-terminated) and put it at `at` bytes into the recipe. */
	int (*set)(const struct key *key, const char *value, struct recipe *r, struct err *err);
	size_t at;
	uint64_t max;
	bool required, repeatable, may_be_empty;
};

static int bad_value(const char *value, const char *wanted, struct err *err)
{
	return err_set(err, ERR_USAGE, "'%.*s' is not %s", QUOTE_MAX, value, wanted);
}

static void *member(const struct key *key, struct recipe *r)
{
	return (char *)r + key->at;
}

static int set_string(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return err_nomem(err, strlen(value) + 1, key->name);
	free(*(char **)member(key, r));
	*(char **)member(key, r) = copy;
	return 0;
}

/* `min` is 0 for the level and 1 for a time: a deadline of nothing would be no capture at all. */
static int set_number(const struct key *key, const char *value, uint64_t min, struct recipe *r,
		      struct err *err)
{
	uint64_t v;

	/* longer is no number in any range here, and num_parse_* quotes its text whole */
	if (strlen(value) > QUOTE_MAX)
		return bad_value(value, "a number", err);
	if (num_parse_range(value, min, key->max, &v, err))
		return err->code;
	*(unsigned int *)member(key, r) = (unsigned int)v;
	return 0;
}

static int set_level(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	return set_number(key, value, 0, r, err);
}

static int set_seconds(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	return set_number(key, value, 1, r, err);
}

static int set_schema(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	(void)key;
	(void)r;
	return strcmp(value, RECIPE_SCHEMA) == 0 ? 0 : bad_value(value, RECIPE_SCHEMA, err);
}

static int set_target(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	(void)key;
	(void)r;
	return strcmp(value, "fs") == 0 ? 0 : bad_value(value, "a kind of target (fs)", err);
}

/* Every component of an absolute path is a name: not empty, not ".", not "..". */
static bool is_plain_path(const char *path)
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

static int set_device(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	bool ok;

	if (strncmp(value, "UUID=", 5) == 0) {
		const char *id = value + 5;

		/* hexadecimal digits and dashes: ext4 and xfs have 36 of them, vfat 9 */
		ok = strspn(id, "0123456789abcdefABCDEF-") == strlen(id) &&
		     isxdigit((unsigned char)*id);
	} else {
		ok = strncmp(value, "/dev/", 5) == 0 && is_plain_path(value);
	}
	if (!ok || strlen(value) > MAX_PATH)
		return bad_value(value, "UUID=… or a path below /dev", err);
	return set_string(key, value, r, err);
}

static int set_fstype(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (strspn(value, name_chars) != strlen(value) || strlen(value) > MAX_FSTYPE)
		return bad_value(value, "the name of a file system", err);
	return set_string(key, value, r, err);
}

static int set_path(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	_cleanup_free_ char *path = strdup(value);
	size_t len;

	if (!path)
		return err_nomem(err, strlen(value) + 1, key->name);
	for (len = strlen(path); len && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	if (value[0] != '/' || !is_plain_path(path) || len > MAX_PATH)
		return bad_value(value, "an absolute path without '.' and '..'", err);
	return set_string(key, path, r, err);
}

static int set_compress(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	if (strlen(value) > QUOTE_MAX)
		return bad_value(value, "a compression", err);
	return codec_from_name(value, member(key, r), err);
}

static int set_final(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	static const struct {
		const char *name;
		enum final_action action;
	} actions[] = {
		{"reboot", FINAL_REBOOT},
		{"poweroff", FINAL_POWEROFF},
		{"halt", FINAL_HALT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(value, actions[i].name) != 0)
			continue;
		*(enum final_action *)member(key, r) = actions[i].action;
		return 0;
	}
	return bad_value(value, "reboot, poweroff or halt", err);
}

static int add_module(const struct key *key, const char *value, struct recipe *r, struct err *err)
{
	size_t n = 0;
	char **grown;

	/* an alias may hold nearly anything (pci:v00001AF4d…), but neither blank nor path */
	if (strpbrk(value, " \t/") || strlen(value) > MAX_MODULE)
		return bad_value(value, "the name or alias of a kernel module", err);
	while (r->modules[n])
		n++;
	grown = reallocarray(r->modules, n + 2, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (n + 2) * sizeof(*grown), key->name);
	r->modules = grown;
	r->modules[n + 1] = NULL;
	r->modules[n] = strdup(value);
	return r->modules[n] ? 0 : err_nomem(err, strlen(value) + 1, key->name);
}

#define AT(m) offsetof(struct recipe, m)

/* The first row must be the first key of the text. */
static const struct key keys[] = {
	{.name = "schema", .set = set_schema, .required = true},
	{.name = "target", .set = set_target},
	{.name = "device", .set = set_device, .at = AT(device), .required = true},
	{.name = "fstype", .set = set_fstype, .at = AT(fstype), .required = true},
	{.name = "mount-options", .set = set_string, .at = AT(mount_options), .may_be_empty = true},
	{.name = "path", .set = set_path, .at = AT(path)},
	{.name = "level", .set = set_level, .at = AT(level), .max = 31},
	{.name = "compress", .set = set_compress, .at = AT(codec)},
	{.name = "final-action", .set = set_final, .at = AT(final)},
	{.name = "module", .set = add_module, .repeatable = true},
	{.name = "deadline-device",
	 .set = set_seconds,
	 .at = AT(deadline_device),
	 .max = MAX_DEADLINE},
	{.name = "deadline-mount",
	 .set = set_seconds,
	 .at = AT(deadline_mount),
	 .max = MAX_DEADLINE},
	{.name = "deadline-log", .set = set_seconds, .at = AT(deadline_log), .max = MAX_DEADLINE},
	{.name = "deadline-dump", .set = set_seconds, .at = AT(deadline_dump), .max = MAX_DEADLINE},
	{.name = "deadline-total",
	 .set = set_seconds,
	 .at = AT(deadline_total),
	 .max = MAX_DEADLINE},
};

_Static_assert(ARRAY_SIZE(keys) <= 32, "`seen` has a bit per row");

/* Cut blanks off both ends of [text, text + *len); returns the new start. */
static char *trim(char *text, size_t *len)
{
	while (*len && (text[*len - 1] == ' ' || text[*len - 1] == '\t'))
		--*len;
	for (; *len && (*text == ' ' || *text == '\t'); --*len)
		text++;
	return text;
}

static int check_characters(const char *line, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, ERR_USAGE, "control character 0x%02x at column %zu", c,
				       i + 1);
	}
	return 0;
}

static int set_key(size_t row, const char *value, uint32_t *seen, struct recipe *r, struct err *err)
{
	const struct key *key = &keys[row];

	if (row != 0 && !(*seen & 1))
		return err_set(err, ERR_USAGE, "'%s' stands before '%s'", key->name, keys[0].name);
	if ((*seen & (1u << row)) && !key->repeatable)
		return err_set(err, ERR_USAGE, "'%s' is there a second time", key->name);
	if (!*value && !key->may_be_empty)
		return err_set(err, ERR_USAGE, "'%s' has no value", key->name);
	if (key->set(key, value, r, err))
		return err_wrap(err, "%s", key->name);
	*seen |= 1u << row;
	return 0;
}

/* One line without its newline; it is ours to write into, and line[len] may be overwritten. */
static int parse_line(char *line, size_t len, uint32_t *seen, struct recipe *r, struct err *err)
{
	size_t value_len;
	char *eq, *value;

	if (check_characters(line, len, err))
		return err->code;
	line = trim(line, &len);
	if (!len || *line == '#')
		return 0;
	line[len] = '\0';
	eq = strchr(line, '=');
	if (!eq)
		return err_set(err, ERR_USAGE, "'%.*s' is not of the form key = value", QUOTE_MAX,
			       line);
	value_len = strlen(eq + 1);
	value = trim(eq + 1, &value_len);
	value[value_len] = '\0';
	len = (size_t)(eq - line);
	line = trim(line, &len);
	line[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, line) == 0)
			return set_key(i, value, seen, r, err);
	return err_set(err, ERR_USAGE, "unknown key '%.*s'", QUOTE_MAX, line);
}

static int parse_text(char *text, size_t len, const char *name, struct recipe *r, struct err *err)
{
	uint32_t seen = 0; /* bit per row of keys[] */
	unsigned int number = 1;

	for (size_t at = 0; at < len; number++) {
		char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (parse_line(text + at, n, &seen, r, err))
			return err_wrap(err, "%s: line %u", name, number);
		at += n + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].required && !(seen & (1u << i)))
			return err_set(err, ERR_USAGE, "%s: '%s' is missing", name, keys[i].name);
	return 0;
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

static int create_default(struct recipe **ret, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(err, sizeof(*r), "a recipe");
	r->mount_options = strdup("");
	r->path = strdup("/var/crash");
	r->modules = calloc(1, sizeof(*r->modules));
	if (!r->mount_options || !r->path || !r->modules)
		return err_nomem(err, sizeof(*r), "a recipe");
	r->level = 31;
	r->codec = CODEC_LZO;
	r->final = FINAL_REBOOT;
	r->deadline_device = 30;
	r->deadline_mount = 60;
	r->deadline_log = 60;
	r->deadline_dump = 3600;
	r->deadline_total = 4000;
	*ret = no_cleanup_ptr(r);
	return 0;
}

int recipe_create(struct bytes text, const char *name, struct recipe **ret, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *r = NULL;
	_cleanup_free_ char *copy = NULL;

	if (text.len > RECIPE_MAX_SIZE)
		return err_set(err, ERR_USAGE, "%s: %zu bytes; a recipe has at most %d", name,
			       text.len, RECIPE_MAX_SIZE);
	copy = malloc(text.len + 1);
	if (!copy)
		return err_nomem(err, text.len + 1, name);
	if (text.len)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (create_default(&r, err) || parse_text(copy, text.len, name, r, err))
		return err->code;
	*ret = no_cleanup_ptr(r);
	return 0;
}

void recipe_destroy(struct recipe *r)
{
	if (!r)
		return;
	for (char **m = r->modules; m && *m; m++)
		free(*m);
	free(r->modules);
	free(r->device);
	free(r->fstype);
	free(r->mount_options);
	free(r->path);
	free(r);
}
