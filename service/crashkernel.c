// SPDX-License-Identifier: GPL-2.0-or-later
#include "service/crashkernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "arch/arch.h"
#include "base/num.h"
#include "initramfs/modules.h"
#include "loader/check.h"
#include "loader/files.h"
#include "service/build.h"

#define MIB  (1ULL << 20)
#define STEP (8 * MIB) /* of what is suggested */

/*
 * What is not read from the machine. docs/performance.md, "The smallest reservation": of Debian's kernels 6.1 and 6.12, on
 * one CPU, 60M, 78M and 68M are enough where the kernel takes 52, 64 and 56 MiB to start. The sum is above that by a
 * fifth to a third, and what it takes to start (START_WORK) by an eighth.
 */
#define SECTION        (128 * MIB) /* the kernel makes struct pages for whole sections (x86, arm64) … */
#define SECTION_PAGES  (2 * MIB) /* … 64 bytes for each 4 KiB */
#define START_WORK     (12 * MIB)
#define WORKER         (4 * MIB) /* of the filter: capture/budget.c */
#define CPU            (1 * MIB) /* areas of a CPU, its stacks and slabs */
#define CHUNK          (128 * MIB)
#define CHUNK_ENTRY    32         /* the filter's table: filter/keep.h */
#define BOUNCE         (64 * MIB) /* IO_TLB_DEFAULT_SIZE, include/linux/swiotlb.h */
#define NETWORK        (3 * MIB) /* rings and buffers of an interface, sockets, what NFS has on the way */
#define SSH_CLIENT     (8 * MIB) /* OpenSSH 9.2: 3 MiB of its own before it connects, and its window */
#define SENDER         (24 * MIB) /* parts of a file that are kept to be sent again, and TLS */
#define RESERVE_SHARE  25
#define TYPICAL_PACKED (1 * MIB)
#define TYPICAL_IMAGE  (2 * MIB)
#define TYPICAL_MODULE (1 * MIB)
#define PACKED_FACTOR  4 /* of a module that is packed */

#define MAX_PEAK    (1ULL << 50) /* a history is a file: sums must not overflow */
#define MAX_SYMBOLS ((size_t)64 << 20)

static void add_part(struct crashkernel_estimate *e, const char *what, uint64_t bytes,
		     const char *format, ...) _printf_(4, 5);

static void add_part(struct crashkernel_estimate *e, const char *what, uint64_t bytes,
		     const char *format, ...)
{
	struct crashkernel_part *p = &e->parts[e->n_parts];
	va_list args;

	if (!bytes || e->n_parts == CRASHKERNEL_MAX_PARTS)
		return;
	p->what = what;
	p->bytes = NUM_MIN(bytes, MAX_PEAK);
	va_start(args, format);
	vsnprintf(p->from, sizeof(p->from), format, args);
	va_end(args);
	e->n_parts++;
}

static uint64_t sum_of(const struct crashkernel_estimate *e)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < e->n_parts; i++)
		sum += e->parts[i].bytes;
	return sum;
}

/* ---- CMA */

/*
 * reserve_crashkernel_cma() is there since commit ab475510e042 (6.17), on every architecture with the generic reservation;
 * called, in the same series, by x86's arch_reserve_crashkernel(). Elsewhere it tells nothing.
 */
