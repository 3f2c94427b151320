// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Left out on purpose: irqpoll (known to stop the disks of EC2's instances, and nothing tells those from other
 * machines by the presence of something), swiotlb=noforce (a device with 32-bit DMA and a reservation above 4 GiB
 * needs bounce buffers).
 */
#include "arch/cmdline_rules.h"

const struct cmdline_rule arm64_cmdline_rules[] = {
	CMDLINE_DROP_COMMON,
	CMDLINE_ADD_COMMON,
	{0},
};
