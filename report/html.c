// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "base/utc.h"

#define LOG_LINES 300

/* ---- text */

static void escape(FILE *to, const char *plain)
{
	for (; *plain; plain++) {
		switch (*plain) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		case '\'':
			fputs("&#39;", to);
			break;
		default:
			fputc(*plain, to);
		}
	}
}

void html_text(const struct html *h, const char *text)
{
	size_t size = 4 * strlen(text) + 1;
	_cleanup_free_ char *plain = malloc(size);

	if (plain)
		escape(h->to, text_plain(text, plain, size));
}

void html_textf(const struct html *h, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		text = NULL;
	else
		html_text(h, text);
}

/* ---- parts */

void html_begin(const struct html *h, const char *id, const char *title, const char *note)
{
	fprintf(h->to, "<section id=\"%s\"><h2>%s", id, title);
	if (note && *note) {
		fputs(" <small>", h->to);
		html_text(h, note);
		fputs("</small>", h->to);
	}
	fputs("</h2>\n", h->to);
}

void html_end(const struct html *h)
{
	fputs("</section>\n", h->to);
}

bool html_missing(const struct html *h, const char *why)
{
	if (!why)
		return false;
	fputs("<p class=\"missing\">Not known: ", h->to);
	html_text(h, why);
	fputs("</p>\n", h->to);
	return true;
}

static void put_fact(const struct html *h, const char *class, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(h->to, "<div%s><dt>", class);
	html_text(h, name);
	fputs("</dt><dd>", h->to);
	html_text(h, value);
	fputs("</dd></div>\n", h->to);
}

void html_fact(const struct html *h, const char *name, const char *value)
{
	put_fact(h, "", name, value);
}

/* ---- stacks */

static void put_lines(const struct html *h, const struct report_frame *f)
{
	for (size_t i = 0; i < f->n_lines; i++) {
		fputs("<span class=\"src\">", h->to);
		if (f->lines[i].inlined)
			html_textf(h, "%s, inlined: ", f->lines[i].function);
		html_textf(h, "%s:%u", f->lines[i].file, f->lines[i].line);
		fputs("</span>", h->to);
	}
}

static void put_frame(const struct html *h, const struct report_frame *f, bool first,
		      const char *class)
{
	fprintf(h->to, "<li class=\"%s%s%s\"><code>", class, f->reliable ? "" : " guess",
		f->interrupted && !first ? " hit" : "");
	if (f->function) {
		fputs("<b>", h->to);
		html_text(h, f->function);
		fprintf(h->to, "</b><i>+0x%" PRIx64 "/0x%" PRIx64 "</i>", f->offset, f->size);
	} else {
		fprintf(h->to, "<b>0x%" PRIx64 "</b>", f->pc);
	}
	fputs("</code>", h->to);
	if (f->module) {
		fputs(" <span class=\"mod\">", h->to);
		html_text(h, f->module);
		fputs("</span>", h->to);
	}
	if (f->interrupted && !first)
		fputs(" <span class=\"tag\">interrupted here</span>", h->to);
	if (!f->reliable)
		fputs(" <span class=\"tag dim\">found on the stack, not by the tables</span>",
		      h->to);
	put_lines(h, f);
	fputs("</li>\n", h->to);
}

void html_stack(const struct html *h, const struct report_stack *stack, enum html_mark mark)
{
	bool culprit = mark == HTML_MARK_CULPRIT;

	fputs("<ol class=\"stack\" start=\"0\">\n", h->to);
	for (size_t i = 0; i < stack->n; i++) {
		const struct report_frame *f = &stack->v[i];
		bool reporting = mark != HTML_MARK_NONE && f->function &&
				 signature_is_reporting(f->function);
		bool first = culprit && !reporting && f->reliable && f->function;

		put_frame(h, f, !i, reporting ? "rep" : first ? "culprit" : "");
		if (first)
			culprit = false;
	}
	fputs("</ol>\n", h->to);
	if (!stack->whole && *stack->end) {
		fputs("<p class=\"missing\">The stack goes on, but: ", h->to);
		html_text(h, stack->end);
		fputs("</p>\n", h->to);
	} else if (stack->user) {
		fputs("<p class=\"dim\">called from user space</p>\n", h->to);
	}
}

/* ---- the head */

