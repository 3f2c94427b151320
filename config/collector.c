// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/collector.h"

#include <stdio.h>
#include <string.h>

#include "base/opt.h"

#define QUOTE_MAX 80 /* bytes of a word that a message repeats; longer ones are no option */

#define THERE_ARE \
	"there are -d LEVEL[,LEVEL], -c, -l, -p, -z, --compress CODEC, -E and --num-threads N"

/* ---- words */

/* Copy the word that begins at `from` to `to`, with a NUL; both move behind it. */
static int copy_word(const char **from, char **to, struct err *err)
{
	const char *p = *from;
	char *w = *to;
	char quote = '\0';

	for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
		if (*p == quote)
			quote = '\0';
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else
			*w++ = *p;
	}
	if (quote)
		return err_set(err, ERR_USAGE, "a quote (%c) is never closed", quote);
	*w++ = '\0';
	*from = p;
	*to = w;
	return 0;
}

int collector_split(const char *text, char ***ret, struct err *err)
{
	/* at most a word for every second byte, and no word's copy is longer than the word */
	size_t len = strlen(text), max = len / 2 + 2, n = 0;
	size_t size = max * sizeof(char *) + len + 2;
	_cleanup_free_ char **words = malloc(size);
	char *to;

	if (!words)
		return err_nomem(err, size, "words");
	to = (char *)(words + max);
	for (;;) {
		text += strspn(text, " \t");
		if (!*text)
			break;
		words[n++] = to;
		if (copy_word(&text, &to, err))
			return err->code;
	}
	words[n] = NULL;
	*ret = no_cleanup_ptr(words);
	return 0;
}

/* ---- programs */

static void ignore(struct collector *c, const char *what)
{
	size_t len = strlen(c->ignored);

	snprintf(c->ignored + len, sizeof(c->ignored) - len, "%s%s", len ? ", " : "", what);
}

static int check_words(char **words, struct err *err)
{
	for (; *words; words++)
		if (strlen(*words) > QUOTE_MAX)
			return err_set(err, ERR_USAGE, "'%.*s…' is no option", QUOTE_MAX, *words);
	return 0;
}

#define NO_CODEC (-1)

struct dumpfile_args {
	const char *levels, *compress;
	int codec;
	uint64_t threads, message_level;
	bool elf, flatten, debug, force, stats, non_mmap;
};

static int parse_options(struct dumpfile_args *a, int argc, char **argv, int *ret_operands,
			 struct err *err)
{
	const struct opt opts[] = {
		OPT_STRING('d', "dump-level", "LEVEL[,LEVEL]", &a->levels, ""),
		OPT_FLAG('E', NULL, &a->elf, ""),
		OPT_CHOICE('c', NULL, &a->codec, CODEC_ZLIB, ""),
		OPT_CHOICE('l', NULL, &a->codec, CODEC_LZO, ""),
		OPT_CHOICE('p', NULL, &a->codec, CODEC_SNAPPY, ""),
		OPT_CHOICE('z', NULL, &a->codec, CODEC_ZSTD, ""),
		OPT_STRING(0, "compress", "CODEC", &a->compress, ""),
		OPT_NUMBER(0, "num-threads", "N", &a->threads, 0, 256, ""),
		OPT_FLAG('F', NULL, &a->flatten, ""),
		OPT_FLAG('D', NULL, &a->debug, ""),
		OPT_FLAG('f', NULL, &a->force, ""),
		OPT_NUMBER(0, "message-level", "BITS", &a->message_level, 0, 31, ""),
		OPT_FLAG(0, "show-stats", &a->stats, ""),
		OPT_FLAG(0, "non-mmap", &a->non_mmap, ""),
		OPT_REFUSED('b', NULL, "buffers need no tuning; leave it out"),
		OPT_REFUSED('e', NULL, "tools need the struct pages; leave it out"),
		OPT_REFUSED('g', NULL, "VMCOREINFO is taken from the dump; leave it out"),
		OPT_REFUSED('i', NULL, "VMCOREINFO is taken from the dump; leave it out"),
		OPT_REFUSED('L', NULL, "write several dump levels to save space: -d 1,31"),
		OPT_REFUSED('R', NULL, "there is nothing to rearrange; leave it out"),
		OPT_REFUSED('X', NULL, "Xen is not known here"),
		OPT_REFUSED('x', NULL, "debug information is not needed; leave it out"),
		OPT_REFUSED(0, "config", ""),
		OPT_REFUSED(0, "cyclic-buffer", "buffers need no tuning; leave it out"),
		OPT_REFUSED(0, "diskset", ""),
		OPT_REFUSED(0, "dry-run", "it would write nothing"),
		OPT_REFUSED(0, "dump-dmesg", "the log is written anyway; leave it out"),
		OPT_REFUSED(0, "eppic", ""),
		OPT_REFUSED(0, "extension", ""),
		OPT_REFUSED(0, "mem-usage", "it would write nothing"),
		OPT_REFUSED(0, "non-cyclic", "buffers need no tuning; leave it out"),
		OPT_REFUSED(0, "partial-dmesg", ""),
		OPT_REFUSED(0, "reassemble", "there is nothing to join; leave it out"),
		OPT_REFUSED(0, "split", "a crash has one dump, made by several threads"),
		OPT_REFUSED(0, "splitblock-size", ""),
		OPT_REFUSED(0, "time-budget", "write deadline_dump TIME as a line of its own"),
		OPT_REFUSED(0, "vtop", ""),
		OPT_REFUSED(0, "work-dir", "no temporary files are made; leave it out"),
		OPT_REFUSED(0, "xen-syms", "Xen is not known here"),
		OPT_REFUSED(0, "xen-vmcoreinfo", "Xen is not known here"),
		OPT_REFUSED(0, "xen_phys_start", "Xen is not known here"),
	};

