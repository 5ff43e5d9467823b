#include "sim/env/sim_disk.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::sim {

namespace {

// What a real disk writes as a whole or not at all.
constexpr uint64_t kSectorBytes = 512;

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error missing(const std::string& what, const std::string& path) {
  return Error{Errc::not_found, "cannot " + what + " " + path + ": No such file or directory"};
}

Error stopped_at(const std::string& path) {
  return Error{Errc::io, path + ": the machine has stopped"};
}

void put_bytes(std::string& content, uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  content.replace(offset, bytes.size(), bytes);
}

// What a power cut leaves of a row of things that were not synced: nothing, all, the first few with
// the one behind them torn, or any of them.
enum class Fate : uint8_t { kept, torn, gone };

std::vector<Fate> draw_fates(size_t count, Rng& rng) {
  const uint64_t manner = rng.below(4);
  const uint64_t whole = manner == 0 ? 0 : manner == 1 ? count : rng.below(count + 1);
  std::vector<Fate> fates;
  for (uint64_t i = 0; i < count; ++i) {
    if (manner == 3) {
      const uint64_t draw = rng.below(5);
      fates.push_back(draw < 2 ? Fate::kept : draw < 4 ? Fate::gone : Fate::torn);
    } else if (i < whole) {
      fates.push_back(Fate::kept);
    } else {
      fates.push_back(manner == 2 && i == whole ? Fate::torn : Fate::gone);
    }
  }
  return fates;
}

}  // namespace

// --- files and locks that are open --------------------------------------------------------------

class SimDisk::SimFile final : public File {
 public:
  SimFile(SimDisk& disk, InodePtr inode, std::string path, bool writable)
      : disk_(disk),
        inode_(std::move(inode)),
        path_(std::move(path)),
        life_(disk.life_),
        writable_(writable) {}

  [[nodiscard]] Status write_at(uint64_t offset,
                                std::span<const std::string_view> pieces) override {
    if (dead() || !writable_) return refused();
    return disk_.write(*inode_, path_, offset, pieces);
  }

  [[nodiscard]] Result<size_t> read_at(uint64_t offset, std::span<char> out) override {
    if (dead()) return refused();
    if (Status status = disk_.begin(Operation::read, path_); !status) return status.error();
    if (offset >= inode_->content.size()) return size_t{0};
    return inode_->content.copy(out.data(), out.size(), offset);
  }

  [[nodiscard]] Status sync() override {
    if (dead()) return refused();
    return disk_.sync(*inode_, path_);
  }

  [[nodiscard]] Result<uint64_t> size() override {
    if (dead() || disk_.stopped()) return refused();
    return uint64_t{inode_->content.size()};
  }

  [[nodiscard]] Status truncate(uint64_t size) override {
    if (dead() || !writable_) return refused();
    return disk_.truncate(*inode_, path_, size);
  }

 private:
  [[nodiscard]] bool dead() const { return life_ != disk_.life_; }

  [[nodiscard]] Error refused() const {
    if (!dead() && !disk_.stopped()) return Error{Errc::io, path_ + ": not open for writing"};
    return stopped_at(path_);
  }

  SimDisk& disk_;
  InodePtr inode_;
  std::string path_;
  uint64_t life_;
  bool writable_;
};

class SimDisk::SimLock final : public DirectoryLock {
 public:
  SimLock(SimDisk& disk, std::string directory)
      : disk_(disk), directory_(std::move(directory)), life_(disk.life_) {}

  ~SimLock() override {
    if (life_ == disk_.life_) disk_.locked_.erase(directory_);
  }

 private:
  SimDisk& disk_;
  std::string directory_;
  uint64_t life_;
};

SimDisk::~SimDisk() { end_life(); }

// --- Disk ---------------------------------------------------------------------------------------

Result<std::unique_ptr<File>> SimDisk::open(const std::string& path, Open how) {
  const bool create = how == Open::create;
  Status status = begin(create ? Operation::create : Operation::open, path);
  if (!status) return status.error();
  const auto found = names_.find(path);
  if (!create) {
    if (found == names_.end()) return missing("open", path);
    return std::unique_ptr<File>(
        std::make_unique<SimFile>(*this, found->second, path, how == Open::write));
  }
  if (found != names_.end()) {
    return Error{Errc::already_exists, "cannot create " + path + ": File exists"};
  }
  if (!directories_.contains(parent_of(path))) return missing("create", path);
  auto inode = std::make_shared<Inode>();
  change_name({.name = path, .inode = inode, .old_name = {}});
  note(Operation::create, path);
  return std::unique_ptr<File>(std::make_unique<SimFile>(*this, std::move(inode), path, true));
}

