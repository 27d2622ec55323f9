#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "microjoule/events.h"
#include "simulation.h"

using namespace microjoule;

namespace {

std::uint64_t post(EventLog& log, const Clock& clock, std::uint32_t record) {
    Event event;
    event.kind = Event::Kind::begin;
    event.record = record;
    const std::uint64_t number = log.reserve(clock, event.t_ns, [] { FAIL("full"); });
    log.publish(number, event);
    return number;
}

}  // namespace

TEST_CASE("the consumer never passes a slot that is reserved and not written") {
    EventLog log(4);
    simulation::ManualClock clock;
    post(log, clock, 1);
    std::int64_t stamp = 0;
    const std::uint64_t pending = log.reserve(clock, stamp, [] {});
    post(log, clock, 3);

    std::vector<std::uint32_t> taken;
    const auto take = [&](const Event& event) { taken.push_back(event.record); };
    CHECK(log.drain(log.look(clock).reserved, take) == 1);
    CHECK(taken == std::vector<std::uint32_t>{1});

    Event late;
    late.record = 2;
    log.publish(pending, late);
    CHECK(log.drain(log.look(clock).reserved, take) == 3);
    CHECK(taken == std::vector<std::uint32_t>{1, 2, 3});
    CHECK(log.empty());
}

TEST_CASE("a full log makes the producer help, and loses nothing") {
    EventLog log(2);
    simulation::ManualClock clock;
    std::size_t taken = 0;
    int helped = 0;
    for (std::uint32_t i = 0; i < 100; ++i) {
        Event event;
        const std::uint64_t number = log.reserve(clock, event.t_ns, [&] {
            ++helped;
            log.drain(log.look(clock).reserved, [&](const Event&) { ++taken; });
        });
        log.publish(number, event);
    }
    log.drain(log.look(clock).reserved, [&](const Event&) { ++taken; });
    CHECK(taken == 100);
    CHECK(helped > 10);
}

TEST_CASE("every event reserved after the tail was seen is stamped after that") {
    EventLog log(10);
    const Clock& clock = monotonic_clock();
    constexpr int kThreads = 3;
    constexpr int kEach = 20'000;
    std::atomic<int> running{kThreads};
    std::vector<std::thread> threads;
    std::mutex consumer;
    std::int64_t horizon = 0;
    std::int64_t behind = 0;
    std::size_t taken = 0;
    const auto drain = [&] {
        const std::lock_guard<std::mutex> lock(consumer);
        const EventLog::Look now = log.look(clock);
        const std::uint64_t done = log.drain(now.reserved, [&](const Event& event) {
            ++taken;
            behind += event.t_ns < horizon ? 1 : 0;
        });
        horizon = done == now.reserved ? now.t_ns : horizon;
    };
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kEach; ++i) {
                Event event;
                const std::uint64_t number = log.reserve(clock, event.t_ns, [&] {
                    drain();
                    std::this_thread::yield();
                });
                log.publish(number, event);
            }
            --running;
        });
    }
    while (running > 0) {
        drain();
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    drain();
    CHECK(taken == static_cast<std::size_t>(kThreads) * kEach);
    CHECK(behind == 0);
}
