/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of `lifeboat doctor` share. */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/opened.h"
#include "filter/filter.h"
#include "loader/kconfig.h"
#include "service/crashkernel.h"
#include "service/dumps.h"
#include "service/status.h"

/* ---- the rungs: what could be read of a dump of this machine */

enum doctor_answer { DOCTOR_UNKNOWN, DOCTOR_YES, DOCTOR_NO };

struct doctor_rung {
	const char *name;  /* "symbols" */
	const char *gives; /* what it is good for, a clause */
	enum doctor_answer answer;
	const char *from;   /* "tried", "configuration", "/sys"; NULL if it is unknown */
	char detail[256];   /* what was found, or why not; "" nothing to say */
	bool matters;       /* without it something is lost that nothing else brings */
	const char *remedy; /* if it is not there; NULL: none */
};

#define DOCTOR_MAX_RUNGS 20

/* ---- the dump: how large, how long */

struct doctor_dump {
	unsigned int level;
	bool counted; /* the next ones are, on the running machine */
	struct filter_stats stats;
	uint64_t page_size;
	uint64_t file_bytes;    /* estimated, packed; 0: not known */
	uint64_t pack_ms;       /* of one CPU here, for that */
	char why[ERR_MSG_SIZE]; /* it could not be counted */
	bool most_known;
	uint64_t most_bytes; /* at most, before compression */
	uint64_t rate;       /* bytes of dump per second that the last capture wrote; 0: none did */
	char rate_of[256];   /* that crash */
	uint64_t capture_ms; /* estimated; 0: not known */
};

/* ---- what should be changed */

enum doctor_weight {
	DOCTOR_FATAL,   /* nothing would be captured */
	DOCTOR_WARNING, /* something would be lost */
	DOCTOR_NOTE,
};

struct doctor_finding {
	enum doctor_weight weight;
	char what[64];
	char reason[ERR_MSG_SIZE];
	char remedy[256]; /* "": none, or the reason has it */
};

#define DOCTOR_MAX_FINDINGS 48

struct doctor {
	const struct cmd *cmd;
	struct service *service;
	const char *root, *config; /* as given */
	struct status *st;
	struct kconfig_report kconfig;
	struct err kconfig_err; /* code != 0: it could not be read */
	struct opened live;     /* live.k NULL: */
	struct err live_err;    /* why the running machine's memory cannot be read */
	struct doctor_rung rungs[DOCTOR_MAX_RUNGS];
	size_t n_rungs;
	struct doctor_dump dump;
	struct crashkernel_estimate room;
	struct err room_err;
	struct doctor_finding findings[DOCTOR_MAX_FINDINGS];
	size_t n_findings, findings_left_out;
};

/* Fill in the rungs: tried on live.k, else from the configuration and /sys. */
void doctor_climb(struct doctor *d);

/* Fill in the dump. ERR_NO_MEMORY and the like only; what cannot be known is left so. */
int doctor_measure(struct doctor *d, struct err *err) _must_check_;

/* From all of that, what should be changed. */
void doctor_judge(struct doctor *d);

#endif
