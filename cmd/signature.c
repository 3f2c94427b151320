// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "cmd/crashes.h"
#include "cmd/dump.h"
#include "cmd/encrypted.h"
#include "image/image.h"
#include "image/printk.h"

#define TEXT_MAX_SIZE ((size_t)256 << 20) /* of a log that somebody kept for years */
#define HEAD          16

/* What one operand tells. */
struct told {
	const char *from; /* "dump", "log" or "record" */
	bool has_crash;   /* else it is a record, which has but the next ones */
	struct crash crash;
	struct signature signature;
	char cls[64];
	char uuid[CRASH_RECORD_UUID];   /* "": not known */
	char object[CRASH_RECORD_PATH]; /* where its record belongs; "" */
};

/* ---- a log */

static int feed_record(void *ctx, const struct printk_record *rec, struct err *err)
{
	(void)err;
	crash_log_feed_record(ctx, rec->ts_nsec, rec->has_caller ? rec->caller : 0, rec->text,
			      rec->len);
	return 0;
}

static int finish(struct crash_log *log, struct told *to, struct err *err)
{
	if (!crash_log_finish(log, &to->crash))
		return err_set(err, ERR_NOT_FOUND, "no crash in its log");
	to->has_crash = true;
	signature_make(&to->crash, &to->signature);
	snprintf(to->cls, sizeof(to->cls), "%s", crash_class_name(to->crash.cls));
	return 0;
}

static int of_image(const struct image *img, struct told *to, struct err *err)
{
	struct printk_stats stats;
	struct crash_log *log;
	int r = crash_log_create(&log, err);

	if (r)
		return r;
	r = printk_walk(img, feed_record, log, &stats, err);
	if (!r)
		r = finish(log, to, err);
	crash_log_destroy(log);
	return r;
}

static int of_dump(char *path, struct told *to, struct err *err)
{
	const struct dump_options options = {0};
	char *paths[] = {path, NULL};
	struct err ignored;
	struct source *src;
	struct image *img;
	uint64_t phys;
	int r = dump_open(paths, 1, &options, &src, err);

	if (r)
		return r;
	to->from = "dump";
	r = image_create(src, &img, err);
	if (r && r != ERR_NO_MEMORY && !image_create_found(src, &img, &phys, &ignored))
		r = 0;
	if (!r) {
		crash_record_uuid(img->info_text, img->uts[UTS_NODENAME], to->uuid);
		crash_record_path(img->crash_time, img->uts[UTS_NODENAME], to->uuid, to->object);
		r = of_image(img, to, err);
		image_destroy(img);
	}
	source_destroy(src);
	return r;
}

static int of_text(struct bytes text, struct told *to, struct err *err)
{
	struct crash_log *log;
	int r = crash_log_create(&log, err);

	if (r)
		return r;
	to->from = "log";
	r = crash_log_feed_text(log, text, err);
	if (!r)
		r = finish(log, to, err);
	crash_log_destroy(log);
	return r;
}

/* ---- a record */

#define COPY(to, from) snprintf(to, sizeof(to), "%s", from ? from : "")

static int of_record(const struct crashfile *c, struct told *to, struct err *err)
{
	to->from = "record";
	COPY(to->uuid, c->uuid);
	crash_record_path(c->time, c->node ? c->node : "", to->uuid, to->object);
	if (!c->sig_func || !c->sig_alg)
		return err_set(err, ERR_NOT_FOUND,
			       "the record has no signature: its capture did not understand the "
			       "log; give its dump or its log");
	if (strcmp(c->sig_alg, SIGNATURE_ALG) != 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "the record's signature is of another kind, '%.32s'", c->sig_alg);
	COPY(to->signature.func, c->sig_func);
	COPY(to->signature.exact, c->sig_exact);
	COPY(to->signature.cls, c->sig_class);
	COPY(to->signature.title, c->sig_title);
	COPY(to->cls, c->cls);
	return 0;
}

