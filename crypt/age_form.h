/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layout of an age file (C2SP.org/age), for those who write and those who check one. */
#ifndef CRYPT_AGE_FORM_H
#define CRYPT_AGE_FORM_H

#define AGE_INTRO    "age-encryption.org/v1\n"
#define AGE_STANZA   "-> "
#define AGE_MAC      "--- "
#define AGE_NONCE    16 /* bytes behind the header, of which the payload's key is made */
#define AGE_TAG      16 /* bytes that a chunk grows by */
#define AGE_FILE_KEY 16
#define AGE_KEY_TEXT 43 /* 32 bytes in base64 without padding: shares, wrapped keys, the MAC */
#define AGE_TAG_TEXT 6  /* 4 bytes of the digest of an ssh key */
#define AGE_COLUMNS  64 /* of a stanza's body; its last line is shorter */

#define AGE_NAME_X25519      "X25519"
#define AGE_NAME_SSH_ED25519 "ssh-ed25519"

#endif
