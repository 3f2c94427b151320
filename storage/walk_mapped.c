// SPDX-License-Identifier: GPL-2.0-or-later
/* Device-mapper's devices: their tables, with members' numbers in place of the kernel's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "storage/assemble.h"
#include "storage/device.h"
#include "storage/keys.h"
#include "storage/luks.h"
#include "storage/lvm.h"
#include "storage/walk.h"

#define SYS_BLOCK     "/sys/class/block"
#define CRYPTSETUP    "/usr/sbin/cryptsetup"
#define MAX_WORDS     1024
#define MAX_KEYS      (1 << 20)
#define MAX_KEY_BYTES 512
#define PREFIX_LUKS   "CRYPT-LUKS"

/* What can be made again of a table alone, and what that takes. */
static const struct target_type {
	const char *name;
	const char *modules[6];
} types[] = {
	{"linear", {NULL}},
	{"striped", {NULL}},
	{"error", {NULL}},
	{"zero", {"dm_zero", NULL}},
	{"thin", {"dm_thin_pool", NULL}},
	{"thin-pool", {"dm_thin_pool", NULL}},
	{"raid", {"raid0", "raid1", "raid10", "raid456", "dm_raid", NULL}},
};

/* What cannot, and what to do. */
static const struct refused_type {
	const char *name, *what;
} refused[] = {
	{"snapshot-origin", "it has a snapshot, which would be broken by what is written without "
			    "it: remove the snapshot, "
			    "or dump to a thin volume or another target"},
	{"snapshot-merge", "a snapshot is being merged into it: wait until that has ended"},
	{"snapshot", "it is a snapshot: name the volume that it is of, or another target"},
	{"cache",
	 "what is in its cache only would be missing: name a volume without a cache (lvconvert "
	 "--uncache)"},
	{"writecache", "what is in its cache only would be missing: name a volume without a cache "
		       "(lvconvert --uncache)"},
	{"vdo",
	 "its deduplication takes more memory than a capture kernel has: name another target"},
	{"integrity", "dm-integrity is not brought up by the capture: name another target"},
	{"verity", "it is read-only (dm-verity): name another target"},
	{"mirror", "it is a mirror of LVM's old kind: convert it (lvconvert --type raid1), or name "
		   "another target"},
	{"multipath", "a multipath device of several rows"},
	{"crypt", "an encrypted device of several rows"},
};

/* ---- rows */

struct row {
	char *text; /* all of it */
	char type[16];
	const char *head; /* "START LENGTH TYPE", of head_len bytes */
	size_t head_len;
	char **words; /* behind it; point into `text`'s copy */
	size_t n;
};

struct table {
	struct row *rows;
	size_t n;
	char *text, *words; /* malloc'ed: rows with blanks, and cut into words */
};

static void deinit_table(struct table *t, size_t len)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->rows[i].words);
	free(t->rows);
	/* an older LUKS shows its key */
	if (t->words)
		explicit_bzero(t->words, len);
	if (t->text)
		explicit_bzero(t->text, len);
	free(t->words);
	free(t->text);
}

static int cut_row(struct row *row, char *words, struct err *err)
{
	char *word, *rest = words;

	row->words = calloc(MAX_WORDS, sizeof(*row->words));
	if (!row->words)
		return err_nomem(err, MAX_WORDS * sizeof(*row->words), "a table");
	for (size_t i = 0; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		i++;
		if (i == 3) {
			row->head_len = (size_t)(word - words) + strlen(word);
			snprintf(row->type, sizeof(row->type), "%s", word);
		} else if (i > 3 && row->n == MAX_WORDS) {
			return err_set(err, ERR_UNSUPPORTED, "a row of more than %d words",
				       MAX_WORDS);
		} else if (i > 3) {
			row->words[row->n++] = word;
		}
	}
	row->head = row->text;
	return *row->type ? 0 : err_set(err, ERR_CORRUPT, "a row of its table has no type");
}

/* `text` becomes the table's. */
static int read_table(char *text, struct table *ret, struct err *err)
{
	char *rest = text, *line;
	size_t n = 1;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	*ret = (struct table){
		.text = text, .words = strdup(text), .rows = calloc(n, sizeof(*ret->rows))};
	if (!ret->words || !ret->rows)
		return err_nomem(err, strlen(text), "a table");
	while ((line = strsep(&rest, "\n"))) {
		char *words = ret->words + (line - text);

		if (!*line)
			continue;
		words[strlen(line)] = '\0';
		ret->rows[ret->n].text = line;
		if (cut_row(&ret->rows[ret->n++], words, err))
			return err->code;
	}
	return ret->n ? 0 : err_set(err, ERR_UNSUPPORTED, "it has no table");
}

