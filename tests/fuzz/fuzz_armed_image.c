// SPDX-License-Identifier: GPL-2.0-or-later
/* armed_image_read. Property: any bytes are an error with a message, or a recipe with targets and a list of modules. */
#include <stdlib.h>

#include "proof/armed.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct armed_image image = {0};
	struct err err = {0};

	if (armed_image_read((struct bytes){data, size}, "fuzz", &image, &err)) {
		REQUIRE(err.code && *err.msg && !image.recipe && !image.modules);
		return 0;
	}
	REQUIRE(image.recipe->n_targets && image.modules);
	for (char **m = image.modules; *m; m++)
		REQUIRE(strcspn(*m, " \t\n") == strlen(*m));
	(void)armed_image_has(&image, "virtio_blk");
	armed_image_deinit(&image);
	return 0;
}
