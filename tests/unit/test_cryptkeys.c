// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys of LUKS named to a kernel that takes notes: files stand for configfs, where a folder's removal takes its files along. */
#include "service/cryptkeys.h"

#include "tests/unit/service_fixture.h"

#define FOLDER "/sys/kernel/config/crash_dm_crypt_keys"
#define RECIPE "/var/lib/lifeboat/recipe-" MACHINE_KERNEL
#define RECORD "/run/lifeboat/" CRYPTKEYS_FILE

#define UUID "CRYPT-LUKS2-0f2a1b3c4d5e4f60818293a4b5c6d7e8-dump"
#define LAYER(name, key)                                                                           \
	"layer = " name "\nkind = crypt\nuuid = " UUID                                             \
	"\nmember = LUKS=0f2a1b3c-4d5e-4f60-8182-93a4b5c6d7e8\n"                                   \
	"table = 0 128 crypt aes-xts-plain64 :64:user:cryptsetup:0f2a1b3c 0 {0} 32768\nkey = " key \
	"\n"
#define HEAD "schema = lifeboat-recipe-3\n"
#define TAIL "target = fs\ndevice = /dev/a\nfstype = ext4\n"

/* As configfs has it: a folder comes with its file. */
static void make_item(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "mkdir -p $R" FOLDER "/%s; : > $R" FOLDER "/%s/description", name, name);
	machine_shell(command);
}

static bool is_new;

static bool offer(void)
{
	bool any = false;

	assert_ok(cryptkeys_offer(&machine.service, MACHINE_KERNEL, &any, &is_new, err));
	return any;
}

TEST(named_and_taken_back)
{
	fake_set(RECIPE, HEAD LAYER("dump", "kernel cryptsetup:0f2a1b3c")
				 LAYER("other", "file /etc/key") TAIL);
	make_item("dump");
	assert_true(offer());
	assert_string_equal(machine_text(FOLDER "/dump/description"), "cryptsetup:0f2a1b3c");
	assert_string_equal(machine_text(RECORD), "dump\n");
	/* configfs lets a folder go with its files */
	machine_shell("rm $R" FOLDER "/dump/description");
	assert_ok(cryptkeys_forget(&machine.service, err));
	assert_false(root_exists(&fake.root, FOLDER "/dump"));
	assert_false(root_exists(&fake.root, RECORD));
	assert_ok(cryptkeys_forget(&machine.service, err));
}

/* Somebody else's stay, and ours go when the recipe wants them no more. */
TEST(no_others)
{
	make_item("theirs");
	make_item("dump");
	fake_set(RECIPE, HEAD LAYER("dump", "kernel cryptsetup:0f2a1b3c") TAIL);
	assert_true(offer());
	machine_shell("rm $R" FOLDER "/dump/description");
	fake_set(RECIPE, HEAD TAIL);
	assert_false(offer());
	assert_false(root_exists(&fake.root, FOLDER "/dump"));
	assert_true(root_exists(&fake.root, FOLDER "/theirs"));
	/* an image of before there were recipes beside images */
	machine_shell("rm $R" RECIPE);
	assert_false(offer());
}

TEST(cannot_be_named)
{
	bool any = false, new;

	fake_set(RECIPE, HEAD LAYER("dump", "kernel cryptsetup:0f2a1b3c") TAIL);
	assert_fails(cryptkeys_offer(&machine.service, MACHINE_KERNEL, &any, &new, err),
		     ERR_NOT_FOUND, "the key of dump is not handed over");
	assert_false(any);
	assert_false(root_exists(&fake.root, RECORD));
}

/* Armed without the key, which came later: the next start had nothing to do, and the volume would have stayed shut. */
TEST(new_since_the_load)
{
	fake_set(RECIPE, HEAD LAYER("dump", "kernel cryptsetup:0f2a1b3c") TAIL);
	make_item("dump");
	assert_true(offer() && is_new);
	assert_true(offer() && !is_new);
	machine_shell("rm $R" FOLDER "/dump/description");
	assert_ok(cryptkeys_forget(&machine.service, err));
	make_item("dump");
	assert_true(offer() && is_new);
	machine_shell("rm $R" FOLDER "/dump/description");
	fake_set(RECIPE, HEAD TAIL);
	assert_false(offer() || is_new);
}

/* Another kernel captures than the one that runs, which alone was asked: its volume would have stayed shut after the crash. */
TEST(another_kernel_takes_none)
{
	bool any = false, new;

	fake_set(RECIPE, HEAD LAYER("dump", "kernel cryptsetup:0f2a1b3c") TAIL);
	make_item("dump");
	fake_set("/boot/config-" MACHINE_KERNEL, "CONFIG_DM_CRYPT=m\nCONFIG_CRASH_DM_CRYPT=y\n");
	assert_true(offer());
	machine_shell("rm $R" FOLDER "/dump/description");
	fake_set("/boot/config-" MACHINE_KERNEL, "CONFIG_DM_CRYPT=m\n");
	assert_fails(cryptkeys_offer(&machine.service, MACHINE_KERNEL, &any, &new, err),
		     ERR_UNSUPPORTED,
		     "/boot/config-" MACHINE_KERNEL " says that kernel " MACHINE_KERNEL
		     " takes no keys of LUKS over");
	assert_false(any);
	assert_false(root_exists(&fake.root, FOLDER "/dump"));
	assert_false(root_exists(&fake.root, RECORD));
}

/* A record is a file that others may have written to: nothing outside of the folder goes. */
TEST(hostile_record)
{
	static const char *const bad[] = {"../x\n", "a/b\n", "..\n", "\n", ".\n"};

	make_item("dump");
	machine_shell("mkdir $R/sys/kernel/config/x");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_set(RECORD, bad[i]);
		assert_fails(cryptkeys_forget(&machine.service, err), ERR_CORRUPT,
			     "line 1 makes no sense");
	}
	assert_true(root_exists(&fake.root, "/sys/kernel/config/x"));
}

static int setup(void **state)
{
	int r = machine_setup(state);

	machine_shell("mkdir -p $R/var/lib/lifeboat $R/run/lifeboat; rm -f $R/boot/config-*");
	return r;
}

#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, machine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(named_and_taken_back), MACHINE_TEST(no_others),
		MACHINE_TEST(cannot_be_named),      MACHINE_TEST(another_kernel_takes_none),
		MACHINE_TEST(new_since_the_load),   MACHINE_TEST(hostile_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
