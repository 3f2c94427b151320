// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/propagate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/program.h"

#define MAX_HOST     255
#define USUAL_LIMIT  60  /* seconds */
#define PERSON_LIMIT 600 /* a person types a password */
#define MAX_ARGS     40

/* ---- programs */

/* `asks`: people may be asked for a password. */
static int run(const char *const *argv, bool asks, unsigned int seconds, struct err *err)
{
	const struct program p = {
		.argv = argv,
		.ms = (uint64_t)seconds * 1000,
		.package = "openssh-client (Debian) or openssh-clients",
		.asks = asks,
	};

	return program_run(&p, err);
}

/* ---- what is asked for */

static bool has_only(const char *text, size_t len, const char *chars)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(chars, text[i]))
			return false;
	return len && *text != '-';
}

int propagate_check_target(const char *target, struct err *err)
{
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	const char *at = strchr(target, '@');
	size_t user = at ? (size_t)(at - target) : 0;

	if (!at || strlen(at + 1) > MAX_HOST || user > MAX_HOST || !has_only(target, user, NAME) ||
	    !has_only(at + 1, strlen(at + 1), NAME ":%"))
		return err_set(err, ERR_USAGE,
			       "'%.80s' is not USER@HOST: a name of letters, digits, '.', '_' and "
			       "'-', and a host's name or address",
			       target);
	return 0;
#undef NAME
}

/* Everything that ssh and ssh-copy-id are told alike. */
struct words {
	const char *argv[MAX_ARGS];
	size_t n;
	char port[32], known_hosts[600];
};

static void add(struct words *w, const char *first, const char *second)
{
	w->argv[w->n++] = first;
	if (second)
		w->argv[w->n++] = second;
	w->argv[w->n] = NULL;
}

static void begin_words(struct words *w, const char *program,
			const struct propagate_request *request,
			const struct propagate_result *result, const char *strict)
{
	w->n = 0;
	snprintf(w->port, sizeof(w->port), "%llu",
		 (unsigned long long)(request->port ? request->port : 22));
	snprintf(w->known_hosts, sizeof(w->known_hosts), "UserKnownHostsFile=\"%s\"",
		 result->known_hosts);
	add(w, program, NULL);
	add(w, "-p", w->port);
	add(w, "-o", w->known_hosts);
	add(w, "-o", "GlobalKnownHostsFile=/dev/null");
	add(w, "-o", "HashKnownHosts=no");
	add(w, "-o", strict);
	add(w, "-o", "ConnectTimeout=10");
}

/* ---- steps */

static int make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_sys(err, errno, "%s: mkdir", path);
	return 0;
}

/* The folder that holds `path`, and the two above it. */
static int make_folders(const char *path, struct err *err)
{
	char part[512];
	const char *slash = strrchr(path, '/');

	snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
	slash = strrchr(part, '/');
	if (slash && slash != part) {
		char above[512];

		snprintf(above, sizeof(above), "%.*s", (int)(slash - part), part);
		slash = strrchr(above, '/');
		if (slash && slash != above) {
			char top[512];

			snprintf(top, sizeof(top), "%.*s", (int)(slash - above), above);
			if (make_folder(top, err))
				return err->code;
		}
		if (make_folder(above, err))
			return err->code;
	}
	return *part ? make_folder(part, err) : 0;
}

static int find_paths(const struct service *s, const struct propagate_request *request,
		      struct propagate_result *ret, struct err *err)
{
	const char *root = request->key ? "" : s->root->path;
	const char *key = request->key ? request->key : PROPAGATE_KEY;

	if (*key != '/' || strpbrk(key, "\"\n"))
		return err_set(err, ERR_USAGE, "'%.80s' is not the absolute path of a key", key);
	/* as long as ".pub" can be put behind it */
	if (snprintf(ret->key, sizeof(ret->key) - 4, "%s%s", root, key) >=
	    (int)sizeof(ret->key) - 4)
		return err_set(err, ERR_USAGE, "%.80s…: too long", key);
	if (snprintf(ret->known_hosts, sizeof(ret->known_hosts), "%s" PROPAGATE_KNOWN_HOSTS,
		     s->root->path) >= (int)sizeof(ret->known_hosts))
		return err_set(err, ERR_USAGE, "%.80s…: too long", s->root->path);
	return 0;
}

