// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "config/importing.h"

static bool is_yes(const char *value)
{
	return strcmp(value, "yes") == 0 || strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
}

/* ---- where to */

/* "PROTOCOL://REST"; *ret_len: of the protocol. NULL: it is no URL. */
static const char *url_rest(const char *url, size_t *ret_len)
{
	const char *colon = strstr(url, "://");

	if (!colon)
		return NULL;
	*ret_len = (size_t)(colon - url);
	return colon + 3;
}

static bool is_file(const char *url)
{
	return *url == '/' || strncasecmp(url, "file:///", 8) == 0;
}

/* "ftp://server/folder" → "ftp server:/folder": as a key would have it, were there one. */
static int lose_url(struct importing *in, const struct importing_from *from, const char *url,
		    struct err *err)
{
	_cleanup_free_ char *line = NULL, *shown = importing_shown(url);
	const char *rest, *slash;
	size_t len = 0;

	if (!shown)
		return err_nomem(err, strlen(url), "the import");
	rest = url_rest(shown, &len);
	if (!rest)
		return importing_leave(in, from, IMPORT_LOST,
				       "it is neither a folder nor the URL of one", err);
	slash = strchr(rest, '/');
	if (asprintf(&line, "%.*s %.*s%s%s", (int)len, shown,
		     (int)(slash ? (size_t)(slash - rest) : strlen(rest)), rest, slash ? ":" : "",
		     slash ? slash : "") < 0) {
		line = NULL;
		return err_nomem(err, strlen(shown), "the import");
	}
	return importing_lose_target(in, from, line, err);
}

/* "nfs://HOST/EXPORT": kdump's folders are right below that. */
static int take_nfs_url(struct importing *in, const struct importing_from *from, const char *rest,
			struct err *err)
{
	size_t host = strcspn(rest, "/");
	_cleanup_free_ char *value = NULL;
	bool done;

	if (asprintf(&value, "%.*s:%s", (int)host, rest, rest[host] ? rest + host : "/") < 0) {
		value = NULL;
		return err_nomem(err, strlen(rest), "the import");
	}
	if (importing_carry(in, from, "crashes are in a folder of this machine's name", "nfs",
			    value, &done, err))
		return err->code;
	return done ? importing_carry(in, from, NULL, "path", "/", NULL, err) : 0;
}

/* "ssh://[USER@]HOST[:PORT]/PATH"; without a user it is root. */
static int take_ssh_url(struct importing *in, const struct importing_from *from, const char *key,
			const char *rest, struct err *err)
{
	size_t len = strcspn(rest, "/");
	const char *at = memchr(rest, '@', len), *host = at ? at + 1 : rest, *colon;
	size_t user = at ? (size_t)(at - rest) : 0, end = (size_t)(rest + len - host);
	_cleanup_free_ char *value = NULL, *port = NULL;
	bool done;

	colon = *host == '[' ? memchr(host, ']', end) : host;
	colon = colon ? memchr(colon, ':', (size_t)(rest + len - colon)) : NULL;
	if (asprintf(&value, "%.*s@%.*s", user ? (int)user : 4, user ? rest : "root",
		     (int)(colon ? (size_t)(colon - host) : end), host) < 0) {
		value = NULL;
		return err_nomem(err, strlen(rest), "the import");
	}
	if (importing_carry(in, from, IMPORTING_HOST_KEY, key, value, &done, err) || !done)
		return err->code;
	if (colon) {
		port = strndup(colon + 1, (size_t)(rest + len - colon - 1));
		if (!port)
			return err_nomem(err, len, "the import");
		if (importing_carry(in, from, NULL, "ssh_port", port, NULL, err))
			return err->code;
	}
	return importing_carry(in, from, NULL, "path", rest[len] ? rest + len : "/", NULL, err);
}

static int take_url(struct importing *in, const struct importing_from *from, const char *url,
		    struct err *err)
{
	size_t len = 0;
	const char *rest = url_rest(url, &len), *at = rest ? strrchr(rest, '@') : NULL;
	bool password = at && memchr(rest, ':', (size_t)(at - rest));

