// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/keyvalue.h"
#include "base/num.h"

#define MAX_ANSWERS 64 /* that are looked at */
#define HOSTS_MAX   ((size_t)1 << 20)
#define NS_PER_MS   1000000ULL

/* What the child says: how many there are, or why there are none. */
struct answer {
	size_t n;
	int problem; /* of getaddrinfo() */
	struct net_ip ip[MAX_ANSWERS];
};

/* ---- what is kept */

static size_t length_of(const struct net_ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

/* An address that means another machine on each link, or none at all. */
static bool is_usable(const struct net_ip *ip)
{
	static const uint8_t none[16];

	if (memcmp(ip->bytes, none, length_of(ip)) == 0)
		return false;
	return ip->family == AF_INET || !(ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80);
}

static void add(struct answer *a, const struct net_ip *ip)
{
	if (a->n == MAX_ANSWERS || !is_usable(ip))
		return;
	for (size_t i = 0; i < a->n; i++)
		if (a->ip[i].family == ip->family &&
		    memcmp(a->ip[i].bytes, ip->bytes, length_of(ip)) == 0)
			return;
	a->ip[a->n++] = *ip;
}

/* The family that came first stays first: the resolver knows which of them works here (RFC 6724). */
static void sort(struct answer *a)
{
	int first = a->ip[0].family;

	for (size_t i = 1; i < a->n; i++) {
		struct net_ip ip = a->ip[i];
		size_t k = i;

		for (; k; k--) {
			const struct net_ip *before = &a->ip[k - 1];
			bool other = before->family != ip.family;

			if (other ? before->family == first
				  : memcmp(before->bytes, ip.bytes, length_of(&ip)) <= 0)
				break;
			a->ip[k] = *before;
		}
		a->ip[k] = ip;
	}
}

/* ---- this machine's resolver */

static void ask_resolver(const char *host, struct answer *a)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;

	a->problem = getaddrinfo(host, NULL, &hints, &list);
	for (struct addrinfo *i = list; !a->problem && i; i = i->ai_next) {
		struct net_ip ip = {.family = i->ai_family};

		if (i->ai_family == AF_INET)
			memcpy(ip.bytes, &((struct sockaddr_in *)(void *)i->ai_addr)->sin_addr, 4);
		else if (i->ai_family == AF_INET6)
			memcpy(ip.bytes, &((struct sockaddr_in6 *)(void *)i->ai_addr)->sin6_addr,
			       16);
		else
			continue;
		add(a, &ip);
	}
	if (list)
		freeaddrinfo(list);
}

/* Reads as much as there is until the deadline; false: it was not all. */
static bool read_answer(int fd, struct answer *a)
{
	uint64_t end = clock_ns() / NS_PER_MS + LOOKUP_SECONDS * 1000;
	size_t have = 0;

	while (have < sizeof(*a)) {
		uint64_t now = clock_ns() / NS_PER_MS;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now >= end)
			return false;
		n = poll(&p, 1, (int)(end - now));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		n = read(fd, (uint8_t *)a + have, sizeof(*a) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return a->n <= MAX_ANSWERS;
}

static void answer_and_exit(const char *host, struct answer *a, int fd)
{
	struct err ignored;

	ask_resolver(host, a);
	_exit(io_write_full(fd, a, sizeof(*a), "the answer", &ignored) ? 1 : 0);
}

/* A resolver without an answer waits for longer than anybody who asks for the status wants to. */
static int ask(const char *host, struct answer *a, struct err *err)
{
	int fds[2];
	bool whole;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(err, errno, "%s: ask for its address", host);
	pid = fork();
	if (pid == 0)
		answer_and_exit(host, a, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return err_sys(err, errno, "%s: ask for its address", host);
	}
	whole = read_answer(fds[0], a);
	close(fds[0]);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!whole)
		return err_set(err, ERR_NOT_FOUND,
			       "the name '%s' was not resolved within %d s: does DNS work here?",
			       host, LOOKUP_SECONDS);
	if (a->problem)
		return err_set(err, ERR_NOT_FOUND, "the name '%s' cannot be resolved: %s", host,
			       gai_strerror(a->problem));
	return 0;
}

/* ---- a recorded machine's file, hosts(5) */

static void take_hosts_line(char *line, const char *host, struct answer *a)
{
	char *rest = line, *word, *address = NULL;
	struct err ignored;
	struct net_ip ip;

	line[strcspn(line, "#")] = '\0';
	while ((word = strsep(&rest, " \t"))) {
		if (!*word)
			continue;
		if (!address)
			address = word;
		else if (strcasecmp(word, host) == 0 && !net_ip_parse(address, &ip, &ignored))
			add(a, &ip);
	}
}

static int read_hosts(const struct root *root, const char *host, struct answer *a, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct keyvalue_lines lines;
	char *line;
	size_t len;

	if (root_read(root, "/etc/hosts", HOSTS_MAX, &text, &len, err))
		return err_wrap(err, "the name '%s' cannot be resolved", host);
	lines = (struct keyvalue_lines){.next = text, .end = text + len};
	while (keyvalue_line(&lines, &line, &len))
		take_hosts_line(line, host, a);
	return 0;
}

int lookup_host(const struct root *root, const char *host, struct net_ip ret[RECIPE_MAX_SERVERS],
		size_t *ret_n, struct err *err)
{
	_cleanup_free_ struct answer *a = calloc(1, sizeof(*a));
	struct err ignored;

	if (!a)
		return err_nomem(err, sizeof(*a), "addresses");
	if (!net_ip_parse(host, &ret[0], &ignored)) {
		*ret_n = 1;
		return 0;
	}
	if (root->fd < 0 ? ask(host, a, err) : read_hosts(root, host, a, err))
		return err->code;
	if (!a->n)
		return err_set(err, ERR_NOT_FOUND, "the name '%s' cannot be resolved: %s", host,
			       root->fd < 0 ? "it has no address that can be used"
					    : "it is not in /etc/hosts");
	sort(a);
	*ret_n = NUM_MIN(a->n, (size_t)RECIPE_MAX_SERVERS);
	memcpy(ret, a->ip, *ret_n * sizeof(*ret));
	return 0;
}
