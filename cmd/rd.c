// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of a dump, in hexadecimal and as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/opened.h"

#define ROW       16         /* bytes of a row */
#define USUAL     64         /* bytes that are shown unless it is said how many */
#define MAX_BYTES (1U << 30) /* more is what `filter` is for */
#define PIECE     4096

struct rd {
	const struct opened *o;
	uint64_t addr;
	uint64_t bytes;
	unsigned int unit; /* bytes of a number */
	bool physical, symbols;
	struct json *j;   /* NULL: text */
	uint64_t missing; /* bytes that are not in the dump */
	struct err why;   /* the first of them are not */
};

static uint64_t number_at(const uint8_t *p, unsigned int unit)
{
	uint64_t v = 0;

	for (unsigned int i = unit; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* A symbol's name instead of the number, if one covers it. */
static bool print_symbol(const struct rd *rd, uint64_t value)
{
	char text[KERNEL_ADDR_SIZE];
	struct symbol found;

	if (!rd->symbols || rd->unit != 8 || !kernel_symbol_at(rd->o->k, value, &found))
		return false;
	printf(" %-16s", kernel_format_addr(rd->o->k, value, text, sizeof(text)));
	return true;
}

static void print_row(const struct rd *rd, uint64_t addr, const uint8_t *p, size_t len)
{
	size_t i;

	printf("%016" PRIx64 ":", addr);
	for (i = 0; i < len; i += rd->unit) {
		uint64_t v = number_at(p + i, rd->unit);

		if (!print_symbol(rd, v))
			printf(" %0*" PRIx64, (int)rd->unit * 2, v);
	}
	for (; i < ROW; i += rd->unit)
		printf(" %*s", (int)rd->unit * 2, "");
	printf("   ");
	for (i = 0; i < len; i++)
		putchar(p[i] >= ' ' && p[i] < 0x7f ? p[i] : '.');
	putchar('\n');
}

static void put_value(const struct rd *rd, uint64_t addr, uint64_t value)
{
	char text[KERNEL_ADDR_SIZE];
	struct symbol found;

	json_begin_object(rd->j, NULL);
	json_put_hex(rd->j, "address", addr);
	json_put_hex(rd->j, "value", value);
	if (rd->symbols) {
		bool covered = rd->unit == 8 && kernel_symbol_at(rd->o->k, value, &found);

		json_put_string(rd->j, "symbol",
				covered ? kernel_format_addr(rd->o->k, value, text, sizeof(text))
					: NULL);
	}
	json_end_object(rd->j);
}

/* `p` NULL: these bytes are not in the dump. */
static void show(const struct rd *rd, uint64_t addr, const uint8_t *p, size_t len)
{
	if (!p && rd->j) {
		json_begin_object(rd->j, NULL);
		json_put_hex(rd->j, "address", addr);
		json_put_null(rd->j, "value");
		json_put_uint(rd->j, "bytes", len);
		json_end_object(rd->j);
	} else if (!p) {
		printf("%016" PRIx64 ": %zu bytes are not in the dump\n", addr, len);
	} else if (rd->j) {
		for (size_t i = 0; i < len; i += rd->unit)
			put_value(rd, addr + i, number_at(p + i, rd->unit));
	} else {
		for (size_t i = 0; i < len; i += ROW)
			print_row(rd, addr + i, p + i, len - i < ROW ? len - i : ROW);
	}
}

static int read_piece(struct rd *rd, uint64_t addr, void *buf, size_t len, struct err *err)
{
	return rd->physical ? source_read(rd->o->src, addr, buf, len, err)
			    : reader_read(rd->o->k->rd, addr, buf, len, err);
}

/* By pages, as it is pages that are there or not; a number that lies in two of them is shown by neither if one is gone. */
static void read_all(struct rd *rd)
{
	uint64_t at = 0;

	while (at < rd->bytes) {
		uint8_t buf[PIECE];
		uint64_t addr = rd->addr + at;
		size_t len = PIECE - (size_t)(addr % PIECE);
		struct err why = {0};
		bool there;

		len = len > rd->unit ? len / rd->unit * rd->unit : rd->unit;
		if (len > rd->bytes - at)
			len = (size_t)(rd->bytes - at);
		there = !read_piece(rd, addr, buf, len, &why);
		show(rd, addr, there ? buf : NULL, len);
		if (!there && !rd->missing)
			rd->why = why;
		rd->missing += there ? 0 : len;
		at += len;
	}
}

static int look(struct rd *rd, struct err *err)
{
	if (rd->j) {
		cmd_begin_json(rd->j, stdout, "lifeboat-rd-1");
		opened_put(rd->j, rd->o);
		json_put_hex(rd->j, "address", rd->addr);
		json_put_bool(rd->j, "physical", rd->physical);
		json_put_uint(rd->j, "unit_bytes", rd->unit);
		json_begin_array(rd->j, "values");
	}
	read_all(rd);
	if (rd->j) {
		json_end_array(rd->j);
		json_put_uint(rd->j, "missing_bytes", rd->missing);
		cmd_end_json(rd->j);
	}
	if (!rd->missing)
		return 0;
	*err = rd->why;
	return err_wrap(err, "%" PRIu64 " of %" PRIu64 " bytes are not in the dump", rd->missing,
			rd->bytes);
}

static int parse(struct rd *rd, char **operands, const char *width, struct err *err)
{
	uint64_t count;
	size_t n = cmd_count(operands);

	if (n < 1 || n > 2)
		return err_set(err, ERR_USAGE, "%s",
			       n ? "too many operands" : "no ADDRESS is given");
	rd->unit = width ? (unsigned int)strtoul(width, NULL, 10) / 8 : 8;
	count = USUAL / rd->unit;
	if (opened_address(rd->o, operands[0], -1, &rd->addr, err) ||
	    (operands[1] && num_parse_range(operands[1], 1, MAX_BYTES / rd->unit, &count, err)))
		return err->code;
	rd->bytes = count * rd->unit;
	if (rd->addr > UINT64_MAX - rd->bytes)
		rd->bytes = (UINT64_MAX - rd->addr) / rd->unit * rd->unit;
	if (!rd->bytes)
		return err_set(err, ERR_NOT_FOUND, "%s: no number of %u bits lies there any more",
			       operands[0], rd->unit * 8);
	return 0;
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct opened_options options = {0};
	const char *width = NULL;
	struct json json;
	bool as_json = false;
	struct rd rd = {0};
	const struct opt opts[] = {
		OPT_WORD('w', "width", "BITS", &width, "8 16 32 64",
			 "numbers of so many bits (default 64)"),
		OPT_FLAG('p', "physical", &rd.physical, "ADDRESS is a physical one"),
		OPT_FLAG('s', "symbols", &rd.symbols,
			 "show numbers that are addresses of symbols as these"),
		OPT_FLAG(0, "json", &as_json, "print a JSON object"),
		OPENED_OPTS(&options),
	};
	_cleanup_(opened_deinit) struct opened o = {0};
	char **operands;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 0, argc, err);

	if (!r)
		r = opened_init(&o, cmd, &options, argv + 1, &operands, err);
	if (r)
		return r;
	rd.o = &o;
	rd.j = as_json ? &json : NULL;
	r = parse(&rd, operands, width, err);
	return r ? r : look(&rd, err);
}

const struct cmd cmd_rd = {
	.name = "rd",
	.operands = "DUMP ADDRESS [COUNT]",
	.summary = "print memory of a dump in hexadecimal and as text",
	.details = "ADDRESS is a number in hexadecimal, a symbol, or \"symbol+0x1f\"; COUNT says "
		   "how many "
		   "numbers\n(default: 64 bytes' worth). Pages that are not in the dump are said "
		   "to be "
		   "missing, and the\nexit status is 6.\n\n" OPENED_DETAILS,
	.run = run,
	.group = CMD_DUMPS,
};
