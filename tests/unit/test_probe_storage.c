// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device is made of, on machines with sysfs, tables and disks as the kernel and real tools make them. */
#include "tests/unit/stack_fixture.h"

#include "base/sha256.h"
#include "storage/probe.h"

#define HEX_KEY                                                            \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LUKS_UUID "661f0f7b-5818-436f-ab5a-1c7d77619425"

static struct layers layers;
static char top[LAYER_NAME];
static char told[4096]; /* by the callbacks */
static struct probe_env env;

static int tell(const char *what, const char *value)
{
	size_t len = strlen(told);

	snprintf(told + len, sizeof(told) - len, "%s %s;", what, value);
	return 0;
}

static int on_disk(void *ctx, const char *sysfs, struct err *err)
{
	(void)ctx;
	(void)err;
	return tell("disk", sysfs);
}

static int on_module(void *ctx, const char *name, struct err *err)
{
	(void)ctx;
	(void)err;
	return tell("module", name);
}

static int on_program(void *ctx, const char *path, struct err *err)
{
	(void)ctx;
	(void)err;
	return tell("program", path);
}

static int on_file(void *ctx, const char *path, struct err *err)
{
	(void)ctx;
	(void)err;
	return tell("file", path);
}

static int on_server(void *ctx, const char *address, char *ret_network, struct err *err)
{
	(void)ctx;
	(void)err;
	strcpy(ret_network, "bond0");
	return tell("server", address);
}

static int on_note(void *ctx, const char *text, struct err *err)
{
	(void)ctx;
	(void)err;
	return tell("note", text);
}

static int make(void **state)
{
	*told = '\0';
	env = (struct probe_env){.root = &machine,
				 .dm_table = probe_dm_table,
				 .disk = on_disk,
				 .module = on_module,
				 .program = on_program,
				 .file = on_file,
				 .server = on_server,
				 .note = on_note};
	return machine_make(state);
}

static int drop(void **state)
{
	layers_deinit(&layers);
	return machine_drop(state);
}

static int probe(const char *kernel, struct err *err)
{
	strcpy(top, "untouched");
	return storage_probe(&env, at("/sys/class/block/%s", kernel), &layers, top, err);
}

/* These are the layers, and what comes out of the recipe's text is the same. */
static void check_layers(const char *kernel, const char *name, const char *want)
{
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct layers copy = {0};

	assert_ok(probe(kernel, err));
	assert_string_equal(top, name);
	text = layers_text(&layers);
	assert_string_equal(text, want);
	assert_ok(read_layers(text, &copy, err));
	again = layers_text(&copy);
	assert_string_equal(again, text);
	layers_deinit(&copy);
}

/* Nothing of it stays: a layer that was half made was once taken for whole by the next target that stood on it. */
static void check_refused(const char *kernel, int code, const char *why)
{
	size_t before = layers.n;

	assert_fails(probe(kernel, err), code, why);
	assert_string_equal(top, "untouched");
	assert_int_equal(layers.n, before);
}

static void check_told(const char *part)
{
	if (!strstr(told, part))
		fail_msg("told \"%s\", expected \"%s\"", told, part);
}

/* A device of device-mapper, and its table. */
static void mapped(unsigned int minor, const char *name, const char *uuid,
		   const char *const *slaves, const char *table)
{
	add_mapped(minor, name, uuid, slaves);
	put_file(at("dm/%s", name), table);
}

#define OF(...) ((const char *const[]){__VA_ARGS__, NULL})

static void add_pvs(void)
{
	add_block("pci0/block", "vdb", "253:16\n");
	add_block("pci0/block", "vdc", "253:32\n");
	lvm_put("dev/vdb", PV0_RAW, lvm_text, 512);
	lvm_put("dev/vdc", PV1_RAW, lvm_text, 512);
}

/* ---- LVM */

TEST(plain_disks_have_no_layers)
{
	add_block("pci0/block", "vdb", "253:16\n");
	add_block("pci0/block/vdb", "vdb1", "253:17\n");
	put_file("sys/class/block/vdb1/partition", "1\n");
	check_layers("vdb1", "", "");
	assert_string_equal(told, "disk /sys/devices/pci0/block/vdb;");
}

