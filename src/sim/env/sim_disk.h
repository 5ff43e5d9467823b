// SimDisk: a disk in memory that loses, tears and refuses what a real one might.
//
// It knows what is durable: what was synced. The rest lies in "the page cache": kill() (the process
// died) keeps it, crash() (the power went) decides for each write and each new, renamed or removed
// name by itself whether it is there, torn or gone, in whatever order they were made. Both end the
// life of files, locks and submitted jobs of before: an old File changes nothing any more and
// answers with io errors.
//
// Jobs run on the caller's thread when half of the latency has passed, `done` at its end: what
// others do meanwhile comes before the job or after it, as with threads.
//
// Deterministic: the same calls and the same Rng give the same bytes.
// Invariants: after a failed sync what it should have made durable is lost at the next crash()
// unless it is written again, though it reads well until then.
// Limits: memory holds all files twice. Directories are durable as soon as they are made.
// Used by: SimEnv, tests of persistence, server and cluster.
// Sources: "All File Systems Are Not Created Equal" (Pillai et al. 2014) for what may become of
// unsynced data; "Can Applications Recover from fsync Failures?" (Rebello et al. 2020) for syncs.
#pragma once

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "base/disk.h"
#include "base/env.h"

namespace quoris::sim {

class DiskWatcher;

class SimDisk final : public Disk {
 public:
  // What can fail and is counted. From `create` on they are steps: they change something.
  enum class Operation : uint8_t {
    open,
    read,
    list,
    lock,
    create,
    write,
    sync,
    truncate,
    rename,
    remove,
    make_directory,
    sync_directory,
    count_of_operations,
  };

  struct Fault {
    Errc code = Errc::io;
    uint64_t count = 1;  // so many in a row fail
    uint64_t after = 0;  // so many go well before that
  };

  static constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

  // REQUIRES: `timers` outlives this, and this outlives its files and locks.
  explicit SimDisk(Timers& timers) : timers_(timers) {}

  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  ~SimDisk() override;

