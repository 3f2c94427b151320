/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * makedumpfile's flattened format: a file as a stream that nobody has to seek in.
 *
 *   4096 bytes   "makedumpfile" and 4 NULs, be64 type 1, be64 version 1, zeros
 *   records      be64 offset, be64 size, then so many bytes of the file at that offset; in any order
 *   the end      a record header of two times -1
 *
 * Where records overlap the later one counts, what none has reads as zero. A stream without the end
 * mark was cut. Sources: makedumpfile.c (write_start_flat_header, rearrange_dumpdata), read_flattened_
 * format() of crash's makedumpfile.c, flatmap.c of libkdumpfile.
 *
 * What we write has no overlaps and no record above 1 GiB: crash sorts the records by offset in no
 * particular order among equals and takes the first that it meets, and makedumpfile -R counts the bytes
 * of a record in an int.
 */
#ifndef FORMAT_FLAT_H
#define FORMAT_FLAT_H

#include "base/bytes.h"
#include "base/out.h"

#define FLAT_HEADER_SIZE 4096
#define FLAT_RECORD_SIZE 16 /* the header of a record */

/* Bytes [start, end) of the dump lie at `off` of the flattened file. */
struct flat_extent {
	uint64_t start, end;
	uint64_t off;
};

/* Where the bytes of the dump lie in the flattened file. */
struct flat_index {
	struct flat_extent *v; /* sorted, disjoint; what lies between reads as zero */
	size_t n;
	uint64_t size; /* of the dump: the end of the last extent */
	bool cut;      /* the file has no end mark */
};

/* Do these first bytes of a file (32 are looked at) say that it is flattened? */
bool flat_probe(struct bytes head);

/*
 * Find all records of a flattened file of `file_size` bytes. A file that was cut has the part that is
 * there, down to half a record; a header of zeros where a record should be counts as a cut, too (file
 * systems leave such a tail after a power cut). ERR_CORRUPT: a record of no size or past 2^63, or no
 * record at all. ERR_UNSUPPORTED: another type or version, or more than 2^24 records (1 TiB of
 * makedumpfile's; flat_rearrange() takes it). Memory: 24 to 48 bytes per record, twice that meanwhile;
 * time: n log n, whatever the order.
 */
int flat_index_init(struct flat_index *index, int fd, uint64_t file_size,
		    struct err *err) _must_check_;
void flat_index_deinit(struct flat_index *index);

/* The first extent that ends behind `at` (the one that holds it, or the next), or NULL. */
const struct flat_extent *flat_index_from(const struct flat_index *index, uint64_t at);

/*
 * Read a flattened stream to its end mark and write what it carries to `out`, which the caller commits,
 * or leaves if this failed. Reads in order, so `fd` may be a pipe; `name` is what messages call it.
 * ERR_UNSUPPORTED for what is no flattened stream, when nothing is written; ERR_CORRUPT for one that was
 * cut, when all that came is written. *ret_bytes: the dump's size.
 */
int flat_rearrange(int fd, const char *name, struct out *out, uint64_t *ret_bytes,
		   struct err *err) _must_check_;

/* The same of a stream whose first bytes were read already, to see what it is. */
int flat_rearrange_rest(struct bytes begun, int fd, const char *name, struct out *out,
			uint64_t *ret_bytes, struct err *err) _must_check_;

/*
 * A struct out that writes a flattened stream to `to`, in order whatever the order is in which it gets the dump (out.sequential of
 * `to` may be set), and has already written its header. out.write_once is set. After a failure all that follows fails in the same
 * way: nobody could tell where the next record begins. Takes `to` over, unless it fails: commit writes the end mark and commits it;
 * abort and leave do as much to it, without the mark, which is what says that the stream is not whole.
 */
int flat_out_create_over(struct out *to, struct out **ret, struct err *err) _must_check_;

/* The same to a pipe or a file: out_stream_create(). */
int flat_out_create(int fd, const char *name, struct out **ret, struct err *err) _must_check_;

#endif
