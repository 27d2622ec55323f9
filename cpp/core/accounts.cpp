#include "microjoule/accounts.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace microjoule {
namespace {

/// Variance of E at one instant in raw steps squared: when the counter changed, and how power
/// varied in between.
double variance(const EnergyAt& at) noexcept {
    const double before = at.slope * (1 - at.lambda) * at.sigma_before_ns;
    const double after = at.slope * at.lambda * at.sigma_after_ns;
    const double common = std::exp(-std::abs(at.chain_before - at.chain_after));
    return before * before + after * after + 2 * before * after * common +
           at.shape_units * at.shape_units;
}

/// What the errors of an instant do to somebody who has this share of the sensor there.
EnergyAt scaled(EnergyAt at, double share, double mean_share) noexcept {
    at.slope *= share;
    at.shape_units *= share;
    at.walk *= mean_share * mean_share;
    return at;
}

}  // namespace

Accounts::Accounts(const std::vector<SensorInfo>& sensors, Requests& requests, SplitOptions options)
    : sensors_(sensors), requests_(requests), accounts_(sensors.size()) {
    options.idle_w.resize(sensors.size(), NAN);
    for (std::size_t s = 0; s < sensors.size() && options.split == Split::marginal; ++s) {
        accounts_[s].learns = std::isnan(options.idle_w[s]);
        if (!accounts_[s].learns) {
            accounts_[s].attribution.set_floor(options.idle_w[s] / sensors[s].unit * 1e-9);
        }
    }
}

int Accounts::take(const Event& event, std::int64_t late_ns) noexcept {
    Request& request = requests_.at(event.record);
    if (event.kind == Event::Kind::join) {
        request.taken = request.generation();
        request.epoch = epoch_;
        request.late_ns = late_ns;
        request.lagged = false;
        ++open_;
        return 1;
    }
    if (event.kind != Event::Kind::leave ||
        static_cast<std::uint32_t>(request.taken) != event.generation) {
        return 0;
    }
    request.late_ns += late_ns;
    if (request.epoch != epoch_) {
        return 0;
    }
    --open_;
    return -1;
}

void Accounts::answer(const Event& event, std::size_t sensor, Timeline& timeline) noexcept {
    Account& account = accounts_[sensor];
    const EnergyAt& at = account.course.at(timeline, event.t_ns);
    account.move(event.t_ns, at, timeline);
    Request& request = requests_.at(event.record);
    // An event may be stamped behind the end of its request, whose record is somebody else's then.
    if (static_cast<std::uint32_t>(request.taken) != event.generation || request.epoch != epoch_) {
        return;
    }
    Portion& own = request.portions[sensor];
    if (event.kind == Event::Kind::join) {
        own.open(request.taken, at, event.weight());
        own.gone = request.factors[sensor] == 0;
    }
    if (own.gone) {
        return;
    }
    const auto weight = [&] {
        return Weight(own.idle ? 0
                               : static_cast<double>(own.weight) *
                                     static_cast<double>(request.factors[sensor]));
    };
    switch (event.kind) {
        case Event::Kind::join:
            account.reweigh(own, weight(), at);
            own.start_share = account.attribution.share(own.stake);
            own.variance = 0;  // the start has its place in the difference
            break;
        case Event::Kind::leave:
            own.end = at;
            own.end_share = account.attribution.share(own.stake);
            account.collect(own);
            {
                const double middle = own.variance;
                account.reweigh(own, Weight(), at);
                own.variance = middle;  // and so has the end
            }
            own.gone = true;
            break;
        case Event::Kind::phase:
            account.collect(own);
            own.phase = static_cast<std::uint8_t>(event.result % Portion::kPhases);
            break;
        default:
            if (event.kind == Event::Kind::weigh) {
                own.weight = event.weight();
            } else {
                own.idle = event.kind == Event::Kind::idle;
            }
            account.reweigh(own, weight(), at);
            break;
    }
}

bool Accounts::finish(const Event& event) noexcept {
    if (event.kind != Event::Kind::leave) {
        return false;
    }
    requests_.finish(event.record);
    return true;
}

void Accounts::note_lag(const Event& event) noexcept {
    Request& request = requests_.at(event.record);
    request.lagged =
        request.lagged || static_cast<std::uint32_t>(request.taken) == event.generation;
}

std::size_t Accounts::forsake() noexcept {
    for (std::uint32_t r = 0; r < requests_.size(); ++r) {
        Request& request = requests_.at(r);
        if (request.taken != request.generation() || request.epoch != epoch_) {
            continue;
        }
        for (std::size_t s = 0; s < accounts_.size(); ++s) {
            Portion& own = request.portions[s];
            if (!own.gone) {
                own.end = own.start;
                accounts_[s].reweigh(own, Weight(), own.start);
                own.gone = true;
            }
        }
    }
    ++epoch_;
    return std::exchange(open_, 0);
}

bool Accounts::forsaken(Handle handle) const noexcept {
    const Request& request = requests_.at(handle.record);
    return epoch_ > 0 && (request.taken != handle.generation || request.epoch != epoch_);
}

