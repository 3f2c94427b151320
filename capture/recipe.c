// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One table row per key: how its value is read, and how it is written. The text is taken for hostile: what a message
 * quotes was checked for control characters first and is cut to a bounded length.
 */
#include "capture/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/keyvalue.h"
#include "base/num.h"
#include "crypt/age.h"

#define MAX_SECONDS    86400
#define MAX_PATH       1024 /* leaves room below PATH_MAX for the mount point and file names */
#define MAX_FSTYPE     32
#define MAX_MODULE     255
#define MAX_STRINGS    1024 /* of one list */
#define MAX_NAME       255
#define MAX_URL        4096
#define MAX_HOST_KEY   2048
#define DEFAULT_PATH   "/var/crash"
#define DEFAULT_REGION "us-east-1"

/* Whose key it is: the recipe's, or a bit for each kind of target. */
#define OF_RECIPE  0
#define OF(kind)   (1u << TARGET_##kind)
#define OF_MOUNTED (OF(FS) | OF(SHARE))
#define OF_LOCAL   (OF_MOUNTED | OF(RAW))
#define OF_SSH     (OF(SSH) | OF(SFTP))
#define OF_WEB     (OF(HTTPS) | OF(S3))
#define OF_REMOTE  (OF(NFS) | OF_SSH | OF_WEB)
#define OF_ALL     (OF_LOCAL | OF_REMOTE)

/* What the lines at hand are about. */
enum section { SECTION_RECIPE, SECTION_LINK, SECTION_LAYER, SECTION_TARGET };

/* What is being read: the keys that a recipe and its last target have had, as bits of rows of keys[]. */
struct reading {
	struct recipe *r;
	enum section section;
	struct net_link *link;
	struct layer *layer;
	uint64_t seen;
	uint64_t seen_in_target;
};

struct key {
	const char *name;
	unsigned int of;
	/* Check the value (NUL-terminated) and put it to `at`, a member of the recipe or its target. */
	int (*set)(const struct key *key, const char *value, void *at, struct err *err);
	/* Print "name = value" lines. */
	void (*put)(const struct key *key, const void *at, FILE *to);
	size_t at;
	uint64_t min, max;
	bool required, repeatable, may_be_empty;
};

/* ---- kinds of values: set_x reads one, put_x writes it */

static int set_string(const struct key *key, const char *value, void *at, struct err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return err_nomem(err, strlen(value) + 1, key->name);
	free(*(char **)at);
	*(char **)at = copy;
	return 0;
}