	if (!rest || password || strpbrk(url, " \t"))
		return lose_url(in, from, url, err);
	if (len == 3 && strncasecmp(url, "nfs", 3) == 0)
		return take_nfs_url(in, from, rest, err);
	if (len == 3 && strncasecmp(url, "ssh", 3) == 0)
		return take_ssh_url(in, from, "ssh", rest, err);
	if (len == 4 && strncasecmp(url, "sftp", 4) == 0)
		return take_ssh_url(in, from, "sftp", rest, err);
	return lose_url(in, from, url, err);
}

/* Several are separated by blanks: kdump divides a dump among them, when all of them are folders. */
static IMPORTING_TAKE(take_savedir)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;
	bool have = false;

	if (!copy)
		return err_nomem(err, strlen(value), "the import");
	/* where there may be a password, it may have blanks in it */
	if (strchr(value, '@'))
		return take_url(in, from, value, err);
	while ((word = strsep(&rest, " \t"))) {
		int r;

		if (!*word)
			continue;
		if (!is_file(word))
			r = take_url(in, from, word, err);
		else if (have)
			r = importing_leave(
				in, from, IMPORT_LOST,
				"a dump is not divided: only the first folder is taken; "
				"write a target with its device for each of the others",
				err);
		else
			r = importing_carry(in, from, NULL, row->as,
					    *word == '/' ? word : word + strlen("file://"), NULL,
					    err);
		if (r)
			return r;
		have |= is_file(word);
	}
	return 0;
}

/* ---- what is kept */

/* There the old ones are removed before the new one is written, and are counted without it. */
static IMPORTING_TAKE(take_keep_old)
{
	char number[24];
	uint64_t n = 0;
	struct err inner;

	if (strcmp(value, "0") == 0)
		return importing_leave(in, from, IMPORT_NEEDLESS, "none is removed here either",
				       err);
	if (strcmp(value, "-1") != 0 && (strlen(value) > 12 || num_parse_u64(value, &n, &inner)))
		return importing_leave(in, from, IMPORT_LOST, "it is not a number", err);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)n + 1);
	return importing_carry(in, from,
			       "the new crash is counted, too, and the old ones are removed once "
			       "it is safe",
			       row->as, number, NULL, err);
}

static IMPORTING_TAKE(take_free_disk)
{
	const char *keep = importing_value(in, "KDUMP_KEEP_OLD_DUMPS");
	_cleanup_free_ char *size = NULL;

	if (!keep || strcmp(keep, "0") == 0 || strcmp(value, "0") == 0)
		return importing_leave(in, from, IMPORT_NEEDLESS,
				       "a dump is not removed for want of room: a leaner one is "
				       "written where there is little",
				       err);
	if (asprintf(&size, "%sM", value) < 0) {
		size = NULL;
		return err_nomem(err, 32, "the import");
	}
	return importing_carry(in, from,
			       "old crashes make room, the new dump is not removed for it", row->as,
			       size, NULL, err);
}

/* ---- what is saved */

/* Level, format and options are one key here; none of them: what is shipped. */
static int take_dump(struct importing *in, const struct importing_from *from, const char *format,
		     const char *level, const char *more, struct err *err)
{
	static const char *const options[][2] = {{"ELF", "-E"},
						 {"compressed", "-c"},
						 {"lzo", "-l"},
						 {"snappy", "-p"},
						 {"zstd", "-z"}};
	_cleanup_free_ char *command = NULL;

	if (strcmp(format, "none") == 0)
		return importing_leave(in, from, IMPORT_LOST,
				       "a dump is written; for the log alone name a target behind "
				       "log_only",
				       err);
	if (strcmp(format, "raw") == 0)
		return importing_carry(in, from, NULL, "core_collector", "cat", NULL, err);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(format, options[i][0]) != 0)
			continue;
		if (asprintf(&command, "makedumpfile %s -d %s%s%s", options[i][1], level,
			     *more ? " " : "", more) < 0) {
			command = NULL;
			return err_nomem(err, 256, "the import");
		}
		return importing_carry(in, from, NULL, "core_collector", command, NULL, err);
	}
	return importing_leave(in, from, IMPORT_LOST, "there is no such format", err);
}

