// SPDX-License-Identifier: GPL-2.0-or-later
/* The vmlinux of a kernel: which one it is, and where. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "debuginfo/find.h"
#include "format/note.h"

#define MAX_NOTES (64U << 10) /* of a kernel's own: a few hundred bytes */
#define BANNER    512

/* By what its vmlinux is known. */
struct wanted {
	char notes_id[ELFFILE_BUILD_ID]; /* in the kernel's own notes; "": not readable */
	char info_id[ELFFILE_BUILD_ID];  /* VMCOREINFO's */
	char banner[BANNER];             /* linux_banner; "": not readable */
	const char *release, *version;   /* of the utsname */
	uint16_t machine;
};

/* ---- what the kernel says of itself */

/* GNU's build id among notes; false: there is none. */
static bool id_of_notes(struct bytes notes, char ret[ELFFILE_BUILD_ID])
{
	struct err ignored;
	struct note note;

	if (note_find(notes, "GNU", NT_GNU_BUILD_ID, &note, &ignored))
		return false;
	num_hex(note.desc.data, note.desc.len, ret, ELFFILE_BUILD_ID);
	return *ret;
}

/* .notes of the kernel lies between two symbols (include/asm-generic/vmlinux.lds.h, NOTES). */
static bool read_notes_id(struct kernel *k, char ret[ELFFILE_BUILD_ID])
{
	_cleanup_free_ uint8_t *notes = NULL;
	struct err ignored;
	uint64_t start, end;

	return !kernel_symbol(k, "__start_notes", &start, &ignored) &&
	       !kernel_symbol(k, "__stop_notes", &end, &ignored) && end > start &&
	       !reader_bulk(k->rd, start, end - start, MAX_NOTES, "the kernel's notes", &notes,
			    &ignored) &&
	       id_of_notes((struct bytes){notes, (size_t)(end - start)}, ret);
}

/* Only what can be one, in small letters. */
static void read_info_id(const struct kernel *k, char ret[ELFFILE_BUILD_ID])
{
	const char *id = vmcoreinfo_get(k->img->info, "BUILD-ID");
	size_t len = id ? strspn(id, "0123456789abcdef") : 0;

	ret[0] = '\0';
	if (id && len == strlen(id) && len >= 16 && len < ELFFILE_BUILD_ID && len % 2 == 0)
		strcpy(ret, id);
}

static void read_banner(struct kernel *k, char ret[BANNER])
{
	struct err ignored;
	uint64_t at;

	ret[0] = '\0';
	if (!kernel_symbol(k, "linux_banner", &at, &ignored) &&
	    reader_string(k->rd, at, ret, BANNER, &ignored))
		ret[0] = '\0';
	if (strncmp(ret, "Linux version ", 14) != 0)
		ret[0] = '\0';
}

static void wanted_init(struct wanted *w, struct kernel *k)
{
	*w = (struct wanted){
		.release = k->img->uts[UTS_RELEASE],
		.version = k->img->uts[UTS_VERSION],
		.machine = k->img->arch->elf_machine,
	};
	if (!read_notes_id(k, w->notes_id))
		w->notes_id[0] = '\0';
	read_info_id(k, w->info_id);
	read_banner(k, w->banner);
}

void debuginfo_build_id(struct kernel *k, char ret[65])
{
	if (!read_notes_id(k, ret))
		read_info_id(k, ret);
}

/* ---- is it this one? */

/* "Linux version RELEASE (who) (compiler) VERSION": init/version.c */
static bool banner_fits(const struct wanted *w, const char *banner)
{
	const char *start = "Linux version ";
	size_t release = strlen(w->release), version = strlen(w->version);
	size_t len = strcspn(banner, "\n"), head = strlen(start);

	if (*w->banner)
		return strcmp(w->banner, banner) == 0;
	return release && version && len > head + release + version &&
	       strncmp(banner, start, head) == 0 &&
	       strncmp(banner + head, w->release, release) == 0 && banner[head + release] == ' ' &&
	       strncmp(banner + len - version, w->version, version) == 0;
}

/* ERR_NOT_FOUND: it is another kernel's, and how that is known. */
static int judge(const struct wanted *w, const struct elffile *f, struct err *err)
{
	char banner[BANNER];

	if (f->machine != w->machine)
		return err_set(err, ERR_NOT_FOUND, "%s: is for ELF machine %u, the dump is of %u",
			       f->path, f->machine, w->machine);
	if (*w->notes_id && *f->build_id) {
		if (strcmp(w->notes_id, f->build_id) == 0)
			return 0;
		return err_set(err, ERR_NOT_FOUND, "%s: has the build id %s, the kernel's is %s",
			       f->path, f->build_id, w->notes_id);
	}
	/* VMCOREINFO's build id, which is garbage in some kernels (v6.1.113 to v6.1.118 and others), can confirm, not refute */
	if (*f->build_id && strcmp(w->info_id, f->build_id) == 0)
		return 0;
	if (!elffile_text(f, "linux_banner", banner, sizeof(banner)))
		return err_set(
			err, ERR_NOT_FOUND,
			"%s: neither its build id (%s) nor a banner shows that it is this kernel's",
			f->path, *f->build_id ? f->build_id : "none");
	if (!banner_fits(w, banner))
		return err_set(err, ERR_NOT_FOUND, "%s: its banner is another kernel's", f->path);
	return 0;
}

