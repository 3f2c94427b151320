// SPDX-License-Identifier: GPL-2.0-or-later
/* A folder of a web server that takes PUT. */
#include <inttypes.h>
#include <string.h>

#include "send/store.h"

static int https_prepare(struct store_call *call, struct err *err)
{
	struct store *store = call->store;
	const struct url *url = &store->url;
	size_t size, len = strlen(url->path);
	FILE *to = open_memstream(&call->http.target, &size);

	if (!to)
		return err_nomem(err, URL_MAX, "an address");
	fprintf(to, "%s%s", url->path, len && url->path[len - 1] == '/' ? "" : "/");
	url_encode(store->job->name, true, to);
	fprintf(to, "%s%s%s", call->suffix, *url->query ? "?" : "", url->query);
	if (fclose(to))
		return err_nomem(err, URL_MAX, "an address");
	for (char **line = store->credentials.lines; *line; line++) {
		int r = http_add_line(&call->http, err, "%s", *line);

		if (r)
			return r;
	}
	return 0;
}

/* Only a file that is written shows that files can be written. Many servers have no DELETE: then it stays. */
static int https_check(struct store *store, struct err *err)
{
	static const char text[] =
		"lifeboat looked whether it can write here; this may be removed\n";
	struct err ignored;
	int r = store_put(store, "", text, sizeof(text) - 1, err);

	if (!r && store_delete(store, "", true, &ignored)) {
		/* it is small */
	}
	return r;
}

static int https_begin(struct store *store, struct err *err)
{
	(void)store;
	(void)err;
	return 0;
}

static int https_part(struct store *store, struct store_call *call, size_t number, struct err *err)
{
	(void)err;
	parts_suffix(number, call->suffix);
	store_call_init(store, call, "PUT");
	return 0;
}

static int https_finish(struct store *store, bool whole, struct err *err)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int r;

	if (to)
		parts_put(&store->parts, store_base_name(store), to);
	if (!to || fclose(to))
		r = err_nomem(err, PARTS_MAX_TEXT, "a list of parts");
	else
		r = store_put(store, whole ? ".parts" : ".parts.incomplete", text, len, err);
	free(text);
	return r;
}

static int https_abort(struct store *store, size_t begun, struct err *err)
{
	char suffix[PARTS_SUFFIX];
	int r = 0;

	/* the first that cannot be removed means that none can: a server without DELETE, or none at all any more */
	for (size_t i = 1; i <= begun && !r; i++) {
		parts_suffix(i, suffix);
		r = store_delete(store, suffix, true, err);
		if (r == ERR_NOT_FOUND)
			r = 0;
	}
	return r;
}

const struct store_ops store_https_ops = {
	.prepare = https_prepare,
	.judge = http_judge,
	.check = https_check,
	.begin = https_begin,
	.part = https_part,
	.finish = https_finish,
	.abort = https_abort,
};
