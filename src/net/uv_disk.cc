#include "net/uv_disk.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <semaphore>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "net/file_descriptor.h"
#include "net/files.h"
#include "net/os_error.h"

namespace quoris::net {

namespace {

// Data is the owner's alone: the identity holds a secret, and values may be anything.
constexpr mode_t kDataMode = 0600;

// Pieces that one call of pwritev takes.
constexpr size_t kPiecesMax = 256;
static_assert(kPiecesMax <= IOV_MAX);

// The pieces that are left to be written, as pwritev wants them.
class PieceQueue {
 public:
  explicit PieceQueue(std::span<const std::string_view> pieces) : pieces_(pieces) { fill(); }

  [[nodiscard]] bool empty() const { return count_ == 0; }

  [[nodiscard]] const iovec* data() const { return &vectors_[first_]; }

  [[nodiscard]] int count() const { return static_cast<int>(count_ - first_); }

  void drop(size_t bytes) {
    while (first_ < count_ && bytes >= vectors_[first_].iov_len) {
      bytes -= vectors_[first_].iov_len;
      ++first_;
    }
    if (first_ == count_) {
      QUORIS_ASSERT(bytes == 0);
      fill();
      return;
    }
    iovec& rest = vectors_[first_];
    rest.iov_base = static_cast<char*>(rest.iov_base) + bytes;
    rest.iov_len -= bytes;
  }

