// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/capture_fixture.h"

#include "capture/record.h"
#include "capture/retain.h"
#include "capture/spool.h"

#define HEAD   "{\"schema\":\"lifeboat-crash-1\",\"tool\":\"x\""
#define WAITS  HEAD ",\"capture\":{\"spool\":true,\"send_to\":\"x\"}}\n"
#define SENT   HEAD ",\"capture\":{\"spool\":false,\"send_to\":\"x\"}}\n"
#define REMOTE "ssh kdump@nas.example.org /dumps"
#define RECIPE                                                                           \
	"schema = " RECIPE_SCHEMA "\nfile = /etc/id\nlink = eth0\nkind = physical\n"     \
	"mac = 52:54:00:12:34:56\ntarget = ssh\nuser = kdump\nidentity = /etc/id\n"      \
	"host-key = ssh-ed25519 AAAA\npath = /dumps\nserver = 192.0.2.7\n"               \
	"host = nas.example.org\nnetwork = eth0\ntarget = fs\ndevice = UUID=1234-ABCD\n" \
	"fstype = ext4\npath = /spool\nspool = yes\nlimit = 1000000\n"

static struct recipe *recipe_of(const char *text)
{
	struct recipe *r = NULL;

	assert_ok(recipe_create((struct bytes){(const uint8_t *)text, strlen(text)}, "test", &r,
				err));
	return r;
}

/* ---- what the record says */

static void assert_record(const struct record *rec, const struct recipe *recipe, size_t i,
			  const char *part)
{
	char *text = NULL;
	size_t len;

	assert_ok(record_format(rec, recipe, i, &text, &len, err));
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in %s", part, text);
	free(text);
}

TEST(the_record_says_whether_it_waits)
{
	struct recipe *recipe = recipe_of(RECIPE);
	struct record *rec = calloc(1, sizeof(*rec));

	assert_non_null(rec);
	rec->targets[0].tried = rec->targets[0].closing = true;
	rec->targets[1].tried = true;
	assert_record(rec, recipe, 1, "\"spool\":true,\"send_to\":\"" REMOTE "\"");
	/* a part of it there is not all of it */
	rec->targets[0].log_written = rec->targets[0].dump_cut = true;
	assert_record(rec, recipe, 1, "\"spool\":true,");
	rec->targets[0].dump_written = true;
	rec->targets[0].unreadable = true;
	assert_record(rec, recipe, 1, "\"spool\":true,");
	rec->targets[0].unreadable = false;
	assert_record(rec, recipe, 1, "\"spool\":false,\"send_to\":null");
	/* a copy that is no spool's waits for nothing */
	assert_record(rec, recipe, 0, "\"spool\":false,\"send_to\":null");
	recipe_destroy(recipe);
	free(rec);
}

TEST(without_a_remote_target_nothing_waits)
{
	struct recipe *recipe = recipe_of("schema = " RECIPE_SCHEMA "\ntarget = fs\n"
					  "device = UUID=1234-ABCD\nfstype = ext4\nspool = yes\n");
	struct record *rec = calloc(1, sizeof(*rec));

	assert_non_null(rec);
	assert_record(rec, recipe, 0, "\"spool\":false,\"send_to\":null");
	recipe_destroy(recipe);
	free(rec);
}

/* What is in a text is no field, whatever it looks like. */
TEST(a_panic_cannot_say_that_it_waits)
{
	struct recipe *recipe = recipe_of(RECIPE);
	struct record *rec = calloc(1, sizeof(*rec));
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	char *text = NULL;
	size_t len;

	assert_non_null(rec);
	rec->examined = true;
	strcpy(rec->uts[UTS_RELEASE], "\"spool\":true,\"spool\":true");
	assert_ok(record_format(rec, recipe, 0, &text, &len, err));
	write_text("crash.json", text);
	assert_false(spool_is_waiting(dir));
	write_text("crash.json", WAITS);
	assert_true(spool_is_waiting(dir));
	assert_int_equal(unlink("crash.json"), 0);
	assert_false(spool_is_waiting(dir));
	assert_int_equal(symlink("/dev/zero", "crash.json"), 0);
	assert_false(spool_is_waiting(dir));
	close(dir);
	free(text);
	recipe_destroy(recipe);
	free(rec);
}

