// SPDX-License-Identifier: GPL-2.0-or-later
/* How a share is mounted; what is written there is written as on any file system (test_target.c). */
#include "tests/unit/capture_fixture.h"

#include <netinet/in.h>
#include <sys/mount.h>

#include "capture/target.h"

static char v4[] = "192.0.2.7", v6[] = "2001:db8::7", host[] = "nas.example.org",
	    export[] = "/srv/dumps", path[] = "/var/crash", empty[] = "", options[128];

static char *servers[2];
static struct recipe all;
static struct recipe_target recipe;
static struct target_place place;
static struct target target;
static struct root root;
static char mountpoint[128];

static int make(void **state)
{
	int r = calls_make(state);

	servers[0] = v4;
	options[0] = '\0';
	all = (struct recipe){.deadline_mount = 1};
	recipe = (struct recipe_target){
		.kind = TARGET_NFS,
		.servers = servers,
		.host = host,
		.export = export,
		.path = path,
		.mount_options = options,
		.port = 2049,
		.needs = empty,
	};
	place = (struct target_place){0};
	root = (struct root){.fd = -1, .path = ""};
	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", scratch);
	target = (struct target){
		.recipe = &recipe,
		.all = &all,
		.ops = target_ops_of(TARGET_NFS),
		.place = &place,
		.sys = &calls_sys,
		.root = &root,
		.mountpoint = mountpoint,
	};
	return r;
}

static int drop(void **state)
{
	root_deinit(&root);
	net_deinit(&all.net);
	return calls_drop(state);
}

static int attach(struct err *err)
{
	int r = target.ops->find(&target, err);

	return r ? r : target.ops->attach(&target, err);
}

TEST(the_kernel_is_told_what_mount_nfs_would_find_out)
{
	strcpy(place.server, "192.0.2.8");
	assert_ok(attach(err));
	assert_string_equal(calls->mount_source, "192.0.2.8:/srv/dumps");
	assert_string_equal(calls->mount_type, "nfs");
	assert_string_equal(calls->mount_options, "vers=4.2,soft,timeo=100,retrans=2,port=2049,"
						  "proto=tcp,addr=192.0.2.8");
	assert_int_equal(calls->mount_flags, MS_NOATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

TEST(an_address_of_ipv6_is_in_brackets)
{
	servers[0] = v6;
	assert_ok(attach(err));
	assert_string_equal(calls->mount_source, "[2001:db8::7]:/srv/dumps");
	assert_non_null(strstr(calls->mount_options, ",proto=tcp6,addr=2001:db8::7"));
}

TEST(own_options_count_but_for_the_address)
{
	strcpy(options, "vers=4.1,hard,timeo=50,addr=192.0.2.1");
	assert_ok(attach(err));
	assert_string_equal(calls->mount_options,
			    "soft,timeo=100,retrans=2,port=2049,vers=4.1,hard,timeo=50,"
			    "addr=192.0.2.1,proto=tcp,addr=192.0.2.7");
}

TEST(version_3_needs_no_daemon)
{
	static const char *const texts[] = {"vers=3", "nfsvers=3", "v3", "vers=4,v3", "ro,vers=3"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		strcpy(options, texts[i]);
		assert_ok(attach(err));
		assert_non_null(strstr(calls->mount_options,
				       ",proto=tcp,nolock,mountproto=tcp,addr=192.0.2.7"));
	}
	strcpy(options, "v4.2,mountvers=3");
	assert_ok(attach(err));
	assert_null(strstr(calls->mount_options, "nolock"));
}

TEST(what_does_not_fit_is_refused)
{
	static char long_export[DEVICE_PATH_MAX + 1];

	memset(long_export, 'x', DEVICE_PATH_MAX);
	recipe.export = long_export;
	assert_fails(attach(err), ERR_SYSTEM, "too long");
}

TEST(errors_say_what_to_do)
{
	static const struct {
		int error;
		const char *says;
	} cases[] = {
		{EACCES, "does not export this to us"},
		{ENOENT, "no such export"},
		{ENODEV, "the module nfs is missing"},
		{EPROTONOSUPPORT, "no such version"},
		{ECONNREFUSED, "listens"},
		{ETIMEDOUT, "does not answer"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err why = {0};

		calls->mount_errno = cases[i].error;
		assert_int_not_equal(attach(&why), 0);
		assert_non_null(strstr(why.msg, cases[i].says));
		assert_non_null(strstr(why.msg, "mount 192.0.2.7:/srv/dumps (nas.example.org)"));
	}
}

/* Two capture kernels have the same name, so a server would take them for one that restarted. */
TEST(version_4_knows_machines_apart)
{
	struct net_link *link;

	assert_int_equal(system("mkdir -p root/sys/module/nfs/parameters"), 0);
	write_text("root/sys/module/nfs/parameters/nfs4_unique_id", "");
	assert_ok(root_init(&root, "root", err));
	assert_ok(net_add(&all.net, "eth0", &link, err));
	link->kind = NET_PHYSICAL;
	link->has_mac = true;
	memcpy(link->mac, "\x52\x54\x00\x12\x34\x56", 6);
	target.healthy = true;
	assert_ok(attach(err));
	assert_string_equal(text_of("root/sys/module/nfs/parameters/nfs4_unique_id"), "");
	target.healthy = false;
	assert_ok(attach(err));
	assert_string_equal(text_of("root/sys/module/nfs/parameters/nfs4_unique_id"),
			    "lifeboat-525400123456");
}

TEST(nobody_may_write)
{
	if (geteuid() == 0 && (mkdir("mnt", 0555) || setegid(65534) || seteuid(65534)))
		skip();
	assert_fails(target.ops->begin(&target, 1760000000, err), ERR_SYSTEM,
		     "give /var/crash there to that user");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
}

TEST(a_server_that_is_gone_does_not_keep_us)
{
	calls->umount_sleep_ms = 20000;
	calls->umount_errno = EIO;
	calls->umount_flags_ok = MNT_FORCE | MNT_DETACH;
	assert_fails(target.ops->detach(&target, err), ERR_TIMEOUT, "the server does not answer");
	assert_int_equal(calls->umount_flags, MNT_FORCE | MNT_DETACH);
	calls->umount_sleep_ms = 0;
	assert_fails(target.ops->detach(&target, err), ERR_SYSTEM, "Input/output error");
	calls->umount_errno = 0;
	assert_ok(target.ops->detach(&target, err));
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_kernel_is_told_what_mount_nfs_would_find_out),
		T(an_address_of_ipv6_is_in_brackets),
		T(own_options_count_but_for_the_address),
		T(version_3_needs_no_daemon),
		T(what_does_not_fit_is_refused),
		T(errors_say_what_to_do),
		T(version_4_knows_machines_apart),
		T(nobody_may_write),
		T(a_server_that_is_gone_does_not_keep_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
