// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SHA-256 by the SHA extensions (Intel SDM, volume 1, 5.20, and SHA256RNDS2 … in volume 2): apart from sha256.c, which
 * is also compiled for a place without vector registers.
 */
#include "base/sha256.h"

#if SHA256_HAS_X86

#include <cpuid.h>
#include <immintrin.h>

#define GROUPS 16 /* of four rounds */

bool sha256_x86_supported(void)
{
	const unsigned int needed = bit_SSSE3 | bit_SSE4_1;
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & needed) != needed)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* The instructions want the variables a, b, e, f in one register and c, d, g, h in another, a and c on top. */
__attribute__((target("sha,sse4.1,ssse3"))) void
sha256_x86_compress(uint32_t state[8], const uint8_t *p, size_t blocks)
{
	const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	const __m128i *key = (const void *)sha256_round_key;
	__m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
	__m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);

	for (; blocks; blocks--, p += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w[4]; /* the message schedule: word 4g … 4g+3 is w[g % 4] */

#pragma GCC unroll 16
		for (int g = 0; g < GROUPS; g++) {
			__m128i *now = &w[g & 3], keyed;

			if (g < 4) {
				const void *from = p + 16 * g;

				*now = _mm_shuffle_epi8(_mm_loadu_si128(from), swap);
			} else {
				__m128i last = w[(g + 3) & 3];
				__m128i back7 = _mm_alignr_epi8(last, w[(g + 2) & 3], 4);

				*now = _mm_sha256msg1_epu32(*now, w[(g + 1) & 3]);
				*now = _mm_sha256msg2_epu32(_mm_add_epi32(*now, back7), last);
			}
			keyed = _mm_add_epi32(*now, _mm_loadu_si128(&key[g]));
			/* two rounds each; what comes out is the other's next input */
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(keyed, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	state[0] = (uint32_t)_mm_extract_epi32(abef, 3);
	state[1] = (uint32_t)_mm_extract_epi32(abef, 2);
	state[2] = (uint32_t)_mm_extract_epi32(cdgh, 3);
	state[3] = (uint32_t)_mm_extract_epi32(cdgh, 2);
	state[4] = (uint32_t)_mm_extract_epi32(abef, 1);
	state[5] = (uint32_t)_mm_extract_epi32(abef, 0);
	state[6] = (uint32_t)_mm_extract_epi32(cdgh, 1);
	state[7] = (uint32_t)_mm_extract_epi32(cdgh, 0);
}

#endif
