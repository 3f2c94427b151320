// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/plan.h"

#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>

#include "base/num.h"
#include "loader/check.h"
#include "loader/cmdline.h"
#include "loader/core_header.h"
#include "loader/kconfig.h"

#define PAGE       4096
#define ELF_HEADER 64

const char *load_method_name(enum load_method method)
{
	static const char *const names[] = {
		[LOAD_AUTO] = "auto",
		[LOAD_BY_FILES] = "kexec_file_load",
		[LOAD_BY_SEGMENTS] = "kexec_load",
	};

	return names[method];
}

/* ---- which system call */

/* What the configuration says of an option. */
static enum kconfig_value option(const struct kconfig_report *config, const char *name)
{
	for (size_t i = 0; i < config->n; i++)
		if (strcmp(config->v[i].option, name) == 0)
			return config->v[i].value;
	return KCONFIG_UNKNOWN;
}

static void choose_method(const struct kconfig_report *config, const struct load_request *request,
			  struct plan *p)
{
	p->method = request->method;
	p->why = "it was asked for";
	if (request->method != LOAD_AUTO)
		return;
	p->method = LOAD_BY_FILES;
	p->why = "the kernel checks signatures and makes the segments itself";
	if (facts_locked_down(&p->facts)) {
		p->why = "the kernel is locked down and takes nothing else";
	} else if (option(config, "CONFIG_KEXEC_FILE") == KCONFIG_NO) {
		p->method = LOAD_BY_SEGMENTS;
		p->why = "the running kernel has no kexec_file_load (CONFIG_KEXEC_FILE)";
	} else {
		p->may_fall_back = option(config, "CONFIG_KEXEC") != KCONFIG_NO;
	}
}

/* ---- the command line */

static int make_cmdline(const struct root *root, const struct load_request *request, struct plan *p,
			struct err *err)
{
	_cleanup_free_ char *running = NULL;
	struct cmdline_input in = {
		.panic = request->panic,
		.uki = p->files.cmdline,
		.command_line = request->cmdline,
		.append = request->append,
		.rules = request->no_rules ? NULL : p->load->rules,
		.cpus =
			{
				.wanted = request->cpus,
				.reserved = facts_load_region(&p->facts),
				.present = (unsigned int)p->facts.cpus.value,
				.apic = p->load->has_apic,
				.bsp_known = p->facts.bsp_apicid.known,
				.bsp_apicid = (uint32_t)p->facts.bsp_apicid.value,
			},
		.remove = request->remove,
		.n_remove = request->n_remove,
	};
	size_t len;

	if (request->reuse_cmdline) {
		if (root_read(root, "/proc/cmdline", 1 << 20, &running, &len, err))
			return err_wrap(err, "--reuse-cmdline");
		running[strcspn(running, "\n")] = '\0';
		in.running = running;
	}
	if (!in.running && !in.uki && !in.command_line && !in.append)
		return err_set(err, ERR_USAGE,
			       "the second kernel has no command line: give one with "
			       "--command-line, or take the running kernel's with --reuse-cmdline");
	return cmdline_plan_init(&p->cmdline, &in, err);
}

/* ---- all of it */

static int check_signed(const struct kconfig_report *config, struct plan *p, struct err *err)
{
	/* the kernel looks at what it is given: a memfd has no attributes */
	bool ima = !p->files.kernel_is_memfd &&
		   fgetxattr(p->files.kernel_fd, "security.ima", NULL, 0) > 0;

	if (p->method != LOAD_BY_FILES)
		return 0;
	return check_signature(&p->facts, option(config, "CONFIG_KEXEC_SIG") == KCONFIG_YES,
			       option(config, "CONFIG_KEXEC_SIG_FORCE") == KCONFIG_YES,
			       p->files.kernel, ima, err);
}

static int make_of_files(const struct root *root, const struct load_request *request,
			 const struct kconfig_report *config, struct plan *p, struct err *err)
{
	int r;

	choose_method(config, request, p);
	r = (request->bare ? files_open_bare : files_open)(
		p->load, request->kernel, request->initrds, request->n_initrds, &p->files, err);
	if (!r)
		r = make_cmdline(root, request, p, err);
	if (!r)
		r = check_cmdline(&p->files.image, p->cmdline.line, request->panic, err);
	if (!r)
		r = check_sizes(&p->facts, &p->files.image, p->files.initrd.len, request->panic,
				err);
	if (!r)
		r = check_signed(config, p, err);
	if (!r && p->method == LOAD_BY_SEGMENTS)
		r = plan_segments(p, root, err);
	if (!r && p->panic)
		p->living = check_living(&p->facts, &p->files.image, p->files.initrd);
	return r;
}