static bool is_number(const char *word)
{
	size_t major = strspn(word, "0123456789");
	size_t minor = major && word[major] == ':' ? strspn(word + major + 1, "0123456789") : 0;

	return minor && !word[major + 1 + minor];
}

/* One word of a row: a device's number becomes its member's in braces. */
static int put_word(const char *word, const struct walk_members *members, FILE *to, struct err *err)
{
	if (!is_number(word)) {
		fprintf(to, " %s", word);
		return 0;
	}
	for (size_t i = 0; i < members->n; i++)
		if (strcmp(members->v[i].number, word) == 0) {
			fprintf(to, " {%zu}", i);
			return 0;
		}
	return err_set(err, ERR_CORRUPT, "its table has the device %s, which is none of its slaves",
		       word);
}

/* Words from `from` on, as they are in the recipe, behind `head`. */
static int set_row(struct layer *l, const struct row *row, const char *head, size_t from,
		   const struct walk_members *members, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int r = 0;

	if (!to)
		return err_nomem(err, 0, "a table");
	fputs(head, to);
	for (size_t i = from; i < row->n && !r; i++)
		r = put_word(row->words[i], members, to, err);
	if (fclose(to) && !r)
		r = err_nomem(err, len, "a table");
	return r ? r : layer_set(l, "table", text, err);
}

static int set_rows(struct layer *l, const struct table *t, const struct walk_members *members,
		    struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct row *row = &t->rows[i];
		char head[96];

		snprintf(head, sizeof(head), "%.*s", (int)NUM_MIN(row->head_len, 95u), row->head);
		if (set_row(l, row, head, 0, members, err))
			return err->code;
	}
	return 0;
}

static int set_members(struct layer *l, const struct walk_members *members, struct err *err)
{
	for (size_t i = 0; i < members->n; i++)
		if (layer_set(l, "member", members->v[i].text, err))
			return err->code;
	return 0;
}

/* ---- types */

static int check_type(struct walk *w, const char *type, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, type) == 0)
			return walk_modules(w, types[i].modules, err);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (strcmp(refused[i].name, type) == 0)
			return err_set(err, ERR_UNSUPPORTED, "%s", refused[i].what);
	return err_set(
		err, ERR_UNSUPPORTED,
		"device-mapper's \"%s\" is not made again after a crash: name another target",
		type);
}

/* ---- LVM: what guards the table */

/* 0, ERR_NOT_FOUND if it has no metadata, or another error. */
static int guard_by(struct walk *w, struct layer *l, const char *kernel, size_t member,
		    struct lvm_guard *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	uint64_t size;
	_cleanup_close_ int fd = walk_open(w->env->root, kernel, &size, err);
	char line[160];
	size_t len;

	if (fd < 0 || lvm_read(fd, size, kernel, &text, &len, err) ||
	    lvm_guard((struct bytes){(uint8_t *)text, len}, l->uuid, ret, err))
		return err->code;
	snprintf(line, sizeof(line), "{%zu} %s %" PRIu64 " %s", member, ret->vg, ret->seqno,
		 ret->digest);
	return layer_set(l, "lvm", line, err);
}

/* A physical volume that guards some layer of this group: as that layer's member, and its name now. */
static bool find_pv(const struct walk *w, const char *vg, const char **ret_member,
		    char ret_kernel[DEVICE_PATH_MAX])
{
	for (size_t i = 0; i < w->layers->n; i++) {
		const struct layer *l = &w->layers->v[i];

		for (char **row = l->lvm; *row; row++) {
			char name[LAYER_NAME], node[DEVICE_PATH_MAX];
			struct layer_lvm lvm;
			struct err ignored;

			if (layer_lvm_parse(*row, &lvm, &ignored) || strcmp(lvm.vg, vg) != 0)
				continue;
			*ret_member = l->members[lvm.member];
			if (*layer_member_device(*ret_member)
				    ? device_find(layer_member_device(*ret_member), w->env->root,
						  node, &ignored)
				    : !layer_of_member(*ret_member, name) ||
					      storage_find(w->layers, name, w->env->root, node,
							   &ignored))
				continue;
			strcpy(ret_kernel, node + strlen("/dev/"));
			return true;
		}
	}
	return false;
}

