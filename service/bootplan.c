// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/bootplan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/diff.h"

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

void bootplan_name_loader(struct bootloader_plan *plan, const char *name)
{
	size_t len = strlen(plan->loaders);

	if (!strstr(plan->loaders, name))
		snprintf(plan->loaders + len, sizeof(plan->loaders) - len, "%s%s", len ? ", " : "",
			 name);
}

int bootplan_add_command(struct bootloader_plan *plan, const char *command, struct err *err)
{
	size_t n = 0;
	char **grown;

	while (plan->commands && plan->commands[n])
		if (strcmp(plan->commands[n++], command) == 0)
			return 0;
	grown = reallocarray(plan->commands, n + 2, sizeof(*grown));
	if (!grown)
		return err_nomem(err, (n + 2) * sizeof(*grown), "a command");
	plan->commands = grown;
	grown[n + 1] = NULL;
	grown[n] = strdup(command);
	return grown[n] ? 0 : err_nomem(err, strlen(command), "a command");
}

int bootplan_add_change(struct bootloader_plan *plan, const char *path, char *was, char *will,
			struct err *err)
{
	struct bootloader_change c = {.path = strdup(path), .was = was, .will = will}, *grown;
	bool same = was == will || (was && will && strcmp(was, will) == 0);
	int r = 0;

	if (!c.path)
		r = err_nomem(err, strlen(path), "a path");
	else if (plan->n == BOOTPLAN_MAX)
		r = err_set(err, ERR_UNSUPPORTED, "%s: more than %d files to edit", path,
			    BOOTPLAN_MAX);
	else if (!same)
		r = diff_unified(path, text_bytes(was), text_bytes(will), &c.diff, err);
	if (!r && !same) {
		grown = reallocarray(plan->v, plan->n + 1, sizeof(*grown));
		if (grown) {
			plan->v = grown;
			grown[plan->n++] = c;
			return 0;
		}
		r = err_nomem(err, sizeof(*grown), "a change");
	}
	free(c.path);
	free(was);
	free(will);
	free(c.diff);
	return r;
}

bool bootplan_ends(const char *name, const char *with)
{
	size_t len = strlen(name), n = strlen(with);

	return len > n && strcasecmp(name + len - n, with) == 0;
}
