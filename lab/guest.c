/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PID 1 of the lab guest's first kernel: the machine that is going to crash.
 *
 * It loads the modules named in /lifeboat/modules, moves onto the ext4 disk named by
 * `lab.root=UUID` on the kernel command line, loads the panic kernel with the `lifeboat` found on that
 * disk, gives the kernel memory of every class to look after, and panics. What to do in detail
 * stands in /lab.conf on the disk (see conf_keys), so that a scenario is data. A scenario may instead have it start a
 * second kernel in good order, where it is PID 1 again, or leave the machine to the init of a system on the disk.
 *
 * Every line printed begins with "lab: "; the host looks for "lab: up", "lab: armed", "lab: panic". After "lab: waiting"
 * the host looks at memory while nothing moves, and answers with a line.
 * Every failure prints its reason and powers off; an alarm does the same when a step hangs. With `lab.after` on the
 * kernel command line nothing crashes: what a capture has left where only a kernel can read it is copied to the root disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/guest.h"
#include "lab/guest_deaths.h"

#define MIB            (1024UL * 1024UL)
#define PAGE           4096UL
#define UUID_TEXT_LEN  36
#define DEVICE_WAIT_MS 30000
#define NAP_MS         50
#define LIFEBOAT       "/usr/bin/lifeboat"
#define MAKEDUMPFILE   "/usr/bin/makedumpfile"
#define KEXEC          "/usr/sbin/kexec"
#define MAX_WORDS      16

/* ext4 superblock: where it begins on the device, and two of its fields. */
#define SUPERBLOCK_OFFSET   1024
#define SUPERBLOCK_SIZE     1024
#define SUPERBLOCK_MAGIC_AT 0x38
#define SUPERBLOCK_UUID_AT  0x68

struct conf {
	char kernel[256];
	char initrd[256];
	char command_line[1024];
	char load_args[256];
	char peers[256];
	char uki[256];
	char start[16];
	char append[256];
	char init[64];
	char mounts[256];
	char copies[256];
	char after_run[512];
	char script[64];
	char death[256];
	char sysctls[256];
	unsigned long deadline;
	unsigned long anon_mib;
	unsigned long cache_mib;
	unsigned long tmpfs_mib;
	unsigned long hugepages;
	unsigned long files;
	unsigned long sleepers;
	unsigned long leave_kib;
	unsigned long heap_mib;
	unsigned long data_mib;
	unsigned long hole_mib;
	unsigned long mem_usage;
	unsigned long settle;
	unsigned long panic_cpu;
	unsigned long wait;
	unsigned long crashes;
	unsigned long rehearse;
	unsigned long plug_mib;
	unsigned long plug_later_mib;
	unsigned long balloon_mib;
	unsigned long reload;
};

/* One key of /lab.conf; `size` is 0 for a number. */
struct conf_key {
	const char *name;
	size_t offset;
	size_t size;
};

#define TEXT_KEY(name, member)                                                          \
	{                                                                               \
		name, offsetof(struct conf, member), sizeof(((struct conf *)0)->member) \
	}
#define NUMBER_KEY(name, member)                       \
	{                                              \
		name, offsetof(struct conf, member), 0 \
	}

