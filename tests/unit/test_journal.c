// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "service/journal.h"

static struct root root;
static struct service service;

static int setup(void **state)
{
	struct err err;

	if (scratch_make(state) || root_init(&root, scratch, &err) ||
	    service_init(&service, &root, &sys_kernel, &err))
		return -1;
	return mkdir("run", 0755) || mkdir("run/systemd", 0755) ||
	       mkdir("run/systemd/journal", 0755) || mkdir("dev", 0755);
}

static int teardown(void **state)
{
	root_deinit(&root);
	return scratch_drop(state);
}

static int listen_at(const char *path, int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

#define ID "a6e0b1f5b2d04c6f9d0e3a4f7c815bd2"

TEST(fields_as_lines_and_by_length)
{
	static const struct journal_field fields[] = {
		{"LIFEBOAT_FOLDER", "/var/crash/a b=c"},
		{"LIFEBOAT_PANIC", "two\nlines"},
		{"EMPTY", ""},
	};
	static const char want[] = "MESSAGE=it crashed\n"
				   "MESSAGE_ID=" ID "\n"
				   "PRIORITY=3\n"
				   "SYSLOG_IDENTIFIER=lifeboat\n"
				   "LIFEBOAT_FOLDER=/var/crash/a b=c\n"
				   "LIFEBOAT_PANIC\n"
				   "\x09\0\0\0\0\0\0\0"
				   "two\nlines\n"
				   "EMPTY=\n";
	int fd = listen_at("run/systemd/journal/socket", SOCK_DGRAM);
	char got[1000];

	assert_ok(journal_send(&service, 3, ID, "it crashed", fields, 3, err));
	assert_int_equal(recv(fd, got, sizeof(got), 0), sizeof(want) - 1);
	assert_memory_equal(got, want, sizeof(want) - 1);
	close(fd);
}

/* What does not fit into a datagram goes as one sealed file, and nothing with it. */
TEST(large_values_as_a_sealed_file)
{
	const size_t size = 4 << 20;
	_cleanup_free_ char *large = malloc(size + 1), *got = malloc(2 * size);
	const struct journal_field field = {"LARGE", large};
	int fd = listen_at("run/systemd/journal/socket", SOCK_DGRAM), file;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct msghdr msg = {.msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n;

	memset(large, 'x', size);
	large[size] = '\0';
	assert_ok(journal_send(&service, 3, ID, "m", &field, 1, err));
	assert_int_equal(recvmsg(fd, &msg, 0), 0);
	assert_int_equal(msg.msg_flags & MSG_CTRUNC, 0);
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(file));
	assert_int_equal(fcntl(file, F_GET_SEALS),
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	n = pread(file, got, 2 * size, 0);
	assert_true(n > (ssize_t)size);
	assert_memory_equal(got, "MESSAGE=m\n", 10);
	assert_memory_equal(got + n - size - 7, "LARGE=x", 7);
	close(file);
	close(fd);
}

TEST(syslog_where_there_is_no_journal)
{
	int fd = listen_at("dev/log", SOCK_DGRAM);
	char got[4096] = "";

	assert_ok(journal_send(&service, 2, ID, "it\ncrashed\x1b[31m", NULL, 0, err));
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_int_equal(strncmp(got, "<26>", 4), 0); /* daemon, critical */
	assert_non_null(strstr(got, " lifeboat["));
	assert_non_null(strstr(got, "]: it crashed [31m"));
	assert_null(strchr(got, '\n'));
	close(fd);
}

TEST(syslog_that_takes_streams)
{
	int fd = listen_at("dev/log", SOCK_STREAM), from;
	char got[4096] = "";
	ssize_t n;

	assert_ok(journal_send(&service, 2, ID, "it crashed", NULL, 0, err));
	from = accept(fd, NULL, NULL);
	assert_true(from >= 0);
	n = recv(from, got, sizeof(got), 0);
	assert_true(n > 0 && got[n - 1] == '\0');
	assert_non_null(strstr(got, "]: it crashed"));
	close(from);
	close(fd);
}

/* /dev/log is a link into /run on systems with systemd; one that leads out of the root is another machine's. */
TEST(links_stay_below_the_root)
{
	int fd = listen_at("run/systemd/journal/dev-log", SOCK_DGRAM);
	char got[100];

	assert_int_equal(symlink("/run/systemd/journal/dev-log", "dev/log"), 0);
	assert_ok(journal_send(&service, 2, ID, "x", NULL, 0, err));
	assert_true(recv(fd, got, sizeof(got), 0) > 0);
	close(fd);
}

TEST(no_log_at_all)
{
	assert_fails(journal_send(&service, 3, ID, "m", NULL, 0, err), ERR_NOT_FOUND,
		     "no log takes messages");
	write_text("dev/log", "no socket");
	assert_fails(journal_send(&service, 3, ID, "m", NULL, 0, err), ERR_SYSTEM, "/dev/log");
}

TEST(what_no_journal_would_take)
{
	static const char *const keys[] = {"", "_PID", "lower", "A B", "A=B", "1A", "A\n"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct journal_field field = {keys[i], "x"};

		assert_fails(journal_send(&service, 3, ID, "m", &field, 1, err), ERR_USAGE,
			     "no name");
	}
	assert_fails(journal_send(&service, 8, ID, "m", NULL, 0, err), ERR_USAGE, "priority 8");
	assert_fails(journal_send(&service, -1, ID, "m", NULL, 0, err), ERR_USAGE, "priority");
}

/* A log that takes nothing more must not hold the boot. */
TEST(a_full_log_is_given_up)
{
	int fd = listen_at("run/systemd/journal/socket", SOCK_DGRAM), from;
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "run/systemd/journal/socket"};

	from = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(from, (struct sockaddr *)&at, sizeof(at)), 0);
	while (send(from, "x", 1, 0) == 1)
		;
	alarm(30);
	assert_fails(journal_send(&service, 3, ID, "m", NULL, 0, err), ERR_SYSTEM,
		     "journal/socket");
	alarm(0);
	close(from);
	close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fields_as_lines_and_by_length),    T(large_values_as_a_sealed_file),
		T(syslog_where_there_is_no_journal), T(syslog_that_takes_streams),
		T(links_stay_below_the_root),        T(no_log_at_all),
		T(what_no_journal_would_take),       T(a_full_log_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