/* Thin volumes and pools have no physical volume among their members: one of those below them serves. */
static int guard_from_below(struct walk *w, struct layer *l, size_t n_members, struct err *err)
{
	char vg[LAYER_LVM_ID], kernel[DEVICE_PATH_MAX];
	struct lvm_guard guard;
	const char *member;

	(void)lvm_id_format(l->uuid + 4, vg);
	if (!find_pv(w, vg, &member, kernel))
		return walk_note(w, err,
				 "%s: no physical volume below it holds metadata of its volume "
				 "group: whether the group has changed will not be known after a "
				 "crash",
				 l->name);
	if (layer_set(l, "member", member, err))
		return err->code;
	return guard_by(w, l, kernel, n_members, &guard, err);
}

static int guard_volume(struct walk *w, struct layer *l, const struct walk_members *members,
			struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < members->n; i++) {
		struct lvm_guard guard;
		struct fsid id;
		uint64_t size;
		_cleanup_close_ int fd = walk_open(w->env->root, members->v[i].kernel, &size, err);
		int r;

		if (fd < 0 || fsid_read(fd, size, members->v[i].kernel, &id, err))
			return err->code;
		if (strcmp(id.type, "LVM2_member") != 0)
			continue;
		r = guard_by(w, l, members->v[i].kernel, i, &guard, err);
		if (r && r != ERR_NOT_FOUND)
			return r;
		any |= !r;
	}
	return any ? 0 : guard_from_below(w, l, members->n, err);
}

static int add_plain(struct walk *w, const char *name, const char *uuid, const struct table *t,
		     const struct walk_members *members, struct err *err)
{
	struct layer *l;

	if (walk_modules(w, (const char *const[]){"dm_mod", NULL}, err))
		return err->code;
	for (size_t i = 0; i < t->n; i++)
		if (check_type(w, t->rows[i].type, err))
			return err->code;
	if (layers_add(w->layers, name, &l, err) ||
	    walk_set(l, err, "kind", "dm", "uuid", uuid, NULL) || set_members(l, members, err) ||
	    set_rows(l, t, members, err))
		return err->code;
	return lvm_is_volume(uuid) ? guard_volume(w, l, members, err) : 0;
}

/* ---- multipath */

/*
 * "NFEATURES … NHANDLER …" of a row. Features are left out: queue_if_no_path would keep the dump waiting for ever, where
 * the next target should have its turn.
 */
static int read_handler(const struct row *row, const char **ret, size_t *ret_n, struct err *err)
{
	uint64_t features, handler;
	size_t at;

	if (row->n < 2 || num_parse_range(row->words[0], 0, MAX_WORDS, &features, err))
		goto bad;
	at = 1 + (size_t)features;
	if (at >= row->n || num_parse_range(row->words[at], 0, MAX_WORDS, &handler, err) ||
	    at + handler >= row->n)
		goto bad;
	for (size_t i = 0; i < handler && i < 8; i++)
		ret[i] = row->words[at + 1 + i];
	*ret_n = NUM_MIN(handler, (uint64_t)8);
	return 0;
bad:
	return err_set(err, ERR_CORRUPT, "its table is none of dm-multipath");
}

static int set_paths(struct layer *l, const struct walk_members *members, struct err *err)
{
	for (size_t i = 0; i < members->n; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= strcmp(members->v[k].text, members->v[i].text) == 0;
		if (!again && layer_set(l, "member", members->v[i].text, err))
			return err->code;
	}
	return 0;
}

static int add_multipath(struct walk *w, const char *name, const char *uuid, const struct table *t,
			 const struct walk_members *members, struct err *err)
{
	const char *handler[8];
	char text[512], module[64];
	struct layer *l;
	size_t n = 0, at;

	if (t->n != 1)
		return check_type(w, "multipath", err);
	if (walk_modules(w, (const char *const[]){"dm_mod", "dm_multipath", "dm_round_robin", NULL},
			 err) ||
	    read_handler(&t->rows[0], handler, &n, err))
		return err->code;
	at = (size_t)snprintf(text, sizeof(text), "%.*s 0 %zu",
			      (int)NUM_MIN(t->rows[0].head_len, 95u), t->rows[0].head, n);
	for (size_t i = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %s", handler[i]);
	if (n) {
		snprintf(module, sizeof(module), "scsi_dh_%.40s", handler[0]);
		if (walk_modules(w, (const char *const[]){module, NULL}, err))
			return err->code;
	}
	if (layers_add(w->layers, name, &l, err) ||
	    walk_set(l, err, "kind", "multipath", "uuid", uuid, "table", text, NULL))
		return err->code;
	return set_paths(l, members, err);
}

/* ---- LUKS */

/*
 * A logon key of this kernel that is named after the header: with systemd's crypttab option link-volume-key=, or cryptsetup's
 * --link-vk-to-keyring, the volume key stays there. The one in the keyring of a cryptsetup that runs right now is none. A line of
 * /proc/keys ends in "logon     NAME: SIZE".
 */
static bool find_logon_key(const struct root *root, const char *uuid, char ret[WALK_LINE])
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	struct err ignored;
	size_t len;

	if (!*uuid || root_read(root, "/proc/keys", MAX_KEYS, &text, &len, &ignored))
		return false;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char *at = strstr(line, " logon "), *end;

		if (!at || !strstr(at, uuid))
			continue;
		at += strspn(at + 7, " ") + 7;
		end = strrchr(at, ':');
		if (!end || end == at || !strchr(at, ':') || strchr(at, ':') == end ||
		    (size_t)(end - at) >= WALK_LINE)
			continue;
		snprintf(ret, WALK_LINE, "%.*s", (int)(end - at), at);
		if (!strpbrk(ret, " \t") && keys_reachable(root, ret))
			return true;
	}
	return false;
}

