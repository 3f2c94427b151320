// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include "base/num.h"
#include "base/sha256.h"
#include "send/sigv4.h"

static void check_hmac(const char *key, size_t key_len, const char *data, const char *want)
{
	uint8_t mac[32];
	char text[SHA256_TEXT];

	sigv4_hmac(key, key_len, data, strlen(data), mac);
	sha256_text(mac, text);
	assert_string_equal(text, want);
}

/* RFC 4231, cases 1, 2, 3 and 6. */
TEST(hmac)
{
	char key[131], fifty[51];

	memset(key, 0x0b, 20);
	check_hmac(key, 20, "Hi There",
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_hmac("Jefe", 4, "what do ya want for nothing?",
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(fifty, 0xdd, 50);
	fifty[50] = '\0';
	check_hmac(key, 20, fifty,
		   "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	check_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First",
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST       "examplebucket.s3.amazonaws.com"

static const struct sigv4_key example = {
	.id = "AKIAIOSFODNN7EXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	.region = "us-east-1",
	.service = "s3",
};

static void check(const char *method, const char *path, const char *query,
		  const struct sigv4_header *headers, size_t n, const char *payload,
		  const char *names, const char *signature)
{
	/* 20130524T000000Z */
	const struct sigv4_request request = {.method = method,
					      .path = path,
					      .query = query,
					      .headers = headers,
					      .n_headers = n,
					      .payload = payload,
					      .time = 1369353600};
	char *got, want[512];

	assert_ok(sigv4_authorization(&example, &request, &got, err));
	snprintf(want, sizeof(want),
		 "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
		 "aws4_request,SignedHeaders=%s,Signature=%s",
		 names, signature);
	assert_string_equal(got, want);
	free(got);
}

/* The examples of "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk". */
TEST(examples_of_amazon)
{
	const struct sigv4_header get[] = {{"host", HOST},
					   {"range", "bytes=0-9"},
					   {"x-amz-content-sha256", OF_NOTHING},
					   {"x-amz-date", "20130524T000000Z"}};
	const char *welcome = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	const struct sigv4_header put[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
					   {"host", HOST},
					   {"x-amz-content-sha256", welcome},
					   {"x-amz-date", "20130524T000000Z"},
					   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
	const struct sigv4_header list[] = {{"host", HOST},
					    {"x-amz-content-sha256", OF_NOTHING},
					    {"x-amz-date", "20130524T000000Z"}};

	check("GET", "/test.txt", "", get, 4, OF_NOTHING,
	      "host;range;x-amz-content-sha256;x-amz-date",
	      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	check("PUT", "/test%24file.text", "", put, 5, welcome,
	      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
	check("GET", "/", "lifecycle=", list, 3, OF_NOTHING, "host;x-amz-content-sha256;x-amz-date",
	      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	check("GET", "/", "max-keys=2&prefix=J", list, 3, OF_NOTHING,
	      "host;x-amz-content-sha256;x-amz-date",
	      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(a_clock_beyond_all_years)
{
	struct sigv4_request request = {
		.method = "GET", .path = "/", .query = "", .payload = "", .time = 253402300800};
	char *got = NULL;

	assert_fails(sigv4_authorization(&example, &request, &got, err), ERR_USAGE, "9999");
	assert_null(got);
	request.time = 0;
	assert_ok(sigv4_authorization(&example, &request, &got, err));
	assert_non_null(strstr(got, "/19700101/"));
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac),
		cmocka_unit_test(examples_of_amazon),
		cmocka_unit_test(a_clock_beyond_all_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
