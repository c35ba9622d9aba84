/* What GCC 12's static C++ library asks of the C library and glibc 2.31 does not have (tools/portable/link). */
#include <stdlib.h>
#include <sys/random.h>

/* Since 2.32: whether there is one thread, to spare atomic operations. "No" is always right. */
char __libc_single_threaded = 0;

/* Since 2.36: std::random_device. */
unsigned int arc4random(void) {
  unsigned int number;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
  return number;
}
