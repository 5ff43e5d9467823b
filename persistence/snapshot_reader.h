// SnapshotReader: reads the file of a snapshot, verified, frame by frame.
//
// Nothing is handed out that its frame's checksum doesn't cover, and a file whose end is not there,
// or doesn't count what was read, is corrupt: an error that names file and offset. What was handed
// out before it is not to be used then.
// Limits: one read-ahead buffer, and one value that goes in parts.
// Used by: recovery, check.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "persistence/snapshot_format.h"
#include "store/mutation.h"

namespace quoris::persistence {

class SnapshotReader {
 public:
  // Reads the head. Errors: not_found, io; corrupt; unsupported if a later version wrote it.
  [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(Disk& disk,
                                                                    const std::string& path);

  [[nodiscard]] const SnapshotHead& head() const { return head_; }

  // The mutations of the next frame (or of the next that go in parts) take the place of what is in
  // `out`; views are valid until the next call. False: there are no more, and end() is there.
  [[nodiscard]] Result<bool> next(std::vector<store::Mutation>& out);

  // REQUIRES: next() said false.
  [[nodiscard]] const SnapshotEnd& end() const { return end_; }

  [[nodiscard]] uint64_t size() const { return size_; }

  [[nodiscard]] uint64_t bytes_read() const { return offset_; }

 private:
  static constexpr size_t kReadAhead = size_t{2} << 20;
  static_assert(kReadAhead >= kFrameMax);

  SnapshotReader(std::unique_ptr<File> file, std::string path, uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  [[nodiscard]] Status read_head();
  [[nodiscard]] Status read_end(const Frame& frame);
  // The frame at offset_, which moves behind it.
  [[nodiscard]] Result<Frame> next_frame();
  [[nodiscard]] Status fill();
  [[nodiscard]] std::string_view ahead() const;
  [[nodiscard]] Error corrupt(uint64_t offset, std::string_view what) const;

  std::unique_ptr<File> file_;
  std::string path_;
  uint64_t size_;
  uint64_t offset_ = 0;
  LogPosition seed_{0};  // of the position of frames
  std::unique_ptr<char[]> buffer_;
  uint64_t buffer_begin_ = 0;  // offset in the file
  size_t buffer_size_ = 0;
  std::string parts_;
  uint64_t frames_ = 0;
  uint64_t mutations_ = 0;
  SnapshotHead head_;
  SnapshotEnd end_;
};

}  // namespace quoris::persistence
