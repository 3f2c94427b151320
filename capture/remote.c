// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"

#define SSH    "/usr/bin/ssh"
#define ANSWER "lifeboat: "
#define ALIAS \
	"lifeboat" /* what the server is called in the file of host keys: its address does not matter */
#define SSH_FAILED    255 /* the exit status of ssh itself: no session came about, or it was cut */
#define PAUSE_SECONDS 2
#define MEANT         200 /* what it said itself is told if it is no longer than this */

/* As for file systems: of their size, but no more than so many bytes. */
#define LEAVE_FRACTION 100
#define LEAVE_MAX      (256ULL << 20)

static const char *server_of(const struct target *t)
{
	return *t->place->server ? t->place->server : t->recipe->servers[0];
}

void remote_name(const struct target *t, char *buf, size_t size)
{
	snprintf(buf, size, "%.64s@%.128s (%s port %u)", t->recipe->user, t->recipe->host,
		 server_of(t), t->recipe->port);
}

/* ---- words for a shell */

static bool append(char *to, size_t size, size_t *at, const char *text, size_t len)
{
	if (len >= size - *at)
		return false;
	memcpy(to + *at, text, len);
	*at += len;
	to[*at] = '\0';
	return true;
}

/*
 * Single quotes keep all but themselves in a POSIX shell; csh takes "!" in them for its history, and fish takes a backslash in
 * them for one that escapes. Behind a backslash, outside of quotes, each of the three is itself everywhere.
 */
bool remote_quote(const char *word, char *to, size_t size)
{
	size_t at = strlen(to), n;

	if (strchr(word, '\n') || !append(to, size, &at, "'", 1))
		return false;
	for (; *word; word += n) {
		n = strcspn(word, "'\\!");
		if (n && !append(to, size, &at, word, n))
			return false;
		if (n)
			continue;
		n = 1;
		if (!append(to, size, &at, "'\\", 2) || !append(to, size, &at, word, 1) ||
		    !append(to, size, &at, "'", 1))
			return false;
	}
	return append(to, size, &at, "'", 1);
}

/* ---- the client */

/*
 * ssh asks who it runs as, and gives up if nobody knows. glibc reads the file by itself from 2.34 on; before that libnss_files
 * has to be in the image.
 */
static int write_accounts(const struct target *t, struct err *err)
{
	static const struct {
		const char *path, *text;
	} files[] = {
		{"/etc/passwd", "root:x:0:0:root:/:/bin/sh\n"},
		{"/etc/group", "root:x:0:\n"},
	};

	if (t->healthy)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r;

		if (access(files[i].path, F_OK) == 0)
			continue;
		if (mkdir("/etc", 0755) && errno != EEXIST)
			return err_sys(err, errno, "/etc: create");
		r = io_write_file(files[i].path, files[i].text, strlen(files[i].text), err);
		if (!r && chmod(files[i].path, 0644))
			r = err_sys(err, errno, "%s: mode", files[i].path);
		if (r)
			return r;
	}
	return 0;
}

/*
 * The host keys as a file that only exists while the client runs: ssh closes what it was not given, but finds it by our
 * number in /proc.
 */
static int make_known_hosts(const struct target *t, int *ret, struct err *err)
{
	_cleanup_close_ int fd = memfd_create("known_hosts", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "a file for the host keys");
	for (char **key = t->recipe->host_keys; *key; key++)
		if (dprintf(fd, "%s %s\n", ALIAS, *key) < 0)
			return err_sys(err, errno, "a file for the host keys");
	*ret = fd;
	fd = -1;
	return 0;
}

/* Where the image has it: the recipe's programs say. */
static const char *client_of(const struct target *t)
{
	for (char **p = t->all ? t->all->programs : NULL; p && *p; p++) {
		const char *name = strrchr(*p, '/');

		if (name && strcmp(name, "/ssh") == 0)
			return *p;
	}
	return SSH;
}

/* ssh expands "%" in the name of an identity. */
static bool escape_percent(const char *from, char *to, size_t size)
{
	size_t at = 0;

	for (; *from; from++) {
		if (at + 2 >= size)
			return false;
		if (*from == '%')
			to[at++] = '%';
		to[at++] = *from;
	}
	to[at] = '\0';
	return true;
}

/*
 * Everything that a configuration file, an agent, an environment or a question might have decided is said here. A
 * connection whose other end is gone is given up after a minute (ServerAlive…), whatever TCP hopes for.
 */
#define OPTIONS                                                                                    \
	"-F", "none", "-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o",       \
		"StrictHostKeyChecking=yes", "-o", "HostKeyAlias=" ALIAS, "-o",                    \
		"GlobalKnownHostsFile=/dev/null", "-o", "UpdateHostKeys=no", "-o",                 \
		"VerifyHostKeyDNS=no", "-o", "CheckHostIP=no", "-o", "IdentitiesOnly=yes", "-o",   \
		"IdentityAgent=none", "-o", "PreferredAuthentications=publickey", "-o",            \
		"ControlMaster=no", "-o", "ControlPath=none", "-o", "ClearAllForwardings=yes",     \
		"-o", "PermitLocalCommand=no", "-o", "Tunnel=no", "-o", "ProxyCommand=none", "-o", \
		"CanonicalizeHostname=no", "-o", "Compression=no", "-o", "EscapeChar=none", "-o",  \
		"ConnectTimeout=20", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"

