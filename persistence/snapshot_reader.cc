#include "persistence/snapshot_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "persistence/mutation_codec.h"

namespace quoris::persistence {

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::open(Disk& disk, const std::string& path) {
  auto file = disk.open(path, Disk::Open::read);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(std::move(file).value(), path, *size));
  if (const Status read = reader->read_head(); !read) return read.error();
  return reader;
}

Error SnapshotReader::corrupt(uint64_t offset, std::string_view what) const {
  return {Errc::corrupt, fmt::format("{} is damaged at offset {}: {}", path_, offset, what)};
}

std::string_view SnapshotReader::ahead() const {
  return std::string_view(buffer_.get(), buffer_size_).substr(offset_ - buffer_begin_);
}

// A whole frame, or all that the file has.
Status SnapshotReader::fill() {
  const uint64_t buffered = buffer_begin_ + buffer_size_;
  if (buffered == size_ || buffered - offset_ >= kFrameMax) return ok();
  if (buffer_ == nullptr) buffer_.reset(new char[kReadAhead]);
  const std::string_view left = ahead();
  std::memmove(buffer_.get(), left.data(), left.size());
  buffer_begin_ = offset_;
  buffer_size_ = left.size();
  const size_t wanted = std::min<uint64_t>(kReadAhead - buffer_size_, size_ - buffered);
  const Result<size_t> read = file_->read_at(buffered, {buffer_.get() + buffer_size_, wanted});
  if (!read) return read.error();
  if (*read != wanted) return Error{Errc::io, path_ + ": shorter than it was"};
  buffer_size_ += wanted;
  return ok();
}

Result<Frame> SnapshotReader::next_frame() {
  if (const Status filled = fill(); !filled) return filled.error();
  Frame frame;
  switch (read_frame(ahead(), seed_ + offset_, frame)) {
    case FrameState::good:
      offset_ += frame.size();
      return frame;
    case FrameState::cut_short:
      return corrupt(offset_, "the file ends before it is complete");
    case FrameState::bad:
      break;
  }
  return corrupt(offset_, "the checksum doesn't fit");
}

Status SnapshotReader::read_head() {
  if (Status filled = fill(); !filled) return filled;
  if (!ahead().starts_with(kSnapshotMagic)) return corrupt(0, "this is no snapshot");
  offset_ = kSnapshotMagic.size();
  const Result<Frame> frame = next_frame();
  if (!frame) return frame.error();
  uint64_t version = 0;
  std::optional<SnapshotHead> head;
  if (frame->type == FrameType::snapshot_head) head = decode_snapshot_head(frame->payload, version);
  if (version > kSnapshotFormatVersion) {
    return Error{Errc::unsupported,
                 fmt::format("{} was written by a later version (format {})", path_, version)};
  }
  if (!head) return corrupt(kSnapshotMagic.size(), "this is no head of a snapshot");
  head_ = *head;
  seed_ = head_.begin;
  return ok();
}

Status SnapshotReader::read_end(const Frame& frame) {
  const uint64_t at = offset_ - frame.size();
  const auto end = decode_snapshot_end(frame.payload);
  if (!end || end->end < head_.begin) return corrupt(at, "this is no end of a snapshot");
  if (end->frames != frames_ || end->mutations != mutations_ || offset_ != size_) {
    return corrupt(at, "something is missing or too much");
  }
  end_ = *end;
  return ok();
}

Result<bool> SnapshotReader::next(std::vector<store::Mutation>& out) {
  out.clear();
  parts_ = std::string();  // it may have been large
  const uint64_t begin = offset_;
  bool continues = false;
  do {
    const Result<Frame> frame = next_frame();
    if (!frame) return frame.error();
    if (frame->type == FrameType::snapshot_end && !continues) {
      if (const Status read = read_end(*frame); !read) return read.error();
      return false;
    }
    if (frame->type != FrameType::mutations || frame->part.begins_earlier != continues) {
      return corrupt(offset_ - frame->size(), "this frame doesn't belong here");
    }
    ++frames_;
    continues = frame->part.continues;
    std::string_view payload = frame->payload;
    if (!frame->part.is_whole()) {
      parts_.append(payload);
      payload = parts_;
    }
    if (!continues && !decode_batches(payload, out)) {
      return corrupt(begin, "it holds no mutations that this version knows");
    }
  } while (continues);
  mutations_ += out.size();
  return true;
}

}  // namespace quoris::persistence
