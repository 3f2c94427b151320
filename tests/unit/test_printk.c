// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/printk.h"
#include "tests/unit/fake_image.h"

/* The ring of kernel/printk/printk_ringbuffer.h, laid out as on x86_64. */
#define COUNT_BITS 5
#define COUNT      (1U << COUNT_BITS)
#define SIZE_BITS  15
#define SIZE       (1U << SIZE_BITS)
#define DESC_SIZE  24 /* state_var, begin, next */
#define INFO_SIZE  88 /* seq, ts_nsec, text_len … */
#define ID_MASK    ((1ULL << 62) - 1)

enum state { RESERVED, COMMITTED, FINALIZED, REUSABLE };

struct ring {
	struct fake f;
	uint64_t prb, descs, infos, text; /* physical */
	uint64_t head_id;
	uint64_t lpos; /* where the next record's block begins */
};

/* Offsets in struct printk_ringbuffer: desc_ring at 0, text_data_ring at 48. */
static void set_keys(struct fake *f)
{
	fake_set_all(f, "OFFSET(printk_ringbuffer.desc_ring)=0\n"
			"OFFSET(printk_ringbuffer.text_data_ring)=48\n"
			"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
			"OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
			"OFFSET(prb_desc_ring.tail_id)=32\nOFFSET(atomic_long_t.counter)=0\n"
			"OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
			"SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
			"OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
			"OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\n"
			"OFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n");
}

/* An empty ring whose next record has the id `first`. */
static void ring_init(struct ring *r, uint64_t first)
{
	uint64_t symbol;

	*r = (struct ring){.head_id = (first - 1) & ID_MASK};
	fake_init(&r->f, 8 * MIB, 4);
	fake_ram(&r->f, 0, r->f.size);
	symbol = fake_alloc(&r->f, 8);
	r->prb = fake_alloc(&r->f, 128);
	r->descs = fake_alloc(&r->f, COUNT * DESC_SIZE);
	r->infos = fake_alloc(&r->f, COUNT * INFO_SIZE);
	r->text = fake_alloc(&r->f, SIZE);
	set_keys(&r->f);
	fake_set(&r->f, "SYMBOL(prb)", "%" PRIx64, fake_va(&r->f, symbol, 8));
	fake_put64(&r->f, symbol, fake_va(&r->f, r->prb, 128));
	fake_put32(&r->f, r->prb, COUNT_BITS);
	fake_put64(&r->f, r->prb + 8, fake_va(&r->f, r->descs, COUNT * DESC_SIZE));
	fake_put64(&r->f, r->prb + 16, fake_va(&r->f, r->infos, COUNT * INFO_SIZE));
	fake_put64(&r->f, r->prb + 24, r->head_id);
	fake_put64(&r->f, r->prb + 32, first);
	fake_put32(&r->f, r->prb + 48, SIZE_BITS);
	fake_put64(&r->f, r->prb + 56, fake_va(&r->f, r->text, SIZE));
}

static uint64_t desc_at(const struct ring *r, uint64_t id)
{
	return r->descs + id % COUNT * DESC_SIZE;
}

static uint64_t info_at(const struct ring *r, uint64_t id)
{
	return r->infos + id % COUNT * INFO_SIZE;
}

/* The next descriptor: id, state, positions, time of `id` seconds, length. Returns the id. */
static uint64_t add_desc(struct ring *r, enum state state, uint64_t begin, uint64_t next,
			 size_t len)
{
	uint64_t id = r->head_id = (r->head_id + 1) & ID_MASK;

	fake_put64(&r->f, desc_at(r, id), id | (uint64_t)state << 62);
	fake_put64(&r->f, desc_at(r, id) + 8, begin);
	fake_put64(&r->f, desc_at(r, id) + 16, next);
	fake_put64(&r->f, info_at(r, id) + 8, 1234567890);
	fake_put16(&r->f, info_at(r, id) + 16, (uint16_t)len);
	fake_put64(&r->f, r->prb + 24, id);
	return id;
}