 private:
  void fill() {
    first_ = 0;
    count_ = 0;
    while (count_ < kPiecesMax && next_ < pieces_.size()) {
      const std::string_view piece = pieces_[next_++];
      if (piece.empty()) continue;
      // iovec is for reading too, hence not const; pwritev only looks.
      vectors_[count_++] = {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
    }
  }

  std::span<const std::string_view> pieces_;
  size_t next_ = 0;
  std::array<iovec, kPiecesMax> vectors_{};
  size_t first_ = 0;
  size_t count_ = 0;
};

class UvFile final : public File {
 public:
  UvFile(FileDescriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  [[nodiscard]] Status write_at(uint64_t offset,
                                std::span<const std::string_view> pieces) override {
    for (PieceQueue left(pieces); !left.empty();) {
      const ssize_t written = retried([&] {
        return pwritev(file_.get(), left.data(), left.count(), static_cast<off_t>(offset));
      });
      if (written < 0) return failed("write");
      if (written == 0) return Error{Errc::io, "cannot write " + path_ + ": nothing was taken"};
      left.drop(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return ok();
  }

  [[nodiscard]] Result<size_t> read_at(uint64_t offset, std::span<char> out) override {
    size_t got = 0;
    while (got < out.size()) {
      const std::span<char> rest = out.subspan(got);
      const ssize_t count = retried([&] {
        return pread(file_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + got));
      });
      if (count < 0) return failed("read");
      if (count == 0) break;
      got += static_cast<size_t>(count);
    }
    return got;
  }

  [[nodiscard]] Status sync() override {
    if (retried([&] { return fdatasync(file_.get()); }) != 0) return failed("sync");
    return ok();
  }

  [[nodiscard]] Result<uint64_t> size() override {
    struct stat state {};

    if (fstat(file_.get(), &state) != 0) return failed("tell the size of");
    return static_cast<uint64_t>(state.st_size);
  }

  [[nodiscard]] Status truncate(uint64_t size) override {
    if (retried([&] { return ftruncate(file_.get(), static_cast<off_t>(size)); }) != 0) {
      return failed("truncate");
    }
    return ok();
  }

 private:
  [[nodiscard]] Error failed(const char* what) const {
    const int error = errno;
    return os_error("cannot " + std::string(what) + " " + path_, error);
  }

  FileDescriptor file_;
  std::string path_;
};

class UvDirectoryLock final : public DirectoryLock {
 public:
  explicit UvDirectoryLock(std::unique_ptr<File> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<File> file_;  // the lock goes when it is closed
};

[[nodiscard]] std::string without_line_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

[[nodiscard]] Error in_use(const std::string& directory, const std::string& lock_path) {
  const Result<std::string> content = read_file(lock_path);
  const std::string pid = content ? without_line_end(*content) : std::string();
  return Error{Errc::already_exists, "the directory " + directory + " is in use by " +
                                         (pid.empty() ? "another process" : "process " + pid) +
                                         " (it holds the lock on " + lock_path + ")"};
}

}  // namespace

// A job on its way through the pool. libuv hands it back to the loop's thread, which frees it.
struct UvDisk::Work {
  uv_work_t request{};
  UvDisk* disk = nullptr;  // null: the disk is gone
  std::function<Status()> job;
  std::function<void(Status)> done;
  Status result = ok();
  std::binary_semaphore finished{0};

  static void run(uv_work_t* request) {
    auto& work = *static_cast<Work*>(request->data);
    work.result = work.job();
    work.finished.release();
  }

  static void after(uv_work_t* request, int) {
    const std::unique_ptr<Work> work(static_cast<Work*>(request->data));
    if (work->disk == nullptr) return;
    work->disk->pending_.erase(work.get());
    // Runs in the poll phase, so the turn of this iteration is still to come.
    work->done(std::move(work->result));
  }
};

UvDisk::~UvDisk() {
  for (Work* work : pending_) {
    work->finished.acquire();
    work->disk = nullptr;
    work->job = nullptr;
    work->done = nullptr;
  }
}

Result<std::unique_ptr<File>> UvDisk::open(const std::string& path, Open how) {
  // A pipe would be waited for.
  int flags = how == Open::read ? O_RDONLY | O_NONBLOCK : O_RDWR;
  if (how == Open::create) flags |= O_CREAT | O_EXCL;
  FileDescriptor file(
      retried([&] { return ::openat(AT_FDCWD, path.c_str(), flags | O_CLOEXEC, kDataMode); }));
  if (!file) {
    const int error = errno;
    return os_error((how == Open::create ? "cannot create " : "cannot open ") + path, error);
  }

  struct stat state {};

  if (how == Open::read && fstat(file.get(), &state) == 0 && !S_ISREG(state.st_mode)) {
    return Error{Errc::io, "cannot open " + path + ": it is not a regular file"};
  }
  return std::unique_ptr<File>(std::make_unique<UvFile>(std::move(file), path));
}

Result<std::vector<std::string>> UvDisk::list(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator each(directory, error);
  for (; !error && each != std::filesystem::directory_iterator(); each.increment(error)) {
    std::error_code gone_meanwhile;
    if (!each->is_directory(gone_meanwhile)) names.push_back(each->path().filename().string());
  }
  if (error) return os_error("cannot list the directory " + directory, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

Status UvDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return ok();
  const int error = errno;
  return os_error("cannot rename " + from + " to " + to, error);
}

Status UvDisk::remove(const std::string& path) { return remove_file(path); }

Status UvDisk::make_directory(const std::string& path) {
  const auto made = make_directories(path);
  return made ? ok() : Status(made.error());
}

Status UvDisk::sync_directory(const std::string& path) { return net::sync_directory(path); }

Result<std::unique_ptr<DirectoryLock>> UvDisk::lock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  FileDescriptor file(
      retried([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kDataMode); }));
  if (!file) {
    const int error = errno;
    return os_error("cannot create " + path, error);
  }
  if (retried([&] { return flock(file.get(), LOCK_EX | LOCK_NB); }) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK) return in_use(directory, path);
    return os_error("cannot lock " + path, error);
  }
  auto content = std::make_unique<UvFile>(std::move(file), path);
  // The process id is for people to read: without it (the disk is full) the lock holds as well.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (content->truncate(0)) static_cast<void>(content->write_at(0, {{pid}}));
  return std::unique_ptr<DirectoryLock>(std::make_unique<UvDirectoryLock>(std::move(content)));
}

std::string UvDisk::boot_id() {
  const Result<std::string> content = read_file("/proc/sys/kernel/random/boot_id");
  return content ? without_line_end(*content) : std::string();
}

void UvDisk::submit(std::function<Status()> job, std::function<void(Status)> done) {
  QUORIS_ASSERT(job != nullptr);
  QUORIS_ASSERT(done != nullptr);
  auto work = std::make_unique<Work>();
  work->request.data = work.get();
  work->disk = this;
  work->job = std::move(job);
  work->done = std::move(done);
  pending_.insert(work.get());
  const int status = uv_queue_work(loop_.raw(), &work.release()->request, &Work::run, &Work::after);
  QUORIS_ASSERT(status == 0);
}

}  // namespace quoris::net