static void put_string(const struct key *key, const void *at, FILE *to)
{
	const char *value = *(char *const *)at;

	if (*value || key->may_be_empty)
		fprintf(to, "%s = %s\n", key->name, value);
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

static int set_yes_no(const struct key *key, const char *value, void *at, struct err *err)
{
	(void)key;
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return keyvalue_bad(value, "yes or no", err);
	*(bool *)at = *value == 'y';
	return 0;
}

static void put_yes_no(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %s\n", key->name, *(const bool *)at ? "yes" : "no");
}

static int set_schema(const struct key *key, const char *value, void *at, struct err *err)
{
	(void)key;
	(void)at;
	return strcmp(value, RECIPE_SCHEMA) == 0 ? 0 : keyvalue_bad(value, RECIPE_SCHEMA, err);
}

static void put_schema(const struct key *key, const void *at, FILE *to)
{
	(void)at;
	fprintf(to, "%s = " RECIPE_SCHEMA "\n", key->name);
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

/* "NAME=", and then a digit and digits and dashes: ext4 and xfs have 36 of them, vfat 9. */
static bool is_id(const char *value, const char *name)
{
	const char *id = value + strlen(name);

	return strncmp(value, name, strlen(name)) == 0 &&
	       strspn(id, "0123456789abcdefABCDEF-") == strlen(id) && isxdigit((unsigned char)*id);
}

/* Which of these fits its target is checked when the target is whole: see check_target(). */
static int set_device(const struct key *key, const char *value, void *at, struct err *err)
{
	if (strlen(value) > MAX_PATH)
		return keyvalue_bad(value, "the name of a device", err);
	return set_string(key, value, at, err);
}

/* That there is one of that name is checked when all is read: see check_references(). */
static int set_layer(const struct key *key, const char *value, void *at, struct err *err)
{
	if (strlen(value) >= LAYER_NAME)
		return keyvalue_bad(value, "the name of a layer", err);
	return set_string(key, value, at, err);
}

static int set_fstype(const struct key *key, const char *value, void *at, struct err *err)
{
	static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (strspn(value, name_chars) != strlen(value) || strlen(value) > MAX_FSTYPE)
		return keyvalue_bad(value, "the name of a file system", err);
	return set_string(key, value, at, err);
}

static int set_path(const struct key *key, const char *value, void *at, struct err *err)
{
	_cleanup_free_ char *path = strdup(value);
	size_t len;

	if (!path)
		return err_nomem(err, strlen(value) + 1, key->name);
	for (len = strlen(path); len && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	/* a blank that was in front of the last slash would not be read back */
	if (value[0] != '/' || !is_plain_path(path) || len > MAX_PATH ||
	    (len && keyvalue_is_blank(path[len - 1])))
		return keyvalue_bad(value, "an absolute path without '.' and '..'", err);
	return set_string(key, path, at, err);
}

static void put_path(const struct key *key, const void *at, FILE *to)
{
	const char *value = *(char *const *)at;

	fprintf(to, "%s = %s\n", key->name, *value ? value : "/");
}

/* A file of the image. */
static int set_file(const struct key *key, const char *value, void *at, struct err *err)
{
	if (*value != '/' || !is_plain_path(value) || strlen(value) > MAX_PATH)
		return keyvalue_bad(value, "the absolute path of a file", err);
	return set_string(key, value, at, err);
}

/* Of hosts, users, buckets, regions: what goes into commands and requests, so nothing that means something there. */
static int set_name(const struct key *key, const char *value, void *at, struct err *err)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@$+";

	if (strspn(value, chars) != strlen(value) || *value == '-' || strlen(value) > MAX_NAME)
		return keyvalue_bad(value,
				    "a name of letters, digits and -_.:@$+, not beginning with '-'",
				    err);
	return set_string(key, value, at, err);
}

static int set_url(const struct key *key, const char *value, void *at, struct err *err)
{
	/* what a query holds may be a secret, so it is not quoted */
	if (strncmp(value, "https://", 8) != 0 || !value[8] || strlen(value) > MAX_URL ||
	    strpbrk(value, " \t\"<>\\"))
		return err_set(err, ERR_USAGE, "what is there is no URL that begins with https://");
	/* messages show a URL up to its query */
	if (memchr(value + 8, '@', strcspn(value + 8, "/?#")))
		return err_set(err, ERR_USAGE,
			       "a URL has no name and password in it: `credentials` is for them");
	return set_string(key, value, at, err);
}

static int set_compress(const struct key *key, const char *value, void *at, struct err *err)
{
	(void)key;
	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "a compression", err);
	return codec_from_name(value, at, err);
}

static void put_compress(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %s\n", key->name, codec_name(*(const enum codec *)at));
}

static int set_format(const struct key *key, const char *value, void *at, struct err *err)
{
	(void)key;
	if (strcmp(value, "kdump") != 0 && strcmp(value, "elf") != 0)
		return keyvalue_bad(value, "kdump or elf", err);
	*(bool *)at = *value == 'e';
	return 0;
}

static void put_format(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %s\n", key->name, *(const bool *)at ? "elf" : "kdump");
}

static const char *const action_names[] = {
	[FINAL_REBOOT] = "reboot",
	[FINAL_POWEROFF] = "poweroff",
	[FINAL_HALT] = "halt",
	[FINAL_SHELL] = "shell",
};

/* key->max: the last one that is allowed. */
static int set_action(const struct key *key, const char *value, void *at, struct err *err)
{
	for (size_t i = 0; i <= key->max; i++) {
		if (strcmp(value, action_names[i]) != 0)
			continue;
		*(enum final_action *)at = (enum final_action)i;
		return 0;
	}
	return keyvalue_bad(value,
			    key->max == FINAL_SHELL ? "reboot, poweroff, halt or shell"
						    : "reboot, poweroff or halt",
			    err);
}

static void put_action(const struct key *key, const void *at, FILE *to)
{
	fprintf(to, "%s = %s\n", key->name, action_names[*(const enum final_action *)at]);
}

int recipe_add_string(char ***list, const char *text, struct err *err)
{
	size_t n = 0;
	char **grown;

	while ((*list)[n])
		n++;
	if (n == MAX_STRINGS)
		return err_set(err, ERR_USAGE, "more than %d of them", MAX_STRINGS);
	grown = reallocarray(*list, n + 2, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (n + 2) * sizeof(*grown), "the recipe");
	*list = grown;
	grown[n + 1] = NULL;
	grown[n] = strdup(text);
	return grown[n] ? 0 : err_nomem(err, strlen(text) + 1, "the recipe");
}

static int add_module(const struct key *key, const char *value, void *at, struct err *err)
{
	(void)key;
	/* an alias may hold nearly anything (pci:v00001AF4d…), but neither blank nor path */
	if (strpbrk(value, " \t/") || strlen(value) > MAX_MODULE)
		return keyvalue_bad(value, "the name or alias of a kernel module", err);
	return recipe_add_string(at, value, err);
}

static int add_program(const struct key *key, const char *value, void *at, struct err *err)
{
	(void)key;
	if (*value != '/' || !is_plain_path(value) || strlen(value) > MAX_PATH)
		return keyvalue_bad(value, "the absolute path of a program", err);
	return recipe_add_string(at, value, err);
}

static int add_recipient(const struct key *key, const char *value, void *at, struct err *err)
{
	struct age_recipient ignored;
	size_t n = 0;

	(void)key;
	while ((*(char ***)at)[n])
		n++;
	if (n == AGE_MAX_RECIPIENTS)
		return err_set(err, ERR_USAGE, "more than %d of them", AGE_MAX_RECIPIENTS);
	if (age_recipient_parse(value, &ignored, err))
		return err->code;
	return recipe_add_string(at, value, err);
}

static int add_server(const struct key *key, const char *value, void *at, struct err *err)
{
	struct net_ip ignored;
	size_t n = 0;

	(void)key;
	while ((*(char ***)at)[n])
		n++;
	if (n == RECIPE_MAX_SERVERS)
		return err_set(err, ERR_USAGE, "more than %d of them", RECIPE_MAX_SERVERS);
	if (net_ip_parse(value, &ignored, err))
		return err->code;
	return recipe_add_string(at, value, err);
}

/* "ssh-ed25519 AAAA…", as in a file of known hosts without the names in front */
static int add_host_key(const struct key *key, const char *value, void *at, struct err *err)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	size_t type = strcspn(value, " ");

	(void)key;
	if (!type || value[type] != ' ' || !value[type + 1] || strlen(value) > MAX_HOST_KEY ||
	    strspn(value + type + 1, base64) != strlen(value + type + 1))
		return keyvalue_bad(value, "a type of key and the key in base64", err);
	return recipe_add_string(at, value, err);
}