static const struct conf_key conf_keys[] = {
	TEXT_KEY("kernel", kernel),             /* the panic kernel, a path on the disk */
	TEXT_KEY("initrd", initrd),             /* its initramfs */
	TEXT_KEY("command-line", command_line), /* its command line */
	TEXT_KEY("load-args", load_args),       /* more words for lifeboat load */
	TEXT_KEY("peers", peers),         /* kexec-tools stages before us, with each of these */
	TEXT_KEY("uki", uki),             /* a file with all three: lifeboat is given only this */
	TEXT_KEY("start", start),         /* no panic: the program that starts a second kernel */
	TEXT_KEY("append", append),       /* put behind the second kernel's command line */
	TEXT_KEY("init", init),           /* a system's own, which does all else */
	TEXT_KEY("mounts", mounts),       /* disks that get files before the crash: see guest.h */
	TEXT_KEY("copies", copies),       /* disks that are copied after it */
	TEXT_KEY("after-run", after_run), /* commands after it, separated by "; " */
	TEXT_KEY("script", script),       /* for /bin/sh: it loads the panic kernel in our place */
	TEXT_KEY("death", death),         /* how it dies: see guest_deaths.h */
	TEXT_KEY("sysctls", sysctls),     /* written before that */
	NUMBER_KEY("deadline", deadline), /* seconds until the guest gives up */
	NUMBER_KEY("anon-mib", anon_mib), /* anonymous memory: random, patterned and zero */
	NUMBER_KEY("cache-mib", cache_mib), /* a file written, synced and read again */
	NUMBER_KEY("tmpfs-mib", tmpfs_mib),
	NUMBER_KEY("hugepages", hugepages), /* 2 MiB hugetlb pages in use */
	NUMBER_KEY("files", files),         /* small files: dentries and inodes */
	NUMBER_KEY("sleepers", sleepers),   /* processes named lab-sleeper-N */
	NUMBER_KEY("leave-kib", leave_kib), /* when not 0: fill the disk up to this much */
	NUMBER_KEY("heap-mib", heap_mib),   /* anonymous memory like a program's heap */
	NUMBER_KEY("data-mib", data_mib),   /* this much of the disk's /lab-data, read */
	NUMBER_KEY("hole-mib", hole_mib),   /* a sparse file of this size, read */
	NUMBER_KEY("mem-usage",
		   mem_usage),        /* when not 0: count the pages by use before the panic */
	NUMBER_KEY("settle", settle), /* when not 0: no free pages are left on per-CPU lists */
	NUMBER_KEY("panic-cpu", panic_cpu),
	NUMBER_KEY("wait", wait), /* when not 0: the host is to look at what lifeboat has staged */
	NUMBER_KEY("rehearse", rehearse), /* when not 0: lifeboat load is tried before, and again */
	NUMBER_KEY("plug-mib", plug_mib), /* memory that the host adds before it is loaded */
	NUMBER_KEY("plug-later-mib", plug_later_mib), /* the same after that */
	NUMBER_KEY("balloon-mib", balloon_mib),       /* memory that the host takes away after it */
	NUMBER_KEY("reload", reload), /* when not 0: lifeboat reload, as on an event of hotplug */
	NUMBER_KEY("crashes",
		   crashes), /* it boots again after each, and powers off after the last */
};

void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dprintf(STDOUT_FILENO, "lab: %s\n", line);
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1); /* PID 1 ending is a panic, and panic=1 ends the machine too */
}

void die(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say("FAILED: %s", line);
	power_off();
	_exit(1);
}

static void on_alarm(int signal_number)
{
	static const char text[] = "lab: FAILED: the guest's deadline has passed\n";

	(void)signal_number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	reboot(RB_POWER_OFF); /* no sync here: it may be what hangs */
	_exit(1);
}

static void nap(void)
{
	usleep(NAP_MS * 1000);
}

void must_mount(const char *source, const char *target, const char *type, unsigned long flags)
{
	if (mkdir(target, 0755) && errno != EEXIST)
		die("mkdir %s: %m", target);
	if (mount(source, target, type, flags, NULL) && errno != EBUSY)
		die("mount %s on %s: %m", source, target);
}

static void open_console(void)
{
	int fd;

	fd = open("/dev/console", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("open /dev/console: %m");
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (dup2(fd, i) < 0)
			die("dup2 of /dev/console: %m");
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Read a whole small file into `buf`, terminated. */
static void read_text(const char *path, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("open %s: %m", path);
	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) != 0) {
		if (n < 0)
			die("read %s: %m", path);
		used += (size_t)n;
	}
	if (used == size - 1)
		die("%s is longer than %zu bytes", path, size - 2);
	buf[used] = '\0';
	close(fd);
}

bool guest_put_text(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, len) == (ssize_t)len;

	if (fd >= 0)
		close(fd);
	return done;
}

static void write_text(const char *path, const char *text)
{
	if (!guest_put_text(path, text))
		die("write \"%s\" to %s: %m", text, path);
}

static void load_module(const char *path)
{
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("open module %s: %m", path);
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		die("load module %s: %m", path);
	close(fd);
}

