#include "microjoule/sampler.h"

namespace microjoule {

// Each change of the books, told to the journal.

void Sampler::note(Entry::Kind kind, std::size_t index, std::int64_t t_ns) noexcept {
    if (journal_) {
        Entry entry;
        entry.kind = kind;
        entry.index = static_cast<std::uint32_t>(index);
        entry.t_ns = t_ns;
        journal_->note(entry);
    }
}

void Sampler::feed(std::size_t sensor, const Reading& reading) {
    timelines_[sensor].feed(reading, settlement_.wanted_since(sensor));
    if (journal_) {
        Entry entry;
        entry.index = static_cast<std::uint32_t>(sensor);
        entry.status = reading.status;
        entry.error = reading.error;
        entry.raw = reading.raw;
        entry.t_ns = reading.before_ns;
        entry.until_ns = reading.after_ns;
        journal_->note(entry);
    }
}

void Sampler::take(const Event& event) {
    settlement_.take(event);
    if (!journal_) {
        return;
    }
    Entry entry;
    entry.index = event.record;
    entry.other = event.result;
    entry.t_ns = event.t_ns;
    switch (event.kind) {
        case Event::Kind::none:
            return;
        case Event::Kind::begin: {
            const Trace* const trace = windows_.at(event.record).trace.get();
            entry.kind = Entry::Kind::begin;
            entry.step_ns = trace ? trace->step_ns : 0;
            break;
        }
        case Event::Kind::end:
            entry.kind = Entry::Kind::end;
            break;
        case Event::Kind::lap:
            entry.kind = Entry::Kind::lap;
            break;
        default:
            entry.kind = Entry::Kind::request;
            entry.what = event.kind;
            entry.generation = event.generation;
            break;
    }
    journal_->note(entry);
}

void Sampler::advance(std::int64_t horizon_ns) {
    const std::int64_t before = settlement_.horizon_ns();
    if (journal_ && horizon_ns > before) {
        settlement_.borders().each_until(horizon_ns, [&](std::int64_t border_ns) {
            if (border_ns >= before) {
                note(Entry::Kind::border, 0, border_ns);
            }
        });
        note(Entry::Kind::now, 0, horizon_ns);
    }
    settlement_.advance(horizon_ns);
}

void Sampler::settle(std::size_t sensor, int changes, std::size_t most) {
    const std::size_t count = settlement_.settle(sensor, timelines_[sensor], changes, most);
    if (journal_ && count > 0) {
        Entry entry;
        entry.kind = Entry::Kind::settle;
        entry.index = static_cast<std::uint32_t>(sensor);
        entry.changes = changes;
        entry.count = count;
        journal_->note(entry);
    }
}

void Sampler::settle_flat(std::size_t sensor) {
    timelines_[sensor].settle_flat();
    note(Entry::Kind::flat, sensor);
}

void Sampler::lose(std::size_t sensor) {
    timelines_[sensor].lose();
    note(Entry::Kind::lost, sensor);
}

void Sampler::note_lag() {
    settlement_.note_lag();
    note(Entry::Kind::lagged);
}

}  // namespace microjoule