int remote_dial(const struct target *t, const char *command, peer_line_fn line, void *ctx,
		struct peer **ret, struct err *err)
{
	char identity[RECIPE_MAX_SIZE / 64], hosts[96], port[16], name[320];
	const char *server = server_of(t);
	int keys = -1, r = write_accounts(t, err);

	if (r || (r = make_known_hosts(t, &keys, err)))
		return r;
	if (!escape_percent(t->recipe->identity, identity, sizeof(identity))) {
		close(keys);
		return err_sys(err, ENAMETOOLONG, "identity %.100s…", t->recipe->identity);
	}
	snprintf(hosts, sizeof(hosts), "UserKnownHostsFile=/proc/%d/fd/%d", (int)getpid(), keys);
	snprintf(port, sizeof(port), "%u", t->recipe->port);

	/* execve(2) does not change what it is given */
	const char *const argv[] = {
		client_of(t),
		OPTIONS,
		"-o",
		hosts,
		"-i",
		identity,
		"-p",
		port,
		"-l",
		t->recipe->user,
		command ? "-T" : "-s",
		"--",
		server,
		command ? command : "sftp",
		NULL,
	};

	remote_name(t, name, sizeof(name));
	err_set(err, ERR_TIMEOUT, "waiting for %s", name); /* should it take too long */
	r = peer_create((char *const *)argv, line, ctx, keys, ret, err);
	if (r)
		close(keys);
	return r;
}

/* ---- what its failures mean */

#define OTHER_HOST_KEY                                                                             \
	"the server's host key is none of those that are pinned: if it was changed on purpose, "   \
	"`ssh-keygen -R` takes the old one out of ssh_known_hosts, `lifeboat propagate` pins the " \
	"new one, and the image has to be made again; if not, this is another machine"

static const struct meaning {
	const char *says; /* of these the first that it says */
	enum err_code code;
	bool again;
	const char *remedy;
} meanings[] = {
	{"HOST IDENTIFICATION HAS CHANGED", ERR_REFUSED, false, OTHER_HOST_KEY},
	{"No ED25519 host key is known", ERR_REFUSED, false,
	 "the recipe has no host key of a kind that the server offers: make the image again"},
	{"host key is known for", ERR_REFUSED, false,
	 "the recipe has no host key of a kind that the server offers: make the image again"},
	{"Host key verification failed", ERR_REFUSED, false, OTHER_HOST_KEY},
	{"no matching", ERR_UNSUPPORTED, false,
	 "our ssh and the server have no algorithm in common: bring the older one up to date"},
	{"Permission denied (", ERR_REFUSED, false,
	 "the server does not take the key: put its public half into the account's "
	 "authorized_keys"},
	{"Permission denied", ERR_REFUSED, false,
	 "the account may not write there: make the folder, and give it to the account, or name "
	 "another one by `path`"},
	{"bad permissions", ERR_REFUSED, false, "the identity's mode must be 0600"},
	{"No user exists for uid", ERR_NOT_FOUND, false,
	 "the image has no libnss_files, which this C library needs"},
	{"subsystem request failed", ERR_UNSUPPORTED, false,
	 "the server has no SFTP subsystem, or not for this account"},
	{"No space left on device", ERR_NO_SPACE, false, "make room there"},
	{"Disk quota exceeded", ERR_NO_SPACE, false, "make room there, or raise the quota"},
	{"File too large", ERR_NO_SPACE, false, "a limit there does not allow such a file"},
	{"File size limit exceeded", ERR_NO_SPACE, false,
	 "a limit there does not allow such a file"},
	{"Read-only file system", ERR_SYSTEM, false, "nothing can be written there"},
	{"Connection refused", ERR_SYSTEM, true, "no ssh server listens there"},
	{"Connection timed out", ERR_TIMEOUT, true, "the server does not answer"},
	{"not responding", ERR_TIMEOUT, true, "the server does not answer any more"},
	{"No route to host", ERR_SYSTEM, true, "the network does not lead there"},
	{"Network is unreachable", ERR_SYSTEM, true, "the network does not lead there"},
};

int remote_judge(const struct target *t, int status, const char *said, bool *ret_again,
		 struct err *err)
{
	const struct meaning *m = NULL;
	bool again = status == SSH_FAILED;
	char name[320];

