// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of known hosts, some of them as ssh-keygen(1) of OpenSSH 9.2 made them, and private keys as far as their beginnings. */
#include "config/knownhosts.h"

#include "base/sha1.h"
#include "capture/recipe.h"
#include "tests/unit/unit.h"

#define ED    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHst0MC/b9qriUmuv6n3pYoJzdz9f6+/Pt66DhPmIQ8E"
#define OTHER "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINgKVyHR1yUwLU4/9qriUmuv6n3pYoJzdz9f6+/Pt6Eh"
#define ECDSA                                                                                     \
	"ecdsa-sha2-nistp256 "                                                                    \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBC8+kiq56Ynpj7LQNFPugtZ2AXm0SL5FB6z" \
	"V7W81zOuA47PgL0raxvEj31LUoVg9TbnKtPHufQJqIP+nmotO3qc="

/* As sha1sum(1) and RFC 2202 have them. */
TEST(hash)
{
	static const uint8_t abc[] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
				      0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
	static const uint8_t jefe[] = {0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74,
				       0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
	static const uint8_t large[] = {0xaa, 0x4a, 0xe5, 0xe1, 0x52, 0x72, 0xd0, 0x0e, 0x95, 0x70,
					0x56, 0x37, 0xce, 0x8a, 0x3b, 0x55, 0xed, 0x40, 0x21, 0x12};
	static const uint8_t million[] = {0x34, 0xaa, 0x97, 0x3c, 0xd4, 0xc4, 0xda,
					  0xa4, 0xf6, 0x1e, 0xeb, 0x2b, 0xdb, 0xad,
					  0x27, 0x31, 0x65, 0x34, 0x01, 0x6f};
	uint8_t digest[SHA1_SIZE], key[80];
	struct sha1 s;

	sha1_init(&s);
	sha1_update(&s, "abc", 3);
	sha1_final(&s, digest);
	assert_memory_equal(digest, abc, SHA1_SIZE);
	sha1_hmac("Jefe", 4, "what do ya want for nothing?", 28, digest);
	assert_memory_equal(digest, jefe, SHA1_SIZE);
	memset(key, 0xaa, sizeof(key));
	sha1_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
		  digest);
	assert_memory_equal(digest, large, SHA1_SIZE);
	sha1_init(&s);
	for (int i = 0; i < 1000000; i++)
		sha1_update(&s, "a", 1);
	sha1_final(&s, digest);
	assert_memory_equal(digest, million, SHA1_SIZE);
}

struct found {
	char **keys, **revoked;
	bool authority;
};

static void find(const char *text, const char *host, unsigned int port, struct found *f)
{
	recipe_free_strings(f->keys);
	recipe_free_strings(f->revoked);
	*f = (struct found){calloc(1, sizeof(char *)), calloc(1, sizeof(char *)), false};
	assert_ok(knownhosts_find((struct bytes){(const uint8_t *)text, strlen(text)}, host, port,
				  &f->keys, &f->revoked, &f->authority, err));
}

/* The keys, one behind the other; "" for none. */
static void assert_keys(const char *text, const char *host, unsigned int port, const char *want)
{
	char all[8192] = "";
	struct found f = {0};

	find(text, host, port, &f);
	for (char **k = f.keys; *k; k++)
		strcat(strcat(all, *all ? "|" : ""), *k);
	if (strcmp(all, want) != 0)
		fail_msg("%s port %u: '%s', not '%s'", host, port, all, want);
	recipe_free_strings(f.keys);
	recipe_free_strings(f.revoked);
}

TEST(names)
{
	static const char text[] = "# comment\n\n"
				   "dumps.example.com,192.0.2.7 " ED " a comment\n"
				   "[dumps.example.com]:2222\t" ECDSA "\r\n"
				   "*.lab.example.com,!bad.lab.example.com " OTHER "\n"
				   "2001:db8::7 " ED "\nn?s " ED;

	assert_keys(text, "dumps.example.com", 22, ED);
	assert_keys(text, "DUMPS.example.com", 22, ED);
	assert_keys(text, "192.0.2.7", 22, ED);
	assert_keys(text, "2001:db8::7", 22, ED);
	assert_keys(text, "dumps.example.com", 2222, ECDSA);
	/* a key of another port is none of this one */
	assert_keys(text, "192.0.2.7", 2222, "");
	assert_keys(text, "example.com", 22, "");
	assert_keys(text, "a.lab.example.com", 22, OTHER);
	assert_keys(text, "bad.lab.example.com", 22, "");
	assert_keys(text, "nas", 22, ED);
	assert_keys(text, "nass", 22, "");
	assert_keys("a,*,!b " ED "\n* " OTHER "\n* " OTHER "\n", "b", 22, OTHER);
	assert_keys("a " ED "\na " OTHER "\n", "a", 22, ED "|" OTHER);
}

