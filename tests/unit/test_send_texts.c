// SPDX-License-Identifier: GPL-2.0-or-later
/* lifeboat-send's texts: the job, its answer, and what servers say. What it does is in tests/web. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "send/credentials.h"
#include "send/date.h"
#include "send/job.h"
#include "send/parts.h"
#include "send/state.h"
#include "send/url.h"
#include "send/xml.h"

static struct bytes text_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* ---- job */

#define LEAST                                                                                  \
	"kind = https\nwhat = put\nurl = https://a/\nname = n\nhost = a\naddress = 10.0.0.1\n" \
	"port = 443\nretry-seconds = 1\nconnect-seconds = 2\nstall-seconds = 3\n"

static int parse(const char *text, struct err *err)
{
	struct send_job job;
	int r = send_job_parse(text_of(text), "job", &job, err);

	if (!r)
		send_job_deinit(&job);
	return r;
}

TEST(job_there_and_back)
{
	struct send_job job = {.kind = SEND_S3,
			       .what = SEND_KEEP,
			       .url = (char *)"https://s3.example.org:9000",
			       .name = (char *)"a b/ü/vmcore.flat.age",
			       .host = (char *)"s3.example.org",
			       .address = (char *)"2001:db8::1",
			       .port = 9000,
			       .bucket = (char *)"dumps",
			       .region = (char *)"eu-1",
			       .credentials = (char *)"/etc/lifeboat/keys",
			       .ca = (char *)"/etc/ca",
			       .part = 6291456,
			       .memory = 1,
			       .bytes = UINT64_MAX,
			       .state = (char *)"/run/state",
			       .retry_seconds = 1,
			       .connect_seconds = 86400,
			       .stall_seconds = 7};
	char *text, *again;
	struct send_job got;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_ok(send_job_put(&job, to, err));
	fclose(to);
	assert_ok(send_job_parse(text_of(text), "job", &got, err));
	assert_int_equal(got.kind, SEND_S3);
	assert_int_equal(got.what, SEND_KEEP);
	assert_string_equal(got.name, job.name);
	assert_string_equal(got.address, job.address);
	assert_false(got.path_style);
	assert_true(got.bytes == UINT64_MAX && got.part == 6291456 && got.memory == 1);
	assert_int_equal(got.connect_seconds, 86400);
	to = open_memstream(&again, &len);
	assert_ok(send_job_put(&got, to, err));
	fclose(to);
	assert_string_equal(text, again);
	send_job_deinit(&got);
	free(text);
	free(again);
}

TEST(job_that_is_none)
{
	assert_ok(parse(LEAST, err));
	assert_ok(parse("# comment\n\n" LEAST "  part  =  7  ", err));
	assert_fails(parse("", err), ERR_USAGE, "job: kind is missing");
	assert_fails(parse(LEAST "kind = s3\n", err), ERR_USAGE, "line 11: kind is there twice");
	assert_fails(parse(LEAST "nonsense = 1\n", err), ERR_USAGE, "'nonsense' is not a key");
	assert_fails(parse(LEAST "part\n", err), ERR_USAGE, "key = value");
	assert_fails(parse(LEAST "part = -1\n", err), ERR_USAGE, "part");
	assert_fails(parse(LEAST "path-style = maybe\n", err), ERR_USAGE, "yes or no");
	assert_fails(parse(LEAST "ca = /a\x01\n", err), ERR_USAGE, "control character");
	assert_fails(parse("kind = ftp\n", err), ERR_USAGE, "https or s3");
	assert_fails(parse("port = 65536\n", err), ERR_USAGE, "port");
	assert_fails(parse("retry-seconds = 0\n", err), ERR_USAGE, "retry-seconds");
	assert_fails(parse("kind = s3\nwhat = put\nurl = https://a/\nname = n\nhost = a\naddress = "
			   "1.2.3.4\nport = 1\nretry-seconds = 1\nconnect-seconds = 1\n"
			   "stall-seconds = 1\n",
			   err),
		     ERR_USAGE, "bucket is missing");
	assert_fails(parse("kind = https\nwhat = keep\nurl = https://a/\nname = n\nhost = a\n"
			   "address = 1.2.3.4\nport = 1\nretry-seconds = 1\nconnect-seconds = 1\n"
			   "stall-seconds = 1\n",
			   err),
		     ERR_USAGE, "state is missing");
}

