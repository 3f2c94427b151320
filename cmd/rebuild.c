// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/service.h"
#include "config/realpath.h"
#include "service/build.h"

#define MODULES "/lib/modules"

struct arguments {
	const char *root, *config, *kernel;
	bool remove, all, force, as_json;
	struct json json;
};

/* What became of one image. */
struct one {
	const char *version;
	char path[BUILD_IMAGE_SIZE];
	enum { KEPT, BUILT, REMOVED, ABSENT, WOULD_BUILD, FAILED } what;
};

static const char *name_of(const struct one *o)
{
	static const char *const names[] = {"kept",   "built",       "removed",
					    "absent", "would-build", "failed"};

	return names[o->what];
}

static void print_one(struct arguments *a, const struct one *o, const struct err *err)
{
	static const char *const texts[] = {
		"up to date, not built again",      "built",          "removed",
		"there is none: nothing to remove", "would be built", NULL};

	if (a->as_json) {
		json_begin_object(&a->json, NULL);
		json_put_string(&a->json, "kernel", o->version);
		json_put_string(&a->json, "image", *o->path ? o->path : NULL);
		json_put_string(&a->json, "outcome", name_of(o));
		json_put_string(&a->json, "error", o->what == FAILED ? err->msg : NULL);
		json_end_object(&a->json);
	} else if (o->what != FAILED) {
		printf("%s: %s\n", o->path, texts[o->what]);
	}
}

/* On a recorded machine nothing is built or removed. */
static int judge_one(const struct service *s, const struct config *config,
		     const struct arguments *a, struct one *o, struct err *err)
{
	char difference[INPUTS_DIFFERENCE];
	enum build_state state;

	if (build_judge(s, config, o->version, &state, difference, err))
		return err->code;
	o->what = state != BUILD_FRESH || a->force ? WOULD_BUILD : KEPT;
	return 0;
}

static int do_one(const struct service *s, const struct config *config, const struct arguments *a,
		  struct one *o, struct err *err)
{
	bool done;

	if (build_image_path(s, o->version, o->path, err))
		return err->code;
	if (*s->root->path)
		return judge_one(s, config, a, o, err);
	if (a->remove) {
		if (build_remove(s, o->version, &done, err))
			return err->code;
		o->what = done ? REMOVED : ABSENT;
		return 0;
	}
	if (build_image(s, config, o->version, a->force, &done, err))
		return err->code;
	o->what = done ? BUILT : KEPT;
	return 0;
}

static int rebuild_one(const struct service *s, const struct config *config, struct arguments *a,
		       const char *version, struct err *err)
{
	struct one o = {.version = version};
	int r = do_one(s, config, a, &o, err);

	if (r)
		o.what = FAILED;
	print_one(a, &o, err);
	return r;
}

/* Of each kernel that has modules. One that fails does not keep the others. */
static int rebuild_all(const struct service *s, const struct config *config, struct arguments *a,
		       struct err *err)
{
	char **versions = realpath_list(s->root, MODULES);
	struct err other, *to = err;
	int first = 0;

	for (char **v = versions; v && *v; v++) {
		int r = rebuild_one(s, config, a, *v, to);

		if (r && first)
			service_tell(s, SERVICE_WARNING, "%s", to->msg);
		if (r && !first) {
			first = r;
			to = &other;
		}
	}
	if (!first && (!versions || !*versions))
		first = err_set(err, ERR_NOT_FOUND, "%s%s: there are no kernels", s->root->path,
				MODULES);
	realpath_list_free(versions);
	return first;
}

static int rebuild(const struct service *s, struct arguments *a, struct err *err)
{
	char version[BUILD_VERSION_SIZE];
	struct config *config = NULL;
	/* a kernel that goes must not be kept by a mistake in the configuration */
	int r = a->remove ? 0 : service_config(s, &config, NULL, err);

	if (!r && !a->kernel && !a->all)
		r = build_version(s, config, version, err);
	if (!r && a->all)
		r = rebuild_all(s, config, a, err);
	else if (!r)
		r = rebuild_one(s, config, a, a->kernel ? a->kernel : version, err);
	config_destroy(config);
	return r;
}

static int check_arguments(const struct arguments *a, struct err *err)
{
	if (a->remove && (!a->kernel || a->force || a->root))
		return err_set(err, ERR_USAGE,
			       "--remove goes with --kernel, and without --force and --root");
	if (a->all && a->kernel)
		return err_set(err, ERR_USAGE, "--all or --kernel, not both");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct arguments a = {.as_json = false};
	const struct opt opts[] = {
		OPT_STRING(0, "kernel", "VERSION", &a.kernel,
			   "of this kernel (default: the one that captures)"),
		OPT_FLAG(0, "all", &a.all, "of every kernel that has modules"),
		OPT_FLAG('f', "force", &a.force, "although it is up to date"),
		OPT_FLAG(0, "remove", &a.remove, "of a kernel that is removed: take it away"),
		OPT_FLAG(0, "json", &a.as_json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &a.config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &a.root,
			   "say what would be done on the machine recorded in DIR, and do nothing"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (!r)
		r = check_arguments(&a, err);
	if (!r)
		r = service_words_init(&w, cmd, a.root, a.config, err);
	if (r)
		return r;
	if (a.as_json) {
		cmd_begin_json(&a.json, stdout, "lifeboat-rebuild-1");
		json_begin_array(&a.json, "images");
	}
	r = rebuild(&w.service, &a, err);
	if (a.as_json) {
		json_end_array(&a.json);
		cmd_end_json(&a.json);
	}
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_rebuild = {
	.name = "rebuild",
	.operands = "",
	.summary = "build the image of the capture kernel, and load nothing",
	.details =
		"Builds the image unless it is what would be built now, by the digests of all that "
		"goes\ninto it. What is loaded stays; `lifeboat restart` loads the new one. Hooks "
		"of kernel\npackages call it with --kernel when a kernel comes, and with --remove "
		"when it goes.",
	.run = run,
};
