// SPDX-License-Identifier: GPL-2.0-or-later
/* send_job_parse. Property: any text is either ERR_USAGE or a job whose text, parsed again, gives the same text. */
#include <stdlib.h>
#include <string.h>

#include "send/job.h"

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const struct send_job *job)
{
	struct err err = {0};
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	REQUIRE(to && !send_job_put(job, to, &err));
	REQUIRE(fclose(to) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct send_job job, again;
	struct err err = {0};
	char *first, *second;
	int r = send_job_parse((struct bytes){data, size}, "fuzz", &job, &err);

	if (r) {
		REQUIRE(r == ERR_USAGE && *err.msg);
		return 0;
	}
	first = text_of(&job);
	/* with all keys in it, it may have become too long */
	if (strlen(first) <= SEND_MAX_JOB) {
		REQUIRE(!send_job_parse((struct bytes){(uint8_t *)first, strlen(first)}, "again",
					&again, &err));
		second = text_of(&again);
		REQUIRE(strcmp(first, second) == 0);
		free(second);
		send_job_deinit(&again);
	}
	free(first);
	send_job_deinit(&job);
	return 0;
}