bool crashkernel_knows_cma(const struct root *root)
{
	static const char symbol[] = " reserve_crashkernel_cma\n";
	const size_t keep = sizeof(symbol) - 2, room = 65536;
	_cleanup_close_ int fd = root_open(root, "/proc/kallsyms", O_RDONLY);
	_cleanup_free_ char *buf = malloc(room + keep);
	const struct arch *arch = arch_host();
	size_t len = 0;
	bool found = false;

	if (fd < 0 || !buf || !arch || strcmp(arch->name, "x86_64") != 0)
		return false;
	for (size_t total = 0; !found && total < MAX_SYMBOLS;) {
		ssize_t n = read(fd, buf + len, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		total += (size_t)n;
		len += (size_t)n;
		found = memmem(buf, len, symbol, sizeof(symbol) - 1);
		if (len > keep) {
			memmove(buf, buf + len - keep, keep);
			len = keep;
		}
	}
	return found;
}

/* ---- the verdict */

/* Of a capture that failed for want of memory, most likely: as much again as it had, and a quarter. */
static uint64_t proven(const struct history_entry *h)
{
	uint64_t reserved = NUM_MIN(h->reserved, MAX_PEAK);

	if (h->good || !reserved || h->peak < reserved - reserved / 16)
		return 0;
	return reserved + reserved / 4;
}

static bool counts(const struct history_entry *h, const char *version)
{
	return h->kind != HISTORY_PREFLIGHT && !h->pending && h->peak &&
	       strcmp(h->kernel, version) == 0;
}

static void suggest(struct crashkernel_estimate *e, uint64_t want)
{
	uint64_t fixed = num_align_up(e->floor, STEP), cma;

	e->suggested = num_align_up(NUM_MIN(want, 2 * MAX_PEAK), STEP);
	snprintf(e->parameter, sizeof(e->parameter), "crashkernel=%lluM",
		 (unsigned long long)(e->suggested / MIB));
	cma = e->suggested > fixed ? e->suggested - fixed : 0;
	if (e->cma_supported && fixed && cma >= 4 * STEP) /* for less it is not worth its risks */
		snprintf(e->cma, sizeof(e->cma), "crashkernel=%lluM,cma crashkernel=%lluM",
			 (unsigned long long)(cma / MIB), (unsigned long long)(fixed / MIB));
	e->enough = e->reserved >= e->suggested;
}

void crashkernel_judge(struct crashkernel_estimate *e, const struct history_entry *entries,
		       size_t n, const char *version)
{
	uint64_t crash = 0, other = 0, more = 0, want;

	e->computed = sum_of(e);
	e->measured = e->n_measured = 0;
	for (size_t i = 0; i < n; i++) {
		const struct history_entry *h = &entries[i];
		uint64_t peak = NUM_MIN(h->peak, MAX_PEAK);

		if (!counts(h, version))
			continue;
		e->n_measured++;
		e->measured = NUM_MAX(e->measured, peak);
		more = NUM_MAX(more, proven(h));
		/* one that broke off early has not seen the worst moment */
		if (h->kind != HISTORY_PROOF && h->good)
			crash = NUM_MAX(crash, peak);
		else
			other = NUM_MAX(other, peak);
	}
	want = crash ? crash + crash / 4 : e->computed;
	want = NUM_MAX(want, other + other / 4);
	want = NUM_MAX(want, more);
	suggest(e, NUM_MAX(want, e->floor));
}

/* ---- the parts */

struct gather {
	const struct service *s;
	const struct config *config;
	struct build_kernel kernel;
	struct facts facts;
	struct crashkernel_estimate *e;
	struct initramfs_image built; /* if it had to be */
	char image_from[128];
	bool warned; /* that usual sizes are taken, and why */
};

/* Once: what keeps the recipe from being made keeps the image from being built, and the modules from being found. */
static void warn_usual(struct gather *g, const struct err *why)
{
	if (!g->warned)
		service_tell(g->s, SERVICE_WARNING,
			     "image and modules are not known, usual sizes are taken: %s",
			     why->msg);
	g->warned = true;
}

/* An image that is only looked at is built in memory. */
static int build_here(struct gather *g, const struct recipe *recipe, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct initramfs_spec spec = {.root = g->s->root,
				      .kernel = g->kernel.version,
				      .tool = "lifeboat " LIFEBOAT_VERSION,
				      .recipe_name = "recipe",
				      .init = g->s->init,
				      .pack = PACK_AUTO};
	size_t len;

	if (!g->s->init)
		return err_set(err, ERR_NOT_FOUND, "no lifeboat-init");
	if (recipe_format(recipe, &text, &len, err))
		return err->code;
	spec.recipe = (struct bytes){(const uint8_t *)text, len};
	return initramfs_build(&spec, &g->built, err);
}

/* Of all modules that will be loaded, bytes, about: what the file has besides code is left behind. */
static int modules_size(const struct gather *g, const struct recipe *recipe, uint64_t *ret,
			size_t *ret_n, struct err *err)
{
	struct module_list list;
	uint64_t sum = 0;

	if (modules_resolve(g->s->root, g->kernel.version, recipe->modules, &list, err))
		return err->code;
	for (size_t i = 0; i < list.n; i++) {
		_cleanup_close_ int fd = root_open(g->s->root, list.v[i].path, O_PATH);
		const char *dot = strrchr(list.v[i].path, '.');
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
			sum += (uint64_t)NUM_MIN(st.st_size, 1 << 30) *
			       (dot && strcmp(dot, ".ko") == 0 ? 1 : PACKED_FACTOR);
	}
	*ret = sum;
	*ret_n = list.n;
	modules_deinit(&list);
	return 0;
}

static void add_kernel(struct gather *g, const struct files *files, const char *path,
		       struct bytes initrd)
{
	struct living l = check_living(&g->facts, &files->image, initrd);
	struct crashkernel_estimate *e = g->e;

	add_part(e, "kernel, to start", l.kernel, "%.100s says so", path);
	if (initrd.len) {
		add_part(e, "initramfs, packed", l.initrd, "%s", g->image_from);
		add_part(e, "initramfs, unpacked", l.unpacked, "%s", g->image_from);
	} else {
		add_part(e, "initramfs, packed", TYPICAL_PACKED, "%s", g->image_from);
		add_part(e, "initramfs, unpacked", TYPICAL_IMAGE, "%s", g->image_from);
	}
	add_part(e, "to boot and filter", l.work, "measured: 6.1 and 6.12, one CPU");
	e->floor = l.kernel + (initrd.len ? l.initrd : TYPICAL_PACKED) + START_WORK;
}

/* *ret_have: there is an image of it already. */
static int open_files(const struct gather *g, const struct arch_load *load, struct files *ret,
		      bool *ret_have, struct err *err)
{
	_cleanup_free_ char *kernel = malloc(PATH_MAX);
	char image[BUILD_IMAGE_SIZE];
	const char *initrds[] = {image};

	if (!kernel)
		return err_nomem(err, PATH_MAX, "a path");
	if (build_kernel_file(g->s, &g->kernel, kernel, err) ||
	    build_image_path(g->s, g->kernel.version, image, err))
		return err->code;
	*ret_have = access(image, R_OK) == 0;
	return files_open(load, kernel, *ret_have ? initrds : NULL, *ret_have, ret, err);
}

/* The kernel, and the image: the one there is, else one that is built for this, else what is usual. */
static int add_files(struct gather *g, const struct recipe *recipe, struct err *err)
{
	const struct arch *arch = arch_host();
	const struct arch_load *load = arch ? arch_load_of(arch) : NULL;
	struct err why = {0};
	struct files files;
	bool have = false, built = false;

	if (!load)
		return err_set(err, ERR_UNSUPPORTED,
			       "this version cannot load a kernel on this architecture");
	if (open_files(g, load, &files, &have, err))
		return err->code;
	if (!have && recipe) {
		built = !build_here(g, recipe, &why);
		if (!built)
			warn_usual(g, &why);
	}
	if (have)
		snprintf(g->image_from, sizeof(g->image_from), "the image there is");
	else if (built)
		snprintf(g->image_from, sizeof(g->image_from), "built for this, as it would be");
	else
		snprintf(g->image_from, sizeof(g->image_from), "usual: there is no image yet");
	add_kernel(g, &files, g->kernel.path,
		   have ? files.initrd : (struct bytes){g->built.data, g->built.len});
	files_close(&files);
	return 0;
}

static void add_modules(struct gather *g, const struct recipe *recipe, const struct err *no_recipe)
{
	struct err why = *no_recipe;
	uint64_t bytes = 0;
	size_t n = 0;

	if (recipe && !modules_size(g, recipe, &bytes, &n, &why)) {
		add_part(g->e, "modules, loaded", bytes, "the files of %zu", n);
		return;
	}
	warn_usual(g, &why);
	add_part(g->e, "modules, loaded", TYPICAL_MODULE, "usual: which are needed is not known");
}

static void add_cpus(struct gather *g, const struct recipe *recipe)
{
	uint64_t cpus = g->config->capture_cpus ? g->config->capture_cpus : 1;
	uint64_t workers = recipe && recipe->threads ? recipe->threads : cpus;

	cpus = NUM_MIN(cpus, 4096U);
	add_part(g->e, "CPUs beside the first", (cpus - 1) * CPU, "capture_cpus %" PRIu64, cpus);
	add_part(g->e, "filter, workers beside the first", (NUM_MIN(workers, 256U) - 1) * WORKER,
		 "%" PRIu64 ", of 4 MiB each", workers);
}

/* One target after the other: what the neediest of them takes. */
static void add_remote(struct gather *g, const struct recipe *recipe)
{
	uint64_t client = 0;
	bool network = false, shell = false;

	for (size_t i = 0; i < recipe->n_targets; i++) {
		enum target_kind kind = recipe->targets[i].kind;
		bool web = kind == TARGET_HTTPS || kind == TARGET_S3;
		bool ssh = kind == TARGET_SSH || kind == TARGET_SFTP;

		network |= recipe_is_remote(kind);
		if (web)
			client = SENDER;
		shell |= ssh;
	}
	if (shell)
		client = NUM_MAX(client, SSH_CLIENT);
	add_part(g->e, "network", network ? NETWORK : 0, "a remote target");
	add_part(g->e, "its client", client, "%s", client == SENDER ? "lifeboat-send" : "ssh");
}

/* The memory that Argon2 was told to take: none of it can be done without (cryptsetup(8), --pbkdf-memory). */
static void add_layers(struct gather *g, const struct recipe *recipe)
{
	const struct layer *most = NULL;
	uint64_t bytes;

	for (size_t i = 0; i < recipe->layers.n; i++)
		if (!most || recipe->layers.v[i].memory > most->memory)
			most = &recipe->layers.v[i];
	if (!most || !most->memory)
		return;
	bytes = NUM_MIN(most->memory, MAX_PEAK / 1024) * 1024;
	add_part(g->e, "opening LUKS", bytes, "Argon2 of %.60s; PBKDF2 takes none", most->name);
	g->e->floor += bytes;
}

/* Do devices reach its memory only through a copy? Then the kernel keeps room for that. */
static bool is_encrypted(const struct root *root)
{
	_cleanup_free_ char *line = NULL;
	struct err ignored = {0};
	size_t len;

	return root_exists(root, "/sys/class/misc/sev-guest") ||
	       root_exists(root, "/sys/class/misc/tdx_guest") ||
	       (!root_read(root, "/proc/cmdline", 65536, &line, &len, &ignored) &&
		strstr(line, "mem_encrypt=on"));
}

static void add_memory(struct gather *g)
{
	struct crashkernel_estimate *e = g->e;
	uint64_t pages, total = g->facts.mem_total.known ? g->facts.mem_total.value : 0;

	add_part(e, "filter, table of memory", NUM_MIN(total, MAX_PEAK) / CHUNK * CHUNK_ENTRY,
		 "32 bytes for each 128 MiB of MemTotal");
	if (is_encrypted(g->s->root))
		add_part(e, "bounce buffers", BOUNCE, "memory is encrypted");
	/* it may begin and end inside of a section */
	pages = (num_div_up(sum_of(e), SECTION) + 1) * SECTION_PAGES;
	add_part(e, "struct pages", pages, "2 MiB for each 128 MiB that it has a part of");
	e->floor += pages;
	add_part(e, "reserve", sum_of(e) / RESERVE_SHARE,
		 "a twenty-fifth, for what cannot be known");
}

static uint64_t reserved_now(const struct facts *f)
{
	uint64_t all = f->regions_hidden ? 0 : ranges_total(&f->regions);

	return all ? all : f->crash_size.known ? f->crash_size.value : 0;
}

static void cleanup_recipe(struct recipe **r)
{
	recipe_destroy(*r);
}

static int gather(struct gather *g, struct err *err)
{
	_cleanup_(cleanup_recipe) struct recipe *recipe = NULL;
	struct service quiet = *g->s;
	struct err no_recipe = {0};

	quiet.tell = NULL; /* where dumps go is no news here */
	if (service_recipe(&quiet, g->config, g->kernel.version, &recipe, &no_recipe))
		warn_usual(g, &no_recipe);
	if (add_files(g, recipe, err))
		return err->code;
	add_modules(g, recipe, &no_recipe);
	add_cpus(g, recipe);
	if (recipe) {
		add_remote(g, recipe);
		add_layers(g, recipe);
	}
	add_memory(g);
	return 0;
}

int crashkernel_estimate(const struct service *s, const struct config *config, const char *version,
			 struct crashkernel_estimate *ret, struct err *err)
{
	struct crashkernel_estimate e = {.cma_supported = crashkernel_knows_cma(s->root)};
	struct gather g = {.s = s, .config = config, .e = &e};
	_cleanup_free_ struct history_entry *history = NULL;
	size_t n = 0;
	int r;

	if (build_find_kernel(s, config, version, &g.kernel, err) ||
	    history_read(s, &history, &n, NULL, err) || facts_probe(s->root, &g.facts, err))
		return err->code;
	snprintf(e.version, sizeof(e.version), "%s", g.kernel.version);
	r = gather(&g, err);
	if (!r) {
		e.reserved = reserved_now(&g.facts);
		crashkernel_judge(&e, history, n, e.version);
		*ret = e;
	}
	initramfs_image_deinit(&g.built);
	facts_deinit(&g.facts);
	return r;
}

/* ---- for any machine */

/*
 * 128M: the most that was needed so far, 78M (a kernel for all machines, docs/performance.md), two thirds more for larger
 * kernels, and this machine's own kernel if that needs yet more. Below 1 GiB that would be an eighth of the memory: none.
 * From 4 GiB on the reservation may lie above 4 GiB, where the capture kernel makes bounce buffers of 64 MiB; from
 * 64 GiB and 1 TiB on machines have more devices, whose drivers take what nobody has measured: 64 MiB and 256 MiB are a guess.
 */
int crashkernel_default(const struct service *s, char ret[128], struct err *err)
{
	struct crashkernel_estimate e = {.n_parts = 0};
	struct gather g = {.s = s, .e = &e};
	struct config *config = NULL;
	unsigned long long base = 128;
	struct err none = {0};

	if (!arch_host() || !arch_load_of(arch_host()))
		return err_set(err, ERR_UNSUPPORTED,
			       "this version cannot load a kernel on this architecture");
	/* what this machine is besides its kernel must not count */
	if (!config_create((struct bytes){(const uint8_t *)"", 0}, "default", &config, &none) &&
	    !build_find_kernel(s, config, NULL, &g.kernel, &none) &&
	    !facts_probe(s->root, &g.facts, &none)) {
		g.config = config;
		if (!add_files(&g, NULL, &none)) {
			uint64_t own = sum_of(&e) + 2 * SECTION_PAGES + TYPICAL_MODULE;

			own += own / RESERVE_SHARE;
			base = NUM_MAX(base, num_align_up(own, 32 * MIB) / MIB);
		}
		facts_deinit(&g.facts);
	}
	config_destroy(config);
	snprintf(ret, 128, "%s-4G:%lluM,4G-64G:%lluM,64G-1T:%lluM,1T-:%lluM",
		 base > 128 ? "2G" : "1G", base, base + 64, base + 128, base + 384);
	return 0;
}