static void load_modules(void)
{
	static char list[64 * 1024];
	char *rest = list;
	char *path;
	int count = 0;

	read_text("/lifeboat/modules", list, sizeof(list));
	while ((path = strsep(&rest, "\n"))) {
		if (!*path)
			continue;
		load_module(path);
		count++;
	}
	say("%d modules loaded", count);
}

/* The UUID after `lab.root=` on the kernel command line. */
static void wanted_uuid(char uuid[UUID_TEXT_LEN + 1])
{
	static char line[4096];
	const char *found;

	read_text("/proc/cmdline", line, sizeof(line));
	found = strstr(line, "lab.root=");
	if (!found || strlen(found + strlen("lab.root=")) < UUID_TEXT_LEN)
		die("no lab.root=UUID on the kernel command line: %s", line);
	memcpy(uuid, found + strlen("lab.root="), UUID_TEXT_LEN);
	uuid[UUID_TEXT_LEN] = '\0';
}

static void format_uuid(const uint8_t *raw, char text[UUID_TEXT_LEN + 1])
{
	char *at = text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += sprintf(at, "%02x", raw[i]);
	}
}

/* Whether `path` holds an ext4 whose UUID is `uuid`. */
static int device_has_uuid(const char *path, const char *uuid)
{
	uint8_t block[SUPERBLOCK_SIZE];
	char text[UUID_TEXT_LEN + 1];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = pread(fd, block, sizeof(block), SUPERBLOCK_OFFSET);
	close(fd);
	if (n != (ssize_t)sizeof(block))
		return 0;
	if (block[SUPERBLOCK_MAGIC_AT] != 0x53 || block[SUPERBLOCK_MAGIC_AT + 1] != 0xef)
		return 0;
	format_uuid(block + SUPERBLOCK_UUID_AT, text);
	return strcasecmp(text, uuid) == 0;
}

static void find_root(char *path, size_t size)
{
	char uuid[UUID_TEXT_LEN + 1];

	wanted_uuid(uuid);
	for (int waited = 0; waited < DEVICE_WAIT_MS; waited += NAP_MS) {
		for (char letter = 'a'; letter <= 'p'; letter++) {
			snprintf(path, size, "/dev/vd%c", letter);
			if (device_has_uuid(path, uuid))
				return;
		}
		nap();
	}
	die("no /dev/vd* with an ext4 of UUID %s", uuid);
}

static void enter_root(void)
{
	static const char *const moved[] = {"/proc", "/sys", "/dev"};
	char device[32];
	char target[32];

	find_root(device, sizeof(device));
	must_mount(device, "/disk", "ext4", 0);
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		snprintf(target, sizeof(target), "/disk%s", moved[i]);
		must_mount(moved[i], target, NULL, MS_MOVE);
	}
	if (chdir("/disk") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("move onto %s: %m", device);
	say("root is %s", device);
}

static void conf_set(struct conf *conf, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(conf_keys) / sizeof(conf_keys[0]); i++) {
		const struct conf_key *key = &conf_keys[i];
		void *member = (char *)conf + key->offset;
		char *end;

		if (strcmp(key->name, name))
			continue;
		if (!key->size) {
			*(unsigned long *)member = strtoul(value, &end, 10);
			if (!*value || *end)
				die("/lab.conf: %s = %s is not a number", name, value);
		} else if ((size_t)snprintf(member, key->size, "%s", value) >= key->size) {
			die("/lab.conf: %s is too long", name);
		}
		return;
	}
	die("/lab.conf: unknown key %s", name);
}

/* /lab.conf holds lines of `key = value`, with exactly " = " between them. */
static void conf_read(struct conf *conf)
{
	static char text[8192];
	char *rest = text;
	char *line;

	read_text("/lab.conf", text, sizeof(text));
	while ((line = strsep(&rest, "\n"))) {
		char *equals = strstr(line, " = ");

		if (!*line)
			continue;
		if (!equals)
			die("/lab.conf: no \" = \" in: %s", line);
		*equals = '\0';
		conf_set(conf, line, equals + strlen(" = "));
	}
	if (!*conf->kernel || !*conf->initrd || !conf->deadline)
		die("/lab.conf: kernel, initrd and deadline are needed");
}

