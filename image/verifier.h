/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to verify.c and verify_kdump.c. */
#ifndef IMAGE_VERIFIER_H
#define IMAGE_VERIFIER_H

#include "image/image.h"
#include "image/verify.h"

struct verifier {
	const struct source *src;
	const struct verify_options *options;
	struct verify_stats stats;
	struct image *img; /* NULL: no image can be made of it */
};

void verifier_problem(struct verifier *v, const char *fmt, ...) _printf_(2, 3);

/* Both do nothing if the source is no kdump file. */
void verify_kdump_header(struct verifier *v);
/* Where the data of the pages lies in the file. */
int verify_kdump_data(struct verifier *v, struct err *err) _must_check_;

#endif
