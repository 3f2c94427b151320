// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole images from a small module tree: objects of our own making, indexed by depmod(8), so that
 * libkmod reads what it reads on a real machine. The names are chosen so that their alphabetical
 * order is wrong everywhere. cpio(1) judges the archives.
 */
#include <elf.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "capture/recipe.h"
#include "initramfs/initramfs.h"
#include "initramfs/modules.h"

#define KERNEL "9.9-test"
#define RECIPE "schema = lifeboat-recipe-3\n"
#define TARGET "target = fs\ndevice = /dev/vda\nfstype = ext4\n"

struct module {
	const char *name;
	const char *exports; /* one symbol or NULL */
	const char *imports[3];
	const char *info[3]; /* strings of .modinfo */
};

/* zeta <- mu <- alpha; beta wishes wish; tangle wishes knot, which needs tangle */
static const struct module modules[] = {
	{.name = "alpha", .imports = {"mu_symbol", "zeta_symbol"}},
	{.name = "mu", .exports = "mu_symbol", .imports = {"zeta_symbol"}},
	{.name = "zeta", .exports = "zeta_symbol"},
	{.name = "beta",
	 .info = {"softdep=pre: wish nowhere post: alpha", "alias=fs-betafs",
		  "alias=pci:v00001AF4d*"}},
	{.name = "gamma",
	 .info = {"alias=pci:v00001AF4d00001001*", "firmware=here/gamma.bin", "firmware=gone.bin"}},
	{.name = "wish", .imports = {"zeta_symbol"}},
	{.name = "tangle", .exports = "tangle_symbol", .info = {"softdep=pre: knot"}},
	{.name = "knot", .imports = {"tangle_symbol"}, .info = {"softdep=pre: tangle"}},
};

struct tree {
	char dir[64];
	char init[128];
	struct root root;
};

/* The least that depmod takes for a module. */
struct object {
	Elf64_Ehdr e;
	Elf64_Shdr sections[6];
	Elf64_Sym symbols[4];
	char info[256];
	char ksymtab[64];
	char strtab[128];
	char names[64];
};

static uint32_t add_text(char *table, size_t *used, const char *text)
{
	size_t at = *used;

	strcpy(table + at, text);
	*used += strlen(text) + 1;
	return (uint32_t)at;
}

static void set_section(struct object *o, int i, uint32_t type, size_t off, size_t size,
			const char *name, size_t *names)
{
	o->sections[i] = (Elf64_Shdr){.sh_type = type,
				      .sh_offset = off,
				      .sh_size = size,
				      .sh_name = add_text(o->names, names, name)};
}

#define OFF(m) offsetof(struct object, m)

static struct object make_object(const struct module *m, uint16_t machine)
{
	struct object o = {.e = {.e_type = ET_REL,
				 .e_machine = machine,
				 .e_version = EV_CURRENT,
				 .e_shoff = OFF(sections),
				 .e_ehsize = sizeof(Elf64_Ehdr),
				 .e_shentsize = sizeof(Elf64_Shdr),
				 .e_shnum = 6,
				 .e_shstrndx = 5}};
	size_t info = 0, names = 1, strtab = 1, symbols = 1, ksymtab = 0;

