// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "report/html.h"

#define WIDE     1000 /* of a picture, in its own units; the page stretches it */
#define DECADES  8    /* of the timeline: 100 us to 10,000 s before the end */
#define FIRST_NS 100000.0

/* ---- a bar of parts */

void html_bar(const struct html *h, const char *label, const struct html_part *parts, size_t n,
	      uint64_t total, bool bytes)
{
	double x = 0;

	if (!total)
		return;
	fputs("<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
	      "role=\"img\" "
	      "aria-label=\"",
	      h->to);
	html_text(h, label);
	fputs("\">\n", h->to);
	for (size_t i = 0; i < n; i++) {
		double width = (double)parts[i].value * WIDE / (double)total;

		if (x + width > WIDE)
			width = WIDE - x;
		fprintf(h->to,
			"<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"10\"><title>%s"
			"</title></rect>\n",
			parts[i].key, x, width, parts[i].name);
		x += width;
	}
	fputs("</svg>\n<ul class=\"legend\">\n", h->to);
	for (size_t i = 0; i < n; i++) {
		char size[16];

		fprintf(h->to, "<li><i class=\"%s\"></i>%s ", parts[i].key, parts[i].name);
		if (bytes)
			fprintf(h->to, "<b>%s</b> <span class=\"dim\">%.0f%%</span></li>\n",
				num_human(parts[i].value, size),
				100 * (double)parts[i].value / (double)total);
		else
			fprintf(h->to, "<b>%" PRIu64 "</b></li>\n", parts[i].value);
	}
	fputs("</ul>\n", h->to);
}

/* ---- the timeline */

/*
 * Where a moment `ns` before the end stands: the end at the right. By steps of ten, as a hog of 22 seconds and an interrupt of
 * 2 ms are both to be seen. Counted without libm: a decade is a division, and straight within.
 */
static double place(uint64_t ns)
{
	double v = (double)ns / FIRST_NS, at = 0;

	if (v <= 1)
		return WIDE - (double)WIDE / DECADES * v;
	for (; v >= 10 && at < DECADES; at++)
		v /= 10;
	at += 1 + (v - 1) / 9;
	return at >= DECADES ? 0 : WIDE - at * WIDE / DECADES;
}

static void put_row(const struct html *h, const struct report_cpu *c, uint64_t latest)
{
	uint64_t ago = c->clock_ns && latest > c->clock_ns ? latest - c->clock_ns : 0;
	double last = place(ago);
	char buf[WORDS_DURATION];

	fprintf(h->to, "<div><b>CPU %u</b> ", c->cpu);
	if (c->task_known) {
		html_text(h, c->idle ? "idle" : c->task.comm);
		if (!c->idle)
			fprintf(h->to, " <span class=\"dim\">%u%s%s</span>", c->task.pid,
				c->task.ns ? ", " : "",
				c->task.ns ? words_duration(c->task.ns, buf) : "");
	}
	fputs("</div><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" "
	      "aria-label=\"when\">",
	      h->to);
	for (int i = 1; i < DECADES; i++)
		fprintf(h->to,
			"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"0\" y2=\"10\"></line>",
			i * WIDE / DECADES, i * WIDE / DECADES);
	if (c->task.ns && c->clock_ns) {
		double from = place(c->task.ns);

		if (last > from)
			fprintf(h->to,
				"<rect class=\"%s\" x=\"%.1f\" y=\"2\" width=\"%.1f\" "
				"height=\"6\"><title>"
				"had the CPU</title></rect>",
				c->panicked ? "hot"
				: c->idle   ? "idle"
					    : "present",
				from, last - from);
	}
	if (c->clock_ns)
		fprintf(h->to,
			"<rect class=\"%s\" x=\"%.1f\" width=\"5\" height=\"10\"><title>last "
			"clock</title></rect>",
			c->panicked ? "hot" : "stacks", NUM_MIN(last, (double)WIDE - 5));
	fputs("</svg>\n", h->to);
}

void html_timeline(const struct html *h, const struct report_cpu *const *cpus, size_t n,
		   uint64_t latest)
{
	static const char *const axis[] = {"10000 s", "100 s", "1 s", "10 ms", "100 us"};

	if (!n || !latest)
		return;
	fputs("<h3>Time before the end: since when each CPU has run its task, and its last "
	      "clock</h3>\n"
	      "<div class=\"rows\"><div class=\"extra\"></div><div class=\"axis\">",
	      h->to);
	for (size_t i = 0; i < ARRAY_SIZE(axis); i++)
		fprintf(h->to, "<span>%s</span>", axis[i]);
	fputs("</div>\n", h->to);
	for (size_t i = 0; i < n; i++)
		put_row(h, cpus[i], latest);
	fputs("</div>\n", h->to);
}
