// SPDX-License-Identifier: GPL-2.0-or-later
/* The log of kernels before v5.10, and who said what in either form. */
#include "image/printk.h"
#include "tests/unit/kernel_fixture.h"

#define SIZE   16384
#define HEADER 16

struct old {
	struct world w;
	const char *type; /* of a record, as VMCOREINFO calls it */
	uint64_t buf, size, first, next, header;
	uint64_t first_at, next_at; /* the variables */
};

static void old_init(struct old *o, const char *type, uint64_t header)
{
	static const struct {
		const char *name;
		int offset;
	} members[] = {{"ts_nsec", 0}, {"len", 8}, {"text_len", 10}, {"dict_len", 12}};
	char key[64];

	*o = (struct old){.size = SIZE, .header = header, .type = type};
	world_init(&o->w);
	o->buf = (world_new(&o->w, SIZE + FAKE_PAGE) + FAKE_PAGE - 1) & ~(FAKE_PAGE - 1);
	world_value(&o->w, "log_buf", o->buf);
	put32(&o->w, world_variable(&o->w, "log_buf_len", 4), SIZE);
	o->first_at = world_variable(&o->w, "log_first_idx", 4);
	o->next_at = world_variable(&o->w, "log_next_idx", 4);
	snprintf(key, sizeof(key), "SIZE(%s)", type);
	fake_set(&o->w.f, key, "%" PRIu64, header);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		snprintf(key, sizeof(key), "OFFSET(%s.%s)", type, members[i].name);
		fake_set(&o->w.f, key, "%d", members[i].offset);
	}
}

/* As log_store() did: what would not fit with a header behind it begins at 0, where a header without a length says so. */
static uint64_t old_add(struct old *o, unsigned int level, unsigned int facility, const char *text)
{
	uint64_t len = (o->header + strlen(text) + 3) & ~3ULL, at;

	if (o->next + len + o->header > o->size) {
		memset(o->w.f.ram + world_phys(o->buf + o->next), 0, (size_t)o->header);
		o->next = 0;
	}
	at = o->buf + o->next;
	put64(&o->w, at, 1234567890);
	put32(&o->w, at + 8, (uint32_t)(len | strlen(text) << 16));
	put32(&o->w, at + 12, facility << 16 | (level << 5 | 2) << 24);
	if (o->header > HEADER)
		put32(&o->w, at + 16, 0x80000003);
	memcpy(o->w.f.ram + world_phys(at + o->header), text, strlen(text));
	o->next += len;
	put32(&o->w, o->next_at, (uint32_t)o->next);
	return at;
}

static void old_first(struct old *o, uint64_t first)
{
	put32(&o->w, o->first_at, (uint32_t)first);
}

static struct {
	char text[1 << 18];
	size_t len;
	struct printk_stats stats;
} out;

/* "5.0 T3 text\n", with "-" for what is not known */
static int hear(void *ctx, const struct printk_record *rec, struct err *err)
{
	char level[16] = "-", caller[16] = "-";

	(void)ctx;
	(void)err;
	if (rec->has_level)
		snprintf(level, sizeof(level), "%u.%u", rec->level, rec->facility);
	if (rec->has_caller)
		snprintf(caller, sizeof(caller), "%c%u",
			 rec->caller & PRINTK_CALLER_CPU ? 'C' : 'T',
			 rec->caller & ~PRINTK_CALLER_CPU);
	out.len += (size_t)snprintf(out.text + out.len, sizeof(out.text) - out.len, "%s %s %.*s\n",
				    level, caller, (int)rec->len, rec->text);
	return 0;
}

static void walk(struct old *o, const char *types)
{
	memset(&out, 0, sizeof(out));
	world_open(&o->w, types);
	assert_ok(printk_walk_kernel(o->w.k, hear, NULL, &out.stats, err));
}

static void assert_log(struct old *o, const char *types, const char *want, uint64_t damaged)
{
	walk(o, types);
	assert_string_equal(out.text, want);
	assert_int_equal(out.stats.damaged, damaged);
}