	memcpy(o.e.e_ident, ELFMAG, SELFMAG);
	o.e.e_ident[EI_CLASS] = ELFCLASS64;
	o.e.e_ident[EI_DATA] = ELFDATA2LSB;
	o.e.e_ident[EI_VERSION] = EV_CURRENT;
	for (size_t i = 0; i < ARRAY_SIZE(m->info) && m->info[i]; i++)
		add_text(o.info, &info, m->info[i]);
	if (m->exports)
		add_text(o.ksymtab, &ksymtab, m->exports);
	for (size_t i = 0; i < ARRAY_SIZE(m->imports) && m->imports[i]; i++)
		o.symbols[symbols++] =
			(Elf64_Sym){.st_name = add_text(o.strtab, &strtab, m->imports[i]),
				    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
				    .st_shndx = SHN_UNDEF};
	set_section(&o, 1, SHT_PROGBITS, OFF(info), info, ".modinfo", &names);
	set_section(&o, 2, SHT_PROGBITS, OFF(ksymtab), ksymtab, "__ksymtab_strings", &names);
	set_section(&o, 3, SHT_SYMTAB, OFF(symbols), symbols * sizeof(Elf64_Sym), ".symtab",
		    &names);
	set_section(&o, 4, SHT_STRTAB, OFF(strtab), strtab, ".strtab", &names);
	set_section(&o, 5, SHT_STRTAB, OFF(names), sizeof(o.names), ".shstrtab", &names);
	o.sections[3].sh_link = 4;
	o.sections[3].sh_entsize = sizeof(Elf64_Sym);
	return o;
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void write_object(const struct tree *t, const struct module *m, uint16_t machine)
{
	struct object o = make_object(m, machine);
	char path[256];

	snprintf(path, sizeof(path), "%s/lib/modules/" KERNEL "/kernel/%s.ko", t->dir, m->name);
	write_file(path, &o, sizeof(o));
}

static int shell(const struct tree *t, const char *script)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "exec 2>/dev/null; export PATH=$PATH:/usr/sbin:/sbin T=%s V=" KERNEL "; "
		 "M=$T/lib/modules/$V; set -e; %s",
		 t->dir, script);
	return system(command);
}

