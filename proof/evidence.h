/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a capture in a virtual machine has left on the scratch copy of a target: its files, checked against their digests, its
 * crash.json, and whether the dump can be opened and holds what was put into memory.
 */
#ifndef PROOF_EVIDENCE_H
#define PROOF_EVIDENCE_H

#include "base/sys.h"
#include "proof/forge.h"
#include "proof/scratch.h"

struct evidence_wanted {
	const struct forge_spec *forged;
	const char *name; /* of the crash, as the console told it */
	const char *
		into; /* a folder of ours for what is fetched from a raw partition; not there yet */
	const struct sys *sys;
	const char *folder;        /* a mount point is made in it for a while */
	const char *may_not_mount; /* why a file system must not be mounted; NULL: it may */
};

struct evidence {
	bool files; /* they were looked at; else only the console tells, and `why_not` says for what reason */
	char why_not[512];
	char wrong[512]; /* what is not as it should be with them; "" nothing */
	char result[32]; /* capture.result of crash.json */
	uint64_t
		peak; /* bytes of the capture kernel's memory in use at the worst moment; 0 not known */
};

/*
 * Look at them. A raw partition is read as `lifeboat collect` reads it; a file system is mounted read-only from a loop device in
 * a mount namespace of its own, a share is a folder of this machine. An error of its own only where we ourselves fail.
 */
int evidence_look(const struct scratch *s, const struct evidence_wanted *wanted,
		  struct evidence *ret, struct err *err) _must_check_;

/* What crash.json says: result and peak; `id` must stand in its headline. Into ret->wrong what is not so. Hostile input. */
void evidence_parse_record(struct bytes text, const char *id, struct evidence *ret);

#endif