static int make_key(const struct service *s, const struct propagate_request *request,
		    struct propagate_result *ret, struct err *err)
{
	const char *argv[] = {"ssh-keygen", "-q",       "-t", "ed25519", "-N", "",
			      "-C",         "lifeboat", "-f", ret->key,  NULL};
	char public[sizeof(ret->key) + 4];
	struct stat st;

	snprintf(public, sizeof(public), "%s.pub", ret->key);
	if (stat(ret->key, &st) == 0) {
		if (stat(public, &st))
			return err_set(err, ERR_NOT_FOUND,
				       "%s: the key's public half is missing; `ssh-keygen -y -f "
				       "%s` prints it",
				       public, ret->key);
		return 0;
	}
	if (errno != ENOENT)
		return err_sys(err, errno, "%s", ret->key);
	service_tell(s, SERVICE_PROGRESS, "making the key %s", ret->key);
	if (make_folders(ret->key, err) ||
	    run(argv, false, request->seconds ? request->seconds : USUAL_LIMIT, err))
		return err->code;
	if (stat(ret->key, &st))
		return err_sys(err, errno, "%s: ssh-keygen made no key", ret->key);
	ret->made_key = true;
	return 0;
}

/* A file of its own, which ssh would make readable for all. */
static int make_known_hosts(const char *path, struct err *err)
{
	int fd;

	if (make_folders(path, err))
		return err->code;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s: open", path);
	close(fd);
	return 0;
}

/* ssh-copy-id keeps its scratch files in ~/.ssh, and makes no such folder (OpenSSH 9.2, contrib/ssh-copy-id). */
static int make_home(struct err *err)
{
	const char *home = getenv("HOME");
	char path[512];

	if (!home || *home != '/' ||
	    snprintf(path, sizeof(path), "%s/.ssh", home) >= (int)sizeof(path))
		return 0; /* it will say what it misses */
	return make_folder(path, err);
}

static int copy_key(const struct service *s, const struct propagate_request *request,
		    const struct propagate_result *result, struct err *err)
{
	char public[sizeof(result->key) + 4];
	struct words w;

	if (make_home(err))
		return err->code;
	snprintf(public, sizeof(public), "%s.pub", result->key);
	begin_words(&w, "ssh-copy-id", request, result,
		    request->accept_new ? "StrictHostKeyChecking=accept-new"
					: "StrictHostKeyChecking=ask");
	add(&w, "-i", public);
	add(&w, request->target, NULL);
	service_tell(s, SERVICE_PROGRESS, "taking it to %s", request->target);
	return run(w.argv, true, PERSON_LIMIT, err);
}

/* As it would be after a crash: nobody to ask, no agent, no configuration, no other key. */
static int prove(const struct service *s, const struct propagate_request *request,
		 const struct propagate_result *result, struct err *err)
{
	struct words w;

	begin_words(&w, "ssh", request, result, "StrictHostKeyChecking=yes");
	add(&w, "-F", "/dev/null");
	add(&w, "-i", result->key);
	add(&w, "-o", "IdentitiesOnly=yes");
	add(&w, "-o", "IdentityAgent=none");
	add(&w, "-o", "BatchMode=yes");
	add(&w, "-o", "PreferredAuthentications=publickey");
	add(&w, request->target, "true");
	service_tell(s, SERVICE_PROGRESS, "logging in with it");
	return run(w.argv, false, request->seconds ? request->seconds : USUAL_LIMIT, err);
}

int propagate_key(const struct service *s, const struct propagate_request *request,
		  struct propagate_result *ret, struct err *err)
{
	struct propagate_result result = {.made_key = false};

	if (propagate_check_target(request->target, err) || find_paths(s, request, &result, err) ||
	    make_key(s, request, &result, err) || make_known_hosts(result.known_hosts, err))
		return err->code;
	if (copy_key(s, request, &result, err))
		return err_wrap(err, "the key was not taken to %s", request->target);
	if (prove(s, request, &result, err))
		return err_wrap(err, "no login at %s with the key %s alone", request->target,
				result.key);
	*ret = result;
	return 0;
}
