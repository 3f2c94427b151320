// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/service.h"
#include "service/propagate.h"

static void print_json(const struct propagate_request *request,
		       const struct propagate_result *result)
{
	struct json j;

	cmd_begin_json(&j, stdout, "lifeboat-propagate-1");
	json_put_string(&j, "target", request->target);
	json_put_uint(&j, "port", request->port ? request->port : 22);
	json_put_string(&j, "key", result->key);
	json_put_bool(&j, "made_key", result->made_key);
	json_put_string(&j, "known_hosts", result->known_hosts);
	cmd_end_json(&j);
}

static int run(const struct cmd *cmd, int argc, char **argv, struct err *err)
{
	struct propagate_request request = {0};
	struct propagate_result result;
	struct service_words words;
	const char *dir = NULL;
	bool json = false;
	const struct opt opts[] = {
		OPT_STRING('i', "sshkey", "FILE", &request.key,
			   "the private key, made if it is not there (default " PROPAGATE_KEY ")"),
		OPT_NUMBER('p', "port", "N", &request.port, 1, 65535, "of the server (default 22)"),
		OPT_FLAG(0, "accept-new", &request.accept_new,
			 "take the host's key unseen if none is known; else you are asked"),
		OPT_STRING(0, "root", "DIR", &dir, "keep key and known hosts below DIR"),
		OPT_FLAG(0, "json", &json, "say what was done as one JSON object"),
	};
	int r = cmd_parse(cmd, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, err);

	if (r)
		return r;
	request.target = argv[1];
	if (service_words_init(&words, cmd, dir, NULL, err))
		return err->code;
	r = propagate_key(&words.service, &request, &result, err);
	service_words_deinit(&words);
	if (r)
		return r;
	if (json)
		print_json(&request, &result);
	else
		printf("%s takes the key %s%s; its own key is in %s\n", request.target, result.key,
		       result.made_key ? ", which was made for it" : "", result.known_hosts);
	return 0;
}

const struct cmd cmd_propagate = {
	.name = "propagate",
	.operands = "USER@HOST",
	.summary = "give another machine the key for dumps by ssh",
	.details =
		"Makes a key pair if there is none, takes its public half to HOST with "
		"ssh-copy-id, and\n"
		"then logs in with that key alone, as the capture kernel would have to: without "
		"password,\n"
		"agent or configuration. The host's key is pinned in " PROPAGATE_KNOWN_HOSTS ".\n"
		"Both are what a target `ssh USER@HOST` of the configuration takes.",
	.run = run,
};
