#pragma once

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

/// Whether a check holds for a process without any privilege: it is made in a child.
template <class Check>
bool as_nobody(Check&& check) {
    const pid_t child = fork();
    if (child == 0) {
        constexpr unsigned kNobody = 65534;
        if (geteuid() == 0 &&
            (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)) {
            _exit(2);
        }
        _exit(check() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
