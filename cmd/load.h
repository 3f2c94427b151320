/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `lifeboat load` and the program called kexec share. */
#ifndef CMD_LOAD_H
#define CMD_LOAD_H

#include "loader/load.h"
#include "service/service.h"

enum load_mode {
	LOAD_NOW,
	LOAD_REHEARSE,  /* load as an ordinary image, and take it out again */
	LOAD_PLAN_TEXT, /* print what would be done */
	LOAD_PLAN_JSON,
};

/* With the facts of another machine (a root that is not "/") nothing is ever loaded. */
int load_do(const struct service *s, const struct load_request *request, enum load_mode mode,
	    bool force, struct err *err) _must_check_;

#endif
