// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a report makes of texts that a dump is full of: names of tasks and modules, lines of the log, symbols, the command line.
 * An input is a list of texts, each ended by a NUL; the first 64 bytes are values of the report's enums and numbers as well.
 *
 * Property: no text gets through a renderer as anything but text: 80 columns and no control character, a page of our tags and
 * attributes alone, valid JSON. And the same report is written the same way twice.
 */
#include <stdlib.h>

#include "base/num.h"
#include "report/classify.h"
#include "report/html.h"
#include "tests/unit/json_check.h"
#include "tests/unit/report_check.h"
#include "tests/unit/report_fixture.h"

#define MAX_TEXTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* Numbers that a dump could hold. */
static void put_numbers(struct report *r, const uint8_t *data, size_t size)
{
	uint64_t v[8] = {0};

	memcpy(v, data, NUM_MIN(size, sizeof(v)));
	r->verdict.crash.cls = (enum crash_class)(v[0] % CRASH_CLASSES);
	r->verdict.agreement = (enum report_agreement)((v[0] >> 8) % (REPORT_NEITHER + 1));
	r->crash_time = v[1];
	r->cpus[0].clock_ns = v[2];
	r->cpus[0].task.ns = v[3];
	r->cpus[1].clock_ns = v[3];
	r->memory->counters[v[0] >> 16 & 7].bytes = v[4];
	r->dump.cells[3].present = v[5];
	r->dump.cells[4].ram = v[6];
	r->dump.ram = v[6];
	r->iomem->v[2].start = v[7];
	r->iomem->v[3].end = v[7];
	((struct report_phase *)r->capture->phases)[1].start_ms = v[5];
	((struct report_phase *)r->capture->phases)[1].took_ms = v[6];
	r->log.v[2].ts_ns = v[7];
	r->panic_stack.v[2].offset = v[4];
}

/* Its stack is judged, too: the names are what the rules go by. */
static void judge(struct report *r)
{
	struct report_verdict *v = calloc(1, sizeof(*v));
	const struct classify_sources sources = {
		.log = &r->verdict.crash,
		.stack = &r->panic_stack,
		.cpu = 1,
		.task = &r->cpus[1].task,
	};

	REQUIRE(v);
	classify_verdict(&sources, v);
	REQUIRE(v->agreement != REPORT_DISAGREE || v->n_notes);
	REQUIRE(v->agreement != REPORT_AGREE || !v->n_notes);
	for (size_t i = 0; i < v->n_notes; i++)
		free(v->notes[i]);
	free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct report_fixture f; /* too large for a stack; filled anew each time */
	static const char as[] = "tchj";
	const char *texts[MAX_TEXTS];
	char *copy = malloc(size + 1);
	size_t n = 0;

	REQUIRE(copy);
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t at = 0; at <= size && n < MAX_TEXTS; at += strlen(copy + at) + 1)
		texts[n++] = copy + at;
	report_fixture_init(&f, texts, n);
	put_numbers(&f.r, data, size);
	judge(&f.r);
	for (size_t i = 0; as[i]; i++) {
		char *once = report_fixture_render(&f.r, as[i]),
		     *twice = report_fixture_render(&f.r, as[i]);

		REQUIRE(strcmp(once, twice) == 0);
		if (as[i] == 'h')
			REQUIRE(!report_check_html(once, html_style));
		else if (as[i] == 'j')
			REQUIRE(json_valid(once));
		else
			REQUIRE(!report_check_text(once, as[i] == 'c'));
		free(once);
		free(twice);
	}
	free(copy);
	return 0;
}
