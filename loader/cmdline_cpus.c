// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/cmdline_cpus.h"

#include <string.h>

#include "base/num.h"

#define MIB (1024u * 1024u)

/* What a capture with one CPU is happy with; more CPUs only beyond it. */
#define BASE_MEMORY (256u * MIB)
/*
 * For a CPU: its per-CPU data, the stacks of its kernel threads, free pages on its lists, and a worker of the filter
 * with its buffers (4 MiB in docs/performance.md's case of 16 threads). Generous.
 */
#define CPU_MEMORY (16u * MIB)
/* The target is the bottleneck long before. */
#define MOST_CPUS 8

unsigned int cmdline_cpus_decide(const struct cmdline_cpus *c, const char **ret_why)
{
	uint64_t n;

	if (c->wanted) {
		*ret_why = "as many CPUs as were asked for";
		return c->wanted;
	}
	*ret_why = "one CPU is enough; that others can be woken after a crash is not known here";
	if (!c->several)
		return 1;
	*ret_why = "one CPU: it is not known which one booted the machine, and waking that one "
		   "would reset it";
	if (c->apic && !c->bsp_known)
		return 1;
	*ret_why = "one CPU: others would take memory that the reservation does not have";
	if (c->reserved < BASE_MEMORY + CPU_MEMORY)
		return 1;
	*ret_why = "one CPU: no others are known";
	if (c->present < 2)
		return 1;
	*ret_why = "the filter works in parallel, and the reservation has room for so many CPUs";
	n = 1 + (c->reserved - BASE_MEMORY) / CPU_MEMORY;
	return (unsigned int)NUM_MIN(NUM_MIN(n, c->present), MOST_CPUS);
}

/* The value of a line "key<white space>: value" up to its end, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0)
		return NULL;
	line += len;
	line += strspn(line, " \t");
	if (*line != ':')
		return NULL;
	line++;
	return line + strspn(line, " \t");
}

static bool parse(const char *value, uint32_t *ret)
{
	char text[16];
	size_t len = strcspn(value, "\n");
	struct err err;
	uint64_t v;

	if (len >= sizeof(text))
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	if (num_parse_range(text, 0, UINT32_MAX, &v, &err))
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool cmdline_cpus_bsp(const char *cpuinfo, uint32_t *ret)
{
	bool inside = false;
	uint32_t cpu;

	for (const char *line = cpuinfo; *line;) {
		const char *value = value_of(line, "processor");

		if (value)
			inside = parse(value, &cpu) && cpu == 0;
		value = inside ? value_of(line, "initial apicid") : NULL;
		if (value)
			return parse(value, ret);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}
