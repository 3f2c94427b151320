/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A load plan for people and programs: `lifeboat load --plan`. */
#ifndef CMD_PLAN_H
#define CMD_PLAN_H

#include "loader/plan.h"

/* To standard output. `placed_err` says why there are no segments to print, if its code is not 0. */
void plan_print_text(const struct plan *p, const struct err *placed_err);
void plan_print_json(const struct plan *p, const struct err *placed_err);

#endif
