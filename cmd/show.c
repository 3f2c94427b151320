// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/text.h"
#include "base/utc.h"
#include "capture/target.h"
#include "cmd/crashes.h"
#include "cmd/encrypted.h"
#include "service/sending.h"

#define LOG_LINES 10

struct shown {
	const struct service *s;
	struct dumps_entry entry;
	struct crashfile *record; /* NULL: there is none that can be read */
	struct dumps_file *files;
	size_t n_files;
	char *tail; /* NULL: there is none */
};

static void shown_destroy(struct shown **x)
{
	if (!*x)
		return;
	crashfile_destroy((*x)->record);
	free((*x)->files);
	free((*x)->tail);
	free(*x);
}

static int gather(struct crashes *c, const char *which, struct shown *x, struct err *err)
{
	struct err why = {0};

	x->s = &c->words.service;
	if (dumps_find(x->s, c->config, which, &x->entry, err))
		return err->code == ERR_NOT_FOUND && c->words.told
			       ? err_wrap(err, "not everything could be looked at")
			       : err->code;
	if (!x->entry.opened)
		return err_set(err, ERR_REFUSED, "%s: %s: it is for root to see, or for its owner",
			       x->entry.folder, x->entry.record_error);
	if (dumps_record(x->s, &x->entry, &x->record, &why))
		x->record = NULL; /* entry.record_error says why */
	/* what cannot be read is not there to be shown: a folder of mode 0700 has root's crashes */
	if (dumps_files(x->s, &x->entry, &x->files, &x->n_files, &why))
		service_tell(x->s, SERVICE_WARNING, "%s", why.msg);
	if (dumps_log_tail(x->s, &x->entry, LOG_LINES, &x->tail, &why))
		x->tail = NULL;
	return 0;
}

/* ---- text */

static void label(const char *name)
{
	printf("%-10s", name);
}

/* A line of a text that may be NULL or empty: then there is none. */
static void print_line(const char *name, const char *text)
{
	if (!text || !*text)
		return;
	label(name);
	crashes_print(stdout, text);
	putchar('\n');
}

static void print_head(const struct shown *x)
{
	const struct dumps_entry *e = &x->entry;
	const struct crashfile *r = x->record;
	char time[UTC_TEXT];

	crashes_print(stdout, *e->panic ? e->panic : "(what it died of is not on record)");
	printf("\n\n");
	print_line("class:", e->cls);
	print_line("fault:", e->signature_title);
	print_line("kcs1:", e->signature);
	label("crashed:");
	printf("%s\n", e->time && utc_format(e->time, time) ? time : "at an unknown time");
	print_line("kernel:", e->release);
	if (r) {
		print_line("version:", r->version);
		print_line("machine:", r->machine);
		print_line("host:", r->node);
	}
	print_line("folder:", e->folder);
	if (e->pinned)
		print_line("pinned:", "yes: it is never pruned");
	if (e->foreign)
		print_line("owner:", "another user: it may have been made up");
}

static const struct {
	const char *result, *means;
} meanings[] = {
	{"complete", "log and dump are whole"},
	{"partial", "the dump is there, but not all of it, or not the log"},
	{"log-only", "the log is there, the dump is not"},
	{"failed", "neither log nor dump could be written"},
	{"in-progress", "the capture was cut off while the dump was being written"},
};

static void print_result(const struct shown *x)
{
	const char *means = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (strcmp(x->entry.result, meanings[i].result) == 0)
			means = meanings[i].means;
	label("result:");
	crashes_print(stdout, x->entry.record_read ? x->entry.result : "not known");
	printf("%s%s\n", means ? ": " : "", means ? means : "");
	print_line("record:", x->entry.record_error);
}

static void print_waiting(const struct shown *x)
{
	_cleanup_free_ struct sending *s = calloc(1, sizeof(*s));
	char text[1024] = "not tried yet";
	struct err ignored;

	if (s && !sending_read(x->s, x->entry.folder, s, &ignored))
		sending_describe(s, (uint64_t)time(NULL), text, sizeof(text));
	label("waits:");
	printf("to be sent to ");
	crashes_print(stdout, *x->entry.send_to ? x->entry.send_to : "a remote target");
	printf(" (%s)\n", text);
}

