// simfs: simulated energy sensors as a file system (FUSE).
//
//   simfs CONFIG MOUNTPOINT PARENT_PID
//
// serves the tree of CONFIG (see simfs/world.cpp) below MOUNTPOINT until the process PARENT_PID
// ends or a SIGTERM comes. The value of a counter is computed inside the read itself, from a load
// with a closed form, so there is no writer, no race, and the truth is known at every instant.
// Whoever reads the files sees what Linux shows: the product never knows that it is being tested.

#define FUSE_USE_VERSION 31

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iostream>
#include <system_error>

#include <fuse.h>
#include <fuse_lowlevel.h>

#include "simfs/world.h"

namespace simfs {
namespace {

constexpr off_t kSizeShown = 4096;  // what sysfs says of every attribute

std::int64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void sleep_ns(std::int64_t ns) noexcept {
    timespec left{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

struct Server {
    World world;
    std::string last_complaint;  // what was wrong with the last line written to .control
};

Server& server() {
    return *static_cast<Server*>(fuse_get_context()->private_data);
}

struct OpenFile {
    Node* node = nullptr;
    std::uint64_t generation = 0;
    std::string text;  // as sysfs does: made by the read at offset 0, continued by later ones

    [[nodiscard]] bool dead() const noexcept { return generation != node->generation; }
};

OpenFile& open_file(const fuse_file_info* info) {
    return *reinterpret_cast<OpenFile*>(info->fh);  // put there by keep_open
}

// The usual rules for owner and others; root may everything, so EACCES for root is a fault.
bool permitted(const Node& node, int mask) {
    const fuse_context* context = fuse_get_context();
    if (context->uid == 0) return true;
    const bool owner = context->uid == geteuid();
    const unsigned bits = owner ? node.mode >> 6 : node.mode;
    return (bits & static_cast<unsigned>(mask)) == static_cast<unsigned>(mask);
}

void fill_stat(const Node& node, struct stat* out) {
    std::memset(out, 0, sizeof *out);
    out->st_uid = geteuid();
    out->st_gid = getegid();
    out->st_mode = node.mode;
    out->st_nlink = 1;
    switch (node.kind) {
        case Node::Kind::directory:
            out->st_mode |= S_IFDIR;
            out->st_nlink = 2;
            break;
        case Node::Kind::link:
            out->st_mode |= S_IFLNK;
            out->st_size = static_cast<off_t>(node.target.size());
            break;
        default:
            out->st_mode |= S_IFREG;
            out->st_size = kSizeShown;
    }
}

int do_getattr(const char* path, struct stat* out, fuse_file_info* info) {
    const Node* node = info != nullptr ? open_file(info).node : server().world.tree().find(path);
    if (node == nullptr) return -ENOENT;
    fill_stat(*node, out);
    return 0;
}

int do_access(const char* path, int mask) {
    const Node* node = server().world.tree().find(path);
    if (node == nullptr) return -ENOENT;
    if ((mask & R_OK) != 0 && node->fails_with(EACCES, monotonic_ns())) return -EACCES;
    return permitted(*node, mask) ? 0 : -EACCES;
}

int do_readlink(const char* path, char* out, std::size_t size) {
    const Node* node = server().world.tree().find(path);
    if (node == nullptr) return -ENOENT;
    if (node->kind != Node::Kind::link || size == 0) return -EINVAL;
    const std::size_t length = std::min(node->target.size(), size - 1);
    std::memcpy(out, node->target.data(), length);
    out[length] = '\0';
    return 0;
}

void keep_open(Node& node, fuse_file_info* info) {
    info->fh = reinterpret_cast<std::uint64_t>(new OpenFile{&node, node.generation, {}});
}

int do_release(const char*, fuse_file_info* info) {
    delete &open_file(info);
    return 0;
}

int do_opendir(const char* path, fuse_file_info* info) {
    Node* node = server().world.tree().find(path);
    if (node == nullptr) return -ENOENT;
    if (!permitted(*node, R_OK)) return -EACCES;
    keep_open(*node, info);
    return 0;
}

int do_readdir(const char*, void* out, fuse_fill_dir_t fill, off_t, fuse_file_info* info,
               fuse_readdir_flags) {
    const Node* node = open_file(info).node;
    const auto plain = static_cast<fuse_fill_dir_flags>(0);
    fill(out, ".", nullptr, 0, plain);
    fill(out, "..", nullptr, 0, plain);
    for (const auto& [name, child] : node->children) {
        if (!child->hidden) fill(out, name.c_str(), nullptr, 0, plain);
    }
    return 0;
}

int do_open(const char* path, fuse_file_info* info) {
    Node* node = server().world.tree().find(path);
    if (node == nullptr) return -ENOENT;
    const int access_mode = info->flags & O_ACCMODE;
    const bool writes = access_mode != O_RDONLY;
    const bool reads = access_mode != O_WRONLY;
    if (writes && node->kind != Node::Kind::control) return -EACCES;
    if (reads && node->fails_with(EACCES, monotonic_ns())) return -EACCES;
    if (!permitted(*node, (reads ? R_OK : 0) | (writes ? W_OK : 0))) return -EACCES;
    ++node->opens;
    keep_open(*node, info);
    info->direct_io = 1;  // every read comes to us, none is answered from the page cache
    return 0;
}

int do_truncate(const char* path, off_t, fuse_file_info* info) {
    const Node* node = info != nullptr ? open_file(info).node : server().world.tree().find(path);
    if (node == nullptr) return -ENOENT;
    return node->kind == Node::Kind::control ? 0 : -EACCES;
}

int read_registers(const Node& node, char* out, std::size_t size, std::uint64_t address) {
    if (size == 0 || size % sizeof(std::uint64_t) != 0) return -EINVAL;
    const auto found = node.registers.find(address);
    if (found == node.registers.end()) return -EIO;
    const std::uint64_t value = found->second(monotonic_ns());
    std::memcpy(out, &value, sizeof value);
    return sizeof value;
}

int copy_text(const std::string& text, char* out, std::size_t size, std::size_t offset) {
    if (offset >= text.size()) return 0;
    const std::size_t length = std::min(size, text.size() - offset);
    std::memcpy(out, text.data() + offset, length);
    return static_cast<int>(length);
}

int do_read(const char*, char* out, std::size_t size, off_t offset, fuse_file_info* info) {
    OpenFile& file = open_file(info);
    Node& node = *file.node;
    const auto position = static_cast<std::uint64_t>(offset);
    if (file.dead()) return -ENODEV;
    const bool registers = node.kind == Node::Kind::registers;
    if (!registers && position > 0) return copy_text(file.text, out, size, position);

    ++node.reads;
    const Node::Spoiled spoiled = node.spoil(monotonic_ns());
    // The value of a slow read belongs to the middle of it: neither end is the right one.
    if (spoiled.delay_ns > 0) sleep_ns(spoiled.delay_ns / 2);
    const auto answer = [&]() -> int {
        if (spoiled.error != 0) return -spoiled.error;
        if (registers && !spoiled.text) return read_registers(node, out, size, position);
        if (spoiled.text) {
            file.text = *spoiled.text;
        } else if (node.kind == Node::Kind::control) {
            file.text = server().last_complaint;
        } else {
            file.text = node.render(monotonic_ns());
        }
        return copy_text(file.text, out, size, 0);
    }();
    if (spoiled.delay_ns > 0) sleep_ns(spoiled.delay_ns - spoiled.delay_ns / 2);
    return answer;
}

int do_write(const char*, const char* data, std::size_t size, off_t, fuse_file_info* info) {
    if (open_file(info).node->kind != Node::Kind::control) return -EACCES;
    std::string line(data, size);
    if (!line.empty() && line.back() == '\n') line.pop_back();
    try {
        server().last_complaint.clear();
        server().world.control(line);
    } catch (const std::invalid_argument& error) {
        server().last_complaint = error.what();
        return -EINVAL;
    }
    return static_cast<int>(size);
}

void* do_init(fuse_conn_info*, fuse_config* config) {
    config->nullpath_ok = 1;
    // A zone may vanish at any time: the kernel must ask for every name, every time.
    config->entry_timeout = 0.0;
    config->attr_timeout = 0.0;
    config->negative_timeout = 0.0;
    return fuse_get_context()->private_data;
}

fuse_operations operations() {
    fuse_operations table{};
    table.init = do_init;
    table.getattr = do_getattr;
    table.access = do_access;
    table.readlink = do_readlink;
    table.opendir = do_opendir;
    table.readdir = do_readdir;
    table.releasedir = do_release;
    table.open = do_open;
    table.release = do_release;
    table.truncate = do_truncate;
    table.read = do_read;
    table.write = do_write;
    return table;
}

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// Readable as soon as the process ends, whichever of its threads started us.
int watch_parent(pid_t parent) {
    const auto fd = static_cast<int>(syscall(SYS_pidfd_open, parent, 0));
    if (fd < 0) fail("cannot watch the parent process");
    if (getppid() != parent) throw std::invalid_argument("the parent process has ended already");
    return fd;
}

// Blocks the signals that end us: they are waited for beside the requests.
int watch_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (fd < 0) fail("cannot wait for signals");
    return fd;
}

// One thread answers one request after the other until told to stop or unmounted.
void serve(fuse_session* session, int parent_fd, int signal_fd) {
    const int fuse_fd = fuse_session_fd(session);
    // A request may be withdrawn between poll and read: never get stuck in that read.
    fcntl(fuse_fd, F_SETFL, fcntl(fuse_fd, F_GETFL) | O_NONBLOCK);
    pollfd watched[] = {{fuse_fd, POLLIN, 0}, {parent_fd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
    fuse_buf buffer{};
    while (fuse_session_exited(session) == 0) {
        if (poll(watched, 3, -1) < 0) {
            if (errno == EINTR) continue;
            fail("cannot wait for requests");
        }
        if (watched[1].revents != 0 || watched[2].revents != 0) break;
        const int received = fuse_session_receive_buf(session, &buffer);
        if (received == -EINTR || received == -EAGAIN) continue;
        if (received <= 0) break;
        fuse_session_process_buf(session, &buffer);
    }
    free(buffer.mem);
}

void run(const std::string& config_path, const std::string& mountpoint, pid_t parent) {
    std::ifstream config(config_path);
    if (!config) fail("cannot read " + config_path);
    Server state{World(config), {}};
    const int parent_fd = watch_parent(parent);
    const int signal_fd = watch_signals();

    // The name under which /proc/self/mounts lists us, so that a stale mount can be told.
    std::string options = "fsname=microjoule-sim-" + std::to_string(getpid()) +
                          ",subtype=microjoule-sim,nosuid,nodev";
    if (geteuid() == 0) options += ",allow_other";
    std::string name = "simfs";
    std::string flag = "-o";
    char* arguments[] = {name.data(), flag.data(), options.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(3, arguments);
    const fuse_operations table = operations();
    fuse* handle = fuse_new(&args, &table, sizeof table, &state);
    if (handle == nullptr) throw std::runtime_error("libfuse refused the options " + options);
    if (fuse_mount(handle, mountpoint.c_str()) != 0) {
        fuse_destroy(handle);
        throw std::runtime_error("cannot mount at " + mountpoint);
    }
    serve(fuse_get_session(handle), parent_fd, signal_fd);
    fuse_unmount(handle);
    fuse_destroy(handle);
    fuse_opt_free_args(&args);
}

}  // namespace
}  // namespace simfs

int main(int argc, char** argv) {
    try {
        pid_t parent = 0;
        const char* const end = argc == 4 ? argv[3] + std::strlen(argv[3]) : nullptr;
        if (argc != 4 || std::from_chars(argv[3], end, parent).ptr != end) {
            throw std::invalid_argument("usage: simfs CONFIG MOUNTPOINT PARENT_PID");
        }
        simfs::run(argv[1], argv[2], parent);
    } catch (const std::exception& error) {
        std::cerr << "simfs: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
