// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "arch/x86_64/purgatory/verify.h"
#include "arch/x86_64/purgatory_blob.h"
#include "base/bytes.h"

/* What a loader would have staged, and the parameters for it, as purgatory_make() writes them. */
struct staged {
	uint8_t kernel[5000], initrd[333];
	struct purgatory_params params;
};

/* Fill in what vouches for the rest, independently of purgatory_make(). */
static void seal(struct purgatory_params *p)
{
	struct sha256 s;

	p->magic = PURGATORY_MAGIC;
	sha256_init(&s);
	sha256_update(&s, p, offsetof(struct purgatory_params, self));
	sha256_final(&s, p->self);
}

static void digest_regions(struct purgatory_params *p)
{
	struct sha256 s;

	sha256_init(&s);
	for (uint32_t i = 0; i < p->n_regions; i++)
		sha256_update(&s, (const void *)(uintptr_t)p->regions[i].start, p->regions[i].size);
	sha256_final(&s, p->digest);
}

static void stage(struct staged *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < sizeof(s->kernel); i++)
		s->kernel[i] = (uint8_t)(i * 11);
	memset(s->initrd, 'i', sizeof(s->initrd));
	s->params = (struct purgatory_params){
		.entry = 0x1234567890,
		.boot_params = 0x9876543210,
		.serial_port = 0x2f8,
		.n_regions = 2,
		.regions = {{(uintptr_t)s->kernel, sizeof(s->kernel)},
			    {(uintptr_t)s->initrd, sizeof(s->initrd)}},
	};
	digest_regions(&s->params);
	seal(&s->params);
}

TEST(the_untouched_is_good)
{
	struct staged s;

	stage(&s);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_GOOD);
}

TEST(sixteen_regions_are_good_and_may_be_empty)
{
	struct staged s;

	stage(&s);
	s.params.n_regions = PURGATORY_SEGMENTS;
	for (int i = 2; i < PURGATORY_SEGMENTS; i++)
		s.params.regions[i] = (struct purgatory_region){(uintptr_t)s.kernel, i % 3};
	digest_regions(&s.params);
	seal(&s.params);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_GOOD);
}

TEST(one_changed_bit_anywhere_in_a_region_is_seen)
{
	static const size_t places[] = {0, 1, 2500, 4999};
	struct staged s;

	stage(&s);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		s.kernel[places[i]] ^= 0x10;
		assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_REGIONS);
		s.kernel[places[i]] ^= 0x10;
	}
	s.initrd[332] ^= 1;
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_REGIONS);
	s.initrd[332] ^= 1;
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_GOOD);
}

/* Every byte of the parameters counts, the entry and the digests among them. */
TEST(one_changed_bit_anywhere_in_the_parameters_is_seen)
{
	struct staged s;
	uint8_t *bytes = (uint8_t *)&s.params;

	stage(&s);
	for (size_t i = 0; i < sizeof(s.params); i++) {
		bytes[i] ^= 0x40;
		assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_PARAMS);
		bytes[i] ^= 0x40;
	}
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_GOOD);
}

/* Sealed by somebody, but nothing that could be followed. */
TEST(impossible_parameters_are_refused)
{
	struct staged s;

	stage(&s);
	s.params.n_regions = PURGATORY_SEGMENTS + 1;
	seal(&s.params);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_PARAMS);
	s.params.n_regions = UINT32_MAX;
	seal(&s.params);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_PARAMS);

	s.params.n_regions = 0;
	digest_regions(&s.params);
	seal(&s.params);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_PARAMS);

	stage(&s);
	s.params.regions[1].size = UINT64_MAX;
	seal(&s.params);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_PARAMS);
}

TEST(fewer_regions_than_digested_are_seen)
{
	struct staged s;

	stage(&s);
	s.params.n_regions = 1;
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_PARAMS);
	seal(&s.params);
	assert_int_equal(purgatory_verify(&s.params), PURGATORY_BAD_REGIONS);
}

TEST(of_damaged_parameters_only_common_ports_are_believed)
{
	struct purgatory_params p = {.serial_port = 0xcf8};

	assert_int_equal(purgatory_port(&p, PURGATORY_BAD_REGIONS), 0xcf8);
	assert_int_equal(purgatory_port(&p, PURGATORY_BAD_PARAMS), 0);
	p.serial_port = 0x2e8;
	assert_int_equal(purgatory_port(&p, PURGATORY_BAD_PARAMS), 0x2e8);
	p.serial_port = 0;
	assert_int_equal(purgatory_port(&p, PURGATORY_BAD_REGIONS), 0);
}

TEST(the_binary_has_the_layout_of_the_contract)
{
	struct staged s;
	struct purgatory_params made;
	uint8_t *plain, *patched;
	size_t size = purgatory_size();
	uint32_t distance = 0;

	if (!size)
		skip(); /* built without a compiler for x86_64 */
	assert_true(size >= PURGATORY_PARAMS + sizeof(made));
	assert_int_equal(purgatory_memory() % 4096, 0);
	assert_true(purgatory_memory() >= size + 16384);
	assert_true(purgatory_memory() < size + 16384 + 2 * 4096);

	plain = malloc(size);
	patched = malloc(size);
	assert_non_null(plain);
	assert_non_null(patched);
	memset(&made, 0, sizeof(made));
	purgatory_make(&made, plain);
	stage(&s);
	memset(s.params.self, 0, sizeof(s.params.self));
	s.params.magic = 0;
	s.params.reserved = 0xffff;
	purgatory_make(&s.params, patched);

	/* It begins with a jump over the parameters, which is too far for the short form. */
	assert_int_equal(patched[0], 0xe9);
	assert_true(bytes_le32((struct bytes){patched, size}, 1, &distance));
	assert_true(5 + distance >= PURGATORY_PARAMS + sizeof(made) && 5 + distance < size);

	/* Only the parameters differ, and they are good. */
	assert_memory_equal(plain, patched, PURGATORY_PARAMS);
	assert_memory_equal(plain + PURGATORY_PARAMS + sizeof(made),
			    patched + PURGATORY_PARAMS + sizeof(made),
			    size - PURGATORY_PARAMS - sizeof(made));
	memcpy(&made, patched + PURGATORY_PARAMS, sizeof(made));
	assert_true(made.magic == PURGATORY_MAGIC);
	assert_int_equal(made.reserved, 0);
	assert_true(made.entry == s.params.entry && made.boot_params == s.params.boot_params);
	assert_int_equal(purgatory_verify(&made), PURGATORY_GOOD);
	free(plain);
	free(patched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_untouched_is_good),
		cmocka_unit_test(sixteen_regions_are_good_and_may_be_empty),
		cmocka_unit_test(one_changed_bit_anywhere_in_a_region_is_seen),
		cmocka_unit_test(one_changed_bit_anywhere_in_the_parameters_is_seen),
		cmocka_unit_test(impossible_parameters_are_refused),
		cmocka_unit_test(fewer_regions_than_digested_are_seen),
		cmocka_unit_test(of_damaged_parameters_only_common_ports_are_believed),
		cmocka_unit_test(the_binary_has_the_layout_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
