/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One filter run as a command line asks for it: shared by `lifeboat filter` and makedumpfile's name. */
#ifndef CMD_JOB_H
#define CMD_JOB_H

#include <stdio.h>

#include "filter/filter.h"

#define JOB_MAX_LEVELS 8

struct job {
	const char *in, *out;
	/* tried in this order: the next one if the target is full */
	unsigned int levels[JOB_MAX_LEVELS];
	size_t n_levels;
	int format; /* enum filter_format */
	int codec;  /* enum codec */
	uint64_t threads;
	bool force;
	bool progress; /* on a terminal */
	bool stats;    /* print them to standard output at the end */
};

/* Defaults: kdump format, level 0, no compression, online CPUs, progress and statistics. */
void job_init(struct job *job);

/* Parse "31" or "1,31" into job->levels. */
int job_set_levels(struct job *job, const char *text, struct err *err) _must_check_;

int job_run(const struct job *job, struct err *err) _must_check_;

/* The kernel log of `in` to `to`, which a message calls `name`. */
int job_dmesg(const char *in, FILE *to, const char *name, struct err *err) _must_check_;

#endif