TEST(a_striped_volume)
{
	_cleanup_free_ char *text = NULL;

	add_pvs();
	mapped(0, "vg0-striped", LVM_STRIPED, OF("vdb", "vdc"),
	       "0 32768 striped 2 128 253:32 2048 253:16 34816\n");
	assert_ok(probe("dm-0", err));
	assert_string_equal(top, "vg0-striped");
	text = layers_text(&layers);
	assert_memory_equal(text,
			    "layer = vg0-striped\nkind = dm\nuuid = " LVM_STRIPED
			    "\nmember = LVMPV=" LVM_PV0 "\nmember = LVMPV=" LVM_PV1
			    "\ntable = 0 32768 striped 2 128 {1} 2048 {0} 34816\n"
			    "lvm = {0} " LVM_VG " 8 ",
			    270);
	assert_non_null(strstr(text, "\nlvm = {1} " LVM_VG " 8 "));
	assert_string_equal(told,
			    "disk /sys/devices/pci0/block/vdb;disk /sys/devices/pci0/block/vdc;"
			    "module dm_mod;");
	/* once more it is the same */
	assert_ok(probe("dm-0", err));
	assert_int_equal(layers.n, 1);
}

static void add_thin(void)
{
	add_pvs();
	mapped(0, "vg0-pool_tmeta", LVM_TMETA, OF("vdc"), "0 8192 linear 253:32 18432\n");
	mapped(1, "vg0-pool_tdata", LVM_TDATA, OF("vdb"), "0 196608 linear 253:16 18432\n");
	mapped(2, "vg0-pool-tpool", LVM_POOL, OF("dm-0", "dm-1"),
	       "0 196608 thin-pool 254:0 254:1 128 0 0\n");
	mapped(3, "vg0-thin", LVM_THIN, OF("dm-2"), "0 409600 thin 254:2 1\n");
}

TEST(a_thin_volume_and_its_pool)
{
	const struct layer *l;

	add_thin();
	assert_ok(probe("dm-3", err));
	assert_string_equal(top, "vg0-thin");
	assert_int_equal(layers.n, 4);
	l = layers_find(&layers, "vg0-pool-tpool");
	assert_string_equal(l->tables[0], "0 196608 thin-pool {0} {1} 128 0 0");
	assert_string_equal(l->members[0], "layer:vg0-pool_tmeta");
	assert_string_equal(l->members[1], "layer:vg0-pool_tdata");
	l = layers_find(&layers, "vg0-thin");
	assert_string_equal(l->tables[0], "0 409600 thin {0} 1");
	/* it has no disk of its own: one of its group's guards it */
	assert_string_equal(l->members[0], "layer:vg0-pool-tpool");
	assert_memory_equal(l->members[1], "LVMPV=", 6);
	assert_memory_equal(l->lvm[0], "{1} " LVM_VG " 8 ", 45);
	check_told("module dm_thin_pool;");
	assert_ok(layers_check(&layers, err));
}

/* A second target on a pool that is known already: it was not guarded. */
TEST(two_thin_volumes_of_a_pool)
{
	add_thin();
	mapped(4, "vg0-linear", LVM_LINEAR, OF("dm-2"), "0 409600 thin 254:2 2\n");
	assert_ok(probe("dm-3", err));
	assert_ok(probe("dm-4", err));
	assert_int_equal(layers.n, 5);
	assert_non_null(layers_find(&layers, "vg0-linear")->lvm[0]);
	assert_null(strstr(told, "note"));
}

TEST(metadata_that_is_damaged)
{
	add_pvs();
	mapped(0, "vg0-linear", LVM_LINEAR, OF("vdb"), "0 8 linear 253:16 0\n");
	disk_flip("dev/vdb", LVM_AREA + 600);
	check_refused("dm-0", ERR_CORRUPT, "dm-0 (vg0-linear): vdb: the checksum of its metadata");
}

/* ---- arrays */