static void put_list(const struct key *key, const void *at, FILE *to)
{
	for (char *const *s = *(char **const *)at; *s; s++)
		fprintf(to, "%s = %s\n", key->name, *s);
}

/* `at` is the recipe itself: the levels are two members. */
static int set_levels(const struct key *key, const char *value, void *at, struct err *err)
{
	struct recipe *r = at;
	char copy[KEYVALUE_QUOTE + 1], *rest = copy, *one;
	unsigned int levels[RECIPE_MAX_LEVELS] = {0};
	size_t n = 0;

	if (strlen(value) > KEYVALUE_QUOTE)
		return keyvalue_bad(value, "dump levels", err);
	strcpy(copy, value);
	while ((one = strsep(&rest, ","))) {
		uint64_t v;

		if (n == RECIPE_MAX_LEVELS)
			return err_set(err, ERR_USAGE, "more than %d levels", RECIPE_MAX_LEVELS);
		if (num_parse_range(one, key->min, key->max, &v, err))
			return err->code;
		for (size_t i = 0; i < n; i++)
			if (levels[i] == v)
				return err_set(err, ERR_USAGE, "%" PRIu64 " is there twice", v);
		levels[n++] = (unsigned int)v;
	}
	memcpy(r->levels, levels, sizeof(levels));
	r->n_levels = n;
	return 0;
}

static void put_levels(const struct key *key, const void *at, FILE *to)
{
	const struct recipe *r = at;

	fprintf(to, "%s = ", key->name);
	for (size_t i = 0; i < r->n_levels; i++)
		fprintf(to, "%s%u", i ? "," : "", r->levels[i]);
	fputc('\n', to);
}

/* ---- the keys */

#define AT(m)        .at = offsetof(struct recipe, m)
#define AT_TARGET(m) .at = offsetof(struct recipe_target, m)
#define VALUE(kind)  .set = set_##kind, .put = put_##kind
#define TEXT(kind)   .set = set_##kind, .put = put_string
#define DEADLINE(n, m)                                                                    \
	{                                                                                 \
		.name = "deadline-" n, VALUE(number), AT(m), .min = 1, .max = MAX_SECONDS \
	}
