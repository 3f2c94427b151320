// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/build.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "config/realpath.h"
#include "loader/files.h"

#define RECIPE_NAME "the recipe of the configuration" /* for messages */
#define TOKEN_MAX   128
#define CMDLINE_MAX (1 << 20)

/* ---- versions and their files */

/* It becomes a part of file names, and a line of a record. */
static int check_version(const char *version, struct err *err)
{
	bool bad = !*version || strcmp(version, ".") == 0 || strcmp(version, "..") == 0 ||
		   strlen(version) >= BUILD_VERSION_SIZE;

	for (const char *p = version; *p; p++)
		bad |= *p == '/' || !isgraph((unsigned char)*p);
	return bad ? err_set(err, ERR_USAGE, "'%.80s' is no version of a kernel", version) : 0;
}

_Static_assert(sizeof(((struct service *)0)->lib) + BUILD_VERSION_SIZE + 32 < BUILD_IMAGE_SIZE,
	       "a path of an image fits");

int build_image_path(const struct service *s, const char *version, char ret[BUILD_IMAGE_SIZE],
		     struct err *err)
{
	if (check_version(version, err))
		return err->code;
	snprintf(ret, BUILD_IMAGE_SIZE, "%s/initramfs-%s.img", s->lib, version);
	return 0;
}

