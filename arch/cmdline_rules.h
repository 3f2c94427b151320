/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy for a panic kernel's command line: one table for each architecture, for arch_load.rules. A rule has an
 * honest reason, or it is not here. What depends on the machine (how many CPUs) is the loader's to add.
 *
 * A dropped name may end in '*': all parameters that begin so.
 */
#ifndef ARCH_CMDLINE_RULES_H
#define ARCH_CMDLINE_RULES_H

#include "arch/load.h"

extern const struct cmdline_rule x86_64_cmdline_rules[];
extern const struct cmdline_rule arm64_cmdline_rules[];

/* ---- what all architectures have in common, for the beginning of their tables */

/* clang-format off */

/* Our PID 1 is /init of the initramfs; it mounts the target by its recipe, and no other system is started. */
#define CMDLINE_DROP_SYSTEM \
	{CMDLINE_DROP, "root", "the system's root is not mounted: the capture lives in the initramfs"}, \
	{CMDLINE_DROP, "rootflags", "it belongs to root="}, \
	{CMDLINE_DROP, "rootdelay", "it belongs to root="}, \
	{CMDLINE_DROP, "rootwait", "it belongs to root="}, \
	{CMDLINE_DROP, "ro", "it belongs to root="}, \
	{CMDLINE_DROP, "rw", "it belongs to root="}, \
	{CMDLINE_DROP, "nfsroot", "it belongs to root="}, \
	{CMDLINE_DROP, "init", "the capture's own /init is started"}, \
	{CMDLINE_DROP, "rdinit", "the capture's own /init is started"}, \
	{CMDLINE_DROP, "resume", "the kernel would look for a hibernated system and resume it"}, \
	{CMDLINE_DROP, "resume_offset", "it belongs to resume="}, \
	{CMDLINE_DROP, "resumewait", "it belongs to resume="}, \
	{CMDLINE_DROP, "resumedelay", "it belongs to resume="}, \
	{CMDLINE_DROP, "ip", "the kernel would wait for a network by itself"}, \
	{CMDLINE_DROP, "rd.*", "for the system's initramfs, which is not ours"}, \
	{CMDLINE_DROP, "netroot", "for the system's initramfs, which is not ours"}, \
	{CMDLINE_DROP, "fcoe", "for the system's initramfs, which is not ours"}, \
	{CMDLINE_DROP, "iscsi_initiator", "for the system's initramfs, which is not ours"}, \
	{CMDLINE_DROP, "systemd.*", "there is no systemd in the capture kernel"}, \
	{CMDLINE_DROP, "luks.*", "for systemd, which is not in the capture kernel"}, \
	{CMDLINE_DROP, "sysctl.*", "made for the system that crashed; it may take memory or panic"}, \
	{CMDLINE_DROP, "quiet", "on the console a capture that fails can be watched"}, \
	{CMDLINE_DROP, "debug", "a serial console takes seconds for what nobody watches"}, \
	{CMDLINE_DROP, "ignore_loglevel", "a serial console takes seconds for what nobody watches"}, \
	{CMDLINE_DROP, "initcall_debug", "a serial console takes seconds for what nobody watches"}, \
	{CMDLINE_DROP, "splash", "on the console a capture that fails can be watched"}

/* The reservation is all the memory that there is. */
#define CMDLINE_DROP_MEMORY \
	{CMDLINE_DROP, "mem", "made for the whole machine; the loader tells which memory to use"}, \
	{CMDLINE_DROP, "memmap", "made for the whole machine; the loader tells which memory to use"}, \
	{CMDLINE_DROP, "memtest", "it would test memory at each crash"}, \
	{CMDLINE_DROP, "hugepages", "they would take the memory that the capture needs"}, \
	{CMDLINE_DROP, "hugepagesz", "it belongs to hugepages="}, \
	{CMDLINE_DROP, "default_hugepagesz", "it belongs to hugepages="}, \
	{CMDLINE_DROP, "hugetlb_cma", "it would take the memory that the capture needs"}, \
	{CMDLINE_DROP, "kernelcore", "made for the memory of the whole machine"}, \
	{CMDLINE_DROP, "movablecore", "made for the memory of the whole machine"}, \
	{CMDLINE_DROP, "log_buf_len", "the capture kernel logs little, and in little memory"}, \
	{CMDLINE_DROP, "trace_buf_size", "trace buffers would take memory from the capture"}, \
	{CMDLINE_DROP, "trace_event", "trace buffers would take memory from the capture"}, \
	{CMDLINE_DROP, "ftrace", "trace buffers would take memory from the capture"}, \
	{CMDLINE_DROP, "slub_debug", "it makes each object larger"}, \
	{CMDLINE_DROP, "slab_debug", "it makes each object larger"}, \
	{CMDLINE_DROP, "page_owner", "it takes memory for each page"}, \
	{CMDLINE_DROP, "swiotlb", "made for the whole machine; the kernel finds its own size"}

