/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page, in parts. Private to html*.c. What a part prints itself is written by fprintf(); every text that is not a literal of
 * this program goes through html_text(), which is the only place that foreign bytes pass.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "report/words.h"

struct html {
	const struct report *r;
	FILE *to;
};

extern const char html_style[]; /* the page's CSS */

/* Escaped for content and for attributes in double quotes; controls, marks of direction and what is not UTF-8 as \xNN. */
void html_text(const struct html *h, const char *text);
void html_textf(const struct html *h, const char *fmt, ...) _printf_(2, 3);

/* <section id="…"><h2>…</h2> and its end; `note` (may be NULL) stands small beside the heading. */
void html_begin(const struct html *h, const char *id, const char *title, const char *note);
void html_end(const struct html *h);
/* True, and a line that says so, if a part is not there. */
bool html_missing(const struct html *h, const char *why);
/* A row of a <dl>; nothing where there is no value. */
void html_fact(const struct html *h, const char *name, const char *value);
/* What is pointed at in a stack: nothing; what only reports is pale; and the first behind that stands out. */
enum html_mark { HTML_MARK_NONE, HTML_MARK_REPORTING, HTML_MARK_CULPRIT };
void html_stack(const struct html *h, const struct report_stack *stack, enum html_mark mark);
void html_line(const struct html *h, const struct report_line *line);

/* html_machine.c */
void html_cpus(const struct html *h);
void html_blocked(const struct html *h);
void html_tasks(const struct html *h);
void html_memory(const struct html *h);
void html_modules(const struct html *h);
void html_machine(const struct html *h);

/* html_dump.c */
void html_map(const struct html *h);
void html_dump(const struct html *h);
void html_capture(const struct html *h);
void html_analysis(const struct html *h);

/* html_picture.c: shapes alone, whose names stand beside them as text that grows with the page. */

/* A bar of parts, each `class` a style; their names and values below it. `unit`: values are bytes, else plain numbers. */
struct html_part {
	const char *name, *key;
	uint64_t value;
};
void html_bar(const struct html *h, const char *label, const struct html_part *parts, size_t n,
	      uint64_t total, bool bytes);

/* What each CPU ran and until when, on a logarithmic axis of the time before the end. */
void html_timeline(const struct html *h, const struct report_cpu *const *cpus, size_t n,
		   uint64_t latest);

#endif