/* xorshift64*: data that no codec makes smaller. */
static void fill_random(void *area, size_t bytes)
{
	static uint64_t state = 0x9e3779b97f4a7c15ULL;
	uint64_t *words = area;

	for (size_t i = 0; i < bytes / sizeof(*words); i++) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		words[i] = state * 0x2545f4914f6cdd1dULL;
	}
}

/* Thirds of the area become random pages, pages of one word repeated, and touched zero pages. */
static void fill_mixed(char *area, size_t bytes)
{
	size_t third = bytes / 3 / PAGE * PAGE;

	fill_random(area, third);
	for (size_t at = third; at < 2 * third; at += PAGE)
		memset(area + at, (int)(1 + at / PAGE % 255), PAGE);
	for (size_t at = 2 * third; at < bytes; at += PAGE)
		*(volatile char *)(area + at) = 0;
}

/*
 * Objects of 64 bytes: a pointer to one of few types, one into the heap, a number, text, a hash and
 * empty members. What real memory is like to a codec: lzo makes it half as large, zlib a third.
 */
static void fill_heap(void *area, size_t bytes)
{
	static const char names[8][8] = {"inode",  "dentry", "/usr/lib", "socket",
					 "buffer", "thread", "config",   "message"};
	static uint64_t state = 0x2545f4914f6cdd1dULL;
	uint64_t *object = area;

	for (size_t i = 0; i < bytes / 64; i++, object += 8) {
		fill_random(&state, sizeof(state));
		object[0] = 0x00007f3a5c400000ULL + (state & 63) * 0x90;
		object[1] = (uintptr_t)area + (state >> 6) % bytes / 64 * 64;
		object[2] = state >> 40 & 0xff;
		memcpy(&object[3], names[state >> 48 & 7], sizeof(names[0]));
		object[4] = state >> 51 & 1 ? state * 0x9e3779b97f4a7c15ULL : 0;
		object[5] = object[6] = 0;
		object[7] = i;
	}
}

static char *map_anon(size_t bytes, int flags)
{
	char *area;

	area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
		    0);
	if (area == MAP_FAILED)
		die("mmap of %zu bytes: %m", bytes);
	return area;
}

/* Half in huge pages if the kernel agrees, half in small ones. */
static void load_anonymous(unsigned long mib)
{
	size_t bytes = mib * MIB;
	char *area = map_anon(bytes, 0);

	madvise(area, bytes / 2, MADV_HUGEPAGE);
	madvise(area + bytes / 2, bytes - bytes / 2, MADV_NOHUGEPAGE);
	fill_mixed(area, bytes);
}

static void load_hugetlb(unsigned long count)
{
	char text[24];
	char *area;

	if (!count)
		return;
	snprintf(text, sizeof(text), "%lu", count);
	write_text("/proc/sys/vm/nr_hugepages", text);
	area = map_anon(count * 2 * MIB, MAP_HUGETLB);
	fill_mixed(area, count * 2 * MIB);
}

/* A file of `mib` MiB of mixed data; its pages stay in the page cache. */
static void write_file(const char *path, unsigned long mib)
{
	char *chunk = map_anon(MIB, 0);
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		die("create %s: %m", path);
	for (unsigned long i = 0; i < mib; i++) {
		fill_mixed(chunk, MIB);
		if (write(fd, chunk, MIB) != (ssize_t)MIB)
			die("write %s: %m", path);
	}
	if (fsync(fd))
		die("fsync %s: %m", path);
	close(fd);
	munmap(chunk, MIB);
}

static void load_heap(unsigned long mib)
{
	if (mib)
		fill_heap(map_anon(mib * MIB, 0), mib * MIB);
}

/* Read `mib` MiB of a file, which then are in the page cache. */
static void read_file(const char *path, int flags, unsigned long mib)
{
	char *chunk;
	int fd;

	if (!mib)
		return;
	chunk = map_anon(MIB, 0);
	fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0 || ((flags & O_CREAT) && ftruncate(fd, (off_t)(mib * MIB))))
		die("open %s: %m", path);
	for (unsigned long i = 0; i < mib; i++)
		if (read(fd, chunk, MIB) != (ssize_t)MIB)
			die("read MiB %lu of %s: %m", i, path);
	close(fd);
	munmap(chunk, MIB);
}