static int try(const struct wanted *w, const char *path, struct err *err)
{
	struct elffile *f;
	int r = elffile_open(path, &f, err);

	if (r)
		return r;
	r = judge(w, f, err);
	if (!r && !elffile_has_dwarf(f))
		r = err_set(err, ERR_NOT_FOUND, "%s: has no debugging information", path);
	elffile_close(f);
	return r;
}

/* ---- where is it? */

/* A release is part of a path, and comes from the dump. */
static bool is_release(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._+~-";

	return *text && *text != '.' && strspn(text, letters) == strlen(text);
}

/* Below a folder that somebody names, and below "" those of distributions; '@' is the release. */
static const char *const given[] = {
	"vmlinux-@",
	"vmlinux",
	"vmlinux-@.debug",
	"boot/vmlinux-@",
	"lib/modules/@/vmlinux",
	"usr/lib/debug/boot/vmlinux-@",
	"usr/lib/debug/lib/modules/@/vmlinux",
};
static const char *const usual[] = {
	"usr/lib/debug/boot/vmlinux-@",
	"usr/lib/debug/boot/vmlinux-@.debug",
	"usr/lib/debug/lib/modules/@/vmlinux",
	"usr/lib/debug/usr/lib/modules/@/vmlinux",
	"usr/lib/debug/usr/lib/modules/@/vmlinux.debug",
	"usr/lib/debug/vmlinux-@",
	"lib/modules/@/build/vmlinux",
	"lib/modules/@/vmlinux",
	"usr/lib/modules/@/build/vmlinux",
	"boot/vmlinux-@",
};

/* `near` keeps what was found and is not it: the best that can be said if nothing else comes. */
static bool look_in(const struct wanted *w, const char *folder, const char *const *names, size_t n,
		    char ret[PATH_MAX], struct err *near)
{
	struct err why = {0};

	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(names[i], '@');
		int len = at ? snprintf(ret, PATH_MAX, "%s/%.*s%s%s", folder, (int)(at - names[i]),
					names[i], w->release, at + 1)
			     : snprintf(ret, PATH_MAX, "%s/%s", folder, names[i]);

		if (len >= PATH_MAX || (at && !is_release(w->release)))
			continue;
		if (!try(w, ret, &why))
			return true;
		if (why.sys == 0 && !near->code)
			*near = why;
	}
	return false;
}

/* First what is here, then what servers have. */
static bool look_by_id(const struct wanted *w, const struct debuginfo_options *options, bool fetch,
		       char ret[PATH_MAX], struct err *near)
{
	struct debuginfo_options how = *options;

	how.fetch = fetch;
	return (!fetch || options->fetch) &&
	       find_by_id(&how, *w->notes_id ? w->notes_id : w->info_id, ret) && !try(w, ret, near);
}

static int not_found(const struct wanted *w, const struct err *near, struct err *err)
{
	const char *id = *w->notes_id ? w->notes_id : w->info_id;

	if (near->code)
		return err_set(err, ERR_NOT_FOUND, "no vmlinux of %s: %s",
			       *w->release ? w->release : "this kernel", near->msg);
	return err_set(err, ERR_NOT_FOUND,
		       "no vmlinux of %s with build id %s in /usr/lib/debug (.build-id, boot, "
		       "lib/modules), /lib/modules, /boot or debuginfod's cache",
		       *w->release ? w->release : "this kernel", *id ? id : "(not known)");
}

int debuginfo_find_vmlinux(struct kernel *k, const struct debuginfo_options *options,
			   char ret[PATH_MAX], struct err *err)
{
	struct err near = {0};
	char path[PATH_MAX];
	struct wanted w;
	bool found = false;

	wanted_init(&w, k);
	if (options->vmlinux) {
		int r = try(&w, options->vmlinux, err);

		if (!r)
			snprintf(ret, PATH_MAX, "%s", options->vmlinux);
		return r;
	}
	for (size_t i = 0; i < options->n_folders && !found; i++)
		found = look_in(&w, options->folders[i], given, ARRAY_SIZE(given), path, &near);
	if (!found)
		found = look_by_id(&w, options, false, path, &near) ||
			look_in(&w, "", usual, ARRAY_SIZE(usual), path, &near) ||
			look_by_id(&w, options, true, path, &near);
	if (!found)
		return not_found(&w, &near, err);
	strcpy(ret, path);
	return 0;
}
