// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/journal.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"
#define IDENTIFIER     "lifeboat"
#define WAIT_SECONDS   5 /* for a log that does not take anything: the boot goes on */
#define MAX_KEY        64
#define SYSLOG_MAX \
	2048 /* of one line; what daemons take for sure is 1024 (RFC 3164), or 2048 (RFC 5424) */

/* ---- the text of an entry */

/* journald drops fields whose names it does not like (journal_field_valid() of systemd), which nobody would notice. */
static bool is_key(const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < len; i++)
		if (!(key[i] >= 'A' && key[i] <= 'Z') && key[i] != '_' &&
		    !(i && key[i] >= '0' && key[i] <= '9'))
			return false;
	return len && len <= MAX_KEY && key[0] != '_';
}

/* A value of several lines goes by its length. */
static void put_field(FILE *to, const char *key, const char *value)
{
	uint64_t len = htole64(strlen(value));

	if (!strchr(value, '\n')) {
		fprintf(to, "%s=%s\n", key, value);
		return;
	}
	fprintf(to, "%s\n", key);
	fwrite(&len, sizeof(len), 1, to);
	fprintf(to, "%s\n", value);
}

static int make_entry(int priority, const char *message_id, const char *message,
		      const struct journal_field *fields, size_t n, char **ret, size_t *ret_len,
		      struct err *err)
{
	char *text = NULL, digit[2] = {(char)('0' + priority), '\0'};
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return err_sys(err, errno, "a buffer for the journal");
	put_field(to, "MESSAGE", message);
	put_field(to, "MESSAGE_ID", message_id);
	put_field(to, "PRIORITY", digit);
	put_field(to, "SYSLOG_IDENTIFIER", IDENTIFIER);
	for (size_t i = 0; i < n; i++)
		put_field(to, fields[i].key, fields[i].value);
	if (fclose(to)) {
		free(text);
		return err_sys(err, errno, "a buffer for the journal");
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

/* ---- sockets */

/*
 * A socket below the root by a descriptor of it: a path may be longer than sun_path, and links in it must not lead out of a
 * root that is not this machine's.
 */
static int connect_to(const struct service *s, const char *path, int type, struct err *err)
{
	_cleanup_close_ int node = root_open(s->root, path, O_PATH), fd = -1;
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int connected;

	if (node < 0) {
		err_sys(err, errno, "%s%s: open", s->root->path, path);
		return -1;
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err_sys(err, errno, "a socket");
		return -1;
	}
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", node);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to))) {
		err_sys(err, errno, "%s%s: connect", s->root->path, path);
		return -1;
	}
	connected = fd;
	fd = -1;
	return connected;
}

/* What is too large for a datagram goes as a sealed file: systemd, "Native Journal Protocol". */
static int send_file(int to, const char *text, size_t len, struct err *err)
{
	_cleanup_close_ int fd = memfd_create("lifeboat-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct msghdr msg = {.msg_control = &control, .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (fd < 0)
		return err_sys(err, errno, "a file in memory for the journal");
	if (io_write_full(fd, text, len, "a file in memory for the journal", err))
		return err->code;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return err_sys(err, errno, "seal the file for the journal");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(to, &msg, MSG_NOSIGNAL) < 0)
		return err_sys(err, errno, JOURNAL_SOCKET ": send a file");
	return 0;
}

static int send_native(const struct service *s, const char *text, size_t len, struct err *err)
{
	_cleanup_close_ int fd = connect_to(s, JOURNAL_SOCKET, SOCK_DGRAM, err);

	if (fd < 0)
		return err->code;
	if (send(fd, text, len, MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno == EMSGSIZE || errno == ENOBUFS)
		return send_file(fd, text, len, err);
	return err_sys(err, errno, JOURNAL_SOCKET ": send");
}

/* As syslog(3) writes it: "<30>Nov 23 03:34:36 lifeboat[123]: text", one line. */
static size_t syslog_line(int priority, const char *message, char ret[SYSLOG_MAX])
{
	char stamp[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	int len;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%b %e %T ", &tm);
	len = snprintf(ret, SYSLOG_MAX, "<%d>%s" IDENTIFIER "[%d]: %s", LOG_DAEMON | priority,
		       stamp, (int)getpid(), message);
	for (char *p = ret; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	return len < SYSLOG_MAX ? (size_t)len : SYSLOG_MAX - 1;
}

static int send_syslog(const struct service *s, int priority, const char *message, struct err *err)
{
	char line[SYSLOG_MAX];
	size_t len = syslog_line(priority, message, line);
	_cleanup_close_ int fd = connect_to(s, SYSLOG_SOCKET, SOCK_DGRAM, err);

	if (fd < 0 &&
	    err->sys == EPROTOTYPE) { /* some listen for streams: there a NUL ends a line */
		fd = connect_to(s, SYSLOG_SOCKET, SOCK_STREAM, err);
		len++;
	}
	if (fd < 0)
		return err->code;
	if (send(fd, line, len, MSG_NOSIGNAL) < 0)
		return err_sys(err, errno, SYSLOG_SOCKET ": send");
	return 0;
}

int journal_send(const struct service *s, int priority, const char *message_id, const char *message,
		 const struct journal_field *fields, size_t n, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct err native = {0}, plain = {0};
	size_t len = 0;

	if (priority < LOG_EMERG || priority > LOG_DEBUG)
		return err_set(err, ERR_USAGE, "priority %d of a journal entry", priority);
	for (size_t i = 0; i < n; i++)
		if (!is_key(fields[i].key))
			return err_set(err, ERR_USAGE, "'%s' is no name of a journal's field",
				       fields[i].key);
	if (make_entry(priority, message_id, message, fields, n, &text, &len, err))
		return err->code;
	if (!send_native(s, text, len, &native) || !send_syslog(s, priority, message, &plain))
		return 0;
	return err_set(err,
		       native.code == ERR_NOT_FOUND && plain.code == ERR_NOT_FOUND ? ERR_NOT_FOUND
										   : ERR_SYSTEM,
		       "no log takes messages: %.400s; %.400s", native.msg, plain.msg);
}
