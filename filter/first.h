/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written before everything else: without it a dump says nothing. */
#ifndef FILTER_FIRST_H
#define FILTER_FIRST_H

#include "image/image.h"

/*
 * The page frames of the kernel's image, which has its symbols, static data and first page tables, and of
 * its log, as far as they are found. The caller owns *ret (ranges_deinit).
 */
int first_find(const struct image *img, struct ranges *ret, struct err *err) _must_check_;

#endif