/* A value must come back as it was: what cannot, is not written. */
TEST(job_that_cannot_be_said)
{
	struct send_job job = {.url = (char *)"https://a/\nname = evil"};
	FILE *to = fopen("/dev/null", "w");

	assert_fails(send_job_put(&job, to, err), ERR_USAGE, "url");
	job.url = (char *)" https://a/";
	assert_fails(send_job_put(&job, to, err), ERR_USAGE, "blank");
	fclose(to);
}

#define DIGEST "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

TEST(answers)
{
	struct send_answer a;

	assert_ok(send_answer_parse("ok 12 " DIGEST " 3", "p", &a, err));
	assert_true(a.bytes == 12 && a.parts == 3 && a.digest[0] == 0x2c);
	assert_fails(send_answer_parse("error 9 the server said no", "p", &a, err), ERR_REFUSED,
		     "the server said no");
	assert_fails(send_answer_parse("error 7 \x1b[31m", "p", &a, err), ERR_NO_SPACE,
		     "\\x1b[31m");
	for (size_t i = 0; i < 6; i++) {
		static const char *const bad[] = {
			"", "ok", "ok 1 2 3", "ok 1 " DIGEST, "error 0 x", "error 99 x"};

		assert_fails(send_answer_parse(bad[i], "p", &a, err), ERR_CORRUPT, "p");
	}
	/* found by the fuzzer: a failure that says nothing */
	assert_fails(send_answer_parse("error 9 ", "p", &a, err), ERR_CORRUPT, "p");
	assert_fails(send_answer_parse("ok -1 " DIGEST " 0", "p", &a, err), ERR_CORRUPT, "sense");
}

/* ---- addresses */

static void check_url(const char *text, const char *authority, const char *host, unsigned int port,
		      const char *path, const char *query)
{
	struct url url;

	assert_ok(url_parse(text, &url, err));
	assert_string_equal(url.authority, authority);
	assert_string_equal(url.host, host);
	assert_int_equal(url.port, port);
	assert_string_equal(url.path, path);
	assert_string_equal(url.query, query);
	url_deinit(&url);
}

TEST(urls)
{
	static const char *const bad[] = {"http://a/",
					  "https://",
					  "https:///p",
					  "https://u@a/",
					  "https://u:p@a/",
					  "https://a:0/",
					  "https://a:65536/",
					  "https://a:1x/",
					  "https://a b/",
					  "https://a/ b",
					  "https://a/#f",
					  "https://[::1/",
					  "https://[::1]x/",
					  "https://a/\"",
					  "https://a/\n",
					  "ftp://a",
					  "",
					  "https://[]/",
					  "https://a:99999999999999999999/"};
	struct url url = {0};

	check_url("https://a.example/in/?sig=%2F&x=1", "a.example", "a.example", 443, "/in/",
		  "sig=%2F&x=1");
	check_url("HTTPS://a", "a", "a", 443, "/", "");
	check_url("https://a?q", "a", "a", 443, "/", "q");
	check_url("https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443", "2001:db8::1", 8443, "/x",
		  "");
	/* the usual port is not in "Host:", so it must not be in what is signed */
	check_url("https://a:443/x", "a", "a", 443, "/x", "");
	check_url("https://[::1]:443", "[::1]", "::1", 443, "/", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(url_parse(bad[i], &url, err), ERR_USAGE, "");
	assert_null(url.host);
}

TEST(redirects)
{
	struct url url;
	char *to = NULL;

	assert_ok(url_parse("https://a.example:8443/in/?secret", &url, err));
	assert_ok(url_same_server(&url, "/x?y=1", &to, err));
	assert_string_equal(to, "/x?y=1");
	free(to);
	assert_ok(url_same_server(&url, "https://A.example:8443/z", &to, err));
	assert_string_equal(to, "/z");
	free(to);
	assert_fails(url_same_server(&url, "https://a.example/z", &to, err), ERR_REFUSED,
		     "another");
	assert_fails(url_same_server(&url, "https://b.example:8443/?s=1", &to, err), ERR_REFUSED,
		     "b.example");
	assert_fails(url_same_server(&url, "http://a.example:8443/", &to, err), ERR_REFUSED, "");
	assert_fails(url_same_server(&url, "//evil/", &to, err), ERR_REFUSED, "");
	assert_fails(url_same_server(&url, "", &to, err), ERR_REFUSED, "");
	assert_fails(url_same_server(&url, "/\x01", &to, err), ERR_REFUSED, "");
	url_deinit(&url);
}

TEST(encoding)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	url_encode("a/b c+~ü", true, to);
	url_encode("/-_.", false, to);
	fclose(to);
	assert_string_equal(text, "a/b%20c%2B~%C3%BC%2F-_.");
	free(text);
}

