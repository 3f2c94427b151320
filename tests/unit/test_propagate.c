// SPDX-License-Identifier: GPL-2.0-or-later
/* With programs that write down how they were called. */
#include "service/propagate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "tests/unit/unit.h"

struct world {
	char dir[64];
	struct root root;
	struct service service;
	char *path; /* what PATH was */
};

static void put(const struct world *w, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

/* A program: it logs its name and arguments, and does `more`. */
static void put_program(const struct world *w, const char *name, const char *more)
{
	char text[1024], path[128];

	snprintf(path, sizeof(path), "bin/%s", name);
	snprintf(text, sizeof(text),
		 "#!/bin/sh\n{ printf '%s'; printf ' [%%s]' \"$@\"; echo; } >> %s/log\n%s\n", name,
		 w->dir, more);
	put(w, path, text, 0755);
}

static void up(struct world *w)
{
	static const char *const folders[] = {"bin", "root", "var", "var/lib"};
	char path[256];

	strcpy(w->dir, "/tmp/lifeboat-test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_ok(root_init(&w->root, w->dir, err));
	memset(&w->service, 0, sizeof(w->service));
	assert_ok(service_init(&w->service, &w->root, &sys_kernel, err));
	w->path = strdup(getenv("PATH"));
	snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", w->dir);
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "%s/home", w->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	setenv("HOME", path, 1);
	/* as the real one: the last argument is the key's name */
	put_program(w, "ssh-keygen", "for f; do :; done; : > \"$f\"; : > \"$f.pub\"");
	put_program(w, "ssh-copy-id", "");
	put_program(w, "ssh", "");
}

static void down(struct world *w)
{
	char command[128];

	setenv("PATH", w->path, 1);
	free(w->path);
	root_deinit(&w->root);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
}

/* What was run, with the folder's name as "D". */
static char *calls(const struct world *w)
{
	char path[256], *text, *p;
	size_t len, dir = strlen(w->dir);

	snprintf(path, sizeof(path), "%s/log", w->dir);
	if (access(path, F_OK))
		return strdup("");
	assert_ok(io_read_file(path, 65536, &text, &len, err));
	while ((p = strstr(text, w->dir))) {
		*p = 'D';
		memmove(p + 1, p + dir, strlen(p + dir) + 1);
	}
	return text;
}

static void assert_calls(const struct world *w, const char *want)
{
	char *text = calls(w);

	assert_string_equal(text, want);
	free(text);
}

#define KEY   "D/etc/lifeboat/ssh/id_ed25519"
#define HOSTS "D/etc/lifeboat/ssh/known_hosts"
#define COMMON(port, strict)                                              \
	" [-p] [" port "] [-o] [UserKnownHostsFile=\"" HOSTS "\"] [-o] "  \
	"[GlobalKnownHostsFile=/dev/null] [-o] [HashKnownHosts=no] [-o] " \
	"[StrictHostKeyChecking=" strict "] [-o] [ConnectTimeout=10]"
#define KEYGEN             "ssh-keygen [-q] [-t] [ed25519] [-N] [] [-C] [lifeboat] [-f] [" KEY "]\n"
#define COPY(port, strict) "ssh-copy-id" COMMON(port, strict) " [-i] [" KEY ".pub] [u@h]\n"
#define PROVE(port)                                                                             \
	"ssh" COMMON(port, "yes") " [-F] [/dev/null] [-i] [" KEY                                \
				  "] [-o] [IdentitiesOnly=yes] [-o] [IdentityAgent=none] [-o] " \
				  "[BatchMode=yes] [-o] [PreferredAuthentications=publickey] "  \
				  "[u@h] [true]\n"

TEST(whole_way)
{
	struct propagate_request request = {.target = "u@h"};
	struct propagate_result result;
	struct world w;
	struct stat st;
	char ssh[128];

	up(&w);
	assert_ok(propagate_key(&w.service, &request, &result, err));
	assert_true(result.made_key);
	assert_calls(&w, KEYGEN COPY("22", "ask") PROVE("22"));
	assert_int_equal(stat(result.known_hosts, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* ssh-copy-id fails where there is no ~/.ssh, as on a new machine */
	snprintf(ssh, sizeof(ssh), "%s/home/.ssh", w.dir);
	assert_int_equal(stat(ssh, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* the key is kept */
	request.port = 2222;
	request.accept_new = true;
	assert_ok(propagate_key(&w.service, &request, &result, err));
	assert_false(result.made_key);
	assert_calls(&w,
		     KEYGEN COPY("22", "ask") PROVE("22") COPY("2222", "accept-new") PROVE("2222"));
	down(&w);
}

TEST(a_key_of_ones_own)
{
	char key[128];
	struct propagate_request request = {.target = "u@h", .key = key};
	struct propagate_result result;
	struct world w;

	up(&w);
	put(&w, "mine", "", 0600);
	snprintf(key, sizeof(key), "%s/mine", w.dir);
	assert_fails(propagate_key(&w.service, &request, &result, err), ERR_NOT_FOUND,
		     "/mine.pub: the key's public half is missing; `ssh-keygen -y");
	assert_calls(&w, "");
	put(&w, "mine.pub", "", 0644);
	assert_ok(propagate_key(&w.service, &request, &result, err));
	assert_string_equal(result.key, key);
	request.key = "mine";
	assert_fails(propagate_key(&w.service, &request, &result, err), ERR_USAGE,
		     "'mine' is not the absolute path of a key");
	request.key = "-oProxyCommand=x";
	assert_fails(propagate_key(&w.service, &request, &result, err), ERR_USAGE,
		     "is not the absolute path");
	down(&w);
}

/* They become arguments of programs, one of which is a shell script. */
TEST(targets)
{
	static const char *const good[] = {"u@h", "dump-1@host.example.com", "u@2001:db8::1",
					   "u@fe80::1%eth0", "_a.b@10.0.0.1"};
	static const char *const bad[] = {"",
					  "h",
					  "@h",
					  "u@",
					  "-u@h",
					  "u@-h",
					  "u@h x",
					  "u;@h",
					  "u@$(x)",
					  "u@h\n",
					  "u@h@i",
					  "u@'h'",
					  "-oProxyCommand=x@h"};
	struct propagate_request request = {0};
	struct propagate_result result;
	struct world w;

	up(&w);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_ok(propagate_check_target(good[i], err));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		request.target = bad[i];
		assert_fails(propagate_key(&w.service, &request, &result, err), ERR_USAGE,
			     "is not USER@HOST");
	}
	assert_calls(&w, "");
	down(&w);
}

static void refuse(struct world *w, const struct propagate_request *request, int code,
		   const char *message)
{
	struct propagate_result result = {.key = "?"};

	assert_fails(propagate_key(&w->service, request, &result, err), code, message);
	assert_string_equal(result.key, "?");
}

TEST(failures)
{
	struct propagate_request request = {.target = "u@h", .seconds = 1};
	char path[256];
	struct world w;

	up(&w);
	/* only the proof counts, whatever ssh-copy-id says of itself */
	put_program(&w, "ssh", "echo 'Permission denied (publickey).' >&2; exit 255");
	refuse(&w, &request, ERR_SYSTEM,
	       "alone: ssh ended with status 255: Permission denied (publickey).");
	put_program(&w, "ssh", "printf '\\033[2J'; kill -9 $$");
	refuse(&w, &request, ERR_SYSTEM, "alone: ssh was ended by signal 9: \\x1b[2J");
	put_program(&w, "ssh", "echo waiting; sleep 100");
	refuse(&w, &request, ERR_TIMEOUT, "alone: ssh has not ended after 1 s: waiting");
	put_program(&w, "ssh", "yes");
	refuse(&w, &request, ERR_TIMEOUT, "alone: ssh has not ended after 1 s: ");
	put_program(&w, "ssh-copy-id", "exit 1");
	refuse(&w, &request, ERR_SYSTEM,
	       "the key was not taken to u@h: ssh-copy-id ended with status 1");
	snprintf(path, sizeof(path), "%s/etc/lifeboat/ssh/known_hosts", w.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/hosts", path), 0);
	refuse(&w, &request, ERR_SYSTEM, "known_hosts: open");
	snprintf(path, sizeof(path), "%s/etc/lifeboat/ssh/id_ed25519", w.dir);
	assert_int_equal(unlink(path), 0);
	put_program(&w, "ssh-keygen", "exit 0");
	refuse(&w, &request, ERR_NOT_FOUND, "ssh-keygen made no key");
	snprintf(path, sizeof(path), "%s/bin", w.dir);
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "%s/bin/ssh-keygen", w.dir);
	assert_int_equal(unlink(path), 0);
	refuse(&w, &request, ERR_NOT_FOUND, "ssh-keygen: there is no such program");
	down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_way),
		cmocka_unit_test(a_key_of_ones_own),
		cmocka_unit_test(targets),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