static void put_badges(const struct html *h)
{
	const struct report_verdict *v = &h->r->verdict;

	fputs("<p class=\"badges\">", h->to);
	if (h->r->live)
		fputs("<span class=\"badge good\">running machine</span>", h->to);
	if (v->agreement != REPORT_NEITHER) {
		fputs("<span class=\"badge bad\">", h->to);
		html_text(h, crash_class_name(v->crash.cls));
		fputs("</span>", h->to);
	}
	if (!h->r->live)
		fprintf(h->to, "<span class=\"badge %s\">%s</span>",
			v->agreement == REPORT_AGREE      ? "good"
			: v->agreement == REPORT_DISAGREE ? "warn"
							  : "",
			words_agreement(v->agreement));
	if (v->crash.earlier)
		fprintf(h->to, "<span class=\"badge warn\">%zu earlier oopses or warnings</span>",
			v->crash.earlier);
	if (h->r->dump.incomplete)
		fputs("<span class=\"badge warn\">incomplete dump</span>", h->to);
	fputs("</p>\n", h->to);
}

static void put_taints(const struct html *h)
{
	const struct system_info *s = h->r->system;
	struct system_taint taints[SYSTEM_MAX_TAINTS];
	size_t n;

	if (!s || !s->taint_known)
		return;
	n = system_taints(s->taint_mask, taints);
	fputs("<div class=\"wide\"><dt>tainted</dt><dd>", h->to);
	for (size_t i = 0; i < n; i++) {
		fprintf(h->to, "%s<b>%c</b> ", i ? ", " : "", taints[i].letter);
		html_text(h, taints[i].text);
	}
	fputs(n ? "</dd></div>\n" : "no</dd></div>\n", h->to);
}

static void put_facts(const struct html *h)
{
	const struct report *r = h->r;
	const struct report_verdict *v = &r->verdict;
	uint64_t uptime = r->system ? r->system->uptime_ns : 0;
	char buf[512], time[UTC_TEXT], up[WORDS_DURATION];

	fputs("<dl class=\"facts head\">\n", h->to);
	html_fact(h, "task", words_victim(r, buf, sizeof(buf)));
	html_fact(h, r->live ? "looked at" : "crashed",
		  r->crash_time && utc_format(r->crash_time, time) ? time : NULL);
	html_fact(h, "up for", uptime ? words_duration(uptime, up) : NULL);
	html_fact(h, "host", r->uts[UTS_NODENAME]);
	snprintf(buf, sizeof(buf), "%s %s %s", r->uts[UTS_RELEASE], r->uts[UTS_MACHINE],
		 r->uts[UTS_VERSION]);
	put_fact(h, " class=\"wide\"", "kernel", *r->uts[UTS_RELEASE] ? buf : NULL);
	put_taints(h);
	put_fact(h, " class=\"wide id\"", "build id", r->build_id);
	if (v->agreement != REPORT_NEITHER) {
		snprintf(buf, sizeof(buf), "%s %s", SIGNATURE_ALG, v->signature.func);
		put_fact(h, " class=\"wide id\"", "signature", buf);
	}
	fputs("</dl>\n", h->to);
}

static void put_head(const struct html *h)
{
	const struct report_verdict *v = &h->r->verdict;
	bool known = v->agreement != REPORT_NEITHER;
	char buf[512], title[512];

	fputs("<header id=\"verdict\">\n", h->to);
	put_badges(h);
	fputs("<h1>", h->to);
	words_headline(h->r, buf, sizeof(buf));
	html_text(h, words_title(h->r, title, sizeof(title)));
	fputs("</h1>\n", h->to);
	if (known) {
		fputs("<p class=\"lead\">", h->to);
		html_text(h, buf);
		fputs("</p>\n", h->to);
		if (*v->crash.panic && !strstr(buf, v->crash.panic)) {
			fputs("<p class=\"lead\">Kernel panic - not syncing: ", h->to);
			html_text(h, v->crash.panic);
			fputs("</p>\n", h->to);
		}
	}
	if (v->n_notes) {
		fputs("<ul class=\"notes\">\n", h->to);
		for (size_t i = 0; i < v->n_notes; i++) {
			fputs("<li>", h->to);
			html_text(h, v->notes[i]);
			fputs("</li>\n", h->to);
		}
		fputs("</ul>\n", h->to);
	}
	put_facts(h);
	fputs("</header>\n", h->to);
}

static void put_nav(const struct html *h)
{
	static const struct {
		const char *id, *name;
	} parts[] = {
		{"stack", "stack"},
		{"block", "log of the crash"},
		{"registers", "registers"},
		{"cpus", "CPUs"},
		{"blocked", "blocked"},
		{"tasks", "tasks"},
		{"memory", "memory"},
		{"modules", "modules"},
		{"log", "log"},
		{"machine", "machine"},
		{"map", "map"},
		{"dump", "dump"},
		{"capture", "capture"},
		{"analysis", "analysis"},
	};

	fputs("<nav>", h->to);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(h->to, "<a href=\"#%s\">%s</a>", parts[i].id, parts[i].name);
	fputs("</nav>\n", h->to);
}

/* ---- stack, log, registers */

