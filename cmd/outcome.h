/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What start, restart and reload have to say. */
#ifndef CMD_OUTCOME_H
#define CMD_OUTCOME_H

#include "cmd/cmd.h"
#include "service/arm.h"

/* To standard output. */
void outcome_print(const struct arm_outcome *o, bool json);

/* `start` and `restart` by their options; `force`: although nothing has changed. */
int outcome_start(const struct cmd *cmd, int argc, char **argv, bool force,
		  struct err *err) _must_check_;

#endif