#define KEEP(n, m)                                                           \
	{                                                                    \
		.name = "keep-" n, VALUE(u64), AT(keep.m), .max = UINT64_MAX \
	}
#define LIST(n, m, add)                                                           \
	{                                                                         \
		.name = n, .set = add, .put = put_list, AT(m), .repeatable = true \
	}

/* The first row must be the first key of the text. */
static const struct key keys[] = {
	{.name = "schema", VALUE(schema), .required = true},
	{.name = "level", VALUE(levels), .max = 31},
	{.name = "compress", VALUE(compress), AT(codec)},
	{.name = "format", VALUE(format), AT(elf)},
	{.name = "threads", VALUE(number), AT(threads), .max = 256},
	{.name = "final-action", VALUE(action), AT(final), .max = FINAL_HALT},
	{.name = "failure-action", VALUE(action), AT(failure), .max = FINAL_SHELL},
	LIST("module", modules, add_module),
	LIST("program", programs, add_program),
	LIST("pre", pre, add_program),
	LIST("post", post, add_program),
	LIST("file", files, add_program),
	LIST("encrypt-to", encrypt_to, add_recipient),
	{.name = "console-lines", VALUE(number), AT(console_lines), .max = 10000},
	{.name = "pstore", VALUE(yes_no), AT(pstore)},
	{.name = "watchdog", VALUE(number), AT(watchdog), .max = 3600},
	KEEP("count", count),
	KEEP("age", age),
	KEEP("bytes", bytes),
	KEEP("free", free),
	DEADLINE("device", deadline_device),
	DEADLINE("network", deadline_network),
	DEADLINE("mount", deadline_mount),
	DEADLINE("log", deadline_log),
	DEADLINE("dump", deadline_dump),
	DEADLINE("stall", deadline_stall),
	DEADLINE("hook", deadline_hook),
	DEADLINE("total", deadline_total),
	{.name = "device",
	 .of = OF_LOCAL,
	 .set = set_device,
	 .put = put_string,
	 AT_TARGET(device),
	 .required = true},
	{.name = "fstype",
	 .of = OF_MOUNTED,
	 .set = set_fstype,
	 .put = put_string,
	 AT_TARGET(fstype),
	 .required = true},
	{.name = "server",
	 .of = OF_REMOTE,
	 .set = add_server,
	 .put = put_list,
	 AT_TARGET(servers),
	 .required = true,
	 .repeatable = true},
	{.name = "host", .of = OF_REMOTE, TEXT(name), AT_TARGET(host), .required = true},
	{.name = "port",
	 .of = OF_REMOTE,
	 VALUE(number),
	 AT_TARGET(port),
	 .min = 1,
	 .max = UINT16_MAX},
	{.name = "network", .of = OF_REMOTE, TEXT(name), AT_TARGET(network), .required = true},
	{.name = "export", .of = OF(NFS), VALUE(path), AT_TARGET(export), .required = true},
	{.name = "mount-options",
	 .of = OF_MOUNTED | OF(NFS),
	 VALUE(string),
	 AT_TARGET(mount_options),
	 .may_be_empty = true},
	{.name = "user", .of = OF_SSH, TEXT(name), AT_TARGET(user), .required = true},
	{.name = "identity", .of = OF_SSH, TEXT(file), AT_TARGET(identity), .required = true},
	{.name = "host-key",
	 .of = OF_SSH,
	 .set = add_host_key,
	 .put = put_list,
	 AT_TARGET(host_keys),
	 .required = true,
	 .repeatable = true},
	{.name = "url", .of = OF_WEB, TEXT(url), AT_TARGET(url), .required = true},
	{.name = "bucket", .of = OF(S3), TEXT(name), AT_TARGET(bucket), .required = true},
	{.name = "region", .of = OF(S3), TEXT(name), AT_TARGET(region)},
	{.name = "path-style", .of = OF(S3), VALUE(yes_no), AT_TARGET(path_style)},
	{.name = "credentials", .of = OF_WEB, TEXT(file), AT_TARGET(credentials)},
	{.name = "ca", .of = OF_WEB, TEXT(file), AT_TARGET(ca), .required = true},
	{.name = "path", .of = OF_ALL & ~OF(RAW), VALUE(path), AT_TARGET(path)},
	{.name = "size", .of = OF(RAW), VALUE(u64), AT_TARGET(size), .max = INT64_MAX},
	{.name = "needs", .of = OF_LOCAL, .set = set_layer, .put = put_string, AT_TARGET(needs)},
	{.name = "spool", .of = OF_MOUNTED, VALUE(yes_no), AT_TARGET(spool)},
	{.name = "limit", .of = OF_MOUNTED, VALUE(u64), AT_TARGET(limit), .max = INT64_MAX},
	{.name = "log-only", .of = OF_ALL, VALUE(yes_no), AT_TARGET(log_only)},
};

