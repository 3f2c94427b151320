// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lvm_read, lvm_guard. Properties: a disk gives text that ends with a NUL, or a reason; of any text the digest is the same a
 * second time, and another volume's name does not crash it. The first byte says which of both.
 */
#include "tests/fuzz/disk_fuzz.h"

#include "storage/lvm.h"

#define UUID "LVM-3VhO1i427qo8Qd1JLVEFoWW5MjR33W5ITKCTp5Zb0la5ua8IQavaIzBGHO6jbNea"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct bytes text)
{
	struct lvm_guard a, b;
	struct err err = {0};
	int code = lvm_guard(text, UUID, &a, &err);

	if (code) {
		REQUIRE(code == ERR_CORRUPT || code == ERR_USAGE);
		return;
	}
	REQUIRE(!lvm_guard(text, UUID, &b, &err));
	REQUIRE(strcmp(a.digest, b.digest) == 0 && a.seqno == b.seqno);
	REQUIRE(strlen(a.digest) == 64 && strlen(a.vg) == LAYER_LVM_ID - 1);
	REQUIRE(strlen(a.vg_name) < LAYER_NAME);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	char *text = NULL;
	uint64_t disk;
	size_t len;
	int fd, code;

	if (!size)
		return 0;
	if (*data & 1) {
		check_text((struct bytes){data + 1, size - 1});
		return 0;
	}
	fd = disk_fuzz_make((struct bytes){data + 1, size - 1}, &disk);
	if (fd < 0)
		return 0;
	code = lvm_read(fd, disk, "disk", &text, &len, &err);
	if (code) {
		REQUIRE((code == ERR_NOT_FOUND || code == ERR_CORRUPT) && !text);
	} else {
		REQUIRE(text[len] == '\0');
		check_text((struct bytes){(uint8_t *)text, len});
	}
	free(text);
	close(fd);
	return 0;
}