/* The CPU that crashed is number 0 now. */
#define CMDLINE_DROP_CPUS \
	{CMDLINE_DROP, "maxcpus", "nr_cpus= says how many CPUs are used"}, \
	{CMDLINE_DROP, "isolcpus", "CPUs have other numbers after a crash, and all should work"}, \
	{CMDLINE_DROP, "nohz_full", "CPUs have other numbers after a crash, and all should work"}, \
	{CMDLINE_DROP, "rcu_nocbs", "CPUs have other numbers after a crash"}, \
	{CMDLINE_DROP, "irqaffinity", "CPUs have other numbers after a crash"}

/* What is worth a panic to a system is not worth the loss of its dump. */
#define CMDLINE_DROP_PANICS \
	{CMDLINE_DROP, "oops", "an oops in one driver must not end the capture"}, \
	{CMDLINE_DROP, "panic_on_warn", "a warning must not end the capture"}, \
	{CMDLINE_DROP, "panic_on_taint", "a taint must not end the capture"}, \
	{CMDLINE_DROP, "softlockup_panic", "a slow device must not end the capture"}, \
	{CMDLINE_DROP, "hung_task_panic", "a slow device must not end the capture"}, \
	{CMDLINE_DROP, "nmi_watchdog", "a slow device must not end the capture by a panic"}, \
	{CMDLINE_DROP, "kgdbwait", "the kernel would wait for a debugger"}

#define CMDLINE_DROP_COMMON \
	CMDLINE_DROP_SYSTEM, CMDLINE_DROP_MEMORY, CMDLINE_DROP_CPUS, CMDLINE_DROP_PANICS

/*
 * A kernel that does not know one of them hands it to init, which has no use for it. The seconds of panic= are those
 * that PID 1 sets, for what happens before it; loglevel= is PID 1's own, too.
 *
 * What was measured, and on which kernels, is in docs/performance.md ("The capture kernel"). cgroup.memory=nokmem:
 * pcpu_alloc_chunk() of mm/percpu.c keeps a pointer for each 4 bytes of a chunk, which with one CPU on x86 is 2 MiB large;
 * 5.10 does so in any case. tracer_init_tracefs: since Linux 6.6 (eventfs) the files are made when they are looked
 * at, which leaves 0.5 MiB to gain. What else of tracing is initialised finds no folder of its own, and puts up with
 * that. A name that a kernel does not have is compared with, and no more.
 *
 * rootfstype=ramfs: without root= the kernel takes a tmpfs otherwise (init_rootfs() of init/do_mounts.c), of half of the
 * memory that it finds when it starts. In 112M an image of 28 MB unpacked was cut off on some starts and not on others.
 * With a root= of the user's it is not for us to say what file system that has.
 *
 * Left out on purpose: mitigations=off (no difference was measured, and the dump is read from a machine that may
 * have been attacked), lpj= and TSC frequencies of the running kernel (its calibration takes no time worth the risk
 * of a wrong one), quiet (it hides warnings), transparent_hugepage=never (the kernel never uses them below 512 MiB),
 * slub_max_order=, audit=, apparmor=, lsm=, sizes of hash tables, ipv6.disable=, iommu= (all nothing, or less than
 * 0.5 MiB), no5lvl (1 MiB on CPUs with five-level paging, for a way through the kernel's start that few take).
 */
#define CMDLINE_ADD_COMMON \
	{CMDLINE_ADD, "panic=10", "a panic of the capture kernel restarts the machine instead of stopping it"}, \
	{CMDLINE_ADD, "reset_devices", "drivers must not trust the state in which they find devices"}, \
	{CMDLINE_ADD, "cgroup_disable=memory", "nothing uses memory cgroups here, and each page is charged to one"}, \
	{CMDLINE_ADD, "cgroup.memory=nokmem", "to account for per-CPU memory the kernel takes 4 MiB"}, \
	{CMDLINE_ADD_TOO, "initcall_blacklist=tracer_init_tracefs", \
	 "the files of tracefs take up to 9 MiB, and nobody traces here"}, \
	{CMDLINE_ADD_ROOT, "rootfstype=ramfs", "on a tmpfs the initramfs could take but half of the memory"}, \
	{CMDLINE_ADD, "cma=0", "memory set apart for contiguous buffers is lost to the kernel's own use"}, \
	{CMDLINE_ADD, "kfence.sample_interval=0", "its guarded objects take more than 2 MiB"}, \
	{CMDLINE_ADD, "init_on_alloc=0", "zeroing pages hides them from other programs; there are none"}, \
	{CMDLINE_ADD, "loglevel=6", "a serial console takes 2 s for all that a kernel says when it starts"}, \
	{CMDLINE_ADD, "novmcoredd", "drivers would copy megabytes out of devices into the reservation"}, \
	{CMDLINE_ADD, "acpi_no_memhotplug", "memory that firmware announces holds the crashed system"}, \
	{CMDLINE_ADD, "hest_disable", "a fatal error that firmware still reports would end the capture, too"}, \
	{CMDLINE_ADD, "cryptomgr.notests", "self-tests of ciphers take time at boot"}

/* clang-format on */

#endif
