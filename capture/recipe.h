/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recipe: what to capture and where to, decided while the system is healthy and packed into the
 * initramfs as /lifeboat/recipe. After the crash nothing else is consulted. `lifeboat recipe` makes it of the
 * configuration file (config/); one written by hand does as well.
 *
 * Text, one "key = value" per line, '#' starts a comment line:
 *
 *   schema = lifeboat-recipe-3       must be the first key
 *   level = 1,31                     dump levels 0…31, at most 8, each once: the first is wanted, the next ones are
 *                                    tried in turn where there is no room; default 31
 *   compress = lzo                   raw, zlib, lzo, snappy, zstd or auto, default lzo
 *   format = kdump                   kdump or elf (uncompressed), default kdump
 *   threads = 0                      workers, 1…256; 0, the default: as many as CPUs and memory allow
 *   final-action = reboot            reboot, poweroff or halt, default reboot
 *   failure-action = reboot          where no whole dump is safe: the same or shell; default: the final action
 *   module = virtio_blk              repeated; a kernel module by name or alias
 *   program = /usr/bin/lsblk         repeated; an absolute path, put into the image with what it needs to run
 *   pre = /usr/local/bin/before      repeated; likewise, and run before the dump; failure means no dump
 *   post = /usr/local/bin/after      repeated; likewise, run after it; $1 is 0 if a whole dump is safe, else 1, and $2 the result
 *   file = /etc/lifeboat/dump-key    repeated; an absolute path, put into the image as it is, mode 0600
 *   encrypt-to = age1…               repeated, at most 16; log and dump are encrypted to these (crypt/age.h)
 *   console-lines = 60               of the log's end, shown on the console first of all; 0…10000, default 60
 *   pstore = yes                     yes or no: the log's end goes to persistent storage, too; default yes
 *   watchdog = 60                    seconds, 0…3600, of a hardware watchdog if there is one; 0: none; default 60
 *   keep-count = 5                   of crashes in the target's folder, the new one among them; each of these
 *   keep-age = 2592000               seconds         four is 0, the default, for no limit
 *   keep-bytes = 1000000000          of all crashes together
 *   keep-free = 1000000000           bytes that shall be free on the file system
 *   deadline-device = 30             seconds, 1…86400, each with a default
 *   deadline-network = 90            of what leads to a target: link, addresses, the server's answer
 *   deadline-mount = 60
 *   deadline-log = 60
 *   deadline-dump = 3600
 *   deadline-stall = 120             without any progress of the dump
 *   deadline-hook = 60               of each pre and post program
 *   deadline-total = 4000            whole capture; then the final action comes whatever happened
 *
 * Then what targets are reached through and stand on, if they need it: links ("link = NAME", net/net.h) and layers ("layer =
 * NAME", storage/layer.h), each with the keys behind it that these headers tell.
 *
 * Then the targets, 1 to 8, in the order in which they are tried until one has a whole dump. "target" begins one, and
 * the keys behind it are its own:
 *
 *   target = fs                      a file system on a block device
 *   device = UUID=0f2a…              required; UUID=… (of the file system), PARTUUID=… or a /dev path
 *   fstype = ext4                    required
 *   mount-options = data=ordered     optional; file system options for mount(2)
 *   path = /var/crash                folder on the target, default /var/crash; "/" is its root
 *   log-only = no                    yes or no: for the log if no other target has it, not for the dump
 *
 *   target = share                   a file system without a block device
 *   device = crashes                 required; the tag
 *   fstype = virtiofs                required; virtiofs or 9p
 *   …                                the rest as above
 *
 *   target = raw                     a partition with nothing else on it (format/crashpart.h)
 *   device = PARTUUID=…              required; as above but UUID=
 *   size = 1073741824                of it in bytes when the recipe was made; another one at the crash is an error
 *   log-only = no
 *
 *   Of fs, share and raw:
 *   needs = vg0-dumps                the layer (a "layer = …" above) that the device is
 *   Of fs and share:
 *   spool = yes                      what is here waits to be sent by the next boot to the first target that is remote; crash.json
 *                                    says so
 *   limit = 2147483648               bytes that the dump may have here; 0, the default: as much as there is room
 *
 *   target = nfs                     a share of an NFS server
 *   export = /srv/dumps              required; absolute
 *   mount-options = vers=4.2,soft    as above; addr= comes from the server that answered
 *   path, log-only                   as above
 *
 *   target = ssh                     a folder of another machine, through a shell there (OpenSSH's client is a `program`)
 *   user = kdump                     required
 *   identity = /etc/lifeboat/id      required; a `file`, the private key
 *   host-key = ssh-ed25519 AAAA…     required, repeated; keys that the server may have
 *   path, log-only                   as above
 *
 *   target = sftp                    the same through the SFTP subsystem, without a shell there; keys as of ssh
 *
 *   target = https                   a web server that takes PUT
 *   url = https://dumps.example.org/in/?sig=…    required; of the folder; a query goes behind the name
 *   credentials = /etc/lifeboat/header    a `file` with lines "Name: value" for the request's header
 *   ca = /etc/ssl/certs/ca-certificates.crt    required; a `file`
 *   path, log-only                   as above; the path is appended to the URL's
 *
 *   target = s3                      an object store that speaks S3's protocol
 *   url = https://s3.example.org     required; the endpoint
 *   bucket = dumps                   required
 *   region = us-east-1               default us-east-1
 *   path-style = yes                 yes: the bucket is in the path, no: in the host's name; default yes
 *   credentials, ca, path, log-only  as above, both required; the path is the objects' prefix
 *
 *   Of nfs, ssh, sftp, https and s3:
 *   server = 192.0.2.7               required, repeated, at most 8; addresses
 *   host = nas.example.org           required; the name that stands for them
 *   port = 22                        1…65535, default 2049, 22, 22, 443, 443
 *   network = eth0                   required; the link (a "link = …" above) that leads to it
 *
 * An unknown or repeated key (except where it says so), a key that its target does not have, a missing required key, a
 * bad value, a link or layer that is not there and a control character are ERR_USAGE naming line and value. Values cannot contain newlines; a value is
 * taken to the end of its line with blanks around it removed. Only mount-options may be empty. Whatever the text says,
 * the strings of a recipe are shorter than 1025 bytes, mount-options excepted.
 */
#ifndef CAPTURE_RECIPE_H
#define CAPTURE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/bytes.h"
#include "format/codec.h"
#include "net/net.h"
#include "storage/layer.h"

#define RECIPE_SCHEMA     "lifeboat-recipe-3"
#define RECIPE_IMAGE_PATH "/lifeboat/recipe" /* of the recipe in the initramfs */
#define RECIPE_MODULES_PATH \
	"/lifeboat/modules" /* module files, one absolute path a line, in load order */
#define RECIPE_MAX_SIZE    262144
#define RECIPE_MAX_TARGETS 8
#define RECIPE_MAX_SERVERS 8 /* of a target */
#define RECIPE_MAX_LEVELS  8

enum final_action {
	FINAL_REBOOT,
	FINAL_POWEROFF,
	FINAL_HALT,
	FINAL_SHELL, /* as failure action only: /bin/sh of the image on the console, then the final action */
};

enum target_kind {
	TARGET_FS,
	TARGET_SHARE,
	TARGET_RAW,
	TARGET_NFS,
	TARGET_SSH,
	TARGET_SFTP,
	TARGET_HTTPS,
	TARGET_S3,
	TARGET_KINDS,
};

struct recipe_target {
	enum target_kind kind;
	char *device;        /* fs, raw: "UUID=…", "PARTUUID=…" or "/dev/…"; share: the tag */
	char *fstype;        /* "" for raw */
	char *mount_options; /* "" if none */
	char *path; /* absolute, no trailing slash, no "." or ".." component; "" for the root */
	bool log_only;
	uint64_t size; /* raw: bytes; 0 not known */
	char *needs;   /* fs, share, raw: a layer; this and all others "" if not said */
	bool spool;
	uint64_t limit; /* 0: none */
	/* remote: */
	char **servers; /* this and host_keys NULL-terminated */
	char *host;
	unsigned int port;
	char *network;
	char *export; /* nfs */
	char *user, *identity;
	char **host_keys;
	char *url, *bucket, *region;
	bool path_style;
	char *credentials, *ca;
};

/* Is it reached through a network? */
bool recipe_is_remote(enum target_kind kind);

/* 0: no such limit. */
struct recipe_retention {
	uint64_t count;
	uint64_t age; /* seconds */
	uint64_t bytes;
	uint64_t free; /* bytes */
};

struct recipe {
	struct recipe_target *targets;
	size_t n_targets;
	unsigned int levels[RECIPE_MAX_LEVELS];
	size_t n_levels;
	enum codec codec;
	bool elf;
	unsigned int threads; /* 0: to be chosen */
	enum final_action final;
	enum final_action failure;
	char **modules; /* this and the next ones NULL-terminated */
	char **programs;
	char **pre;
	char **post;
	char **files;
	char **encrypt_to; /* text of recipients, each valid */
	struct net net;
	struct layers layers;
	unsigned int console_lines;
	bool pstore;
	unsigned int watchdog; /* seconds; 0: none */
	struct recipe_retention keep;
	unsigned int deadline_device; /* all in seconds */
	unsigned int deadline_network;
	unsigned int deadline_mount;
	unsigned int deadline_log;
	unsigned int deadline_dump;
	unsigned int deadline_stall;
	unsigned int deadline_hook;
	unsigned int deadline_total;
};

/* Parse a recipe's text of at most RECIPE_MAX_SIZE bytes; `name` is for messages. */
int recipe_create(struct bytes text, const char *name, struct recipe **ret,
		  struct err *err) _must_check_;
void recipe_destroy(struct recipe *r); /* NULL is fine */

/*
 * A recipe with all defaults and no target, to be filled in; its strings are malloc'ed and become its own. The failure
 * action is reboot, whatever becomes of the final one.
 */
int recipe_create_default(struct recipe **ret, struct err *err) _must_check_;

/*
 * Set a key of the recipe itself, none of its targets', to what its line would say; a repeatable one gets another value.
 * What the text could not say is ERR_USAGE, naming the value.
 */
int recipe_set(struct recipe *r, const char *name, const char *value, struct err *err) _must_check_;

/* Add a target with its defaults behind the others; borrowed, and good until the next one is added. */
int recipe_add_target(struct recipe *r, enum target_kind kind, struct recipe_target **ret,
		      struct err *err) _must_check_;

/* Take the last one away again. */
void recipe_drop_target(struct recipe *r);

/* Append a copy of `text` to one of the lists, as r->modules. */
int recipe_add_string(char ***list, const char *text, struct err *err) _must_check_;

/* Free such a list with its strings; NULL is fine. */
void recipe_free_strings(char **list);

/*
 * The text of a recipe, such that recipe_create() gives an equal one; every key is written. *ret is malloc'ed. What
 * recipe_create() would refuse is ERR_USAGE.
 */
int recipe_format(const struct recipe *r, char **ret, size_t *ret_len,
		  struct err *err) _must_check_;

const char *target_kind_name(enum target_kind kind);

#endif
