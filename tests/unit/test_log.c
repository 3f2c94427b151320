// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <fcntl.h>

#include "base/log.h"

#define ROOM 2048

/* What one call wrote: a pipe in packet mode keeps each write() apart. */
struct sink {
	int fds[2];
	struct log log;
};

static void sink_open(struct sink *s, bool kmsg)
{
	assert_int_equal(pipe2(s->fds, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	s->log = (struct log){.tag = "tag", .fd = s->fds[1], .kmsg = kmsg, .max = LOG_LEVEL_NOTICE};
}

static void sink_close(struct sink *s)
{
	close(s->fds[0]);
	close(s->fds[1]);
}

/* The next write, "" if there was none. */
static const char *sink_next(struct sink *s)
{
	static char buf[ROOM];
	ssize_t n = read(s->fds[0], buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

TEST(a_line_has_tag_and_newline)
{
	struct sink s;

	sink_open(&s, false);
	log_notice(&s.log, "%d of %s", 7, "nine");
	assert_string_equal(sink_next(&s), "tag: 7 of nine\n");
	assert_string_equal(sink_next(&s), "");
	sink_close(&s);
}

/* The kernel takes one record per write(2), and the level from its start. */
TEST(kmsg_gets_level_and_one_write_per_line)
{
	struct sink s;

	sink_open(&s, true);
	log_error(&s.log, "a");
	log_warn(&s.log, "b");
	log_notice(&s.log, "c");
	assert_string_equal(sink_next(&s), "<3>tag: a\n");
	assert_string_equal(sink_next(&s), "<4>tag: b\n");
	assert_string_equal(sink_next(&s), "<5>tag: c\n");
	assert_string_equal(sink_next(&s), "");
	sink_close(&s);
}

TEST(lines_above_the_level_are_dropped)
{
	struct sink s;

	sink_open(&s, false);
	log_debug(&s.log, "x");
	assert_string_equal(sink_next(&s), "");
	s.log.max = LOG_LEVEL_DEBUG;
	log_debug(&s.log, "x");
	assert_string_equal(sink_next(&s), "tag: x\n");
	s.log.max = LOG_LEVEL_ERROR;
	log_warn(&s.log, "x");
	assert_string_equal(sink_next(&s), "");
	sink_close(&s);
}

/* /dev/kmsg refuses what is longer than a record: rather the beginning than nothing. */
TEST(long_lines_are_cut)
{
	char text[ROOM];
	struct sink s;
	const char *got;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sink_open(&s, true);
	log_error(&s.log, "%s", text);
	got = sink_next(&s);
	assert_int_equal(strlen(got), 900);
	assert_memory_equal(got, "<3>tag: xxxx", 12);
	assert_string_equal(got + 897, "xx\n");
	assert_string_equal(sink_next(&s), "");
	log_error(&s.log, "%.*s", 890, text);
	assert_int_equal(strlen(sink_next(&s)), 8 + 890 + 1);
	sink_close(&s);
}

TEST(a_dead_console_is_no_reason_to_stop)
{
	struct log log = {.tag = "tag", .fd = -1, .max = LOG_LEVEL_DEBUG};

	log_error(&log, "nobody hears this");
}

TEST(where_lines_go)
{
	struct log log;

	log_init_stderr(&log, "t");
	assert_int_equal(log.fd, STDERR_FILENO);
	assert_false(log.kmsg);
	assert_int_equal(log.max, LOG_LEVEL_NOTICE);
	log_init_kmsg(&log, "t"); /* opened only: nothing is written to the machine's log */
	assert_string_equal(log.tag, "t");
	assert_int_equal(log.kmsg, log.fd != STDERR_FILENO);
	if (log.kmsg)
		close(log.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_tag_and_newline),
		cmocka_unit_test(kmsg_gets_level_and_one_write_per_line),
		cmocka_unit_test(lines_above_the_level_are_dropped),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(a_dead_console_is_no_reason_to_stop),
		cmocka_unit_test(where_lines_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
