// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "storage/layer.h"
#include "tests/unit/stack_fixture.h"

#define PV     "Kjv2cA-Zr4N-u7Tf-DrEe-vMsz-T2Yb-eSd3Vu"
#define VG     "gP3ApU-3xHT-wF2E-zzBi-Yc0A-0n0B-SPGU3r"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char stack[] =
	"layer = md127\n"
	"kind = md\n"
	"uuid = 11111111:22222222:33333333:44444444\n"
	"member = MD=11111111:22222222:33333333:44444444:0a\n"
	"member = WWID=t10.ATA     QEMU HARDDISK   QM00001\n"
	"layer = luks-root\n"
	"kind = crypt\n"
	"uuid = CRYPT-LUKS2-00-luks-root\n"
	"member = layer:md127 PARTUUID=1234abcd-02\n"
	"table = 0 2048 crypt aes-xts-plain64 :64:logon:cryptsetup:00-d0 0 {0} 32768\n"
	"key = kernel cryptsetup:00-d0\n"
	"memory = 1048576\n"
	"layer = mpatha\n"
	"kind = multipath\n"
	"uuid = mpath-360000\n"
	"member = WWID=naa.60000\n"
	"table = 0 204800 multipath 1 queue_if_no_path 1 alua\n"
	"layer = vg0-dumps\n"
	"kind = dm\n"
	"uuid = LVM-gP3ApU\n"
	"member = layer:luks-root\n"
	"member = LVMPV=" PV "\n"
	"member = /dev/disk/by-path/x\n"
	"table = 0 204800 linear {0} 2048\n"
	"table = 204800 8 striped 2 128 {1} 0 {2} 0\n"
	"lvm = {1} " VG " 7 " DIGEST "\n"
	"layer = iscsi0\n"
	"kind = iscsi\n"
	"member = WWID=t10.IET\n"
	"server = 2001:db8::7\n"
	"port = 3260\n"
	"target-name = iqn.2026-01.org.example:dumps\n"
	"initiator = iqn.1993-08.org.debian:01:abc\n"
	"user = me\n"
	"secret = /etc/lifeboat/chap\n"
	"lun = 0\n"
	"network = bond0.20\n"
	"layer = nvme0\n"
	"kind = nvme-tcp\n"
	"member = WWID=uuid.0001\n"
	"server = 192.0.2.7\n"
	"port = 4420\n"
	"target-name = nqn.2014-08.org.nvmexpress:x\n"
	"initiator = nqn.2014-08.org.nvmexpress:uuid:y\n"
	"host-id = 01234567-89ab\n"
	"network = eth0\n";

TEST(text_is_read_and_written_the_same)
{
	struct layers layers = {0};
	size_t len = 0;
	char *text = NULL;
	FILE *to;

	assert_ok(read_layers(stack, &layers, err));
	assert_int_equal(layers.n, 6);
	to = open_memstream(&text, &len);
	for (size_t i = 0; i < layers.n; i++)
		layer_put(&layers.v[i], to);
	fclose(to);
	assert_string_equal(text, stack);
	assert_int_equal(layers_find(&layers, "luks-root")->memory, 1048576);
	assert_int_equal(layers_find(&layers, "iscsi0")->port, 3260);
	assert_string_equal(layers_find(&layers, "mpatha")->members[0], "WWID=naa.60000");
	assert_null(layers_find(&layers, "mpathb"));
	free(text);
	layers_deinit(&layers);
	assert_null(layers.v);
}

