/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real OpenSSH server for the targets that want one: on a free port of 127.0.0.1, with keys, configuration and folders in
 * the test's own temporary folder. As root it runs in a mount namespace of this test, since it wants a folder in /run.
 */
#ifndef TESTS_UNIT_SSH_WORLD_H
#define TESTS_UNIT_SSH_WORLD_H

#include "tests/unit/capture_fixture.h"
#include "tests/unit/programs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "capture/target.h"

#define CRASH_TIME 1760000000 /* 2025-10-09T08:53:20Z */
#define STAMP      "2025-10-09T08-53-20Z"

static struct {
	pid_t server; /* 0: none */
	char user[64], here[128], identity[256], host_key[1024];
	char *servers[2], *host_keys[2], *none[1];
	struct recipe all;
	struct recipe_target recipe;
	struct target_place place;
	struct target target;
	struct root root;
	char path[512];
	uint64_t progress;
} world;

static char empty_text[] = "", localhost[] = "127.0.0.1", host_name[] = "nas.example.org";

/* Run it and wait; its exit status. */
static inline int command(const char *text)
{
	int status = system(text);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool world_can_be(void)
{
	return program_is_there("sshd") && access("/usr/bin/ssh", X_OK) == 0 &&
	       program_is_there("ssh-keygen");
}

/* Where sshd is not installed there is no user of that name. */
static inline bool world_user(void)
{
	if (getpwnam("sshd"))
		return true;
	return command("(cat /etc/passwd; echo sshd:x:65533:65534::/run/sshd:/bin/false) "
		       ">/run/passwd") == 0 &&
	       mount("/run/passwd", "/etc/passwd", NULL, MS_BIND, NULL) == 0;
}

/* sshd's folder and user, which only root's sshd wants. */
static inline bool world_run_folder(void)
{
	if (geteuid() != 0)
		return true;
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0 &&
	       mkdir("/run/sshd", 0755) == 0 && world_user();
}

static inline unsigned int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static inline bool answers(unsigned int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons((uint16_t)port)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static inline void world_stop(void)
{
	struct err ignored;

	if (world.target.session && world.target.ops->detach(&world.target, &ignored))
		fail();
	if (world.server) {
		kill(-world.server, SIGKILL);
		kill(world.server, SIGKILL);
		waitpid(world.server, NULL, 0);
	}
	world.server = 0;
}

/* Start it, with lines of its configuration beyond the usual ones; its files may have at most `fsize` bytes, 0: any. */
static inline void world_serve(const char *lines, size_t fsize)
{
	char text[2048];

	world_stop();
	world.recipe.port = free_port();
	snprintf(text, sizeof(text),
		 "ListenAddress 127.0.0.1\nPort %u\nHostKey %s/host\nPidFile none\nUsePAM no\n"
		 "StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nPrintMotd no\n"
		 "AuthorizedKeysFile %s/authorized\nSubsystem sftp internal-sftp\n%s\n",
		 world.recipe.port, world.here, world.here, lines);
	write_text("sshd_config", text);
	world.server = fork();
	assert_true(world.server >= 0);
	if (!world.server) {
		char config[256], log[256], sshd[PATH_MAX];
		struct rlimit limit = {fsize, fsize};

		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGXFSZ, SIG_IGN);
		if (fsize)
			setrlimit(RLIMIT_FSIZE, &limit);
		snprintf(config, sizeof(config), "%s/sshd_config", world.here);
		snprintf(log, sizeof(log), "%s/sshd.log", world.here);
		if (program_find("sshd", sshd))
			execl(sshd, sshd, "-D", "-f", config, "-E", log, NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !answers(world.recipe.port); i++)
		usleep(10000);
	assert_true(answers(world.recipe.port));
}

/* The first two words of a public key's file. */
static inline void world_host_key(const char *file)
{
	char *end;

	snprintf(world.host_key, sizeof(world.host_key), "%s", text_of(file));
	end = strchr(world.host_key, ' ');
	end = end ? strpbrk(end + 1, " \n") : NULL;
	assert_non_null(end);
	*end = '\0';
}

static inline int world_make_as(void **state, enum target_kind kind)
{
	const struct passwd *pw = getpwuid(geteuid());

	if (!world_can_be() || scratch_make(state) || !pw)
		return -1;
	memset(&world, 0, sizeof(world));
	snprintf(world.user, sizeof(world.user), "%s", pw->pw_name);
	snprintf(world.here, sizeof(world.here), "%s", scratch);
	snprintf(world.identity, sizeof(world.identity), "%s/id", scratch);
	snprintf(world.path, sizeof(world.path), "%s/far/var/crash", scratch);
	if (command("ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ed25519 -N '' -f "
		    "id && "
		    "ssh-keygen -q -t ed25519 -N '' -f other && cp id.pub authorized && mkdir "
		    "far") != 0)
		return -1;
	world_host_key("host.pub");
	world.servers[0] = localhost;
	world.host_keys[0] = world.host_key;
	world.all = (struct recipe){.programs = world.none, .encrypt_to = world.none};
	world.root = (struct root){.fd = -1, .path = ""};
	world.recipe = (struct recipe_target){
		.kind = kind,
		.path = world.path,
		.servers = world.servers,
		.host = host_name,
		.user = world.user,
		.identity = world.identity,
		.host_keys = world.host_keys,
		.needs = empty_text,
	};
	world.target = (struct target){
		.recipe = &world.recipe,
		.all = &world.all,
		.ops = target_ops_of(kind),
		.place = &world.place,
		.sys = &sys_kernel,
		.root = &world.root,
		.mountpoint = "",
		.healthy = true,
		.progress = &world.progress,
	};
	return 0;
}

static inline int world_drop(void **state)
{
	struct err ignored;

	if (world.target.ops->detach(&world.target, &ignored))
		return -1;
	world_stop();
	return scratch_drop(state);
}

/* Where a file of this crash is. */
static inline const char *there(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/%s/%s", world.path, world.place.name, name);
	return path;
}

/* Start it with sessions that tell the number of their server process in `pid`, so that it can be killed. */
static inline __attribute__((unused)) void world_serve_mortal(void)
{
	char line[256];

	write_text("session",
		   "#!/bin/sh\necho $PPID >${0%/*}/pid\n"
		   "case $SSH_ORIGINAL_COMMAND in internal-sftp|sftp|'') "
		   "exec /usr/lib/openssh/sftp-server;; esac\neval \"$SSH_ORIGINAL_COMMAND\"\n");
	chmod("session", 0755);
	snprintf(line, sizeof(line), "ForceCommand %s/session", scratch);
	world_serve(line, 0);
}

static inline int world_begin(struct err *err)
{
	int r = world.target.ops->attach(&world.target, err);

	return r ? r : world.target.ops->begin(&world.target, CRASH_TIME, err);
}

/* Bytes of which no two pieces are alike. */
static inline void pattern(uint8_t *p, size_t len, uint64_t at)
{
	uint64_t x = at * 2654435761u + 88172645463325252ULL;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)x;
	}
}

static inline off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

#define PIECE (300 << 10)

/* A dump of so many pieces, in an order of its own. */
static __attribute__((unused)) int write_dump(struct out **ret, int pieces, struct err *err)
{
	static uint8_t piece[PIECE];
	int r = target_create(&world.target, CRASH_DUMP, ret, err);

	for (int i = 0; i < pieces && !r; i++) {
		uint64_t at = (uint64_t)((i * 7) % pieces) * PIECE;

		pattern(piece, PIECE, at);
		r = (*ret)->ops->pwrite(*ret, piece, PIECE, at, err);
	}
	return r;
}

static __attribute__((unused)) void check_dump(const char *path, int pieces)
{
	static uint8_t want[PIECE], got[PIECE];
	_cleanup_close_ int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	for (int i = 0; i < pieces; i++) {
		pattern(want, PIECE, (uint64_t)i * PIECE);
		assert_int_equal(pread(fd, got, PIECE, (off_t)i * PIECE), PIECE);
		assert_memory_equal(want, got, PIECE);
	}
	assert_int_equal(size_of(path), (off_t)pieces * PIECE);
}

#endif
