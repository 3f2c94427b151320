// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/progress.h"
#include "base/clock.h"
#include "cmd/term.h"

#include <inttypes.h>
#include <stdio.h>

#define REDRAW_NS 100000000ULL

void progress_init(struct progress *p)
{
	struct term term;

	term_init(&term, stderr);
	*p = (struct progress){.on = term.redraws, .begin = clock_ns()};
}

void progress_update(void *ctx, enum filter_phase phase, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;
	uint64_t now;
	double part, left;

	if (!p->on || !total)
		return;
	now = clock_ns();
	if (phase != p->phase) {
		p->phase = phase;
		p->begin = now;
	}
	if (now - p->drawn < REDRAW_NS)
		return;
	p->drawn = now;
	part = (double)done / (double)total;
	left = done ? (double)(now - p->begin) / 1e9 * (1 / part - 1) : 0;
	fprintf(stderr, "\r%-9s %5.1f %%  %" PRIu64 " of %" PRIu64 " pages, %.0f s left\033[K",
		phase == FILTER_SCAN ? "scanning" : "writing", part * 100, done, total, left);
}

void progress_end(struct progress *p)
{
	if (p->on)
		fputs("\r\033[K", stderr);
}
