// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "config/importing.h"

/* As shipped, of 1.5 and later: systemd.unit= and usbcore.nousb are for a capture kernel that starts the whole system. */
#define APPENDED                                                                                \
	"reset_devices systemd.unit=kdump-tools-dump.service systemd.unit=kdump-tools.service " \
	"nr_cpus=1 maxcpus=1 irqpoll nousb usbcore.nousb"

static IMPORTING_TAKE(take_use_kdump)
{
	bool off = strcmp(value, "0") == 0;

	(void)row;
	return importing_leave(in, from, off ? IMPORT_LOST : IMPORT_NEEDLESS,
			       off ? "this file does not switch it off: `systemctl disable "
				     "lifeboat.service` does"
				   : "the service does, once it is enabled",
			       err);
}

/* The link that the package makes to the running kernel. */
static IMPORTING_TAKE(take_kernel)
{
	if (strcmp(value, row->shipped) == 0)
		return importing_leave(in, from, IMPORT_NEEDLESS,
				       "the running kernel is what is taken", err);
	return importing_carry(in, from, NULL, row->as, value, NULL, err);
}

static bool has_word(const char *value, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = value; (p = strstr(p, word)); p += len)
		if ((p == value || strchr(" /;", p[-1])) && (!p[len] || strchr(" ;", p[len])))
			return true;
	return false;
}

/* A command line of which only the intention can be kept: what it ends with, or that it is a shell. */
static IMPORTING_TAKE(take_fail_cmd)
{
	static const char *const actions[] = {"poweroff", "halt", "reboot"};
	size_t words = strcspn(value, " ");

	(void)row;
	if (has_word(value, "bash") || has_word(value, "sh") || has_word(value, "sulogin"))
		return importing_carry(in, from, "no other command of it is run", "failure_action",
				       "shell", NULL, err);
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		size_t len = strlen(actions[i]);
		bool first = words >= len && strncmp(value + words - len, actions[i], len) == 0 &&
			     (words == len || value[words - len - 1] == '/');

		if (first && (!value[words] || strcmp(value + words, " -f") == 0))
			return importing_carry(in, from, NULL, "failure_action", actions[i], NULL,
					       err);
	}
	return importing_leave(in, from, IMPORT_LOST,
			       "there is reboot, halt, poweroff and shell behind failure_action; a "
			       "program of kdump_post is run after a failure, too",
			       err);
}

static IMPORTING_TAKE(take_dump_dmesg)
{
	bool off = strcmp(value, "0") == 0;

	(void)row;
	return importing_leave(in, from, IMPORT_NEEDLESS,
			       off ? "the log is written in any case" : "that is how it is here",
			       err);
}

static IMPORTING_TAKE(take_num_dumps)
{
	if (strcmp(value, "0") == 0)
		return importing_leave(in, from, IMPORT_NEEDLESS, "none is removed here either",
				       err);
	return importing_carry(in, from, NULL, row->as, value, NULL, err);
}

/* There the whole file goes through a program; here pages are compressed one by one, and tools open the file as it is. */
static IMPORTING_TAKE(take_compression)
{
	static const char *const as[][2] = {
		{"gzip", "zlib"}, {"bzip2", "zstd"}, {"xz", "zstd"}, {"lz4", "lzo"}};

	(void)row;
	for (size_t i = 0; i < ARRAY_SIZE(as); i++)
		if (strcmp(value, as[i][0]) == 0)
			return importing_carry(in, from,
					       "pages are compressed within the dump, which is "
					       "opened as it is",
					       "compress", as[i][1], NULL, err);
	return importing_leave(in, from, IMPORT_NEEDLESS, "kdump-tools has no such compression",
			       err);
}

static IMPORTING_TAKE(take_makedump_args)
{
	_cleanup_free_ char *command = NULL;

	(void)row;
	if (asprintf(&command, "makedumpfile %s", value) < 0) {
		command = NULL;
		return err_nomem(err, strlen(value), "the import");
	}
	return importing_carry(in, from, NULL, "core_collector", command, NULL, err);
}

static int lose_remote(struct importing *in, const struct importing_from *from, const char *kind,
		       const char *where, struct err *err)
{
	_cleanup_free_ char *line = NULL;

	if (asprintf(&line, "%s %s", kind, where) < 0) {
		line = NULL;
		return err_nomem(err, strlen(where), "the import");
	}
	return importing_lose_target(in, from, line, err);
}

static IMPORTING_TAKE(take_remote)
{
	return lose_remote(in, from, row->as, value, err);
}

