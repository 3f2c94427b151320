/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each way to sleep that the crowd knows: a function that waits in one system call for what never comes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/crowd.h"

#define PAGE    4096
#define FOREVER 1000000
#define THREADS 20

/* What was to wait came back, or could not begin: it ends, and the crowd misses it. */
static void woken(const char *what)
{
	crowd_say("crowd: %s: %m", what);
	_exit(1);
}

static int must(int fd, const char *what)
{
	if (fd < 0)
		woken(what);
	return fd;
}

static char *map_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		woken("mmap");
	return page;
}

/* ---- time, signals, children */

static void run_pause(int number)
{
	(void)number;
	for (;;)
		pause();
}

static void run_nanosleep(int number)
{
	struct timespec t = {FOREVER + number, 0};

	nanosleep(&t, NULL);
}

static void run_clock(int number)
{
	struct timespec t = {FOREVER + number, 0};

	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
}

static void run_sigwait(int number)
{
	sigset_t set;

	(void)number;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwaitinfo(&set, NULL);
}

static void run_sigsuspend(int number)
{
	sigset_t set;

	(void)number;
	sigfillset(&set);
	sigsuspend(&set);
}

static void run_stopped(int number)
{
	(void)number;
	for (;;)
		kill(getpid(), SIGSTOP);
}

static void run_zombie(int number)
{
	_exit(number);
}

/* Waits for a child that only waits. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid)
		return must(pid, "fork");
	for (;;)
		pause();
}

static void run_wait4(int number)
{
	(void)number;
	waitpid(child(), NULL, 0);
}

static void run_waitid(int number)
{
	siginfo_t info;

	(void)number;
	waitid(P_PID, (id_t)child(), &info, WEXITED);
}

static void run_pidfd(int number)
{
	struct pollfd p = {(int)syscall(SYS_pidfd_open, child(), 0), POLLIN, 0};

	(void)number;
	must(p.fd, "pidfd_open");
	poll(&p, 1, -1);
}

static void run_vfork(int number)
{
	(void)number;
	if (vfork() == 0)
		for (;;)
			pause();
}

/* The child stops for its tracer, which waits for it once more. */
static void run_tracer(int number)
{
	pid_t pid = fork();

	(void)number;
	if (!pid) {
		prctl(PR_SET_NAME, "lk-traced");
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		for (;;)
			raise(SIGUSR1);
	}
	waitpid(must(pid, "fork"), NULL, 0);
	waitpid(pid, NULL, 0);
}

/* ---- locks */

static void run_futex(int number)
{
	uint32_t word = 0;

	(void)number;
	syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static uint32_t pi_lock; /* of each process its own */

static void *hold_pi(void *argument)
{
	prctl(PR_SET_NAME, "lk-pi-holder");
	if (syscall(SYS_futex, &pi_lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0))
		woken("FUTEX_LOCK_PI");
	for (;;)
		pause();
	return argument;
}

static void run_futex_pi(int number)
{
	pthread_t id;

	(void)number;
	if (pthread_create(&id, NULL, hold_pi, NULL))
		woken("pthread_create");
	while (!__atomic_load_n(&pi_lock, __ATOMIC_SEQ_CST))
		usleep(10000);
	syscall(SYS_futex, &pi_lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static void run_flock(int number)
{
	static const char path[] = "/tmp/flock";
	int mine = must(open(path, O_RDWR | O_CREAT, 0600), path);

	(void)number;
	if (flock(mine, LOCK_EX | LOCK_NB) == 0)
		for (;;)
			pause();
	flock(mine, LOCK_EX);
}

static void run_fcntl_lock(int number)
{
	static const char path[] = "/tmp/fcntl";
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = must(open(path, O_RDWR | O_CREAT, 0600), path);

	(void)number;
	if (fcntl(fd, F_SETLK, &lock) == 0)
		for (;;)
			pause();
	fcntl(fd, F_SETLKW, &lock);
}

static void run_semop(int number)
{
	int id = must(semget(IPC_PRIVATE, 1, 0600), "semget");
	struct sembuf take = {0, -1, 0};

	(void)number;
	semop(id, &take, 1);
}

/* ---- messages */

static void run_msgrcv(int number)
{
	char text[64];

	(void)number;
	msgrcv(must(msgget(IPC_PRIVATE, 0600), "msgget"), text, sizeof(text) - sizeof(long), 0, 0);
}

static void run_msgsnd(int number)
{
	int id = must(msgget(IPC_PRIVATE, 0600), "msgget");
	struct {
		long type;
		char text[4096];
	} m = {.type = 1};

	(void)number;
	for (;;)
		if (msgsnd(id, &m, sizeof(m.text), 0))
			woken("msgsnd");
}

static void run_mqueue(int number)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 16};
	char name[32], text[16];
	mqd_t queue;

	snprintf(name, sizeof(name), "/crowd-%d", number);
	queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	must(queue, "mq_open");
	mq_receive(queue, text, sizeof(text), NULL);
}

static void run_pipe_read(int number)
{
	int ends[2];
	char byte;

	(void)number;
	must(pipe(ends), "pipe");
	if (read(ends[0], &byte, 1) <= 0)
		woken("read of a pipe");
}

static void run_pipe_write(int number)
{
	int ends[2];

	(void)number;
	must(pipe(ends), "pipe");
	for (;;)
		if (write(ends[1], map_page(), PAGE) <= 0)
			woken("write to a pipe");
}

static void run_splice(int number)
{
	int from[2], into[2];

	(void)number;
	must(pipe(from), "pipe");
	must(pipe(into), "pipe");
	splice(from[0], NULL, into[1], NULL, PAGE, 0);
}

static void run_fifo(int number)
{
	char path[32];

	snprintf(path, sizeof(path), "/tmp/fifo-%d", number);
	must(mkfifo(path, 0600), "mkfifo");
	open(path, O_RDONLY);
}

static int unix_socket(const char *name, bool server)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "crowd-%s", name);
	if (server) {
		must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
		must(listen(fd, 0), "listen");
	} else if (connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		woken("connect");
	}
	return fd;
}