PortionFigures Accounts::figures(Handle handle, std::size_t sensor, std::int64_t until_ns,
                                 const Timeline& timeline) const {
    PortionFigures out;
    const Request& request = requests_.at(handle.record);
    const SensorInfo& info = sensors_[sensor];
    out.counted_in = request.factors[sensor] != 0;
    const Portion& own = request.portions[sensor];
    // The sampler may not have come to its start yet, and the portion be that of another request.
    if (!out.counted_in || request.taken != handle.generation || own.owner != handle.generation) {
        return out;
    }
    const Account& account = accounts_[sensor];
    double units = own.stake.taken;
    out.by_phase = own.by_phase;
    double share_ns = own.share_ns;
    EnergyAt end = own.end;
    double end_share = own.end_share;
    if (!own.gone) {
        end = timeline.estimate(until_ns);
        end_share = account.attribution.share(own.stake);
        Attribution ahead = account.attribution;
        ahead.move(std::max(until_ns, account.t_ns), end.units, end.frac);
        const double open = ahead.open(own.stake);
        units += open;
        out.by_phase[own.phase] += open;
        share_ns +=
            own.stake.weight.value() * (account.by_time - own.by_time) +
            end_share * static_cast<double>(std::max<std::int64_t>(0, until_ns - account.t_ns));
    }
    const double most = std::max(own.start_share, end_share);
    const SensorFigures apart = difference(scaled(own.start, own.start_share, most),
                                           scaled(end, end_share, most), request.late_ns, info);
    static_cast<SensorFigures&>(out) = apart;
    out.energy = units * info.unit;
    out.timing = std::hypot(apart.timing, std::sqrt(std::max(0.0, own.variance)) * info.unit);
    out.quantisation = apart.quantisation * most;
    out.gain = std::abs(out.energy) * info.gain_rel;
    out.model = std::abs(out.energy) * info.model_rel;
    for (double& joules : out.by_phase) {
        joules *= info.unit;
    }
    const auto length = static_cast<double>(until_ns - request.start_ns.load());
    out.share = length > 0 ? std::min(1.0, share_ns / length) : 0;
    return out;
}

AccountBooks Accounts::books(std::size_t sensor, std::int64_t now_ns,
                             const Timeline& timeline) const {
    const Account& account = accounts_[sensor];
    const double unit = sensors_[sensor].unit;
    const EnergyAt now = timeline.estimate(now_ns);
    Attribution ahead = account.attribution;
    if (!account.started) {
        ahead.start(now_ns, timeline.origin().units, timeline.origin().frac);
    }
    ahead.move(std::max(now_ns, account.t_ns), now.units, now.frac);
    return {ahead.total() * unit, (ahead.attributed() + ahead.open()) * unit,
            ahead.unattributed() * unit, ahead.floor() * unit * 1e9};
}

const EnergyAt& Accounts::Course::at(Timeline& timeline, std::int64_t t_ns) noexcept {
    if (t_ns < line_.from_ns || t_ns >= line_.to_ns) {
        outside_ = timeline.at(t_ns);
        line_ = timeline.line(t_ns);
        filled_ = 0;
        return outside_;
    }
    const double lambda = static_cast<double>(t_ns - line_.from_ns) /
                          static_cast<double>(line_.to_ns - line_.from_ns);
    const auto cell = std::min(static_cast<std::size_t>(lambda * kCells), kCells - 1);
    EnergyAt& at = cells_[cell];
    if ((filled_ >> cell & 1) == 0) {
        at = timeline.at(t_ns);
        filled_ |= 1U << cell;
        return at;
    }
    const double steps = static_cast<double>(line_.to_units - line_.from_units) * lambda;
    const double whole = std::floor(steps);
    at.lambda = lambda;
    at.units = line_.from_units + static_cast<std::int64_t>(whole);
    at.frac = steps - whole;
    return at;
}

void Accounts::Account::move(std::int64_t t, const EnergyAt& at,
                             const Timeline& timeline) noexcept {
    if (!started) {
        started = true;
        t_ns = std::min(t, timeline.origin_ns());
        units = timeline.origin().units;
        attribution.start(t_ns, timeline.origin().units, timeline.origin().frac);
    }
    const auto elapsed = static_cast<double>(t - t_ns);
    if (attribution.active() > 0) {
        by_time += elapsed / attribution.weights();
    } else if (const std::int64_t known = t - t_ns - (at.gap_ns - gap_ns); learns && known > 0) {
        floor.add(static_cast<double>(at.units - units), known);
        attribution.set_floor(floor.units_per_ns());
    }
    attribution.move(t, at.units, at.frac);
    t_ns = t;
    units = at.units;
    gap_ns = at.gap_ns;
}

/// What it has taken up to here goes to the phase that it is in.
void Accounts::Account::collect(Portion& own) noexcept {
    const double weight = own.stake.weight.value();
    own.share_ns += weight * (by_time - own.by_time);
    own.variance += weight * weight * (wobble - own.wobble);
    own.by_time = by_time;
    own.wobble = wobble;
    own.by_phase[own.phase] += attribution.collect(own.stake);
}

// Whenever somebody's share changes, the error of E at that instant moves energy from one to
// another: by (1/W1 - 1/W2) for each unit of weight of those who stay, and for the one who changes
// by what its share does. The first is gathered once for all of them.
void Accounts::Account::reweigh(Portion& own, Weight next, const EnergyAt& at) noexcept {
    collect(own);
    const double sum = attribution.weights();
    const double share = attribution.share(own.stake);
    const bool others = attribution.active() > (own.stake.weight ? 1U : 0U);
    attribution.reweigh(own.stake, next);
    const double u2 = variance(at);
    const double step = attribution.share(own.stake) - share;
    own.variance += step * step * u2;
    if (others) {
        const double shift = 1 / sum - 1 / attribution.weights();
        wobble += shift * shift * u2;
    } else if (attribution.active() == 0) {
        by_time = wobble = 0;
    }
    own.by_time = by_time;
    own.wobble = wobble;
}

}  // namespace microjoule
