/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One attempt to send a spooled crash: by the recipe's remote targets in their order, until one has it. Each step is run in a
 * child under a deadline, with the target's own operations (capture/target.h), as after the crash; the machine's network is left as
 * it is. What is mounted is mounted in a namespace of its own, which ends with the attempt.
 *
 * Every step that leaves something at the far end is on record (service/sending.h) before the next one, so whatever ends an
 * attempt, the next one goes on in the same folder there, with the files that it lacks; but only if what lies there is known
 * to be ours. Files go in the order log, dump, record, manifest: what has no manifest is not whole.
 */
#ifndef SERVICE_SENDOUT_H
#define SERVICE_SENDOUT_H

#include "service/sendfiles.h"
#include "service/sending.h"

struct sendout {
	const struct service *s;
	const struct recipe *recipe;
	const struct target_ops *(*ops_of)(enum target_kind kind); /* NULL: target_ops_of() */
};

/*
 * 0: one target has all of it, and sending->sent and ->verified are set; *sending is what is on record, whatever happened. The
 * error is that of the first target that failed. Without a remote target: ERR_USAGE.
 */
int sendout_try(const struct sendout *env, struct sendfiles *files, struct sending *sending,
		struct err *err) _must_check_;

#endif
