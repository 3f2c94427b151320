// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/image.h"
#include "tests/unit/fake_image.h"

#define UTS 65

static void init(struct fake *f)
{
	fake_init(f, 8 * MIB, 4);
	fake_ram(f, 0, f->size);
}

/* A struct uts_namespace with the names 16 bytes into it. */
static uint64_t put_uts(struct fake *f, const char *release, const char *machine)
{
	const char *const names[6] = {"Linux",
				      "cr\x1b"
				      "ash\n",
				      release,
				      "#1 SMP",
				      machine,
				      "(none)"};
	uint64_t at = fake_alloc(f, FAKE_PAGE);

	for (size_t i = 0; i < 6; i++)
		memcpy(f->ram + at + 16 + i * UTS, names[i], strlen(names[i]) + 1);
	fake_set(f, "SYMBOL(init_uts_ns)", "%" PRIx64, fake_va(f, at, FAKE_PAGE));
	fake_set(f, "OFFSET(uts_namespace.name)", "16");
	return at;
}

TEST(basics)
{
	struct fake f;

	init(&f);
	put_uts(&f, "6.1.0-fake", "x86_64");
	fake_open(&f);
	assert_int_equal(f.img->page_size, 4096);
	assert_int_equal(f.img->page_shift, 12);
	assert_int_equal(f.img->crash_time, 1700000000);
	assert_ptr_equal(f.img->arch, &arch_x86_64);
	assert_memory_equal(f.img->info_text.data, f.info, strlen(f.info));
	assert_ptr_equal(f.notes + f.img->info_off, f.img->info_text.data);
	assert_string_equal(f.img->uts[UTS_SYSNAME], "Linux");
	assert_string_equal(f.img->uts[UTS_NODENAME], "cr?ash?"); /* nothing for a terminal */
	assert_string_equal(f.img->uts[UTS_RELEASE], "6.1.0-fake");
	assert_string_equal(f.img->uts[UTS_VERSION], "#1 SMP");
	assert_string_equal(f.img->uts[UTS_MACHINE], "x86_64");
	assert_string_equal(f.img->uts[UTS_DOMAIN], "(none)");
	fake_deinit(&f);
}

static void assert_uts_from_note(struct fake *f)
{
	fake_open(f);
	assert_string_equal(f->img->uts[UTS_SYSNAME], "Linux");
	assert_string_equal(f->img->uts[UTS_RELEASE], "6.1.0-fake");
	assert_string_equal(f->img->uts[UTS_MACHINE], "x86_64");
	assert_string_equal(f->img->uts[UTS_NODENAME], "");
	fake_deinit(f);
}

TEST(damaged_utsname_is_not_taken)
{
	struct fake f;
	uint64_t at;

	init(&f); /* no key at all */
	assert_uts_from_note(&f);
	init(&f);
	at = put_uts(&f, "6.1.0-fake", "x86_64");
	fake_bad(&f, at, at + 1000);
	assert_uts_from_note(&f);
	init(&f);
	put_uts(&f, "5.10.0", "x86_64");
	assert_uts_from_note(&f);
	/* once taken: a dump with this machine in its header is of an unknown architecture */
	init(&f);
	put_uts(&f, "6.1.0-fake", "x86_63");
	assert_uts_from_note(&f);
	/* a name that fills its field */
	init(&f);
	at = put_uts(&f, "6.1.0-fake", "x86_64");
	memset(f.ram + at + 16 + UTS_NODENAME * UTS, 'n', UTS);
	fake_open(&f);
	assert_int_equal(strlen(f.img->uts[UTS_NODENAME]), UTS - 1);
	fake_deinit(&f);
}

static void check_key(const char *key, const char *value, int code, const char *part)
{
	struct fake f;

	init(&f);
	fake_unset(&f, key);
	if (value)
		fake_set(&f, key, "%s", value);
	assert_fails(fake_try_open(&f, err), code, part);
	assert_null(f.img);
	fake_deinit(&f);
}

