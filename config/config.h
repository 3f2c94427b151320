/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file as it stands, read in the healthy system: kdump.conf(5)'s syntax, so that existing files keep
 * working, and what it lacks. Lines of "key value", blanks around both; a pair of double quotes around a value is taken
 * off; '#' begins a comment, as for kdump even within a word, which is noted. Nothing is looked up here:
 * config/resolve.h makes a recipe of it.
 *
 * Of kdump.conf:
 *   path DIR                     folder of the dumps (default /var/crash)
 *   ext2|ext3|ext4|xfs|btrfs|vfat|exfat|f2fs|jfs|minix DEVICE    as /dev/…, UUID=, LABEL=, PARTUUID= or PARTLABEL=
 *   raw DEVICE                   a partition: /dev/…, PARTUUID= or PARTLABEL=
 *   virtiofs TAG, 9p TAG
 *   nfs SERVER:/EXPORT           a share of an NFS server ([v6]:/… for an address; nfs4 asks for version 4)
 *   ssh USER@HOST                a folder of another machine, by OpenSSH's client
 *   sshkey FILE                  the private key for it (see below)
 *   core_collector PROGRAM…      makedumpfile with some of its options, or cp, dd, cat: see config/collector.h
 *   kdump_pre PROGRAM, kdump_post PROGRAM, extra_bins PROGRAM…, extra_modules NAME…
 *   failure_action, default      reboot, halt, poweroff, shell, dump_to_rootfs
 *   final_action                 reboot, halt, poweroff
 *   force_rebuild, force_no_rebuild, auto_reset_crashkernel   yes/no or 1/0; kept for the service
 *   dracut_args                  there is no dracut here: --mount of a file system that can be a target becomes one, the
 *                                rest a note
 * Refused by name, with what to do: fence_kdump_*, kdump_emergency, and what kdump itself has dropped (net, options, link_delay, disk_timeout, debug_mem_level, blacklist, override_resettable).
 * kdump's programs in /etc/kdump/pre.d and post.d are no matter of this file.
 *
 * What it lacks:
 *   Several targets: they are tried in the order of their lines until one has a whole dump. `path` before the first
 *   target is for all of them; behind a target's line it is that one's, if there are several. No target: the folder
 *   where `path` is now. dump_to_rootfs is one more target at the end.
 *   log_only TARGET…             as a target's line: takes the log if no other target has it
 *   mount_options OPTIONS        of the target above it (default: as it is mounted now); "" for none
 *   sftp USER@HOST               as ssh where there is no shell, by the SFTP subsystem
 *   https URL                    a web server that takes PUT: of the folder; a query goes behind the names
 *   s3 s3://BUCKET[/PREFIX]      an object store with S3's protocol
 *   ssh_port N, ssh_known_hosts FILE               of ssh and sftp (defaults: 22; config/resolve.h)
 *   https_header FILE            of https: lines "Name: value" for the request's header
 *   s3_endpoint URL, s3_region NAME, s3_credentials FILE, s3_path_style yes|no      of s3
 *   tls_ca FILE                  of https and s3: the certificates that vouch for the server
 *   These and sshkey are for the targets of their kinds above them that have none yet; before the first of them, for all.
 *   encrypt_to RECIPIENT         log and dump are encrypted to it (crypt/age.h); repeated
 *   spool SIZE                   what no target took goes to the local folder `path` (before the first target, else /var/crash),
 *                                at most so much of it, and is sent after the next boot
 *   spool_keep log|all|nothing   what stays here of it then; default log, which is the record, too
 *   luks_key_file FILE           may be put into the image to open LUKS volumes with
 *   iscsi_secret_file FILE       likewise, to log in to iSCSI with: the password of CHAP is its first line
 *   compress CODEC               raw, zlib, lzo, snappy, zstd, auto; over core_collector's
 *   keep_count N, keep_age TIME, keep_bytes SIZE, keep_free SIZE     retention
 *   deadline_device|network|mount|log|dump|stall|hook|total TIME     (total, if it is not said, grows with dump)
 *   threads N                    of the filter (default: what memory allows)
 *   capture_cpus N               CPUs of the capture kernel (default 1)
 *   watchdog TIME|off, pstore yes|no, console_lines N
 *   cmdline_append WORDS, cmdline_remove WORD…     of the capture kernel's command line: words, names of rules
 *   capture_kernel VERSION|/PATH                   the capture kernel (default: the running one)
 *   panic_on_oops, panic_on_warn, panic_on_rcu_stall, unknown_nmi_panic, panic_on_unrecovered_nmi, panic_on_io_nmi,
 *   hung_task_panic, softlockup_panic, hardlockup_panic YESNO, panic_on_oom 0…2, panic SECONDS    sysctls, written while
 *                                the service is armed (service/sysctl.h): what they do is in the kernel's
 *                                Documentation/admin-guide/sysctl/{kernel,vm}.rst; panic can be -1, for at once
 * TIME is seconds or has one of s, m, h, d behind it; SIZE has K, M, G or T. What is a list, and kdump_pre and
 * kdump_post, can be said in several lines.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "capture/recipe.h"

