// UvDisk: Disk over libc, with libuv's pool of threads for jobs.
//
// All that changes a file goes through libc by name (pwritev, fdatasync, rename ...), so that a
// library put before libc sees it: the power cut tests do that (redis-tests/power_cut).
//
// Invariants: a turn follows every `done` in the same iteration of the loop. The destructor waits
// for the jobs that were submitted; what they would have told `done` is dropped, and `done` is
// destroyed with the UvDisk.
// Limits: libuv's four threads (UV_THREADPOOL_SIZE); the queue of jobs has none, the submitters do.
// Used by: main, as Env's disk.
#pragma once

#include <unordered_set>

#include "base/disk.h"
#include "net/event_loop.h"

namespace quoris::net {

class UvDisk final : public Disk {
 public:
  // REQUIRES: `loop` outlives this, and runs once more afterwards (its destructor does).
  explicit UvDisk(EventLoop& loop) : loop_(loop) {}

  UvDisk(const UvDisk&) = delete;
  UvDisk& operator=(const UvDisk&) = delete;

  ~UvDisk() override;

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) override;
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Status remove(const std::string& path) override;
  [[nodiscard]] Status make_directory(const std::string& path) override;
  [[nodiscard]] Status sync_directory(const std::string& path) override;

  // By a lock on the file LOCK in it, which holds the owner's process id and stays there.
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock(const std::string& directory) override;

  [[nodiscard]] std::string boot_id() override;

  void submit(std::function<Status()> job, std::function<void(Status)> done) override;

 private:
  struct Work;

  EventLoop& loop_;
  std::unordered_set<Work*> pending_;
};

}  // namespace quoris::net
