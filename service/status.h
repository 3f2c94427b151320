/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is this machine ready for a crash? What is armed and since when, whether it is what would be built now, whether it was tested,
 * where a dump would go and whether it would fit. Only looked at: nothing is written to, no target is mounted. What this user
 * may not see is unknown, never good.
 */
#ifndef SERVICE_STATUS_H
#define SERVICE_STATUS_H

#include "service/build.h"
#include "service/history.h"
#include "service/sending.h"

/* Of the ELF core header that was staged: would it be the same today? */
enum status_header {
	STATUS_HEADER_UNKNOWN,
	STATUS_HEADER_FRESH,
	STATUS_HEADER_STALE, /* memory or CPUs have changed since */
	STATUS_HEADER_KEPT,  /* the kernel keeps it up to date */
};

/* Is what is armed (or, if that cannot be told, the image's file) what would be built now? */
enum status_image {
	STATUS_IMAGE_UNKNOWN, /* image_err says why */
	STATUS_IMAGE_FRESH,
	STATUS_IMAGE_STALE, /* `difference` says in what */
	STATUS_IMAGE_MISSING,
};

enum status_test {
	STATUS_TEST_UNKNOWN, /* the history cannot be read */
	STATUS_TEST_NONE,
	STATUS_TEST_PENDING, /* a crash test was begun, and its outcome is not known yet */
	STATUS_TEST_PASSED,
	STATUS_TEST_FAILED,
};

/*
 * Would a dump fit? An estimate: the memory that is in use now and that the dump level keeps, before compression, is what
 * is needed at most (status_need()).
 */
enum status_fit {
	STATUS_FIT_UNKNOWN,
	STATUS_FIT_YES,
	STATUS_FIT_LEANER, /* not at the level that is wanted, but at level 31, which is tried then */
	STATUS_FIT_PERHAPS, /* only if it packs to between that and a quarter of it */
	STATUS_FIT_NO,      /* not even then */
};

struct status_target {
	char text[1280]; /* as target_describe() has it */
	bool log_only;
	char at[512]; /* where it is mounted now; "" nowhere, or it is raw */
	bool free_known;
	uint64_t free; /* bytes for a dump, without what is to stay free */
	char why[512]; /* it is not known */
	enum status_fit fit;
};

#define STATUS_MAX_PROBLEMS 8

struct status {
	struct facts facts;
	bool all_seen; /* the caller is root; else most of what follows is unknown */

	struct state armed;    /* known: it is on record */
	struct err record_err; /* code != 0: why the record cannot be read */
	enum status_header header;

	bool config_read;
	struct err config_err; /* code != 0: what is wrong with it, or why it makes no recipe */
	char version
		[BUILD_VERSION_SIZE]; /* of the capture kernel that start would load; "" unknown */
	char image[BUILD_IMAGE_SIZE]; /* "" likewise */
	bool image_is_armed; /* image_state is about what is armed, not only about the file */
	enum status_image image_state;
	char difference[INPUTS_DIFFERENCE];
	struct err image_err;

	enum status_test test_state;
	struct history_entry test; /* but for UNKNOWN and NONE */
	bool test_of_this;         /* it was of the image that is armed */
	bool failed_known; /* the next one is: the last failed one of that image which no later one settles */
	struct history_entry failed;
	bool crash_known;
	struct history_entry crash; /* the last one */

	char missing
		[ERR_MSG_SIZE]; /* the first target that is left out of the recipe, and why; "" none */
	bool waiting_known;     /* the next ones are */
	struct sending *waiting; /* spooled crashes that wait to be sent, the oldest first */
	size_t n_waiting;
	uint64_t now; /* seconds since 1970 */

	struct status_target *targets; /* of the recipe */
	size_t n_targets;
	unsigned int level; /* the dump level that is wanted */
	bool need_known;
	uint64_t need;        /* bytes, at most, at that level; */
	uint64_t need_leaner; /* at level 31 */

	/* What is wrong, the worst first, each with its remedy; none and armed: all is well as far as is known. */
	char problems[STATUS_MAX_PROBLEMS][ERR_MSG_SIZE];
	size_t n_problems;
};

/* On the heap; end it with status_destroy(). Its parts that cannot be read are unknown; ERR_NO_MEMORY is the only error. */
int status_create(const struct service *s, struct status **ret, struct err *err) _must_check_;
void status_destroy(struct status *st); /* NULL is fine */

/* 0 if a panic kernel is loaded; ERR_NOT_LOADED; ERR_NOT_FOUND if there is no /sys to tell. */
int status_code(const struct status *st);

/* The verdict in a line: "armed", "armed, but …", "NOT ARMED: …". Returns buf. */
#define STATUS_VERDICT (ERR_MSG_SIZE + 32)
const char *status_verdict(const struct status *st, char buf[STATUS_VERDICT]);

/*
 * How large a dump may become at most, of a text like /proc/meminfo: MemTotal and a 64th of it for the struct pages, without
 * what the level leaves out: with 16 MemFree, with 4 Buffers and Cached, with 8 AnonPages and Hugetlb. False if it does not say
 * all that.
 */
bool status_need(const char *meminfo, unsigned int level, uint64_t *ret);

enum status_fit status_fits(uint64_t free, uint64_t need, uint64_t need_leaner);

/* Fill in the targets of a recipe, need and level (service/status_room.c). */
int status_look_at_room(const struct service *s, const struct recipe *recipe, struct status *st,
			struct err *err) _must_check_;

#endif