/* Each text is refused with a message that has the part. */
TEST(what_is_refused)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"layer = a b\n", "name of a layer"},
		{"layer = ../x\n", "name of a layer"},
		{"layer = -x\n", "name of a layer"}, /* an option of cryptsetup(8) */
		{"layer = a\nkind = dm\nlayer = a\n", "two layers a"},
		{"layer = a\nkind = lvm\n", "dm, crypt, multipath"},
		{"layer = a\nkind = dm\nkind = dm\n", "'kind' is there twice"},
		{"layer = a\nlun = 0\nlun = 0\n", "'lun' is there twice"},
		{"layer = a\nlun = 1x\n", "1x"},
		{"layer = a\nport = 0\n", "0"},
		{"layer = a\nbogus = 1\n", "no key 'bogus'"},
		{"layer = a\ntable = 0 1 zero\n", "'kind' is missing"},
		{"layer = a\nkind = dm\ntable = 0 1 zero\n", "'member' is missing"},
		{"layer = a\nkind = dm\nmember = /dev/vda\n", "'table' is missing"},
		{"layer = a\nkind = md\nmember = /dev/vda\n", "'uuid' is missing"},
		{"layer = a\nkind = md\nuuid = 1\nmember = MD=1:2\nserver = 1.2.3.4\n",
		 "kind md has no 'server'"},
		{"layer = a\nmember = /dev/../x\n", "name of a member"},
		{"layer = a\nmember = vda\n", "name of a member"},
		{"layer = a\nmember = UUID=1234\n", "name of a member"},
		{"layer = a\nmember = PARTUUID=xyz\n", "name of a member"},
		{"layer = a\nmember = LVMPV=short\n", "name of a member"},
		{"layer = a\nmember = layer:x WWID=1\n", "name of a member"},
		{"layer = a\nmember = layer:\n", "name of a member"},
		{"layer = a\nkind = dm\nmember = layer:a\ntable = 0 1 linear {0} 0\n",
		 "no layer that comes before"},
		{"layer = a\nkind = dm\nmember = /dev/vda\ntable = 0 1 linear {1} 0\n",
		 "no member 1"},
		{"layer = a\nkind = dm\nmember = /dev/vda\ntable = 0 1 linear {x} 0\n",
		 "number in braces"},
		{"layer = a\nkind = dm\nmember = /dev/vda\ntable = 0 1 linear {0 0\n",
		 "number in braces"},
		{"layer = a\nkind = dm\nmember = /dev/vda\ntable = 0 1 linear 0}\n",
		 "number in braces"},
		{"layer = a\nlvm = {0} " VG " 7\n", "VGUUID SEQNO DIGEST"},
		{"layer = a\nlvm = {0} " VG " x " DIGEST "\n", "VGUUID SEQNO DIGEST"},
		{"layer = a\nlvm = {0} " VG "0 7 " DIGEST "\n", "VGUUID SEQNO DIGEST"},
		{"layer = a\nkind = dm\nmember = /dev/vda\ntable = 0 1 linear {0} 0\n"
		 "lvm = {1} " VG " 7 " DIGEST "\n",
		 "no member 1"},
		{"layer = a\nkey = secret\n", "kernel NAME"},
		{"layer = a\nkey = file relative\n", "file PATH"},
		{"layer = a\nkey = kernel two words\n", "kernel NAME"},
		{"layer = a\nkind = crypt\nmember = LUKS=1\nkey = kernel x\n",
		 "'table' is missing"},
		{"layer = a\nkind = multipath\nuuid = u\nmember = WWID=1\n"
		 "table = 0 1 multipath {0}\n",
		 "no member 0"},
		{"layer = a\nserver = nas.example.org\n", "an address"},
		{"layer = a\nkind = iscsi\nserver = ::1\nport = 1\ntarget-name = t\ninitiator = i\n"
		 "lun = 0\nnetwork = e\nuser = u\n",
		 "belong together"},
		{"layer = a\nkind = iscsi\nserver = ::1\nport = 1\ntarget-name = t\ninitiator = i\n"
		 "network = e\n",
		 "'lun' is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layers layers = {0};

		assert_fails(read_layers(cases[i].text, &layers, err), ERR_USAGE, cases[i].part);
		layers_deinit(&layers);
	}
}

TEST(values_that_a_line_cannot_have)
{
	struct layers layers = {0};
	struct layer *l;

	assert_ok(layers_add(&layers, "a", &l, err));
	assert_fails(layer_set(l, "member", "WWID=a\nkey = file /x", err), ERR_USAGE, "member");
	assert_fails(layer_set(l, "member", "WWID=a ", err), ERR_USAGE, "name of a member");
	assert_fails(layer_set(l, "member", "", err), ERR_USAGE, "name of a member");
	layers_deinit(&layers);
}

TEST(there_is_an_end_of_layers_and_members)
{
	struct layers layers = {0};
	struct layer *l;
	char name[16];

	for (int i = 0; i < LAYER_MAX; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		assert_ok(layers_add(&layers, name, &l, err));
	}
	assert_fails(layers_add(&layers, "more", &l, err), ERR_USAGE, "more than 64");
	for (int i = 0; i < LAYER_MAX_EACH; i++)
		assert_ok(layer_set(l, "member", "/dev/vda", err));
	assert_fails(layer_set(l, "member", "/dev/vda", err), ERR_USAGE, "more than 512");
	layers_deinit(&layers);
}

static const char *numbered(void *ctx, size_t member)
{
	static const char *const names[] = {"254:0", "8:16"};

	(void)ctx;
	return member < ARRAY_SIZE(names) ? names[member] : NULL;
}

TEST(rows_are_filled)
{
	char *text = NULL;

	assert_ok(layer_fill("0 8 striped 2 128 {1} 0 {0} 7", numbered, NULL, &text, err));
	assert_string_equal(text, "0 8 striped 2 128 8:16 0 254:0 7");
	free(text);
	assert_fails(layer_fill("{2}", numbered, NULL, &text, err), ERR_USAGE, "no member 2");
	assert_fails(layer_fill("{99999}", numbered, NULL, &text, err), ERR_USAGE, "braces");
	assert_fails(layer_fill("{}", numbered, NULL, &text, err), ERR_USAGE, "braces");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_and_written_the_same),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(values_that_a_line_cannot_have),
		cmocka_unit_test(there_is_an_end_of_layers_and_members),
		cmocka_unit_test(rows_are_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
