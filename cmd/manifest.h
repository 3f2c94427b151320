/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `lifeboat verify` says of digests: of a crash's folder, or of one file that lies in one. */
#ifndef CMD_MANIFEST_H
#define CMD_MANIFEST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

bool manifest_is_folder(const char *path);

/*
 * Check the files of a folder against its manifest, and print one line (or, with `json`, an element of an array "manifest")
 * for each. ERR_CORRUPT if one differs or is missing, ERR_NOT_FOUND without a manifest.
 */
int manifest_report(const char *folder, struct json *json, struct err *err) _must_check_;

/* The same for one file. 0 if there is no manifest beside it, or none that names it. */
int manifest_report_file(const char *path, struct json *json, struct err *err) _must_check_;

#endif
