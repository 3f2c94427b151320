// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/generator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/var/crash"

static const char *const our_units[] = {"lifeboat.service", "lifeboat-collect.service"};

/* ---- names */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct name {
	char *at;
	size_t size, len;
	bool too_long;
};

static void add_char(struct name *n, char c)
{
	if (n->len + 1 >= n->size) {
		n->too_long = true;
		return;
	}
	n->at[n->len++] = c;
	n->at[n->len] = '\0';
}

static void add_escaped(struct name *n, char c)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char u = (unsigned char)c;

	add_char(n, '\\');
	add_char(n, 'x');
	add_char(n, hex[u >> 4]);
	add_char(n, hex[u & 15]);
}

bool generator_unit(const char *path, const char *suffix, char ret[GENERATOR_NAME_SIZE])
{
	struct name n = {.at = ret, .size = GENERATOR_NAME_SIZE};

	ret[0] = '\0';
	path += strspn(path, "/");
	if (!*path)
		add_char(&n, '-');
	while (*path) {
		if (*path == '/') {
			path += strspn(path, "/");
			if (*path)
				add_char(&n, '-');
			continue;
		}
		if (is_alnum(*path) || *path == ':' || *path == '_' || (*path == '.' && n.len))
			add_char(&n, *path);
		else
			add_escaped(&n, *path);
		path++;
	}
	while (*suffix)
		add_char(&n, *suffix++);
	return !n.too_long;
}

/* Of an ID: as it stands in the file system or partition table, in the letters that udev writes. */
enum letters { AS_IS, LOWER, UUID_LETTERS };

static const struct {
	const char *tag, *folder;
	enum letters letters;
} tags[] = {
	{"UUID=", "by-uuid", UUID_LETTERS},
	{"LABEL=", "by-label", AS_IS},
	{"PARTUUID=", "by-partuuid", LOWER},
	{"PARTLABEL=", "by-partlabel", AS_IS},
};

bool generator_node(const char *device, char ret[PATH_MAX])
{
	struct name n = {.at = ret, .size = PATH_MAX};
	size_t i;

	if (strncmp(device, "/dev/", 5) == 0)
		return snprintf(ret, PATH_MAX, "%s", device) < PATH_MAX;
	for (i = 0; i < ARRAY_SIZE(tags); i++)
		if (strncmp(device, tags[i].tag, strlen(tags[i].tag)) == 0)
			break;
	if (i == ARRAY_SIZE(tags))
		return false;
	device += strlen(tags[i].tag);
	if (!*device)
		return false;
	n.len = (size_t)snprintf(ret, PATH_MAX, "/dev/disk/%s/", tags[i].folder);
	for (const char *c = device; *c; c++) {
		/* vfat's "12AB-34CD" is in capitals; a UUID of 128 bits is not */
		bool lower = tags[i].letters == LOWER ||
			     (tags[i].letters == UUID_LETTERS && strlen(device) == 36);

		if (lower && *c >= 'A' && *c <= 'Z')
			add_char(&n, (char)(*c - 'A' + 'a'));
		else if (is_alnum(*c) || strchr("#+-.:=@_", *c) || (unsigned char)*c >= 0x80)
			add_char(&n, *c);
		else
			add_escaped(&n, *c);
	}
	return !n.too_long;
}

/* ---- /etc/fstab, fstab(5) */

struct fstab_line {
	char spec[PATH_MAX];
	char at[PATH_MAX];
};

