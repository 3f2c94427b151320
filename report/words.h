/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the renderers say in the same words. */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

#include "report/report.h"

/* "3 d 4 h", "12 min 3 s", "4.21 s", "12 ms": the two largest units. Returns buf. */
#define WORDS_DURATION 48
const char *words_duration(uint64_t ns, char buf[WORDS_DURATION]);

/* "[   12.345678]", as dmesg(1) has it. Returns buf. */
const char *words_stamp(uint64_t ns, char buf[32]);

/* "blocked (D)" and the like; the states in the order in which they are told, 0 behind the last. */
const char *words_state(char state);
extern const char words_states[];

const char *words_level(uint8_t level); /* "emerg" to "debug"; "" not known */
const char *words_agreement(enum report_agreement agreement);

/* "T" for a task, "C" for a CPU and its number, as printk's caller prefix has it; "" not known. Returns buf. */
const char *words_caller(uint32_t caller, char buf[16]);

/* What a mail or a page is called by: the signature's title, and who did it where that names no place. Returns buf. */
const char *words_title(const struct report *r, char *buf, size_t size);

/* What the machine died of in a few words for the head: never "". Returns buf. */
const char *words_headline(const struct report *r, char *buf, size_t size);

/* "bash (pid 12) on CPU 3"; "" where nothing of it is known. Returns buf. */
const char *words_victim(const struct report *r, char *buf, size_t size);

/* "1, 4-7, 12" of a group's members, cut with "…" to the buffer. Returns buf. */
const char *words_cpus(const struct report *r, const struct report_group *group, char *buf,
		       size_t size);

/* Memory by what it is used for: parts that do not overlap and add up to no more than `total`. Returns how many; 0: not known. */
struct words_part {
	const char *name; /* "page cache" */
	const char *key;  /* "cache": one word, for a style */
	uint64_t bytes;
};
#define WORDS_MAX_PARTS 16
size_t words_memory(const struct memory *memory, struct words_part ret[WORDS_MAX_PARTS],
		    uint64_t *ret_total);

#endif
