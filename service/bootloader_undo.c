// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes taken back: a plan made of what the last apply has kept. */
#include <jansson.h>
#include <string.h>

#include "base/io.h"
#include "service/bootedit.h"
#include "service/bootfile.h"
#include "service/bootjournal.h"
#include "service/bootplan.h"

#define MAX_JOURNAL  ((size_t)4 << 20)
#define MAX_COMMANDS 8

static bool has_digest(const char *text, const json_t *digest)
{
	char now[SHA256_TEXT];

	if (!text || !json_is_string(digest))
		return !text && json_is_null(digest);
	bootjournal_digest(text, now);
	return strcmp(now, json_string_value(digest)) == 0;
}

/* What is kept of a file must be what the journal says; NULL: the file was not there. */
static int read_kept(const struct service *s, unsigned int number, const json_t *file, char **ret,
		     struct err *err)
{
	const char *name = json_string_value(json_object_get(file, "kept"));
	const json_t *digest = json_object_get(file, "was_sha256");
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;

	if (name && (strchr(name, '/') || bootjournal_path(s, number, name, path, err) ||
		     io_read_file(path, BOOTEDIT_MAX_SIZE, &text, &len, err)))
		return err->code ? err->code
				 : err_set(err, ERR_CORRUPT, "'%s' is no name of a file", name);
	if (!has_digest(text, digest))
		return err_set(err, ERR_CORRUPT, "%s is not what was kept", name ? name : "a file");
	*ret = no_cleanup_ptr(text);
	return 0;
}

static int undo_file(const struct service *s, const json_t *file, struct bootloader_plan *plan,
		     struct err *err)
{
	const char *path = json_string_value(json_object_get(file, "path"));
	_cleanup_free_ char *now = NULL, *was = NULL;

	if (!path || *path != '/' || strstr(path, "/../"))
		return err_set(err, ERR_CORRUPT, "a file without a path");
	if (read_kept(s, plan->undo, file, &was, err) ||
	    bootfile_read_now(s->root, path, &now, err))
		return err_wrap(err, "%s", path);
	if (has_digest(now, json_object_get(file, "was_sha256")))
		return 0; /* it was never written */
	if (!has_digest(now, json_object_get(file, "will_sha256"))) {
		service_tell(s, SERVICE_WARNING, "%s was changed since; it is left alone", path);
		plan->left++;
		return 0;
	}
	return bootplan_add_change(plan, path, no_cleanup_ptr(now), no_cleanup_ptr(was), err);
}

static int copy_commands(const json_t *list, struct bootloader_plan *plan, struct err *err)
{
	size_t n = json_array_size(list);

	if (n > MAX_COMMANDS)
		return err_set(err, ERR_CORRUPT, "it has %zu commands", n);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (bootplan_add_command(plan, text ? text : "", err))
			return err->code;
	}
	return 0;
}

static int undo_all(const struct service *s, const json_t *journal, struct bootloader_plan *plan,
		    struct err *err)
{
	const json_t *files = json_object_get(journal, "files");
	const char *schema = json_string_value(json_object_get(journal, "schema"));
	size_t n = json_array_size(files);

	if (!schema || strcmp(schema, BOOTJOURNAL_SCHEMA) != 0 || n > BOOTPLAN_MAX)
		return err_set(err, ERR_CORRUPT, "it is no " BOOTJOURNAL_SCHEMA);
	/* the last that was written first */
	while (n-- > 0)
		if (undo_file(s, json_array_get(files, n), plan, err))
			return err->code;
	return copy_commands(json_object_get(journal, "commands"), plan, err);
}

int bootloader_undo(const struct service *s, struct bootloader_plan *ret, struct err *err)
{
	struct bootloader_plan plan = {0};
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	json_t *journal;
	size_t len;
	int r;

	if (bootjournal_last(s, &plan.undo, err))
		return err->code;
	if (!plan.undo)
		return err_set(err, ERR_NOT_FOUND,
			       "there is nothing to take back: no crashkernel= was set by this "
			       "program, or it was taken back already");
	if (bootjournal_path(s, plan.undo, BOOTJOURNAL_FILE, path, err) ||
	    io_read_file(path, MAX_JOURNAL, &text, &len, err))
		return err->code;
	journal = json_loadb(text, len, 0, NULL);
	r = journal ? undo_all(s, journal, &plan, err) : err_set(err, ERR_CORRUPT, "it is no JSON");
	json_decref(journal);
	if (r) {
		bootloader_deinit(&plan);
		return err_wrap(err, "%s", path);
	}
	*ret = plan;
	return 0;
}
