// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "capture/record.h"
#include "service/history.h"

#define START_SECONDS 120 /* for the kernel to start, where nothing is accelerated */
#define OLD_FILE      "memory"
#define MOUNTS_IN     "/run"
#define TEMPORARY \
	"/var/tmp" /* on a disk: a raw target's copy is as large as that, if mostly holes */

/* All of it while it goes on. */
struct proof {
	const struct service *s;
	const struct proof_options *options;
	struct proof_result *result;
	struct armed armed;
	struct scratch *scratches;
	struct guest_result *guest;
	struct forge_spec forged;
	struct guest_memory memory;
	uint64_t core_header;
	char qemu[PATH_MAX];
	char folder[PATH_MAX]; /* of everything; "" none yet */
	char old[PATH_MAX];
};

/* ---- the folder */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

/* Ours alone: made by us, mode 0700, and no link is followed. */
static void remove_folder(const struct proof *p)
{
	if (!*p->folder || p->options->keep)
		return;
	if (nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		service_tell(p->s, SERVICE_WARNING, "%s could not be removed: %s", p->folder,
			     strerror(errno));
}

static int make_kept_folder(struct proof *p, struct err *err)
{
	const char *keep = p->options->keep;
	_cleanup_free_ char *real = NULL;

	if (mkdir(keep, 0700))
		return err_sys(err, errno, "--keep %s: a folder that is not there yet is needed",
			       keep);
	real = realpath(keep, NULL);
	if (!real || snprintf(p->folder, sizeof(p->folder), "%s", real) >= PATH_MAX)
		return err_sys(err, errno ? errno : ENAMETOOLONG, "%s", keep);
	return 0;
}

static int make_folder(struct proof *p, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];

	if (p->options->keep)
		return make_kept_folder(p, err);
	if (snprintf(path, sizeof(path), "%s/lifeboat-proof-XXXXXX",
		     tmp && *tmp == '/' ? tmp : TEMPORARY) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "TMPDIR");
	if (!mkdtemp(path))
		return err_sys(err, errno, "%s: make a folder for scratch disks", path);
	strcpy(p->folder, path);
	return 0;
}

