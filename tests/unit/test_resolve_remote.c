// SPDX-License-Identifier: GPL-2.0-or-later
/* From configurations with remote targets to recipes: on the recorded machine disk-virtio, with a network of its own. */
#include "config/resolve.h"
#include "tests/unit/netlink_fixture.h"

#define KERNEL "6.1.0-test"
#define KEY    "AAAAC3NzaC1lZDI1NTE5AAAAIHst0MC/b9qriUmuv6n3pYoJzdz9f6+/Pt66DhPmIQ8E"
#define PRIVATE                                                                    \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n"                                    \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n" \
	"QyNTUxOQAAACB7LdDAv2/aq4lJrr+p96WKCc3c/X+vvz7eug4T5iEPBAAAAJDAvQ1CwL0N\n"

static struct recorded m;
static struct resolved out;
static struct resolve_env env;

static void shell(const char *command)
{
	char text[2048];

	snprintf(text, sizeof(text), "cd %s && { %s; }", m.path, command);
	if (system(text))
		fail_msg("this has failed: %s", command);
}

/* eth0 of virtio, 192.0.2.5/24 and 2001:db8::5/64, a gateway; eth1 besides; what a client needs. */
static int make_machine(void **state)
{
	char here[256], command[512];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	recorded_init(&m);
	snprintf(command, sizeof(command), "cp -a %s/tests/roots/disk-virtio/. .", here);
	shell(command);
	shell("chmod -R u+w . && d=sys/devices/pci0000:00/0000:00:09.0/virtio9 && mkdir -p "
	      "$d/net/eth0 sys/class/net sys/bus/virtio/drivers/virtio_net sys/module/virtio_net "
	      "&& "
	      "ln -s ../../../bus/pci/drivers/virtio-pci $d/../driver && ln -s "
	      "../../../../bus/virtio/drivers/virtio_net $d/driver && "
	      "ln -s ../../../../module/virtio_net sys/bus/virtio/drivers/virtio_net/module && "
	      ": > sys/module/virtio_net/initstate && "
	      "ln -s ../../devices/pci0000:00/0000:00:09.0/virtio9/net/eth0 sys/class/net/eth0 && "
	      "cd lib/modules/6.1.0-test && for i in net/virtio_net fs/nfs fs/nfsv3 fs/nfsv4 "
	      "net/8021q net/af_packet; do echo kernel/$i.ko: >> modules.dep; done && "
	      "echo alias fs-nfs nfs >> modules.alias");
	recorded_link(
		&m, (struct recorded_link){.index = 2, .name = "eth0", .mac = "52:54:00:00:00:01"});
	recorded_link(
		&m, (struct recorded_link){.index = 3, .name = "eth1", .mac = "52:54:00:00:00:02"});
	recorded_address(&m, 2, "192.0.2.5/24", 0);
	recorded_address(&m, 2, "2001:db8::5/64", 0);
	recorded_address(&m, 3, "198.51.100.5/24", 0);
	recorded_route(&m,
		       (struct recorded_route){.route = "192.0.2.0/24 from 192.0.2.5", .index = 2});
	recorded_route(
		&m, (struct recorded_route){.route = "2001:db8::/64 from 2001:db8::5", .index = 2});
	recorded_route(&m, (struct recorded_route){.route = "198.51.100.0/24 from 198.51.100.5",
						   .index = 3});
	recorded_file(&m, "/etc/hosts",
		      "192.0.2.8 nas other\n192.0.2.7\tnas dumps # two of them\n2001:db8::7 dumps\n"
		      "fe80::1 dumps\n203.0.113.9 far\n198.51.100.9 both\n192.0.2.10 both\n");
	recorded_file(&m, "/proc/sys/kernel/hostname", "web 1.example.com\n");
	recorded_file(&m, "/etc/lifeboat/ssh/id_ed25519", PRIVATE);
	recorded_file(&m, "/etc/lifeboat/ssh/known_hosts",
		      "dumps ssh-ed25519 " KEY "\n[dumps]:2222 ssh-ed25519 " KEY "\n");
	recorded_file(&m, "/etc/ssl/certs/ca-certificates.crt", "-----BEGIN CERTIFICATE-----\n");
	recorded_file(&m, "/etc/header", "Authorization: Bearer x\n");
	recorded_file(&m, "/etc/s3",
		      "aws_access_key_id = a\naws_secret_access_key = b\naws_session_token = c\n");
	env = (struct resolve_env){.root = &m.root, .kernel = KERNEL};
	return 0;
}

