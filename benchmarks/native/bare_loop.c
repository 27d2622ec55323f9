/* The least that a 1 kHz sampler costs: wakes at absolute deadlines and does nothing.
 * bare_loop PERIOD_NS SECONDS prints the wake-ups and the CPU time in ns. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static long long ns_of(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

static long long now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return ns_of(t);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    const long long period_ns = atoll(argv[1]);
    const long long until_ns = now_ns(CLOCK_MONOTONIC) + (long long)(atof(argv[2]) * 1e9);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    const long long cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    long long wakeups = 0;
    for (long long due = now_ns(CLOCK_MONOTONIC); due < until_ns; due += period_ns) {
        const struct timespec t = {due / 1000000000LL, due % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        ++wakeups;
    }
    printf("%lld %lld\n", wakeups, now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns);
    return 0;
}