/* ---- how much there may be */

static void make_file(const char *path, size_t size)
{
	char *data = calloc(1, size);

	assert_non_null(data);
	memset(data, 'x', size);
	assert_ok(io_write_file(path, data, size, err));
	free(data);
}

TEST(the_limit_is_for_all_crashes_together)
{
	struct recipe *recipe = recipe_of(RECIPE);
	struct target_place *place = calloc(1, sizeof(*place));
	struct target t = {.recipe = &recipe->targets[1],
			   .all = recipe,
			   .ops = &target_fs_ops,
			   .place = place,
			   .mountpoint = "disk"};
	uint64_t before, after;

	assert_non_null(place);
	assert_int_equal(mkdir("disk", 0755), 0);
	assert_ok(t.ops->begin(&t, 1763823999, err));
	assert_ok(t.ops->space(&t, &before, err));
	assert_in_range(before, 900000, 1000000);
	assert_int_equal(mkdir("disk/spool/2025-01-01T00-00-00Z", 0700), 0);
	make_file("disk/spool/2025-01-01T00-00-00Z/vmcore", 400000);
	make_file("disk/spool/no-crash", 400000);
	assert_ok(t.ops->space(&t, &after, err));
	assert_in_range(before - after, 400000, 420000);
	make_file("disk/spool/2025-01-01T00-00-00Z/more", 700000);
	assert_ok(t.ops->space(&t, &after, err));
	assert_int_equal(after, 0);
	if (geteuid() == 0) {
		/* somebody else's does not fill it */
		assert_int_equal(chown("disk/spool/2025-01-01T00-00-00Z", 12345, 12345), 0);
		assert_ok(t.ops->space(&t, &after, err));
		assert_int_equal(after, before);
	}
	recipe_destroy(recipe);
	free(place);
}

/* ---- what goes first */

static void make_crash(const char *name, const char *record)
{
	char path[200];

	snprintf(path, sizeof(path), "crash/%s", name);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "crash/%s/crash.json", name);
	write_text(path, record);
	snprintf(path, sizeof(path), "crash/%s/vmcore.flat.age", name);
	write_text(path, "x");
}

static char order[512];

static void note(void *ctx, const char *name, uint64_t bytes, bool pinned, const char *why)
{
	size_t len = strlen(order);

	(void)ctx;
	(void)bytes;
	(void)pinned;
	snprintf(order + len, sizeof(order) - len, "%.4s%s ", name, why ? "-" : "");
}

TEST(what_waits_goes_last_and_the_oldest_of_it_at_the_very_end)
{
	const struct recipe_retention keep = {.count = 3};
	struct retain_stats stats;

	*order = '\0';
	assert_int_equal(mkdir("crash", 0755), 0);
	make_crash("2001-01-01T00-00-00Z", WAITS);
	make_crash("2002-01-01T00-00-00Z", SENT);
	make_crash("2003-01-01T00-00-00Z", WAITS);
	make_crash("2004-01-01T00-00-00Z", WAITS);
	make_crash("2005-01-01T00-00-00Z", SENT);
	make_crash("2006-01-01T00-00-00Z", WAITS);
	assert_ok(retain_apply("crash", "2006-01-01T00-00-00Z", &keep, 1800000000, false, note,
			       NULL, &stats, err));
	/* the newest one stays; of the others 2002 and 2005 were sent */
	assert_string_equal(order, "2002- 2005- 2006 2004- 2003 2001 ");
	assert_int_equal(stats.removed, 3);
	assert_true(exists("crash/2001-01-01T00-00-00Z"));
	assert_true(exists("crash/2003-01-01T00-00-00Z"));
	assert_false(exists("crash/2004-01-01T00-00-00Z"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_drop)
	static const struct CMUnitTest tests[] = {
		T(the_record_says_whether_it_waits),
		T(without_a_remote_target_nothing_waits),
		T(a_panic_cannot_say_that_it_waits),
		T(the_limit_is_for_all_crashes_together),
		T(what_waits_goes_last_and_the_oldest_of_it_at_the_very_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