	return opt_parse(opts, ARRAY_SIZE(opts), argc, argv, ret_operands, err);
}

static void note_ignored(const struct dumpfile_args *a, struct collector *c)
{
	if (a->flatten)
		ignore(c, "-F");
	if (a->message_level != UINT64_MAX)
		ignore(c, "--message-level");
	if (a->debug)
		ignore(c, "-D");
	if (a->force)
		ignore(c, "-f");
	if (a->stats)
		ignore(c, "--show-stats");
	if (a->non_mmap)
		ignore(c, "--non-mmap");
}

static int parse_makedumpfile(char **words, struct collector *c, struct err *err)
{
	struct dumpfile_args a = {.codec = NO_CODEC, .message_level = UINT64_MAX, .levels = "0"};
	struct err inner;
	int argc = 0, operands = 0;

	while (words[argc])
		argc++;
	if (parse_options(&a, argc, words, &operands, &inner))
		return strncmp(inner.msg, "unknown option", 14) == 0
			       ? err_set(err, inner.code, "%s; " THERE_ARE, inner.msg)
			       : err_set(err, inner.code, "%s", inner.msg);
	if (operands)
		return err_set(err, ERR_USAGE,
			       "'%s' is no option (" THERE_ARE "), and files are not named here",
			       words[1]);
	c->codec = a.codec == NO_CODEC ? CODEC_RAW : (enum codec)a.codec;
	if (a.compress && codec_from_name(a.compress, &c->codec, err))
		return err_wrap(err, "option --compress");
	if (a.elf && c->codec != CODEC_RAW)
		return err_set(err, ERR_USAGE,
			       "-E writes ELF, which is never compressed: leave -E or the "
			       "compression out");
	c->elf = a.elf;
	c->threads = a.threads;
	snprintf(c->levels, sizeof(c->levels), "%s", a.levels);
	note_ignored(&a, c);
	return 0;
}

/* A program that copies: its options are those that begin with `known`. */
static int parse_copy(char **words, const char *known, struct collector *c, struct err *err)
{
	for (size_t i = 1; words[i]; i++)
		if (!known || strncmp(words[i], known, strlen(known)) != 0)
			return err_set(err, ERR_USAGE,
				       "'%s' is not known here: %s only says that everything is "
				       "copied; leave it out",
				       words[i], words[0]);
	if (words[1])
		ignore(c, known);
	c->codec = CODEC_RAW;
	c->elf = true;
	strcpy(c->levels, "0");
	return 0;
}

static int parse_program(char **words, struct collector *c, struct err *err)
{
	const char *slash = strrchr(words[0], '/');
	const char *name = slash ? slash + 1 : words[0];

	if (strcmp(name, "makedumpfile") == 0)
		return parse_makedumpfile(words, c, err);
	if (strcmp(name, "cp") == 0)
		return parse_copy(words, "--sparse", c, err);
	if (strcmp(name, "dd") == 0)
		return parse_copy(words, "bs=", c, err);
	if (strcmp(name, "cat") == 0)
		return parse_copy(words, NULL, c, err);
	if (strcmp(name, "scp") == 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "scp goes with ssh targets, which are not supported; write "
			       "makedumpfile -l -d 31");
	return err_set(err, ERR_USAGE,
		       "'%s' is not known: there are makedumpfile, and cp, dd and cat for an "
		       "uncompressed copy",
		       words[0]);
}

int collector_parse(const char *command, struct collector *ret, struct err *err)
{
	_cleanup_free_ char **words = NULL;
	struct collector c = {0};

	if (collector_split(command, &words, err) || check_words(words, err))
		return err->code;
	if (!words[0])
		return err_set(err, ERR_USAGE, "no program is named: write makedumpfile -l -d 31");
	if (parse_program(words, &c, err))
		return err->code;
	*ret = c;
	return 0;
}