  // --- Disk -----------------------------------------------------------------------------------
  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override;
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Status remove(const std::string& path) override;
  [[nodiscard]] Status make_directory(const std::string& path) override;
  [[nodiscard]] Status sync_directory(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock(const std::string& directory) override;

  [[nodiscard]] std::string boot_id() override { return "boot-" + std::to_string(boot_); }

  void submit(std::function<Status()> job, std::function<void(Status)> done) override;

  // --- the end of a process, and what is left of the files ------------------------------------
  // The process dies, the machine goes on.
  void kill();

  // The power goes. Another boot id afterwards.
  void crash(Rng& rng);

  // Another, empty disk takes its place. As with kill(), what is of the life before is dead.
  void wipe();

  // --- faults ---------------------------------------------------------------------------------
  // A failed write leaves half of its bytes behind, other failures change nothing.
  void fail(Operation operation, Fault fault);

  void stop_failing(Operation operation) { faults_[static_cast<size_t>(operation)].reset(); }

  // The machine stops after `steps` more steps: nothing changes and all calls fail until kill() or
  // crash(). So a test can end at every boundary.
  void stop_after(uint64_t steps) { steps_left_ = steps; }

  [[nodiscard]] bool stopped() const { return steps_left_ == 0; }

  // Bytes in files, beyond which a write takes what fits and answers no_space.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }

  // From submit() to `done`.
  void set_latency_us(uint64_t us) { latency_us_ = us; }

  // ... drawn anew for each job.
  void set_latency(std::function<uint64_t()> draw_us) { draw_latency_us_ = std::move(draw_us); }

  // Nothing fails, fills or stops on demand any more.
  void heal();

  // Who hears of every step; null: nobody. REQUIRES: it outlives this.
  void set_watcher(DiskWatcher* watcher) { watcher_ = watcher; }

  // Rot, behind everybody's back; the whole file is durable afterwards. REQUIRES: it is there, and
  // so long.
  void flip_byte(const std::string& path, uint64_t offset, uint8_t bits = 0xFF);
  void cut_off(const std::string& path, uint64_t size);

  // --- what a test looks at -------------------------------------------------------------------
  // Nothing where there is no such file.
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const;
  // What no power cut takes from the file that now has this name.
  [[nodiscard]] std::optional<std::string> durable_content(const std::string& path) const;

  // A file with these bytes, durable; its directories too.
  void put(const std::string& path, std::string content);

  [[nodiscard]] uint64_t count(Operation operation) const;
  // All that were done so far, failed ones too.
  [[nodiscard]] uint64_t steps() const;

  [[nodiscard]] size_t jobs_pending() const { return jobs_.size(); }

  [[nodiscard]] uint64_t bytes_used() const;

 private:
  class SimFile;
  class SimLock;

  // Written or cut, not synced.
  struct Change {
    uint64_t offset = 0;
    std::string bytes;
    bool is_truncation = false;  // to `offset`
  };

  struct Inode {
    std::string content;  // as everybody sees it
    std::string durable;
    std::vector<Change> unsynced;
  };

  using InodePtr = std::shared_ptr<Inode>;  // shared by its names, files and pending changes
  using Names = std::map<std::string, InodePtr>;

  // Made, renamed or removed: `name` now means `inode` (null: nothing), `old_name` is gone.
  struct NameChange {
    std::string name;
    InodePtr inode;
    std::string old_name;
  };

  static constexpr size_t kOperations = static_cast<size_t>(Operation::count_of_operations);

  static void apply(const Change& change, std::string& content);
  static void apply(const NameChange& change, Names& names);
  static void tear(const Change& change, Rng& rng, std::string& content);
  static void lose_power(Inode& inode, Rng& rng);
  void lose_names(Rng& rng);

  // Counts it, and answers with the error if it is to fail.
  [[nodiscard]] Status begin(Operation operation, const std::string& path);
  // A step was done, with `bytes` for a write.
  void note(Operation operation, const std::string& path, uint64_t offset = 0,
            std::string_view bytes = {});
  void change_name(NameChange change);
  void end_life();
  void later(uint64_t delay_us, std::function<void()> callback);
  [[nodiscard]] Inode& existing(const std::string& path) const;

  [[nodiscard]] Status write(Inode& inode, const std::string& path, uint64_t offset,
                             std::span<const std::string_view> pieces);
  [[nodiscard]] Status sync(Inode& inode, const std::string& path);
  [[nodiscard]] Status truncate(Inode& inode, const std::string& path, uint64_t size);

  Timers& timers_;
  std::set<std::string> directories_{".", "/"};
  Names names_;
  Names durable_names_;
  std::vector<NameChange> unsynced_names_;
  std::set<std::string> locked_;
  std::set<TimerId> jobs_;
  std::array<std::optional<Fault>, kOperations> faults_{};
  std::array<uint64_t, kOperations> counts_{};
  uint64_t capacity_ = kUnlimited;
  uint64_t steps_left_ = kUnlimited;
  uint64_t latency_us_ = 100;
  std::function<uint64_t()> draw_latency_us_;
  DiskWatcher* watcher_ = nullptr;
  uint64_t boot_ = 1;
  uint64_t life_ = 1;  // of the process: what is of an earlier one is dead
};

// Hears of steps that were done, from inside the call that does them: what it wants to do about one
// that concerns the process itself has to wait for an event of its own.
class DiskWatcher {
 public:
  virtual ~DiskWatcher() = default;

  // `bytes`: of a write, from `offset` on; a rename names its new path.
  virtual void on_disk_step(SimDisk::Operation operation, const std::string& path, uint64_t offset,
                            std::string_view bytes) = 0;

  // The last step of stop_after() was done.
  virtual void on_disk_stopped() = 0;
};

}  // namespace quoris::sim