TEST(bad_keys_are_named)
{
	check_key("PAGESIZE", NULL, ERR_NOT_FOUND, "PAGESIZE");
	check_key("PAGESIZE", "0", ERR_CORRUPT, "PAGESIZE=0");
	check_key("PAGESIZE", "4097", ERR_CORRUPT, "PAGESIZE=4097");
	check_key("PAGESIZE", "2048", ERR_CORRUPT, "PAGESIZE=2048");
	check_key("PAGESIZE", "131072", ERR_CORRUPT, "PAGESIZE=131072");
	check_key("PAGESIZE", "4096k", ERR_CORRUPT, "PAGESIZE=4096k");
	check_key("CRASHTIME", "now", ERR_CORRUPT, "CRASHTIME=now");
}

TEST(no_vmcoreinfo)
{
	struct image *img = NULL;
	struct fake f;

	init(&f);
	assert_fails(image_create(&f.src, &img, err), ERR_NOT_FOUND, "-device vmcoreinfo");
	fake_make_notes(&f);
	f.src.notes.len -= 40; /* cut inside of VMCOREINFO */
	assert_fails(image_create(&f.src, &img, err), ERR_CORRUPT, "note at offset");
	assert_null(img);
	fake_deinit(&f);
}

/* A page of VMCOREINFO in memory, and one that says that it is. */
static uint64_t put_page(struct fake *f, const char *text)
{
	uint64_t at = fake_alloc(f, 4 * FAKE_PAGE);

	memcpy(f->ram + at, text, strlen(text) + 1);
	return at;
}

TEST(vmcoreinfo_is_found_in_memory)
{
	struct image *img = NULL;
	uint64_t phys = 0, at;
	struct fake f;

	init(&f);
	put_uts(&f, "6.1.0-fake", "x86_64");
	assert_fails(image_create_found(&f.src, &img, &phys, err), ERR_NOT_FOUND, "no page of it");
	put_page(&f, "OSRELEASE=6.1.0-fake\n");
	put_page(&f, "OSRELEASE=5.10.0-before\nPAGESIZE=4096\n");
	put_page(&f, "  OSRELEASE=6.1.0-fake\n");
	assert_fails(image_create_found(&f.src, &img, &phys, err), ERR_NOT_FOUND, "no page of it");
	at = put_page(&f, f.info);
	assert_ok(image_create_found(&f.src, &img, &phys, err));
	assert_int_equal(phys, at);
	assert_string_equal(img->uts[UTS_VERSION], "#1 SMP");
	assert_int_equal(img->info_text.len, strlen(f.info));
	image_destroy(img);
	/* of the kernel that ran before: the addresses do not lead to its name */
	img = NULL;
	memset(f.ram + at, 0, FAKE_PAGE);
	fake_set(&f, "OSRELEASE", "6.1.1-fake");
	put_page(&f, f.info);
	assert_fails(image_create_found(&f.src, &img, &phys, err), ERR_NOT_FOUND, "no page of it");
	assert_null(img);
	fake_deinit(&f);
}

/* Text without an end, at the end of memory, and more of such pages than anybody tries. */
TEST(hostile_pages_of_vmcoreinfo)
{
	struct image *img = NULL;
	struct fake f;
	uint64_t phys;

	init(&f);
	for (uint64_t at = FAKE_START; at < f.size; at += FAKE_PAGE) {
		memset(f.ram + at, 'A', FAKE_PAGE);
		memcpy(f.ram + at, "OSRELEASE=", 10);
	}
	assert_fails(image_create_found(&f.src, &img, &phys, err), ERR_NOT_FOUND, "no page of it");
	f.src.present.v[0].end -= 100;
	assert_fails(image_create_found(&f.src, &img, &phys, err), ERR_NOT_FOUND, "no page of it");
	f.src.elf_machine = 1;
	assert_fails(image_create_found(&f.src, &img, &phys, err), ERR_NOT_FOUND, "no page of it");
	fake_deinit(&f);
}

