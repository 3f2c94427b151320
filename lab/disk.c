// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab-disk: what capture/ makes of a disk image, for tests/system/disks.py.
 *
 *     lab-disk content FILE
 *     lab-disk partition FILE SECTOR-SIZE NUMBER FIRST-SECTOR
 *
 * Prints one JSON object; the exit status is 0 if there is an answer, else 1 and a reason.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "storage/device.h"
#include "storage/partition.h"

static int say_content(int fd, uint64_t size, const char *name, struct err *err)
{
	struct fsid id;
	struct json j;

	if (fsid_read(fd, size, name, &id, err))
		return err->code;
	json_init(&j, stdout);
	json_begin_object(&j, NULL);
	json_put_string(&j, "type", id.type);
	json_put_string(&j, "uuid", id.uuid);
	json_put_string(&j, "label", id.label);
	json_put_bool(&j, "dirty", id.dirty);
	json_put_bool(&j, "read_only", id.read_only);
	json_put_uint(&j, "devices", id.n_devices);
	json_end_object(&j);
	return 0;
}

static int say_partition(int fd, uint64_t size, char **argv, struct err *err)
{
	struct partition p = {0};
	uint64_t sector, number, first;
	struct json j;

	if (num_parse_range(argv[1], 512, 65536, &sector, err) ||
	    num_parse_range(argv[2], 1, 256, &number, err) ||
	    num_parse_range(argv[3], 1, INT32_MAX, &first, err))
		return err->code;
	p.number = (unsigned int)number;
	p.start = first * sector;
	if (partition_read(fd, size, (uint32_t)sector, argv[0], &p, err))
		return err->code;
	json_init(&j, stdout);
	json_begin_object(&j, NULL);
	json_put_string(&j, "uuid", p.uuid);
	json_put_string(&j, "label", p.label);
	json_end_object(&j);
	return 0;
}

int main(int argc, char **argv)
{
	bool content = argc == 3 && strcmp(argv[1], "content") == 0;
	struct err err = {0};
	uint64_t size;
	int fd, r;

	if (!content && (argc != 6 || strcmp(argv[1], "partition") != 0)) {
		fprintf(stderr, "usage: lab-disk content FILE\n"
				"       lab-disk partition FILE SECTOR-SIZE NUMBER FIRST-SECTOR\n");
		return ERR_USAGE;
	}
	fd = open(argv[2], O_RDONLY);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	r = device_size(fd, argv[2], &size, &err);
	if (!r)
		r = content ? say_content(fd, size, argv[2], &err)
			    : say_partition(fd, size, argv + 2, &err);
	if (r)
		fprintf(stderr, "lab-disk: %s\n", err.msg);
	else
		puts("");
	return r ? 1 : 0;
}
