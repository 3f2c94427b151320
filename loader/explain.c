// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/explain.h"

#include <errno.h>
#include <string.h>

static bool no_capability(const struct facts *f)
{
	return fact_is(f->cap_sys_boot, 0);
}

static bool in_container(const struct facts *f)
{
	return fact_is(f->init_userns, 0);
}

static bool disabled(const struct facts *f)
{
	return f->load_disabled.known && f->load_disabled.value;
}

static bool limit_reached(const struct facts *f)
{
	return fact_is(f->load_limit, 0);
}

static bool reboot_limit_reached(const struct facts *f)
{
	return fact_is(f->load_limit_reboot, 0);
}

static bool names_keys(const struct facts *f)
{
	return f->dm_keys.known && f->dm_keys.value;
}

static bool lockdown_unknown(const struct facts *f)
{
	return f->lockdown == LOCKDOWN_UNKNOWN;
}

static bool no_reservation(const struct facts *f)
{
	return fact_is(f->crash_size, 0);
}

/* When a row speaks: phases, and what else must be so. */
#define BOTH     (EXPLAIN_LOAD | EXPLAIN_UNLOAD)
#define FORESEEN 4  /* certain from the facts alone, without the call */
#define PANIC    8  /* about panic kernels only */
#define ORDINARY 16 /* about others only */
#define FILES    32 /* kexec_file_load(2) only */
#define SEGMENTS 64 /* kexec_load(2) only */

/*
 * Where each errno comes from (torvalds/linux, kernel/kexec_file.c unless another file is named; what says
 * SEGMENTS: kernel/kexec.c):
 *
 *   EPERM         kexec_load_permitted() in kexec_core.c: capability, load_disabled, limit (an
 *                 unload uses the limit up too); kimage_validate_signature(): locked down and no
 *                 good signature; an LSM from kernel_read_file()
 *   EACCES        IMA appraisal (security/integrity/ima/ima_main.c) from kernel_read_file()
 *   EINVAL        unknown flag; fs/kernel_read_file.c: no regular file or an empty one; command
 *                 line (arch/x86/kernel/kexec-bzimage64.c); more than half of RAM
 *                 (sanity_check_segment_list()); arm64's probe (kexec_image.c)
 *   EBUSY         kexec_trylock(), before anything is freed
 *   ETXTBSY EFBIG EIO  fs/kernel_read_file.c: open for writing, over INT_MAX bytes, short read
 *   ENOEXEC       bzImage64_probe(), bzImage64_load()
 *   ENOKEY EKEYREJECTED ENODATA EBADMSG ELIBBAD ENOPKG
 *                 crypto/asymmetric_keys/verify_pefile.c, pkcs7_*.c, only where signatures are
 *                 enforced (CONFIG_KEXEC_SIG_FORCE, or Secure Boot with an IMA arch policy)
 *                 ENOKEY also of kernel/crash_dump_dm_crypt.c, read_key_from_user_keyring()
 *   EADDRNOTAVAIL kexec_locate_mem_hole(); sanity_check_segment_list()
 *   ENOMEM        vmalloc of kernel or initramfs; kimage_alloc_control_pages(), which for a panic
 *                 kernel searches the reservation
 *   ENOENT        crypto_alloc_shash("sha256")
 *   ENOSYS        CONFIG_KEXEC_FILE=n (kernel/sys_ni.c)
 */