static void run_unix_recv(int number)
{
	int ends[2];
	char byte;

	(void)number;
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), "socketpair");
	recv(ends[0], &byte, 1, 0);
}

static void run_unix_send(int number)
{
	int ends[2];

	(void)number;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	for (;;)
		if (write(ends[0], map_page(), PAGE) <= 0)
			woken("write to a socket");
}

static void run_unix_accept(int number)
{
	char name[32];

	snprintf(name, sizeof(name), "accept-%d", number);
	accept(unix_socket(name, true), NULL, NULL);
}

/* Nobody accepts, and only one may wait. */
static void run_unix_connect(int number)
{
	char name[32];

	snprintf(name, sizeof(name), "connect-%d", number);
	unix_socket(name, true);
	for (;;)
		unix_socket(name, false);
}

static void run_tcp_accept(int number)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	(void)number;
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	must(listen(fd, 1), "listen");
	accept(fd, NULL, NULL);
}

static void run_udp_recv(int number)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	char byte;

	(void)number;
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	recv(fd, &byte, 1, 0);
}

static void run_netlink(int number)
{
	int fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket");
	char byte;

	(void)number;
	recv(fd, &byte, 1, 0);
}

/* A module's own function waits: tun_chr_read_iter. */
static void run_tun(int number)
{
	struct ifreq wanted = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = must(open("/dev/net/tun", O_RDWR), "/dev/net/tun");
	char packet[2048];

	(void)number;
	must(ioctl(fd, TUNSETIFF, &wanted), "TUNSETIFF");
	if (read(fd, packet, sizeof(packet)) <= 0)
		woken("read of a tun");
}

/* ---- events */

static void run_select(int number)
{
	fd_set set;
	int ends[2];

	(void)number;
	must(pipe(ends), "pipe");
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	select(ends[0] + 1, &set, NULL, NULL, NULL);
}

static void run_poll(int number)
{
	struct pollfd p = {.events = POLLIN};
	int ends[2];

	(void)number;
	must(pipe(ends), "pipe");
	p.fd = ends[0];
	poll(&p, 1, -1);
}

static void run_epoll(int number)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = must(epoll_create1(0), "epoll_create1");
	int ends[2];

	(void)number;
	must(pipe(ends), "pipe");
	must(epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event), "epoll_ctl");
	epoll_wait(fd, &event, 1, -1);
}

static void run_eventfd(int number)
{
	uint64_t value;

	(void)number;
	if (read(must(eventfd(0, 0), "eventfd"), &value, sizeof(value)) <= 0)
		woken("read of an eventfd");
}

static void run_timerfd(int number)
{
	int fd = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
	struct itimerspec never = {.it_value = {FOREVER + number, 0}};
	uint64_t value;

	must(timerfd_settime(fd, 0, &never, NULL), "timerfd_settime");
	if (read(fd, &value, sizeof(value)) <= 0)
		woken("read of a timerfd");
}

