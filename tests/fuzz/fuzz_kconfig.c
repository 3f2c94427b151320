// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Property: kconfig_judge() of any bytes either is ERR_CORRUPT with a message, or gives findings that keep every
 * promise of the header: known enumerators, an effect, unknown is never good, nothing twice.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kconfig.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_finding(const struct kconfig_finding *f)
{
	REQUIRE(strncmp(f->option, "CONFIG_", 7) == 0);
	REQUIRE(f->value >= KCONFIG_UNKNOWN && f->value <= KCONFIG_YES);
	REQUIRE(f->weight >= KCONFIG_FATAL && f->weight <= KCONFIG_INFO);
	REQUIRE(f->effect && *f->effect);
	REQUIRE(f->value != KCONFIG_UNKNOWN || (!f->good && f->weight == KCONFIG_INFO));
	REQUIRE(!f->good || f->weight == KCONFIG_INFO);
	REQUIRE(f->weight == KCONFIG_INFO || f->value == KCONFIG_NO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kconfig_report r = {0};
	struct err err = {0};
	int code = kconfig_judge((struct bytes){data, size}, "fuzz", &r, &err);

	if (code) {
		REQUIRE(code == ERR_CORRUPT && err.code == code && *err.msg && !r.v);
		return 0;
	}
	REQUIRE(r.n && strcmp(r.source, "fuzz") == 0);
	for (size_t i = 0; i < r.n; i++) {
		check_finding(&r.v[i]);
		for (size_t k = 0; k < i; k++)
			REQUIRE(strcmp(r.v[i].option, r.v[k].option) != 0);
	}
	kconfig_deinit(&r);
	return 0;
}
