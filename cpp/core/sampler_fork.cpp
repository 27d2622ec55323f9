#include "microjoule/sampler.h"

#include <new>

namespace microjoule {

// fork: the locks are held across it, and the child, which has no thread of ours, begins anew.

void Sampler::before_fork() noexcept {
    control_.lock();
    mutex_.lock();
    try {
        take_in();  // the child begins with an empty log: nothing that was asked may be lost in it
    } catch (const std::bad_alloc&) {
        ++stats_.out_of_memory;
    }
    if (journal_) {
        journal_->before_fork();
    }
}

void Sampler::after_fork_in_parent() noexcept {
    if (journal_) {
        journal_->after_fork_in_parent();
    }
    mutex_.unlock();
    control_.unlock();
}

void Sampler::after_fork_in_child() noexcept {
    if (journal_) {
        journal_->after_fork_in_child();
    }
    // The threads exist in the parent only. Their handles must be neither joined nor destroyed.
    new (&fast_.thread) std::thread();
    for (auto& lane : slow_) {
        new (&lane->thread) std::thread();
        lane->ended = true;
        lane->place.store(kOutside);
        lane->asleep.store(kUp);
    }
    fast_.asleep.store(kUp);
    log_.reset_after_fork();
    settlement_.forsake_requests();
    looks_.fill({});
    new (&settled_) std::condition_variable();
    new (&driving_) std::mutex();
    waiting_ = 0;
    orphaned_.store(running() || orphaned());
    running_.store(false);
    mutex_.unlock();
    control_.unlock();
}

}  // namespace microjoule
