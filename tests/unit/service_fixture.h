/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine that can be armed as a whole: the recorded machine `ready` with the disk of `disk-virtio`, a kernel in /boot, its
 * modules built in, a configuration, and the kernel of fake_kernel.h behind it. Nothing outside of its folder is touched.
 */
#ifndef TESTS_UNIT_SERVICE_FIXTURE_H
#define TESTS_UNIT_SERVICE_FIXTURE_H

#include <elf.h>
#include <limits.h>

#include "service/service.h"
#include "tests/unit/fake_kernel.h"

#define MACHINE_KERNEL "6.1.0-test"
#define MACHINE_ROOT   "UUID=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8"
#define MACHINE_CONFIG "ext4 " MACHINE_ROOT "\nwatchdog off\npstore no\n"

static struct machine_of_service {
	struct service service;
	char init[64];
	char told[8192]; /* a line for each: "warning: …" */
} machine;

static void machine_tell(void *ctx, enum service_tone tone, const char *text)
{
	static const char *const names[] = {"progress", "note", "warning"};
	size_t len = strlen(machine.told);

	(void)ctx;
	snprintf(machine.told + len, sizeof(machine.told) - len, "%s: %s\n", names[tone], text);
}

static __attribute__((unused)) bool machine_told(const char *part)
{
	return strstr(machine.told, part);
}

/* A static program, as far as anybody looks. */
FAKE_CALL void machine_make_init(uint8_t mark)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr load;
		uint8_t mark;
	} p = {.e = {.e_type = ET_EXEC,
		     .e_machine = EM_X86_64,
		     .e_phoff = sizeof(Elf64_Ehdr),
		     .e_phentsize = sizeof(Elf64_Phdr),
		     .e_phnum = 1},
	       .load = {.p_type = PT_LOAD},
	       .mark = mark};

	memcpy(p.e.e_ident, ELFMAG, SELFMAG);
	p.e.e_ident[EI_CLASS] = ELFCLASS64;
	p.e.e_ident[EI_DATA] = ELFDATA2LSB;
	p.e.e_ident[EI_VERSION] = EV_CURRENT;
	fake_write(machine.init, &p, sizeof(p));
}

FAKE_CALL void machine_shell(const char *script)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "exec >/dev/null 2>&1; export PATH=$PATH:/usr/sbin:/sbin R=%s; "
		 "M=$R/lib/modules/" MACHINE_KERNEL "; set -e; %s",
		 fake.root_path, script);
	if (system(command))
		fail_msg("this has failed: %s", script);
}

FAKE_CALL void machine_copy_kernel(const char *name)
{
	_cleanup_free_ char *data = NULL;
	char path[256];
	size_t len;

	assert_ok(io_read_file(fake.kernel, 1 << 20, &data, &len, err));
	fake_path(path, name);
	fake_write(path, data, len);
}

FAKE_CALL void machine_up(void)
{
	memset(&machine, 0, sizeof(machine));
	fake_up("ready");
	fake.other_files = true;
	machine_shell(
		"cp -r tests/roots/disk-virtio/. $R; rm $M/modules.*; mkdir -p $R/etc $R/run; "
		"for m in virtio_pci virtio_blk ext4 vfat; do "
		"echo kernel/$m.ko >>$M/modules.builtin; done; : >$M/modules.order; "
		"depmod -b $R " MACHINE_KERNEL "; "
		"for o in BLK_DEV_INITRD RD_GZIP; do echo CONFIG_$o=y; done "
		">>$R/boot/config-" MACHINE_KERNEL);
	fake_set("/proc/sys/kernel/panic_on_oops", "0\n");
	fake_set("/proc/sys/kernel/panic", "-1\n");
	fake_set("/etc/lifeboat.conf", MACHINE_CONFIG);
	machine_copy_kernel("/boot/vmlinuz-" MACHINE_KERNEL);
	snprintf(machine.init, sizeof(machine.init), "%s/lifeboat-init", fake.dir);
	machine_make_init(1);
	assert_ok(service_init(&machine.service, &fake.root, &fake.sys, err));
	machine.service.init = machine.init;
	machine.service.tell = machine_tell;
}

static __attribute__((unused)) int machine_setup(void **state)
{
	(void)state;
	machine_up();
	return 0;
}

static __attribute__((unused)) int machine_teardown(void **state)
{
	(void)state;
	fake_down();
	return 0;
}

/* The text of a file of the machine; "" if there is none. Good until the next call. */
static __attribute__((unused)) const char *machine_text(const char *name)
{
	static char *text;
	struct err ignored;
	size_t len;

	free(text);
	text = NULL;
	return root_read(&fake.root, name, 1 << 20, &text, &len, &ignored) ? "" : text;
}

#endif
