/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenSSH's files of known hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): which keys may a server have? And private keys, as
 * far as it matters whether a machine that nobody sits at can use them. The texts are taken for hostile.
 */
#ifndef CONFIG_KNOWNHOSTS_H
#define CONFIG_KNOWNHOSTS_H

#include "base/bytes.h"
#include "base/err.h"

#define KNOWNHOSTS_MAX_SIZE ((size_t)4 << 20)
#define KNOWNHOSTS_MAX_KEYS 16
#define KNOWNHOSTS_MAX_KEY  1024 /* of a key's text; no RSA key of 4096 bits or less is longer */

/*
 * Append the keys of this host and port ("ssh-ed25519 AAAA…", each once) to *keys (recipe_add_string). Names may be patterns, with
 * "!" in front exceptions, or hashed ("|1|SALT|HASH"); one with another port than 22 is "[host]:port". What no ssh would
 * read is skipped, as by ssh. A key that is marked @revoked here is appended to *revoked and not to *keys; a certificate authority
 * (@cert-authority) is no key of the host: *ret_authority tells that there is one.
 */
int knownhosts_find(struct bytes text, const char *host, unsigned int port, char ***keys,
		    char ***revoked, bool *ret_authority, struct err *err) _must_check_;

/* ERR_USAGE unless the text is a private key (OpenSSH's own form, or PEM) that opens without a passphrase. */
int knownhosts_check_private_key(struct bytes text, struct err *err) _must_check_;

#endif
