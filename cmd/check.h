/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sections of `lifeboat check` share. */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "service/build.h"

struct check_run {
	struct service *service; /* what it tells is kept in `notes` meanwhile */
	bool no_probe;
	struct json *json;               /* NULL: text */
	bool all;                        /* of text: what is good, too */
	bool fatal;                      /* no crash can be captured */
	bool unknown;                    /* of something it is not known whether it is good */
	struct config *config;           /* NULL: it cannot be read */
	struct recipe *recipe;           /* what became of it; NULL: nothing */
	char **notes;                    /* that were told on the way; NULL: none */
	char **warnings;                 /* likewise: what is left out of the recipe */
	char kernel[BUILD_VERSION_SIZE]; /* that captures; "": not known */
};

/* A row of text: a word and what there is to say. */
void check_put_note(const char *weight, const char *text);

/* Resolve the configuration as `start` would; sets config, recipe and kernel. */
int check_configuration(struct check_run *run, struct err *err);

/* Look for all that goes into the image, and whether the one that is there is what would be built now. */
int check_image(struct check_run *run, struct err *err);

/* Write to the recipe's targets. */
int check_targets(struct check_run *run, struct err *err);

#endif