TEST(an_array_with_partitions)
{
	static const struct table_part parts[] = {{.first = 16, .last = 31, .label = "dumps"}};

	add_block("pci0/block", "vdb", "253:16\n");
	add_block("pci0/block", "vdc", "253:32\n");
	put_md1("dev/vdb", 4096, 0x10);
	put_md1("dev/vdc", 4096, 0x10);
	add_block("virtual/block", "md127", "9:127\n");
	put_gpt("dev/md127", DISK_SIZE, 512, parts, 1);
	put_file("sys/class/block/md127/md/metadata_version", "1.2\n");
	put_file("sys/class/block/md127/md/level", "raid5\n");
	put_file("sys/class/block/md127/slaves/vdb", "");
	put_file("sys/class/block/md127/slaves/vdc", "");
	add_block("virtual/block/md127", "md127p1", "259:0\n");
	put_file("sys/class/block/md127p1/partition", "1\n");
	put_file("sys/class/block/md127p1/start", "16\n");
	mapped(0, "data", "", OF("md127p1"), "0 8 linear 259:0 0\n");
	check_layers("dm-0", "data",
		     "layer = md127\nkind = md\nuuid = 10111213:14151617:18191a1b:1c1d1e1f\n"
		     "member = "
		     "MD=10111213:14151617:18191a1b:1c1d1e1f/00000000:00000000:00000000:00000000\n"
		     "member = "
		     "MD=10111213:14151617:18191a1b:1c1d1e1f/00000000:00000000:00000000:00000000\n"
		     "layer = data\nkind = dm\nmember = layer:md127 PARTUUID=" GUID_10
		     "\ntable = 0 8 linear {0} 0\n");
	check_told("module md_mod;module raid456;");
	/* the partition itself: its array is the layer */
	assert_ok(probe("md127p1", err));
	assert_string_equal(top, "md127");
	put_file("sys/class/block/md127/md/metadata_version", "external:imsm\n");
	layers_deinit(&layers);
	check_refused("md127", ERR_UNSUPPORTED, "md127: its metadata is that of a firmware (imsm)");
}

/* ---- multipath */

TEST(ways_to_a_disk)
{
	add_block("pci0/block", "sda", "8:0\n");
	add_block("pci0/block", "sdb", "8:16\n");
	put_file("sys/class/block/sda/device/wwid", "naa.6001\n");
	put_file("sys/class/block/sdb/device/wwid", "naa.6001\n");
	mapped(0, "mpatha", "mpath-36001", OF("sda", "sdb"),
	       "0 2048 multipath 2 queue_if_no_path retain_attached_hw_handler 1 alua 1 1 "
	       "service-time 0 2 2 8:0 1 1 8:16 1 1\n");
	/* without queue_if_no_path: the next target is to have its turn */
	check_layers("dm-0", "mpatha",
		     "layer = mpatha\nkind = multipath\nuuid = mpath-36001\n"
		     "member = WWID=naa.6001\ntable = 0 2048 multipath 0 1 alua\n");
	check_told("module dm_multipath;module dm_round_robin;module scsi_dh_alua;");
	layers_deinit(&layers);
	put_file("dm/mpatha", "0 2048 multipath 9 x\n");
	check_refused("dm-0", ERR_CORRUPT, "dm-0 (mpatha): its table is none of dm-multipath");
}

/* ---- LUKS */

static void put_luks2(const char *path, const char *kdf, const char *segment)
{
	_cleanup_free_ uint8_t *b = calloc(1, 16384);
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	assert_non_null(b);
	memcpy(b, "LUKS\xba\xbe\0\2", 8);
	PUT_BE64(b + 8, UINT64_C(16384));
	strcpy((char *)b + 72, "sha256");
	strcpy((char *)b + 168, LUKS_UUID);
	snprintf((char *)b + 4096, 4096,
		 "{\"keyslots\":{\"0\":{\"kdf\":{%s}}},\"segments\":{\"0\":{%s}}}", kdf, segment);
	sha256_init(&sha);
	sha256_update(&sha, b, 16384);
	sha256_final(&sha, digest);
	memcpy(b + 448, digest, sizeof(digest));
	disk_put(path, 0, b, 16384);
}

#define ARGON  "\"type\":\"argon2id\",\"memory\":1048576"
#define PBKDF2 "\"type\":\"pbkdf2\""

static void add_luks(const char *kdf, const char *table)
{
	add_block("pci0/block", "vdb", "253:16\n");
	put_luks2("dev/vdb", kdf, "\"type\":\"crypt\"");
	mapped(0, "dumps", "CRYPT-LUKS2-661f0f7b5818436fab5a1c7d77619425-dumps", OF("vdb"), table);
}

