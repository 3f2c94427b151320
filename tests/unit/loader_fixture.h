/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loader's tests share: mainly a bzImage laid out by hand, as boot.rst describes it. */
#ifndef TESTS_UNIT_LOADER_FIXTURE_H
#define TESTS_UNIT_LOADER_FIXTURE_H

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/unit/unit.h"

#define FIXTURE_SETUP   (5 * 512)
#define FIXTURE_SYSSIZE 256 /* paragraphs of 16 bytes */
#define FIXTURE_SIZE    (FIXTURE_SETUP + FIXTURE_SYSSIZE * 16)
#define FIXTURE_INIT    (50u * 1024 * 1024)
#define FIXTURE_RELEASE "6.9.0-test"

/* The offsets that tests bend. */
#define HDR_SETUP_SECTS  0x1f1
#define HDR_SYSSIZE      0x1f4
#define HDR_BOOT_FLAG    0x1fe
#define HDR_MAGIC        0x202
#define HDR_VERSION      0x206
#define HDR_KVERSION     0x20e
#define HDR_LOADFLAGS    0x211
#define HDR_ALIGNMENT    0x230
#define HDR_XLOADFLAGS   0x236
#define HDR_CMDLINE_SIZE 0x238
#define HDR_INIT_SIZE    0x260

static inline void assert_says(const struct err *err, const char *piece)
{
	if (!strstr(err->msg, piece))
		fail_msg("'%s' lacks '%s'", err->msg, piece);
}

static inline void fixture_bzimage(uint8_t image[FIXTURE_SIZE])
{
	static const uint8_t flag[] = {0x55, 0xaa}, version[] = {0x0f, 0x02};

	memset(image, 0, FIXTURE_SIZE);
	image[HDR_SETUP_SECTS] = 4;
	bytes_put_le32(image + HDR_SYSSIZE, FIXTURE_SYSSIZE);
	memcpy(image + HDR_BOOT_FLAG, flag, 2);
	memcpy(image + HDR_MAGIC, "HdrS", 4);
	memcpy(image + HDR_VERSION, version, 2);
	image[HDR_KVERSION + 1] = 0x02; /* 0x0200: at 0x400 */
	strcpy((char *)image + 0x400, FIXTURE_RELEASE " (someone@host) #1");
	image[HDR_LOADFLAGS] = 1;
	bytes_put_le32(image + HDR_ALIGNMENT, 0x200000);
	image[HDR_XLOADFLAGS] = 0x7f;
	bytes_put_le32(image + HDR_CMDLINE_SIZE, 2047);
	bytes_put_le64(image + 0x258, 0x1000000);
	bytes_put_le32(image + HDR_INIT_SIZE, FIXTURE_INIT);
}

#endif