/* A record with text, as data_alloc() places it: never across the end of the ring. */
static uint64_t add_bytes(struct ring *r, enum state state, const void *text, size_t len)
{
	uint64_t size = (8 + len + 7) & ~7ULL, begin = r->lpos, at, id;

	r->lpos += size;
	if (begin / SIZE != r->lpos / SIZE)
		r->lpos = r->lpos / SIZE * SIZE + size; /* wraps: stored at the beginning */
	id = add_desc(r, state, begin, r->lpos, len);
	at = r->text + (r->lpos - size) % SIZE;
	fake_put64(&r->f, at, id);
	memcpy(r->f.ram + at + 8, text, len);
	return id;
}

static uint64_t add(struct ring *r, const char *text)
{
	return add_bytes(r, FINALIZED, text, strlen(text));
}

/* ---- what comes out */

static struct {
	char text[1 << 20];
	size_t len;
	struct printk_stats stats;
	int fail_after; /* calls of the writer; 0: never */
} out;

static int write_out(void *ctx, const char *text, size_t len, struct err *err)
{
	assert_ptr_equal(ctx, &out);
	assert_true(out.len + len < sizeof(out.text));
	memcpy(out.text + out.len, text, len);
	out.len += len;
	out.text[out.len] = '\0';
	if (out.fail_after && !--out.fail_after)
		return err_set(err, ERR_NO_SPACE, "the writer is full");
	return 0;
}

static int format(struct ring *r, struct err *err)
{
	int e = fake_try_open(&r->f, err);

	memset(&out, 0, sizeof(out));
	return e ? e : printk_format(r->f.img, write_out, &out, &out.stats, err);
}

static void assert_log(struct ring *r, const char *want, uint64_t records, uint64_t damaged)
{
	assert_ok(format(r, err));
	assert_string_equal(out.text, want);
	assert_int_equal(out.stats.records, records);
	assert_int_equal(out.stats.damaged, damaged);
}

#define STAMP "[    1.234567] "

TEST(text)
{
	struct ring r;

	ring_init(&r, 100);
	add(&r, "Linux version 6.1");
	add_bytes(&r, COMMITTED, "not yet finalized", 17);
	add(&r, "last");
	assert_log(&r, STAMP "Linux version 6.1\n" STAMP "not yet finalized\n" STAMP "last\n", 3,
		   0);
	/* the times of vmcore-dmesg: five digits, more if need be */
	fake_put64(&r.f, info_at(&r, 100) + 8, 0);
	fake_put64(&r.f, info_at(&r, 101) + 8, 123456789012345678);
	fake_put64(&r.f, info_at(&r, 102) + 8, UINT64_MAX);
	assert_log(&r,
		   "[    0.000000] Linux version 6.1\n[123456789.012345] not yet finalized\n"
		   "[18446744073.709551] last\n",
		   3, 0);
	fake_deinit(&r.f);
}

TEST(newlines_and_binary)
{
	struct ring r;

	ring_init(&r, 0);
	add(&r, "two\nlines");
	add_bytes(&r, FINALIZED, "\x1b[31mred\t\x00\x7f\xff\\x", 14);
	assert_log(&r,
		   STAMP "two\n               lines\n" STAMP "\\x1b[31mred\t\\x00\\x7f\\xff\\x\n",
		   2, 0);
	fake_deinit(&r.f);
}

TEST(dataless_and_unreadable_states)
{
	struct ring r;
	uint64_t id;

	ring_init(&r, 7);
	add(&r, "first");
	add_desc(&r, FINALIZED, 1, 1, 0);  /* FAILED_LPOS */
	add_desc(&r, FINALIZED, 3, 3, 50); /* NO_LPOS; no text whatever the length says */
	add_bytes(&r, RESERVED, "being written", 13);
	add_bytes(&r, REUSABLE, "old", 3);
	id = add(&r, "of another round");
	fake_put64(&r.f, desc_at(&r, id), (id + COUNT) | (uint64_t)FINALIZED << 62);
	add(&r, "last");
	assert_log(&r, STAMP "first\n" STAMP "last\n", 2, 0);
	fake_deinit(&r.f);
}