static int take_dump_variables(struct importing *in, struct err *err)
{
	static const char *const names[] = {"KDUMP_DUMPFORMAT", "KDUMP_DUMPLEVEL",
					    "MAKEDUMPFILE_OPTIONS"};
	const char *values[] = {"compressed", "31", ""};
	_cleanup_free_ char *what = NULL;
	struct importing_from from = {0};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *shown = NULL, *joined = NULL;
		const struct shellvar *v = shellvars_get(&in->vars, names[i]);

		if (!importing_value(in, names[i]))
			continue;
		values[i] = v->value;
		if (importing_show(v, &shown, err))
			return err->code;
		if (asprintf(&joined, "%s%s%s", what ? what : "", what ? " " : "", shown) < 0) {
			joined = NULL;
			return err_nomem(err, strlen(shown), "the import");
		}
		free(what);
		what = no_cleanup_ptr(joined);
		if (!from.line)
			from.line = v->line;
	}
	if (!what)
		return 0;
	from.file = in->source->variables->name;
	from.what = what;
	return take_dump(in, &from, values[0], values[1], values[2], err);
}

/* Of the capture kernel and of its filter. */
static IMPORTING_TAKE(take_cpus)
{
	if (strcmp(value, "0") == 0)
		return importing_leave(in, from, IMPORT_LOST,
				       "one CPU is used: to use all of them takes memory for each; "
				       "write how many behind capture_cpus",
				       err);
	return importing_carry(in, from, NULL, row->as, value, NULL, err);
}

/* ---- programs and what follows */

/* It is given to a shell there: a program alone is what can be carried. */
static IMPORTING_TAKE(take_script)
{
	bool pre = strcmp(row->as, "kdump_pre") == 0;

	return importing_carry(in, from,
			       pre ? "if it fails there is no dump"
				   : "it is told how the capture went by two arguments",
			       row->as, value, NULL, err);
}

static IMPORTING_TAKE(take_continue)
{
	if (is_yes(value))
		return importing_leave(in, from, IMPORT_NEEDLESS, "that is how it is here", err);
	return importing_carry(in, from, "at the end, once all targets have failed", row->as,
			       "shell", NULL, err);
}

static IMPORTING_TAKE(take_reboot)
{
	if (is_yes(value))
		return importing_leave(in, from, IMPORT_NEEDLESS, "that is how it is here", err);
	return importing_leave(in, from, IMPORT_LOST, row->as, err);
}

/* Something that is only done if it says yes. */
static IMPORTING_TAKE(take_switch)
{
	if (!is_yes(value))
		return importing_leave(in, from, IMPORT_NEEDLESS, "that is how it is here", err);
	return importing_leave(in, from, IMPORT_LOST, row->as, err);
}

static IMPORTING_TAKE(take_kernelver)
{
	if (strcmp(value, "kdump") == 0)
		return importing_leave(in, from, IMPORT_LOST,
				       "there is no search for kernels; write a version or a path "
				       "behind capture_kernel",
				       err);
	return importing_carry(in, from, NULL, row->as, value, NULL, err);
}

#define NO_NETWORK "the network that leads to a target is recorded when the image is built"
#define NO_MAIL    "no mail is sent; the journal has an entry for each crash"
#define FADUMP     "dumps with the firmware's help (fadump) are not supported"