int build_kernel_file(const struct service *s, const struct build_kernel *kernel,
		      char ret[PATH_MAX], struct err *err)
{
	char path[PATH_MAX];

	if (s->root->fd < 0) {
		snprintf(ret, PATH_MAX, "%s", kernel->path);
		return 0;
	}
	if (!realpath_below(s->root, kernel->path, path))
		return err_sys(err, errno, "%s%s", s->root->path, kernel->path);
	if (snprintf(ret, PATH_MAX, "%s%s", s->root->path, path) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s%s", s->root->path, path);
	return 0;
}

/* ---- where kernels are */

struct search {
	const struct service *s;
	struct build_kernel *found;
	char tried[640]; /* for the message */
};

static bool is_file(const struct root *root, const char *path)
{
	_cleanup_close_ int fd = root_open(root, path, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void note_place(struct search *in, const char *place)
{
	size_t len = strlen(in->tried);

	snprintf(in->tried + len, sizeof(in->tried) - len, "%s%s", len ? ", " : "", place);
}

static _printf_(2, 3) bool try(struct search *in, const char *format, ...)
{
	char path[BUILD_PATH_SIZE];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (len >= (int)sizeof(path))
		return false;
	note_place(in, path);
	if (!is_file(in->s->root, path))
		return false;
	snprintf(in->found->path, sizeof(in->found->path), "%s", path);
	return true;
}

/* What the folders and files of this installation are called by on a partition that others share. */
static bool read_token(const struct root *root, const char *path, char ret[TOKEN_MAX])
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	size_t len;

	if (root_read(root, path, TOKEN_MAX - 1, &text, &len, &ignored))
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (check_version(text, &ignored)) /* the same rules: a name of a folder */
		return false;
	snprintf(ret, TOKEN_MAX, "%s", text);
	return true;
}

/* "TOKEN-V.efi", and with the tries left, and done, behind V: "+3", "+3-1" (systemd, "Automatic Boot Assessment"). */
static bool is_uki_of(const char *name, const char *version)
{
	size_t len = strlen(name), v = strlen(version), tries;
	const char *end = name + len - strlen(".efi"), *at;

	if (len <= strlen(".efi") || strcmp(end, ".efi") != 0)
		return false;
	for (at = name; (at = strstr(at, version)); at++) {
		const char *p = at + v;

		if ((at > name && at[-1] != '-') || p > end)
			continue;
		if (p == end)
			return true;
		if (*p++ != '+')
			continue;
		tries = strspn(p, "0123456789");
		p += tries;
		if (tries && *p == '-' && isdigit((unsigned char)p[1]))
			p += 1 + strspn(p + 1, "0123456789");
		if (tries && p == end)
			return true;
	}
	return false;
}

static bool try_ukis(struct search *in, const char *folder)
{
	char path[64];
	char **names;
	bool found = false;

	snprintf(path, sizeof(path), "%s/EFI/Linux", folder);
	names = realpath_list(in->s->root, path);
	for (char **n = names; n && *n && !found; n++)
		if (is_uki_of(*n, in->found->version))
			found = try(in, "%s/%s", path, *n);
	realpath_list_free(names);
	if (!found) {
		snprintf(path, sizeof(path), "%s/EFI/Linux/*-V.efi", folder);
		note_place(in, path);
	}
	return found;
}

/* What the boot loader named, without the device that GRUB puts in front: "(hd0,gpt2)/vmlinuz". */
static bool read_boot_image(const struct root *root, char ret[PATH_MAX])
{
	_cleanup_free_ char *text = NULL;
	struct err ignored;
	const char *at;
	size_t len;

	if (root_read(root, "/proc/cmdline", CMDLINE_MAX, &text, &len, &ignored))
		return false;
	for (at = text; (at = strstr(at, "BOOT_IMAGE=")); at++)
		if (at == text || at[-1] == ' ')
			break;
	if (!at)
		return false;
	at += strlen("BOOT_IMAGE=");
	if (*at == '(' && strchr(at, ')'))
		at = strchr(at, ')') + 1;
	len = strcspn(at, " \n");
	if (*at != '/' || len >= PATH_MAX)
		return false;
	snprintf(ret, PATH_MAX, "%.*s", (int)len, at);
	return true;
}

/* What the file says of itself; "" if it does not. */
static int read_release(const struct service *s, const struct build_kernel *kernel,
			char ret[BUILD_VERSION_SIZE], struct err *err)
{
	const struct arch *arch = arch_host();
	const struct arch_load *load = arch ? arch_load_of(arch) : NULL;
	char path[PATH_MAX];
	struct files files;

	if (!load)
		return err_set(err, ERR_UNSUPPORTED,
			       "this version cannot load a kernel on this architecture");
	if (build_kernel_file(s, kernel, path, err) ||
	    files_open_bare(load, path, NULL, 0, &files, err))
		return err->code;
	snprintf(ret, BUILD_VERSION_SIZE, "%s", files.image.release);
	files_close(&files);
	return 0;
}

static bool try_release(struct search *in, const char *folder, const char *path)
{
	char release[BUILD_VERSION_SIZE];
	struct err ignored;

	return try(in, "%s%s", folder, path) &&
	       !read_release(in->s, in->found, release, &ignored) &&
	       strcmp(release, in->found->version) == 0;
}

/* The path is that of its partition, or of a btrfs from its top: it is looked for as it is, in /boot, and from /boot/ on. */
static bool try_boot_image(struct search *in)
{
	char path[PATH_MAX];
	const char *boot;

	if (!read_boot_image(in->s->root, path))
		return false;
	boot = strstr(path + 1, "/boot/");
	return try_release(in, "", path) || try_release(in, "/boot", path) ||
	       (boot && try_release(in, "", boot));
}

static bool search_all(struct search *in)
{
	static const char *const folders[] = {"/boot", "/efi", "/boot/efi"};
	static const char *const tokens[] = {"/etc/kernel/entry-token", "/etc/machine-id"};
	const char *v = in->found->version;
	char token[TOKEN_MAX], running[BUILD_VERSION_SIZE];
	struct err ignored;

	if (try(in, "/boot/vmlinuz-%s", v) || try(in, "/usr/lib/modules/%s/vmlinuz", v))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		for (size_t k = 0; k < ARRAY_SIZE(tokens); k++)
			if (read_token(in->s->root, tokens[k], token) &&
			    try(in, "%s/%s/%s/linux", folders[i], token, v))
				return true;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (try_ukis(in, folders[i]))
			return true;
	return !service_release(in->s, running, &ignored) && strcmp(running, v) == 0 &&
	       try_boot_image(in);
}

/* The kernel that the configuration names by its file. */
static int take_file(const struct service *s, const char *path, struct build_kernel *ret,
		     struct err *err)
{
	struct build_kernel k;

	if (snprintf(k.path, sizeof(k.path), "%s", path) >= (int)sizeof(k.path))
		return err_sys(err, ENAMETOOLONG, "capture_kernel");
	if (read_release(s, &k, k.version, err))
		return err_wrap(err, "capture_kernel");
	if (!*k.version)
		return err_set(err, ERR_UNSUPPORTED,
			       "capture_kernel: %s does not say which version it is; put it where "
			       "kernels are (/boot/vmlinuz-VERSION) and write capture_kernel "
			       "VERSION",
			       path);
	if (check_version(k.version, err))
		return err_wrap(err, "capture_kernel: %s", path);
	*ret = k;
	return 0;
}

int build_version(const struct service *s, const struct config *config,
		  char ret[BUILD_VERSION_SIZE], struct err *err)
{
	const char *said = config->capture_kernel;
	char version[BUILD_VERSION_SIZE];
	struct build_kernel k;

	if (said && *said == '/') {
		if (take_file(s, said, &k, err))
			return err->code;
		said = k.version;
	}
	if (!said) {
		if (service_release(s, version, err))
			return err_wrap(err, "which kernel runs is not known");
		said = version;
	}
	if (check_version(said, err))
		return err->code;
	snprintf(ret, BUILD_VERSION_SIZE, "%s", said);
	return 0;
}

int build_find_kernel(const struct service *s, const struct config *config, const char *version,
		      struct build_kernel *ret, struct err *err)
{
	struct build_kernel k = {0};
	struct search in = {.s = s, .found = &k};

	if (!version && config->capture_kernel && *config->capture_kernel == '/')
		return take_file(s, config->capture_kernel, ret, err);
	if (version ? check_version(version, err) : build_version(s, config, k.version, err))
		return err->code;
	if (version)
		snprintf(k.version, sizeof(k.version), "%s", version);
	if (!search_all(&in))
		return err_set(err, ERR_NOT_FOUND,
			       "no bootable image of kernel %s was found: looked for %s; write "
			       "capture_kernel with its path into the configuration",
			       k.version, in.tried);
	*ret = k;
	return 0;
}

/* ---- the image */

/* What an image is made of; borrows from *s and version. */
struct plan_of_image {
	struct initramfs_spec spec;
	char *recipe;
};

static void cleanup_plan(struct plan_of_image *p)
{
	free(p->recipe);
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

static int plan_of_recipe(const struct service *s, const struct recipe *recipe, const char *version,
			  struct plan_of_image *ret, struct err *err)
{
	size_t len = 0;

	if (recipe_format(recipe, &ret->recipe, &len, err))
		return err->code;
	ret->spec = (struct initramfs_spec){
		.root = s->root,
		.kernel = version,
		.tool = "lifeboat " LIFEBOAT_VERSION,
		.recipe = {(const uint8_t *)ret->recipe, len},
		.recipe_name = RECIPE_NAME,
		.init = s->init,
	};
	return 0;
}

static int check_init(const struct service *s, struct err *err)
{
	char none[PATH_MAX];

	if (s->init)
		return 0;
	if (service_find_init(none, err))
		return err->code;
	return err_set(err, ERR_NOT_FOUND, "no lifeboat-init was named");
}

static int plan_image(const struct service *s, const struct config *config, const char *version,
		      struct plan_of_image *ret, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *recipe = NULL;

	if (check_init(s, err) || service_recipe(s, config, version, &recipe, err))
		return err->code;
	return plan_of_recipe(s, recipe, version, ret, err);
}

static int judge(const char *path, const struct plan_of_image *plan, enum build_state *ret,
		 char difference[INPUTS_DIFFERENCE], struct err *err)
{
	char text[INPUTS_DIFFERENCE] = "";

	if (access(path, F_OK) && errno == ENOENT) {
		*ret = BUILD_MISSING;
		*difference = '\0';
		return 0;
	}
	if (initramfs_compare(path, &plan->spec, text, err))
		return err->code;
	*ret = *text ? BUILD_STALE : BUILD_FRESH;
	strcpy(difference, text);
	return 0;
}

static int judge_plan(const char *path, const struct plan_of_image *plan, enum build_state *ret,
		      char difference[INPUTS_DIFFERENCE], struct err *err)
{
	struct inputs now;
	int r = judge(path, plan, ret, difference, err);

	/* there is nothing to compare with, but whether it can be built is asked all the same */
	if (!r && *ret == BUILD_MISSING)
		r = initramfs_inputs(&plan->spec, &now, err);
	return r;
}

int build_judge_file(const struct service *s, const struct recipe *recipe, const char *version,
		     const char *path, enum build_state *ret, char difference[INPUTS_DIFFERENCE],
		     struct err *err)
{
	_cleanup_(cleanup_plan) struct plan_of_image plan = {0};

	if (check_init(s, err) || plan_of_recipe(s, recipe, version, &plan, err))
		return err->code;
	return judge_plan(path, &plan, ret, difference, err);
}

int build_judge(const struct service *s, const struct config *config, const char *version,
		enum build_state *ret, char difference[INPUTS_DIFFERENCE], struct err *err)
{
	_cleanup_(cleanup_plan) struct plan_of_image plan = {0};
	char path[BUILD_IMAGE_SIZE];

	if (build_image_path(s, version, path, err) || plan_image(s, config, version, &plan, err))
		return err->code;
	return judge_plan(path, &plan, ret, difference, err);
}

int build_check_image(const struct service *s, const char *version, struct err *err)
{
	struct inputs inputs;
	char path[BUILD_IMAGE_SIZE];
	struct err why;

	if (build_image_path(s, version, path, err) || inputs_read_file(path, &inputs, &why, err))
		return err->code;
	if (why.code)
		return err_set(err, ERR_CORRUPT, "%s: %s", path, why.msg);
	if (strcmp(inputs.kernel, version) != 0)
		return err_set(err, ERR_CORRUPT, "%s: is for kernel %.80s", path, inputs.kernel);
	return 0;
}

static void tell_built(const struct service *s, const char *path,
		       const struct initramfs_image *image)
{
	char packed[16], unpacked[16], peak[16];

	service_tell(s, SERVICE_NOTE,
		     "built %s: %s %s, %s unpacked, %zu modules, %zu firmware files, %zu programs; "
		     "memory in the capture kernel, about: %s while it is unpacked",
		     path, num_human(image->len, packed), pack_kind_name(image->pack),
		     num_human(image->unpacked_len, unpacked), image->n_modules, image->n_firmware,
		     image->n_programs, num_human(image->memory_peak, peak));
	for (size_t i = 0; i < image->n_missing; i++)
		service_tell(s, SERVICE_NOTE, "no firmware %s", image->missing[i]);
}

/* Behind the image, so that it is never of one that is not there. */
static int keep_recipe(const struct service *s, const struct plan_of_image *plan, struct err *err)
{
	char path[SERVICE_RECIPE_SIZE];

	if (service_recipe_path(s, plan->spec.kernel, path, err))
		return err->code;
	return io_write_file(path, plan->spec.recipe.data, plan->spec.recipe.len, err);
}

static int build(const struct service *s, const char *path, const struct plan_of_image *plan,
		 struct err *err)
{
	struct initramfs_image image;
	int r;

	service_tell(s, SERVICE_PROGRESS, "building %s", path);
	r = initramfs_build(&plan->spec, &image, err);
	if (r)
		return r;
	r = io_make_folder(s->lib, err);
	if (!r)
		r = io_write_file(path, image.data, image.len, err);
	if (!r)
		r = keep_recipe(s, plan, err);
	if (!r)
		tell_built(s, path, &image);
	initramfs_image_deinit(&image);
	return r;
}

int build_image(const struct service *s, const struct config *config, const char *version,
		bool force, bool *ret_built, struct err *err)
{
	_cleanup_(cleanup_plan) struct plan_of_image plan = {0};
	char path[BUILD_IMAGE_SIZE], difference[INPUTS_DIFFERENCE];
	enum build_state state = BUILD_STALE;
	struct err ignored;

	if (build_image_path(s, version, path, err))
		return err->code;
	_cleanup_close_ int lock = service_lock(s, "build.lock");
	if (plan_image(s, config, version, &plan, err))
		return err_wrap(err, "the image for kernel %s cannot be built", version);
	/* what cannot be judged is built, which says why it cannot */
	if (!force && judge(path, &plan, &state, difference, &ignored))
		state = BUILD_STALE;
	if (state != BUILD_FRESH && build(s, path, &plan, err))
		return err_wrap(err, "the image for kernel %s cannot be built", version);
	*ret_built = state != BUILD_FRESH;
	return 0;
}

int build_remove(const struct service *s, const char *version, bool *ret_was_there, struct err *err)
{
	char path[BUILD_IMAGE_SIZE], recipe[SERVICE_RECIPE_SIZE];
	bool was_there;

	if (build_image_path(s, version, path, err) || service_recipe_path(s, version, recipe, err))
		return err->code;
	_cleanup_close_ int lock = service_lock(s, "build.lock");
	was_there = unlink(path) == 0;
	if (!was_there && errno != ENOENT)
		return err_sys(err, errno, "%s: unlink", path);
	(void)unlink(recipe);
	if (was_there && io_sync_parent(path, err))
		return err->code;
	*ret_was_there = was_there;
	return 0;
}