static void run_signalfd(int number)
{
	char info[512];
	sigset_t set;

	(void)number;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (read(must(signalfd(-1, &set, 0), "signalfd"), info, sizeof(info)) <= 0)
		woken("read of a signalfd");
}

static void run_inotify(int number)
{
	char event[512];

	(void)number;
	if (read(must(inotify_init1(0), "inotify_init1"), event, sizeof(event)) <= 0)
		woken("read of an inotify");
}

static void run_kmsg(int number)
{
	int fd = must(open("/dev/kmsg", O_RDONLY), "/dev/kmsg");
	char record[8192];

	(void)number;
	lseek(fd, 0, SEEK_END);
	while (read(fd, record, sizeof(record)) > 0)
		;
	woken("read of /dev/kmsg");
}

static void run_pty(int number)
{
	int fd = must(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt");
	char byte;

	(void)number;
	if (read(fd, &byte, 1) <= 0)
		woken("read of a pty");
}

static void run_io_uring(int number)
{
	struct io_uring_params params = {.flags = 0};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &params);

	(void)number;
	must(fd, "io_uring_setup");
	syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

static void run_aio(int number)
{
	struct io_event event;
	aio_context_t context = 0;

	(void)number;
	must((int)syscall(SYS_io_setup, 1, &context), "io_setup");
	syscall(SYS_io_getevents, context, 1L, 1L, &event, NULL);
}

/* ---- threads */

static void *thread(void *argument)
{
	char name[16];
	int number = (int)(intptr_t)argument;

	snprintf(name, sizeof(name), "lk-thread-%d", number);
	prctl(PR_SET_NAME, name);
	switch (number % 4) {
	case 0:
		run_futex(number);
		break;
	case 1:
		run_nanosleep(number);
		break;
	case 2:
		run_eventfd(number);
		break;
	default:
		run_pause(number);
	}
	return NULL;
}

static void run_threads(int number)
{
	pthread_attr_t attr;
	pthread_t id;

	(void)number;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&id, &attr, thread, (void *)i))
			woken("pthread_create");
	pthread_join(id, NULL);
}

/* Its first thread has ended, the process has not: the leader is a zombie that is no orphan. */
static void run_leaderless(int number)
{
	pthread_t id;

	(void)number;
	if (pthread_create(&id, NULL, thread, NULL))
		woken("pthread_create");
	pthread_exit(NULL);
}

/* ---- page faults that nobody serves */

static char *uffd_page(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = must((int)syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
	char *page = map_page();

	area.range.start = (uintptr_t)page;
	area.range.len = PAGE;
	must(ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");
	must(ioctl(fd, UFFDIO_REGISTER, &area), "UFFDIO_REGISTER");
	return page;
}

static void run_fault(int number)
{
	*(volatile char *)uffd_page() = (char)number;
}

/* The fault is the kernel's, in the middle of write(2). */
static void run_kernel_fault(int number)
{
	int ends[2];

	(void)number;
	must(pipe(ends), "pipe");
	if (write(ends[1], uffd_page(), PAGE) <= 0)
		woken("write");
}

/* Two more come for the pipe that a third one holds in such a fault. */
static void run_mutex(int number)
{
	int ends[2];

	(void)number;
	must(pipe(ends), "pipe");
	for (int i = 0; i < 2; i++) {
		if (must(fork(), "fork"))
			continue;
		prctl(PR_SET_NAME, "lk-holder");
		if (i == 1) {
			usleep(300000);
			prctl(PR_SET_NAME, "lk-mutex-read");
			if (read(ends[0], map_page(), PAGE) <= 0)
				woken("read");
		} else if (write(ends[1], uffd_page(), PAGE) <= 0) {
			woken("write");
		}
	}
	usleep(400000);
	if (write(ends[1], map_page(), PAGE) <= 0)
		woken("write");
}

/* ---- file systems and disks that do not answer */

static void run_frozen_write(int number)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), CROWD_FROZEN "/file-%d", number % CROWD_FILES);
	fd = must(open(path, O_RDWR), path);
	if (number % 2 ? ftruncate(fd, 1) : write(fd, path, 1) != 1)
		woken(path);
}

static void run_frozen_mkdir(int number)
{
	char path[64];

	snprintf(path, sizeof(path), CROWD_FROZEN "/new-%d", number);
	must(mkdir(path, 0700), path);
}

static void run_overlay(int number)
{
	char path[64];

	snprintf(path, sizeof(path), CROWD_OVERLAY "/new-%d", number);
	must(mkdir(path, 0700), path);
}

static void run_fuse(int number)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), CROWD_FUSE "/file-%d", number);
	must(stat(path, &st), path);
}

