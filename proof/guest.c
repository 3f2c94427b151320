// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/num.h"
#include "proof/forge.h"

#define MIB          (UINT64_C(1) << 20)
#define AT_THE_END   (64 * MIB) /* firmware's tables, and what QEMU keeps for itself */
#define CMDLINE_MOST 2047       /* COMMAND_LINE_SIZE of x86 less the NUL */
#define MOST_CPUS    8
#define KVM_MS       20000     /* for a kernel that runs, to start our first process */
#define OVER_MS      15000     /* for a machine that has come to its final action, to end */
#define LOG_MOST     (8 * MIB) /* of the console that is kept */
#define NS_PER_MS    1000000

struct guest_memory guest_memory(uint64_t reserved, uint64_t initrd)
{
	struct guest_memory m = {.reserved = reserved ? reserved : GUEST_USUAL};

	m.reserved = num_align_up(NUM_MIN(m.reserved, GUEST_MOST), MIB);
	m.usable = m.reserved + MIB; /* of the first one hardly any is memory */
	m.old = num_align_up(m.usable, FORGE_ALIGN);
	m.total = m.old + FORGE_SIZE + num_align_up(NUM_MIN(initrd, GUEST_MOST), MIB) + AT_THE_END;
	return m;
}

/* ---- the command line */

/* A word ends at a blank that is not between double quotes: next_arg() in lib/cmdline.c. */
static size_t word_length(const char *at)
{
	bool quoted = false;
	size_t n = 0;

	for (; at[n] && (quoted || (at[n] != ' ' && at[n] != '\t')); n++)
		quoted ^= at[n] == '"';
	return n;
}

