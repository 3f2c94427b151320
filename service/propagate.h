/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A key pair for dumps to another machine: made if there is none, its public half taken there by ssh-copy-id, and then proved
 * by a login with that key alone. The other machine's key is pinned in a file of our own, as nobody can be asked after a
 * crash. OpenSSH's programs are run (ssh-keygen(1), ssh-copy-id(1), ssh(1)); no shell of ours.
 */
#ifndef SERVICE_PROPAGATE_H
#define SERVICE_PROPAGATE_H

#include "service/service.h"

/* Below the root: where the configuration looks for them first (config/resolve.h). */
#define PROPAGATE_KEY         "/etc/lifeboat/ssh/id_ed25519"
#define PROPAGATE_KNOWN_HOSTS "/etc/lifeboat/ssh/known_hosts"

struct propagate_request {
	const char *target; /* USER@HOST */
	const char
		*key;  /* absolute path of the private key, of this machine; NULL: PROPAGATE_KEY */
	uint64_t port; /* 0: 22 */
	bool accept_new; /* take the host's key unseen if none is pinned; else ssh asks on the terminal */
	unsigned int seconds; /* for all that asks nobody; 0: 60 */
};

struct propagate_result {
	char key[512];
	char known_hosts[512];
	bool made_key; /* there was none */
};

/*
 * "USER@HOST" of letters, digits and "._-" (and ":%" in HOST), neither beginning with '-': they become arguments of
 * programs. ERR_USAGE.
 */
int propagate_check_target(const char *target, struct err *err) _must_check_;

/*
 * ssh-copy-id has this process's terminal and standard error: it may ask for a password, and for the host's key. Programs
 * are looked for in PATH.
 * ERR_USAGE: a bad request; ERR_NOT_FOUND: a program is missing; ERR_SYSTEM, ERR_TIMEOUT: one failed, with what it said.
 */
int propagate_key(const struct service *s, const struct propagate_request *request,
		  struct propagate_result *ret, struct err *err) _must_check_;

#endif
