/* Lets counters in plain files count: every PERIOD_NS each file gets a higher number.
 * advance PERIOD_NS MICROJOULES FILE... runs until it is killed, or its parent dies. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16 };

int main(int argc, char **argv) {
    int files[MOST];
    const int count = argc - 3;
    if (count < 1 || count > MOST) {
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < count; ++i) {
        files[i] = open(argv[i + 3], O_WRONLY);
        if (files[i] < 0) {
            perror(argv[i + 3]);
            return 1;
        }
    }
    const long long period_ns = atoll(argv[1]);
    const long long step_uj = atoll(argv[2]);
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    /* As many digits for ever: no read sees a number cut short. */
    for (long long value = 100000000000LL;; value += step_uj) {
        char text[32];
        const int size = snprintf(text, sizeof text, "%lld\n", value);
        for (int i = 0; i < count; ++i) {
            if (pwrite(files[i], text, size, 0) != size) {
                return 1;
            }
        }
        due.tv_nsec += period_ns;
        while (due.tv_nsec >= 1000000000L) {
            due.tv_nsec -= 1000000000L;
            ++due.tv_sec;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
}