TEST(a_key_of_a_file)
{
	add_luks(ARGON, "0 8 crypt aes-xts-plain64 " HEX_KEY " 0 253:16 32768\n");
	put_file("usr/sbin/cryptsetup", "");
	env.luks_key_file = "/etc/key";
	check_layers("dm-0", "dumps",
		     "layer = dumps\nkind = crypt\n"
		     "uuid = CRYPT-LUKS2-661f0f7b5818436fab5a1c7d77619425-dumps\n"
		     "member = LUKS=" LUKS_UUID "\nkey = file /etc/key\nmemory = 1048576\n");
	check_told("module dm_crypt;");
	check_told("module xts;");
	check_told("program /usr/sbin/cryptsetup;file /etc/key;");
}

TEST(a_key_file_without_the_program)
{
	add_luks(PBKDF2, "0 8 crypt aes-xts-plain64 :64:logon:cryptsetup:x-d0 0 253:16 32768\n");
	env.luks_key_file = "/etc/key";
	check_refused("dm-0", ERR_NOT_FOUND, "the capture needs cryptsetup");
}

TEST(a_key_that_the_kernel_hands_over)
{
	add_luks(ARGON, "0 8 crypt aes-xts-plain64 " HEX_KEY " 0 253:16 32768 1 allow_discards\n");
	make_folders("sys/kernel/config/crash_dm_crypt_keys/");
	put_file("proc/keys",
		 "0ba2ccd8 I--Q---     2 perm 1f3f0000     0 65534 keyring   _uid.0: 2\n"
		 "1c2b3a4d I--Q---     1 perm 3f010000     0     0 logon     other:vk: 64\n"
		 "2c2b3a4d I--Q---     1 perm 3f010000     0     0 logon     lifeboat:vk-" LUKS_UUID
		 ": 64\n");
	env.luks_key_file =
		"/etc/key"; /* the kernel's is better: nothing secret in the image, no Argon2 */
	check_layers("dm-0", "dumps",
		     "layer = dumps\nkind = crypt\n"
		     "uuid = CRYPT-LUKS2-661f0f7b5818436fab5a1c7d77619425-dumps\n"
		     "member = LUKS=" LUKS_UUID "\n"
		     "table = 0 8 crypt aes-xts-plain64 :64:user:lifeboat:vk-" LUKS_UUID
		     " 0 {0} 32768 1 allow_discards\n"
		     "key = kernel lifeboat:vk-" LUKS_UUID "\n");
	check_told("module configfs;");
	assert_null(strstr(told, "file"));
}

/* The kernel cuts a longer name off, and no name has a blank: the search ended there, or took it, before the key that was good. */
TEST(a_key_of_a_long_name)
{
#define LONG_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	add_luks(PBKDF2, "0 8 crypt aes-xts-plain64 " HEX_KEY " 0 253:16 32768\n");
	make_folders("sys/kernel/config/crash_dm_crypt_keys/");
	put_file("proc/keys",
		 "1c2b3a4d I--Q---     1 perm 3f010000     0     0 logon     x:" LONG_64 LONG_64
		 "-" LUKS_UUID ": 64\n"
		 "2c2b3a4d I--Q---     1 perm 3f010000     0     0 logon     x y:" LUKS_UUID
		 ": 64\n"
		 "3c2b3a4d I--Q---     1 perm 3f010000     0     0 logon     vk:" LUKS_UUID
		 ": 64\n");
	check_layers("dm-0", "dumps",
		     "layer = dumps\nkind = crypt\n"
		     "uuid = CRYPT-LUKS2-661f0f7b5818436fab5a1c7d77619425-dumps\n"
		     "member = LUKS=" LUKS_UUID "\n"
		     "table = 0 8 crypt aes-xts-plain64 :64:user:vk:" LUKS_UUID " 0 {0} 32768\n"
		     "key = kernel vk:" LUKS_UUID "\n");
}

TEST(nobody_to_type_a_passphrase)
{
	add_luks(ARGON, "0 8 crypt aes-xts-plain64 " HEX_KEY " 0 253:16 32768\n");
	check_refused(
		"dm-0", ERR_UNSUPPORTED,
		"dm-0 (dumps): it is encrypted (LUKS2), and nobody is there to type a passphrase");
	check_refused("dm-0", ERR_UNSUPPORTED, "this kernel hands no keys over");
	make_folders("sys/kernel/config/crash_dm_crypt_keys/");
	layers_deinit(&layers);
	check_refused("dm-0", ERR_UNSUPPORTED, "link-volume-key=");
	layers_deinit(&layers);
	put_luks2("dev/vdb", PBKDF2, "\"integrity\":{}");
	check_refused("dm-0", ERR_UNSUPPORTED, "encrypted with integrity");
	disk_flip("dev/vdb", 5000);
	check_refused("dm-0", ERR_CORRUPT, "checksum of its LUKS2 header");
}

