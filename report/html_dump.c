// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "report/html.h"

#define WIDE       1000
#define MAX_IOMEM  200
#define MAX_PHASES 64

/* ---- the map: the machine's memory from left to right, without the holes between */

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* One column: what is there from the bottom up, and nothing above it. */
static void put_cell(const struct html *h, const struct report_cell *c, double x, double width)
{
	const struct {
		const char *key;
		uint64_t bytes;
	} parts[] = {{"present", c->present}, {"zero", c->zero}, {"lost", c->lost}};
	double y = 100;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		double height = 100 * share(parts[i].bytes, c->ram);

		if (parts[i].bytes == 0)
			continue;
		y -= height;
		fprintf(h->to,
			"<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
			"height=\"%.2f\"></rect>",
			parts[i].key, x, y, width, height);
	}
}

/* Where an address stands among the memory that there is; false: it is none of it. */
static bool place(const struct report_dump *d, uint64_t addr, double *ret)
{
	uint64_t before = 0;

	for (size_t i = 0; i < d->n_cells; i++) {
		const struct report_cell *c = &d->cells[i];

		if (addr >= c->start && addr < c->end) {
			double in = share(addr - c->start, c->end - c->start) * (double)c->ram;

			*ret = ((double)before + in) * WIDE / (double)d->ram;
			return true;
		}
		before += c->ram;
	}
	return false;
}

static const char *mark_key(const char *name)
{
	if (strncmp(name, "Kernel ", 7) == 0)
		return "kern";
	return strcmp(name, "Crash kernel") == 0 ? "crashk" : "res";
}

/* The stretches that have a name, below the map. */
static void put_marks(const struct html *h)
{
	const struct iomem_list *list = h->r->iomem;

	fputs("<svg class=\"marks\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
	      "role=\"img\" "
	      "aria-label=\"kernel, crash kernel and reserved memory\">\n",
	      h->to);
	for (size_t i = 0; list && i < list->n && i < MAX_IOMEM; i++) {
		const struct iomem *m = &list->v[i];
		double from, to;

		if (!m->depth || !place(&h->r->dump, m->start, &from) ||
		    !place(&h->r->dump, m->end, &to) || to < from)
			continue;
		fprintf(h->to, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"10\"><title>",
			mark_key(m->name), from, NUM_MAX(to - from, 1.5));
		html_text(h, m->name);
		fputs("</title></rect>\n", h->to);
	}
	fputs("</svg>\n", h->to);
}

static void put_axis(const struct html *h)
{
	const struct report_dump *d = &h->r->dump;
	char size[16];

	fputs("<div class=\"axis\">", h->to);
	for (size_t i = 0; i < 4; i++)
		fprintf(h->to, "<span>%s</span>",
			num_human(d->cells[i * d->n_cells / 4].start, size));
	fprintf(h->to, "<span>%s</span></div>\n", num_human(d->cells[d->n_cells - 1].end, size));
}

static void put_picture(const struct html *h)
{
	const struct report_dump *d = &h->r->dump;
	double x = 0;

	fputs("<svg class=\"map\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" "
	      "role=\"img\" "
	      "aria-label=\"physical memory: what of it is in the dump\">\n",
	      h->to);
	for (size_t i = 0; i < d->n_cells; i++) {
		double width = WIDE * share(d->cells[i].ram, d->ram);

		/* drawn a little wider, or the background shows between columns */
		put_cell(h, &d->cells[i], x, width + (i + 1 < d->n_cells ? 0.5 : 0));
		x += width;
	}
	fputs("</svg>\n", h->to);
	put_marks(h);
	put_axis(h);
}