/* The machine first: on one without a reservation no file is worth a complaint. */
static int make(const struct root *root, const struct load_request *request, struct plan *p,
		struct err *err)
{
	struct explain_call call = {EXPLAIN_LOAD, !request->panic,
				    request->method == LOAD_BY_SEGMENTS};
	int r = check_permission(&p->facts, call, err);
	struct kconfig_report config;
	struct err ignored;

	if (!r && request->panic)
		r = check_reservation(&p->facts, err);
	if (r)
		return r;
	/* one that cannot be read is unknown in all */
	if (kconfig_check(root, &config, &ignored))
		config = (struct kconfig_report){0};
	r = make_of_files(root, request, &config, p, err);
	kconfig_deinit(&config);
	return r;
}

int plan_make(const struct root *root, const struct load_request *request, struct plan *ret,
	      struct err *err)
{
	struct plan p = {
		.panic = request->panic,
		.kernel = request->name ? request->name : request->kernel,
		.arch = arch_host(),
		.files = {.kernel_fd = -1, .initrd_fd = -1},
	};
	int r;

	p.load = p.arch ? arch_load_of(p.arch) : NULL;
	if (!p.load)
		return err_set(err, ERR_UNSUPPORTED,
			       "this version cannot load a kernel on this architecture");
	r = facts_probe(root, &p.facts, err);
	if (r)
		return r;
	/* only segments of ours, and --plan, cannot do without it */
	if (machine_probe(root, &p.machine, &p.machine_err))
		p.machine = (struct machine){0};
	else
		p.machine_err = (struct err){0};
	r = make(root, request, &p, err);
	if (r) {
		plan_deinit(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void plan_deinit(struct plan *p)
{
	segments_deinit(&p->segments);
	free(p->core_header);
	machine_deinit(&p->machine);
	cmdline_plan_deinit(&p->cmdline);
	files_close(&p->files);
	facts_deinit(&p->facts);
}

/* ---- segments */

/* The I/O port behind the last console=ttySN of a command line; 0: there is none. Ports as in arch/x86/include/asm/serial.h. */
static uint16_t serial_port(const char *line)
{
	static const uint16_t ports[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
	const char *pos = line, prefix[] = "console=ttyS";
	const size_t len = sizeof(prefix) - 1;
	struct bytes token;
	uint16_t port = 0;

	while (cmdline_next(&pos, &token))
		if (token.len > len && memcmp(token.data, prefix, len) == 0 &&
		    token.data[len] >= '0' && token.data[len] < '0' + (int)ARRAY_SIZE(ports) &&
		    (token.len == len + 1 || token.data[len + 1] == ',')) /* not of ttyS10 */
			port = ports[token.data[len] - '0'];
	return port;
}

/* With room for what hotplug may add, if the kernel says that it updates the header. */
static int make_core_header(struct plan *p, uint64_t *ret_len, struct err *err)
{
	uint64_t len;
	int r = core_header_make(&p->machine, p->arch->elf_machine, p->load->low_reserved,
				 &p->core_header, &p->core_header_size, err);

	if (r)
		return r;
	len = p->core_header_size;
	/* the kernel's figure leaves the ELF header out (arch_crash_get_elfcorehdr_size()) */
	if (p->machine.elfcorehdr_size) {
		p->hotplug = true;
		len = NUM_MAX(len, p->machine.elfcorehdr_size + ELF_HEADER);
	}
	*ret_len = num_align_up(len, PAGE);
	return 0;
}

int plan_segments(struct plan *p, const struct root *root, struct err *err)
{
	struct load_input in = {
		.panic = p->panic,
		.page_size = PAGE,
		.kernel = p->files.kernel,
		.image = &p->files.image,
		.initrd = p->files.initrd,
		.cmdline = p->cmdline.line,
	};
	int r;

	if (p->placed)
		return 0;
	if (p->machine_err.code) {
		*err = p->machine_err;
		return err->code;
	}
	r = p->panic ? make_core_header(p, &in.core_header_len, err) : 0;
	if (r)
		return r;
	in.areas = p->machine.areas;
	in.n_areas = p->machine.n_areas;
	in.crash = &p->machine.crash;
	in.firmware = &p->machine.firmware;
	in.core_header = (struct bytes){p->core_header, p->core_header_size};
	in.hotplug = p->hotplug;
	in.serial_port = serial_port(p->cmdline.line);
	/* a machine that has no randomness yet gives none: the next kernel then gathers its own */
	if (!*root->path && getrandom(in.rng_seed, sizeof(in.rng_seed), GRND_NONBLOCK) < 0)
		memset(in.rng_seed, 0, sizeof(in.rng_seed));
	r = p->load->place(&in, &p->segments, err);
	p->placed = !r;
	return r;
}