static int write_text(void *ctx, const char *text, size_t len, struct err *err)
{
	(void)ctx;
	(void)err;
	memcpy(out.text + out.len, text, len);
	out.len += len;
	return 0;
}

TEST(records)
{
	struct printk_buffer buffers[PRINTK_BUFFERS];
	struct old o;

	old_init(&o, "printk_log", HEADER);
	assert_log(&o, NULL, "", 0);
	old_add(&o, 5, 0, "Linux version 5.4");
	old_add(&o, 6, 3, "systemd[1]: hello");
	old_add(&o, 0, 0, "");
	old_add(&o, 0, 0, "Kernel panic - not syncing");
	assert_log(&o, NULL,
		   "5.0 - Linux version 5.4\n6.3 - systemd[1]: hello\n0.0 - Kernel panic - not "
		   "syncing\n",
		   0);
	assert_int_equal(out.stats.records, 3);
	/* as text, in the same form as ever */
	memset(&out, 0, sizeof(out));
	assert_ok(printk_format(o.w.f.img, write_text, NULL, &out.stats, err));
	assert_string_equal(out.text, "[    1.234567] Linux version 5.4\n"
				      "[    1.234567] systemd[1]: hello\n"
				      "[    1.234567] Kernel panic - not syncing\n");
	assert_ok(printk_buffers(o.w.f.img, buffers, err));
	assert_int_equal(buffers[0].vaddr, o.buf);
	assert_int_equal(buffers[0].len, SIZE);
	assert_int_equal(buffers[1].len | buffers[2].len, 0);
	world_deinit(&o.w);
}

/* struct log of v3.5 to v3.10; and with a caller, which only types tell. */
TEST(other_headers)
{
	struct old o;

	old_init(&o, "log", HEADER);
	old_add(&o, 4, 0, "an old one");
	assert_log(&o, NULL, "4.0 - an old one\n", 0);
	world_deinit(&o.w);

	old_init(&o, "printk_log", HEADER + 4);
	old_add(&o, 4, 1, "from an interrupt");
	assert_log(&o, NULL, "4.1 - from an interrupt\n", 0);
	assert_log(&o, FAKE_TYPES_BASIC FAKE_TYPES_SYSTEM, "4.1 C3 from an interrupt\n", 0);
	world_deinit(&o.w);

	/* a header in which there is more than is known: no guess */
	old_init(&o, "printk_log", HEADER + 16);
	old_add(&o, 4, 1, "unknown");
	assert_log(&o, NULL, "- - unknown\n", 0);
	world_deinit(&o.w);
}

/* Rounds of the buffer, so that every place near its end has been the border. */
TEST(wrap)
{
	for (unsigned int len = 1; len < 64; len += 3) {
		char text[128], want[128];
		uint64_t starts[2048];
		unsigned int n = 0;
		struct old o;

		old_init(&o, "printk_log", HEADER);
		memset(text, 'x', sizeof(text));
		for (bool wrapped = false; !wrapped || n < 900;) {
			uint64_t before = o.next;

			snprintf(text, sizeof(text), "%u%*s", n, (int)len, "");
			starts[n++] = old_add(&o, 6, 0, text) - o.buf;
			wrapped |= o.next < before;
			if (wrapped && o.next > SIZE / 2)
				break;
		}
		/* the oldest record that has not been written over */
		for (unsigned int i = 0; i < n; i++) {
			if (starts[i] <= o.next)
				continue;
			old_first(&o, starts[i]);
			walk(&o, NULL);
			assert_int_equal(out.stats.damaged, 0);
			assert_int_equal(out.stats.records, n - i);
			snprintf(want, sizeof(want), "6.0 - %u ", i);
			assert_int_equal(strncmp(out.text, want, strlen(want)), 0);
			break;
		}
		world_deinit(&o.w);
	}
}

