// SPDX-License-Identifier: GPL-2.0-or-later
/* A socket that keeps messages apart stands in for /dev/kmsg: one record a read, EAGAIN behind the last. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "loader/kmsg.h"
#include "tests/unit/unit.h"

static int writer;
static struct kmsg kmsg;

static int open_pair(void **state __attribute__((unused)))
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd))
		return -1;
	kmsg.fd = fd[0];
	writer = fd[1];
	return 0;
}

static int close_pair(void **state __attribute__((unused)))
{
	kmsg_close(&kmsg);
	if (kmsg.fd != -1)
		return -1;
	return close(writer);
}

static void put(const char *record)
{
	assert_int_equal(write(writer, record, strlen(record)), strlen(record));
}

TEST(lines_of_a_call)
{
	struct kmsg_lines l;

	put("4,339,5140900,-;Lockdown: lifeboat: kexec of unsigned images is restricted; see man "
	    "kernel_lockdown.7\n");
	put("6,340,5140901,-,caller=T12;kexec_file: kernel: 0 kernel_size: 0x7\n SUBSYSTEM=acpi\n "
	    "DEVICE=+acpi:x\n");
	put("6,341,5140902,c;a fragment without a newline");
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0], "Lockdown: lifeboat: kexec of unsigned images is restricted; "
				    "see man kernel_lockdown.7");
	assert_string_equal(l.v[1], "kexec_file: kernel: 0 kernel_size: 0x7");
	assert_string_equal(l.v[2], "a fragment without a newline");
	assert_int_equal(l.left_out, 0);
	assert_false(l.lost);

	kmsg_read(&kmsg, &l); /* nothing since */
	assert_int_equal(l.n, 0);
	put("6,342,1,-;one more\n");
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], "one more");
}

/* Facility 0 is the kernel, and no process can write with it: 12 is user.warning, 30 daemon.info. */
TEST(lines_of_processes)
{
	struct kmsg_lines l;

	put("12,1,1,-;kexec_file: everything is fine\n");
	put("30,2,1,-;systemd[1]: Started\n");
	put("8,3,1,-;kexec: user.emerg\n");
	put("7,4,1,-;kexec: the kernel's\n");
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], "kexec: the kernel's");
	assert_int_equal(l.left_out, 0);
}

TEST(odd_records)
{
	static const char *const odd[] = {
		"\n",
		";",
		";text\n",
		"4",
		"4;text\n",
		"4,1,1,-\n",
		"4,1,1,-;\n",
		"-4,1,1,-;text\n",
		" 4,1,1,-;text\n",
		"x,1,1,-;text\n",
		"99999999999999999999999,1,1,-;text\n",
		"4294967296,1,1,-;text\n",
		"4,1,1,-\n;behind the first line\n",
	};
	struct kmsg_lines l;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		put(odd[i]);
		kmsg_read(&kmsg, &l);
		if (l.n || l.lost)
			fail_msg("'%s' gave '%s'", odd[i], l.v[0]);
	}
}

TEST(printable_only)
{
	struct kmsg_lines l;
	char record[2000];

	put("4,1,1,-;a\033[2Jb\177c\303\244\\x0ad\t;e\n");
	memset(record, 'x', sizeof(record) - 1);
	record[sizeof(record) - 1] = '\0';
	memcpy(record, "4,2,1,-;", 8);
	put(record);
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0], "a?[2Jb?c??\\x0ad?;e");
	assert_int_equal(strlen(l.v[1]), KMSG_LINE_SIZE - 1);
	assert_string_equal(l.v[1] + KMSG_LINE_SIZE - 5, "x...");

	/* exactly as long as there is room */
	record[8 + KMSG_LINE_SIZE - 1] = '\0';
	put(record);
	kmsg_read(&kmsg, &l);
	assert_int_equal(strlen(l.v[0]), KMSG_LINE_SIZE - 1);
	assert_null(strchr(l.v[0], '.'));
}

static void put_numbered(const char *what, int i)
{
	char record[64];

	snprintf(record, sizeof(record), "4,%d,1,-;%s %d\n", i, what, i);
	put(record);
}

TEST(more_than_there_is_room_for)
{
	struct kmsg_lines l;

	for (int i = 0; i < 14; i++)
		put_numbered("usb", i);
	put_numbered("kexec_file", 14);
	for (int i = 15; i < 30; i++)
		put_numbered("usb", i);
	put_numbered("Lockdown", 30);
	put_numbered("PEFILE", 31);
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, KMSG_MAX_LINES);
	assert_int_equal(l.left_out, 16);
	assert_string_equal(l.v[0], "usb 2"); /* 0 and 1 went for the last two */
	assert_string_equal(l.v[12], "kexec_file 14");
	assert_string_equal(l.v[13], "usb 15");
	assert_string_equal(l.v[14], "Lockdown 30");
	assert_string_equal(l.v[15], "PEFILE 31");

	for (int i = 0; i < 20; i++)
		put_numbered("kexec", i);
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, KMSG_MAX_LINES);
	assert_int_equal(l.left_out, 4);
	assert_string_equal(l.v[0], "kexec 0");
	assert_string_equal(l.v[15], "kexec 15");
}

/* A log that grows as fast as it is read does not keep us; /dev/zero always has more. */
TEST(a_flood)
{
	struct kmsg zero = {.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC)};
	struct kmsg_lines l;

	assert_true(zero.fd >= 0);
	kmsg_read(&zero, &l);
	assert_int_equal(l.n, 0);
	assert_true(l.lost);
	kmsg_close(&zero);
}

/* What the kernel says of a record that is longer than the buffer: others may follow, but not forever. */
TEST(records_too_long)
{
	struct kmsg epoll = {.fd = epoll_create1(EPOLL_CLOEXEC)};
	struct kmsg_lines l;
	char c;

	assert_true(read(epoll.fd, &c, 1) == -1 && errno == EINVAL);
	kmsg_read(&epoll, &l);
	assert_int_equal(l.n, 0);
	assert_true(l.lost);
	kmsg_close(&epoll);
}

TEST(nothing_to_read_from)
{
	struct kmsg none = {.fd = -1}, folder = {.fd = open("/", O_RDONLY | O_CLOEXEC)};
	struct kmsg_lines l;

	l.n = 3;
	kmsg_read(&none, &l);
	assert_int_equal(l.n, 0);
	assert_false(l.lost);
	kmsg_close(&none);

	assert_true(folder.fd >= 0);
	kmsg_read(&folder, &l);
	assert_int_equal(l.n, 0);
	assert_true(l.lost);
	kmsg_close(&folder);
}

TEST(the_end)
{
	struct kmsg_lines l;

	put("4,1,1,-;last\n");
	shutdown(writer, SHUT_WR);
	kmsg_read(&kmsg, &l);
	assert_int_equal(l.n, 1);
	assert_false(l.lost);
}

/* Where it may be read, nothing that was logged before counts. */
TEST(the_real_one)
{
	struct kmsg real;
	struct kmsg_lines l;

	kmsg_open(&real);
	if (real.fd < 0)
		skip();
	kmsg_read(&real, &l);
	kmsg_read(&real, &l);
	assert_true(l.n < KMSG_MAX_LINES);
	kmsg_close(&real);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(lines_of_a_call),
		WITH_PAIR(lines_of_processes),
		WITH_PAIR(odd_records),
		WITH_PAIR(printable_only),
		WITH_PAIR(more_than_there_is_room_for),
		WITH_PAIR(the_end),
		cmocka_unit_test(a_flood),
		cmocka_unit_test(records_too_long),
		cmocka_unit_test(nothing_to_read_from),
		cmocka_unit_test(the_real_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