/* A field without its octal escapes ("\040"); false: none, too long, or with a NUL. */
static bool take_field(struct bytes *line, char ret[PATH_MAX])
{
	size_t n = 0, i = 0;

	while (i < line->len && (line->data[i] == ' ' || line->data[i] == '\t'))
		i++;
	while (i < line->len && line->data[i] != ' ' && line->data[i] != '\t') {
		const uint8_t *p = line->data + i;
		uint8_t c = *p;

		if (c == '\\' && line->len - i >= 4 && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
		    p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			c = (uint8_t)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			i += 3;
		}
		i++;
		if (!c || n + 1 >= PATH_MAX)
			return false;
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
	*line = (struct bytes){line->data + i, line->len - i};
	return n > 0;
}

/* The next line that mounts something; false: there is none. What cannot be read is systemd's to complain of. */
static bool next_mount(struct bytes *text, struct fstab_line *ret)
{
	while (text->len) {
		const uint8_t *nl = memchr(text->data, '\n', text->len);
		struct bytes line = {text->data, nl ? (size_t)(nl - text->data) : text->len};
		size_t taken = line.len + (nl ? 1 : 0);

		*text = (struct bytes){text->data + taken, text->len - taken};
		if (take_field(&line, ret->spec) && ret->spec[0] != '#' &&
		    take_field(&line, ret->at) && ret->at[0] == '/')
			return true;
	}
	return false;
}

/* fstab(5) takes values in quotes. */
static void unquote(char *spec)
{
	char *eq = strchr(spec, '=');
	size_t len;

	if (!eq || (eq[1] != '"' && eq[1] != '\''))
		return;
	len = strlen(eq + 1);
	if (len < 2 || eq[len] != eq[1])
		return;
	memmove(eq + 1, eq + 2, len - 2);
	eq[len - 1] = '\0';
}

/* ---- what is to be waited for */

struct plan {
	FILE *text;
	struct bytes fstab;
	struct generator *g;
	size_t n_bounded;
};

/* After= alone: who wants it mounted has said so in fstab. */
static void add_mount(struct plan *p, const char *at)
{
	char unit[GENERATOR_NAME_SIZE];

	if (generator_unit(at, ".mount", unit))
		fprintf(p->text, "After=%s\n", unit);
}

/* Each mount that the folder may be in. */
static void add_folder(struct plan *p, const char *folder)
{
	char at[PATH_MAX];
	size_t len = strlen(folder);

	if (len >= sizeof(at))
		return;
	for (size_t i = 1; i <= len; i++) {
		if (folder[i] != '/' && folder[i])
			continue;
		memcpy(at, folder, i);
		at[i] = '\0';
		add_mount(p, at);
	}
}

/* Mounts of the device or share: what options they have goes into the recipe. Is there one? */
static bool add_mounts_of(struct plan *p, const char *device, const char *node)
{
	char of_line[PATH_MAX];
	struct bytes text = p->fstab;
	struct fstab_line line;
	bool found = false;

	while (next_mount(&text, &line)) {
		bool same;

		unquote(line.spec);
		same = node ? generator_node(line.spec, of_line) && strcmp(of_line, node) == 0
			    : strcmp(line.spec, device) == 0;
		if (!same)
			continue;
		found = true;
		add_mount(p, line.at);
	}
	return found;
}

static int add_bounded(struct plan *p, const char *unit, struct err *err)
{
	char **list = p->g->bounded;

	for (size_t i = 0; i < p->n_bounded; i++)
		if (strcmp(list[i], unit) == 0)
			return 0;
	list[p->n_bounded] = strdup(unit);
	if (!list[p->n_bounded])
		return err_nomem(err, strlen(unit) + 1, "the name of a unit");
	p->n_bounded++;
	return 0;
}

static int add_device(struct plan *p, const char *device, struct err *err)
{
	char node[PATH_MAX], unit[GENERATOR_NAME_SIZE];
	bool mounted;

	if (!generator_node(device, node) || !generator_unit(node, ".device", unit))
		return 0;
	mounted = add_mounts_of(p, device, node);
	fprintf(p->text, "Wants=%s\nAfter=%s\n", unit, unit);
	return mounted ? 0 : add_bounded(p, unit, err);
}

/*
 * Names and routes are found out when the image is judged, so there has to be a network that knows them
 * (systemd.special(7)); what waits for it starts nothing else later.
 */
static void add_network(struct plan *p)
{
	fprintf(p->text, "Wants=network-online.target\n"
			 "After=network-online.target\n"
			 "After=nss-lookup.target\n"
			 "After=remote-fs.target\n");
}

static int add_targets(struct plan *p, const struct config *config, struct err *err)
{
	bool remote = false;

	for (size_t i = 0; i < config->n_targets; i++)
		remote |= recipe_is_remote(config->targets[i].kind);
	if (remote)
		add_network(p);
	for (size_t i = 0; i < config->n_targets; i++) {
		const struct config_target *t = &config->targets[i];

		if (recipe_is_remote(t->kind))
			continue;
		if (t->kind == TARGET_SHARE)
			(void)add_mounts_of(p, t->device, NULL);
		else if (add_device(p, t->device, err))
			return err->code;
	}
	if (!config->n_targets || config->spool)
		add_folder(p, config->path ? config->path : DEFAULT_PATH);
	return 0;
}

static int make_texts(struct plan *p, const struct config *config, struct err *err)
{
	struct generator *g = p->g;
	size_t len = 0;
	int r;

	g->bounded = calloc(config->n_targets + 1, sizeof(*g->bounded));
	p->text = open_memstream(&g->targets, &len);
	if (!g->bounded || !p->text) {
		if (p->text)
			fclose(p->text);
		return err_nomem(err, 0, "the order of units");
	}
	r = add_targets(p, config, err);
	if (fclose(p->text) && !r)
		r = err_nomem(err, len, "the order of units");
	if (r)
		return r;
	if (asprintf(&g->bound, "JobRunningTimeoutSec=%u\n", config->base->deadline_device) < 0) {
		g->bound = NULL;
		return err_nomem(err, 0, "the order of units");
	}
	return 0;
}

int generator_create(const struct config *config, struct bytes fstab, struct generator *ret,
		     struct err *err)
{
	struct generator g = {0};
	struct plan p = {.fstab = fstab, .g = &g};

	if (make_texts(&p, config, err)) {
		generator_deinit(&g);
		return err->code;
	}
	*ret = g;
	return 0;
}

void generator_deinit(struct generator *g)
{
	free(g->targets);
	free(g->bound);
	for (char **b = g->bounded; b && *b; b++)
		free(*b);
	free(g->bounded);
	*g = (struct generator){0};
}

/* ---- files */

/* The folders are new in each boot and systemd's own, so there is nothing to be replaced and nothing to be durable. */
static int write_drop_in(const char *folder, const char *unit, const char *file, const char *text,
			 struct err *err)
{
	char path[PATH_MAX];
	FILE *to;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s.d", folder, unit) >= PATH_MAX - 64)
		return err_sys(err, ENAMETOOLONG, "%s", folder);
	if (mkdir(path, 0755) && errno != EEXIST)
		return err_sys(err, errno, "%s: mkdir", path);
	snprintf(path, sizeof(path), "%s/%s.d/%s", folder, unit, file);
	to = fopen(path, "we");
	if (!to)
		return err_sys(err, errno, "%s", path);
	r = fprintf(to, "# Made by lifeboat-generator of /etc/lifeboat.conf.\n[Unit]\n%s", text) <
	    0;
	if (fclose(to) || r)
		return err_sys(err, errno, "%s", path);
	return 0;
}

int generator_write(const struct generator *g, const char *folder, struct err *err)
{
	for (size_t i = 0; *g->targets && i < ARRAY_SIZE(our_units); i++)
		if (write_drop_in(folder, our_units[i], "targets.conf", g->targets, err))
			return err->code;
	/* A name in front of that of systemd-fstab-generator (50-device-timeout.conf), which then counts. */
	for (char **unit = g->bounded; *unit; unit++)
		if (write_drop_in(folder, *unit, "40-lifeboat.conf", g->bound, err))
			return err->code;
	return 0;
}