TEST(encrypted_without_luks)
{
	add_block("pci0/block", "vdb", "253:16\n");
	mapped(0, "swap", "CRYPT-PLAIN-swap", OF("vdb"),
	       "0 8 crypt aes-xts-plain64 " HEX_KEY " 0 253:16 0\n");
	env.luks_key_file = "/etc/key";
	check_refused("dm-0", ERR_UNSUPPORTED, "vdb holds no LUKS header");
}

/* ---- what cannot be made again */

TEST(kinds_that_are_refused)
{
	static const struct {
		const char *table, *why;
	} cases[] = {
		{"0 8 snapshot 253:16 253:16 P 8\n", "it is a snapshot"},
		{"0 8 snapshot-origin 253:16\n", "it has a snapshot"},
		{"0 8 snapshot-merge 253:16 253:16 P 8\n", "is being merged"},
		{"0 8 cache 253:16 253:16 253:16 128 1 writethrough smq 0\n", "without a cache"},
		{"0 8 writecache s 253:16 253:16 4096 0\n", "without a cache"},
		{"0 8 vdo V4 253:16\n", "deduplication"},
		{"0 8 integrity 253:16 0 32 J 0\n", "dm-integrity"},
		{"0 8 verity 1 253:16 253:16\n", "read-only"},
		{"0 8 mirror core 2 1024 nosync 2 253:16 0 253:16 0\n", "mirror of LVM's old kind"},
		{"0 8 zoned 253:16\n", "device-mapper's \"zoned\""},
		{"0 8\n", "has no type"},
		{"\n", "has no table"},
		{"0 8 linear 8:99 0\n", "the device 8:99, which is none of its slaves"},
	};

	add_block("pci0/block", "vdb", "253:16\n");
	put_file("sys/class/block/vdb/serial", "one\n");
	mapped(0, "odd", "", OF("vdb"), "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {0};

		put_file("dm/odd", cases[i].table);
		assert_true(probe("dm-0", &err));
		if (!strstr(err.msg, cases[i].why) || !strstr(err.msg, "dm-0 (odd)"))
			fail_msg("said \"%s\", expected \"%s\"", err.msg, cases[i].why);
		layers_deinit(&layers);
	}
}

TEST(virtual_disks)
{
	add_block("virtual/block", "loop3", "7:3\n");
	put_file("sys/class/block/loop3/loop/backing_file", "/srv/image\n");
	check_refused("loop3", ERR_UNSUPPORTED,
		      "loop3 is a loop device of the file /srv/image: name the file system");
	add_block("virtual/block", "zram0", "252:0\n");
	check_refused("zram0", ERR_UNSUPPORTED, "compressed memory (zram)");
	add_block("rbd/0/block", "rbd0", "251:0\n");
	check_refused("rbd0", ERR_UNSUPPORTED, "Ceph");
	/* below others: all of them are named */
	mapped(0, "data", "", OF("loop3"), "0 8 linear 7:3 0\n");
	check_refused("dm-0", ERR_UNSUPPORTED, "dm-0 (data): loop3 is a loop device");
	add_block("virtual/block", "dm-7", "254:7\n");
	put_file("sys/class/block/dm-7/dm/name", "pool\n");
	put_file("sys/class/block/dm-7/dm/uuid", "stratis-1-private-x\n");
	put_file("dm/pool", "0 8 linear 7:3 0\n");
	check_refused("dm-7", ERR_UNSUPPORTED, "Stratis");
}

/* A device that stands on itself: there is an end. */
TEST(a_ring)
{
	mapped(0, "a", "", NULL, "0 8 linear 254:1 0\n");
	mapped(1, "b", "", OF("dm-0"), "0 8 linear 254:0 0\n");
	put_file("sys/class/block/dm-0/slaves/dm-1", "");
	check_refused("dm-0", ERR_UNSUPPORTED, "more than 16 layers");
	check_refused("none", ERR_NOT_FOUND, "there is no /sys/class/block/none");
}

/* ---- behind a network */