/* Small files in folders of their own: dentries, inodes and ext4's private cache pages. */
static void write_small_files(unsigned long count)
{
	char path[64];
	int fd;

	for (unsigned long i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/tmp/lab-%lu", i / 100);
		if (i % 100 == 0 && mkdir(path, 0755) && errno != EEXIST)
			die("mkdir %s: %m", path);
		snprintf(path, sizeof(path), "/tmp/lab-%lu/file-%lu", i / 100, i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, path, strlen(path)) < 0)
			die("create %s: %m", path);
		close(fd);
	}
}

static void start_sleepers(unsigned long count)
{
	char name[16];
	pid_t pid;

	for (unsigned long i = 1; i <= count; i++) {
		pid = fork();
		if (pid < 0)
			die("fork: %m");
		if (pid)
			continue;
		snprintf(name, sizeof(name), "lab-sleeper-%lu", i);
		prctl(PR_SET_NAME, name);
		fill_mixed(map_anon(MIB, 0), MIB);
		for (;;)
			pause();
	}
}

/* Fill the disk with a file until at most `leave_kib` are free. */
static void fill_disk(unsigned long leave_kib)
{
	struct statvfs st;
	char *chunk;
	int fd;

	if (!leave_kib)
		return;
	chunk = map_anon(MIB, 0);
	fill_random(chunk, MIB);
	fd = open("/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		die("create /filler: %m");
	for (;;) {
		unsigned long free_kib;
		size_t piece = MIB;

		if (fstatvfs(fd, &st))
			die("statvfs: %m");
		free_kib = st.f_bavail * (st.f_frsize / 1024);
		if (free_kib <= leave_kib)
			break;
		if (free_kib - leave_kib < MIB / 1024)
			piece = (free_kib - leave_kib) * 1024;
		if (write(fd, chunk, piece) <= 0 || fsync(fd))
			die("write /filler: %m");
	}
	close(fd);
	say("disk filled, at most %lu KiB are free", leave_kib);
}

static void make_load(const struct conf *conf)
{
	load_anonymous(conf->anon_mib);
	load_hugetlb(conf->hugepages);
	write_file("/run/lab-tmpfs", conf->tmpfs_mib);
	write_file("/lab-cache", conf->cache_mib);
	write_small_files(conf->files);
	load_heap(conf->heap_mib);
	read_file("/lab-data", O_RDONLY, conf->data_mib);
	read_file("/lab-hole", O_RDWR | O_CREAT, conf->hole_mib);
	start_sleepers(conf->sleepers);
	sync();
	fill_disk(conf->leave_kib);
	say("memory load of %lu MiB anonymous, %lu cache, %lu tmpfs, %lu files", conf->anon_mib,
	    conf->cache_mib, conf->tmpfs_mib, conf->files);
}

/* Standard output becomes a new file. */
static void redirect(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		dprintf(STDERR_FILENO, "lab: create %s: %m\n", path);
		_exit(127);
	}
}

/* Run one command, its output in `out` or, NULL, on the console; another status ends the scenario. */
static void must_end_with(int wanted, const char *const argv[], const char *out)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		if (out)
			redirect(out);
		execv(argv[0], (char *const *)argv); /* execv does not write to it */
		dprintf(STDERR_FILENO, "lab: exec %s: %m\n", argv[0]);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	if (WIFSIGNALED(status))
		die("%s %s was killed by signal %d", argv[0], argv[1], WTERMSIG(status));
	if (WEXITSTATUS(status) != wanted)
		die("%s %s ended with %d", argv[0], argv[1], WEXITSTATUS(status));
}

static void must_run(const char *const argv[], const char *out)
{
	must_end_with(0, argv, out);
}

void wait_for_host(const char *after)
{
	char answer[16];

	say("waiting after %s", after);
	if (read(STDIN_FILENO, answer, sizeof(answer)) <= 0)
		die("no answer from the host");
}

