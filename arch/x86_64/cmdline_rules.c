// SPDX-License-Identifier: GPL-2.0-or-later
#include "arch/x86_64/load.h"

const struct cmdline_rule x86_64_cmdline_rules[] = {
	{0},
};
