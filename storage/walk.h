/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of probe.c: the walk from a device down to disks, by names of the kernel ("dm-3"), as sysfs has them. */
#ifndef STORAGE_WALK_H
#define STORAGE_WALK_H

#include <limits.h>

#include "storage/probe.h"

#define WALK_LINE      256
#define WALK_PATH      1024 /* of a device in sysfs; they are on the stack of a recursion */
#define WALK_MAX_DEPTH 16

struct walk {
	const struct probe_env *env;
	struct layers *layers;
	unsigned int depth;
};

/* The members of a layer that is being looked at. */
struct walk_member {
	char kernel[64];
	char number[24]; /* "8:16" */
	char *text;      /* "PARTUUID=…" */
	bool layer;      /* it is one, or a partition of one */
};

struct walk_members {
	struct walk_member *v;
	size_t n;
};

/* What a member is called if it is no layer, by who is above it. */
enum walk_for { WALK_FOR_DM, WALK_FOR_LVM, WALK_FOR_LUKS, WALK_FOR_MD, WALK_FOR_MULTIPATH };

/* The layers of a device; *ret is "" if it has none. */
int walk_device(struct walk *w, const char *kernel, char ret[LAYER_NAME],
		struct err *err) _must_check_;

/* Those in `slaves`, with their layers below them; each one's text is malloc'ed. */
int walk_members(struct walk *w, const char *kernel, enum walk_for what, struct walk_members *ret,
		 struct err *err) _must_check_;
void walk_members_deinit(struct walk_members *members);

int walk_mapped(struct walk *w, const char *kernel, char ret[LAYER_NAME],
		struct err *err) _must_check_;
int walk_iscsi(struct walk *w, const char *kernel, const char *link, char ret[LAYER_NAME],
	       struct err *err) _must_check_;
int walk_nvme(struct walk *w, const char *kernel, const char *controller, char ret[LAYER_NAME],
	      struct err *err) _must_check_;

/* The first line of a file of sysfs, "" if it is not there; what it shows is printable. */
void walk_line(const struct root *root, char ret[WALK_LINE], const char *fmt, ...) _printf_(3, 4);

/* Names in a folder that begin with `prefix`, sorted; NULL-terminated, empty if it is not there. NULL: no memory. */
char **walk_list(const struct root *root, const char *folder, const char *prefix);
void walk_list_free(char **names);

int walk_open(const struct root *root, const char *kernel, uint64_t *ret_size,
	      struct err *err) _must_check_;

int walk_modules(const struct walk *w, const char *const *names, struct err *err) _must_check_;
/* A program of the image, by its name: wherever this machine keeps it. */
int walk_program(const struct walk *w, const char *name, const char *package,
		 struct err *err) _must_check_;
int walk_note(const struct walk *w, struct err *err, const char *fmt, ...) _printf_(3, 4);

/* layer_set() of several: key, value, …, NULL; empty values are left out. */
int walk_set(struct layer *l, struct err *err, ...) _must_check_;

#endif