Result<std::vector<std::string>> SimDisk::list(const std::string& directory) {
  if (Status status = begin(Operation::list, directory); !status) return status.error();
  if (!directories_.contains(directory)) return missing("list the directory", directory);
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_) {
    if (parent_of(path) == directory) names.push_back(path.substr(path.rfind('/') + 1));
  }
  return names;
}

Status SimDisk::rename(const std::string& from, const std::string& to) {
  if (Status status = begin(Operation::rename, from); !status) return status;
  const auto found = names_.find(from);
  if (found == names_.end() || !directories_.contains(parent_of(to))) {
    return missing("rename " + from + " to", to);
  }
  if (from != to) change_name({.name = to, .inode = found->second, .old_name = from});
  note(Operation::rename, to);
  return ok();
}

Status SimDisk::remove(const std::string& path) {
  if (Status status = begin(Operation::remove, path); !status) return status;
  if (names_.contains(path)) change_name({.name = path, .inode = nullptr, .old_name = {}});
  note(Operation::remove, path);
  return ok();
}

Status SimDisk::make_directory(const std::string& path) {
  if (Status status = begin(Operation::make_directory, path); !status) return status;
  std::vector<std::string> made;
  for (std::string each = path; !directories_.contains(each); each = parent_of(each)) {
    if (names_.contains(each)) {
      return Error{Errc::io, "cannot create the directory " + path + ": Not a directory"};
    }
    made.push_back(each);
  }
  directories_.insert(made.begin(), made.end());
  note(Operation::make_directory, path);
  return ok();
}

Status SimDisk::sync_directory(const std::string& path) {
  if (Status status = begin(Operation::sync_directory, path); !status) return status;
  if (!directories_.contains(path)) return missing("sync the directory", path);
  std::erase_if(unsynced_names_, [&](const NameChange& change) {
    const bool left_here = !change.old_name.empty() && parent_of(change.old_name) == path;
    if (parent_of(change.name) != path && !left_here) return false;
    apply(change, durable_names_);
    return true;
  });
  note(Operation::sync_directory, path);
  return ok();
}

Result<std::unique_ptr<DirectoryLock>> SimDisk::lock(const std::string& directory) {
  if (Status status = begin(Operation::lock, directory); !status) return status.error();
  if (!directories_.contains(directory)) return missing("lock", directory);
  if (!locked_.insert(directory).second) {
    return Error{Errc::already_exists, "the directory " + directory + " is in use"};
  }
  const std::string file = directory + "/LOCK";
  if (!names_.contains(file)) {
    change_name({.name = file, .inode = std::make_shared<Inode>(), .old_name = {}});
  }
  return std::unique_ptr<DirectoryLock>(std::make_unique<SimLock>(*this, directory));
}

void SimDisk::submit(std::function<Status()> job, std::function<void(Status)> done) {
  QUORIS_ASSERT(job != nullptr);
  QUORIS_ASSERT(done != nullptr);
  const uint64_t latency_us = draw_latency_us_ ? draw_latency_us_() : latency_us_;
  const uint64_t until_run = latency_us / 2;
  later(until_run,
        [this, rest = latency_us - until_run, job = std::move(job), done = std::move(done)] {
          later(rest, [done, result = job()] { done(result); });
        });
}

void SimDisk::later(uint64_t delay_us, std::function<void()> callback) {
  auto id = std::make_shared<TimerId>();  // shared: known only after the callback was handed over
  *id = timers_.schedule(delay_us, [this, id, callback = std::move(callback)] {
    jobs_.erase(*id);
    callback();
  });
  jobs_.insert(*id);
}

// --- steps --------------------------------------------------------------------------------------