/* Records around the end of the text ring, until every offset there has been the border. */
TEST(wrapped_text)
{
	static char text[SIZE], want[SIZE];

	for (size_t fill = SIZE - 200; fill <= SIZE - 8; fill += 8) {
		struct ring r;

		ring_init(&r, 0);
		r.lpos = fill + 3ULL * SIZE;
		memset(text, 'x', 100);
		text[100] = '\0';
		add(&r, "before");
		add(&r, text);
		add(&r, "after");
		snprintf(want, sizeof(want), STAMP "before\n" STAMP "%s\n" STAMP "after\n", text);
		assert_log(&r, want, 3, 0);
		fake_deinit(&r.f);
	}
}

/*
 * Since v6.18 a block may end exactly where the ring does: its next position is then 0 after masking.
 * Once taken for a wrapped block without room, and the record was lost as damaged.
 */
TEST(block_that_ends_with_the_ring)
{
	struct ring r;

	ring_init(&r, 0);
	r.lpos = SIZE - 40;
	add_desc(&r, FINALIZED, SIZE - 24, SIZE, 16);
	memcpy(r.f.ram + r.text + SIZE - 16, "fits to the end.", 16);
	r.lpos = SIZE;
	add(&r, "next");
	assert_log(&r, STAMP "fits to the end.\n" STAMP "next\n", 2, 0);
	fake_deinit(&r.f);
}

TEST(text_len_larger_than_its_block)
{
	struct ring r;
	uint64_t id;

	ring_init(&r, 0);
	id = add(&r, "12345678");
	add(&r, "secret");
	fake_put16(&r.f, info_at(&r, id) + 16, 65535);
	assert_log(&r, STAMP "12345678\n" STAMP "secret\n", 2, 0);
	/* a block too small for the id in front of the text */
	fake_put64(&r.f, desc_at(&r, id) + 16, 7);
	assert_log(&r, STAMP "secret\n", 1, 1);
	fake_deinit(&r.f);
}

/* Ids have 62 bits and begin just below the wrap: DESC0_ID of the kernel. */
TEST(ids_wrap)
{
	struct ring r;
	char want[512] = "";

	ring_init(&r, ID_MASK - 4);
	for (int i = 0; i < 10; i++) {
		char line[8];

		snprintf(line, sizeof(line), "line %d", i);
		add(&r, line);
		strcat(strcat(strcat(want, STAMP), line), "\n");
	}
	assert_int_equal(r.head_id, 4);
	assert_log(&r, want, 10, 0);
	/* what the tail has left behind may still be there, but is gone */
	fake_put64(&r.f, r.prb + 32, ID_MASK - 1);
	assert_log(&r, strstr(want, STAMP "line 3"), 7, 0);
	fake_deinit(&r.f);
}

/* A ring full to the last descriptor, and ids so far apart that there cannot be as many. */
TEST(full_ring_and_damaged_ids)
{
	struct ring r;
	char want[2048] = "";

	ring_init(&r, 0);
	for (unsigned int i = 0; i < COUNT + 5; i++) {
		char line[16];

		snprintf(line, sizeof(line), "line %u", i);
		add(&r, line);
		if (i >= 5)
			strcat(strcat(strcat(want, STAMP), line), "\n");
	}
	fake_put64(&r.f, r.prb + 32, 5);
	assert_log(&r, want, COUNT, 0);
	/* a damaged tail: what the ring holds is what counts, in order */
	fake_put64(&r.f, r.prb + 32, 1ULL << 61);
	assert_log(&r, want, COUNT, 0);
	fake_put64(&r.f, r.prb + 32, 0);
	assert_log(&r, want, COUNT, 0);
	/* the state bits of head and tail are no part of the id */
	fake_put64(&r.f, r.prb + 24, r.head_id | 3ULL << 62);
	assert_log(&r, want, COUNT, 0);
	/* a damaged head: no descriptor has such an id */
	fake_put64(&r.f, r.prb + 24, 1ULL << 60);
	assert_log(&r, "", 0, 0);
	fake_deinit(&r.f);
}

