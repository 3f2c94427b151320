/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One filter run as a command line asks for it: shared by `lifeboat filter` and makedumpfile's name. */
#ifndef CMD_JOB_H
#define CMD_JOB_H

#include <stdio.h>

#include "base/opt.h"
#include "cmd/dump.h"
#include "crypt/age.h"
#include "filter/filter.h"

#define JOB_MAX_LEVELS 8
#define JOB_STDOUT     "standard output" /* in messages */

enum job_kind {
	JOB_FILTER,     /* VMCORE... OUT, or no OUT if it goes to standard output */
	JOB_REARRANGE,  /* OUT, from standard input */
	JOB_REASSEMBLE, /* DUMP... OUT */
	JOB_SPLIT,      /* VMCORE OUT OUT... */
};

struct job {
	int kind;             /* enum job_kind */
	const char *levels;   /* as given */
	int format;           /* enum filter_format */
	int codec;            /* enum codec */
	const char *compress; /* its name, as given; NULL: not by name */
	uint64_t threads;
	bool exclude_vmemmap;
	const char *limit;    /* size of the dump, as given; NULL: none */
	uint64_t time_budget; /* seconds; 0: none */
	bool force;
	bool dry_run;  /* write nothing, estimate instead */
	bool flatten;  /* to standard output, as a stream */
	bool progress; /* on a terminal */
	bool stats;    /* print them at the end */
	bool json;     /* as a JSON object; of JOB_FILTER only */
	struct dump_options input;
	struct age_recipient
		recipients[AGE_MAX_RECIPIENTS]; /* that it is encrypted to, flattened */
	size_t n_recipients;                    /* 0: it is not encrypted */
	/* the rest is job_prepare()'s */
	char *const *in, *const *outs;
	size_t n_in, n_outs; /* no outs: standard output */
	/* tried in this order: the next one if the target is full */
	unsigned int level[JOB_MAX_LEVELS];
	size_t n_levels;
	uint64_t limit_bytes; /* 0: none */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; set when it runs; 0: none */
	FILE *messages;       /* where statistics go: standard output, unless the dump goes there */
};

/* The options that both names have. */
#define JOB_OPTIONS(job)                                                                          \
	OPT_STRING('d', "dump-level", "LEVEL[,LEVEL]", &(job)->levels,                            \
		   "leave out: 1 zero, 2 cache, 4 all cache, 8 user, 16 free; a sum (0)"),        \
		OPT_CHOICE('E', NULL, &(job)->format, FILTER_ELF,                                 \
			   "write an ELF vmcore, uncompressed"),                                  \
		OPT_CHOICE('c', NULL, &(job)->codec, CODEC_ZLIB, "compress pages with zlib"),     \
		OPT_CHOICE('l', NULL, &(job)->codec, CODEC_LZO, "compress pages with lzo"),       \
		OPT_CHOICE('p', NULL, &(job)->codec, CODEC_SNAPPY, "compress pages with snappy"), \
		OPT_CHOICE('z', NULL, &(job)->codec, CODEC_ZSTD, "compress pages with zstd"),     \
		OPT_WORD(0, "compress", "CODEC", &(job)->compress,                                \
			 "raw zlib lzo snappy zstd auto",                                         \
			 "raw, zlib, lzo, snappy, zstd, or auto: what finishes soonest"),         \
		OPT_FLAG('F', NULL, &(job)->flatten,                                              \
			 "write to standard output, in the flattened format"),                    \
		OPT_CHOICE('R', NULL, &(job)->kind, JOB_REARRANGE,                                \
			   "rearrange a flattened dump from standard input into OUT"),            \
		OPT_CHOICE(0, "reassemble", &(job)->kind, JOB_REASSEMBLE,                         \
			   "join the files of a split dump, as they are, to OUT"),                \
		OPT_CHOICE(0, "split", &(job)->kind, JOB_SPLIT,                                   \
			   "write a split dump: its pages in equal parts to all OUT"),            \
		DUMP_OPT_PARTIAL(&(job)->input),                                                  \
		OPT_FLAG('f', NULL, &(job)->force, "replace OUT if it exists"),                   \
		OPT_FLAG(0, "dry-run", &(job)->dry_run,                                           \
			 "write nothing; estimate size and time (OUT may be missing)"),           \
		OPT_FLAG('e', NULL, &(job)->exclude_vmemmap,                                      \
			 "leave out the struct pages of pages that are left out"),                \
		OPT_STRING('L', NULL, "SIZE", &(job)->limit,                                      \
			   "write at most SIZE bytes (or K, M, G, T): what matters most"),        \
		OPT_NUMBER(0, "time-budget", "SECONDS", &(job)->time_budget, 1, 1000000,          \
			   "stop after so long, with what matters most"),                         \
		OPT_NUMBER(0, "num-threads", "N", &(job)->threads, 1, FILTER_MAX_THREADS,         \
			   "workers that compress and write (online CPUs)")

#define JOB_OPERANDS                                                          \
	"VMCORE... OUT | -F VMCORE... | -R OUT | --reassemble DUMP... OUT | " \
	"--split VMCORE OUT OUT..."

/* Threads, if nobody says how many: as many as CPUs are online. */
uint64_t job_threads(void);

/* Take these texts as recipients, before job_prepare(). ERR_USAGE for what is none. */
int job_encrypt_to(struct job *job, const struct opt_list *texts, struct err *err) _must_check_;

/* Defaults: kdump format, level 0, no compression, online CPUs, progress and statistics. */
void job_init(struct job *job);

/*
 * After the options were parsed: do they go together, and with these operands (NULL behind the last)?
 * ERR_USAGE if not. The operands become the job's.
 */
int job_prepare(struct job *job, char **operands, struct err *err) _must_check_;

int job_run(struct job *job, struct err *err) _must_check_;

/* The kernel log of the dump that dump_open() opens, to `to`, which a message calls `name`. */
int job_dmesg(char *const *in, size_t n_in, const struct dump_options *options, FILE *to,
	      const char *name, struct err *err) _must_check_;

#endif