static int path_in(const char *folder, const char *name, char ret[PATH_MAX], struct err *err)
{
	if (snprintf(ret, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return err_sys(err, ENAMETOOLONG, "%s", folder);
	return 0;
}

static int choose_console(struct proof *p, struct err *err)
{
	char folder[PATH_MAX];

	if (p->options->keep)
		return path_in(p->folder, PROOF_CONSOLE, p->result->console, err);
	if (path_in(p->s->lib, PROOF_FOLDER, folder, err) || io_make_folder(folder, err))
		return err->code;
	return path_in(folder, PROOF_CONSOLE, p->result->console, err);
}

/* ---- what the virtual machine finds */

static int make_id(struct proof_result *r, struct err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(err, errno, "a name for the test");
	snprintf(r->id, sizeof(r->id), "proof-%016" PRIx64, random);
	return 0;
}

static int put_old_memory(struct proof *p, struct err *err)
{
	_cleanup_free_ uint8_t *memory = NULL;
	_cleanup_close_ int fd = -1;

	p->memory = guest_memory(p->armed.reserved, p->armed.len);
	p->forged = (struct forge_spec){p->memory.old, p->result->time, p->result->id};
	if (path_in(p->folder, OLD_FILE, p->old, err) ||
	    forge_memory(&p->forged, &memory, &p->core_header, err))
		return err->code;
	fd = io_create_private(p->old, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s: create", p->old);
	return io_write_full(fd, memory, FORGE_SIZE, p->old, err);
}

/* Is there one that a dump would go to? */
static bool make_scratches(struct proof *p)
{
	const struct scratch_env env = {.root = p->s->root,
					.armed = &p->armed,
					.folder = p->folder,
					.stop = p->options->stop};
	bool dump = false;

	for (size_t i = 0; i < p->result->n_targets; i++) {
		struct proof_target *t = &p->result->targets[i];
		struct scratch *s = &p->scratches[i];

		scratch_make(&env, i, s);
		target_describe(s->target, t->what, sizeof(t->what));
		snprintf(t->why_not, sizeof(t->why_not), "%s", s->why_not);
		snprintf(t->gap, sizeof(t->gap), "%s", s->gap);
		if (s->made)
			snprintf(t->stand_in, sizeof(t->stand_in), "%s",
				 s->model ? s->model->driver : s->target->fstype);
		dump |= s->made && !s->target->log_only;
	}
	return dump;
}

/* ---- running it */

static uint64_t time_limit(const struct proof *p)
{
	uint64_t seconds = p->options->seconds;

	if (!seconds)
		seconds = NUM_MIN(START_SECONDS + (uint64_t)p->armed.image.recipe->deadline_total,
				  (uint64_t)PROOF_MOST_SECONDS);
	return seconds * 1000;
}

static int run_guest(struct proof *p, struct err *err)
{
	_cleanup_free_ char *cmdline = NULL;
	struct guest g = {
		.qemu = p->qemu,
		.armed = &p->armed,
		.memory = p->memory,
		.old = p->old,
		.scratches = p->scratches,
		.n_scratches = p->result->n_targets,
		.console = p->result->console,
		.ms = time_limit(p),
		.accel = p->options->accel,
		.stop = p->options->stop,
	};

	if (guest_cmdline(p->armed.state.cmdline, &p->memory, p->core_header, &cmdline, err))
		return err->code;
	g.cmdline = cmdline;
	service_tell(p->s, SERVICE_PROGRESS, "starting the armed kernel in a virtual machine");
	if (guest_run(&g, p->guest, err))
		return err->code;
	p->result->kvm = p->guest->kvm;
	p->result->kvm_failed = p->guest->kvm_failed;
	p->result->took_ms = p->guest->run.took_ms;
	if (p->guest->run.end == PROGRAM_STOPPED)
		return err_set(err, ERR_TIMEOUT, "stopped before the virtual machine had ended");
	return 0;
}

/* ---- judging it */

static int look(struct proof *p, size_t i, struct err *err)
{
	struct proof_target *t = &p->result->targets[i];
	char into[PATH_MAX];
	const struct evidence_wanted wanted = {
		.forged = &p->forged,
		.name = t->said.name,
		.into = into,
		.sys = p->s->sys,
		.folder = MOUNTS_IN,
		.may_not_mount = p->options->may_not_mount,
	};

	if (path_in(p->folder, "collected", into, err) ||
	    evidence_look(&p->scratches[i], &wanted, &t->evidence, err))
		return err->code;
	t->looked = true;
	return 0;
}

/* The target that took the dump, by what the console says; n_targets if none did. */
static size_t find_whole(const struct proof *p)
{
	size_t i = 0;

	while (i < p->result->n_targets &&
	       strcmp(p->result->targets[i].said.result, record_result_name(RECORD_COMPLETE)) != 0)
		i++;
	return i;
}

static void set_why(struct proof_result *r, const char *what, const char *why)
{
	r->verdict = PROOF_FAILED;
	snprintf(r->why, sizeof(r->why), "%s%s%.400s", what, *why ? ": " : "", why);
}

/* Where nothing whole came out: what is at the root of it. */
static void find_cause(struct proof *p)
{
	const struct guest_result *g = p->guest;
	const struct console *c = &g->console;
	struct proof_result *r = p->result;

	if (!c->kernel && g->run.end == PROGRAM_EXITED && g->run.status)
		set_why(r, GUEST_PROGRAM " could not start the machine: see the console's file",
			"");
	else if (!c->kernel)
		set_why(r, "the armed kernel said nothing", "");
	else if (c->panic)
		set_why(r, "the capture kernel panicked", c->failure);
	else if (!c->init)
		set_why(r,
			g->run.end == PROGRAM_LATE
				? "the armed kernel did not come to lifeboat-init in time"
				: "the armed kernel did not come to lifeboat-init",
			"");
	else if (g->run.end == PROGRAM_LATE)
		set_why(r, "the capture was not over when its time was up", c->failure);
	else
		set_why(r, "no target has a whole dump", c->failure);
}

static int judge(struct proof *p, struct err *err)
{
	struct proof_result *r = p->result;
	const struct proof_target *t;
	size_t whole;

	for (size_t i = 0; i < r->n_targets; i++)
		r->targets[i].said = p->guest->console.targets[i];
	if (p->guest->console.lowest && p->guest->console.lowest < p->guest->console.ram)
		r->peak = p->guest->console.ram - p->guest->console.lowest;
	whole = find_whole(p);
	if (whole == r->n_targets) {
		find_cause(p);
		return 0;
	}
	if (look(p, whole, err))
		return err_wrap(err, "what the capture has left");
	t = &r->targets[whole];
	if (t->evidence.peak)
		r->peak = t->evidence.peak;
	snprintf(r->result, sizeof(r->result), "%s",
		 *t->evidence.result ? t->evidence.result : t->said.result);
	snprintf(r->where, sizeof(r->where), "%s", t->what);
	if (*t->evidence.wrong)
		set_why(r, t->what, t->evidence.wrong);
	else if (!p->guest->console.over || p->guest->run.end == PROGRAM_LATE)
		set_why(r, "the dump is whole, but the machine did not come to its final action",
			"");
	else
		r->verdict = PROOF_PASSED;
	return 0;
}

static int prove(struct proof *p, struct err *err)
{
	struct proof_result *r = p->result;

	r->n_targets = p->armed.image.recipe->n_targets;
	r->reserved = p->armed.reserved;
	memcpy(r->image, p->armed.state.initrd_digest, sizeof(r->image));
	snprintf(r->kernel, sizeof(r->kernel), "%.127s",
		 *p->armed.inputs.kernel ? p->armed.inputs.kernel : p->armed.state.release);
	if (make_id(r, err) || make_folder(p, err))
		return err->code;
	service_tell(p->s, SERVICE_PROGRESS, "making scratch copies of the targets");
	if (!make_scratches(p)) {
		r->verdict = PROOF_INCONCLUSIVE;
		snprintf(r->why, sizeof(r->why), "no target can be imitated: %.400s",
			 r->targets[0].why_not);
		return 0;
	}
	if (choose_console(p, err) || put_old_memory(p, err))
		return err->code;
	r->imitated = p->memory.reserved;
	return run_guest(p, err) ? err->code : judge(p, err);
}

static int allocate(struct proof *p, struct err *err)
{
	p->scratches = calloc(RECIPE_MAX_TARGETS, sizeof(*p->scratches));
	p->guest = calloc(1, sizeof(*p->guest));
	if (!p->scratches || !p->guest)
		return err_nomem(err, RECIPE_MAX_TARGETS * sizeof(*p->scratches), "the proof");
	return 0;
}

int proof_run(const struct service *s, const struct proof_options *options,
	      struct proof_result *ret, struct err *err)
{
	struct proof *p = calloc(1, sizeof(*p));
	struct proof_result *result = calloc(1, sizeof(*result));
	int r;

	if (p && result) {
		*p = (struct proof){.s = s, .options = options, .result = result};
		result->time = (uint64_t)time(NULL);
		r = allocate(p, err);
		if (!r)
			r = armed_read(s, &p->armed, err);
		if (!r)
			r = program_find(GUEST_PROGRAM, "qemu-system-x86 or one named much like it",
					 p->qemu, err);
		if (!r)
			r = prove(p, err);
		remove_folder(p);
		armed_deinit(&p->armed);
		free(p->scratches);
		free(p->guest);
		if (!r)
			*ret = *result;
	} else {
		r = err_nomem(err, sizeof(*p), "the proof");
	}
	free(result);
	free(p);
	return r;
}

int proof_record(const struct service *s, const struct proof_result *result, struct err *err)
{
	struct history_entry e = {
		.kind = HISTORY_PROOF,
		.time = result->time,
		.good = result->verdict == PROOF_PASSED,
		.image_known = true,
		.reserved = result->reserved,
		.peak = result->peak,
	};

	snprintf(e.id, sizeof(e.id), "%s", result->id);
	snprintf(e.result, sizeof(e.result), "%s", result->result);
	snprintf(e.text, sizeof(e.text), "%s%.230s",
		 result->verdict == PROOF_INCONCLUSIVE ? "inconclusive: " : "", result->why);
	snprintf(e.kernel, sizeof(e.kernel), "%s", result->kernel);
	snprintf(e.where, sizeof(e.where), "%s", result->where);
	memcpy(e.image, result->image, sizeof(e.image));
	return history_add(s, &e, err);
}

const char *proof_verdict_name(enum proof_verdict verdict)
{
	static const char *const names[] = {
		[PROOF_PASSED] = "passed",
		[PROOF_FAILED] = "failed",
		[PROOF_INCONCLUSIVE] = "inconclusive",
	};

	return names[verdict];
}