/* Bytes of the key in a row of dm-crypt: ":SIZE:TYPE:NAME", or two digits each. 0: none. */
static uint64_t key_size(const char *word)
{
	uint64_t size;
	struct err ignored;
	char digits[8];

	if (*word != ':')
		return strlen(word) / 2;
	if (strcspn(word + 1, ":") >= sizeof(digits))
		return 0;
	snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(word + 1, ":"), word + 1);
	return num_parse_range(digits, 1, MAX_KEY_BYTES, &size, &ignored) ? 0 : size;
}

/* "CIPHER :SIZE:user:NAME …": the key itself, which an older LUKS shows in its table, goes nowhere. */
static int set_crypt_row(struct layer *l, const struct row *row, const char *key,
			 const struct walk_members *members, struct err *err)
{
	char head[512];
	uint64_t size = row->n >= 5 ? key_size(row->words[1]) : 0;

	if (!size || size > MAX_KEY_BYTES)
		return err_set(err, ERR_CORRUPT, "its table is none of dm-crypt");
	snprintf(head, sizeof(head), "%.*s %s :%" PRIu64 ":user:%s",
		 (int)NUM_MIN(row->head_len, 95u), row->head, row->words[0], size, key);
	return set_row(l, row, head, 2, members, err);
}

static int crypt_modules(const struct walk *w, const struct row *row, struct err *err)
{
	static const char *const names[] = {
		"dm_mod",         "dm_crypt",     "aes_generic",    "aesni_intel",
		"sha256_generic", "sha256_ssse3", "algif_skcipher", NULL};
	char mode[32] = "";
	const char *dash = row->n ? strchr(row->words[0], '-') : NULL;

	/* "aes-xts-plain64": the mode is a module of that name, also in "capi:xts(aes)-plain64" */
	if (dash)
		snprintf(mode, sizeof(mode), "%.*s", (int)NUM_MIN(strcspn(dash + 1, "-"), 31u),
			 dash + 1);
	if (row->n && strncmp(row->words[0], "capi:", 5) == 0)
		snprintf(mode, sizeof(mode), "%.*s",
			 (int)NUM_MIN(strcspn(row->words[0] + 5, "(-"), 31u), row->words[0] + 5);
	if (walk_modules(w, names, err))
		return err->code;
	return *mode ? walk_modules(w, (const char *const[]){mode, NULL}, err) : 0;
}

static int check_luks(const char *uuid, const struct luks *luks, struct err *err)
{
	if (strncmp(uuid, PREFIX_LUKS, strlen(PREFIX_LUKS)) != 0)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is encrypted without LUKS, and so without a key that would be there "
			"after a crash: use LUKS, or name another target");
	if (luks->integrity)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is encrypted with integrity (dm-integrity), which the capture does not "
			"bring up: name another target");
	return 0;
}

static int no_key(const struct root *root, const struct luks *luks, struct err *err)
{
	return err_set(
		err, ERR_UNSUPPORTED,
		"it is encrypted (LUKS%u), and nobody is there to type a passphrase after a crash. "
		"Either "
		"give `luks_key_file` a file with a key of its own (cryptsetup luksAddKey --pbkdf "
		"pbkdf2)%s",
		luks->version,
		keys_supported(root)
			? ", or keep the volume key in the kernel's keyring, which this kernel "
			  "hands over: "
			  "link-volume-key=@u::%logon:lifeboat:vk-UUID in /etc/crypttab (systemd "
			  "257, "
			  "cryptsetup 2.7)"
			: "; this kernel hands no keys over (Linux 6.16 with CONFIG_CRASH_DM_CRYPT "
			  "does), or configfs is not mounted on /sys/kernel/config");
}