	remote_name(t, name, sizeof(name));
	for (size_t i = 0; i < ARRAY_SIZE(meanings) && !m; i++)
		if (strstr(said, meanings[i].says))
			m = &meanings[i];
	if (ret_again)
		*ret_again = m ? m->again : again;
	if (m)
		/* of a host key that has changed it says a page */
		return strlen(said) > MEANT
			       ? err_set(err, m->code, "%s: %s", name, m->remedy)
			       : err_set(err, m->code, "%s: %s (%s)", name, m->remedy, said);
	if (again)
		return err_set(err, ERR_SYSTEM, "%s: no connection, or it was cut%s%s", name,
			       *said ? ": " : "", said);
	return err_set(err, ERR_SYSTEM, "%s: what was run there failed with status %d%s%s", name,
		       status, *said ? ": " : " and said nothing", said);
}

int remote_finish(const struct target *t, struct peer *p, bool *ret_again, struct err *err)
{
	int status = 0, r = peer_finish(p, &status, err);

	if (ret_again)
		*ret_again = false;
	if (r)
		return r;
	return status ? remote_judge(t, status, peer_said(p), ret_again, err) : 0;
}

void remote_pause(void)
{
	const struct timespec pause = {.tv_sec = PAUSE_SECONDS};

	nanosleep(&pause, NULL);
}

/* ---- what the far end answers */

/* df -Pk: SOURCE TOTAL USED AVAILABLE PERCENT% MOUNT; the source may have blanks. The heading has no such line of numbers. */
static void parse_df(const char *text, struct remote_answer *a)
{
	uint64_t last[3] = {0};
	int n = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		char *end;

		if (n == 3 && len > 1 && text[len - 1] == '%') {
			if (num_mul(last[0], 1024ULL, &a->total) &&
			    num_mul(last[2], 1024ULL, &a->available))
				a->room_known = true;
			return;
		}
		errno = 0;
		last[0] = last[1];
		last[1] = last[2];
		last[2] = strtoull(text, &end, 10);
		n = end == text + len && !errno && *text >= '0' && *text <= '9' ? NUM_MIN(n + 1, 3)
										: 0;
		text += len;
		text += strspn(text, " ");
	}
}

static void get_on(struct remote_answer *a)
{
	if (a->progress)
		__atomic_fetch_add(a->progress, 1, __ATOMIC_RELAXED);
}

static void hear_count(struct remote_answer *a, const char *text)
{
	struct err ignored;
	uint64_t n;

	if (num_parse_u64(text, &n, &ignored) || n <= a->at)
		return;
	a->at = n;
	get_on(a);
}

void remote_hear(void *ctx, const char *line)
{
	struct remote_answer *a = ctx;
	struct err ignored;
	const char *value;
	size_t len;

	if (strncmp(line, ANSWER, strlen(ANSWER)) != 0) {
		a->sftp_only |= strstr(line, "sftp connections only") != NULL;
		return;
	}
	line += strlen(ANSWER);
	len = strcspn(line, " ");
	value = line + len + (line[len] == ' ');
#define IS(key) (len == strlen(key) && strncmp(line, key, len) == 0)
	if (IS("at"))
		hear_count(a, value);
	else if (IS("here") && !a->here)
		get_on(a), a->here = true;
	else if (IS("done"))
		a->done = true;
	else if (IS("file"))
		a->file = true;
	else if (IS("none"))
		a->none = true;
	else if (IS("name"))
		snprintf(a->name, sizeof(a->name), "%.63s", value);
	else if (IS("sha256"))
		snprintf(a->sha256, sizeof(a->sha256), "%.64s", value);
	else if (IS("made") && num_parse_range(value, 0, PATH_MAX, &a->made, &ignored))
		a->made = 0;
	else if (IS("df"))
		parse_df(value, a);
#undef IS
}

/* ---- names */

int remote_path(const struct target *t, const char *file, char ret[REMOTE_PATH_MAX],
		struct err *err)
{
	if (!*t->place->name)
		return err_set(err, ERR_USAGE, "no folder was made for this crash");
	if (snprintf(ret, REMOTE_PATH_MAX, "%s/%s%s%s", t->recipe->path, t->place->name,
		     *file ? "/" : "", file) >= REMOTE_PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%.200s…/%s", t->recipe->path, file);
	return 0;
}

bool remote_is_name_of(const char *name, const char *stamp)
{
	size_t len = strlen(stamp);

	if (strncmp(name, stamp, len) != 0)
		return false;
	name += len;
	return !*name || (*name == '-' && name[1] && strlen(name) <= 12 &&
			  !name[1 + strspn(name + 1, "0123456789")]);
}

uint64_t remote_room(uint64_t total, uint64_t available)
{
	uint64_t leave = NUM_MIN(total / LEAVE_FRACTION, LEAVE_MAX);

	return available > leave ? available - leave : 0;
}

/* ---- nothing to do */

int remote_find(struct target *t, struct err *err)
{
	(void)t;
	(void)err;
	return 0;
}

int remote_seal(struct target *t, bool whole, struct err *err)
{
	(void)t;
	(void)whole;
	(void)err;
	return 0;
}

int remote_detach(struct target *t, struct err *err)
{
	(void)t;
	(void)err;
	return 0;
}