/* Not in the table: each begins a new set of keys. */
#define TARGET_KEY "target"
#define LINK_KEY   "link"
#define LAYER_KEY  "layer"

_Static_assert(ARRAY_SIZE(keys) <= 64, "`seen` has a bit per row");

/* ---- targets */

static const struct {
	const char *name;
	unsigned int port;
} target_kinds[TARGET_KINDS] = {
	[TARGET_FS] = {"fs", 0},         [TARGET_SHARE] = {"share", 0},
	[TARGET_RAW] = {"raw", 0},       [TARGET_NFS] = {"nfs", 2049},
	[TARGET_SSH] = {"ssh", 22},      [TARGET_SFTP] = {"sftp", 22},
	[TARGET_HTTPS] = {"https", 443}, [TARGET_S3] = {"s3", 443},
};

const char *target_kind_name(enum target_kind kind)
{
	return target_kinds[kind].name;
}

bool recipe_is_remote(enum target_kind kind)
{
	return OF_REMOTE & (1u << kind);
}

/* Its strings, but for lists. */
#define TARGET_STRINGS(t)                                                                    \
	{                                                                                    \
		&(t)->device, &(t)->fstype, &(t)->mount_options, &(t)->path, &(t)->needs,    \
			&(t)->host, &(t)->network, &(t)->export, &(t)->user, &(t)->identity, \
			&(t)->url, &(t)->bucket, &(t)->region, &(t)->credentials, &(t)->ca   \
	}

static void deinit_target(struct recipe_target *t)
{
	char **strings[] = TARGET_STRINGS(t);

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*strings[i]);
	recipe_free_strings(t->servers);
	recipe_free_strings(t->host_keys);
}

static bool init_target(struct recipe_target *t, enum target_kind kind)
{
	char **strings[] = TARGET_STRINGS(t);
	bool all = true;

	*t = (struct recipe_target){
		.kind = kind, .port = target_kinds[kind].port, .path_style = true};
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		all &= (*strings[i] = strdup(strings[i] == &t->path     ? DEFAULT_PATH
					     : strings[i] == &t->region ? DEFAULT_REGION
									: "")) != NULL;
	t->servers = calloc(1, sizeof(*t->servers));
	t->host_keys = calloc(1, sizeof(*t->host_keys));
	return all && t->servers && t->host_keys;
}

int recipe_add_target(struct recipe *r, enum target_kind kind, struct recipe_target **ret,
		      struct err *err)
{
	struct recipe_target *grown;

	if (r->n_targets == RECIPE_MAX_TARGETS)
		return err_set(err, ERR_USAGE, "more than %d targets", RECIPE_MAX_TARGETS);
	grown = reallocarray(r->targets, r->n_targets + 1, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (r->n_targets + 1) * sizeof(*grown), "a target");
	r->targets = grown;
	if (!init_target(&grown[r->n_targets], kind)) {
		deinit_target(&grown[r->n_targets]);
		return err_nomem(err, sizeof(*grown), "a target");
	}
	*ret = &grown[r->n_targets++];
	return 0;
}

void recipe_drop_target(struct recipe *r)
{
	deinit_target(&r->targets[--r->n_targets]);
}

static int check_device(const struct recipe_target *t, struct err *err)
{
	const char *d = t->device;
	bool path = strncmp(d, "/dev/", 5) == 0 && is_plain_path(d);

	if (t->kind == TARGET_FS && !path && !is_id(d, "UUID=") && !is_id(d, "PARTUUID="))
		return keyvalue_bad(d, "UUID=…, PARTUUID=… or a path below /dev", err);
	if (t->kind == TARGET_RAW && !path && !is_id(d, "PARTUUID="))
		return keyvalue_bad(d, "PARTUUID=… or a path below /dev", err);
	if (t->kind == TARGET_SHARE && strcmp(t->fstype, "virtiofs") != 0 &&
	    strcmp(t->fstype, "9p") != 0)
		return err_set(err, ERR_USAGE, "fstype: '%s' is not virtiofs or 9p", t->fstype);
	return 0;
}