static int set_luks_key(struct walk *w, struct layer *l, const struct luks *luks,
			const struct table *t, const struct walk_members *members, struct err *err)
{
	const char *file = w->env->luks_key_file;
	char name[WALK_LINE], key[WALK_LINE + 16], memory[24];

	if (keys_supported(w->env->root) && find_logon_key(w->env->root, luks->uuid, name)) {
		snprintf(key, sizeof(key), "kernel %s", name);
		if (walk_modules(w, (const char *const[]){"configfs", NULL}, err) ||
		    walk_set(l, err, "key", key, NULL))
			return err->code;
		return set_crypt_row(l, &t->rows[0], name, members, err);
	}
	if (!file)
		return no_key(w->env->root, luks, err);
	snprintf(key, sizeof(key), "file %.200s", file);
	snprintf(memory, sizeof(memory), "%" PRIu64, luks->memory);
	if (walk_set(l, err, "key", key, "memory", luks->memory ? memory : "", NULL) ||
	    walk_program(w, "cryptsetup", "cryptsetup-bin or cryptsetup", err) ||
	    w->env->file(w->env->ctx, file, err))
		return err->code;
	return 0;
}

static int add_crypt(struct walk *w, const char *name, const char *uuid, const struct table *t,
		     const struct walk_members *members, struct err *err)
{
	struct luks luks = {0};
	struct layer *l;
	uint64_t size;

	if (t->n != 1)
		return check_type(w, "crypt", err);
	if (check_luks(uuid, &luks, err))
		return err->code;
	if (members->n != 1)
		return err_set(err, ERR_UNSUPPORTED, "it is encrypted, and on %zu devices",
			       members->n);

	_cleanup_close_ int fd = walk_open(w->env->root, members->v[0].kernel, &size, err);

	if (fd < 0 || luks_read(fd, size, members->v[0].kernel, &luks, err) ||
	    check_luks(uuid, &luks, err) || crypt_modules(w, &t->rows[0], err) ||
	    layers_add(w->layers, name, &l, err) ||
	    walk_set(l, err, "kind", "crypt", "uuid", uuid, NULL) || set_members(l, members, err))
		return err->code;
	return set_luks_key(w, l, &luks, t, members, err);
}

/* ---- all */

static enum walk_for members_for(const char *uuid, const char *type)
{
	if (strcmp(type, "multipath") == 0)
		return WALK_FOR_MULTIPATH;
	if (strcmp(type, "crypt") == 0)
		return WALK_FOR_LUKS;
	return lvm_is_volume(uuid) ? WALK_FOR_LVM : WALK_FOR_DM;
}

static int add_mapped(struct walk *w, const char *kernel, const char *name, const char *uuid,
		      const struct table *t, struct err *err)
{
	const char *type = t->rows[0].type;
	struct walk_members members;
	int r = 0;

	/* before members are asked for what they cannot have */
	for (size_t i = 0; i < ARRAY_SIZE(refused) && !r; i++)
		if (strcmp(refused[i].name, type) == 0 && strcmp(type, "multipath") != 0 &&
		    strcmp(type, "crypt") != 0)
			return check_type(w, type, err);
	if (strncmp(uuid, "stratis-", 8) == 0)
		return err_set(
			err, ERR_UNSUPPORTED,
			"it is a Stratis pool, whose metadata only its daemon can read: name "
			"another target");
	r = walk_members(w, kernel, members_for(uuid, type), &members, err);
	if (r)
		return r;
	if (strcmp(type, "multipath") == 0)
		r = add_multipath(w, name, uuid, t, &members, err);
	else if (strcmp(type, "crypt") == 0)
		r = add_crypt(w, name, uuid, t, &members, err);
	else
		r = add_plain(w, name, uuid, t, &members, err);
	walk_members_deinit(&members);
	return r;
}

int walk_mapped(struct walk *w, const char *kernel, char ret[LAYER_NAME], struct err *err)
{
	const struct root *root = w->env->root;
	char name[WALK_LINE], uuid[WALK_LINE];
	struct table t = {0};
	char *text = NULL;
	size_t len;
	int r;

	walk_line(root, name, SYS_BLOCK "/%s/dm/name", kernel);
	walk_line(root, uuid, SYS_BLOCK "/%s/dm/uuid", kernel);
	if (!*name || strlen(name) >= LAYER_NAME)
		return err_set(err, ERR_CORRUPT, "%s has no name of device-mapper", kernel);
	strcpy(ret, name);
	if (layers_find(w->layers, name))
		return 0;
	if (w->env->dm_table(w->env, name, &text, err))
		return err->code;
	len = strlen(text);
	r = read_table(text, &t, err);
	if (!r)
		r = add_mapped(w, kernel, name, uuid, &t, err);
	deinit_table(&t, len);
	return r;
}