static int forget(void **state)
{
	(void)state;
	resolve_deinit(&out);
	recorded_deinit(&m);
	return 0;
}

static int resolve(const char *text, struct err *err)
{
	struct config *config = NULL;
	int r;

	resolve_deinit(&out);
	if (config_create((struct bytes){(const uint8_t *)text, strlen(text)}, "conf", &config,
			  err))
		return err->code;
	r = resolve_recipe(config, &env, &out, err);
	config_destroy(config);
	return r;
}

static bool has(char *const *list, const char *part)
{
	for (; *list; list++)
		if (strstr(*list, part))
			return true;
	return false;
}

static void assert_note(const char *part)
{
	if (has(out.notes, part))
		return;
	for (char **n = out.notes; *n; n++)
		print_message("note: %s\n", *n);
	fail_msg("no note says '%s'", part);
}

/* The lines of the target behind its kind, as the recipe has them; checks that it is one. */
static void assert_lines(const char *want)
{
	_cleanup_free_ char *text = NULL;
	struct recipe *again = NULL;
	size_t len;

	assert_ok(recipe_format(out.recipe, &text, &len, err));
	assert_ok(recipe_create((struct bytes){(const uint8_t *)text, len}, "again", &again, err));
	recipe_destroy(again);
	if (!strstr(text, want))
		fail_msg("not in the recipe:\n%s\nbut:\n%s", want, text);
}

static void assert_modules(const char *want)
{
	char names[1024] = "";

	for (char **n = out.recipe->modules; *n; n++)
		strcat(strcat(names, *names ? " " : ""), *n);
	assert_string_equal(names, want);
}

#define QUIET "watchdog off\npstore no\n"

/* ---- each kind */

TEST(nfs)
{
	assert_ok(resolve(QUIET "nfs nas:/srv/crash\n", err));
	assert_lines("target = nfs\n");
	assert_lines("server = 192.0.2.7\nserver = 192.0.2.8\nhost = nas\nport = 2049\n"
		     "network = eth0\nexport = /srv/crash\n");
	assert_lines("mount-options = vers=4.2\npath = /var/crash/web_1.example.com\n");
	assert_lines("link = eth0\nkind = physical\nmac = 52:54:00:00:00:01\n");
	assert_modules("nfs nfsv4 virtio_pci virtio_net");
	assert_note("line 3: nfs nas:/srv/crash (192.0.2.7 192.0.2.8, port 2049, through eth0)");
	assert_null(out.missing[0]);
	assert_ok(resolve(QUIET
			  "nfs [2001:db8::7]:/\nmount_options vers=3,noatime,port=2050\npath /\n",
			  err));
	assert_lines("server = 2001:db8::7\nhost = 2001:db8::7\nport = 2050\n");
	assert_lines("export = /\n");
	assert_lines("mount-options = vers=3,port=2050\npath = /web_1.example.com\n");
	assert_modules("nfs nfsv3 virtio_pci virtio_net");
	assert_fails(resolve("nfs nas:/x\nmount_options hard\n", err), ERR_USAGE,
		     "conf: line 1: nfs nas:/x: mount_options: hard: a server that is gone");
	assert_fails(resolve("nfs nas:/x\nmount_options sec=krb5\n", err), ERR_UNSUPPORTED,
		     "sec=krb5 takes a daemon");
	assert_fails(resolve("nfs nas:/x\nmount_options vers=2\n", err), ERR_UNSUPPORTED,
		     "NFS version 2");
	assert_fails(resolve("nfs nas:/x\nnfs nas:/x/\n", err), ERR_USAGE, "the same place");
}

/* In fstab, and no target's line: as kdump has it for local file systems. */
TEST(nfs_that_is_mounted)
{
	shell("echo '40 30 0:40 / /var/crash rw,relatime shared:9 - nfs4 "
	      "gone:/srv rw,vers=4.1,hard,proto=tcp,timeo=600,sec=sys,addr=192.0.2.7' >> "
	      "proc/self/mountinfo");
	assert_ok(resolve("path /var/crash/here\n", err));
	assert_lines(
		"server = 192.0.2.7\nhost = gone\nport = 2049\nnetwork = eth0\nexport = /srv\n");
	assert_lines("mount-options = vers=4.1,sec=sys\npath = /here\n");
	assert_note("its address is that of the mount, 192.0.2.7");
	/* what cannot be sent must not wait there */
	assert_fails(resolve("ssh a@dumps\nspool 1M\n", err), ERR_USAGE,
		     "conf: spool: /var/crash: /var/crash is on gone:/srv");
}

