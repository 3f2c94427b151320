/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that ask a long job to come to a good end. */
#ifndef CMD_INTERRUPT_H
#define CMD_INTERRUPT_H

#include <stdatomic.h>

/*
 * From now on the first SIGINT, SIGTERM or SIGHUP makes the result true, and the next one ends the
 * process as it would have.
 */
const atomic_bool *interrupt_catch(void);

#endif