static void put_legend(const struct html *h)
{
	const struct report_dump *d = &h->r->dump;
	uint64_t there = d->present + d->zero + d->lost;
	const struct {
		const char *key, *name;
		uint64_t bytes;
	} parts[] = {
		{"present", "in the dump", d->present},
		{"zero", "zeros, without data", d->zero},
		{"lost", "lost", d->lost},
		{"excluded", "left out", d->ram > there ? d->ram - there : 0},
	};
	char size[16];

	fputs("<ul class=\"legend\">\n", h->to);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].bytes)
			fprintf(h->to, "<li><i class=\"%s\"></i>%s <b>%s</b></li>\n", parts[i].key,
				parts[i].name, num_human(parts[i].bytes, size));
	if (h->r->iomem)
		fputs("<li><i class=\"kern\"></i>kernel</li><li><i class=\"crashk\"></i>crash "
		      "kernel</li><li><i class=\"res\"></i>reserved and others</li>\n",
		      h->to);
	fputs("</ul>\n", h->to);
}

static void put_iomem(const struct html *h)
{
	const struct iomem_list *list = h->r->iomem;

	if (html_missing(h, h->r->iomem_missing) || !list)
		return;
	fprintf(h->to,
		"<details><summary>the %zu areas of the address space</summary><table><tr><th>"
		"area</th><th class=\"n\">size</th><th>from</th></tr>\n",
		list->n);
	for (size_t i = 0; i < list->n && i < MAX_IOMEM; i++) {
		const struct iomem *m = &list->v[i];
		char size[16];

		fputs("<tr><td>", h->to);
		for (unsigned int k = 0; k < m->depth && k < IOMEM_MAX_DEPTH; k++)
			fputs("&nbsp;&nbsp;", h->to);
		html_text(h, m->name);
		fprintf(h->to,
			"</td><td class=\"n\">%s</td><td><code>0x%" PRIx64 "</code></td></tr>\n",
			m->end >= m->start ? num_human(m->end - m->start + 1, size) : "?",
			m->start);
	}
	fputs("</table>", h->to);
	if (list->n > MAX_IOMEM || list->cut)
		fputs("<p class=\"dim\">There are more.</p>", h->to);
	fputs("</details>\n", h->to);
}

void html_map(const struct html *h)
{
	const struct report_dump *d = &h->r->dump;
	char size[16];

	html_begin(h, "map", "Physical memory", d->ram ? num_human(d->ram, size) : NULL);
	if (d->n_cells && d->ram) {
		put_picture(h);
		put_legend(h);
	} else {
		html_missing(h, "the dump does not say what memory the machine had");
	}
	put_iomem(h);
	html_end(h);
}

/* ---- the dump */

void html_dump(const struct html *h)
{
	const struct report_dump *d = &h->r->dump;
	char a[16], buf[128];

	html_begin(h, "dump", "The dump", NULL);
	fputs("<dl class=\"facts\">\n", h->to);
	html_fact(h, "file", d->path);
	snprintf(buf, sizeof(buf), "%s%s%s", d->format ? d->format : "", *d->codec ? ", " : "",
		 d->codec);
	html_fact(h, "format", buf);
	html_fact(h, "size", d->file_bytes ? num_human(d->file_bytes, a) : NULL);
	snprintf(buf, sizeof(buf), "%u", d->level);
	html_fact(h, "level", d->has_level ? buf : NULL);
	html_fact(h, "memory", num_human(d->ram, a));
	html_fact(h, "in the dump", num_human(d->present, a));
	html_fact(h, "zeros", d->zero_known ? num_human(d->zero, a) : NULL);
	fputs("</dl>\n", h->to);
	if (d->incomplete)
		fputs("<p class=\"missing\">The dump is incomplete: not all of it could be "
		      "written, or is left.</p>\n",
		      h->to);
	if (d->n_absent)
		fputs("<h3>Not in it, and why</h3>\n<ul>\n", h->to);
	for (size_t i = 0; i < d->n_absent; i++) {
		fputs("<li>", h->to);
		html_text(h, d->absent[i].text);
		if (d->absent[i].bytes)
			fprintf(h->to, ": <b>%s</b>", num_human(d->absent[i].bytes, a));
		fputs("</li>\n", h->to);
	}
	if (d->n_absent)
		fputs("</ul>\n", h->to);
	html_end(h);
}

