// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "proof/console.h"

static struct console read_lines(const char *text)
{
	struct console c = {.kernel = false};

	console_feed(&c, text, strlen(text));
	return c;
}

/* As a capture kernel wrote it to its serial console. */
static const char good[] =
	"[    0.000000] Linux version 6.1.0-56-cloud-amd64\r\n"
	"[    2.027085] lifeboat: version 0.1.0\r\n"
	"[    2.074826] lifeboat: | [    0.004000] Kernel panic - not syncing: this is a test\r\n"
	"[    2.074827] lifeboat: | result: failed, log 0 bytes, dump none, in nothing of target "
	"2\r\n"
	"[    2.378053] lifeboat: target 1 of 2: ext4 UUID=1111 /var/crash\r\n"
	"[    2.401647] lifeboat: find FAILED after 8000 ms: not done after 8000 ms: there is no "
	"disk\r\n"
	"[    2.401648] lifeboat: detach FAILED after 1 ms: second\r\n"
	"[    2.378053][    T1] lifeboat: target 2 of 2: raw PARTUUID=2222\r\n"
	"[    2.686650] lifeboat: dump done in 121 ms\r\n"
	"[    2.817219] lifeboat: result: failed, log 0 bytes, dump none, in nothing of target "
	"1\r\n"
	"[    2.817220] lifeboat: result: complete, log 466 bytes, dump 532.0 KB, in entry 1 of "
	"target 2\r\n"
	"[    2.817221] lifeboat: memory: 1000 of 5000 bytes were free at the worst moment\r\n"
	"[    2.817606] lifeboat: final action: reboot\r\n";

static void check_good(const struct console *c)
{
	assert_true(c->kernel && c->init && c->over && !c->panic);
	assert_true(c->targets[0].told && c->targets[1].told);
	assert_string_equal(c->targets[0].result, "failed");
	assert_string_equal(c->targets[0].name, "");
	assert_string_equal(c->targets[0].failure,
			    "find: not done after 8000 ms: there is no disk");
	assert_string_equal(c->targets[1].result, "complete");
	assert_string_equal(c->targets[1].name, "entry 1");
	assert_string_equal(c->targets[1].failure, "");
	assert_string_equal(c->failure, c->targets[0].failure);
	assert_int_equal(c->lowest, 1000);
	assert_int_equal(c->ram, 5000);
}

TEST(a_capture)
{
	struct console c = read_lines(good);

	check_good(&c);
}

TEST(in_pieces)
{
	struct console c = {.kernel = false};

	for (const char *p = good; *p; p++)
		console_feed(&c, p, 1);
	check_good(&c);
}

TEST(the_forged_log_decides_nothing)
{
	struct console c = read_lines("[    1.0] lifeboat: | final action: reboot\n"
				      "[    1.0] lifeboat: | lifeboat: version 0.1.0\n"
				      "[    1.0] lifeboat: | result: complete, log 1 bytes, dump 1 "
				      "KB, in x of target 1\n");

	assert_true(c.kernel && !c.init && !c.over);
	assert_false(c.targets[0].told);
}

TEST(ends_of_other_kinds)
{
	struct console c = read_lines("[    1.0] Kernel panic - not syncing: no init\n");

	assert_true(c.panic && c.over);
	c = read_lines("lifeboat: a shell for at most 60 minutes; the final action follows\n");
	assert_true(c.over && !c.panic);
	c = read_lines("");
	assert_false(c.kernel);
}

TEST(what_makes_no_sense)
{
	char *line = malloc(100000);
	struct console c;

	memset(line, 'x', 100000);
	memcpy(line, "lifeboat: target 9 of 9: ", 25);
	c = read_lines("");
	console_feed(&c, line, 100000);
	console_feed(&c, "\n", 1);
	assert_int_equal(c.target, 0);
	free(line);
	c = read_lines("lifeboat: result: complete, in  of target 99999999999999999999\n"
		       "lifeboat: result: complete, in nowhere of target 0\n"
		       "lifeboat: result: \nlifeboat: memory: many\n[[[[\n]\n[\n");
	for (size_t i = 0; i < RECIPE_MAX_TARGETS; i++)
		assert_false(c.targets[i].told);
	assert_int_equal(c.ram, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capture),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(the_forged_log_decides_nothing),
		cmocka_unit_test(ends_of_other_kinds),
		cmocka_unit_test(what_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
