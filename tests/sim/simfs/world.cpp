#include "world.h"

#include <cstdlib>
#include <sstream>

namespace simfs {
namespace {

constexpr std::int64_t kTicksPerSecond = 100;  // USER_HZ, the unit of /proc/stat

template <typename Map>
auto* known(const Map& map, const std::string& id, const char* what) {
    const auto found = map.find(id);
    if (found == map.end()) {
        throw std::invalid_argument(std::string("there is no ") + what + " '" + id + "'");
    }
    return found->second.get();
}

template <typename Map>
void must_be_new(const Map& map, const std::string& id, const char* what) {
    if (map.count(id) != 0) {
        throw std::invalid_argument(std::string("there are two of ") + what + " '" + id + "'");
    }
}

std::string next_line(std::istream& config, int& line_number) {
    std::string line;
    if (!std::getline(config, line))
        throw std::invalid_argument("the configuration ends too early");
    ++line_number;
    return line;
}

Segment read_segment(const std::string& line) {
    Words words(line);
    Segment segment;
    segment.duration_ns = words.integer("the duration of a segment in ns", 1);
    segment.watts = words.number("the power of a segment in W");
    if (!words.done()) {
        segment.ripple_w = words.number("the ripple of a segment in W");
        segment.ripple_ns = words.integer("the period of a ripple in ns", 1);
    }
    words.end();
    if (segment.watts < segment.ripple_w || segment.watts < -segment.ripple_w) {
        throw std::invalid_argument("the power of a segment goes below zero");
    }
    return segment;
}

// /proc/stat of a machine on which `publisher` counts busy processors instead of watts.
std::string proc_stat(const Publisher& publisher, std::int64_t cpus, std::int64_t now_ns) {
    const std::int64_t at_ns = publisher.last_update(now_ns);
    const double elapsed_s = static_cast<double>(at_ns - publisher.epoch_ns) * 1e-9;
    const double busy_s = publisher.energy_j(at_ns);
    const auto ticks = [](double seconds) {
        return static_cast<std::int64_t>(seconds * static_cast<double>(kTicksPerSecond));
    };
    const auto line = [&](const std::string& name, double busy, double all) {
        return name + ' ' + std::to_string(ticks(busy)) + " 0 0 " +
               std::to_string(ticks(all) - ticks(busy)) + " 0 0 0 0 0 0\n";
    };
    const auto count = static_cast<double>(cpus);
    std::string text = line("cpu ", busy_s, elapsed_s * count);
    for (std::int64_t cpu = 0; cpu < cpus; ++cpu) {
        text += line("cpu" + std::to_string(cpu), busy_s / count, elapsed_s);
    }
    return text + "intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n";
}

int error_number(const std::string& name) {
    if (name == "EIO") return EIO;
    if (name == "EACCES") return EACCES;
    if (name == "EPERM") return EPERM;
    if (name == "ENODEV") return ENODEV;
    if (name == "ENODATA") return ENODATA;
    if (name == "ENOENT") return ENOENT;
    if (name == "EAGAIN") return EAGAIN;
    if (name == "EINTR") return EINTR;
    throw std::invalid_argument("unknown error '" + name + "'");
}

}  // namespace

// The configuration, one thing a line, words separated by single spaces:
//
//   epoch NS                                       CLOCK_MONOTONIC at which every load starts
//   load ID repeat|hold SEGMENTS                   followed by that many lines of
//     DURATION_NS WATTS [RIPPLE_W RIPPLE_NS]
//   publisher ID LOAD PERIOD_NS PHASE_NS JITTER_NS SEED LOST
//   counter ID PUBLISHER UNIT_AJ START_UJ MAX_RANGE_UJ      (range 0: never wraps)
//   text MODE PATH TEXT                            escapes: \n \r \t \\ \xNN
//   energy MODE PATH COUNTER                       microjoules
//   power MODE PATH PUBLISHER WINDOW_NS            microwatts
//   stat MODE PATH PUBLISHER CPUS                  /proc/stat; the load is in busy processors
//   registers MODE PATH COUNT                      an MSR device, followed by that many lines of
//     ADDRESS const VALUE | ADDRESS counter ID       addresses in hexadecimal
//   link PATH TARGET
World::World(std::istream& config) {
    tree_.add(".control", Node::Kind::control, 0600);
    tree_.add(".stats", Node::Kind::stats, 0444).render = [this](std::int64_t) {
        return tree_.stats();
    };
    int line_number = 0;
    for (std::string line; std::getline(config, line);) {
        ++line_number;
        try {
            Words words(line);
            read_line(words, config, line_number);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("line " + std::to_string(line_number) +
                                        " of the configuration: " + error.what());
        }
    }
}

void World::read_line(Words& words, std::istream& config, int& line_number) {
    const std::string verb = words.word("the kind of the line");
    if (verb == "load") return read_load(words, config, line_number);
    if (verb == "registers") return read_registers(words, config, line_number);
    if (verb == "epoch") {
        epoch_ns_ = words.integer("the epoch in ns");
    } else if (verb == "publisher") {
        const std::string id = words.word("the name of a publisher");
        must_be_new(publishers_, id, "publisher");
        auto publisher = std::make_unique<Publisher>();
        publisher->load = known(loads_, words.word("the name of a load"), "load");
        publisher->epoch_ns = epoch_ns_;
        publisher->period_ns = words.integer("the update period in ns");
        publisher->phase_ns = words.integer("the update phase in ns");
        publisher->jitter_ns = words.integer("the update jitter in ns");
        publisher->seed = static_cast<std::uint64_t>(words.integer("the seed"));
        publisher->lost = words.number("the share of lost updates");
        if (publisher->jitter_ns > 0 && 2 * publisher->jitter_ns >= publisher->period_ns) {
            throw std::invalid_argument("the update jitter must be below half of the period");
        }
        if (publisher->lost < 0.0 || publisher->lost >= 1.0) {
            throw std::invalid_argument("the share of lost updates must be in [0, 1)");
        }
        publishers_[id] = std::move(publisher);
    } else if (verb == "counter") {
        const std::string id = words.word("the name of a counter");
        must_be_new(counters_, id, "counter");
        auto counter = std::make_unique<Counter>();
        counter->publisher = known(publishers_, words.word("the publisher"), "publisher");
        counter->unit_aj = words.integer("the unit in aJ", 1);
        counter->start_aj = Wide{words.integer("the start in uJ")} * kAttojoulesPerMicrojoule;
        counter->modulus_aj = Counter::modulus_of(words.integer("the range in uJ"));
        counters_[id] = std::move(counter);
    } else if (verb == "text") {
        Node& node = add_text(words);
        node.render = [text = words.text()](std::int64_t) { return text; };
    } else if (verb == "energy") {
        Node& node = add_text(words);
        Counter* counter = known(counters_, words.word("the name of a counter"), "counter");
        node.counters.push_back(counter);
        node.render = [counter](std::int64_t now_ns) {
            return std::to_string(counter->microjoules(now_ns)) + '\n';
        };
    } else if (verb == "power") {
        Node& node = add_text(words);
        const Publisher* publisher = known(publishers_, words.word("the publisher"), "publisher");
        const std::int64_t window_ns = words.integer("the averaging window in ns");
        node.render = [publisher, window_ns](std::int64_t now_ns) {
            const double microwatts = publisher->power_w(now_ns, window_ns) * 1e6;
            return std::to_string(static_cast<std::int64_t>(microwatts)) + '\n';
        };
    } else if (verb == "stat") {
        Node& node = add_text(words);
        const Publisher* publisher = known(publishers_, words.word("the publisher"), "publisher");
        const std::int64_t cpus = words.integer("the number of processors", 1);
        node.render = [publisher, cpus](std::int64_t now_ns) {
            return proc_stat(*publisher, cpus, now_ns);
        };
    } else if (verb == "link") {
        const std::string path = words.word("the path of a link");
        tree_.add(path, Node::Kind::link, 0777).target = words.word("the target of a link");
    } else {
        throw std::invalid_argument("unknown kind of line '" + verb + "'");
    }
    words.end();
}

void World::read_load(Words& words, std::istream& config, int& line_number) {
    const std::string id = words.word("the name of a load");
    must_be_new(loads_, id, "load");
    const std::string at_end = words.word("'repeat' or 'hold'");
    if (at_end != "repeat" && at_end != "hold") {
        throw std::invalid_argument("a load either repeats or holds, not '" + at_end + "'");
    }
    const std::int64_t count = words.integer("the number of segments", 1);
    words.end();
    std::vector<Segment> segments;
    for (std::int64_t i = 0; i < count; ++i) {
        segments.push_back(read_segment(next_line(config, line_number)));
    }
    loads_[id] = std::make_unique<Load>(std::move(segments), at_end == "repeat");
}

void World::read_registers(Words& words, std::istream& config, int& line_number) {
    const auto mode = static_cast<unsigned>(words.integer("the mode", 0, 8));
    Node& node = tree_.add(words.word("the path"), Node::Kind::registers, mode);
    const std::int64_t count = words.integer("the number of registers", 1);
    words.end();
    for (std::int64_t i = 0; i < count; ++i) {
        const std::string line = next_line(config, line_number);
        Words entry(line);
        const auto address =
            static_cast<std::uint64_t>(entry.integer("the address of a register", 0, 16));
        const std::string kind = entry.word("'const' or 'counter'");
        if (kind == "const") {
            const std::int64_t value = entry.integer("the value of a register");
            node.registers[address] = [value](std::int64_t) {
                return static_cast<std::uint64_t>(value);
            };
        } else if (kind == "counter") {
            Counter* counter = known(counters_, entry.word("the name of a counter"), "counter");
            node.counters.push_back(counter);
            node.registers[address] = [counter](std::int64_t now_ns) {
                return counter->register_value(now_ns);
            };
        } else {
            throw std::invalid_argument("a register is const or a counter, not '" + kind + "'");
        }
        entry.end();
    }
}

Node& World::add_text(Words& words) {
    const auto mode = static_cast<unsigned>(words.integer("the mode", 0, 8));
    return tree_.add(words.word("the path"), Node::Kind::text, mode);
}

Node& World::controlled(Words& words) {
    const std::string path = words.word("a path");
    Node* node = tree_.find(path, true);
    if (node == nullptr) throw std::invalid_argument("there is no '" + path + "'");
    return *node;
}

// The control file. Times are instants of CLOCK_MONOTONIC in ns, UNTIL 0 means for ever,
// READS -1 any number of reads:
//
//   fail PATH FROM UNTIL READS ERROR
//   say PATH FROM UNTIL READS TEXT
//   delay PATH FROM UNTIL READS NS
//   freeze PATH FROM UNTIL
//   reset PATH AT
//   vanish PATH
//   restore PATH                                   undoes all of these but the reset
void World::control(const std::string& line) {
    Words words(line);
    const std::string verb = words.word("what to do");
    Node& node = controlled(words);
    const auto counters = [&node]() -> const std::vector<Counter*>& {
        if (node.counters.empty()) throw std::invalid_argument("there is no counter behind it");
        return node.counters;
    };
    const auto instant_or_never = [&words] {
        const std::int64_t until_ns = words.integer("the instant until which it lasts");
        return until_ns == 0 ? kForever : until_ns;
    };
    if (verb == "fail" || verb == "say" || verb == "delay") {
        Fault fault;
        fault.from_ns = words.integer("the instant from which it lasts");
        fault.until_ns = instant_or_never();
        fault.reads = words.integer("the number of reads", -1);
        if (verb == "fail") {
            fault.kind = Fault::Kind::error;
            fault.error = error_number(words.word("an error"));
        } else if (verb == "say") {
            fault.kind = Fault::Kind::text;
            fault.text = words.text();
        } else {
            fault.kind = Fault::Kind::delay;
            fault.delay_ns = words.integer("the delay in ns");
        }
        words.end();
        node.faults.push_back(fault);
    } else if (verb == "freeze") {
        const std::int64_t from_ns = words.integer("the instant from which it lasts");
        const std::int64_t until_ns = instant_or_never();
        words.end();
        for (Counter* counter : counters())
            counter->freeze(from_ns, until_ns);
    } else if (verb == "reset") {
        const std::int64_t at_ns = words.integer("the instant of the reset");
        words.end();
        for (Counter* counter : counters())
            counter->reset(at_ns);
    } else if (verb == "vanish") {
        words.end();
        Tree::hide(node);
    } else if (verb == "restore") {
        words.end();
        Tree::show(node);
        node.faults.clear();
        for (Counter* counter : node.counters)
            counter->thaw();
    } else {
        throw std::invalid_argument("unknown command '" + verb + "'");
    }
}

}  // namespace simfs
