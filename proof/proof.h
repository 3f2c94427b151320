/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proof without an outage: what is armed, kernel, initramfs and command line, is started in a virtual machine that looks to it
 * like this one after a crash: as much memory, the forged memory of a kernel, an empty copy of each target on a bus of the
 * same kind. It captures, restarts, and what it has left is looked at. Nothing of this machine's own is touched: all files are in a
 * folder that goes again, and the console's text stays in PROOF_CONSOLE below the service's folder.
 *
 * What that cannot show is told: that the firmware lets the second kernel start, the real disk's controller where QEMU has none
 * like it, devices that the machine has left in a bad state, and the time that its memory takes.
 */
#ifndef PROOF_PROOF_H
#define PROOF_PROOF_H

#include "proof/evidence.h"
#include "proof/guest.h"
#include "service/service.h"

#define PROOF_FOLDER       "proof"       /* below service.lib */
#define PROOF_CONSOLE      "console.log" /* in it */
#define PROOF_MOST_SECONDS 900           /* for the virtual machine, if nothing else is asked for */

struct proof_options {
	uint64_t seconds; /* for the virtual machine; 0: by the recipe's deadline */
	enum guest_accel accel;
	const char *
		keep; /* folder, made, for scratch disks, forged memory and console, which stay there; NULL: none stay */
	const char *may_not_mount; /* evidence_wanted's */
	const atomic_bool *stop;
};

enum proof_verdict {
	PROOF_PASSED, /* a whole dump was written where one should go, and is what it should be */
	PROOF_FAILED,
	PROOF_INCONCLUSIVE, /* no target that takes a dump can be imitated */
};

struct proof_target {
	char what[512];    /* target_describe() */
	char stand_in[64]; /* the driver that it was on; "" none */
	char why_not[512]; /* not imitated */
	char gap[512];     /* of it, what is not proved */
	struct console_target said;
	bool looked; /* the next one is */
	struct evidence evidence;
};

struct proof_result {
	char id[40];   /* of the test; stands in the log that was captured */
	uint64_t time; /* when it began, seconds since 1970 */
	enum proof_verdict verdict;
	char why[512];          /* it is not passed */
	char where[512];        /* the target that has the dump; "" none */
	char result[32];        /* of the capture */
	char console[PATH_MAX]; /* what the virtual machine said; "" if there was none */
	char kernel[128];       /* its version; "" not known */
	uint8_t image[32];      /* SHA-256 of the armed initramfs */
	bool kvm, kvm_failed;
	uint64_t took_ms;                  /* of the virtual machine */
	uint64_t reserved, imitated, peak; /* bytes; imitated: of the reservation */
	struct proof_target targets[RECIPE_MAX_TARGETS];
	size_t n_targets;
};

/*
 * Do it. An error of its own: nothing is armed (ERR_NOT_LOADED), QEMU is missing (ERR_NOT_FOUND), it was stopped (ERR_TIMEOUT) …
 * *ret is only there without one; it is large, so the caller has it on the heap.
 */
int proof_run(const struct service *s, const struct proof_options *options,
	      struct proof_result *ret, struct err *err) _must_check_;

/* Put it into the machine's history. */
int proof_record(const struct service *s, const struct proof_result *result,
		 struct err *err) _must_check_;

const char *proof_verdict_name(enum proof_verdict verdict); /* "passed", "failed", "inconclusive" */

#endif
