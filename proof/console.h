/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a capture says on its console: the kernel's lines, and among them those of lifeboat-init ("[    2.81] lifeboat: …",
 * capture/capture.c and capture/finish.c). The text is taken for hostile.
 */
#ifndef PROOF_CONSOLE_H
#define PROOF_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/recipe.h"

#define CONSOLE_LINE 1024 /* bytes of a line that are looked at */
#define CONSOLE_TEXT 512

/* How it went with one target of the recipe. */
struct console_target {
	bool told;                  /* there was a line of it in the end: it was tried */
	char result[32];            /* "complete" … */
	char name[64];              /* of the crash on it; "" if it says "nothing" */
	char failure[CONSOLE_TEXT]; /* of its first step that failed; "" none */
};

struct console {
	bool kernel; /* the kernel has said something */
	bool init;   /* and our first process, too */
	bool over; /* it has come to its final action, or it never will (a shell, halted, no init) */
	bool panic;                 /* the capture kernel itself panicked */
	char failure[CONSOLE_TEXT]; /* of the first step that failed; "" none */
	struct console_target targets[RECIPE_MAX_TARGETS];
	size_t target; /* at hand, from 1 on; 0: none yet */

	uint64_t lowest,
		ram; /* bytes of memory that were free at the worst moment, of so many; 0: not told */

	char line[CONSOLE_LINE]; /* being filled */
	size_t len;
};

/* Feed a piece of the text, of any length; *c is zeros to begin with. */
void console_feed(struct console *c, const char *text, size_t len);

#endif
