// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/outcome.h"
#include "cmd/service.h"

static int reload(const struct service *s, bool json, struct err *err)
{
	struct arm_outcome *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return err_nomem(err, sizeof(*o), "the outcome");
	r = arm_reload(s, o, err);
	if (!r)
		outcome_print(o, json);
	free(o);
	return r;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (!r)
		r = service_words_init(&w, cmd, NULL, NULL, err);
	if (r)
		return r;
	r = reload(&w.service, json, err);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_reload = {
	.name = "reload",
	.operands = "",
	.summary = "load again what is loaded, after a change of memory or CPUs",
	.details =
		"Loads the copies of what is loaded once more if memory or CPUs have changed "
		"since, "
		"and\nthe kernel does not keep the panic kernel's list of them up to date by "
		"itself. Nothing\nis built, and the configuration is not read. A failure leaves "
		"armed what was. Exit\nstatus: 0 it is up to date, 3 the machine is not armed, or "
		"not by lifeboat.",
	.run = run,
};