static void write_init(const struct tree *t, uint16_t machine)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr load;
	} p = {.e = {.e_type = ET_EXEC,
		     .e_machine = machine,
		     .e_phoff = sizeof(Elf64_Ehdr),
		     .e_phentsize = sizeof(Elf64_Phdr),
		     .e_phnum = 1},
	       .load = {.p_type = PT_LOAD}};

	memcpy(p.e.e_ident, ELFMAG, SELFMAG);
	p.e.e_ident[EI_CLASS] = ELFCLASS64;
	p.e.e_ident[EI_DATA] = ELFDATA2LSB;
	write_file(t->init, &p, sizeof(p));
}

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct err err;

	strcpy(t->dir, "/tmp/lifeboat-tree-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->init, sizeof(t->init), "%s/init", t->dir);
	assert_int_equal(shell(t, "mkdir -p $M/kernel $T/boot; "
				  "echo kernel/fs/solid.ko > $M/modules.builtin; "
				  ": > $M/modules.order"),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		write_object(t, &modules[i], EM_X86_64);
	/* compressed as distributions do; depmod must be able to read them */
	if (shell(t, "cp $M/kernel/wish.ko $T/wish.plain; xz $M/kernel/wish.ko; "
		     "command -v cpio > /dev/null; depmod -b $T $V"))
		fail_msg("the tests need xz, cpio and depmod (package kmod)");
	/* the merged /usr of a real system, by an absolute link that leads out of the root */
	assert_int_equal(shell(t, "mkdir $T/usr; mv $T/lib $T/usr/lib; ln -s /usr/lib $T/lib"), 0);
	write_init(t, EM_X86_64);
	assert_int_equal(root_init(&t->root, t->dir, &err), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	root_deinit(&t->root);
	shell(t, "rm -r $T");
	free(t);
	return 0;
}

/* The order for the names (up to a NULL) as text: "zeta mu alpha". */
static const char *order_of(const struct tree *t, const char *const *names, char out[512],
			    struct err *err)
{
	static const char below[] = "/lib/modules/" KERNEL "/kernel/";
	struct module_list list;

	if (modules_resolve(&t->root, KERNEL, (char *const *)(uintptr_t)names, &list, err))
		return NULL;
	out[0] = '\0';
	for (size_t i = 0; i < list.n; i++) {
		const char *base = strrchr(list.v[i].image_path, '/') + 1;
		size_t len = strlen(out);

		assert_true(strncmp(list.v[i].image_path, below, strlen(below)) == 0);
		snprintf(out + len, 512 - len, "%s%.*s", i ? " " : "", (int)strlen(base) - 3, base);
	}
	modules_deinit(&list);
	return out;
}

static void expect_order(const struct tree *t, const char *expected, const char *const *names)
{
	struct err err = {0};
	char out[512];

	if (!order_of(t, names, out, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(out, expected);
}

#define EXPECT_ORDER(t, expected, ...) \
	expect_order(t, expected, (const char *const[]){__VA_ARGS__, NULL})

static void test_dependencies_come_first(void **state)
{
	EXPECT_ORDER(*state, "zeta mu alpha", "alpha");
	EXPECT_ORDER(*state, "zeta mu alpha", "alpha", "mu", "zeta", "alpha");
	EXPECT_ORDER(*state, "zeta mu alpha", "zeta", "alpha");
	EXPECT_ORDER(*state, "zeta mu", "mu");
}

static void test_soft_dependencies(void **state)
{
	/* pre with its own needs; the missing one is none; post is not wanted */
	EXPECT_ORDER(*state, "zeta wish beta", "beta");
	/* what a module needs outweighs what another one wishes */
	EXPECT_ORDER(*state, "tangle", "tangle");
	EXPECT_ORDER(*state, "tangle knot", "knot");
}

static void test_aliases(void **state)
{
	char out[512];
	struct err err;
	const char *o;

	EXPECT_ORDER(*state, "zeta wish beta", "fs-betafs");
	/* two modules claim this device: both are taken */
	o = order_of(*state, (const char *const[]){"pci:v00001AF4d00001001sv00", NULL}, out, &err);
	assert_non_null(o);
	assert_non_null(strstr(o, "gamma"));
	assert_non_null(strstr(o, "beta"));
}

static void test_built_in(void **state)
{
	EXPECT_ORDER(*state, "", "solid");
	EXPECT_ORDER(*state, "zeta", "solid", "zeta");
}

static void expect_refusal(const struct tree *t, const char *kernel, const char *name, int code,
			   const char *part)
{
	const char *const names[] = {name, NULL};
	struct module_list list;
	struct err err = {0};

	assert_int_equal(
		modules_resolve(&t->root, kernel, (char *const *)(uintptr_t)names, &list, &err),
		code);
	if (!strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void test_not_there(void **state)
{
	struct tree *t = *state;

	expect_refusal(t, KERNEL, "missing", ERR_NOT_FOUND, "kernel module 'missing' is neither");
	expect_refusal(t, KERNEL, "missing", ERR_NOT_FOUND, "run `depmod -b /tmp/");
	expect_refusal(t, "9.8", "zeta", ERR_NOT_FOUND, "no modules of kernel '9.8'");
	expect_refusal(t, "../modules/" KERNEL, "zeta", ERR_USAGE, "is not the version");
	assert_int_equal(shell(t, "mv $T/usr/lib/modules/$V/modules.dep.bin $T/kept"), 0);
	expect_refusal(t, KERNEL, "zeta", ERR_NOT_FOUND, "has no modules.dep.bin: run `depmod");
	assert_int_equal(shell(t, "mv $T/kept $T/usr/lib/modules/$V/modules.dep.bin"), 0);
	EXPECT_ORDER(t, "zeta", "zeta");
}

static int build(const struct tree *t, const char *recipe, struct initramfs_image *ret,
		 struct err *err)
{
	struct initramfs_spec spec = {
		.root = &t->root,
		.kernel = KERNEL,
		.recipe = {(const uint8_t *)recipe, strlen(recipe)},
		.recipe_name = "R",
		.init = t->init,
		.tool = "test 1",
		.pack = PACK_NONE,
	};

	return initramfs_build(&spec, ret, err);
}

static void expect_build_error(const struct tree *t, const char *recipe, int code, const char *part)
{
	struct initramfs_image image;
	struct err err = {0};

	assert_int_equal(build(t, recipe, &image, &err), code);
	if (!strstr(err.msg, part))
		fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void test_image(void **state)
{
	static const char recipe[] = RECIPE "module = beta\nmodule = alpha\n" TARGET;
	struct tree *t = *state;
	struct initramfs_image image, again;
	struct err err = {0};
	char path[256];

	if (build(t, recipe, &image, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(image.n_modules, 5);
	assert_int_equal(image.pack, PACK_NONE);
	assert_int_equal(image.len % 4, 0);
	assert_true(image.len > image.unpacked_len && image.len <= image.unpacked_len + 2048);
	assert_int_equal(image.n_firmware, 0);
	assert_int_equal(image.n_programs, 0);
	assert_true(image.memory > image.unpacked_len && image.memory_peak > image.memory);
	assert_false(image.support.known);
	snprintf(path, sizeof(path), "%s/image", t->dir);
	write_file(path, image.data, image.len);
	snprintf(path, sizeof(path), "%s/recipe", t->dir);
	write_file(path, recipe, strlen(recipe));
	assert_int_equal(
		shell(t, "mkdir $T/x; cd $T/x; C='cpio -id --no-preserve-owner --quiet'; "
			 "(C=\"$C\"; $C; test -s lifeboat/inputs; test ! -e init; $C) < $T/image "
			 "|| test -f init; cmp init $T/init; test -x init; "
			 "cmp $PWD/lib/modules/$V/kernel/wish.ko $T/wish.plain; "
			 "test ! -e lib/modules/$V/kernel/wish.ko.xz; "
			 "for d in dev proc sys run target; do test -d $d; done; "
			 "P=/lib/modules/$V/kernel; "
			 "printf \"$P/%s.ko\\n\" zeta wish beta mu alpha | cmp - lifeboat/modules; "
			 "while read f; do test -s .$f; done < lifeboat/modules; "
			 "cmp lifeboat/recipe $T/recipe; "
			 "(cpio -it --quiet; cpio -itv --quiet) < $T/image | grep -q "
			 "'^crw-------.* 5, *1 .*dev/console'; "
			 "(cpio -it --quiet; cpio -itv --quiet) < $T/image | grep -q "
			 "'^crw-rw-rw-.* 1, *3 .*dev/null'; "
			 "rm -r $T/x"),
		0);
	assert_int_equal(build(t, recipe, &again, &err), 0);
	assert_int_equal(image.len, again.len);
	assert_memory_equal(image.data, again.data, image.len);
	initramfs_image_deinit(&image);
	initramfs_image_deinit(&again);
}

static void expect_stale(const struct tree *t, const char *recipe, const struct inputs *was,
			 const char *difference)
{
	char buf[INPUTS_DIFFERENCE];
	struct inputs now = {0};
	struct initramfs_spec spec = {
		.root = &t->root,
		.kernel = KERNEL,
		.tool = "test 1",
		.recipe = {(const uint8_t *)recipe, strlen(recipe)},
		.recipe_name = "R",
		.init = t->init,
		.pack = PACK_NONE,
	};
	struct err err = {0};

	if (initramfs_inputs(&spec, &now, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(inputs_difference(was, &now, buf), difference);
	assert_int_equal(*difference == 0, memcmp(was->digest, now.digest, SHA256_SIZE) == 0);
}

/* A module's firmware, a program behind the merged /usr, and what an image is told to be made of. */
static void test_image_with_all(void **state)
{
	static const char recipe[] =
		RECIPE "module = gamma\nprogram = /bin/tool\npost = /bin/after\n"
		       "failure-action = shell\n" TARGET;
	struct tree *t = *state;
	struct initramfs_image image;
	struct err err = {0};
	struct inputs was;
	char path[256];

	assert_int_equal(
		shell(t, "mkdir -p $T/usr/lib/firmware/here $T/usr/bin; ln -s usr/bin $T/bin; "
			 "echo 1 > $T/usr/lib/firmware/here/gamma.bin; "
			 "for p in tool sh; do cp $T/init $T/bin/$p; chmod +x $T/bin/$p; done; "
			 "echo '#!/bin/sh' > $T/bin/after; chmod +x $T/bin/after"),
		0);
	if (build(t, recipe, &image, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(image.n_modules, 1);
	assert_int_equal(image.n_firmware, 1);
	assert_int_equal(image.n_missing, 1);
	assert_string_equal(image.missing[0], "gone.bin of gamma.ko");
	assert_int_equal(image.n_programs, 3);
	assert_int_equal(image.n_program_files, 3);
	snprintf(path, sizeof(path), "%s/image", t->dir);
	write_file(path, image.data, image.len);
	assert_int_equal(shell(t,
			       "mkdir $T/y; cd $T/y; C='cpio -id --no-preserve-owner --quiet'; "
			       "($C; $C) < $T/image || test -f init; test -L bin; test -L lib; "
			       "for f in tool sh after; do cmp usr/bin/$f $T/usr/bin/$f; test -x "
			       "usr/bin/$f; "
			       "done; cmp usr/lib/firmware/here/gamma.bin "
			       "$T/usr/lib/firmware/here/gamma.bin; "
			       "test -s usr/lib/modules/$V/kernel/gamma.ko; "
			       "echo /lib/modules/$V/kernel/gamma.ko | cmp - lifeboat/modules; "
			       "grep -qx 'schema = lifeboat-inputs-2' lifeboat/inputs; rm -r $T/y"),
			 0);
	if (inputs_read((struct bytes){image.data, image.len}, &was, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(was.packed, was.unpacked);
	assert_int_equal(was.unpacked, image.unpacked_len);
	expect_stale(t, recipe, &was, "");
	/* newer times are no difference, one byte is; a file of the same size, too */
	assert_int_equal(shell(t, "touch $T/usr/lib/firmware/here/gamma.bin $T/usr/bin/*"), 0);
	expect_stale(t, recipe, &was, "");
	assert_int_equal(shell(t, "echo 2 > $T/usr/lib/firmware/here/gamma.bin"), 0);
	expect_stale(t, recipe, &was, "firmware");
	assert_int_equal(shell(t, "echo >> $T/usr/bin/after"), 0);
	expect_stale(t, RECIPE "module = gamma\npost = /bin/after\n" TARGET, &was,
		     "recipe, firmware, programs");
	expect_build_error(t, RECIPE "pre = /bin/gone\n" TARGET, ERR_NOT_FOUND,
			   "R: program '/bin/gone'");
	initramfs_image_deinit(&image);
}

/* Keys and certificates: as they are, behind their links, for root only; one byte of them makes an image stale. */
static void test_image_with_files(void **state)
{
	static const char recipe[] = RECIPE "file = /etc/keys/id\nfile = /etc/ca.pem\n" TARGET;
	struct tree *t = *state;
	struct initramfs_image image;
	struct err err = {0};
	struct inputs was;
	char path[256];

	assert_int_equal(shell(t, "mkdir -p $T/etc/keys $T/srv; echo secret > $T/etc/keys/id; "
				  "chmod 644 $T/etc/keys/id; echo ca > $T/srv/ca; "
				  "ln -s ../srv/ca $T/etc/ca.pem"),
			 0);
	if (build(t, recipe, &image, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(image.n_files, 2);
	snprintf(path, sizeof(path), "%s/image", t->dir);
	write_file(path, image.data, image.len);
	assert_int_equal(shell(t, "mkdir $T/y; cd $T/y; C='cpio -id --no-preserve-owner --quiet'; "
				  "($C; $C) < $T/image || test -f init; cmp etc/keys/id "
				  "$T/etc/keys/id && test $(stat -c %a etc/keys/id) = 600 && "
				  "test -L etc/ca.pem && cmp etc/ca.pem $T/srv/ca && "
				  "test $(stat -c %a srv/ca) = 600 && rm -r $T/y"),
			 0);
	if (inputs_read((struct bytes){image.data, image.len}, &was, &err))
		fail_msg("%s", err.msg);
	expect_stale(t, recipe, &was, "");
	assert_int_equal(shell(t, "echo other > $T/srv/ca"), 0);
	expect_stale(t, recipe, &was, "files");
	initramfs_image_deinit(&image);
	assert_int_equal(shell(t, "truncate -s 17M $T/srv/ca"), 0);
	assert_int_equal(build(t, recipe, &image, &err), ERR_USAGE);
	assert_non_null(strstr(err.msg, "file '/etc/ca.pem': 17825792 bytes; there can be 16 MB"));
	assert_int_equal(shell(t, "rm $T/srv/ca"), 0);
	assert_int_equal(build(t, recipe, &image, &err), ERR_NOT_FOUND);
	assert_int_equal(build(t, RECIPE "file = /run/key\n" TARGET, &image, &err), ERR_USAGE);
}

/* A kernel with everything built in has perhaps no module folder at all. */
static void test_image_without_modules(void **state)
{
	struct tree bare = *(struct tree *)*state;
	struct initramfs_image image;
	struct err err = {0};

	snprintf(bare.dir, sizeof(bare.dir), "%s", "/proc/self/fdinfo"); /* no lib, no boot */
	assert_int_equal(root_init(&bare.root, bare.dir, &err), 0);
	if (build(&bare, RECIPE TARGET, &image, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(image.n_modules, 0);
	initramfs_image_deinit(&image);
	root_deinit(&bare.root);
}

static void test_wrong_input(void **state)
{
	struct tree *t = *state;
	struct tree no_init = *t;

	expect_build_error(t, "garbage", ERR_USAGE, "R: line 1: 'garbage'");
	expect_build_error(t, RECIPE "module = missing\n" TARGET, ERR_NOT_FOUND, "'missing'");

	strcat(no_init.init, "-gone");
	expect_build_error(&no_init, RECIPE TARGET, ERR_NOT_FOUND, "init-gone");
	write_file(t->init, "#!/bin/sh\n", 10);
	expect_build_error(t, RECIPE TARGET, ERR_CORRUPT, "/init: is not an ELF file");
	write_init(t, EM_AARCH64);
	expect_build_error(t, RECIPE "module = zeta\n" TARGET, ERR_USAGE,
			   "init is for aarch64, but");
	write_init(t, EM_X86_64);
}

static void test_damaged_modules(void **state)
{
	struct tree *t = *state;

	assert_int_equal(shell(t, "cd $T/usr/lib/modules/$V/kernel; cp wish.ko.xz $T/kept.xz; "
				  "cp zeta.ko $T/kept; head -c 150 $T/kept.xz > wish.ko.xz; "
				  "head -c 40 $T/kept > zeta.ko"),
			 0);
	expect_build_error(t, RECIPE "module = zeta\n" TARGET, ERR_CORRUPT,
			   "zeta.ko: the ELF header");
	assert_int_equal(shell(t, "cp $T/kept $T/usr/lib/modules/$V/kernel/zeta.ko"), 0);
	expect_build_error(t, RECIPE "module = wish\n" TARGET, ERR_CORRUPT,
			   "wish.ko.xz: damaged xz stream: it is cut off");
	assert_int_equal(shell(t, "rm $T/usr/lib/modules/$V/kernel/wish.ko.xz"), 0);
	expect_build_error(t, RECIPE "module = wish\n" TARGET, ERR_NOT_FOUND, "wish.ko.xz");
	assert_int_equal(shell(t, "cp $T/kept.xz $T/usr/lib/modules/$V/kernel/wish.ko.xz"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dependencies_come_first),
		cmocka_unit_test(test_soft_dependencies),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_with_all),
		cmocka_unit_test(test_image_with_files),
		cmocka_unit_test(test_image_without_modules),
		cmocka_unit_test(test_wrong_input),
		cmocka_unit_test(test_damaged_modules),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