/* ---- times */

TEST(dates)
{
	static const char *const bad[] = {"",
					  "Sun, 06 Nov 1994 08:49:37 GMT ",
					  "Sun, 06 Nov 1994 08:49:37 UTC",
					  "Sun, 31 Feb 1994 08:49:37 GMT",
					  "Sun, 00 Nov 1994 08:49:37 GMT",
					  "Sun, 06 Nov 1969 08:49:37 GMT",
					  "Sun, 06 Nov 1994 24:49:37 GMT",
					  "Xun, 06 Nov 1994 08:49:37 GMT",
					  "Sun, 06 nov 1994 08:49:37 GMT",
					  "Sun, +6 Nov 1994 08:49:37 GMT",
					  "Sunday, 06-Nov-94 08:49:37 GMT"};
	char basic[DATE_BASIC];
	uint64_t t = 5;

	assert_true(date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &t));
	assert_true(t == 784111777);
	assert_true(date_parse("Thu, 01 Jan 1970 00:00:00 GMT", &t));
	assert_true(t == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(date_parse(bad[i], &t));
	assert_true(date_basic(1369353600, basic));
	assert_string_equal(basic, "20130524T000000Z");
	assert_false(date_basic(253402300800, basic));
}

/* ---- answers of an object store */

TEST(xml)
{
	static const char text[] =
		"<?xml version=\"1.0\"?>\n<!-- <Error> -->\n"
		"<ns:Result xmlns:ns=\"x\">\n <Code a='1'>A&amp;&lt;&#34;&#x22;</Code>"
		"<Codes>no</Codes><Empty/><Nested><a/></Nested></ns:Result>";
	char buf[16];

	assert_true(xml_root(text, buf, sizeof(buf)));
	assert_string_equal(buf, "Result");
	assert_true(xml_text(text, "Code", buf, sizeof(buf)));
	assert_string_equal(buf, "A&<\"\"");
	assert_false(xml_text(text, "Cod", buf, sizeof(buf)));
	assert_false(xml_text(text, "Empty", buf, sizeof(buf)));
	assert_false(xml_text(text, "Nested", buf, sizeof(buf)));
	assert_false(xml_text(text, "Code", buf, 5));
	assert_true(xml_text(text, "Code", buf, 6));
	for (size_t i = 0; i < 9; i++) {
		static const char *const bad[] = {
			"<a>x",        "<a>x</b>",    "<a>&</a>", "<a>&#0;</a>", "<a>&#300;</a>",
			"<a>&#x;</a>", "<a>\x01</a>", "<a",       "<a>&#12"};

		assert_false(xml_text(bad[i], "a", buf, sizeof(buf)));
	}
	assert_false(xml_root("", buf, sizeof(buf)));
	assert_false(xml_root("</a>", buf, sizeof(buf)));
	assert_false(xml_root("<!-- never ends", buf, sizeof(buf)));
	assert_false(xml_root("<?xml <?xml", buf, sizeof(buf)));
}

/* ---- lists */

static void add(struct parts *parts, uint64_t bytes, uint8_t fill, const char *etag)
{
	uint8_t digest[32];

	memset(digest, fill, sizeof(digest));
	assert_ok(parts_add(parts, bytes, digest, etag, err));
	parts->bytes += bytes;
	memset(parts->digest, fill, sizeof(parts->digest));
}

