/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a capture ends, whatever has become of it. */
#ifndef CAPTURE_FINISH_H
#define CAPTURE_FINISH_H

#include "capture/capture.h"

/* A shell of the image on the console, for somebody who is there: until it ends, for at most an hour. */
void finish_shell(const struct capture_env *env);

/*
 * Restart, power off or halt (not FINAL_SHELL); does not return if the kernel obeys. If it does not obey within 20
 * seconds, restart by sysrq, except where the machine was to be halted.
 */
void finish_machine(const struct capture_env *env, enum final_action action);

#endif
