#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "microjoule/meter.h"
#include "microjoule/recorder.h"
#include "microjoule/rerun.h"
#include "real_time.h"

using namespace microjoule;
using namespace real_time;

namespace {

std::atomic<std::int64_t> hang_until_ns{0};
std::atomic<std::int64_t> slow_read_ns{0};

std::vector<std::unique_ptr<Source>> sources(bool hanging = false) {
    std::vector<std::unique_ptr<Source>> all;
    all.push_back(std::make_unique<RealTimeCounter>());
    if (hanging) {
        all.push_back(std::make_unique<HangingCounter>(hang_until_ns, slow_read_ns));
    }
    return all;
}

/// Its energy by sensor; gives the record back.
std::vector<double> energy_of(Meter& meter, Handle handle) {
    CHECK(meter.wait_request(handle, 20 * kSecond));
    const RequestFigures figures = meter.request_figures(handle);
    std::vector<double> joules;
    for (const PortionFigures& own : figures.sensors) {
        joules.push_back(own.energy);
    }
    meter.release_request(handle);
    return joules;
}

void check_books(Meter& meter, const std::vector<double>& of_requests) {
    const Books books = meter.books();
    for (std::size_t s = 0; s < of_requests.size(); ++s) {
        const AccountBooks& own = books.accounts[s];
        CHECK(own.total > 0);
        CHECK(std::abs(own.attributed + own.unattributed - own.total) <= 1e-9 * own.total);
        CHECK(std::abs(of_requests[s] - own.attributed) <= 1e-9 * own.total);
    }
}

}  // namespace

TEST_CASE("requests join, change and leave from many threads, and the books balance") {
    Meter meter(sources(), {PaceMode::events, kMillisecond, 0.05, {}});
    meter.start();
    std::array<Twofold, 4> sums;
    std::atomic<std::uint64_t> shared{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 3000; ++i) {
                const std::uint64_t token = meter.join(static_cast<float>(1 + i % 7));
                const Handle handle = Requests::handle(token);
                // Somebody else's, which may have ended and be another's by now.
                const std::uint64_t other = shared.exchange(token);
                meter.phase(handle, static_cast<std::uint32_t>(i % 9));
                if (other != 0) {
                    meter.weigh(Requests::handle(other), static_cast<float>(i % 3));
                    meter.set_idle(Requests::handle(other), i % 2 == 0);
                    meter.step({handle, Requests::handle(other)}, {2, 3});
                }
                const Handle left = meter.leave(token);
                if (i % 10 == 0) {
                    sums[t] += Twofold(energy_of(meter, left)[0]);
                } else {
                    while (!meter.request_settled(left)) {
                        meter.wait_request(left, kSecond);
                    }
                    sums[t] += Twofold(meter.request_figures(left).sensors[0].energy);
                    meter.release_request(left);
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    meter.close();
    check_books(meter, {(sums[0] + sums[1] + sums[2] + sums[3]).value()});
}

TEST_CASE("a full log loses no request") {
    Meter meter(sources(), {PaceMode::events, kMillisecond, 0.05, {}});
    meter.start();
    Twofold sum;
    meter.sampler().locked([&] {
        // The sampler cannot come in: the log fills up to its last slot.
        for (int i = 0; i < 8000; ++i) {
            meter.release_request(meter.leave(meter.join()));
        }
    });
    std::vector<Handle> ended;
    std::vector<std::thread> threads;
    std::array<std::vector<Handle>, 4> by_thread;
    for (auto& mine : by_thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50'000; ++i) {
                mine.push_back(meter.leave(meter.join()));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const auto& mine : by_thread) {
        for (const Handle handle : mine) {
            sum += Twofold(energy_of(meter, handle)[0]);
        }
    }
    CHECK(meter.sampler().stats().late_events < 400'000);
    const Books books = meter.books();
    CHECK(books.accounts[0].attributed >= sum.value() * (1 - 1e-9));
    CHECK(std::abs(books.accounts[0].attributed + books.accounts[0].unattributed -
                   books.accounts[0].total) <= 1e-9 * books.accounts[0].total);
}

TEST_CASE("a device that hangs neither loses requests nor keeps ever more of them") {
    hang_until_ns.store(0);
    Meter meter(sources(true), {PaceMode::events, kMillisecond, 0.05, {}});
    meter.start();
    const std::uint64_t before = meter.join();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    Twofold first;
    Twofold second;
    hang_until_ns.store(monotonic_clock().now_ns() + 1500 * kMillisecond);
    std::vector<Handle> ended;
    for (int i = 0; i < 60'000; ++i) {
        ended.push_back(meter.leave(meter.join()));  // 120,000 events: more than may wait
        if (i % 100 == 0) {
            std::this_thread::sleep_for(std::chrono::microseconds(500));
        }
    }
    bool lagged = false;
    for (const Handle handle : ended) {
        CHECK(meter.wait_request(handle, 20 * kSecond));
        lagged = lagged || meter.request_figures(handle).lagged;
        const std::vector<double> joules = energy_of(meter, handle);
        first += Twofold(joules[0]);
        second += Twofold(joules[1]);
    }
    CHECK(lagged);
    while (monotonic_clock().now_ns() < hang_until_ns.load() + 200 * kMillisecond) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const std::vector<double> joules = energy_of(meter, meter.leave(before));
    first += Twofold(joules[0]);
    second += Twofold(joules[1]);
    meter.close();
    check_books(meter, {first.value(), second.value()});
}

#ifndef __SANITIZE_THREAD__  // which dies of a thread that is started in a forked child
TEST_CASE("in a forked child the parent's requests end, and its own begin") {
    Meter meter(sources(), {PaceMode::events, kMillisecond, 0.05, {}});
    meter.start();
    const std::uint64_t parents = meter.join(1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const pid_t child = fork();
    if (child == 0) {
        const std::uint64_t own = meter.join();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        const Handle left = meter.leave(own);
        const Handle of_parent = meter.leave(parents);  // nobody is hurt by that
        bool well = meter.wait_request(left, 20 * kSecond);
        well = well && meter.wait_request(of_parent, 20 * kSecond);
        const RequestFigures mine = meter.request_figures(left);
        const RequestFigures theirs = meter.request_figures(of_parent);
        const double seconds = static_cast<double>(mine.end_ns - mine.start_ns) * 1e-9;
        // The parent's request, a thousand times heavier, takes nothing here.
        well = well && mine.sensors[0].share > 0.999 && !mine.forsaken && theirs.forsaken;
        well = well && mine.sensors[0].energy > 0.5 * 100 * seconds;
        const AccountBooks books = meter.books().accounts[0];
        well = well && std::abs(books.attributed - mine.sensors[0].energy -
                                theirs.sensors[0].energy) <= 1e-9 * books.total;
        well = well &&
               std::abs(books.attributed + books.unattributed - books.total) <= 1e-9 * books.total;
        _exit(well ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    const std::vector<double> joules = energy_of(meter, meter.leave(parents));
    meter.close();
    check_books(meter, joules);
}

#endif

TEST_CASE("requests that are open at the end can still be ended, and books balance") {
    Meter meter(sources(), {PaceMode::events, kMillisecond, 0.05, {}});
    meter.start();
    const std::uint64_t a = meter.join();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    meter.close();
    const std::vector<double> joules = energy_of(meter, meter.leave(a));
    CHECK(joules[0] > 0);
    check_books(meter, joules);
    CHECK_THROWS_AS(meter.join(), std::invalid_argument);
}
