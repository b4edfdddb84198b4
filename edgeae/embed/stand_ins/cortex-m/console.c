/* Lets newlib's printf write to the emulator's console, and starts main(); see board_arm.c. */
#include <stddef.h>
#include <sys/types.h>

#include "board.h"

int main(void);
int _write(int file, const char *text, int length);
void *_sbrk(ptrdiff_t bytes);

int _write(int file, const char *text, int length) {
  (void)file;
  for (int place = 0; place < length; place++) {
    board_host(3, text + place); /* SYS_WRITEC */
  }
  return length;
}

/* The heap that printf buffers a line in. */
void *_sbrk(ptrdiff_t bytes) {
  static char heap[8192];
  static ptrdiff_t used;
  char *const found = heap + used;
  if (bytes < 0 || bytes > (ptrdiff_t)sizeof heap - used) {
    return (void *)-1;
  }
  used += bytes;
  return found;
}

void board_main(void) { board_exit((uint32_t)main()); }