#define CONFIG_PATH     "/etc/lifeboat.conf"
#define CONFIG_MAX_SIZE 65536

struct config_target {
	enum target_kind kind;
	bool log_only;
	char *device; /* as it is written, without double quotes; of remote ones for people only */
	char *fstype; /* "" for raw; nfs: "nfs" or "nfs4"; other remote ones: the key's name */
	char *path;   /* in the recipe's form, "" for the root; NULL: config.path */
	char *mount_options; /* NULL: not said */
	unsigned int line;   /* where it stands, for messages */
	/* Of remote targets, NULL: not said, or not theirs. All were looked at; files are absolute paths in clean form. */
	char *user, *host; /* an address without brackets, or a name */
	char *export;      /* nfs: absolute */
	char *url; /* https: of the folder, s3: the endpoint; without a port, that is in `port` */
	char *bucket;
	char *port;                   /* a number of 1…65535 */
	char *key_file, *known_hosts; /* ssh, sftp */
	char *header;                 /* https */
	char *credentials;            /* s3 */
	char *region, *path_style;    /* s3; "yes" or "no" */
	char *ca;                     /* https, s3 */
};

/* What shall be written to a file below /proc/sys. */
struct config_sysctl {
	const char *path; /* "kernel/panic_on_oops"; static */
	int64_t value;    /* signed for the sake of kernel/panic */
};

/* What stays here of a crash that was spooled, and is at its target now. */
enum config_keep {
	CONFIG_KEEP_LOG, /* the log and the record, so that `list` and `show` still know it */
	CONFIG_KEEP_ALL,
	CONFIG_KEEP_NOTHING,
};

struct config {
	char *name; /* of the file, for messages */
	struct config_target *targets;
	size_t n_targets;
	char *path;       /* for targets without their own, likewise; NULL: not said */
	bool rootfs_last; /* dump_to_rootfs */
	uint64_t spool;   /* bytes; 0: none */
	enum config_keep spool_keep;
	char *luks_key_file; /* NULL: not said; this and the next one */
	char *iscsi_secret_file;
	struct config_target
		common; /* what was said of remote targets before there was one; its own members are empty */
	bool failure_said; /* else base->failure is base->final */
	/*
	 * All that needs no resolving, in its final form: levels, codec, format, threads, actions, modules, programs,
	 * hooks, retention, deadlines. No targets.
	 */
	struct recipe *base;
	char *capture_kernel;  /* a version, or a path that begins with '/'; NULL: not said */
	uint64_t capture_cpus; /* 0: not said */
	char *cmdline_append;  /* NULL: not said */
	char **cmdline_remove; /* NULL-terminated */
	bool force_rebuild, force_no_rebuild;
	struct config_sysctl *sysctls; /* in the order of their lines, each path once */
	size_t n_sysctls;
	bool auto_reset_crashkernel; /* yes if it is not said, as for kdump */
	char **notes; /* NULL-terminated: what was read but changes nothing, each with its line */
};

/*
 * An unknown key, a bad value, a key given twice that can be there once, a target twice: ERR_USAGE (or, for what is
 * known and refused, ERR_UNSUPPORTED) naming file, line and what to write instead.
 */
int config_create(struct bytes text, const char *name, struct config **ret,
		  struct err *err) _must_check_;
void config_destroy(struct config *c); /* NULL is fine */

#endif
