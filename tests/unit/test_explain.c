// SPDX-License-Identifier: GPL-2.0-or-later
/* The table from errno to cause and remedy, and what of it is certain before the call. */
#include <errno.h>

#include "loader/check.h"
#include "tests/unit/loader_fixture.h"
#include "tests/unit/unit.h"

static const struct explain_call panic_files = {.phase = EXPLAIN_LOAD};
static const struct explain_call panic_segments = {.phase = EXPLAIN_LOAD, .segments = true};
static const struct explain_call ordinary_files = {.phase = EXPLAIN_LOAD, .ordinary = true};
static const struct explain_call ordinary_segments = {EXPLAIN_LOAD, true, true};
static const struct explain_call unload_files = {.phase = EXPLAIN_UNLOAD};
static const struct explain_call unload_segments = {.phase = EXPLAIN_UNLOAD, .segments = true};

static void assert_row(int sys, struct explain_call call, const struct facts *f, enum err_code code,
		       const char *cause, const char *remedy)
{
	struct explanation e = explain(sys, call, f);
	struct err err = {0};

	if (e.code != code || !strstr(e.cause, cause) || !strstr(e.remedy, remedy))
		fail_msg("%s (%d): %d, %s; %s", strerrorname_np(sys), call.segments, e.code,
			 e.cause, e.remedy);
	assert_int_equal(explain_err(sys, call, f, &err), code);
	assert_int_equal(err.sys, sys);
	assert_int_equal(err.code, code);
	assert_int_equal(strncmp(err.msg, call.segments ? "kexec_load:" : "kexec_file_load:",
				 call.segments ? 11 : 16),
			 0);
	assert_says(&err, e.cause);
	assert_says(&err, e.remedy);
}

/* Linux 7.3 refused a load for the key of a disk, and this told to enrol the signer of the kernel. */
TEST(no_key_of_luks)
{
	const struct explain_call files = {.phase = EXPLAIN_LOAD};
	struct facts f = {.dm_keys = {true, 1}};

	assert_row(ENOKEY, files, &f, ERR_REFUSED, "crash_dm_crypt_keys", "@u");
	f.dm_keys.value = 0;
	assert_row(ENOKEY, files, &f, ERR_REFUSED, "keyrings", "mokutil");
}

/* Nothing is known of the machine. */
TEST(files)
{
	static const struct {
		int sys, code;
		const char *cause, *remedy;
	} rows[] = {
		{EPERM, ERR_REFUSED, "locked down", "/sys/kernel/security"},
		{EACCES, ERR_REFUSED, "IMA", "evmctl"},
		{ENOKEY, ERR_REFUSED, "keyrings", "mokutil"},
		{EKEYREJECTED, ERR_REFUSED, "missing, revoked", "reinstall"},
		{ENODATA, ERR_REFUSED, "the kernel has none", "signed by your distribution"},
		{EBADMSG, ERR_REFUSED, "damaged", "reinstall"},
		{ELIBBAD, ERR_REFUSED, "EFI program", "CONFIG_EFI_STUB"},
		{ENOPKG, ERR_REFUSED, "algorithm", "SHA-256"},
		{EBUSY, ERR_SYSTEM, "in progress", "try again"},
		{ETXTBSY, ERR_SYSTEM, "open for writing", "fuser"},
		{EFBIG, ERR_NO_SPACE, "2 GiB", "smaller"},
		{EIO, ERR_SYSTEM, "read to its end", "disk"},
		{ENOEXEC, ERR_UNSUPPORTED, "format", "bzImage"},
		{EINVAL, ERR_UNSUPPORTED, "command line", "dmesg"},
		{EADDRNOTAVAIL, ERR_NO_SPACE, "no room", "larger crashkernel="},
		{ENOMEM, ERR_NO_MEMORY, "no memory", "control_code_buffer"},
		{ENOENT, ERR_UNSUPPORTED, "SHA-256", "sha256_generic"},
		{ENOSYS, ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE", "boot a kernel"},
		{EXDEV, ERR_SYSTEM, "no known cause", "dmesg"},
	};
	struct facts f = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_row(rows[i].sys, panic_files, &f, (enum err_code)rows[i].code, rows[i].cause,
			   rows[i].remedy);
}

/* What only files can meet is unexpected of segments. */
TEST(segments)
{
	static const int of_files[] = {ENOKEY,  EKEYREJECTED, ENODATA, EBADMSG, ELIBBAD, ENOPKG,
				       ETXTBSY, EFBIG,        EIO,     ENOEXEC, ENOENT};
	struct facts f = {0};

	for (size_t i = 0; i < ARRAY_SIZE(of_files); i++)
		assert_row(of_files[i], panic_segments, &f, ERR_SYSTEM, "no known cause", "dmesg");
	assert_row(EPERM, panic_segments, &f, ERR_REFUSED, "security module", "audit");
	assert_row(EBUSY, panic_segments, &f, ERR_SYSTEM, "in progress", "try again");
	assert_row(EINVAL, panic_segments, &f, ERR_UNSUPPORTED, "segments", "--plan");
	assert_row(ENOMEM, panic_segments, &f, ERR_NO_MEMORY, "no memory", "free some");
	assert_row(EADDRNOTAVAIL, panic_segments, &f, ERR_SYSTEM, "has changed", "load again");
	assert_row(ENOSYS, panic_segments, &f, ERR_UNSUPPORTED, "without CONFIG_KEXEC", "-s");
	f.lockdown = LOCKDOWN_INTEGRITY;
	assert_row(EPERM, panic_segments, &f, ERR_REFUSED, "takes no segments", "-s");
}

/* Of the reservation only where the image goes there: an ordinary one was told to reserve memory. */
TEST(no_room)
{
	struct facts f = {.crash_size = {true, 0}};

	assert_row(EADDRNOTAVAIL, panic_files, &f, ERR_NOT_FOUND, "no memory is reserved",
		   "crashkernel=");
	assert_row(EADDRNOTAVAIL, panic_segments, &f, ERR_NOT_FOUND, "no memory is reserved",
		   "crashkernel=");
	assert_row(EADDRNOTAVAIL, ordinary_files, &f, ERR_NO_SPACE, "no free range of memory",
		   "smaller");
	assert_row(EADDRNOTAVAIL, ordinary_segments, &f, ERR_NO_SPACE, "no free range of memory",
		   "smaller");
	assert_null(strstr(explain(EADDRNOTAVAIL, ordinary_files, &f).remedy, "crashkernel"));
}

TEST(unload)
{
	struct facts f = {.lockdown = LOCKDOWN_NONE};

	/* with securityfs there is no doubt */
	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "security module", "audit log");
	f.lockdown = LOCKDOWN_CONFIDENTIALITY;

	/* lockdown does not forbid an unload */
	assert_row(EPERM, unload_files, &f, ERR_REFUSED, "security module", "audit");
	assert_row(EPERM, unload_segments, &f, ERR_REFUSED, "security module", "audit");
	assert_row(EBUSY, unload_files, &f, ERR_SYSTEM, "in progress", "try again");
	assert_row(ENOSYS, unload_files, &f, ERR_UNSUPPORTED, "CONFIG_KEXEC_FILE", "boot");
	assert_row(ENOSYS, unload_segments, &f, ERR_UNSUPPORTED, "CONFIG_KEXEC", "boot");
	/* what only a load can meet is unexpected of an unload */
	assert_row(ENOKEY, unload_files, &f, ERR_SYSTEM, "no known cause", "dmesg");
	assert_row(EINVAL, unload_segments, &f, ERR_SYSTEM, "no known cause", "dmesg");
}