/* Where the host has to look: the lines of /proc/iomem on memory that is reserved for the panic kernel. */
static void tell_regions(void)
{
	static char text[256 * 1024];
	char *rest = text;
	char *line;

	read_text("/proc/iomem", text, sizeof(text));
	while ((line = strsep(&rest, "\n")))
		if (strstr(line, ": Crash kernel"))
			say("reserved %s", line + strspn(line, " "));
}

/* argv[used…] become the words of a text, which is cut into them, and then `last`. */
static void add_words(const char **argv, int used, char *text, const char *last)
{
	char *word;

	while ((word = strsep(&text, " "))) {
		if (!*word)
			continue;
		if (used == MAX_WORDS)
			die("/lab.conf: more words than %d", MAX_WORDS);
		argv[used++] = word;
	}
	argv[used++] = last;
	argv[used] = NULL;
}

/* kexec-tools stages the same files first, in each way of conf->peers; the host keeps what it made. */
static void stage_by_peers(struct conf *conf, const char *initrd, const char *command_line)
{
	char *rest = conf->peers;
	char *way;

	while ((way = strsep(&rest, " "))) {
		const char *const load[] = {KEXEC,        "-p",         way, initrd,
					    command_line, conf->kernel, NULL};

		if (!*way)
			continue;
		must_run(load, NULL);
		wait_for_host(way);
	}
}

/* Run one command, and find these words in what it says. */
static void must_say(const char *const argv[], const char *words)
{
	static const char said[] = "/lab-said";
	char text[1024];

	must_run(argv, said);
	read_text(said, text, sizeof(text));
	if (!strstr(text, words))
		die("%s %s does not say \"%s\", but: %s", argv[0], argv[1], words, text);
	unlink(said);
}

/* The same files, tried on the kernel by kexec_file_load: they are taken, and nothing is left. */
static void rehearse(const char *const load[])
{
	const char *words[MAX_WORDS + 3] = {LIFEBOAT, "load", "--rehearse"};
	char loaded[8];

	for (int i = 2; load[i]; i++) {
		if (strcmp(load[i], "-c") == 0)
			return; /* kexec_load has nothing to rehearse */
		words[i + 1] = load[i];
	}
	must_say(words, "gave them up again");
	read_text("/sys/kernel/kexec_loaded", loaded, sizeof(loaded));
	if (loaded[0] != '0')
		die("the rehearsal has left an image");
}

