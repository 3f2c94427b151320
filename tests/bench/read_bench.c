// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast memory can be read at all:
 *
 *   read_bench FILE MIB      maps FILE and adds up the words of the first MIB of its data
 *
 * Holes are left out. Prints the MiB that there were and the seconds, page faults included: what
 * scanning as many bytes of struct pages would take if looking at them cost nothing.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t add_up(const uint64_t *word, size_t n)
{
	uint64_t sum[4] = {0};

	for (size_t i = 0; i + 4 <= n; i += 4)
		for (size_t k = 0; k < 4; k++)
			sum[k] += word[i + k];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

int main(int argc, char **argv)
{
	off_t left, data, hole = 0;
	uint64_t sum = 0;
	size_t read = 0;
	double start;
	char *map;
	int fd;

	if (argc != 3 || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: read_bench FILE MIB\n");
		return 1;
	}
	left = (off_t)atoi(argv[2]) << 20;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(argv[1]);
	map = mmap(NULL, (size_t)lseek(fd, 0, SEEK_END), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	start = now();
	while (left > 0 && (data = lseek(fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole - data > left)
			hole = data + left;
		sum += add_up((const uint64_t *)(const void *)(map + data),
			      (size_t)(hole - data) / 8);
		left -= hole - data;
		read += (size_t)(hole - data);
	}
	printf("%zu MiB in %.4f s (sum %" PRIx64 ")\n", read >> 20, now() - start, sum);
	return 0;
}