/* kdump-config mounts the export and writes right below it, whatever KDUMP_COREDIR says. */
static IMPORTING_TAKE(take_nfs)
{
	bool done;

	if (importing_carry(in, from, "crashes are in a folder of this machine's name", row->as,
			    value, &done, err))
		return err->code;
	return done ? importing_carry(in, from, NULL, "path", "/", NULL, err) : 0;
}

static IMPORTING_TAKE(take_ssh)
{
	return importing_carry(in, from, IMPORTING_HOST_KEY, row->as, value, NULL, err);
}

/* "kernel.panic_on_oops=1 vm.panic_on_oom=2": names of our keys, where there is one with that path. */
static int take_one_sysctl(struct importing *in, const struct importing_from *from, char *word,
			   struct err *err)
{
	char *value = strchr(word, '='), *key;

	if (!value)
		return importing_leave(in, from, IMPORT_LOST, "it is not NAME=VALUE", err);
	*value++ = '\0';
	key = strncmp(word, "kernel.", 7) == 0 ? word + 7
	      : strncmp(word, "vm.", 3) == 0   ? word + 3
					       : NULL;
	if (!key || strncmp(word, strcmp(key, "panic_on_oom") == 0 ? "vm." : "kernel.", 3) != 0 ||
	    !strstr(key, "panic"))
		return importing_leave(in, from, IMPORT_LOST,
				       "that sysctl is no key here: write it to a file in "
				       "/etc/sysctl.d",
				       err);
	return importing_carry(in, from, NULL, key, value, NULL, err);
}

static IMPORTING_TAKE(take_sysctl)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *word;

	(void)row;
	if (!copy)
		return err_nomem(err, strlen(value), "the import");
	while ((word = strsep(&rest, " \t")))
		if (*word && take_one_sysctl(in, from, word, err))
			return err->code;
	return 0;
}

#define OF_REMOTE "it belongs to a target of FTP"
#define BOUNDED   "it is tried until deadline_network and deadline_mount"

static const struct importing_variable variables[] = {
	{"KDUMP_COREDIR", importing_take_key, "path", NULL}, /* before the targets: for all */
	{"NFS", take_nfs, "nfs", NULL},
	{"SSH", take_ssh, "ssh", NULL},
	{"SSH_KEY", importing_take_key, "sshkey", NULL},
	{"FTP", take_remote, "ftp", NULL},
	{"MAKEDUMP_ARGS", take_makedump_args, NULL, NULL},
	{"KDUMP_COMPRESSION", take_compression, NULL, NULL},
	{"KDUMP_NUM_DUMPS", take_num_dumps, "keep_count", NULL},
	{"KDUMP_FAIL_CMD", take_fail_cmd, NULL, NULL},
	{"KDUMP_DUMP_DMESG", take_dump_dmesg, NULL, NULL},
	{"KDUMP_KERNEL", take_kernel, "capture_kernel", "/var/lib/kdump/vmlinuz"},
	{"KDUMP_INITRD", importing_take_needless, "the capture kernel has an image of our own",
	 NULL},
	{"KDUMP_CMDLINE", importing_take_lost,
	 "the capture kernel's command line is made of the running kernel's by rules; write what "
	 "else it needs behind cmdline_append",
	 NULL},
	{"KDUMP_CMDLINE_APPEND", importing_take_cmdline, NULL, APPENDED},
	{"KDUMP_KEXEC_ARGS", importing_take_kexec, NULL, NULL},
	{"KDUMP_SYSCTL", take_sysctl, NULL, NULL},
	{"USE_KDUMP", take_use_kdump, NULL, NULL},
	{"HOSTTAG", importing_take_needless, "crashes are in a folder of this machine's name",
	 NULL},
	{"NFS_TIMEO", importing_take_needless, BOUNDED, NULL},
	{"NFS_RETRANS", importing_take_needless, BOUNDED, NULL},
	{"NFS_MOUNT_RETRY", importing_take_needless, BOUNDED, NULL},
	{"SSH_KDUMP_RETRY", importing_take_needless, BOUNDED, NULL},
	{"FTP_USER", importing_take_needless, OF_REMOTE, NULL},
	{"FTP_PASSWORD", importing_take_needless, OF_REMOTE, NULL},
	{"FTP_PORT", importing_take_needless, OF_REMOTE, NULL},
};

int importing_debian(struct importing *in, struct err *err)
{
	/* kdump-config writes it whenever it loads, unless KDUMP_SYSCTL says what to write */
	static const struct importing_from by_itself = {
		NULL, 0, "what kdump-config does by itself: kernel.panic_on_oops=1"};

	if (importing_variables(in, variables, ARRAY_SIZE(variables), err))
		return err->code;
	if (importing_value(in, "KDUMP_SYSCTL"))
		return 0;
	return importing_carry(in, &by_itself, NULL, "panic_on_oops", "yes", NULL, err);
}
