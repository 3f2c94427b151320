// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lifeboat-generator, as systemd calls it at each boot and daemon-reload: no failure of it is worth a boot, and what it says
 * has to go to the kernel's log, as the journal does not run yet.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/root.h"
#include "cmd/cmd.h"
#include "service/generator.h"
#include "service/service.h"

static void tell_kernel(const char *message)
{
	char line[ERR_MSG_SIZE + 64];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int n = snprintf(line, sizeof(line), "<4>lifeboat-generator: %s\n", message);

	if (fd < 0 || write(fd, line, (size_t)n) < 0)
		fputs(line, stderr);
	if (fd >= 0)
		close(fd);
}

static int generate(const struct root *root, const char *folder, struct err *err)
{
	_cleanup_free_ char *fstab = NULL;
	struct config *config = NULL;
	struct generator g = {0};
	struct service s;
	struct err no_fstab = {0};
	size_t len = 0;
	int r;

	if (service_init(&s, root, &sys_kernel, err) || service_config(&s, &config, NULL, err))
		return err->code;
	if (root_read(root, "/etc/fstab", GENERATOR_MAX_FSTAB, &fstab, &len, &no_fstab))
		len = 0;
	r = generator_create(config, (struct bytes){(const uint8_t *)fstab, len}, &g, err);
	if (!r)
		r = generator_write(&g, folder, err);
	generator_deinit(&g);
	config_destroy(config);
	return r;
}

static int generator_run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	const char *path = NULL;
	const struct opt opts[] = {
		OPT_STRING(0, "root", "DIR", &path, "read another machine's files below DIR"),
	};
	struct root root;
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, 3, err);

	if (r)
		return r;
	if (root_init(&root, path, err))
		return err->code;
	r = generate(&root, argv[1], err);
	root_deinit(&root);
	if (!r || path)
		return r;
	tell_kernel(err->msg);
	*err = (struct err){0};
	return 0;
}

const struct cmd cmd_generator = {
	.name = "lifeboat-generator",
	.operands = "NORMAL-DIR [EARLY-DIR [LATE-DIR]]",
	.summary = "write systemd's drop-ins that order the service behind its targets",
	.run = generator_run,
};
