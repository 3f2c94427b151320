/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Death by the lab's own module, lab/crasher: "crasher KIND CONTEXT [CPU]". */
#ifndef LAB_GUEST_CRASHER_H
#define LAB_GUEST_CRASHER_H

/* Load the module; dies (as die()) where it cannot be. */
void guest_crasher_prepare(char *const words[]);

/*
 * Give the module its order, and wait. The order is a child's, whose name is CRASHER_COMM; for the context "init" it is
 * PID 1's own, and the module's context a task. Comes back, or dies, where the module did not do what it was told.
 */
#define CRASHER_COMM "lab-victim"
void guest_crasher_die(char *const words[]);

#endif