static void put_panic_stack(const struct html *h)
{
	const struct report *r = h->r;
	char note[32] = "";

	if (r->panic_cpu_known)
		snprintf(note, sizeof(note), "CPU %u", r->panic_cpu);
	html_begin(h, "stack", r->live ? "Stack" : "Panicking stack", note);
	if (!html_missing(h, r->panic_stack_missing))
		/* where the place is chance, none is pointed at: sysrq, out of memory … */
		html_stack(h, &r->panic_stack,
			   r->verdict.signature.n_frames ? HTML_MARK_CULPRIT : HTML_MARK_REPORTING);
	html_end(h);
}

void html_line(const struct html *h, const struct report_line *line)
{
	char stamp[32];

	fprintf(h->to, "<p class=\"l%c\"><span>%s</span> ",
		line->level <= 7 ? (char)('0' + line->level) : 'x',
		words_stamp(line->ts_ns, stamp));
	html_text(h, line->text);
	fputs("</p>\n", h->to);
}

static void put_block(const struct html *h)
{
	const struct report_log *log = &h->r->log;

	html_begin(h, "block", "What the log says of it", NULL);
	if (html_missing(h, h->r->log_missing)) {
		html_end(h);
		return;
	}
	if (log->block >= log->block_end) {
		fputs("<p class=\"missing\">The log has no crash.</p>\n", h->to);
	} else {
		fputs("<div class=\"log\">\n", h->to);
		for (size_t i = log->block; i < log->block_end; i++)
			html_line(h, &log->v[i]);
		fputs("</div>\n", h->to);
	}
	html_end(h);
}

static void put_regs(const struct html *h, const struct regs *regs)
{
	const struct arch_regs *names = h->r->regs;

	fputs("<dl class=\"regs\">\n", h->to);
	for (unsigned int i = 0; i < names->n && i < REGS_MAX; i++)
		if (regs->known & (uint64_t)1 << i)
			fprintf(h->to, "<div%s><dt>%s</dt><dd>%016" PRIx64 "</dd></div>\n",
				regs->v[i] ? "" : " class=\"nil\"", names->names[i], regs->v[i]);
	fputs("</dl>\n", h->to);
}

static void put_registers(const struct html *h)
{
	const struct report_stack *s = &h->r->panic_stack;

	html_begin(h, "registers", "Registers", NULL);
	if (!h->r->regs || !s->n_regs || h->r->panic_stack_missing)
		fputs("<p class=\"missing\">The CPU left none.</p>\n", h->to);
	else
		for (size_t set = s->n_regs; set-- > 0;) {
			fprintf(h->to, "<h3>%s</h3>\n",
				set ? "where it was interrupted" : "when the CPU stopped");
			put_regs(h, &s->regs[set]);
		}
	html_end(h);
}

static void put_log(const struct html *h)
{
	const struct report_log *log = &h->r->log;
	size_t first = log->n - NUM_MIN(log->n, (size_t)LOG_LINES);
	char note[96];

	snprintf(note, sizeof(note), "the last %zu of %" PRIu64 " lines", log->n - first,
		 log->lines);
	html_begin(h, "log", "Log", h->r->log_missing ? NULL : note);
	if (!html_missing(h, h->r->log_missing)) {
		/* turned round, so that a browser begins at its end */
		fputs("<div class=\"log tail\"><div>\n", h->to);
		for (size_t i = first; i < log->n; i++)
			html_line(h, &log->v[i]);
		fputs("</div></div>\n", h->to);
		if (log->damaged)
			fprintf(h->to,
				"<p class=\"missing\">%" PRIu64 " records could not be read.</p>\n",
				log->damaged);
	}
	html_end(h);
}

/* ---- the page */

static void put_title(const struct html *h)
{
	char buf[512];

	html_text(h, words_title(h->r, buf, sizeof(buf)));
	if (*h->r->uts[UTS_NODENAME])
		html_textf(h, ", %s", h->r->uts[UTS_NODENAME]);
}

void report_write_html(const struct report *r, FILE *to)
{
	const struct html h = {.r = r, .to = to};

	/* should a foreign text ever get through, the browser is told to run and fetch nothing */
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
	      to);
	put_title(&h);
	fprintf(to, "</title>\n<style>\n%s</style></head>\n<body>\n", html_style);
	put_head(&h);
	put_nav(&h);
	fputs("<main>\n<div class=\"beside\">\n", to);
	put_panic_stack(&h);
	put_block(&h);
	fputs("</div>\n", to);
	put_registers(&h);
	html_cpus(&h);
	html_blocked(&h);
	html_tasks(&h);
	html_memory(&h);
	html_modules(&h);
	put_log(&h);
	html_machine(&h);
	html_map(&h);
	html_dump(&h);
	html_capture(&h);
	html_analysis(&h);
	fputs("</main>\n<footer>", to);
	html_text(&h, r->tool);
	fputs("</footer>\n</body></html>\n", to);
}
