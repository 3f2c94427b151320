/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arming: from the configuration to a loaded panic kernel, and back. A machine that is armed stays so until the new image is
 * checked. Two at once wait for each other; killed at any point, what is armed is the old or the new.
 */
#ifndef SERVICE_ARM_H
#define SERVICE_ARM_H

#include "loader/load.h"
#include "service/build.h"

struct arm_outcome {
	struct build_kernel
		kernel; /* of a reload: as it is on record; version is what the file said of itself */
	char image[BUILD_IMAGE_SIZE]; /* "" of a reload: it is what was loaded before */
	bool built;                   /* the image was */
	struct load_outcome load;
	enum load_method method; /* by which it was loaded */
	uint64_t since;          /* seconds since 1970, of the load that counts; 0: not on record */
	uint64_t unarmed_ns;     /* for so long there was none, while it took another one's place */
	uint64_t region;         /* reserved bytes that it is in; 0: not known */
	struct living living;    /* what it needs of them, about; sum 0: not known */
};

/*
 * Build the image if it is stale or missing (never with force_no_rebuild, always with force_rebuild of the configuration),
 * load it with the configuration's CPUs and words of the command line, and set the sysctls that the configuration asks for
 * (service/sysctl.h). `force`: load although nothing has changed. No reservation is an error (check_reservation) with the
 * remedy, which names `lifeboat reset-crashkernel`; it comes before anything is built. If the image cannot be built, but there is an
 * older one for this kernel, that is loaded, with a warning: a stale one is better than none. If the machine is
 * not armed in the end, the sysctls are put back.
 */
int arm_start(const struct service *s, bool force, struct arm_outcome *ret,
	      struct err *err) _must_check_;

/* What arm_start() would do; nothing is built, loaded or written. Its errors are those that can be foreseen. */
struct arm_preview {
	struct build_kernel kernel;
	char image[BUILD_IMAGE_SIZE];
	enum build_state state;
	char difference[INPUTS_DIFFERENCE];
	bool builds;
};
int arm_preview(const struct service *s, struct arm_preview *ret, struct err *err) _must_check_;

/*
 * Unload, and put the sysctls back to what they were; that comes first, so that there is no moment at which the machine panics
 * for nothing. Not armed is no error.
 */
int arm_stop(const struct service *s, bool *ret_was_armed, struct err *err) _must_check_;

/*
 * Load again what there is, from its copies, without building: after a change of memory or CPUs. Nothing has changed: nothing
 * is done. What changes meanwhile is loaded as well, at most ARM_ROUNDS times. A failure leaves armed what was.
 * ERR_NOT_LOADED if nothing is armed, or what is is not on record: hotplug arms no machine that was not, and takes nothing
 * away that another program has loaded.
 */
#define ARM_ROUNDS 3
int arm_reload(const struct service *s, struct arm_outcome *ret, struct err *err) _must_check_;

#endif
