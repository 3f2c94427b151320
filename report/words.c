// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define SECOND ((uint64_t)1000000000)

const char *words_duration(uint64_t ns, char buf[WORDS_DURATION])
{
	uint64_t s = ns / SECOND;

	if (ns < SECOND / 1000)
		snprintf(buf, WORDS_DURATION, "%" PRIu64 " us", ns / 1000);
	else if (ns < SECOND)
		snprintf(buf, WORDS_DURATION, "%" PRIu64 " ms", ns / (SECOND / 1000));
	else if (s < 60)
		snprintf(buf, WORDS_DURATION, "%" PRIu64 ".%02u s", s,
			 (unsigned int)(ns % SECOND / (SECOND / 100)));
	else if (s < 3600)
		snprintf(buf, WORDS_DURATION, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, WORDS_DURATION, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			 s % 3600 / 60);
	else
		snprintf(buf, WORDS_DURATION, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
			 s % 86400 / 3600);
	return buf;
}

const char *words_stamp(uint64_t ns, char buf[32])
{
	snprintf(buf, 32, "[%5" PRIu64 ".%06" PRIu64 "]", ns / SECOND, ns % SECOND / 1000);
	return buf;
}

const char words_states[] = "RDSITtPZX?";

const char *words_state(char state)
{
	static const struct {
		char state;
		const char *text;
	} states[] = {
		{TASK_RUNNING, "runnable (R)"},  {TASK_BLOCKED, "blocked (D)"},
		{TASK_SLEEPING, "sleeping (S)"}, {TASK_IDLE, "idle (I)"},
		{TASK_STOPPED, "stopped (T)"},   {TASK_TRACED, "traced (t)"},
		{TASK_PARKED, "parked (P)"},     {TASK_ZOMBIE, "zombie (Z)"},
		{TASK_DEAD, "dead (X)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i].state == state)
			return states[i].text;
	return "not known";
}

const char *words_level(uint8_t level)
{
	static const char *const names[] = {"emerg",   "alert",  "crit", "err",
					    "warning", "notice", "info", "debug"};

	return level < ARRAY_SIZE(names) ? names[level] : "";
}

const char *words_agreement(enum report_agreement agreement)
{
	switch (agreement) {
	case REPORT_AGREE:
		return "log and stack agree";
	case REPORT_DISAGREE:
		return "log and stack do NOT agree";
	case REPORT_LOG_ONLY:
		return "by the log alone: no stack says what it was";
	case REPORT_STACK_ONLY:
		return "by the stack alone: the log has no crash";
	case REPORT_NEITHER:
		break;
	}
	return "neither log nor stack says what it was";
}

const char *words_caller(uint32_t caller, char buf[16])
{
	*buf = '\0';
	if (caller)
		snprintf(buf, 16, "%c%u", caller & 0x80000000U ? 'C' : 'T', caller & 0x7fffffffU);
	return buf;
}

const char *words_headline(const struct report *r, char *buf, size_t size)
{
	const struct crash *c = &r->verdict.crash;
	const char *text = *c->title ? c->title : c->panic;

	if (!*text)
		text = r->live ? "a running machine: it has not crashed"
		       : r->log_missing
			       ? "what the machine died of is not known"
			       : "no crash: the log has none, and no stack says what it was";
	snprintf(buf, size, "%s", text);
	return buf;
}

const char *words_title(const struct report *r, char *buf, size_t size)
{
	const struct report_verdict *v = &r->verdict;
	const char *cls = crash_class_name(v->crash.cls);

	if (r->live || v->agreement == REPORT_NEITHER)
		return words_headline(r, buf, size);
	/* a crash that somebody asked for has no function that is to blame */
	if (strcmp(v->signature.title, cls) == 0 && *v->crash.comm)
		snprintf(buf, size, "%s by task %s", cls, v->crash.comm);
	else
		snprintf(buf, size, "%s", v->signature.title);
	return buf;
}

const char *words_victim(const struct report *r, char *buf, size_t size)
{
	const struct crash *c = &r->verdict.crash;
	size_t n = 0;

	if (!size)
		return buf;
	*buf = '\0';
	if (*c->comm)
		n += (size_t)snprintf(buf, size, "%s ", c->comm);
	if (n < size && c->pid >= 0)
		n += (size_t)snprintf(buf + n, size - n, "(pid %" PRId64 ") ", c->pid);
	if (n < size && c->cpu >= 0)
		n += (size_t)snprintf(buf + n, size - n, "on CPU %d", c->cpu);
	n = strlen(buf);
	if (n && buf[n - 1] == ' ')
		buf[n - 1] = '\0';
	return buf;
}

const char *words_cpus(const struct report *r, const struct report_group *group, char *buf,
		       size_t size)
{
	size_t at = 0;

	if (!size)
		return buf;
	*buf = '\0';
	for (size_t i = 0; i < group->n;) {
		unsigned int first = r->cpus[group->members[i]].cpu, last = first;
		char piece[32];
		size_t len;

		while (++i < group->n && r->cpus[group->members[i]].cpu == last + 1)
			last++;
		if (first == last)
			len = (size_t)snprintf(piece, sizeof(piece), "%s%u", at ? ", " : "", first);
		else
			len = (size_t)snprintf(piece, sizeof(piece), "%s%u-%u", at ? ", " : "",
					       first, last);
		if (at + len + 8 > size) {
			snprintf(buf + at, size - at, ", …");
			break;
		}
		memcpy(buf + at, piece, len + 1);
		at += len;
	}
	return buf;
}

/* ---- memory */

static uint64_t counter(const struct memory *memory, const char *name)
{
	uint64_t v;

	return memory_counter(memory, name, &v) ? v : 0;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

size_t words_memory(const struct memory *memory, struct words_part ret[WORDS_MAX_PARTS],
		    uint64_t *ret_total)
{
	uint64_t total, shmem, left;
	size_t n = 0;

	if (!memory || !memory_counter(memory, "MemTotal", &total) || !total)
		return 0;
	shmem = counter(memory, "Shmem");
	/* /proc/meminfo's Cached has shared memory in it (fs/proc/meminfo.c) */
	const struct words_part parts[] = {
		{"processes", "anon", counter(memory, "AnonPages")},
		{"page cache", "cache",
		 less(counter(memory, "Cached"), shmem) + counter(memory, "Buffers")},
		{"shared memory, tmpfs", "shmem", shmem},
		{"slab, reclaimable", "slabr", counter(memory, "SReclaimable")},
		{"slab", "slab", counter(memory, "SUnreclaim")},
		{"page tables", "tables", counter(memory, "PageTables")},
		{"kernel stacks", "stacks", counter(memory, "KernelStack")},
		{"vmalloc", "vmalloc",
		 less(counter(memory, "VmallocUsed"), counter(memory, "KernelStack"))},
		{"per-CPU", "percpu", counter(memory, "Percpu")},
		{"huge pages", "huge", counter(memory, "Hugetlb")},
		{"free", "free", counter(memory, "MemFree")},
	};

	left = total;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i].bytes || parts[i].bytes > left)
			continue; /* one that cannot be is left out: the rest is then "other" */
		left -= parts[i].bytes;
		ret[n++] = parts[i];
	}
	if (left)
		ret[n++] = (struct words_part){"other", "other", left};
	*ret_total = total;
	return n;
}
