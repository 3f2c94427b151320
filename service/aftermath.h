/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a crash, at the next boot: each crash that nobody was told of yet gets an entry in the journal (service/journal.h) and
 * one in the history (service/history.h), which is also how the next boot knows that it was told.
 *
 * A crash within AFTERMATH_TEST_SECONDS after a pending crash test is that test's outcome. A pending test of an earlier boot that
 * left no dump has failed, unless there are targets that cannot be looked at: then it stays pending. A panic in the machine's persistent storage (pstore, or where systemd-pstore(8) moves it) without
 * any dump is told as a crash that was lost.
 */
#ifndef SERVICE_AFTERMATH_H
#define SERVICE_AFTERMATH_H

#include "service/service.h"

#define AFTERMATH_TEST_SECONDS 600

struct aftermath {
	size_t crashes; /* told now, whole or not; outcomes of tests are not among them */
	size_t tests;   /* crash tests whose outcome is known now */
	bool lost;      /* there was a panic in pstore, and nothing else of it */
};

/*
 * Tell of what is not told yet. `now`: seconds since 1970. What journal and history do not take is told as a warning, and a
 * crash that is not in the history is told again. What was made up in a folder where everybody may write is left out.
 *
 * `config` NULL: it cannot be read. Then only PLACES_DEFAULT is looked at, and no test is said to have failed.
 */
int aftermath_tell(const struct service *s, const struct config *config, uint64_t now,
		   struct aftermath *ret, struct err *err) _must_check_;

#endif