static void run_slow_disk(int number)
{
	int direct = number % 2 ? O_DIRECT : 0;
	int fd = must(open(CROWD_SLOW, O_RDONLY | direct), CROWD_SLOW);

	for (off_t at = number; at < 1024; at += 16)
		if (pread(fd, map_page(), PAGE, at * PAGE) != PAGE)
			woken("read of the slow disk");
}

/* ---- those that run */

static void to_cpu(int cpu)
{
	cpu_set_t set;

	setpriority(PRIO_PROCESS, 0, 19);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void run_spin_user(int number)
{
	to_cpu(number % 2);
	for (volatile int i = 0;; i++)
		;
}

static void run_spin_kernel(int number)
{
	static char area[256 << 10];
	int fd = must(open("/dev/urandom", O_RDONLY), "/dev/urandom");

	(void)number;
	to_cpu(1);
	while (read(fd, area, sizeof(area)) > 0)
		;
	woken("/dev/urandom");
}

const struct kind crowd_kinds[] = {
	{"lk-pause", "S", 4, run_pause},
	{"lk-nanosleep", "S", 4, run_nanosleep},
	{"lk-clock", "S", 4, run_clock},
	{"lk-sigwait", "S", 4, run_sigwait},
	{"lk-sigsuspend", "S", 4, run_sigsuspend},
	{"lk-stopped", "T", 4, run_stopped},
	{"lk-zombie", "Z", 4, run_zombie},
	{"lk-wait4", "S", 4, run_wait4},
	{"lk-waitid", "S", 4, run_waitid},
	{"lk-pidfd", "S", 4, run_pidfd},
	{"lk-vfork", "D", 4, run_vfork},
	{"lk-tracer", "S", 4, run_tracer},
	{"lk-futex", "S", 4, run_futex},
	{"lk-futex-pi", "S", 4, run_futex_pi},
	{"lk-flock", "S", 4, run_flock},
	{"lk-fcntl-lock", "S", 4, run_fcntl_lock},
	{"lk-semop", "S", 4, run_semop},
	{"lk-msgrcv", "S", 4, run_msgrcv},
	{"lk-msgsnd", "S", 4, run_msgsnd},
	{"lk-mqueue", "S", 4, run_mqueue},
	{"lk-pipe-read", "S", 4, run_pipe_read},
	{"lk-pipe-write", "S", 4, run_pipe_write},
	{"lk-splice", "S", 4, run_splice},
	{"lk-fifo", "S", 4, run_fifo},
	{"lk-unix-recv", "S", 4, run_unix_recv},
	{"lk-unix-send", "S", 4, run_unix_send},
	{"lk-unix-accept", "S", 4, run_unix_accept},
	{"lk-unix-connect", "S", 4, run_unix_connect},
	{"lk-tcp-accept", "S", 4, run_tcp_accept},
	{"lk-udp-recv", "S", 4, run_udp_recv},
	{"lk-netlink", "S", 4, run_netlink},
	{"lk-tun", "S", 4, run_tun},
	{"lk-select", "S", 4, run_select},
	{"lk-poll", "S", 4, run_poll},
	{"lk-epoll", "S", 4, run_epoll},
	{"lk-eventfd", "S", 4, run_eventfd},
	{"lk-timerfd", "S", 4, run_timerfd},
	{"lk-signalfd", "S", 4, run_signalfd},
	{"lk-inotify", "S", 4, run_inotify},
	{"lk-kmsg", "S", 2, run_kmsg},
	{"lk-pty", "S", 4, run_pty},
	{"lk-io-uring", "S", 4, run_io_uring},
	{"lk-aio", "S", 4, run_aio},
	{"lk-threads", "S", 2, run_threads},
	{"lk-leaderless", "Z", 2, run_leaderless},
	{"lk-fault", "SD", 4, run_fault},
	{"lk-kernel-fault", "SD", 4, run_kernel_fault},
	{"lk-mutex", "D", 2, run_mutex},
	{"lk-frozen-write", "D", 4, run_frozen_write},
	{"lk-frozen-mkdir", "D", 4, run_frozen_mkdir},
	{"lk-overlay", "D", 3, run_overlay},
	{"lk-fuse", "D", 4, run_fuse},
	{"lk-slow-disk", "D", 4, run_slow_disk},
	{"lk-spin-user", "R", 2, run_spin_user},
	{"lk-spin-kernel", "R", 1, run_spin_kernel},
};
const size_t crowd_n_kinds = sizeof(crowd_kinds) / sizeof(crowd_kinds[0]);