TEST(unknown_architecture)
{
	struct fake f;

	init(&f);
	f.src.elf_machine = EM_PPC64;
	assert_fails(fake_try_open(&f, err), ERR_UNSUPPORTED, "21");
	fake_deinit(&f);
}

TEST(read_across_pages)
{
	static uint8_t buf[3 * FAKE_PAGE];
	uint64_t v64 = 0;
	uint32_t v32 = 0;
	struct fake f;

	init(&f);
	/* three virtual pages in the opposite order in memory, behind them nothing */
	for (uint64_t i = 0; i < 3; i++) {
		fake_map(&f, FAKE_DIRECT_MAP + i * FAKE_PAGE, MIB - i * FAKE_PAGE, 1);
		memset(f.ram + MIB - i * FAKE_PAGE, 'a' + (int)i, FAKE_PAGE);
	}
	fake_open(&f);
	assert_ok(image_read(f.img, FAKE_DIRECT_MAP, buf, sizeof(buf), err));
	for (size_t i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 'a' + i / FAKE_PAGE);
	assert_ok(image_read_u64(f.img, FAKE_DIRECT_MAP + FAKE_PAGE - 3, &v64, err));
	assert_int_equal(v64, 0x6262626262616161);
	assert_ok(image_read_u32(f.img, FAKE_DIRECT_MAP + 2 * FAKE_PAGE - 1, &v32, err));
	assert_int_equal(v32, 0x63636362);
	assert_ok(image_read(f.img, 0, buf, 0, err)); /* nothing is everywhere */

	assert_fails(image_read(f.img, FAKE_DIRECT_MAP + 3 * FAKE_PAGE - 7, buf, 8, err),
		     ERR_NOT_FOUND, "0xffff888000003000");
	v64 = 5;
	assert_fails(image_read_u64(f.img, FAKE_DIRECT_MAP + 3 * FAKE_PAGE - 7, &v64, err),
		     ERR_NOT_FOUND, "not mapped");
	assert_int_equal(v64, 5);
	fake_bad(&f, MIB, MIB + 1);
	assert_fails(image_read(f.img, FAKE_DIRECT_MAP, buf, 1, err), ERR_SYSTEM,
		     "address 0xffff888000000000");
	fake_deinit(&f);
}

/* A page of which any byte is in the set is in. */
TEST(page_frames)
{
	struct ranges bytes, frames;
	struct fake f;

	init(&f);
	fake_open(&f);
	ranges_init(&bytes);
	assert_ok(ranges_add(&bytes, 0x1fff, 0x2001, err));
	assert_ok(ranges_add(&bytes, 0x2010, 0x2020, err));
	assert_ok(ranges_add(&bytes, 0x5000, 0x6000, err));
	assert_ok(ranges_add(&bytes, UINT64_MAX - 1, UINT64_MAX, err));
	assert_ok(image_page_frames(f.img, &bytes, &frames, err));
	assert_int_equal(frames.n, 3);
	assert_int_equal(frames.v[0].start, 1);
	assert_int_equal(frames.v[0].end, 3);
	assert_int_equal(frames.v[1].start, 5);
	assert_int_equal(frames.v[1].end, 6);
	assert_int_equal(frames.v[2].start, (1ULL << 52) - 1);
	assert_int_equal(frames.v[2].end, 1ULL << 52);
	ranges_deinit(&frames);
	ranges_deinit(&bytes);
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basics),
		cmocka_unit_test(damaged_utsname_is_not_taken),
		cmocka_unit_test(bad_keys_are_named),
		cmocka_unit_test(no_vmcoreinfo),
		cmocka_unit_test(vmcoreinfo_is_found_in_memory),
		cmocka_unit_test(hostile_pages_of_vmcoreinfo),
		cmocka_unit_test(unknown_architecture),
		cmocka_unit_test(read_across_pages),
		cmocka_unit_test(page_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