Status SimDisk::begin(Operation operation, const std::string& path) {
  if (stopped()) return stopped_at(path);
  const auto index = static_cast<size_t>(operation);
  ++counts_[index];
  if (operation >= Operation::create && steps_left_ != kUnlimited) --steps_left_;
  std::optional<Fault>& fault = faults_[index];
  if (!fault) return ok();
  if (fault->after > 0) {
    --fault->after;
    return ok();
  }
  const Errc code = fault->code;
  if (--fault->count == 0) fault.reset();
  return Error{
      code, path + (code == Errc::no_space ? ": No space left on device" : ": Input/output error")};
}

Status SimDisk::write(Inode& inode, const std::string& path, uint64_t offset,
                      std::span<const std::string_view> pieces) {
  if (stopped()) return stopped_at(path);
  Status status = begin(Operation::write, path);
  std::string bytes;
  for (const std::string_view piece : pieces) bytes += piece;
  if (!status) bytes.resize(bytes.size() / 2);
  const uint64_t end = offset + bytes.size();
  const uint64_t growth = end > inode.content.size() ? end - inode.content.size() : 0;
  const uint64_t used = capacity_ == kUnlimited ? 0 : bytes_used();
  const uint64_t room = capacity_ > used ? capacity_ - used : 0;
  if (growth > room) {
    bytes.resize(bytes.size() - std::min<uint64_t>(bytes.size(), growth - room));
    status = Error{Errc::no_space, "cannot write " + path + ": No space left on device"};
  }
  if (bytes.empty()) return status;
  inode.unsynced.push_back({.offset = offset, .bytes = std::move(bytes), .is_truncation = false});
  apply(inode.unsynced.back(), inode.content);
  note(Operation::write, path, offset, inode.unsynced.back().bytes);
  return status;
}

Status SimDisk::sync(Inode& inode, const std::string& path) {
  if (stopped()) return stopped_at(path);
  Status status = begin(Operation::sync, path);
  if (status) {
    for (const Change& change : inode.unsynced) apply(change, inode.durable);
  }
  // After a failure too: the system takes the pages for clean and never writes them again.
  inode.unsynced.clear();
  note(Operation::sync, path);
  return status;
}

Status SimDisk::truncate(Inode& inode, const std::string& path, uint64_t size) {
  if (Status status = begin(Operation::truncate, path); !status) return status;
  inode.unsynced.push_back({.offset = size, .bytes = {}, .is_truncation = true});
  apply(inode.unsynced.back(), inode.content);
  note(Operation::truncate, path, size);
  return ok();
}

void SimDisk::note(Operation operation, const std::string& path, uint64_t offset,
                   std::string_view bytes) {
  if (watcher_ == nullptr) return;
  watcher_->on_disk_step(operation, path, offset, bytes);
  if (stopped()) watcher_->on_disk_stopped();
}

void SimDisk::change_name(NameChange change) {
  apply(change, names_);
  unsynced_names_.push_back(std::move(change));
}

void SimDisk::apply(const Change& change, std::string& content) {
  if (change.is_truncation) {
    content.resize(change.offset, '\0');
  } else {
    put_bytes(content, change.offset, change.bytes);
  }
}

void SimDisk::apply(const NameChange& change, Names& names) {
  if (!change.old_name.empty()) names.erase(change.old_name);
  if (change.inode == nullptr) {
    names.erase(change.name);
  } else {
    names[change.name] = change.inode;
  }
}

// --- the end of a process -----------------------------------------------------------------------

void SimDisk::end_life() {
  ++life_;
  for (const TimerId job : jobs_) timers_.cancel(job);
  jobs_.clear();
  locked_.clear();
  steps_left_ = kUnlimited;
}

void SimDisk::kill() { end_life(); }

void SimDisk::wipe() {
  end_life();
  names_.clear();
  durable_names_.clear();
  unsynced_names_.clear();
}

void SimDisk::crash(Rng& rng) {
  end_life();
  ++boot_;
  // Also those whose names are undone, in an order that no pointer decides.
  std::vector<InodePtr> all;
  for (const auto& [path, inode] : durable_names_) all.push_back(inode);
  for (const NameChange& change : unsynced_names_) {
    if (change.inode != nullptr) all.push_back(change.inode);
  }
  for (const InodePtr& inode : all) lose_power(*inode, rng);
  lose_names(rng);
}

