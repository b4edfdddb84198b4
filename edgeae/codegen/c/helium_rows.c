/* Eight rows of 16 weights at r3 times the 16 values in q0, added to r0, r2, ... r12 and lr.
 *
 * Loads of one vector each take turns with the products, since a core overlaps the two. With
 * EDGEAE_HELIUM_VLDM defined, one instruction loads several vectors: fewer instructions, but a core
 * overlaps nothing, so it is no faster.
 */
#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(EDGEAE_PORTABLE)
#ifdef EDGEAE_HELIUM_VLDM
#define PREFIX_HELIUM_ROWS        \
  "vldmia r3!, {d2-d15}\n"        \
  "vmladava.s8 r0, q0, q1\n"      \
  "vmladava.s8 r2, q0, q2\n"      \
  "vmladava.s8 r4, q0, q3\n"      \
  "vmladava.s8 r6, q0, q4\n"      \
  "vmladava.s8 r8, q0, q5\n"      \
  "vldrb.u8 q1, [r3], #16\n"      \
  "vmladava.s8 r10, q0, q6\n"     \
  "vmladava.s8 r12, q0, q7\n"     \
  "vmladava.s8 lr, q0, q1\n"
#else
#define PREFIX_HELIUM_ROWS        \
  "vldrb.u8 q1, [r3], #16\n"      \
  "vldrb.u8 q2, [r3], #16\n"      \
  "vmladava.s8 r0, q0, q1\n"      \
  "vldrb.u8 q1, [r3], #16\n"      \
  "vmladava.s8 r2, q0, q2\n"      \
  "vldrb.u8 q2, [r3], #16\n"      \
  "vmladava.s8 r4, q0, q1\n"      \
  "vldrb.u8 q1, [r3], #16\n"      \
  "vmladava.s8 r6, q0, q2\n"      \
  "vldrb.u8 q2, [r3], #16\n"      \
  "vmladava.s8 r8, q0, q1\n"      \
  "vldrb.u8 q1, [r3], #16\n"      \
  "vmladava.s8 r10, q0, q2\n"     \
  "vldrb.u8 q2, [r3], #16\n"      \
  "vmladava.s8 r12, q0, q1\n"     \
  "vmladava.s8 lr, q0, q2\n"
#endif
#endif