TEST(list_of_parts)
{
	struct parts parts = {0}, got = {0};
	struct err why = {0};
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	for (int i = 0; i < 70; i++)
		add(&parts, 5, (uint8_t)i, "");
	parts_put(&parts, "v m", to);
	fclose(to);
	assert_ok(parts_parse((struct bytes){(uint8_t *)text, len}, "v m", &got, err));
	assert_int_equal(got.n, 70);
	assert_true(got.bytes == 350 && got.digest[3] == 69 && got.v[7].digest[0] == 7);
	parts_deinit(&got);
	/* cut anywhere but behind a part, it is none; there, its sum is wrong */
	for (size_t cut = 0; cut < len - 1; cut++)
		assert_int_equal(
			parts_parse((struct bytes){(uint8_t *)text, cut}, "v m", &got, &why),
			ERR_CORRUPT);
	assert_fails(parts_parse((struct bytes){(uint8_t *)text, len}, "v", &got, err), ERR_CORRUPT,
		     "another name");
	assert_null(got.v);
	free(text);
	parts_deinit(&parts);
}

TEST(sizes_of_parts)
{
	const uint64_t mib = 1 << 20;
	uint64_t sum = 0;

	assert_true(parts_size(5 * mib, 1, UINT64_MAX, 0) == 5 * mib);
	assert_true(parts_size(5 * mib, 1000, UINT64_MAX, 0) == 5 * mib);
	assert_true(parts_size(5 * mib, 1001, UINT64_MAX, 0) == 10 * mib);
	assert_true(parts_size(5 * mib, 2001, 12 * mib, 0) == 12 * mib);
	assert_true(parts_size(5 * mib, 2001, 1, 0) == 5 * mib);
	assert_true(parts_size(5 * mib, 2001, 1, 7 * mib) == 7 * mib);
	for (size_t i = 1; i <= PARTS_MAX; i++)
		sum += parts_size(5 * mib, i, UINT64_MAX, 0);
	/* the memory of any machine, and what S3 takes as one object */
	assert_true(sum > 4ULL << 40 && sum <= 5ULL << 40);
}

TEST(too_many_parts)
{
	struct parts parts = {0};
	uint8_t digest[32] = {0};

	for (int i = 0; i < PARTS_MAX; i++)
		assert_ok(parts_add(&parts, 1, digest, "", err));
	assert_fails(parts_add(&parts, 1, digest, "", err), ERR_NO_SPACE, "10000");
	parts_deinit(&parts);
}

TEST(state_of_an_upload)
{
	struct parts parts = {0}, got = {0};
	char path[] = "/tmp/state-XXXXXX", text[4096];
	char *upload = NULL;
	int fd = mkstemp(path);
	ssize_t len;

	close(fd);
	assert_ok(state_create(path, &fd, err));
	assert_ok(state_add_upload(fd, "id%2B1", err));
	add(&parts, 5, 1, "\"a b\"");
	assert_ok(state_add_part(fd, &parts, err));
	add(&parts, 6, 2, "");
	assert_ok(state_add_part(fd, &parts, err));
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = read(fd, text, sizeof(text));
	assert_true(len > 0);
	assert_ok(state_parse((struct bytes){(uint8_t *)text, (size_t)len}, &upload, &got, err));
	assert_string_equal(upload, "id%2B1");
	assert_int_equal(got.n, 2);
	assert_string_equal(got.v[0].etag, "\"a b\"");
	assert_null(got.v[1].etag);
	assert_true(got.bytes == 11 && got.digest[0] == 2 && got.v[0].digest[9] == 1);
	parts_deinit(&got);
	free(upload);
	/* it was killed while it wrote the last line */
	upload = NULL;
	assert_ok(
		state_parse((struct bytes){(uint8_t *)text, (size_t)len - 1}, &upload, &got, err));
	assert_int_equal(got.n, 1);
	parts_deinit(&got);
	free(upload);
	upload = NULL;
	assert_fails(state_parse(text_of("upload a&b\n"), &upload, &got, err), ERR_CORRUPT,
		     "line 1");
	assert_fails(state_parse(text_of("part 1 2 3 4\n"), &upload, &got, err), ERR_CORRUPT,
		     "part");
	assert_fails(state_parse(text_of("nonsense\n"), &upload, &got, err), ERR_CORRUPT, "kind");
	assert_null(upload);
	parts_deinit(&parts);
	close(fd);
	unlink(path);
}

