/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sections of `lifeboat check` share. */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "capture/recipe.h"

struct check_run {
	const struct root *root;
	const char *config; /* --config; NULL: where it usually is */
	bool no_probe;
	struct json *json;     /* NULL: text */
	bool all;              /* of text: what is good, too */
	bool fatal;            /* no crash can be captured */
	bool unknown;          /* of something it is not known whether it is good */
	bool configured;       /* there is a configuration … */
	struct recipe *recipe; /* … and what became of it; NULL: nothing */
	char kernel[128];      /* that captures: the running one; set with the recipe */
};

/* A row of text: a word and what there is to say. */
void check_put_note(const char *weight, const char *text);

/* Resolve the configuration as `load` would; sets run->recipe. */
int check_configuration(struct check_run *run, struct err *err);

/* Look for all that `initramfs` would put into the image. */
int check_image(struct check_run *run, struct err *err);

/* Write to the recipe's targets. */
int check_targets(struct check_run *run, struct err *err);

#endif
