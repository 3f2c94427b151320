// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys, credentials and certificates that go into the image: whether they are what they should be is better known now. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/knownhosts.h"
#include "config/resolver.h"
#include "send/credentials.h"

#define MAX_SECRET 65536
#define MAX_CA     ((size_t)16 << 20)

/* Of a recorded machine the modes mean nothing. */
static int check_mode(const struct resolver *r, const char *path, struct err *err)
{
	_cleanup_close_ int fd = root_open(r->root, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, errno, "%s%s", r->root->path, path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "%s is no plain file", path);
	if (r->root->fd < 0 && (st.st_mode & 077))
		return err_set(err, ERR_USAGE,
			       "%s can be read by others (mode %03o): `chmod 600 %s`", path,
			       st.st_mode & 0777, path);
	return 0;
}

static int read_text(const struct resolver *r, const char *path, size_t max, char **ret,
		     struct err *err)
{
	size_t len;

	if (root_read(r->root, path, max, ret, &len, err))
		return err->code;
	if (strlen(*ret) == len)
		return 0;
	return err_set(err, ERR_USAGE, "%s: there is a NUL in it", path);
}

int resolver_add_private_key(struct resolver *r, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;

	if (check_mode(r, path, err) || read_text(r, path, MAX_SECRET, &text, err))
		return err->code;
	if (knownhosts_check_private_key((struct bytes){(const uint8_t *)text, strlen(text)}, err))
		return err_wrap(err, "%s", path);
	return resolver_add_file(r, path, err);
}

int resolver_add_secret(struct resolver *r, const char *path, const char *has, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (check_mode(r, path, err))
		return err->code;
	if (has && read_text(r, path, MAX_SECRET, &text, err))
		return err->code;
	if (has && !strstr(text, has))
		return err_set(err, ERR_USAGE, "%s: there is no '%s' in it", path, has);
	/* a key may be any bytes */
	if (!has && root_read(r->root, path, MAX_CA, &text, &len, err))
		return err->code;
	return resolver_add_file(r, path, err);
}

int resolver_add_credentials(struct resolver *r, const char *path, bool s3, struct err *err)
{
	struct credentials c = {0};
	char *text;
	size_t len;
	int failed;

	if (check_mode(r, path, err) ||
	    root_read(r->root, path, CREDENTIALS_MAX_SIZE, &text, &len, err))
		return err->code;
	const struct bytes bytes = {(const uint8_t *)text, len};

	failed = s3 ? credentials_parse_s3(bytes, path, &c, err)
		    : credentials_parse_https(bytes, path, &c, err);
	credentials_deinit(&c);
	explicit_bzero(text, len);
	free(text);
	return failed ? failed : resolver_add_file(r, path, err);
}

/* As Debian, SUSE, Fedora and Alpine have it. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
};

static const char *find_bundle(const struct root *root)
{
	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++)
		if (root_exists(root, bundles[i]))
			return bundles[i];
	return NULL;
}

int resolver_add_ca(struct resolver *r, struct recipe_target *t, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;

	if (!path)
		path = find_bundle(r->root);
	if (!path)
		return err_set(err, ERR_NOT_FOUND,
			       "no certificates to know the server by: install ca-certificates, or "
			       "write tls_ca with the file of its own authority");
	if (read_text(r, path, MAX_CA, &text, err))
		return err_wrap(err, "tls_ca");
	if (!strstr(text, "-----BEGIN CERTIFICATE-----") &&
	    !strstr(text, "-----BEGIN TRUSTED CERTIFICATE-----"))
		return err_set(err, ERR_USAGE, "tls_ca: %s: there is no certificate in it (PEM)",
			       path);
	if (resolver_set(&t->ca, path, err))
		return err->code;
	return resolver_add_file(r, path, err);
}