/* Once all keys of the last target have been read. */
static int check_target(const struct reading *in, struct err *err)
{
	const struct recipe *r = in->r;
	const struct recipe_target *t;

	if (!r->n_targets)
		return 0;
	t = &r->targets[r->n_targets - 1];
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].of & (1u << t->kind) && keys[i].required &&
		    !(in->seen_in_target & (UINT64_C(1) << i)))
			return err_set(err, ERR_USAGE, "target %zu: '%s' is missing", r->n_targets,
				       keys[i].name);
	if (check_device(t, err))
		return err_wrap(err, "target %zu: device", r->n_targets);
	if (t->kind == TARGET_S3 && !*t->credentials)
		return err_set(err, ERR_USAGE, "target %zu: 'credentials' is missing",
			       r->n_targets);
	return 0;
}

/* What a target is reached through and stands on must be there. */
static int check_references(const struct recipe *r, struct err *err)
{
	for (size_t i = 0; i < r->n_targets; i++) {
		const struct recipe_target *t = &r->targets[i];

		if (*t->network && !net_find(&r->net, t->network))
			return err_set(err, ERR_USAGE, "target %zu: network: there is no link '%s'",
				       i + 1, t->network);
		if (*t->needs && !layers_find(&r->layers, t->needs))
			return err_set(err, ERR_USAGE, "target %zu: needs: there is no layer '%s'",
				       i + 1, t->needs);
	}
	for (size_t i = 0; i < r->layers.n; i++)
		if (*r->layers.v[i].network && !net_find(&r->net, r->layers.v[i].network))
			return err_set(err, ERR_USAGE, "layer %s: network: there is no link '%s'",
				       r->layers.v[i].name, r->layers.v[i].network);
	if (net_check(&r->net, err) || layers_check(&r->layers, err))
		return err->code;
	return 0;
}

static int begin_target(struct reading *in, const char *value, struct err *err)
{
	struct recipe_target *ignored;

	if (check_target(in, err))
		return err->code;
	in->seen_in_target = 0;
	in->section = SECTION_TARGET;
	for (size_t i = 0; i < ARRAY_SIZE(target_kinds); i++)
		if (strcmp(value, target_kinds[i].name) == 0)
			return recipe_add_target(in->r, (enum target_kind)i, &ignored, err);
	return keyvalue_bad(value, "a kind of target (fs, share, raw, nfs, ssh, sftp, https, s3)",
			    err);
}

static int begin_link(struct reading *in, const char *value, struct err *err)
{
	in->section = SECTION_LINK;
	return net_add(&in->r->net, value, &in->link, err);
}

static int begin_layer(struct reading *in, const char *value, struct err *err)
{
	in->section = SECTION_LAYER;
	return layers_add(&in->r->layers, value, &in->layer, err);
}

static const struct {
	const char *name;
	int (*begin)(struct reading *in, const char *value, struct err *err);
} sections[] = {{LINK_KEY, begin_link}, {LAYER_KEY, begin_layer}, {TARGET_KEY, begin_target}};

static int set_in_section(struct reading *in, const char *name, const char *value, struct err *err)
{
	int r = in->section == SECTION_LINK ? net_set(in->link, name, value, err)
					    : layer_set(in->layer, name, value, err);

	if (r)
		return err_wrap(err, "%s %s", in->section == SECTION_LINK ? LINK_KEY : LAYER_KEY,
				in->section == SECTION_LINK ? in->link->name : in->layer->name);
	return 0;
}

/* ---- reading */

/* Would this value be read back as it is? */
static int check_string(const char *value, struct err *err)
{
	size_t len = strlen(value);

	if (len && (keyvalue_is_blank(value[0]) || keyvalue_is_blank(value[len - 1])))
		return err_set(err, ERR_USAGE, "'%.*s' has blanks at an end", KEYVALUE_QUOTE,
			       value);
	return keyvalue_check(value, len, 1, err);
}

/* Where the value of a key goes; NULL with *err set if it has no place now. */
static void *place_of(const struct key *key, struct reading *in, struct err *err)
{
	struct recipe *r = in->r;
	struct recipe_target *t = r->n_targets ? &r->targets[r->n_targets - 1] : NULL;

	if (key->of == OF_RECIPE && t && key != &keys[0])
		err_set(err, ERR_USAGE, "'%s' stands behind the first '" TARGET_KEY "'", key->name);
	else if (key->of == OF_RECIPE)
		return (char *)r + key->at;
	else if (!t)
		err_set(err, ERR_USAGE, "'%s' stands before the first '" TARGET_KEY "'", key->name);
	else if (!(key->of & (1u << t->kind)))
		err_set(err, ERR_USAGE, "a target of the kind %s has no '%s'",
			target_kinds[t->kind].name, key->name);
	else
		return (char *)t + key->at;
	return NULL;
}

