/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of raw partitions share: a plain file that stands for one, and a target on it. */
#ifndef TESTS_UNIT_RAW_FIXTURE_H
#define TESTS_UNIT_RAW_FIXTURE_H

#include "base/num.h"
#include "capture/manifest.h"
#include "capture/target.h"
#include "format/crashpart.h"
#include "tests/unit/capture_fixture.h"

#define RAW_SIZE (24ULL << 20)
#define RAW_TIME 1700000000ULL
#define RAW_NAME "2023-11-14T22-13-20Z"

struct raw {
	struct root root;
	struct recipe_target recipe;
	struct target_place place;
	struct target t;
};

/* The device is full of what was on it before, but for its first block. */
static inline void raw_make_device(uint64_t size)
{
	_cleanup_free_ uint8_t *stale = malloc(1 << 20);
	int fd = open("dev/raw", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(stale && fd >= 0);
	memset(stale, 0xa5, 1 << 20);
	for (uint64_t at = CRASHPART_BLOCK; at < size; at += 1 << 20)
		assert_true(pwrite(fd, stale, NUM_MIN(size - at, 1ULL << 20), (off_t)at) > 0);
	close(fd);
}

static inline void raw_init(struct raw *r)
{
	static char device[] = "/dev/raw";

	*r = (struct raw){.recipe = {.kind = TARGET_RAW,
				     .device = device,
				     .needs = &device[sizeof(device) - 1]}};
	assert_ok(root_init(&r->root, scratch, err));
	r->t = (struct target){
		.recipe = &r->recipe,
		.ops = &target_raw_ops,
		.place = &r->place,
		.root = &r->root,
	};
	strcpy(r->place.device, device);
}

static inline void raw_deinit(struct raw *r)
{
	root_deinit(&r->root);
}

/* A new crash. */
static inline void raw_begin(struct raw *r)
{
	r->place = (struct target_place){.device = "/dev/raw"};
	assert_ok(r->t.ops->attach(&r->t, err));
	assert_ok(r->t.ops->begin(&r->t, RAW_TIME, err));
}

static inline void raw_put(struct raw *r, enum crash_file file, const char *text)
{
	assert_ok(target_put(&r->t, file, text, strlen(text), err));
}

/* A dump of `size` bytes, each of which says where it is; in pieces, the last one first. */
static inline uint8_t raw_dump_byte(uint64_t at)
{
	return (uint8_t)(at * 7 + at / 4096 + 1);
}

static inline struct out *raw_write_dump(struct raw *r, size_t size)
{
	const size_t piece = 300000;
	_cleanup_free_ uint8_t *data = malloc(size);
	struct out *out;

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = raw_dump_byte(i);
	assert_ok(target_create(&r->t, CRASH_DUMP, &out, err));
	for (size_t n = num_div_up(size, piece); n-- > 0;) {
		size_t at = n * piece;

		assert_ok(out->ops->pwrite(out, data + at, NUM_MIN(piece, size - at), at, err));
	}
	return out;
}

/* As a capture does it once its files are there. */
static inline void raw_put_manifest(struct raw *r)
{
	char text[1000] = "";

	for (int file = 0; file < CRASH_MANIFEST; file++) {
		uint64_t offset, len;
		uint8_t digest[32];
		struct err err;
		int fd;

		if (r->t.ops->open(&r->t, (enum crash_file)file, &fd, &offset, &len, &err)) {
			assert_int_equal(err.code, ERR_NOT_FOUND);
			continue;
		}
		assert_int_equal(manifest_digest(fd, offset, len, "raw", digest, &err), 0);
		close(fd);
		manifest_line(digest, crash_file_name((enum crash_file)file), text + strlen(text),
			      sizeof(text) - strlen(text));
	}
	raw_put(r, CRASH_MANIFEST, text);
}

#define RAW_DUMP 1000001

/* All of a crash, from begin to seal. */
static inline void raw_capture(struct raw *r, const char *log)
{
	struct out *out;

	raw_begin(r);
	raw_put(r, CRASH_LOG, log);
	raw_put(r, CRASH_RECORD, "{\"schema\":\"lifeboat-crash-1\",\"a\":0}\n");
	out = raw_write_dump(r, RAW_DUMP);
	assert_ok(out->ops->commit(out, err));
	raw_put(r, CRASH_RECORD, "{\"schema\":\"lifeboat-crash-1\",\"a\":1}\n");
	raw_put_manifest(r);
	assert_ok(r->t.ops->seal(&r->t, true, err));
}

/* All entries that there are. */
struct raw_entries {
	struct crashpart_entry list[4];
	size_t n;
	uint64_t end;
};

static inline int raw_note_entry(void *ctx, const struct crashpart_entry *entry, struct err *err)
{
	struct raw_entries *e = ctx;

	(void)err;
	assert_true(e->n < 4);
	e->list[e->n++] = *entry;
	return 0;
}

static inline struct raw_entries raw_walk(const char *device)
{
	struct raw_entries e = {.n = 0};
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);

	assert_true(size > 0);
	assert_ok(crashpart_walk(fd, (uint64_t)size, device, raw_note_entry, &e, &e.end, err));
	close(fd);
	return e;
}

static inline int raw_setup(void **state)
{
	return scratch_make(state) || mkdir("dev", 0755);
}

#endif