static bool is_of_machine(const char *word)
{
	static const char *const words[] = {"elfcorehdr=", "mem=", "memmap=", "acpi_rsdp="};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strncmp(word, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

int guest_cmdline(const char *armed, const struct guest_memory *memory, uint64_t core_header,
		  char **ret, struct err *err)
{
	char own[128];
	size_t own_len = (size_t)snprintf(
		own, sizeof(own), "console=ttyS0,115200 mem=%" PRIu64 "M elfcorehdr=0x%" PRIx64,
		memory->usable / MIB, core_header);
	_cleanup_free_ char *line = malloc(strlen(armed) + own_len + 2);
	size_t len = 0;

	if (!line)
		return err_nomem(err, strlen(armed) + own_len + 2, "a command line");
	while (*(armed += strspn(armed, " \t"))) {
		size_t n = word_length(armed);

		if (!is_of_machine(armed)) {
			memcpy(line + len, armed, n);
			len += n;
			line[len++] = ' ';
		}
		armed += n;
	}
	memcpy(line + len, own, own_len + 1);
	len += own_len;
	if (len > CMDLINE_MOST)
		return err_set(err, ERR_UNSUPPORTED,
			       "the armed command line and what a virtual machine needs are %zu "
			       "bytes, the kernel takes %d",
			       len, CMDLINE_MOST);
	*ret = no_cleanup_ptr(line);
	return 0;
}

static unsigned int count_cpus(const char *cmdline)
{
	for (const char *at = cmdline; *(at += strspn(at, " \t")); at += word_length(at))
		if (strncmp(at, "nr_cpus=", 8) == 0 || strncmp(at, "maxcpus=", 8) == 0) {
			unsigned long n = strtoul(at + 8, NULL, 10);

			return (unsigned int)NUM_MAX(NUM_MIN(n, (unsigned long)MOST_CPUS), 1UL);
		}
	return 1;
}

/* ---- arguments */

__attribute__((format(printf, 3, 4))) static int add(char ***list, struct err *err,
						     const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return err_nomem(err, 0, "an argument of " GUEST_PROGRAM);
	}
	return recipe_add_string(list, text, err);
}

/* Within an option a comma is written twice. NULL: no memory. */
static char *escape(const char *text)
{
	char *escaped = malloc(2 * strlen(text) + 1), *to = escaped;

	for (; escaped && *text; text++) {
		if (*text == ',')
			*to++ = ',';
		*to++ = *text;
	}
	if (escaped)
		*to = '\0';
	return escaped;
}

/* '#' becomes the number, so that each has names of its own. */
static void number(const char *device, size_t i, char ret[128])
{
	size_t n = 0;

	for (; *device && n < 120; device++)
		if (*device == '#')
			n += (size_t)snprintf(ret + n, 128 - n, "%zu", i);
		else
			ret[n++] = *device;
	ret[n] = '\0';
}

static int add_disk(char ***argv, const struct scratch *s, size_t i, struct err *err)
{
	_cleanup_free_ char *path = escape(s->path);
	char device[128];

	if (!path)
		return err_nomem(err, strlen(s->path), "an argument of " GUEST_PROGRAM);
	for (size_t k = 0; k < ARRAY_SIZE(s->model->controllers) && s->model->controllers[k]; k++) {
		number(s->model->controllers[k], i, device);
		if (add(argv, err, "-device") || add(argv, err, "%s", device))
			return err->code;
	}
	number(s->model->disk, i, device);
	/* nobody needs it after a power cut of this machine: no flushing */
	if (add(argv, err, "-drive") ||
	    add(argv, err, "if=none,id=d%zu,format=raw,cache=unsafe,file=%s", i, path) ||
	    add(argv, err, "-device") || add(argv, err, "%s,drive=d%zu", device, i))
		return err->code;
	return 0;
}

static int add_share(char ***argv, const struct scratch *s, struct err *err)
{
	_cleanup_free_ char *path = escape(s->path), *tag = escape(s->target->device);

	if (!path || !tag)
		return err_nomem(err, strlen(s->path), "an argument of " GUEST_PROGRAM);
	if (add(argv, err, "-virtfs") ||
	    add(argv, err, "local,security_model=none,path=%s,mount_tag=%s", path, tag))
		return err->code;
	return 0;
}

static int add_machine(char ***argv, const struct guest *g, bool kvm, struct err *err)
{
	/* with several CPUs TCG of QEMU 7.2 gets cmpxchg16b wrong */
	static const char *const kvm_words[] = {"-accel", "kvm", "-cpu", "host", NULL};
	static const char *const tcg_words[] = {"-accel", "tcg,thread=multi", "-cpu",
						"max,cx16=off", NULL};

	for (const char *const *w = kvm ? kvm_words : tcg_words; *w; w++)
		if (add(argv, err, "%s", *w))
			return err->code;
	if (add(argv, err, "-m") || add(argv, err, "%" PRIu64, g->memory.total / MIB) ||
	    add(argv, err, "-smp") || add(argv, err, "%u", count_cpus(g->cmdline)))
		return err->code;
	return 0;
}

static int add_all(char ***argv, const struct guest *g, bool kvm, struct err *err)
{
	static const char *const words[] = {"-nodefaults", "-no-user-config", "-display", "none",
					    "-no-reboot",  "-serial",         "stdio",    NULL};
	_cleanup_free_ char *old = escape(g->old);

	if (!old)
		return err_nomem(err, strlen(g->old), "an argument of " GUEST_PROGRAM);
	if (add(argv, err, "%s", g->qemu))
		return err->code;
	for (const char *const *w = words; *w; w++)
		if (add(argv, err, "%s", *w))
			return err->code;
	if (add_machine(argv, g, kvm, err) || add(argv, err, "-kernel") ||
	    add(argv, err, "%s", g->armed->kernel) || add(argv, err, "-initrd") ||
	    add(argv, err, "%s", g->armed->initrd) || add(argv, err, "-append") ||
	    add(argv, err, "%s", g->cmdline) || add(argv, err, "-device") ||
	    add(argv, err, "loader,force-raw=on,addr=0x%" PRIx64 ",file=%s", g->memory.old, old))
		return err->code;
	for (size_t i = 0; i < g->n_scratches; i++) {
		const struct scratch *s = &g->scratches[i];

		if (s->made && (s->model ? add_disk(argv, s, i, err) : add_share(argv, s, err)))
			return err->code;
	}
	return 0;
}

int guest_arguments(const struct guest *g, bool kvm, char ***ret, struct err *err)
{
	char **argv = calloc(1, sizeof(*argv));

	if (!argv)
		return err_nomem(err, sizeof(*argv), "arguments");
	if (add_all(&argv, g, kvm, err)) {
		recipe_free_strings(argv);
		return err->code;
	}
	*ret = argv;
	return 0;
}

/* ---- running it */

struct listening {
	struct console *console;
	int log;
	uint64_t logged;
	uint64_t
		give_up; /* clock_ns() by when our first process must have said something; 0: no such time */
	uint64_t end; /* by when it must have ended, since it is over; 0: it is not */
};

/* A console that cannot be kept is no reason to stop: what it says is heard. */
static void keep(struct listening *l, const char *text, size_t len)
{
	struct err ignored;

	if (l->logged + len > LOG_MOST)
		return;
	l->logged += len;
	if (io_write_full(l->log, text, len, "console", &ignored))
		l->logged = LOG_MOST;
}

static bool hear(void *ctx, const char *text, size_t len)
{
	struct listening *l = ctx;
	uint64_t now = clock_ns();

	keep(l, text, len);
	console_feed(l->console, text, len);
	if (l->console->over && !l->end)
		l->end = now + (uint64_t)OVER_MS * NS_PER_MS;
	if (l->end && now >= l->end)
		return false;
	return !l->give_up || l->console->init || now < l->give_up;
}

/* `trial`: it may be that nothing comes of it, which is then known soon. */
static int run_once(const struct guest *g, bool kvm, bool trial, struct guest_result *ret,
		    struct err *err)
{
	struct program p = {.ms = g->ms, .stop = g->stop, .dies_with_us = true};
	struct listening l = {.console = &ret->console};
	_cleanup_close_ int log = io_create_private(g->console, O_WRONLY | O_CLOEXEC);
	char **argv;
	int r;

	if (log < 0)
		return err_sys(err, errno, "%s: create", g->console);
	if (guest_arguments(g, kvm, &argv, err))
		return err->code;
	l.log = log;
	if (trial)
		l.give_up = clock_ns() + (uint64_t)KVM_MS * NS_PER_MS;
	ret->console = (struct console){0};
	ret->kvm = kvm;
	p.argv = (const char *const *)argv;
	r = program_watch(&p, hear, &l, &ret->run, err);
	recipe_free_strings(argv);
	return r;
}

int guest_run(const struct guest *g, struct guest_result *ret, struct err *err)
{
	bool kvm = g->accel != GUEST_TCG && access("/dev/kvm", R_OK | W_OK) == 0;
	struct guest_result result = {0};
	int r;

	if (g->accel == GUEST_KVM && !kvm)
		return err_sys(err, errno, "/dev/kvm");
	r = run_once(g, kvm, kvm && g->accel == GUEST_AUTO, &result, err);
	/* nothing of the targets was touched then: they are as they were made */
	if (!r && kvm && g->accel == GUEST_AUTO && !result.console.init &&
	    result.run.end != PROGRAM_STOPPED && result.run.end != PROGRAM_LATE) {
		result.kvm_failed = true;
		r = run_once(g, false, false, &result, err);
	}
	if (!r)
		*ret = result;
	return r;
}