/* Everything forbids it; one after another is taken away, in the kernel's order. */
TEST(order)
{
	struct facts f = {
		.cap_sys_boot = {true, 0},
		.init_userns = {true, 0},
		.load_disabled = {true, 1},
		.load_limit = {true, 0},
		.load_limit_reboot = {true, 0},
		.lockdown = LOCKDOWN_CONFIDENTIALITY,
	};

	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "CAP_SYS_BOOT", "as root");
	f.cap_sys_boot.value = 1;
	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "user namespace", "on the host");
	f.init_userns.value = 1;
	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "kexec_load_disabled", "reboot");
	f.load_disabled.value = 0;
	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "kexec_load_limit_panic is 0", "reboot");
	assert_row(EPERM, unload_files, &f, ERR_REFUSED, "kexec_load_limit_panic is 0", "reboot");
	assert_row(EPERM, ordinary_files, &f, ERR_REFUSED, "limit_reboot is 0", "reboot");
	f.load_limit.value = f.load_limit_reboot.value = 1;
	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "no signature", "mokutil");
	assert_row(EPERM, ordinary_files, &f, ERR_REFUSED, "no signature", "mokutil");
	f.lockdown = LOCKDOWN_NONE;
	assert_row(EPERM, panic_files, &f, ERR_REFUSED, "security module", "audit");
}

/* What is unknown forbids nothing; a good machine neither. */
TEST(permission)
{
	struct facts unknown = {0};
	struct facts good = {
		.cap_sys_boot = {true, 1},
		.init_userns = {true, 1},
		.load_disabled = {true, 0},
		.load_limit = {true, LOAD_UNLIMITED},
		.load_limit_reboot = {true, 1},
		.lockdown = LOCKDOWN_NONE,
	};
	const struct explain_call calls[] = {panic_files,       panic_segments, ordinary_files,
					     ordinary_segments, unload_files,   unload_segments};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		assert_ok(check_permission(&unknown, calls[i], err));
		assert_ok(check_permission(&good, calls[i], err));
	}
	good.load_limit.value = 0;
	assert_ok(check_permission(&good, ordinary_files, err));
	assert_fails(check_permission(&good, panic_files, err), ERR_REFUSED, "limit_panic");
	assert_fails(check_permission(&good, unload_files, err), ERR_REFUSED, "limit_panic");
	good.load_limit_reboot.value = 0;
	assert_fails(check_permission(&good, ordinary_segments, err), ERR_REFUSED, "limit_reboot");
	good.load_limit.value = good.load_limit_reboot.value = 1;
	good.lockdown = LOCKDOWN_INTEGRITY;
	/* a signed kernel may be loaded all the same, and an unload has no segments */
	assert_ok(check_permission(&good, panic_files, err));
	assert_ok(check_permission(&good, ordinary_files, err));
	assert_ok(check_permission(&good, unload_segments, err));
	assert_fails(check_permission(&good, panic_segments, err), ERR_REFUSED, "no segments");
	assert_fails(check_permission(&good, ordinary_segments, err), ERR_REFUSED, "no segments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_of_luks), cmocka_unit_test(files),
		cmocka_unit_test(segments),       cmocka_unit_test(no_room),
		cmocka_unit_test(unload),         cmocka_unit_test(order),
		cmocka_unit_test(permission),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