/* ---- the capture */

static void put_phase(const struct html *h, const struct report_phase *p, uint64_t total)
{
	double from = WIDE * share(p->start_ms, total), width = WIDE * share(p->took_ms, total);
	bool failed = p->result && strcmp(p->result, "ok") != 0;

	fputs("<div>", h->to);
	html_text(h, p->name ? p->name : "?");
	fprintf(h->to, " <span class=\"dim\">%.2f s", (double)p->took_ms / 1000);
	if (failed)
		html_textf(h, ", %s%s%s", p->result, p->error ? ": " : "",
			   p->error ? p->error : "");
	fprintf(h->to,
		"</span></div><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
		"role=\"img\" "
		"aria-label=\"when\"><rect class=\"%s\" x=\"%.1f\" width=\"%.1f\" "
		"height=\"10\"></rect></svg>\n",
		failed ? "failed" : "present", from, NUM_MAX(width, 2.0));
}

void html_capture(const struct html *h)
{
	const struct report_capture *c = h->r->capture;
	uint64_t total = 0;
	char size[16];

	html_begin(h, "capture", "The capture", c ? c->result : NULL);
	if (!c) {
		fputs("<p class=\"dim\">No crash.json lies beside the dump.</p>\n", h->to);
		html_end(h);
		return;
	}
	fputs("<dl class=\"facts\">\n", h->to);
	html_fact(h, "device", c->device);
	html_fact(h, "kernel", c->release);
	html_fact(h, "watchdog", c->watchdog);
	html_fact(h, "cut off", c->cut);
	html_fact(h, "doubt", c->warning);
	html_fact(h, "unfiltered", c->unfiltered);
	html_fact(h, "memory", c->memory_total ? num_human(c->memory_total, size) : NULL);
	html_fact(h, "lowest", c->memory_lowest ? num_human(c->memory_lowest, size) : NULL);
	fputs("</dl>\n", h->to);
	for (size_t i = 0; i < c->n_phases; i++) {
		uint64_t end;

		if (num_add(c->phases[i].start_ms, c->phases[i].took_ms, &end))
			total = NUM_MAX(total, end);
	}
	if (c->n_phases)
		fprintf(h->to,
			"<h3>%.2f s from the start of the capture kernel</h3>\n<div "
			"class=\"rows\">\n",
			(double)total / 1000);
	for (size_t i = 0; i < c->n_phases && i < MAX_PHASES; i++)
		put_phase(h, &c->phases[i], total);
	if (c->n_phases)
		fputs("</div>\n", h->to);
	html_end(h);
}

/* ---- the analysis */

void html_analysis(const struct html *h)
{
	const struct report *r = h->r;
	char buf[WORDS_DURATION];

	html_begin(h, "analysis", "The analysis", NULL);
	fputs("<dl class=\"facts\">\n", h->to);
	html_fact(h, "level", r->level);
	html_fact(h, "vmlinux", *r->vmlinux ? r->vmlinux : r->vmlinux_missing);
	html_fact(h, "took", r->took_ns ? words_duration(r->took_ns, buf) : NULL);
	fputs("</dl>\n", h->to);
	if (r->gaps && r->gaps->n) {
		fputs("<h3>What could not be found or read</h3>\n<ul>\n", h->to);
		for (size_t i = 0; i < r->gaps->n; i++) {
			fputs("<li>", h->to);
			html_text(h, r->gaps->v[i]);
			fputs("</li>\n", h->to);
		}
		fputs("</ul>\n", h->to);
		if (r->gaps->more)
			fprintf(h->to, "<p class=\"dim\">and %zu more</p>\n", r->gaps->more);
	} else {
		fputs("<p class=\"dim\">Everything that was looked for was found.</p>\n", h->to);
	}
	html_end(h);
}