static int set_key(size_t row, const char *value, struct reading *in, struct err *err)
{
	const struct key *key = &keys[row];
	uint64_t *seen = key->of == OF_RECIPE ? &in->seen : &in->seen_in_target;
	void *at = place_of(key, in, err);

	if (!at)
		return err->code;
	if ((*seen & (UINT64_C(1) << row)) && !key->repeatable)
		return err_set(err, ERR_USAGE, "'%s' is there a second time", key->name);
	if (!*value && !key->may_be_empty)
		return err_set(err, ERR_USAGE, "'%s' has no value", key->name);
	if (key->set(key, value, at, err))
		return err_wrap(err, "%s", key->name);
	*seen |= UINT64_C(1) << row;
	return 0;
}

static int set_named(const char *name, const char *value, struct reading *in, struct err *err)
{
	bool first = strcmp(name, keys[0].name) == 0;

	if (!first && !(in->seen & 1))
		return err_set(err, ERR_USAGE, "'%.*s' stands before '%s'", KEYVALUE_QUOTE, name,
			       keys[0].name);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (strcmp(name, sections[i].name) != 0)
			continue;
		if (in->section == SECTION_TARGET && sections[i].begin != begin_target)
			return err_set(err, ERR_USAGE,
				       "'%s' stands behind the first '" TARGET_KEY "'", name);
		if (sections[i].begin(in, value, err))
			return err_wrap(err, "%s", name);
		return 0;
	}
	if (in->section == SECTION_LINK || in->section == SECTION_LAYER)
		return set_in_section(in, name, value, err);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return set_key(i, value, in, err);
	return err_set(err, ERR_USAGE, "unknown key '%.*s'", KEYVALUE_QUOTE, name);
}

/* One line without its newline; it is ours to write into. */
static int parse_line(char *line, size_t len, struct reading *in, struct err *err)
{
	char *value;

	if (keyvalue_check(line, len, 1, err))
		return err->code;
	line = keyvalue_trim(line);
	if (!*line || *line == '#')
		return 0;
	value = strchr(line, '=');
	if (!value)
		return err_set(err, ERR_USAGE, "'%.*s' is not of the form key = value",
			       KEYVALUE_QUOTE, line);
	*value++ = '\0';
	return set_named(keyvalue_trim(line), keyvalue_trim(value), in, err);
}

static int parse_text(char *text, size_t text_len, const char *name, struct recipe *r,
		      struct err *err)
{
	struct keyvalue_lines lines = {.next = text, .end = text + text_len};
	struct reading in = {.r = r};
	char *line;
	size_t len;

	while (keyvalue_line(&lines, &line, &len))
		if (parse_line(line, len, &in, err))
			return err_wrap(err, "%s: line %u", name, lines.number);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].of == OF_RECIPE && keys[i].required && !(in.seen & (UINT64_C(1) << i)))
			return err_set(err, ERR_USAGE, "%s: '%s' is missing", name, keys[i].name);
	if (!r->n_targets)
		return err_set(err, ERR_USAGE, "%s: there is no '" TARGET_KEY "'", name);
	if (check_target(&in, err) || check_references(r, err))
		return err_wrap(err, "%s", name);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, "failure-action") == 0 && !(in.seen & (UINT64_C(1) << i)))
			r->failure = r->final;
	return 0;
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

int recipe_create_default(struct recipe **ret, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(err, sizeof(*r), "a recipe");
	r->modules = calloc(1, sizeof(*r->modules));
	r->programs = calloc(1, sizeof(*r->programs));
	r->pre = calloc(1, sizeof(*r->pre));
	r->post = calloc(1, sizeof(*r->post));
	r->files = calloc(1, sizeof(*r->files));
	r->encrypt_to = calloc(1, sizeof(*r->encrypt_to));
	if (!r->modules || !r->programs || !r->pre || !r->post || !r->files || !r->encrypt_to)
		return err_nomem(err, sizeof(*r), "a recipe");
	r->levels[0] = 31;
	r->n_levels = 1;
	r->codec = CODEC_LZO;
	r->console_lines = 60;
	r->pstore = true;
	r->watchdog = 60;
	r->deadline_device = 30;
	r->deadline_network = 90;
	r->deadline_mount = 60;
	r->deadline_log = 60;
	r->deadline_dump = 3600;
	r->deadline_stall = 120;
	r->deadline_hook = 60;
	r->deadline_total = 4000;
	*ret = no_cleanup_ptr(r);
	return 0;
}

