/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The levels of `lifeboat test`. Each returns 0 if it was passed, else an error that says why not. */
#ifndef CMD_TEST_H
#define CMD_TEST_H

#include "cmd/service.h"
#include "service/history.h"

#define TEST_SCHEMA "lifeboat-test-1"

struct test_arguments {
	const char *config, *root, *accel, *keep;
	uint64_t timeout; /* seconds; 0: not said */
	bool proof, crash, sure, result, json;
};

int test_preflight(struct service_words *w, const struct test_arguments *a,
		   struct err *err) _must_check_;
int test_proof(struct service_words *w, const struct test_arguments *a,
	       struct err *err) _must_check_;
int test_crash(struct service_words *w, const struct test_arguments *a,
	       struct err *err) _must_check_;
int test_result(struct service_words *w, const struct test_arguments *a,
		struct err *err) _must_check_;

/* Put a test into the history; what is wrong with that is a warning. */
void test_record(const struct service *s, const struct history_entry *entry);

#endif