void SimDisk::lose_power(Inode& inode, Rng& rng) {
  const std::vector<Fate> fates = draw_fates(inode.unsynced.size(), rng);
  for (size_t i = 0; i < fates.size(); ++i) {
    if (fates[i] == Fate::kept) apply(inode.unsynced[i], inode.durable);
    if (fates[i] == Fate::torn) tear(inode.unsynced[i], rng, inode.durable);
  }
  inode.unsynced.clear();
  inode.content = inode.durable;
}

// Cut at any byte, or each sector there or not, in a file that has its new size.
void SimDisk::tear(const Change& change, Rng& rng, std::string& content) {
  if (change.is_truncation) return;
  const std::string_view bytes = change.bytes;
  if (rng.below(2) == 0) {
    put_bytes(content, change.offset, bytes.substr(0, rng.below(bytes.size() + 1)));
    return;
  }
  content.resize(std::max<uint64_t>(content.size(), change.offset + bytes.size()), '\0');
  for (uint64_t at = 0; at < bytes.size();) {
    const uint64_t sector_end =
        ((change.offset + at) / kSectorBytes + 1) * kSectorBytes - change.offset;
    const std::string_view sector = bytes.substr(at, sector_end - at);
    if (rng.below(2) == 0) put_bytes(content, change.offset + at, sector);
    at += sector.size();
  }
}

void SimDisk::lose_names(Rng& rng) {
  const std::vector<Fate> fates = draw_fates(unsynced_names_.size(), rng);
  for (size_t i = 0; i < fates.size(); ++i) {
    // A name can't be torn.
    if (fates[i] == Fate::kept) apply(unsynced_names_[i], durable_names_);
  }
  unsynced_names_.clear();
  names_ = durable_names_;
}

// --- faults and looks ---------------------------------------------------------------------------

void SimDisk::fail(Operation operation, Fault fault) {
  QUORIS_ASSERT(fault.count > 0);
  faults_[static_cast<size_t>(operation)] = fault;
}

void SimDisk::heal() {
  faults_ = {};
  capacity_ = kUnlimited;
  steps_left_ = kUnlimited;
}

SimDisk::Inode& SimDisk::existing(const std::string& path) const {
  const auto found = names_.find(path);
  QUORIS_ASSERT(found != names_.end());
  return *found->second;
}

void SimDisk::flip_byte(const std::string& path, uint64_t offset, uint8_t bits) {
  Inode& inode = existing(path);
  QUORIS_ASSERT(offset < inode.content.size());
  char& byte = inode.content[offset];
  byte = static_cast<char>(static_cast<uint8_t>(byte) ^ bits);
  inode.durable = inode.content;
  inode.unsynced.clear();
}

void SimDisk::cut_off(const std::string& path, uint64_t size) {
  Inode& inode = existing(path);
  QUORIS_ASSERT(size <= inode.content.size());
  inode.content.resize(size);
  inode.durable = inode.content;
  inode.unsynced.clear();
}

std::optional<std::string> SimDisk::content(const std::string& path) const {
  const auto found = names_.find(path);
  if (found == names_.end()) return std::nullopt;
  return found->second->content;
}

std::optional<std::string> SimDisk::durable_content(const std::string& path) const {
  const auto found = names_.find(path);
  if (found == names_.end()) return std::nullopt;
  return found->second->durable;
}

void SimDisk::put(const std::string& path, std::string content) {
  for (std::string each = parent_of(path); directories_.insert(each).second;) {
    each = parent_of(each);
  }
  auto inode = std::make_shared<Inode>();
  inode->durable = content;
  inode->content = std::move(content);
  names_[path] = inode;
  durable_names_[path] = std::move(inode);
  std::erase_if(unsynced_names_, [&](const NameChange& change) {
    return change.name == path || change.old_name == path;
  });
}

uint64_t SimDisk::count(Operation operation) const {
  return counts_[static_cast<size_t>(operation)];
}

uint64_t SimDisk::steps() const {
  uint64_t sum = 0;
  for (size_t i = static_cast<size_t>(Operation::create); i < kOperations; ++i) sum += counts_[i];
  return sum;
}

uint64_t SimDisk::bytes_used() const {
  uint64_t sum = 0;
  for (const auto& [path, inode] : names_) sum += inode->content.size();
  return sum;
}

}  // namespace quoris::sim