static const struct rule {
	int sys;
	int when; /* of enum explain_phase, and the flags above */
	bool (*applies)(const struct facts *f);
	struct explanation explanation;
} rules[] = {
#define ROW(sys, when, applies, code, cause, remedy) \
	{                                            \
		sys, when, applies,                  \
		{                                    \
			code, cause, remedy          \
		}                                    \
	}
	ROW(EPERM, BOTH | FORESEEN, no_capability, ERR_REFUSED,
	    "loading and unloading a kernel takes the capability CAP_SYS_BOOT, which "
	    "this process lacks",
	    "run this as root"),
	ROW(EPERM, BOTH | FORESEEN, in_container, ERR_REFUSED,
	    "this process runs in a user namespace (a container), whose root may not load "
	    "or unload a kernel",
	    "run this on the host"),
	ROW(EPERM, BOTH | FORESEEN, disabled, ERR_REFUSED,
	    "the sysctl kernel.kexec_load_disabled forbids loading and unloading until the "
	    "next boot",
	    "reboot and load before it is set (grep -r kexec_load_disabled /etc/sysctl*)"),
	ROW(EPERM, BOTH | FORESEEN | ORDINARY, reboot_limit_reached, ERR_REFUSED,
	    "the sysctl kernel.kexec_load_limit_reboot is 0: no load or unload of an ordinary "
	    "image is left until the next boot",
	    "reboot, and raise or drop the limit (grep -r kexec_load_limit_reboot /etc/sysctl*)"),
	ROW(EPERM, EXPLAIN_LOAD | FORESEEN | SEGMENTS, facts_locked_down, ERR_REFUSED,
	    "the kernel is locked down and takes no segments from user space",
	    "load by kexec_file_load (-s), with a signed kernel"),
	ROW(EPERM, BOTH | FORESEEN | PANIC, limit_reached, ERR_REFUSED,
	    "the sysctl kernel.kexec_load_limit_panic is 0: no load or unload is left until "
	    "the next boot",
	    "reboot, and raise or drop the limit (grep -r kexec_load_limit_panic /etc/sysctl*)"),
	ROW(EPERM, EXPLAIN_LOAD, facts_locked_down, ERR_REFUSED,
	    "the kernel is locked down and the image has no signature that it trusts",
	    "load a kernel signed by your distribution, enrol the key that signed it "
	    "(mokutil --import), or boot without lockdown (Secure Boot off)"),
	ROW(EPERM, EXPLAIN_LOAD | FILES, lockdown_unknown, ERR_REFUSED,
	    "the kernel is locked down and the image has no signature that it trusts, or a "
	    "security module (SELinux, IMA, LoadPin) or a seccomp filter forbids it",
	    "the kernel's log says which (dmesg | grep -i lockdown); mount "
	    "/sys/kernel/security for a clearer answer"),
	ROW(EPERM, BOTH, NULL, ERR_REFUSED,
	    "a security module (SELinux, IMA, LoadPin) or a seccomp filter forbids it",
	    "look for the denial in the audit log and in dmesg, and allow it there"),
	ROW(EACCES, BOTH, NULL, ERR_REFUSED,
	    "a security module (IMA appraisal, SELinux) refuses the kernel or the initramfs",
	    "look for the denial in the audit log; under IMA sign both files (evmctl ima_sign)"),

	ROW(ENOKEY, EXPLAIN_LOAD | FILES, names_keys, ERR_REFUSED,
	    "a key of LUKS that is named in /sys/kernel/config/crash_dm_crypt_keys is on no "
	    "keyring "
	    "here, or the one that signed the kernel is on none",
	    "look into dmesg, which names a logon key: link it to user root's keyring (@u), or "
	    "remove its folder; else enrol the signer's (mokutil --import)"),
	ROW(ENOKEY, EXPLAIN_LOAD | FILES, NULL, ERR_REFUSED,
	    "the key that signed the kernel is not on the running kernel's keyrings",
	    "enrol it (mokutil --import), or load a kernel signed by your distribution"),
	ROW(EKEYREJECTED, EXPLAIN_LOAD | FILES, NULL, ERR_REFUSED,
	    "signatures are enforced, and the kernel's is missing, revoked, or belongs to "
	    "another file",
	    "reinstall the kernel package, or sign the image with an enrolled key"),
	ROW(ENODATA, EXPLAIN_LOAD | FILES, NULL, ERR_REFUSED,
	    "signatures are enforced, and the kernel has none",
	    "load a kernel signed by your distribution, or sign it with an enrolled key"),
	ROW(EBADMSG, EXPLAIN_LOAD | FILES, NULL, ERR_REFUSED,
	    "signatures are enforced, and the kernel's is damaged",
	    "reinstall the kernel package, or sign the image again"),
	ROW(ELIBBAD, EXPLAIN_LOAD | FILES, NULL, ERR_REFUSED,
	    "signatures are enforced, and the image is not a well-formed EFI program that "
	    "could carry one",
	    "load a kernel built with CONFIG_EFI_STUB and signed with an enrolled key"),
	ROW(ENOPKG, EXPLAIN_LOAD | FILES, NULL, ERR_REFUSED,
	    "the running kernel lacks an algorithm that the kernel's signature uses",
	    "load the crypto module, or sign the image with RSA and SHA-256"),

	ROW(EBUSY, BOTH, NULL, ERR_SYSTEM, "another load or unload is in progress",
	    "try again when it is over (another kdump service may be running)"),
	ROW(ETXTBSY, EXPLAIN_LOAD | FILES, NULL, ERR_SYSTEM,
	    "some process has the kernel or the initramfs open for writing",
	    "wait until it is done (fuser -v FILE names it) and load again"),
	ROW(EFBIG, EXPLAIN_LOAD | FILES, NULL, ERR_NO_SPACE,
	    "the kernel or the initramfs has 2 GiB or more", "use a smaller one"),
	ROW(EIO, EXPLAIN_LOAD | FILES, NULL, ERR_SYSTEM,
	    "the kernel or the initramfs could not be read to its end",
	    "check their disk (dmesg) and whether something is rewriting them"),
	ROW(ENOEXEC, EXPLAIN_LOAD | FILES, NULL, ERR_UNSUPPORTED,
	    "the running kernel does not know the image's format",
	    "load a bzImage for this architecture; dmesg says what it missed"),
	ROW(EINVAL, EXPLAIN_LOAD | SEGMENTS, NULL, ERR_UNSUPPORTED,
	    "the running kernel does not accept these segments: a flag that it does not know, "
	    "segments that overlap, or more than half of its RAM",
	    "look at them with --plan, and into dmesg; kexec_file_load (-s) may know better"),
	ROW(EINVAL, EXPLAIN_LOAD, NULL, ERR_UNSUPPORTED,
	    "the running kernel does not accept the image or its command line",
	    "look into dmesg for its reason (lines with kexec) and change what they name"),
	ROW(EADDRNOTAVAIL, EXPLAIN_LOAD | PANIC, no_reservation, ERR_NOT_FOUND,
	    "no memory is reserved for a panic kernel",
	    "run `lifeboat reset-crashkernel` (or add crashkernel=256M to the kernel "
	    "command line) and reboot"),
	ROW(EADDRNOTAVAIL, EXPLAIN_LOAD | SEGMENTS | PANIC, NULL, ERR_SYSTEM,
	    "a segment does not lie in the memory that the kernel has reserved: the reservation "
	    "has changed since /proc/iomem was read",
	    "load again"),
	ROW(EADDRNOTAVAIL, EXPLAIN_LOAD | PANIC, NULL, ERR_NO_SPACE,
	    "the kernel found no room in the reserved memory for a part of the image",
	    "boot with a larger crashkernel=, or use a smaller initramfs"),
	ROW(EADDRNOTAVAIL, EXPLAIN_LOAD, NULL, ERR_NO_SPACE,
	    "there is no free range of memory for a part of the image",
	    "use a smaller kernel or initramfs"),
	ROW(ENOMEM, EXPLAIN_LOAD, NULL, ERR_NO_MEMORY,
	    "the running kernel has no memory for its copy of the files, or the reservation "
	    "is full",
	    "free some memory; if dmesg names control_code_buffer, boot with a larger "
	    "crashkernel="),
	ROW(ENOENT, EXPLAIN_LOAD | FILES, NULL, ERR_UNSUPPORTED,
	    "the running kernel has no SHA-256 for the image's digest",
	    "load the module sha256_generic"),
	ROW(ENOSYS, BOTH | SEGMENTS, NULL, ERR_UNSUPPORTED,
	    "the running kernel is built without CONFIG_KEXEC",
	    "load by kexec_file_load (-s), or boot a kernel that has it"),
	ROW(ENOSYS, BOTH, NULL, ERR_UNSUPPORTED,
	    "the running kernel is built without CONFIG_KEXEC_FILE", "boot a kernel that has it"),
	ROW(0, BOTH, NULL, ERR_SYSTEM, "this refusal has no known cause",
	    "look into dmesg for the reason"),
#undef ROW
};

