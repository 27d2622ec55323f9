/* The least that a 1 kHz sampler costs: wakes at absolute deadlines and does nothing, or reads one
 * group of perf events (of the software clock of CPU 0), which no sampler can do without.
 * bare_loop PERIOD_NS SECONDS [EVENTS] prints the wake-ups and the CPU time in ns. */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_EVENTS = 16 };

static long long ns_of(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

static long long now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return ns_of(t);
}

static int open_group(int events) {
    struct perf_event_attr attr = {.size = sizeof attr,
                                   .type = PERF_TYPE_SOFTWARE,
                                   .read_format = PERF_FORMAT_GROUP |
                                                  PERF_FORMAT_TOTAL_TIME_ENABLED |
                                                  PERF_FORMAT_TOTAL_TIME_RUNNING};
    int leader = -1;
    for (int i = 0; i < events; ++i) {
        const long fd = syscall(SYS_perf_event_open, &attr, -1, 0, leader, 0UL);
        if (fd < 0) {
            return -1;
        }
        leader = leader < 0 ? (int)fd : leader;
    }
    return leader;
}

int main(int argc, char **argv) {
    const int events = argc == 4 ? atoi(argv[3]) : 0;
    if (argc < 3 || argc > 4 || events < 0 || events > MOST_EVENTS) {
        return 2;
    }
    const int group = open_group(events);
    if (events > 0 && group < 0) {
        return 3;
    }
    unsigned long long values[3 + MOST_EVENTS];
    const long long period_ns = atoll(argv[1]);
    const long long until_ns = now_ns(CLOCK_MONOTONIC) + (long long)(atof(argv[2]) * 1e9);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    const long long cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    long long wakeups = 0;
    for (long long due = now_ns(CLOCK_MONOTONIC); due < until_ns; due += period_ns) {
        const struct timespec t = {due / 1000000000LL, due % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        if (group >= 0 && read(group, values, sizeof values) <= 0) {
            return 4;
        }
        ++wakeups;
    }
    printf("%lld %lld\n", wakeups, now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns);
    return 0;
}