/* What `ssh-keygen -H` made. */
TEST(hashed_names)
{
	static const char text[] =
		"|1|MBhwVXmQHx9Qjo5K6VzhXLzmVng=|3i3C7OmkwbOj7u0iYUWYh+cJrMc= " ED "\n"
		"|1|egXzE1V2GBwGGQoMMVTT0Pvs8WU=|tawSI8OIKMjjwWGdduYAunVK/ik= " ED "\n"
		"|1|Dgjh0Etwojg0l9wJxwPFQnHq1lo=|JVn3Hgy6ppl59h+44xlf7IfXUW4= " ECDSA "\n";

	assert_keys(text, "dumps.example.com", 22, ED);
	assert_keys(text, "192.0.2.7", 22, ED);
	assert_keys(text, "dumps.example.com", 2222, ECDSA);
	assert_keys(text, "dumps.example.org", 22, "");
	assert_keys("|1|| " ED "\n|1|x " ED "\n|1|MBhwVXmQHx9Qjo5K6VzhXLzmVng=| " ED
		    "\n|1|MBhw|3i3C7OmkwbOj7u0iYUWYh+cJrMc= " ED "\n",
		    "dumps.example.com", 22, "");
}

TEST(marks)
{
	struct found f = {0};

	find("a " ED "\n@revoked a " ED "\na " OTHER "\n", "a", 22, &f);
	assert_string_equal(f.keys[0], OTHER);
	assert_null(f.keys[1]);
	assert_string_equal(f.revoked[0], ED);
	find("@revoked * " ED "\na " ED "\n", "a", 22, &f);
	assert_null(f.keys[0]);
	find("@cert-authority *.example.com " ED "\n@else a.example.com " ED "\n", "a.example.com",
	     22, &f);
	assert_null(f.keys[0]);
	assert_true(f.authority);
	recipe_free_strings(f.keys);
	recipe_free_strings(f.revoked);
}

/* The type stands in the key, too: what says something else is damaged, and no key of a server. */
TEST(damaged_keys)
{
	assert_keys("a ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIHst0MC/b9qriUmuv6n3pYoJzdz9f6+/\n", "a", 22,
		    "");
	assert_keys("a ssh-ed25519\na ssh-ed25519 \na ssh-ed25519 AAAA\na\na ssh-ed25519 !!!!\n"
		    "a 1024 65537 123456789\n",
		    "a", 22, "");
	assert_keys("a " ED "x\n", "a", 22, "");
}

static int check_key(const char *text, struct err *err)
{
	return knownhosts_check_private_key((struct bytes){(const uint8_t *)text, strlen(text)},
					    err);
}

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define PLAIN                                                                      \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n" \
	"QyNTUxOQAAACB7LdDAv2/aq4lJrr+p96WKCc3c/X+vvz7eug4T5iEPBAAAAJDAvQ1CwL0N\n"

TEST(private_keys)
{
	assert_ok(check_key(BEGIN PLAIN, err));
	assert_ok(check_key("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", err));
	assert_ok(check_key("-----BEGIN PRIVATE KEY-----\nMIIE\n", err));
	assert_fails(check_key(BEGIN "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAA"
				     "ABDBjtxA5F\n",
			       err),
		     ERR_USAGE, "passphrase");
	assert_fails(check_key("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", err),
		     ERR_USAGE, "passphrase");
	assert_fails(check_key("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n", err), ERR_USAGE,
		     "passphrase");
	assert_fails(check_key(ED, err), ERR_USAGE, "a public one");
	assert_fails(check_key("", err), ERR_USAGE, "no private key");
	assert_fails(check_key(BEGIN "AAAA\n", err), ERR_USAGE, "damaged");
	assert_fails(knownhosts_check_private_key((struct bytes){(const uint8_t *)"-\0-", 3}, err),
		     ERR_USAGE, "NUL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash),         cmocka_unit_test(names),
		cmocka_unit_test(hashed_names), cmocka_unit_test(marks),
		cmocka_unit_test(damaged_keys), cmocka_unit_test(private_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
