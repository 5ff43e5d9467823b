// FileDescriptor: owns a descriptor and closes it.
//
// Used by: files.cc, listener.cc, sockets.cc, uv_timers.cc, uv_transport.cc.
#pragma once

#include <unistd.h>

#include <utility>

namespace quoris::net {

class FileDescriptor {
 public:
  FileDescriptor() = default;

  explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}

  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}

  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
  }

  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  ~FileDescriptor() { reset(); }

  explicit operator bool() const noexcept { return descriptor_ >= 0; }

  [[nodiscard]] int get() const noexcept { return descriptor_; }

  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

  void reset() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_ = -1;
};

}  // namespace quoris::net