/* Once one unreadable page cost all records in the 16 KiB before it as well. */
TEST(unreadable_text_pages)
{
	static char text[1000];
	struct ring r;

	ring_init(&r, 0);
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 16; i++) {
		text[0] = (char)('a' + i);
		add_bytes(&r, FINALIZED, text, sizeof(text));
	}
	fake_bad(&r.f, r.text + 2 * FAKE_PAGE, r.text + 3 * FAKE_PAGE);
	assert_ok(format(&r, err));
	/* blocks of 1008 bytes: a to h, of which the last two words stick out; i to m are in it */
	assert_int_equal(out.stats.records + out.stats.damaged, 16);
	assert_int_equal(out.stats.damaged, 5);
	for (int i = 0; i < 16; i++) {
		char start[32];

		snprintf(start, sizeof(start), STAMP "%cxxx", 'a' + i);
		assert_int_equal(strstr(out.text, start) != NULL, i < 8 || i > 12);
	}
	fake_deinit(&r.f);
}

TEST(unreadable_descriptors)
{
	struct ring r;
	uint64_t before, page;

	ring_init(&r, 0);
	/* move the descriptors so that a page ends between them */
	page = fake_alloc(&r.f, 2 * FAKE_PAGE) + FAKE_PAGE;
	before = r.descs = page - 10 * DESC_SIZE;
	fake_put64(&r.f, r.prb + 8, fake_va(&r.f, before, COUNT * DESC_SIZE));
	for (unsigned int i = 0; i < 20; i++)
		add(&r, "x");
	fake_bad(&r.f, page, page + FAKE_PAGE);
	assert_ok(format(&r, err));
	assert_int_equal(out.stats.records, 10);
	assert_int_equal(out.stats.damaged, 10);
	fake_deinit(&r.f);
}

static void check_ring(uint64_t off, uint64_t value, bool wide, int code, const char *part)
{
	struct ring r;

	ring_init(&r, 0);
	add(&r, "x");
	if (wide)
		fake_put64(&r.f, r.prb + off, value);
	else
		fake_put32(&r.f, r.prb + off, (uint32_t)value);
	assert_fails(format(&r, err), code, part);
	assert_fails(format(&r, err), code, "kernel log");
	fake_deinit(&r.f);
}

TEST(corrupt_ring)
{
	struct ring r;

	check_ring(0, 3, false, ERR_CORRUPT, "prb_desc_ring.count_bits");
	check_ring(0, 27, false, ERR_CORRUPT, "is 27");
	check_ring(0, UINT32_MAX, false, ERR_CORRUPT, "is 4294967295");
	check_ring(48, 32, false, ERR_CORRUPT, "prb_data_ring.size_bits");
	check_ring(48, 0, false, ERR_CORRUPT, "is 0");

	/* pointers to nowhere: no record can be read, and that is said */
	ring_init(&r, 0);
	add(&r, "x");
	fake_put64(&r.f, r.prb + 8, 0xdead000000000000);
	assert_log(&r, "", 0, 1);
	fake_put64(&r.f, r.prb + 8, UINT64_MAX - 3);
	assert_log(&r, "", 0, 1);
	fake_put64(&r.f, r.prb + 8, fake_va(&r.f, r.descs, 8));
	fake_put64(&r.f, r.prb + 16, 0);
	assert_log(&r, "", 0, 1);
	fake_put64(&r.f, r.prb + 16, fake_va(&r.f, r.infos, 8));
	fake_put64(&r.f, r.prb + 56, UINT64_MAX - 3);
	assert_log(&r, "", 0, 1);
	fake_deinit(&r.f);

	ring_init(&r, 0);
	fake_set(&r.f, "SYMBOL(prb)", "ffff8880fff00000");
	assert_fails(format(&r, err), ERR_NOT_FOUND, "0xffff8880fff00000");
	fake_deinit(&r.f);
}

/*
 * A ring of 2^26 descriptors, none of which can be read: once a minute of failing look-ups. A hang is
 * what fails here.
 */
TEST(huge_unreadable_ring_ends)
{
	struct ring r;

	ring_init(&r, 0);
	add(&r, "x");
	fake_put32(&r.f, r.prb, 26);
	fake_put64(&r.f, r.prb + 8, 0xffffa00000000000);
	fake_put64(&r.f, r.prb + 24, 1ULL << 40);
	assert_ok(format(&r, err));
	assert_int_equal(out.stats.records, 0);
	assert_int_equal(out.stats.damaged, 1 << 18);
	fake_deinit(&r.f);
}