static const struct importing_variable variables[] = {
	{"KDUMP_SAVEDIR", take_savedir, "path", NULL},
	{"KDUMP_DUMPFORMAT", importing_take_nothing, NULL, NULL},
	{"KDUMP_DUMPLEVEL", importing_take_nothing, NULL, NULL},
	{"MAKEDUMPFILE_OPTIONS", importing_take_nothing, NULL, NULL},
	{"KDUMP_KEEP_OLD_DUMPS", take_keep_old, "keep_count", NULL},
	{"KDUMP_FREE_DISK_SIZE", take_free_disk, "keep_free", NULL},
	{"KDUMP_REQUIRED_PROGRAMS", importing_take_key, "extra_bins", NULL},
	{"KDUMP_PRESCRIPT", take_script, "kdump_pre", NULL},
	{"KDUMP_POSTSCRIPT", take_script, "kdump_post", NULL},
	{"KDUMP_TRANSFER", importing_take_lost,
	 "no other program writes the dump; kdump_pre and kdump_post run beside it", NULL},
	{"KDUMP_CONTINUE_ON_ERROR", take_continue, "failure_action", NULL},
	{"KDUMP_IMMEDIATE_REBOOT", take_reboot,
	 "there is no shell after a dump that is whole; failure_action shell is for one that is "
	 "not",
	 NULL},
	{"KDUMP_CPUS", take_cpus, "capture_cpus", NULL},
	{"KDUMP_KERNELVER", take_kernelver, "capture_kernel", NULL},
	{"KDUMP_COMMANDLINE", importing_take_lost,
	 "the capture kernel's command line is made of the running kernel's by rules; write what "
	 "else it needs behind cmdline_append",
	 NULL},
	{"KDUMP_COMMANDLINE_APPEND", importing_take_cmdline, NULL, NULL},
	{"KEXEC_OPTIONS", importing_take_kexec, NULL, NULL},
	{"KDUMP_AUTO_RESIZE", take_switch,
	 "the reservation is not made smaller while the system runs; `lifeboat estimate` tells "
	 "what "
	 "is needed",
	 NULL},
	{"KDUMP_FADUMP", take_switch, FADUMP, NULL},
	{"KDUMP_FADUMP_SHELL", take_switch, FADUMP, NULL},
	{"FADUMP_COMMANDLINE_APPEND", importing_take_lost, FADUMP, NULL},
	{"KDUMP_COPY_KERNEL", take_switch, "the kernel is not put beside its dumps", NULL},
	{"KDUMP_VERBOSE", importing_take_needless, "messages go to the journal", NULL},
	{"KDUMPTOOL_FLAGS", importing_take_needless, "there is no kdumptool", NULL},
	{"KDUMP_NETCONFIG", importing_take_needless, NO_NETWORK, NULL},
	{"KDUMP_NET_TIMEOUT", importing_take_key, "deadline_network", NULL},
	{"KDUMP_SMTP_SERVER", importing_take_lost, NO_MAIL, NULL},
	{"KDUMP_SMTP_USER", importing_take_needless, NO_MAIL, NULL},
	{"KDUMP_SMTP_PASSWORD", importing_take_needless, NO_MAIL, NULL},
	{"KDUMP_NOTIFICATION_TO", importing_take_lost, NO_MAIL, NULL},
	{"KDUMP_NOTIFICATION_CC", importing_take_needless, NO_MAIL, NULL},
	{"KDUMP_HOST_KEY", importing_take_needless, IMPORTING_HOST_KEY, NULL},
	{"KDUMP_SSH_HOST_KEY", importing_take_needless, IMPORTING_HOST_KEY, NULL},
	{"KDUMP_SSH_IDENTITY", importing_take_key, "sshkey", NULL},
};

int importing_suse(struct importing *in, struct err *err)
{
	static const struct importing_from by_itself = {
		NULL, 0, "what kdump's load.sh does by itself: kernel.panic_on_oops=1"};

	if (take_dump_variables(in, err) ||
	    importing_variables(in, variables, ARRAY_SIZE(variables), err))
		return err->code;
	return importing_carry(in, &by_itself, NULL, "panic_on_oops", "yes", NULL, err);
}
