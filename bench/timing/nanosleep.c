// How late clock_nanosleep is: prints a line of work and microseconds for each wait.
#include <stdio.h>
#include <time.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void) {
  for (int index = 0; index < 400; index++) {
    long long duration = (1000 + index * 7919 % 400 * 100) * 1000LL;
    long long start = now();
    long long end = start + duration;
    struct timespec time = {end / 1000000000LL, end % 1000000000LL};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    printf("sleep|%lld\n", (now() - start - duration) / 1000);
    fflush(stdout);
  }
}