/* Something else is where lifeboat's copies of what it loads would go. */
static void keep_no_copies(void)
{
	int fd;

	mkdir("/var", 0755);
	mkdir("/var/lib", 0755);
	fd = open("/var/lib/lifeboat", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die("create /var/lib/lifeboat: %m");
	close(fd);
}

static void must_be_armed(const char *after)
{
	char loaded[8];

	read_text("/sys/kernel/kexec_crash_loaded", loaded, sizeof(loaded));
	if (loaded[0] != '1')
		die("%s succeeded, but kexec_crash_loaded is %c", after, loaded[0]);
	say("armed");
}

/* As an operator does it: what a shell runs ends with a loaded panic kernel. */
static void arm_by_script(const char *script)
{
	const char *const shell[] = {"/bin/sh", script, NULL};

	must_run(shell, NULL);
	must_be_armed(script);
}

/* The words that load the panic kernel, and the one of them that is its command line. */
static const char *load[MAX_WORDS + 2] = {LIFEBOAT, "load", "-p"};
static char command_line[1100];

void guest_load_another(unsigned long number)
{
	size_t used = strlen(command_line);

	snprintf(command_line + used, sizeof(command_line) - used, " lab.number=%lu", number);
	must_run(load, NULL);
	command_line[used] = '\0';
}

void guest_reload(void)
{
	const char *const reload[] = {LIFEBOAT, "reload", NULL};

	must_run(reload, NULL);
}

static void arm(struct conf *conf)
{
	static char initrd[300];
	int used = 3;
	const char *const status[] = {LIFEBOAT, "status", NULL};

	snprintf(initrd, sizeof(initrd), "--initrd=%s", conf->initrd);
	snprintf(command_line, sizeof(command_line), "--command-line=%s", conf->command_line);
	if (*conf->peers || conf->wait)
		tell_regions();
	stage_by_peers(conf, initrd, command_line);
	if (!*conf->uki) {
		load[used++] = initrd;
		load[used++] = command_line;
	}
	add_words(load, used, conf->load_args, *conf->uki ? conf->uki : conf->kernel);
	/*
	 * Reading the files again and again leaves free pages on per-CPU lists, from which they go back to the
	 * allocator at any time: not where pages are counted before the panic.
	 */
	if (conf->mem_usage)
		keep_no_copies();
	if (conf->rehearse)
		rehearse(load);
	must_run(load, NULL);
	/* what is loaded is not loaded again: the machine would be unarmed meanwhile */
	if (conf->rehearse)
		must_say(load, "is loaded already");
	must_run(status, NULL);
	must_be_armed("lifeboat load");
	if (conf->wait)
		wait_for_host("lifeboat");
}

/*
 * Free pages on per-CPU lists are not in the page allocator, so that every filter keeps them; of 64 GiB these lists may
 * hold hundreds of MiB, here what loading the panic kernel left. Taking a block of memory offline empties those
 * of its zone (zone_pcp_disable() of mm/page_alloc.c); it comes back at once.
 */
static void settle(void)
{
	char path[80];

	for (int block = 1023; block > 32; block--) {
		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%d/state", block);
		if (!guest_put_text(path, "offline"))
			continue; /* there is none, or it has pages that cannot be moved */
		write_text(path, "online");
		return;
	}
	die("no block of memory could be taken offline");
}

/* What lifeboat and makedumpfile say of the memory whose dump the host will look at. */
static void count_pages(void)
{
	const char *const ours[] = {LIFEBOAT, "mem-usage", "/proc/kcore", "--json", NULL};
	const char *const theirs[] = {MAKEDUMPFILE, "--mem-usage", "/proc/kcore", NULL};

	must_run(ours, "/var/crash/mem-usage.json");
	must_run(theirs, "/var/crash/makedumpfile.txt");
	say("pages counted");
}

/* The CPU that panics is the one that runs the panic kernel. */
void move_to_cpu(unsigned long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("move to CPU %lu: %m", cpu);
}

/* ---- an ordinary kexec */

/* The words by which a program loads a kernel, tells about it, takes it out and starts it. */
struct starter {
	const char *name;
	const char *load[MAX_WORDS + 2];
	int load_words;
	const char *status[3];
	int loaded_status; /* its exit status when a kernel is loaded, and none for a panic */
	const char *unload[3];
	const char *start[4];
};

static void check_loaded(char wanted, const char *after)
{
	char loaded[8];

	read_text("/sys/kernel/kexec_loaded", loaded, sizeof(loaded));
	if (loaded[0] != wanted)
		die("kexec_loaded is %c after %s", loaded[0], after);
}

/* Load, unload, load again, start. */
static void start_second(struct conf *conf)
{
	static char initrd[300];
	static char append[300];
	struct starter starters[] = {
		{"lifeboat",
		 {LIFEBOAT, "load", "-l"},
		 3,
		 {LIFEBOAT, "status"},
		 3,
		 {LIFEBOAT, "unload"},
		 {LIFEBOAT, "exec", "--now"}},
		{"kexec", {KEXEC, "-l"}, 2, {KEXEC, "-S"}, 1, {KEXEC, "-u"}, {KEXEC, "-e"}},
	};
	struct starter *s = &starters[strcmp(conf->start, "kexec") == 0];
	int used = s->load_words;

	if (strcmp(conf->start, s->name))
		die("/lab.conf: start = %s is neither lifeboat nor kexec", conf->start);
	snprintf(initrd, sizeof(initrd), "--initrd=%s", conf->initrd);
	snprintf(append, sizeof(append), "--append=%s", conf->append);
	s->load[used++] = initrd;
	s->load[used++] = "--reuse-cmdline";
	s->load[used++] = append;
	add_words(s->load, used, conf->load_args, conf->kernel);
	check_loaded('0', "nothing");
	must_run(s->load, NULL);
	check_loaded('1', "loading");
	must_run(s->unload, NULL);
	check_loaded('0', "unloading");
	say("unloaded");
	must_run(s->load, NULL);
	check_loaded('1', "loading again");
	must_end_with(s->loaded_status, s->status, NULL);
	say("starting the second kernel");
	must_run(s->start, NULL);
	die("%s did not start the second kernel", conf->start);
}

/* The second kernel has the same initramfs and disk; all it has to do is to say so. */
static void end_if_second(void)
{
	static char line[4096];

	read_text("/proc/cmdline", line, sizeof(line));
	if (!strstr(line, " lab.second"))
		return;
	dprintf(STDOUT_FILENO, "lab: second kernel: %s", line);
	power_off();
}

/* ---- after the crash */

/* Does the kernel command line have this word? */
static bool told_to(const char *word)
{
	static char line[4096];

	read_text("/proc/cmdline", line, sizeof(line));
	return strstr(line, word) != NULL;
}

/* Whatever a command's status is: the host reads what it says. */
static void run_one(char *command)
{
	const char *argv[MAX_WORDS + 1] = {NULL};
	int status;
	pid_t pid;

	add_words(argv, 0, command, NULL);
	if (!argv[0])
		return;
	pid = fork();
	if (!pid) {
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("run %s: %m", argv[0]);
	say("after: %s ended with %d", argv[0],
	    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static void look_after(struct conf *conf)
{
	char *next;

	for (char *command = conf->after_run; command; command = next) {
		next = strstr(command, "; ");
		if (next) {
			*next = '\0';
			next += 2;
		}
		run_one(command);
	}
	guest_disks_copy(conf->copies);
	guest_pstore_copy();
	say("after: done");
	power_off();
}

/* A guest that is to crash several times counts its boots, and ends when it has. */
static void end_if_crashed_enough(unsigned long crashes)
{
	static const char path[] = "/lab-boots";
	unsigned long boots = 0;
	char text[24] = "";
	int fd;

	if (crashes < 2)
		return;
	if (access(path, F_OK) == 0)
		read_text(path, text, sizeof(text));
	boots = strtoul(text, NULL, 10);
	if (boots == crashes)
		power_off();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%lu", boots + 1) < 0 || fsync(fd))
		die("write %s: %m", path);
	close(fd);
	say("boot %lu", boots + 1);
}

static void become(const char *init)
{
	alarm(0); /* the host's limit holds from here on */
	execl(init, init, (char *)NULL);
	die("exec %s: %m", init);
}

int main(void)
{
	static struct conf conf = {.death = "sysrq"};

	must_mount("proc", "/proc", "proc", 0);
	must_mount("sysfs", "/sys", "sysfs", 0);
	must_mount("devtmpfs", "/dev", "devtmpfs", 0);
	/* tells of lockdown; a kernel may have none */
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	open_console();
	say("up");
	signal(SIGALRM, on_alarm);
	alarm(DEVICE_WAIT_MS / 1000 * 2);
	load_modules();
	enter_root();
	conf_read(&conf);
	alarm((unsigned int)conf.deadline);
	if (*conf.init)
		become(conf.init);
	end_if_second();
	if (*conf.start)
		start_second(&conf);
	if (told_to(" lab.after"))
		look_after(&conf);
	end_if_crashed_enough(conf.crashes);
	guest_disks_write(conf.mounts);
	guest_death_prepare(conf.death);
	must_mount("tmpfs", "/run", "tmpfs", 0);
	if (conf.plug_mib)
		guest_memory_changes("plug", (long)conf.plug_mib);
	/* as at boot: what loading leaves behind in free memory is used again before the panic */
	if (*conf.script)
		arm_by_script(conf.script);
	else
		arm(&conf);
	if (conf.plug_later_mib)
		guest_memory_changes("plug-later", (long)conf.plug_later_mib);
	if (conf.reload)
		guest_reload();
	if (conf.balloon_mib)
		guest_memory_changes("balloon", -(long)conf.balloon_mib);
	make_load(&conf);
	guest_tell_shape();
	if (conf.mem_usage)
		count_pages();
	if (conf.settle)
		settle();
	sync();
	move_to_cpu(conf.panic_cpu);
	guest_sysctls(conf.sysctls);
	say("panic");
	guest_die(conf.death);
}
