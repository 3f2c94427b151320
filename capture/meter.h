/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory the capture took, so that the next reservation can be chosen by measure (`lifeboat estimate`): the lowest
 * MemAvailable that was seen while steps ran. What the kernel took before its first process, the unpacking of the initramfs
 * above all, is not seen here.
 */
#ifndef CAPTURE_METER_H
#define CAPTURE_METER_H

#include <stdint.h>

#include "base/root.h"

#define METER_LOOK_MS 50

struct meter {
	int meminfo; /* descriptor of /proc/meminfo, or -1 */
	/* bytes; 0: not known */
	uint64_t ram;    /* that the kernel was given: "System RAM" of /proc/iomem */
	uint64_t total;  /* MemTotal: without what it keeps for itself */
	uint64_t lowest; /* MemAvailable at the worst moment; 1 if it was 0 */
};

/* What cannot be read is not known, which is no error. The descriptor stays open as long as the process. */
void meter_init(struct meter *m, const struct root *root);

/* Look now. `m` is a struct meter; allocates nothing. */
void meter_look(void *m);

/* Sum of the top-level "System RAM" lines of a text like /proc/iomem, in bytes; 0 if there is none or it makes no sense. */
uint64_t meter_ram(const char *iomem);

/* A line of a text like /proc/meminfo ("MemAvailable:"), in bytes; false: it is not there, or makes no sense. */
bool meter_field(const char *meminfo, const char *field, uint64_t *ret);

#endif
