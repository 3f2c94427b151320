// SPDX-License-Identifier: GPL-2.0-or-later
/* A share is a folder: what a capture would have left there, and what is wrong with it. */
#include "tests/unit/unit.h"
#include "tests/unit/machine_fixture.h"

#include <fcntl.h>

#include "capture/manifest.h"
#include "proof/evidence.h"

#define NAME   "2023-11-14T22-13-20Z"
#define FOLDER "/crash/" NAME
#define RECORD(result, panic)                                                                      \
	"{\"crash\":{\"panic\":" panic "},\"capture\":{\"result\":" result ",\"memory_ram\":1000," \
	"\"memory_lowest\":400}}"

static const struct forge_spec forged = {.at = FORGE_ALIGN, .time = 1700000000, .id = "a1b2"};

struct fixture {
	struct own_root own;
	struct scratch scratch;
	struct recipe_target target;
	char path[8];
};

/* The core header's offsets are addresses, so memory and header in a sparse file are an ELF dump. */
static void put_dump(struct fixture *f, bool spoilt)
{
	char path[128];
	uint8_t *memory;
	uint64_t header;
	int fd;

	snprintf(path, sizeof(path), "%s" FOLDER "/vmcore", f->own.dir);
	assert_ok(forge_memory(&forged, &memory, &header, err));
	if (spoilt)
		memory[FORGE_KERNEL + 5] ^= 1;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, memory, FORGE_SIZE, (off_t)forged.at), FORGE_SIZE);
	assert_int_equal(pwrite(fd, memory + (header - forged.at), 4096, 0), 4096);
	close(fd);
	free(memory);
}

static void put_manifest_of(struct fixture *f, const char *dump)
{
	const char *const names[] = {"crash.json", dump};
	char text[512] = "", path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint8_t digest[32];
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), "%s" FOLDER "/%s", f->own.dir, names[i]);
		fd = open(path, O_RDONLY);
		assert_true(fd >= 0 && !fstat(fd, &st));
		assert_ok(manifest_digest(fd, 0, (uint64_t)st.st_size, names[i], digest, err));
		close(fd);
		manifest_line(digest, names[i], text + strlen(text), sizeof(text) - strlen(text));
	}
	own_root_text(&f->own, FOLDER "/SHA256SUMS", text);
}

static void put_manifest(struct fixture *f)
{
	put_manifest_of(f, "vmcore");
}

static void fixture_init(struct fixture *f, const char *record)
{
	*f = (struct fixture){.path = "/crash"};
	own_root_init(&f->own);
	f->target = (struct recipe_target){.kind = TARGET_SHARE, .path = f->path};
	f->scratch = (struct scratch){.target = &f->target, .made = true};
	strcpy(f->scratch.path, f->own.dir);
	own_root_text(&f->own, FOLDER "/crash.json", record);
	put_dump(f, false);
	put_manifest(f);
}

static struct evidence look(struct fixture *f, const char *name)
{
	const struct evidence_wanted wanted = {.forged = &forged, .name = name};
	struct evidence e;

	assert_ok(evidence_look(&f->scratch, &wanted, &e, err));
	assert_true(e.files);
	return e;
}

TEST(all_is_well)
{
	struct fixture f;
	struct evidence e;

	fixture_init(&f, RECORD("\"complete\"", "\"test a1b2 of\""));
	e = look(&f, NAME);
	assert_string_equal(e.wrong, "");
	assert_string_equal(e.result, "complete");
	assert_int_equal(e.peak, 600);
	own_root_deinit(&f.own);
}

static void check_wrong(struct fixture *f, const char *name, const char *wrong)
{
	struct evidence e = look(f, name);

	if (!strstr(e.wrong, wrong))
		fail_msg("\"%s\" has no \"%s\"", e.wrong, wrong);
}

TEST(something_is_wrong)
{
	char path[128], other[128];
	struct fixture f;

	fixture_init(&f, RECORD("\"complete\"", "\"test a1b2 of\""));
	check_wrong(&f, "..", "names no folder");
	check_wrong(&f, "", "names no folder");
	check_wrong(&f, "a/b", "names no folder");
	check_wrong(&f, "other", "the files of the crash");
	put_dump(&f, true);
	check_wrong(&f, NAME, "the files of the crash");
	put_manifest(&f);
	check_wrong(&f, NAME, "does not hold what was in memory");
	own_root_text(&f.own, FOLDER "/vmcore", "no dump");
	put_manifest(&f);
	check_wrong(&f, NAME, "the dump");
	own_root_text(&f.own, FOLDER "/crash.json", RECORD("\"partial\"", "\"a1b2\""));
	put_manifest(&f);
	check_wrong(&f, NAME, "result: partial");
	/* not one that leads elsewhere */
	snprintf(path, sizeof(path), "%s" FOLDER "/crash.json", f.own.dir);
	snprintf(other, sizeof(other), "%s/elsewhere", f.own.dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	check_wrong(&f, NAME, "the files of the crash");
	own_root_deinit(&f.own);
}

/* Of an encrypted dump the form is seen, and that it was not cut where the size tells. */
TEST(an_encrypted_dump)
{
	static const char head[] =
		"age-encryption.org/v1\n-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7"
		"KQEbFDOCc\nEmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U\n"
		"--- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0\n";
	char text[sizeof(head) + 64], path[128];
	struct fixture f;

	fixture_init(&f, RECORD("\"complete\"", "\"test a1b2 of\""));
	snprintf(path, sizeof(path), "%s" FOLDER "/vmcore", f.own.dir);
	assert_int_equal(unlink(path), 0);
	snprintf(text, sizeof(text), "%s%032d%016d", head, 0, 0);
	own_root_text(&f.own, FOLDER "/vmcore.flat.age", text);
	put_manifest_of(&f, "vmcore.flat.age");
	assert_string_equal(look(&f, NAME).wrong, "");
	text[strlen(head) + 20] = '\0';
	own_root_text(&f.own, FOLDER "/vmcore.flat.age", text);
	put_manifest_of(&f, "vmcore.flat.age");
	check_wrong(&f, NAME, "before its first chunk does");
	own_root_deinit(&f.own);
}

static void expect_record(const char *text, const char *wrong)
{
	struct evidence e = {.files = true};

	evidence_parse_record((struct bytes){(const uint8_t *)text, strlen(text)}, "a1b2", &e);
	if (!strstr(e.wrong, wrong) || (!*wrong && *e.wrong))
		fail_msg("%s: \"%s\" is not \"%s\"", text, e.wrong, wrong);
}

TEST(records)
{
	expect_record(RECORD("\"complete\"", "\"a1b2\""), "");
	expect_record(RECORD("\"complete\"", "\"a1b3\""), "not of this test");
	expect_record(RECORD("\"complete\"", "null"), "not of this test");
	expect_record(RECORD("7", "\"a1b2\""), "no result");
	expect_record("[]", "no result");
	expect_record("{\"capture\":3}", "no result");
	expect_record("{", "crash.json: ");
	expect_record("", "crash.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(something_is_wrong),
		cmocka_unit_test(an_encrypted_dump),
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