static int count_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	(void)err;
	*(uint64_t *)ctx += rec->len;
	return 0;
}

/*
 * Descriptors that all claim the same 16 KiB of text: they lie side by side in a real ring, so all of
 * them cannot be longer than it. Once a dump of 1 GiB could make 4 TiB of text.
 */
TEST(overlapping_texts_are_bounded)
{
	struct printk_stats stats = {0};
	uint64_t bytes = 0;
	struct ring r;

	ring_init(&r, 0);
	fake_put32(&r.f, r.prb, 10);
	r.descs = fake_alloc(&r.f, 1024 * DESC_SIZE);
	r.infos = fake_alloc(&r.f, 1024 * INFO_SIZE);
	fake_put64(&r.f, r.prb + 8, fake_va(&r.f, r.descs, 1024 * DESC_SIZE));
	fake_put64(&r.f, r.prb + 16, fake_va(&r.f, r.infos, 1024 * INFO_SIZE));
	for (unsigned int i = 0; i < 1024; i++) {
		fake_put64(&r.f, r.descs + i * DESC_SIZE, i | (uint64_t)FINALIZED << 62);
		fake_put64(&r.f, r.descs + i * DESC_SIZE + 16, SIZE - 8);
		fake_put16(&r.f, r.infos + i * INFO_SIZE + 16, 65535);
	}
	fake_put64(&r.f, r.prb + 24, 1023);
	fake_open(&r.f);
	assert_ok(printk_walk(r.f.img, count_record, &bytes, &stats, err));
	assert_true(bytes <= SIZE + MIB);
	assert_int_equal(bytes, stats.records * 16384);
	assert_int_equal(stats.records + stats.damaged, 1024);
	fake_deinit(&r.f);
}

static void check_key(const char *key, const char *value, int code, const char *part)
{
	struct ring r;

	ring_init(&r, 0);
	fake_unset(&r.f, key);
	if (value)
		fake_set(&r.f, key, "%s", value);
	assert_fails(format(&r, err), code, part);
	fake_deinit(&r.f);
}

