// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/num.h"

#define RECORD_MAX     8192 /* CONSOLE_EXT_LOG_MAX, PRINTK_MESSAGE_MAX: the kernel's, up to now */
#define FACILITY_SHIFT 3    /* below it the level; facility 0 is the kernel */

void kmsg_open(struct kmsg *k)
{
	k->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	/* without the seek everything since the boot would count as news */
	if (k->fd >= 0 && lseek(k->fd, 0, SEEK_END) < 0)
		kmsg_close(k);
}

void kmsg_close(struct kmsg *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

/* The text of "PRIORITY,SEQUENCE,TIME,FLAGS[,...];TEXT\n KEY=VALUE\n..."; false: not the kernel's. */
static bool record_text(struct bytes record, struct bytes *ret)
{
	const uint8_t *nl = memchr(record.data, '\n', record.len), *semicolon;
	unsigned int priority = 0;
	size_t i;

	if (nl)
		record.len = (size_t)(nl - record.data);
	for (i = 0; i < record.len && record.data[i] >= '0' && record.data[i] <= '9'; i++) {
		if (priority > UINT16_MAX)
			return false;
		priority = priority * 10 + (record.data[i] - '0');
	}
	if (i == 0 || i == record.len || record.data[i] != ',' || priority >> FACILITY_SHIFT)
		return false;
	semicolon = memchr(record.data, ';', record.len);
	if (!semicolon)
		return false;
	semicolon++;
	*ret = (struct bytes){semicolon, (size_t)(record.data + record.len - semicolon)};
	return ret->len > 0;
}

/* The kernel escapes what is not printable; this is for what says that it is the kernel. */
static void copy_printable(struct bytes text, char line[KMSG_LINE_SIZE])
{
	static const char more[] = "...";
	size_t n = NUM_MIN(text.len, (size_t)KMSG_LINE_SIZE - 1);

	for (size_t i = 0; i < n; i++)
		line[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? (char)text.data[i] : '?';
	line[n] = '\0';
	if (text.len > n)
		memcpy(line + n - (sizeof(more) - 1), more, sizeof(more));
}

static bool is_relevant(const char *line)
{
	/* of kexec*.c, arch/x86/kernel/kexec-bzimage64.c, crypto/asymmetric_keys, security/lockdown and /integrity */
	static const char *const words[] = {
		"kexec", "crash",   "signature", "PEFILE",   "PKCS", "X.509",
		"IMA:",  "keyring", "integrity", "Lockdown", "KHO:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(line, words[i]))
			return true;
	return false;
}

static void add_line(struct kmsg_lines *to, struct bytes text)
{
	char line[KMSG_LINE_SIZE];
	size_t out = 0;

	copy_printable(text, line);
	if (to->n == KMSG_MAX_LINES) {
		to->left_out++;
		while (out < to->n && is_relevant(to->v[out]))
			out++;
		if (out == to->n || !is_relevant(line))
			return;
		to->n--;
		memmove(to->v[out], to->v[out + 1], (to->n - out) * KMSG_LINE_SIZE);
	}
	memcpy(to->v[to->n++], line, sizeof(line));
}

void kmsg_read(struct kmsg *k, struct kmsg_lines *ret)
{
	uint8_t record[RECORD_MAX];
	struct bytes text;

	*ret = (struct kmsg_lines){0};
	if (k->fd < 0)
		return;
	for (size_t i = 0; i < KMSG_MAX_RECORDS; i++) {
		ssize_t n = read(k->fd, record, sizeof(record));

		if (n > 0) {
			if (record_text((struct bytes){record, (size_t)n}, &text))
				add_line(ret, text);
			continue;
		}
		if (n == 0 || errno == EAGAIN)
			return;
		if (errno == EINTR)
			continue;
		ret->lost = true;
		/* EPIPE: overwritten, EINVAL: longer than the buffer; the next read goes on behind it */
		if (errno != EPIPE && errno != EINVAL)
			return;
	}
	ret->lost = true;
}