static int of_record_text(struct bytes text, struct told *to, struct err *err)
{
	struct crashfile *c;
	int r = crashfile_create(text, &c, err);

	if (r)
		return r;
	r = of_record(c, to, err);
	crashfile_destroy(c);
	return r;
}

/* ---- files */

static bool is_dump(const char *head, size_t len)
{
	static const char *const magics[] = {"\177ELF", "KDUMP   ", "DISKDUMP", "makedumpfile"};

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (len >= strlen(magics[i]) && memcmp(head, magics[i], strlen(magics[i])) == 0)
			return true;
	return false;
}

static int of_bytes(struct bytes text, struct told *to, struct err *err)
{
	size_t blank = 0;

	if (is_dump((const char *)text.data, text.len))
		return err_set(err, ERR_USAGE,
			       "a dump cannot be read from a stream; name its file");
	while (blank < text.len && strchr(" \t\r\n", text.data[blank]) && text.data[blank])
		blank++;
	if (blank < text.len && text.data[blank] == '{')
		return of_record_text(text, to, err);
	return of_text(text, to, err);
}

static int of_fd(int fd, const char *name, struct told *to, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (io_read_all(fd, TEXT_MAX_SIZE, name, &text, &len, err))
		return err->code;
	return of_bytes((struct bytes){(const uint8_t *)text, len}, to, err);
}

static int of_file(char *path, struct told *to, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[HEAD];
	ssize_t n;

	if (fd < 0)
		return err_sys(err, errno, "open");
	n = pread(fd, head, sizeof(head), 0);
	/* what cannot be read at a place is a stream */
	if (n > 0 && encrypted_is(path))
		return encrypted_refuse(path, "report", err);
	if (n > 0 && is_dump(head, (size_t)n))
		return of_dump(path, to, err);
	return of_fd(fd, path, to, err);
}

/* A crash's folder: its record, if that has a signature, else its log, else its dump. */
static int of_folder(const char *folder, struct told *to, struct err *err)
{
	static const char *const names[] = {
		"crash.json",   "dmesg.txt",         "dmesg.txt.incomplete",   "vmcore",
		"vmcore.flat",  "vmcore.incomplete", "vmcore.flat.incomplete", "vmcore.flat.age",
		"dmesg.txt.age"};
	int r = err_set(err, ERR_NOT_FOUND, "there is neither record, log nor dump in it");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[PATH_MAX];
		struct err why = {0};

		if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]) >= PATH_MAX ||
		    access(path, F_OK))
			continue;
		if (!of_file(path, to, &why))
			return 0;
		r = err_set(err, (enum err_code)why.code, "%s: %s", names[i], why.msg);
	}
	return r;
}

/* A name as `lifeboat list` has it. */
static int of_crash(const struct cmd *cmd, const char *name, struct told *to, struct err *err)
{
	struct dumps_entry entry;
	struct crashes c;
	int r = crashes_init(&c, cmd, NULL, NULL, true, err);

	if (!r)
		r = dumps_find(&c.words.service, c.config, name, &entry, err);
	crashes_deinit(&c);
	return r ? r : of_folder(entry.folder, to, err);
}

static int of_operand(const struct cmd *cmd, char *operand, struct told *to, struct err *err)
{
	struct stat st;
	int r;

	if (strcmp(operand, "-") == 0) {
		r = of_fd(STDIN_FILENO, "standard input", to, err);
		return r ? err_wrap(err, "standard input") : 0;
	}
	if (stat(operand, &st) == 0)
		r = S_ISDIR(st.st_mode) ? of_folder(operand, to, err) : of_file(operand, to, err);
	else if (errno == ENOENT && !strchr(operand, '/'))
		return of_crash(cmd, operand, to, err);
	else
		r = err_sys(err, errno, "look at it");
	/* the readers of dumps name their file themselves */
	if (r && strncmp(err->msg, operand, strlen(operand)) != 0)
		err_wrap(err, "%s", operand);
	return r;
}