TEST(bad_keys_are_named)
{
	static const char *const needed[] = {
		"OFFSET(printk_ringbuffer.desc_ring)",
		"OFFSET(printk_ringbuffer.text_data_ring)",
		"OFFSET(prb_desc_ring.count_bits)",
		"OFFSET(prb_desc_ring.descs)",
		"OFFSET(prb_desc_ring.infos)",
		"OFFSET(prb_desc_ring.head_id)",
		"OFFSET(prb_desc_ring.tail_id)",
		"OFFSET(atomic_long_t.counter)",
		"OFFSET(prb_data_ring.size_bits)",
		"OFFSET(prb_data_ring.data)",
		"SIZE(prb_desc)",
		"OFFSET(prb_desc.state_var)",
		"OFFSET(prb_desc.text_blk_lpos)",
		"OFFSET(prb_data_blk_lpos.begin)",
		"OFFSET(prb_data_blk_lpos.next)",
		"SIZE(printk_info)",
		"OFFSET(printk_info.ts_nsec)",
		"OFFSET(printk_info.text_len)",
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		check_key(needed[i], NULL, ERR_NOT_FOUND, needed[i]);
	check_key("SYMBOL(prb)", NULL, ERR_UNSUPPORTED, "SYMBOL(prb)");
	check_key("SIZE(prb_desc)", "7", ERR_CORRUPT, "SIZE(prb_desc)=7");
	check_key("SIZE(prb_desc)", "4294967296", ERR_CORRUPT, "SIZE(prb_desc)=4294967296");
	check_key("SIZE(printk_info)", "0", ERR_CORRUPT, "SIZE(printk_info)=0");
	check_key("OFFSET(prb_desc.state_var)", "17", ERR_CORRUPT, "prb_desc.state_var)=17");
	check_key("OFFSET(prb_desc.text_blk_lpos)", "9", ERR_CORRUPT, "text_blk_lpos)=9");
	check_key("OFFSET(prb_data_blk_lpos.next)", "9", ERR_CORRUPT, "prb_data_blk_lpos.next)=9");
	check_key("OFFSET(printk_info.text_len)", "87", ERR_CORRUPT, "text_len)=87");
	check_key("OFFSET(printk_info.ts_nsec)", "18446744073709551615", ERR_CORRUPT, "ts_nsec)=1");
	check_key("OFFSET(atomic_long_t.counter)", "17", ERR_CORRUPT, "atomic_long_t.counter)=17");
}

/* An error of the writer ends the walk and comes back; long logs are written in pieces. */
TEST(writer_errors)
{
	static char text[1000];
	struct ring r;

	ring_init(&r, 0);
	memset(text, '\n', sizeof(text)); /* the worst case: each takes an indentation */
	for (int i = 0; i < 20; i++)
		add_bytes(&r, FINALIZED, text, sizeof(text));
	assert_ok(format(&r, err));
	assert_int_equal(out.len, 20 * (15 + 1000 * 16 + 1));
	for (int n = 1; n < 60; n += 7) {
		memset(&out, 0, sizeof(out));
		out.fail_after = n;
		assert_fails(printk_format(r.f.img, write_out, &out, &out.stats, err), ERR_NO_SPACE,
			     "the writer is full");
	}
	fake_deinit(&r.f);
}

/* ---- headline */

static int feed(void *ctx, const struct printk_record *rec, struct err *err)
{
	(void)err;
	printk_headline_feed(ctx, rec);
	return 0;
}

static void check_headline(const char *const *lines, const char *want)
{
	struct printk_headline h = {0};
	struct printk_stats stats;
	struct ring r;

	ring_init(&r, 0);
	for (; *lines; lines++)
		add(&r, *lines);
	fake_open(&r.f);
	assert_ok(printk_walk(r.f.img, feed, &h, &stats, err));
	assert_string_equal(printk_headline_get(&h), want);
	fake_deinit(&r.f);
}

TEST(headline)
{
	static char longest[400] = "Kernel panic - not syncing: ", cut[256];

	check_headline((const char *[]){"hello", NULL}, "");
	check_headline((const char *[]){"BUG: unable to handle page fault", "Oops: 0002 [#1]",
					"Kernel panic - not syncing: Fatal exception", "---[ end",
					NULL},
		       "Kernel panic - not syncing: Fatal exception");
	/* a panic counts wherever it stands; of several the last one */
	check_headline((const char *[]){"Kernel panic - not syncing: one",
					"Kernel panic - not syncing: two", "Oops: 0000", NULL},
		       "Kernel panic - not syncing: two");
	check_headline((const char *[]){"Oops: 0000 [#1]", "BUG: soft lockup", "bye", NULL},
		       "BUG: soft lockup");
	check_headline((const char *[]){"Oops: general\x1b protection\nRIP: 0010", NULL},
		       "Oops: general? protection");
	/* bug: before 6.12 an oops of an exception was none here: crash.json had no reason for BUG(), divisions by zero … */
	check_headline((const char *[]){"kernel BUG at fs/a.c:1!",
					"invalid opcode: 0000 [#1] PREEMPT SMP", "CPU: 0 PID: 1",
					"item [#x], [#], [#2", NULL},
		       "invalid opcode: 0000 [#1] PREEMPT SMP");
	memset(longest + 28, 'y', 300);
	memcpy(cut, longest, 255);
	check_headline((const char *[]){longest, NULL}, cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(newlines_and_binary),
		cmocka_unit_test(dataless_and_unreadable_states),
		cmocka_unit_test(wrapped_text),
		cmocka_unit_test(block_that_ends_with_the_ring),
		cmocka_unit_test(text_len_larger_than_its_block),
		cmocka_unit_test(ids_wrap),
		cmocka_unit_test(full_ring_and_damaged_ids),
		cmocka_unit_test(unreadable_text_pages),
		cmocka_unit_test(unreadable_descriptors),
		cmocka_unit_test(corrupt_ring),
		cmocka_unit_test(huge_unreadable_ring_ends),
		cmocka_unit_test(overlapping_texts_are_bounded),
		cmocka_unit_test(bad_keys_are_named),
		cmocka_unit_test(writer_errors),
		cmocka_unit_test(headline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