static void print_sent(const struct shown *x)
{
	const struct dumps_entry *e = &x->entry;
	char time[UTC_TEXT];

	if (e->waits)
		print_waiting(x);
	if (!*e->sent_to)
		return;
	label("sent:");
	printf("%s, to ", utc_format(e->sent_time, time) ? time : "?");
	crashes_print(stdout, e->sent_to);
	printf(", where it is ");
	crashes_print(stdout, e->sent_name);
	printf("%s%s\n", e->sent_dump ? "" : ", without a whole dump",
	       e->sent_verified ? "" : "; it could not be read back there, so it stays here too");
}

static void print_pages(const struct crashfile *r)
{
	if (!r->pages_known)
		return;
	label("pages:");
	printf("%" PRIu64 " of memory, %" PRIu64 " written, %" PRIu64 " of zeros, %" PRIu64
	       " left out",
	       r->pages, r->pages_written, r->pages_zero, r->pages_left_out);
	if (r->pages_lost)
		printf(", %" PRIu64 " unreadable", r->pages_lost);
	if (r->pages_cut_off)
		printf(", %" PRIu64 " cut off", r->pages_cut_off);
	putchar('\n');
}

static void print_dump(const struct shown *x)
{
	const struct crashfile *r = x->record;
	const struct dumps_entry *e = &x->entry;
	char size[16];

	label("dump:");
	if (*e->dump)
		printf("%s, %s", e->dump, num_human(e->dump_bytes, size));
	else
		printf("%s", e->sent_dump ? "not here any more: where it was sent" : "none");
	if (e->dump_parts)
		printf(" in %u part%s", e->dump_parts, e->dump_parts == 1 ? "" : "s");
	if (e->dump_encrypted)
		printf(", encrypted");
	if (*e->dump && r && r->format) {
		printf(", ");
		crashes_print(stdout, r->format);
		printf(", level %" PRIu64, r->level);
		if (r->level != r->level_wanted)
			printf(" (%" PRIu64 " was wanted)", r->level_wanted);
	}
	putchar('\n');
	if (!r)
		return;
	print_line("cut off:", r->cut);
	print_line("", r->unfiltered);
	print_line("doubt:", r->warning);
	print_pages(r);
}

static void print_memory(const struct shown *x)
{
	const struct dumps_entry *e = &x->entry;
	const struct crashfile *r = x->record;
	char a[16], b[16];

	if (!r || !r->memory_total)
		return;
	label("memory:");
	printf("the capture kernel had %s for its work", num_human(r->memory_total, a));
	if (r->memory_lowest)
		printf(", of which %s stayed free at the worst moment",
		       num_human(r->memory_lowest, b));
	if (e->peak)
		printf("; %s in use with its own", num_human(e->peak, a));
	putchar('\n');
}

static void print_targets(const struct crashfile *r)
{
	if (r->n_targets)
		printf("\ntargets:\n");
	for (size_t i = 0; i < r->n_targets; i++) {
		const struct crashfile_target *t = &r->targets[i];

		printf("  %zu  ", i + 1);
		crashes_print(stdout, t->target ? t->target : "?");
		printf(": ");
		crashes_print(stdout, t->result ? t->result : "?");
		if (t->name) {
			printf(", ");
			crashes_print(stdout, t->name);
		}
		if (t->error) {
			printf(": ");
			crashes_print(stdout, t->error);
		}
		putchar('\n');
	}
}

static void print_phases(const struct crashfile *r)
{
	if (r->n_phases)
		printf("\nphases, in seconds since the capture kernel started:\n");
	for (size_t i = 0; i < r->n_phases; i++) {
		const struct crashfile_phase *p = &r->phases[i];
		char name[128];

		printf("  %8.2f + %7.2f  ", (double)p->start_ms / 1000, (double)p->took_ms / 1000);
		text_plain(p->name ? p->name : "?", name, sizeof(name));
		printf("%-10s ", name);
		if (p->target)
			printf("of target %" PRIu64 " ", p->target);
		crashes_print(stdout, p->result ? p->result : "?");
		if (p->error) {
			printf(": ");
			crashes_print(stdout, p->error);
		}
		putchar('\n');
	}
	if (r->phases_left_out)
		printf("  %" PRIu64 " more\n", r->phases_left_out);
}

