// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/meter.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

#define IOMEM_MAX   65536
#define MEMINFO_MAX 512 /* what we look at is at the beginning */

bool meter_field(const char *meminfo, const char *field, uint64_t *ret)
{
	const char *line = strstr(meminfo, field);
	uint64_t kib;

	return line && sscanf(line + strlen(field), " %" SCNu64 " kB", &kib) == 1 &&
	       num_mul(kib, (uint64_t)1024, ret);
}

uint64_t meter_ram(const char *iomem)
{
	uint64_t sum = 0, first, last;
	const char *line = iomem;

	while (*line) {
		size_t len = strcspn(line, "\n");
		int at = 0;

		if (*line != ' ' &&
		    sscanf(line, "%" SCNx64 "-%" SCNx64 " : %n", &first, &last, &at) == 2 && at &&
		    len == (size_t)at + strlen("System RAM") &&
		    strncmp(line + at, "System RAM", strlen("System RAM")) == 0 && last > first &&
		    !num_add(sum, last - first + 1, &sum))
			return 0;
		line += len + (line[len] == '\n');
	}
	return sum;
}

void meter_init(struct meter *m, const struct root *root)
{
	_cleanup_free_ char *iomem = NULL;
	struct err ignored;
	size_t len;

	*m = (struct meter){.meminfo = root_open(root, "/proc/meminfo", O_RDONLY)};
	if (!root_read(root, "/proc/iomem", IOMEM_MAX, &iomem, &len, &ignored))
		m->ram = meter_ram(iomem);
	meter_look(m);
}

void meter_look(void *ctx)
{
	struct meter *m = ctx;
	char text[MEMINFO_MAX];
	ssize_t n = m->meminfo < 0 ? -1 : pread(m->meminfo, text, sizeof(text) - 1, 0);
	uint64_t available;

	if (n <= 0)
		return;
	text[n] = '\0';
	if (!meter_field(text, "MemTotal:", &m->total))
		m->total = 0;
	if (meter_field(text, "MemAvailable:", &available) && (!m->lowest || available < m->lowest))
		m->lowest = NUM_MAX(available, (uint64_t)1);
}
