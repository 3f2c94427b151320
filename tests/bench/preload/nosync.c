// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD: a program whose files need not survive anything. The benchmark compares it with
 * programs that never sync.
 */
int fsync(int fd);
int fdatasync(int fd);

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}