/* ---- credentials */

#define KEYS "aws_access_key_id = ASIA1\naws_secret_access_key=se/cret+\n"

static int parse_s3(const char *text, struct credentials *ret, struct err *err)
{
	return credentials_parse_s3(text_of(text), "file", ret, err);
}

TEST(credentials_of_amazon)
{
	struct credentials c = {0};

	assert_ok(parse_s3("# c\r\n[other]\naws_access_key_id = X\n\n[default]\r\n" KEYS
			   "aws_session_token = tok==\nregion = x\n[more]\nnonsense\n",
			   &c, err));
	assert_string_equal(c.id, "ASIA1");
	assert_string_equal(c.secret, "se/cret+");
	assert_string_equal(c.token, "tok==");
	credentials_deinit(&c);
	assert_ok(parse_s3(KEYS "dumps_only = yes\n", &c, err));
	assert_null(c.token);
	credentials_deinit(&c);
	/* the host's own keys do not belong into an image */
	assert_fails(parse_s3(KEYS, &c, err), ERR_REFUSED, "dumps_only");
	assert_fails(parse_s3(KEYS "dumps_only = no\n", &c, err), ERR_REFUSED, "dumps_only");
	assert_fails(parse_s3(KEYS KEYS, &c, err), ERR_USAGE, "twice");
	assert_fails(parse_s3("", &c, err), ERR_USAGE, "aws_access_key_id");
	assert_fails(parse_s3("[x]\n" KEYS, &c, err), ERR_USAGE, "[default]");
	assert_fails(parse_s3("aws_access_key_id = a/b\naws_secret_access_key = x\n", &c, err),
		     ERR_USAGE, "is none");
	assert_fails(parse_s3("aws_secret_access_key = a b\n", &c, err), ERR_USAGE, "line 1");
	assert_null(c.id);
}

TEST(credentials_of_a_header)
{
	struct credentials c = {0};
	struct err why = {0};

	assert_ok(credentials_parse_https(text_of("# c\nAuthorization: Bearer x y\nX-Other:z\n"),
					  "f", &c, err));
	assert_string_equal(c.lines[0], "Authorization: Bearer x y");
	assert_string_equal(c.lines[1], "X-Other:z");
	assert_null(c.lines[2]);
	credentials_deinit(&c);
	for (size_t i = 0; i < 8; i++) {
		static const char *const bad[] = {"secret\n",      ":x\n",  "a b: c\n",
						  "Host: other\n", "a:\n",  "\x01: b\n",
						  "host: x\n",     "# no\n"};

		assert_int_equal(credentials_parse_https(text_of(bad[i]), "f", &c, &why),
				 ERR_USAGE);
		/* what is in it is told to nobody */
		assert_null(strstr(why.msg, "secret"));
	}
}

TEST(credentials_that_others_can_read)
{
	char path[] = "/tmp/keys-XXXXXX";
	struct credentials c = {0};
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "A: b\n", 5), 5);
	assert_ok(credentials_read(path, false, &c, err));
	credentials_deinit(&c);
	fchmod(fd, 0640);
	assert_fails(credentials_read(path, false, &c, err), ERR_REFUSED, "chmod 600");
	close(fd);
	unlink(path);
	assert_fails(credentials_read(path, false, &c, err), ERR_NOT_FOUND, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(job_there_and_back),
		cmocka_unit_test(job_that_is_none),
		cmocka_unit_test(job_that_cannot_be_said),
		cmocka_unit_test(answers),
		cmocka_unit_test(urls),
		cmocka_unit_test(redirects),
		cmocka_unit_test(encoding),
		cmocka_unit_test(dates),
		cmocka_unit_test(xml),
		cmocka_unit_test(list_of_parts),
		cmocka_unit_test(sizes_of_parts),
		cmocka_unit_test(too_many_parts),
		cmocka_unit_test(state_of_an_upload),
		cmocka_unit_test(credentials_of_amazon),
		cmocka_unit_test(credentials_of_a_header),
		cmocka_unit_test(credentials_that_others_can_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
