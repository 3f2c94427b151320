/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The statistics of a filter run, to job->messages: for people, or as the JSON object of docs/json.md. */
#ifndef CMD_STATS_H
#define CMD_STATS_H

#include "cmd/job.h"

struct stats {
	const struct job *job;
	unsigned int level; /* the one of the job's that worked */
	const struct image *img;
	const struct filter_stats *filter;
};

void stats_print(const struct stats *s);
void stats_print_json(const struct stats *s);

/* What JSON calls a class of pages: "free", "cache_private". */
const char *stats_class_key(enum page_class class);

#endif