static void add_session(const char *user)
{
	add_block("platform/host2/session1/target2:0:0/2:0:0:5/block", "sdc", "8:32\n");
	put_file("sys/class/iscsi_session/session1/targetname", "iqn.2026-01.test.lab:san\n");
	put_file("sys/class/iscsi_session/session1/initiatorname",
		 "iqn.1993-08.org.debian:01:abc\n");
	put_file("sys/class/iscsi_session/session1/tpgt", "2\n");
	put_file("sys/class/iscsi_session/session1/username", user);
	put_file("sys/class/iscsi_connection/connection1:0/persistent_address", "192.0.2.7\n");
	put_file("sys/class/iscsi_connection/connection1:0/persistent_port", "3260\n");
	put_file("usr/sbin/iscsistart", "");
}

TEST(an_iscsi_disk)
{
	add_session("(null)\n");
	check_layers(
		"sdc", "iscsi0",
		"layer = iscsi0\nkind = iscsi\nserver = 192.0.2.7\nport = 3260\n"
		"target-name = iqn.2026-01.test.lab:san\n"
		"initiator = iqn.1993-08.org.debian:01:abc\ngroup = 2\nlun = 5\nnetwork = bond0\n");
	assert_string_equal(told, "server 192.0.2.7;module iscsi_tcp;module sd_mod;"
				  "program /usr/sbin/iscsistart;");
}

TEST(an_iscsi_disk_with_a_password)
{
	add_session("me\n");
	check_refused("sdc", ERR_UNSUPPORTED,
		      "sdc: it is an iSCSI disk whose target asks for a password");
	env.iscsi_secret_file = "/etc/chap";
	assert_ok(probe("sdc", err));
	assert_string_equal(layers.v[0].user, "me");
	assert_string_equal(layers.v[0].secret, "/etc/chap");
	check_told("file /etc/chap;");
}

TEST(an_nvme_disk_behind_tcp)
{
	add_block("virtual/nvme-subsystem/nvme-subsys0", "nvme0n1", "259:1\n");
	make_folders("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0/");
	put_file("sys/class/block/nvme0n1/wwid", "uuid.0001\n");
	put_file("sys/class/nvme/nvme0/transport", "tcp\n");
	put_file("sys/class/nvme/nvme0/address",
		 "traddr=2001:db8::7,trsvcid=4420,src_addr=2001:db8::1\n");
	put_file("sys/class/nvme/nvme0/subsysnqn", "nqn.2026-01.test.lab:x\n");
	put_file("sys/class/nvme/nvme0/hostnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n");
	put_file("sys/class/nvme/nvme0/hostid", "0001-02\n");
	check_layers("nvme0n1", "nvme-tcp0",
		     "layer = nvme-tcp0\nkind = nvme-tcp\nmember = WWID=uuid.0001\n"
		     "server = 2001:db8::7\nport = 4420\ntarget-name = nqn.2026-01.test.lab:x\n"
		     "initiator = nqn.2014-08.org.nvmexpress:uuid:1\nhost-id = 0001-02\n"
		     "network = bond0\n");
	put_file("sys/class/nvme/nvme0/transport", "rdma\n");
	layers_deinit(&layers);
	check_refused("nvme0n1", ERR_UNSUPPORTED, "a network of the kind rdma");
	put_file("sys/class/nvme/nvme0/transport", "pcie\n");
	check_layers("nvme0n1", "", "");
}

#define STACK_TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STACK_TEST(plain_disks_have_no_layers),
		STACK_TEST(a_striped_volume),
		STACK_TEST(a_thin_volume_and_its_pool),
		STACK_TEST(two_thin_volumes_of_a_pool),
		STACK_TEST(metadata_that_is_damaged),
		STACK_TEST(an_array_with_partitions),
		STACK_TEST(ways_to_a_disk),
		STACK_TEST(a_key_of_a_file),
		STACK_TEST(a_key_file_without_the_program),
		STACK_TEST(a_key_that_the_kernel_hands_over),
		STACK_TEST(a_key_of_a_long_name),
		STACK_TEST(nobody_to_type_a_passphrase),
		STACK_TEST(encrypted_without_luks),
		STACK_TEST(kinds_that_are_refused),
		STACK_TEST(virtual_disks),
		STACK_TEST(a_ring),
		STACK_TEST(an_iscsi_disk),
		STACK_TEST(an_iscsi_disk_with_a_password),
		STACK_TEST(an_nvme_disk_behind_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
