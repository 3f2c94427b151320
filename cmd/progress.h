/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter's progress on a terminal: one line, redrawn, with the time that is left. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "filter/filter.h"

struct progress {
	bool on;        /* standard error is a terminal that is not dumb */
	uint64_t begin; /* ns, of the phase */
	uint64_t drawn; /* ns, of the last line */
	enum filter_phase phase;
};

void progress_init(struct progress *p);
/* A filter_options.progress; ctx is the struct progress. */
void progress_update(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total);
/* Remove the line. */
void progress_end(struct progress *p);

#endif