/* A record whose length is wrong leaves no way to the next: the next place from which records follow each other is looked for. */
TEST(damaged_records)
{
	uint64_t at[40];
	char text[64];
	struct old o;

	old_init(&o, "printk_log", HEADER);
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "this is the record %d", i);
		at[i] = old_add(&o, 6, 0, text);
	}
	put32(&o.w, at[10] + 8, 7);
	walk(&o, NULL);
	assert_int_equal(out.stats.damaged, 1);
	assert_int_equal(out.stats.records, 39);
	assert_null(strstr(out.text, "record 10"));
	assert_non_null(strstr(out.text, "record 11\n"));
	/* one that claims all that follows: its text is cut to what lies in it */
	put32(&o.w, at[10] + 8, 0xffff0000U | (uint32_t)(SIZE - 4));
	walk(&o, NULL);
	assert_int_equal(out.stats.records, 39);
	/* a length of 0 where the buffer does not end */
	put32(&o.w, at[10] + 8, 0);
	walk(&o, NULL);
	assert_int_equal(out.stats.records, 10);
	world_deinit(&o.w);
}

TEST(unreadable_page)
{
	char text[64];
	struct old o;

	old_init(&o, "printk_log", HEADER);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "this is the record %d", i);
		old_add(&o, 6, 0, text);
	}
	fake_bad(&o.w.f, world_phys(o.buf + FAKE_PAGE), world_phys(o.buf + 2 * FAKE_PAGE));
	walk(&o, NULL);
	assert_true(out.stats.damaged >= 1);
	assert_true(out.stats.records > 190 && out.stats.records < 220);
	assert_non_null(strstr(out.text, "record 0\n"));
	assert_non_null(strstr(out.text, "record 299\n"));
	world_deinit(&o.w);
}

static void check_number(const char *symbol, uint32_t v, const char *part)
{
	struct printk_stats stats;
	char key[64];
	struct old o;

	old_init(&o, "printk_log", HEADER);
	old_add(&o, 6, 0, "x");
	snprintf(key, sizeof(key), "SYMBOL(%s)", symbol);
	fake_unset(&o.w.f, key);
	put32(&o.w, world_variable(&o.w, symbol, 4), v);
	world_open(&o.w, NULL);
	assert_fails(printk_walk(o.w.f.img, hear, NULL, &stats, err), ERR_CORRUPT, part);
	assert_fails(printk_walk(o.w.f.img, hear, NULL, &stats, err), ERR_CORRUPT, "kernel log");
	world_deinit(&o.w);
}

TEST(corrupt_buffer)
{
	static const char *const keys[] = {"SYMBOL(log_buf)", "SYMBOL(log_buf_len)",
					   "SYMBOL(log_next_idx)", "OFFSET(printk_log.len)",
					   "OFFSET(printk_log.text_len)"};
	struct printk_stats stats;
	struct old o;

	check_number("log_buf_len", 0, "log_buf_len");
	check_number("log_buf_len", UINT32_MAX, "4294967295");
	check_number("log_first_idx", SIZE, "log_first_idx");
	check_number("log_next_idx", SIZE + 1, "log_next_idx");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		old_init(&o, "printk_log", HEADER);
		fake_unset(&o.w.f, keys[i]);
		world_open(&o.w, NULL);
		assert_fails(printk_walk(o.w.f.img, hear, NULL, &stats, err), ERR_NOT_FOUND,
			     keys[i]);
		world_deinit(&o.w);
	}
	old_init(&o, "printk_log", 8);
	world_open(&o.w, NULL);
	assert_fails(printk_walk(o.w.f.img, hear, NULL, &stats, err), ERR_CORRUPT,
		     "SIZE(printk_log)=8");
	world_deinit(&o.w);
	old_init(&o, "printk_log", HEADER);
	world_value(&o.w, "log_buf", 0xdead000000000000);
	put32(&o.w, o.next_at, 4000);
	assert_log(&o, NULL, "", 1);
	fake_unset(&o.w.f, "SYMBOL(log_first_idx)");
	world_open(&o.w, NULL);
	assert_fails(printk_walk(o.w.f.img, hear, NULL, &stats, err), ERR_UNSUPPORTED,
		     "neither SYMBOL(prb) nor");
	world_deinit(&o.w);
}

