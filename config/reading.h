/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of config_create() share: config.c cuts lines and looks at the whole, keys.c has the table with a row for
 * each key, targets.c what says where to. Nobody else includes this.
 */
#ifndef CONFIG_READING_H
#define CONFIG_READING_H

#include "base/keyvalue.h"
#include "config/config.h"

struct reading;

struct key {
	const char *name;
	/* `value` is NUL-terminated, without blanks at its ends, and may be written into. */
	int (*set)(struct reading *in, const struct key *key, char *value, struct err *err);
	const char *as;     /* the recipe's key, the sysctl's path, or what to do instead of it */
	size_t at;          /* of a member of the configuration, or of a target */
	unsigned int kinds; /* of targets that it is for: 1 << TARGET_… */
	int min, max;       /* of a sysctl that is a number */
	bool repeats;
	bool may_be_empty; /* as "" */
};

#define READING_MAX_KEYS 128

struct reading {
	struct config *c;
	unsigned int line;
	unsigned int said[READING_MAX_KEYS]; /* by row of keys[]: in which line; 0: not yet */
	unsigned int path_line[RECIPE_MAX_TARGETS];
	bool log_only; /* the target being read */
};

/* ---- config.c */

/* "FILE: line N: …" for what was read but changes nothing. */
int reading_note(struct reading *in, struct err *err, const char *format, ...) _printf_(3, 4);

/* A copy of `value` instead of what *ret has. */
int reading_copy(const char *value, char **ret, struct err *err);

/* ---- keys.c */

const struct key *reading_find_key(const char *name); /* NULL: there is none */

/* In which line a key was; to be written to. */
unsigned int *reading_said(struct reading *in, const struct key *key);
unsigned int reading_line_of(const struct reading *in, const char *name);

/* The `set` of a key that is known and not supported. */
int reading_refuse(struct reading *in, const struct key *key, char *value, struct err *err);

/* ---- targets.c */

/* One more target, with device and type; borrowed, good until the next one. */
int reading_add_target(struct reading *in, enum target_kind kind, const char *fstype,
		       const char *device, struct config_target **ret, struct err *err);
void reading_free_target(struct config_target *t);

/* Absolute, with single slashes and none at the end, without '.' and '..', "" for the root. *ret is malloc'ed. */
int reading_clean_path(const char *value, char **ret, struct err *err) _must_check_;

/* `set` of the keys that say where to */

int reading_set_fs(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_share(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_raw(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_log_only(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_path(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_mount_options(struct reading *in, const struct key *key, char *value,
			      struct err *err);
int reading_set_dracut_args(struct reading *in, const struct key *key, char *value,
			    struct err *err);

/* ---- remote.c */

int reading_set_nfs(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_ssh(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_https(struct reading *in, const struct key *key, char *value, struct err *err);
int reading_set_s3(struct reading *in, const struct key *key, char *value, struct err *err);

/* What belongs to remote targets of some kinds (key->kinds), at key->at of them: a file, or what `as` names. */
int reading_set_remote_file(struct reading *in, const struct key *key, char *value,
			    struct err *err);
int reading_set_remote_port(struct reading *in, const struct key *key, char *value,
			    struct err *err);
int reading_set_remote_region(struct reading *in, const struct key *key, char *value,
			      struct err *err);
int reading_set_remote_yes_no(struct reading *in, const struct key *key, char *value,
			      struct err *err);
int reading_set_endpoint(struct reading *in, const struct key *key, char *value, struct err *err);

/* Once all lines are read: give each target what was said for all. */
int reading_finish_remote(struct reading *in, struct err *err);

#endif
