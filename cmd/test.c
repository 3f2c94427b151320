// SPDX-License-Identifier: GPL-2.0-or-later
/* Would a crash be captured? Three levels, from a look to the thing itself. */
#include "cmd/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/utc.h"
#include "cmd/term.h"
#include "config/config.h"
#include "proof/crash.h"

#define SURE "yes-crash-this-machine"

void test_record(const struct service *s, const struct history_entry *entry)
{
	struct err err = {0};

	if (history_add(s, entry, &err))
		service_tell(s, SERVICE_WARNING, "the test is not put on record: %s", err.msg);
}

/* ---- a crash */

/* Whoever sits at a terminal types a word; what runs without one has the option alone. */
static int confirm(struct err *err)
{
	char host[65] = "", line[80] = "";

	if (!isatty(STDIN_FILENO))
		return 0;
	if (gethostname(host, sizeof(host) - 1))
		return err_sys(err, errno, "the name of this machine");
	fprintf(stderr,
		"This machine, %s, will crash now. All that runs on it ends without notice.\n"
		"Type its name to go on: ",
		host);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, host) == 0 && *host
		       ? 0
		       : err_set(err, ERR_REFUSED, "that is not its name: nothing is done");
}

int test_crash(struct service_words *w, const struct test_arguments *a, struct err *err)
{
	if (w->root.fd >= 0)
		return err_set(err, ERR_USAGE, "--crash-now is for this machine, not for --root %s",
			       a->root);
	if (!a->sure)
		return err_set(err, ERR_REFUSED,
			       "--crash-now crashes this machine, and with it all that runs on "
			       "it: if that is wanted, say --" SURE ", too");
	if (confirm(err))
		return err->code;
	return crash_now(&w->service, err);
}

/* ---- the last one */

static void put_result_json(const struct history_entry *e)
{
	char digest[SHA256_TEXT], time[UTC_TEXT];
	struct json j;

	sha256_text(e->image, digest);
	cmd_begin_json(&j, stdout, TEST_SCHEMA);
	json_put_string(&j, "level", history_kind_name(e->kind));
	json_put_bool(&j, "passed", e->good);
	json_put_bool(&j, "pending", e->pending);
	json_put_string(&j, "error", *e->text ? e->text : NULL);
	json_put_string(&j, "id", e->id);
	json_put_string(&j, "time", utc_format(e->time, time) ? time : NULL);
	json_put_string(&j, "capture_result", *e->result ? e->result : NULL);
	json_put_string(&j, "where", *e->where ? e->where : NULL);
	json_put_string(&j, "kernel", *e->kernel ? e->kernel : NULL);
	json_put_string(&j, "image_sha256", e->image_known ? digest : NULL);
	json_put_uint(&j, "reserved_bytes", e->reserved);
	json_put_uint(&j, "peak_bytes", e->peak);
	cmd_end_json(&j);
}

static void put_result(const struct history_entry *e)
{
	char time[UTC_TEXT];
	struct term t;

	utc_format(e->time, time);
	term_init(&t, stdout);
	printf("%s of %s: ", history_kind_name(e->kind), time);
	term_put(&t,
		 e->pending ? TERM_WARNING
		 : e->good  ? TERM_GOOD
			    : TERM_BAD,
		 0,
		 e->pending ? "begun, with no result yet"
		 : e->good  ? "passed"
			    : "failed");
	if (*e->text) {
		printf(": ");
		term_put(&t, TERM_PLAIN, 0, e->text);
	}
	if (*e->where) {
		printf("; ");
		term_put(&t, TERM_PLAIN, 0, e->where);
	}
	printf("\n");
}

int test_result(struct service_words *w, const struct test_arguments *a, struct err *err)
{
	_cleanup_free_ struct history_entry *v = NULL;
	const struct history_entry *last;
	size_t n, damaged;

	if (history_read(&w->service, &v, &n, &damaged, err))
		return err->code;
	last = history_last_test(v, n);
	if (!last)
		return err_set(err, ERR_NOT_FOUND, "no test is on record%s",
			       damaged ? ", but not all of the record can be read" : "");
	if (a->json)
		put_result_json(last);
	else
		put_result(last);
	if (last->pending)
		return err_set(err, ERR_PARTIAL,
			       "what came of the crash is not known: `lifeboat collect --boot` has "
			       "not run since, or there is nothing");
	return last->good ? 0 : err_set(err, ERR_SYSTEM, "the last test was not passed");
}

/* ---- the command */

static int check_options(const struct test_arguments *a, struct err *err)
{
	if (a->proof + a->crash + a->result > 1)
		return err_set(err, ERR_USAGE,
			       "--proof, --crash-now and --result exclude each other");
	if (a->sure && !a->crash)
		return err_set(err, ERR_USAGE, "--" SURE " is for --crash-now");
	if ((a->keep || strcmp(a->accel, "auto") != 0) && !a->proof)
		return err_set(err, ERR_USAGE, "--keep and --accel are for --proof");
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct test_arguments a = {.accel = "auto"};
	const struct opt opts[] = {
		OPT_FLAG(0, "proof", &a.proof,
			 "capture a forged crash in a virtual machine, with what is armed"),
		OPT_FLAG(0, "crash-now", &a.crash, "crash this machine"),
		OPT_FLAG(0, SURE, &a.sure, "for --crash-now: it is meant"),
		OPT_FLAG(0, "result", &a.result, "test nothing, tell how the last test went"),
		OPT_STRING(0, "config", "FILE", &a.config,
			   "the configuration (default " CONFIG_PATH ")"),
		OPT_STRING(0, "root", "DIR", &a.root,
			   "for --proof and --result: the machine recorded in DIR"),
		OPT_NUMBER(0, "timeout", "SECONDS", &a.timeout, 1, 86400,
			   "at most for the virtual machine, or for each step of a target "
			   "(default: as the configuration says)"),
		OPT_WORD(0, "accel", "KIND", &a.accel, "auto kvm tcg",
			 "for --proof: what QEMU runs on (default auto: kvm where it works)"),
		OPT_STRING(0, "keep", "DIR", &a.keep,
			   "for --proof: make DIR and leave scratch disks and console there"),
		OPT_FLAG(0, "json", &a.json, "print a JSON object"),
	};
	struct service_words w;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, err);

	if (r)
		return r;
	if (check_options(&a, err) || service_words_init(&w, cmd, a.root, a.config, err))
		return err->code;
	r = a.proof    ? test_proof(&w, &a, err)
	    : a.crash  ? test_crash(&w, &a, err)
	    : a.result ? test_result(&w, &a, err)
		       : test_preflight(&w, &a, err);
	service_words_deinit(&w);
	return r;
}

const struct cmd cmd_test = {
	.name = "test",
	.operands = "",
	.summary = "test whether a crash would be captured",
	.details =
		"Three levels. Without options the configured targets are written to and read "
		"back, by the code that does it after a crash, and what is armed is compared with "
		"what would be built now. With --proof the armed kernel, image and command line "
		"run in a virtual machine (QEMU) that has the forged memory of a crashed kernel "
		"and empty copies of the targets, and what was captured is checked; nothing of "
		"this machine is touched. With --crash-now this machine crashes; `lifeboat test "
		"--result` tells afterwards what came of it.\n\n"
		"Each test is put on record for `lifeboat status`. The exit status is 0 if it was "
		"passed, 3 if nothing is armed, 12 if what is armed is stale, 5 if a proof cannot "
		"be made for these targets.",
	.run = run,
	.group = CMD_SERVICE,
};
