/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kallsyms.c and kallsyms_tables.c share: names first, then the form of the addresses, then the table. */
#ifndef IMAGE_KALLSYMS_TABLES_H
#define IMAGE_KALLSYMS_TABLES_H

#include "image/kallsyms.h"

struct kallsyms_entry {
	uint64_t addr;
	uint32_t size;
	uint32_t name; /* of its type and name in the text */
};

/* Symbols in the order of the kernel's table; begins as {0}. */
struct kallsyms_list {
	struct kallsyms_entry *v;
	size_t n;
	char *text;
	size_t text_len, text_cap;
	size_t max_text; /* 0: as much as any kernel has */
};

void kallsyms_list_deinit(struct kallsyms_list *list);

/* The next packed name, which begins at *at; false: it does not lie inside, or is empty. */
bool kallsyms_next_name(struct bytes names, bool big_lengths, size_t *at,
			struct bytes *ret) _must_check_;

/* All names; addresses and form of `t` do not matter yet. */
int kallsyms_read_names(const struct kallsyms_tables *t, struct kallsyms_list *ret,
			struct err *err) _must_check_;

size_t kallsyms_width(enum kallsyms_form form);
/* Of entry i if the table were of this form; 0 beyond its end. */
uint64_t kallsyms_address(const struct kallsyms_tables *t, enum kallsyms_form form, uint64_t i);

/* The table, once the form is known: sorted, with sizes and a hash. Takes what the list has. */
int kallsyms_finish_tables(const struct kallsyms_tables *t, struct kallsyms_list *list,
			   bool searched, struct kallsyms **ret, struct err *err) _must_check_;

#endif