/* Does this row speak about `sys` in that call? The last row, for errno 0, does about all. */
static bool row_applies(const struct rule *r, int sys, struct explain_call call,
			const struct facts *facts)
{
	const int not = (call.ordinary ? PANIC : ORDINARY) | (call.segments ? FILES : SEGMENTS);

	if ((r->sys && r->sys != sys) || (r->when & not ) || !(r->when & (int)call.phase))
		return false;
	return !r->applies || r->applies(facts);
}

struct explanation explain(int sys, struct explain_call call, const struct facts *facts)
{
	const struct rule *r = rules;

	while (!row_applies(r, sys, call, facts))
		r++;
	return r->explanation;
}

bool explain_foreseen(struct explain_call call, const struct facts *facts, struct explanation *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!(rules[i].when & FORESEEN) || !row_applies(&rules[i], EPERM, call, facts))
			continue;
		*ret = rules[i].explanation;
		return true;
	}
	return false;
}

int explain_err(int sys, struct explain_call call, const struct facts *facts, struct err *err)
{
	struct explanation e = explain(sys, call, facts);
	const char *name = strerrorname_np(sys);

	err_set(err, e.code, "%s: %s (%s): %s; %s",
		call.segments ? "kexec_load" : "kexec_file_load", strerror(sys),
		name ? name : "unknown errno", e.cause, e.remedy);
	err->sys = sys;
	return err->code;
}