/* ---- output */

static void print_line(const char *operand, const struct told *t, bool several)
{
	printf("%s  ", t->signature.func);
	crashes_print(stdout, t->signature.title);
	if (several) {
		printf("  (");
		crashes_print(stdout, operand);
		putchar(')');
	}
	putchar('\n');
}

static void put_text(struct json *j, const char *key, const char *text)
{
	json_put_string(j, key, text && *text ? text : NULL);
}

static void put_frames(struct json *j, const struct told *t)
{
	char frames[SIGNATURE_FRAMES][CRASH_FUNCTION + CRASH_MODULE + 1];
	size_t n = signature_frames(&t->crash, frames);

	if (!t->has_crash) {
		json_put_null(j, "frames");
		return;
	}
	json_begin_array(j, "frames");
	for (size_t i = 0; i < n; i++)
		json_put_string(j, NULL, frames[i]);
	json_end_array(j);
}

static void put_told(struct json *j, const char *operand, const struct told *t,
		     const struct err *why)
{
	json_begin_object(j, NULL);
	json_put_string(j, "file", operand);
	put_text(j, "error", why ? why->msg : NULL);
	if (!why) {
		json_put_string(j, "from", t->from);
		json_put_string(j, "alg", SIGNATURE_ALG);
		put_text(j, "exact", t->signature.exact);
		put_text(j, "func", t->signature.func);
		put_text(j, "class_signature", t->signature.cls);
		put_text(j, "title", t->signature.title);
		put_text(j, "class", t->cls);
		put_text(j, "crash_title", t->has_crash ? t->crash.title : NULL);
		put_text(j, "panic", t->has_crash ? t->crash.panic : NULL);
		put_frames(j, t);
		put_text(j, "uuid", t->uuid);
		put_text(j, "object", t->object);
	}
	json_end_object(j);
}

/* All of them, whatever is wrong with one; the first failure is returned, the others are told here. */
static int tell_all(const struct cmd *cmd, char **operands, bool json, struct err *err)
{
	_cleanup_free_ struct told *t = malloc(sizeof(*t));
	size_t n = cmd_count(operands);
	struct json j;
	int first = 0;

	if (!t)
		return err_nomem(err, sizeof(*t), "a signature");
	if (json) {
		cmd_begin_json(&j, stdout, "lifeboat-signature-1");
		json_begin_array(&j, "files");
	}
	for (size_t i = 0; i < n; i++) {
		struct err why = {0};
		int r;

		*t = (struct told){0};
		r = of_operand(cmd, operands[i], t, &why);
		if (json)
			put_told(&j, operands[i], t, r ? &why : NULL);
		else if (!r)
			print_line(operands[i], t, n > 1);
		if (r && first) {
			fprintf(stderr, "lifeboat %s: ", cmd->name);
			crashes_print(stderr, why.msg);
			fputc('\n', stderr);
		} else if (r) {
			first = r;
			*err = why;
		}
	}
	if (json) {
		json_end_array(&j);
		cmd_end_json(&j);
	}
	return first;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	bool json = false;
	const struct opt opts[] = {OPT_FLAG(0, "json", &json, "print a JSON object")};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, argc, err);

	return r ? r : tell_all(cmd, argv + 1, json, err);
}

const struct cmd cmd_signature = {
	.name = "signature",
	.operands = "FILE...",
	.summary = "tell by a hash which crashes are the same fault",
	.details =
		"Prints a line for each FILE: the signature by which crashes of the same fault "
		"are\nequal, whatever kernel and machine they are of, and what it stands for. FILE "
		"is a\ndump, a log as dmesg(1), journalctl(1), netconsole or pstore kept it, a "
		"crash.json,\na crash's folder, its name as in `lifeboat list`, or - for a log on "
		"standard input.",
	.run = run,
	.group = CMD_DUMPS,
};