/* Bytes of every kind as a buffer: it ends. */
TEST(buffers_of_noise)
{
	uint32_t seed = 1;
	struct old o;

	old_init(&o, "printk_log", HEADER);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < SIZE; i += 4) {
			seed = seed * 1664525 + 1013904223;
			put32(&o.w, o.buf + (uint64_t)i,
			      round % 3 ? seed : (seed >> 8 & 0x3c) | (seed & 1) << 16);
		}
		old_first(&o, seed >> 8 & 0x3ffc & (SIZE - 64));
		put32(&o.w, o.next_at, seed >> 16 & 0x3ffc);
		walk(&o, NULL);
		assert_true(out.stats.records <= SIZE / HEADER);
	}
	world_deinit(&o.w);
}

/* ---- the ring: who said it */

static void add_ring(struct old *o, uint64_t info_size)
{
	uint64_t prb = world_new(&o->w, 128), descs = world_new(&o->w, 32 * 24);
	uint64_t infos = world_new(&o->w, 32 * 88), text = world_new(&o->w, 4096);

	world_value(&o->w, "prb", prb);
	fake_set_all(&o->w.f, "OFFSET(printk_ringbuffer.desc_ring)=0\n"
			      "OFFSET(printk_ringbuffer.text_data_ring)=48\n"
			      "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
			      "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
			      "OFFSET(prb_desc_ring.tail_id)=32\nOFFSET(atomic_long_t.counter)=0\n"
			      "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
			      "SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
			      "OFFSET(prb_desc.text_blk_lpos)=8\n"
			      "OFFSET(prb_data_blk_lpos.begin)=0\n"
			      "OFFSET(prb_data_blk_lpos.next)=8\n"
			      "OFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n");
	fake_set(&o->w.f, "SIZE(printk_info)", "%" PRIu64, info_size);
	put32(&o->w, prb, 5);
	put64(&o->w, prb + 8, descs);
	put64(&o->w, prb + 16, infos);
	put32(&o->w, prb + 48, 12);
	put64(&o->w, prb + 56, text);
	put64(&o->w, descs, 1ULL << 63); /* id 0, finalized */
	put64(&o->w, descs + 16, 16);
	put32(&o->w, infos + 16, 5 | 9 << 16 | (3U << 5 | 8) << 24);
	put32(&o->w, infos + 20, 4711);
	put_text(&o->w, text + 8, "hello");
}

TEST(who_said_it)
{
	struct old o = {0};

	world_init(&o.w);
	add_ring(&o, 88);
	assert_log(&o, FAKE_TYPES_BASIC FAKE_TYPES_SYSTEM, "3.9 T4711 hello\n", 0);
	/* without types VMCOREINFO tells where the caller is, and only two bytes are left before it */
	assert_log(&o, NULL, "- - hello\n", 0);
	fake_set(&o.w.f, "OFFSET(printk_info.caller_id)", "20");
	assert_log(&o, NULL, "3.9 T4711 hello\n", 0);
	/* or more are: then it is not known */
	fake_set(&o.w.f, "OFFSET(printk_info.caller_id)", "24");
	assert_log(&o, NULL, "- T0 hello\n", 0);
	/* types of another kernel: nothing is read from behind the record */
	fake_unset(&o.w.f, "OFFSET(printk_info.caller_id)");
	fake_set(&o.w.f, "SIZE(printk_info)", "19");
	assert_log(&o, FAKE_TYPES_BASIC FAKE_TYPES_SYSTEM, "- - hello\n", 0);
	world_deinit(&o.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(other_headers),
		cmocka_unit_test(wrap),
		cmocka_unit_test(damaged_records),
		cmocka_unit_test(unreadable_page),
		cmocka_unit_test(corrupt_buffer),
		cmocka_unit_test(buffers_of_noise),
		cmocka_unit_test(who_said_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