static void print_files(const struct shown *x)
{
	char size[16];

	if (x->n_files)
		printf("\nfiles:\n");
	for (size_t i = 0; i < x->n_files; i++) {
		const struct dumps_file *f = &x->files[i];

		printf("  %10s  ", f->plain ? num_human(f->bytes, size) : "no file");
		crashes_print(stdout, f->name);
		putchar('\n');
	}
}

/* ---- how to open it */

static bool is_release(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._+~-";

	return *text && *text != '.' && strspn(text, letters) == strlen(text);
}

/* The kernel with its debug information, where distributions put it; false: it is in none of these places. */
static bool find_vmlinux(const struct shown *x, char *ret, size_t size)
{
	static const char *const places[] = {
		"/usr/lib/debug/boot/vmlinux-%s",
		"/usr/lib/debug/lib/modules/%s/vmlinux",
		"/usr/lib/debug/usr/lib/modules/%s/vmlinux",
		"/usr/lib/debug/boot/vmlinux-%s.debug",
		"/lib/modules/%s/build/vmlinux",
		"/boot/vmlinux-%s",
	};

	for (size_t i = 0; is_release(x->entry.release) && i < ARRAY_SIZE(places); i++) {
		const char *at = strstr(places[i], "%s");

		snprintf(ret, size, "%.*s%s%s", (int)(at - places[i]), places[i], x->entry.release,
			 at + 2);
		if (root_exists(x->s->root, ret))
			return true;
	}
	return false;
}

static void print_command(const char *command, const struct shown *x, const char *file)
{
	printf("  %s ", command);
	cmd_print_word(stdout, x->entry.folder);
	printf("%s%s\n", *file ? "/" : "", file);
}

/* A dump that is in parts, or encrypted, is to be made one that can be looked into. */
static void print_opening(const struct shown *x)
{
	const char *dump = x->entry.dump, *part = strstr(dump, CRASH_FILE_PART);
	char path[PATH_MAX + 80];
	int stem = part ? (int)(part - dump) : (int)strlen(dump);

	snprintf(path, sizeof(path), "%s/%.*s", x->entry.folder, stem, dump);
	if (part) {
		printf("  cat ");
		cmd_print_word(stdout, path);
		printf(CRASH_FILE_PART "* >");
		cmd_print_word(stdout, path);
		putchar('\n');
	}
	if (x->entry.dump_encrypted) {
		printf("  ");
		encrypted_print_command(stdout, path, "report");
		putchar('\n');
	} else {
		snprintf(path, sizeof(path), "%.*s", stem, dump);
		print_command("lifeboat report", x, path);
	}
}

