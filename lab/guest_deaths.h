/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the lab's guest dies: a scenario's [death] (lab/scenario.py), in the guest. */
#ifndef LAB_GUEST_DEATHS_H
#define LAB_GUEST_DEATHS_H

/* "kernel.panic_on_oops=1 vm.panic_on_oom=2": written to /proc/sys, cut into its words. Dies (as die()) where one cannot be. */
void guest_sysctls(char *list);

/* What has to be ready before the panic kernel is loaded, like the crasher module. */
void guest_death_prepare(const char *way);

/*
 * `way` is a word of the table in guest_deaths.c and its arguments, cut into them. Called on the CPU that panic-cpu names;
 * does not come back: what did not die in time is an error on the console.
 */
void guest_die(char *way) __attribute__((noreturn));

#endif