TEST(ssh)
{
	assert_ok(
		resolve(QUIET "ssh kdump@dumps\nssh_port 2222\npath /in\nsftp kdump@dumps\n", err));
	assert_lines("target = ssh\n");
	assert_lines("server = 192.0.2.7\nserver = 2001:db8::7\nhost = dumps\nport = 2222\n"
		     "network = eth0\nuser = kdump\nidentity = /etc/lifeboat/ssh/id_ed25519\n"
		     "host-key = ssh-ed25519 " KEY "\n");
	assert_lines("path = /in/web_1.example.com\n");
	assert_lines("target = sftp\n");
	assert_string_equal(out.recipe->programs[0], RESOLVE_SSH);
	assert_null(out.recipe->programs[1]);
	assert_string_equal(out.recipe->files[0], "/etc/lifeboat/ssh/id_ed25519");
	assert_null(out.recipe->files[1]);
	assert_modules("virtio_pci virtio_net");
}

TEST(keys_of_ssh)
{
	assert_fails(resolve("ssh a@nas\n", err), ERR_USAGE,
		     "conf: line 1: ssh a@nas: no key of nas, port 22, is pinned in "
		     "/etc/lifeboat/ssh/known_hosts (or root's, or /etc/ssh's), and nobody can be "
		     "asked after a crash: `lifeboat propagate -p 22 a@nas` does it");
	recorded_file(&m, "/root/.ssh/known_hosts", "nas ssh-ed25519 " KEY "\n");
	assert_ok(resolve("ssh a@nas\n", err));
	recorded_file(&m, "/etc/ssh/ssh_known_hosts", "@revoked nas ssh-ed25519 " KEY "\n");
	assert_fails(resolve("ssh a@nas\n", err), ERR_USAGE, "the key of nas is marked as revoked");
	assert_fails(resolve("ssh a@dumps\nssh_known_hosts /etc/none\n", err), ERR_NOT_FOUND,
		     "ssh_known_hosts");
	recorded_file(&m, "/etc/locked",
		      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n");
	assert_fails(resolve("ssh a@dumps\nsshkey /etc/locked\n", err), ERR_USAGE,
		     "/etc/locked: it has a passphrase");
	assert_fails(resolve("ssh a@dumps\nsshkey /etc/none\n", err), ERR_NOT_FOUND,
		     "there is no key /etc/none: `lifeboat propagate a@dumps` makes one");
	/* kdump's, where there is none of ours */
	shell("rm etc/lifeboat/ssh/id_ed25519");
	recorded_file(&m, "/root/.ssh/kdump_id_rsa", "-----BEGIN RSA PRIVATE KEY-----\n");
	assert_ok(resolve("ssh a@dumps\n", err));
	assert_lines("identity = /root/.ssh/kdump_id_rsa\n");
}

TEST(web)
{
	assert_ok(resolve(QUIET "https https://dumps:8443/in?sig=x\nhttps_header /etc/header\n"
				"s3 s3://bucket/pre\ns3_endpoint https://nas\ns3_credentials "
				"/etc/s3\n",
			  err));
	assert_lines("target = https\n");
	assert_lines("host = dumps\nport = 8443\nnetwork = eth0\n");
	assert_lines("url = https://dumps:8443/in/?sig=x\n");
	assert_lines("credentials = /etc/header\nca = /etc/ssl/certs/ca-certificates.crt\n");
	assert_lines("path = /web_1.example.com\n");
	assert_lines("url = https://nas\nbucket = bucket\nregion = us-east-1\npath-style = yes\n");
	assert_lines("path = /pre/web_1.example.com\n");
	assert_string_equal(out.recipe->programs[0], RESOLVE_SEND);
	assert_int_equal(out.recipe->files[2] != NULL && !out.recipe->files[3], true);
	/* the name that is looked up, connected to and certified has the bucket in it */
	recorded_file(&m, "/etc/hosts", "192.0.2.7 dumps\n192.0.2.8 nas bucket.nas\n");
	assert_ok(resolve(QUIET "https https://dumps:8443/in?sig=x\ns3 s3://bucket/pre\n"
				"s3_endpoint https://nas\ns3_path_style no\n"
				"s3_credentials /etc/s3\n",
			  err));
	assert_lines("host = bucket.nas\n");
	assert_lines("url = https://nas\nbucket = bucket\nregion = us-east-1\npath-style = no\n");
	/* no note tells what may be a secret */
	for (char **n = out.notes; *n; n++)
		assert_null(strstr(*n, "sig="));
	assert_fails(resolve("s3 s3://bucket\ns3_endpoint https://nas\n", err), ERR_USAGE,
		     "s3_credentials is missing");
	assert_fails(resolve("https https://dumps\ntls_ca /etc/header\n", err), ERR_USAGE,
		     "/etc/header: there is no certificate in it");
	assert_fails(
		resolve("s3 s3://bucket\ns3_endpoint https://nas\ns3_credentials /etc/header\n",
			err),
		ERR_USAGE, "no \"key = value\"");
	shell("rm etc/ssl/certs/ca-certificates.crt");
	assert_fails(resolve("https https://dumps\n", err), ERR_NOT_FOUND, "tls_ca");
}

/* ---- names and ways */

TEST(names_that_are_not_known)
{
	assert_fails(resolve("nfs nowhere:/x\n", err), ERR_NOT_FOUND,
		     "conf: line 1: nfs nowhere:/x: the name 'nowhere' cannot be resolved");
	assert_fails(resolve("nfs nowhere:/x\nlog_only ssh a@dumps\n", err), ERR_NOT_FOUND,
		     "nowhere");
	/* another target takes dumps: this one is left out, whole, and that is said */
	assert_ok(resolve(QUIET "nfs nowhere:/x\nssh a@dumps\n", err));
	assert_int_equal(out.recipe->n_targets, 1);
	assert_int_equal(out.recipe->targets[0].kind, TARGET_SSH);
	assert_true(has(out.missing, "left out, so that no dump will go there: conf: line 3: nfs "
				     "nowhere:/x: the name 'nowhere'"));
	assert_ok(resolve("log_only nfs nowhere:/x\nssh a@dumps\n", err));
	assert_non_null(out.missing[0]);
	/* a spool is a target, but for nothing that would be sent */
	assert_ok(resolve("nfs nowhere:/x\nspool 1M\n", err));
}

TEST(ways_that_are_not_there)
{
	assert_fails(resolve("nfs far:/x\n", err), ERR_NOT_FOUND,
		     "conf: line 1: nfs far:/x: far: ");
	assert_ok(resolve("nfs far:/x\nssh a@dumps\n", err));
	assert_int_equal(out.recipe->n_targets, 1);
	assert_non_null(out.missing[0]);
	/* through two interfaces: the first one's addresses */
	assert_ok(resolve("nfs both:/x\n", err));
	assert_lines("server = 192.0.2.10\nhost = both\n");
	assert_note(
		"198.51.100.9 is left out of the addresses of both: it is reached through eth1, "
		"and not eth0");
}

/* The image that there is knows what cannot be asked for now. */
TEST(what_the_older_image_knows)
{
	struct resolved older;

	assert_ok(resolve(QUIET "nfs nas:/x\n", err));
	older = out;
	out = (struct resolved){0};
	env.previous = older.recipe;
	/* no answer now */
	recorded_file(&m, "/etc/hosts", "");
	assert_ok(resolve(QUIET "nfs nas:/x\n", err));
	assert_lines("server = 192.0.2.7\nserver = 192.0.2.8\n");
	assert_note("the addresses that it had when the image was built are taken");
	assert_null(out.missing[0]);
	/* other answers, as a server deals them out: the same image as long as one of them is known */
	recorded_file(&m, "/etc/hosts", "192.0.2.9 nas\n192.0.2.8 nas\n");
	assert_ok(resolve(QUIET "nfs nas:/x\n", err));
	assert_lines("server = 192.0.2.7\nserver = 192.0.2.8\n");
	recorded_file(&m, "/etc/hosts", "192.0.2.9 nas\n");
	assert_ok(resolve(QUIET "nfs nas:/x\n", err));
	assert_lines("server = 192.0.2.9\nhost = nas\n");
	/* no route now */
	recorded_file(&m, "/etc/hosts", "192.0.2.7 nas\n");
	recorded_file(&m, "/netlink/routes", "");
	assert_ok(resolve(QUIET "nfs nas:/x\n", err));
	assert_lines("link = eth0\nkind = physical\nmac = 52:54:00:00:00:01\n");
	assert_note("the network that it had when the image was built is taken");
	resolve_deinit(&older);
}

static int no_answer(const struct root *root, const char *host,
		     struct net_ip ret[RECIPE_MAX_SERVERS], size_t *ret_n, struct err *err)
{
	(void)root;
	(void)ret;
	(void)ret_n;
	return err_set(err, ERR_TIMEOUT, "the name '%s' was not resolved within 10 s", host);
}

TEST(dns_that_is_dead)
{
	env.lookup = no_answer;
	assert_fails(resolve("nfs nas:/x\n", err), ERR_TIMEOUT, "was not resolved");
	assert_ok(resolve("nfs nas:/x\next4 /dev/vda1\n", err));
	assert_int_equal(out.recipe->n_targets, 1);
	assert_non_null(out.missing[0]);
}

/* ---- for a machine that sends */

/*
 * A way out that no capture kernel could make (here: none at all) kept a machine from ever sending what was spooled, and so
 * did a local target that was gone.
 */
TEST(to_send_neither_links_nor_local_targets_are_wanted)
{
	assert_fails(resolve(QUIET "nfs far:/x\next4 UUID=no-such-disk\nspool 2G\n", err),
		     ERR_NOT_FOUND, "");
	env.sending = true;
	assert_ok(resolve(QUIET
			  "nfs far:/x\next4 UUID=no-such-disk\nlog_only nfs nas:/log\nspool 2G\n",
			  err));
	assert_int_equal(out.recipe->n_targets, 1);
	assert_string_equal(out.recipe->targets[0].servers[0], "203.0.113.9");
	assert_string_equal(out.recipe->targets[0].network, "");
	assert_int_equal(out.recipe->net.n, 0);
}

/* ---- the rest */

TEST(spool)
{
	assert_ok(resolve(QUIET "path /spool\nssh a@dumps\nspool 2G\n", err));
	assert_int_equal(out.recipe->n_targets, 2);
	assert_int_equal(out.recipe->targets[1].kind, TARGET_FS);
	assert_true(out.recipe->targets[1].spool);
	assert_int_equal(out.recipe->targets[1].limit, UINT64_C(2) << 30);
	assert_string_equal(out.recipe->targets[1].path, "/spool");
	assert_lines("spool = yes\nlimit = 2147483648\n");
	/* dump_to_rootfs is the same place then */
	assert_ok(resolve(QUIET "ssh a@dumps\nspool 2G\nfailure_action dump_to_rootfs\n", err));
	assert_int_equal(out.recipe->n_targets, 2);
}

TEST(machines_without_a_name)
{
	recorded_file(&m, "/proc/sys/kernel/hostname", "localhost.localdomain\n");
	recorded_file(&m, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	assert_ok(resolve("ssh a@dumps\npath /\n", err));
	/* printf 'lifeboat crashes of %s' ID | sha256sum */
	assert_lines("path = /machine-e9875203664a\n");
	shell("rm etc/machine-id");
	assert_fails(resolve("ssh a@dumps\n", err), ERR_NOT_FOUND, "neither a name");
}

TEST(encryption)
{
	assert_ok(resolve("encrypt_to "
			  "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\nssh "
			  "a@dumps\ndeadline_network 2m\n",
			  err));
	assert_lines(
		"encrypt-to = age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\n");
	assert_lines("deadline-network = 120\n");
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, make_machine, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(nfs),
		WITH(nfs_that_is_mounted),
		WITH(ssh),
		WITH(keys_of_ssh),
		WITH(web),
		WITH(names_that_are_not_known),
		WITH(ways_that_are_not_there),
		WITH(what_the_older_image_knows),
		WITH(dns_that_is_dead),
		WITH(to_send_neither_links_nor_local_targets_are_wanted),
		WITH(spool),
		WITH(machines_without_a_name),
		WITH(encryption),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
