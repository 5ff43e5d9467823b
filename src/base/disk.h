// Disk: files as the core sees them.
//
// All calls block. While a node serves, whatever may take long (fsync, large writes, reads, renames
// of large files) is wrapped into a job and given to submit(); a job runs on another thread and may
// touch only what it was handed: files (each used by one thread at a time, which is the caller's
// duty), paths, bytes. At the start and at the stop the calls are made directly.
//
// What is durable: bytes after File::sync(); a file that was made, renamed or removed after
// sync_directory() of its directory. What was not synced may after a power cut be there, be gone,
// be torn, and be there without what was written before it.
//
// Implemented by: src/net/uv_disk (libc and libuv's pool), src/sim/env/sim_disk (with faults).
// Used by: persistence. Errors: Errc::not_found, already_exists, io; no_space where the disk is
// full; the text names path and cause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quoris {

// An open file; destroying it closes it.
class File {
 public:
  virtual ~File() = default;

  // All pieces, one behind the other, from `offset` on; a gap before it reads as zeros. After an
  // error any part of them may be written.
  [[nodiscard]] virtual Status write_at(uint64_t offset,
                                        std::span<const std::string_view> pieces) = 0;

  // Fills `out`; less than that only at the end of the file. Returns how many bytes.
  [[nodiscard]] virtual Result<size_t> read_at(uint64_t offset, std::span<char> out) = 0;

  // Content and size are durable afterwards, as they were when it was called: the one call that may
  // run while another thread uses the file. After an error none of what was written since the
  // last good sync() counts as durable, whatever later calls say: it is to be written again.
  [[nodiscard]] virtual Status sync() = 0;

  [[nodiscard]] virtual Result<uint64_t> size() = 0;

  [[nodiscard]] virtual Status truncate(uint64_t size) = 0;

 protected:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

// Held while it lives; gone with the process.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;

 protected:
  DirectoryLock() = default;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
};

class Disk {
 public:
  enum class Open : uint8_t {
    read,    // not_found if it isn't there; io if it is a pipe or something else that is no file
    write,   // for reading and writing; not_found if it isn't there
    create,  // for reading and writing; already_exists if it is there
  };

  virtual ~Disk() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;

  // Names of the files in a directory (no directories), in the order of their bytes.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;

  // Takes the place of what is there under the new name.
  [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;

  // No error if it isn't there.
  [[nodiscard]] virtual Status remove(const std::string& path) = 0;

  // With all parents; fine if it is there.
  [[nodiscard]] virtual Status make_directory(const std::string& path) = 0;

  [[nodiscard]] virtual Status sync_directory(const std::string& path) = 0;

  // already_exists while another process (or another owner in this one) holds it.
  [[nodiscard]] virtual Result<std::unique_ptr<DirectoryLock>> lock(
      const std::string& directory) = 0;

  // What changes when the machine starts anew, and only then; empty where the system doesn't tell.
  [[nodiscard]] virtual std::string boot_id() = 0;

  // Runs `job` on another thread and then, on the reactor thread, `done` with its result. Jobs run
  // in any order, several at a time. Whoever submits outlives the job or lets `done` find out.
  virtual void submit(std::function<Status()> job, std::function<void(Status)> done) = 0;
};

}  // namespace quoris