int recipe_set(struct recipe *r, const char *name, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, ERR_USAGE, "'' is no value");
	if (check_string(value, err))
		return err->code;
	for (size_t i = 1; i < ARRAY_SIZE(keys); i++)
		if (keys[i].of == OF_RECIPE && strcmp(keys[i].name, name) == 0)
			return keys[i].set(&keys[i], value, (char *)r + keys[i].at, err);
	return err_set(err, ERR_USAGE, "a recipe has no key '%.*s'", KEYVALUE_QUOTE, name);
}

int recipe_create(struct bytes text, const char *name, struct recipe **ret, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *r = NULL;
	_cleanup_free_ char *copy = NULL;

	if (keyvalue_copy(text, RECIPE_MAX_SIZE, name, "a recipe", &copy, err))
		return err->code;
	if (recipe_create_default(&r, err) || parse_text(copy, text.len, name, r, err))
		return err->code;
	*ret = no_cleanup_ptr(r);
	return 0;
}

void recipe_free_strings(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void recipe_destroy(struct recipe *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_targets; i++)
		deinit_target(&r->targets[i]);
	free(r->targets);
	recipe_free_strings(r->modules);
	recipe_free_strings(r->programs);
	recipe_free_strings(r->pre);
	recipe_free_strings(r->post);
	recipe_free_strings(r->files);
	recipe_free_strings(r->encrypt_to);
	net_deinit(&r->net);
	layers_deinit(&r->layers);
	free(r);
}

/* ---- writing */

static void put_keys(unsigned int of, const void *base, FILE *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (of ? keys[i].of & of : !keys[i].of)
			keys[i].put(&keys[i], (const char *)base + keys[i].at, to);
}

static int check_strings(char *const *list, const char *of, struct err *err)
{
	for (; *list; list++)
		if (check_string(*list, err))
			return err_wrap(err, "%s", of);
	return 0;
}

static int check_target_strings(struct recipe_target *t, struct err *err)
{
	char **strings[] = TARGET_STRINGS(t);

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (check_string(*strings[i], err))
			return err_wrap(err, "target");
	if (check_strings(t->servers, "server", err) ||
	    check_strings(t->host_keys, "host-key", err))
		return err->code;
	return 0;
}

/* A value with a newline would be a line of its own: a recipe, but another one. */
static int check_all_strings(const struct recipe *r, struct err *err)
{
	if (check_strings(r->modules, "module", err) ||
	    check_strings(r->programs, "program", err) || check_strings(r->pre, "pre", err) ||
	    check_strings(r->post, "post", err) || check_strings(r->files, "file", err) ||
	    check_strings(r->encrypt_to, "encrypt-to", err))
		return err->code;
	for (size_t i = 0; i < r->n_targets; i++)
		if (check_target_strings(&r->targets[i], err))
			return err->code;
	return 0;
}

static void put_sections(const struct recipe *r, FILE *to)
{
	for (size_t i = 0; i < r->net.n; i++) {
		fputc('\n', to);
		net_put(&r->net.links[i], to);
	}
	for (size_t i = 0; i < r->layers.n; i++) {
		fputc('\n', to);
		layer_put(&r->layers.v[i], to);
	}
	for (size_t i = 0; i < r->n_targets; i++) {
		fprintf(to, "\n" TARGET_KEY " = %s\n", target_kinds[r->targets[i].kind].name);
		put_keys(1u << r->targets[i].kind, &r->targets[i], to);
	}
}

int recipe_format(const struct recipe *r, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct recipe *again;
	size_t len = 0;
	FILE *to;

	if (check_all_strings(r, err))
		return err_wrap(err, "the recipe");
	to = open_memstream(&text, &len);
	if (!to)
		return err_sys(err, errno, "a buffer for the recipe");
	put_keys(OF_RECIPE, r, to);
	put_sections(r, to);
	if (fclose(to))
		return err_sys(err, errno, "a buffer for the recipe");
	if (recipe_create((struct bytes){(const uint8_t *)text, len}, "the recipe", &again, err))
		return err->code;
	recipe_destroy(again);
	*ret = no_cleanup_ptr(text);
	*ret_len = len;
	return 0;
}
