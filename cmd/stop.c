// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/service.h"
#include "service/arm.h"

static void print(bool was_armed, bool as_json)
{
	struct json j;

	if (as_json) {
		cmd_begin_json(&j, stdout, "lifeboat-stop-1");
		json_put_bool(&j, "was_armed", was_armed);
		cmd_end_json(&j);
	} else if (was_armed) {
		printf("not armed any more: a crash from now on is not captured\n");
	} else {
		printf("it was not armed: nothing to do\n");
	}
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool json = false, was_armed = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (!r)
		r = service_words_init(&w, cmd, NULL, NULL, err);
	if (r)
		return r;
	r = arm_stop(&w.service, &was_armed, err);
	if (!r)
		print(was_armed, json);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_stop = {
	.name = "stop",
	.operands = "",
	.summary = "take the panic kernel out: crashes are not captured any more",
	.details = "Puts the sysctls back that `lifeboat start` has set, and takes the panic "
		   "kernel out. It\nis no error if there is none.",
	.run = run,
};