static void print_log_command(const struct shown *x)
{
	char path[PATH_MAX + 80];

	if (!x->entry.log_encrypted) {
		print_command("less", x, x->entry.log);
		print_command("lifeboat signature", x, x->entry.log);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", x->entry.folder, x->entry.log);
	printf("  ");
	encrypted_print_command(stdout, path, "report");
	putchar('\n');
}

static void print_commands(const struct shown *x)
{
	char vmlinux[256], command[300];
	bool there = find_vmlinux(x, vmlinux, sizeof(vmlinux));
	const char *dump = x->entry.dump;

	printf("\nto look into it:\n");
	if (*dump && (x->entry.dump_encrypted || x->entry.dump_parts)) {
		print_opening(x);
		if (x->entry.log_encrypted)
			print_log_command(x);
	} else if (*dump) {
		print_command("lifeboat report", x, dump);
		snprintf(command, sizeof(command), "crash %s", there ? vmlinux : "VMLINUX");
		print_command(command, x, dump);
		snprintf(command, sizeof(command), "drgn -s %s -c", there ? vmlinux : "VMLINUX");
		print_command(command, x, dump);
		print_command("lifeboat dmesg", x, dump);
		print_command("lifeboat info", x, dump);
	} else if (*x->entry.log) {
		print_log_command(x);
	}
	print_command("lifeboat verify", x, "");
	if (*dump && !there && !x->entry.dump_encrypted && !x->entry.dump_parts)
		printf("  VMLINUX is the kernel with debug information, from a package of its own "
		       "(Debian: linux-image-…-dbg, Fedora: kernel-debuginfo)\n");
}

static void print_tail(const struct shown *x)
{
	char *rest = x->tail, *line;

	if (!x->tail || !*x->tail)
		return;
	printf("\nthe end of %s:\n", x->entry.log);
	while ((line = strsep(&rest, "\n"))) {
		if (!*line && !rest)
			break;
		printf("  ");
		crashes_print(stdout, line);
		putchar('\n');
	}
}

static void print_text(const struct shown *x)
{
	char size[16];

	print_head(x);
	print_result(x);
	print_sent(x);
	print_dump(x);
	print_line("log:", *x->entry.log ? x->entry.log : "none");
	label("size:");
	printf("%s, all files together\n", num_human(x->entry.bytes, size));
	print_memory(x);
	if (x->record) {
		print_targets(x->record);
		print_phases(x->record);
	}
	print_files(x);
	print_commands(x);
	print_tail(x);
}

/* ---- JSON */

static void put_record(struct json *j, const struct crashfile *r)
{
	json_begin_array(j, "targets");
	for (size_t i = 0; i < r->n_targets; i++) {
		const struct crashfile_target *t = &r->targets[i];

		json_begin_object(j, NULL);
		json_put_string(j, "target", t->target);
		json_put_string(j, "result", t->result);
		json_put_string(j, "device", t->device);
		json_put_string(j, "name", t->name);
		json_put_string(j, "error", t->error);
		json_end_object(j);
	}
	json_end_array(j);
	json_begin_array(j, "phases");
	for (size_t i = 0; i < r->n_phases; i++) {
		const struct crashfile_phase *p = &r->phases[i];

		json_begin_object(j, NULL);
		json_put_string(j, "name", p->name);
		if (p->target)
			json_put_uint(j, "target", p->target);
		json_put_uint(j, "start_ms", p->start_ms);
		json_put_uint(j, "took_ms", p->took_ms);
		json_put_string(j, "result", p->result);
		json_put_string(j, "error", p->error);
		json_end_object(j);
	}
	json_end_array(j);
	json_put_string(j, "cut", r->cut);
	json_put_string(j, "unfiltered", r->unfiltered);
	json_put_string(j, "warning", r->warning);
}

static void print_json(const struct shown *x)
{
	char vmlinux[256];
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-show-1");
	crashes_put(&j, &x->entry);
	if (x->record)
		put_record(&j, x->record);
	json_begin_array(&j, "files");
	for (size_t i = 0; i < x->n_files; i++) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "name", x->files[i].name);
		if (x->files[i].plain)
			json_put_uint(&j, "bytes", x->files[i].bytes);
		else
			json_put_null(&j, "bytes");
		json_end_object(&j);
	}
	json_end_array(&j);
	json_put_string(&j, "vmlinux", find_vmlinux(x, vmlinux, sizeof(vmlinux)) ? vmlinux : NULL);
	json_put_string(&j, "log_end", x->tail);
	cmd_end_json(&j);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *root = NULL, *config = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_FLAG(0, "json", &json, "print a JSON object"),
		OPT_STRING(0, "config", "FILE", &config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &root, "look at the machine recorded in DIR"),
	};
	_cleanup_(shown_destroy) struct shown *x = NULL;
	struct crashes c;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, err);

	if (r)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return err_nomem(err, sizeof(*x), "a crash");
	r = crashes_init(&c, cmd, root, config, true, err);
	if (!r)
		r = gather(&c, argv[1], x, err);
	if (!r && json)
		print_json(x);
	else if (!r)
		print_text(x);
	crashes_deinit(&c);
	return r;
}

const struct cmd cmd_show = {
	.name = "show",
	.operands = "[CRASH|latest|FOLDER]",
	.summary = "all about one captured crash",
	.details =
		"Shows the latest crash, CRASH (a name as in `lifeboat list`) or the one in FOLDER "
		"(a\n"
		"path with a '/'): what the machine died of, what was captured, what is missing "
		"and\nwhy, the capture's phases, the files, how to open the dump, the log's end.",
	.run = run,
	.group = CMD_DUMPS,
};
