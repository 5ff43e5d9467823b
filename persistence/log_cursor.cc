#include "persistence/log_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "persistence/paths.h"

namespace quoris::persistence {

void LogCursor::seek(LogPosition position) {
  at_ = position;
  open_file(files_.index_of(position));
}

void LogCursor::open_file(size_t index) {
  index_ = index;
  file_.reset();
  buffer_begin_ = at_;
  buffer_size_ = 0;
}

// A whole frame, or all that the file has.
bool LogCursor::has_enough() const {
  const LogPosition buffered = buffer_begin_ + buffer_size_;
  return buffered >= current().end || distance(at_, buffered) >= kFrameMax;
}

bool LogCursor::moves_buffer() const { return at_ == current().end || !has_enough(); }

bool LogCursor::fill() {
  if (has_enough()) return true;
  if (file_ == nullptr) {
    auto file = disk_.open(join(files_.directory, current().name), Disk::Open::read);
    if (!file) {
      error_ = file.error();
      return false;
    }
    file_ = std::move(file).value();
  }
  if (buffer_ == nullptr) buffer_.reset(new char[kReadAhead]);
  const std::string_view left = ahead();
  std::memmove(buffer_.get(), left.data(), left.size());
  buffer_begin_ = at_;
  buffer_size_ = left.size();
  const LogPosition from = buffer_begin_ + buffer_size_;
  const size_t wanted = std::min(kReadAhead - buffer_size_, distance(from, current().end));
  const Result<size_t> read = file_->read_at(segment_offset(current().head.begin, from),
                                             {buffer_.get() + buffer_size_, wanted});
  if (read && *read == wanted) {
    buffer_size_ += wanted;
    return true;
  }
  error_ = read ? Error{Errc::io, join(files_.directory, current().name) + ": shorter than it was"}
                : read.error();
  return false;
}

LogCursor::Step LogCursor::at_end_of_file() {
  if (is_last()) return Step::end;
  const LogPosition next = files_.chain[index_ + 1].head.begin;
  if (next != at_) {
    problem_ = fmt::format("{} bytes are missing before the next file", distance(at_, next));
    return Step::fault;
  }
  open_file(index_ + 1);
  return Step::frame;
}

LogCursor::Step LogCursor::next(Frame& frame) {
  while (at_ >= current().end) {
    if (at_ > current().end) {
      problem_ = "the file ends before";
      return Step::fault;
    }
    if (const Step step = at_end_of_file(); step != Step::frame) return step;
  }
  if (!fill()) return Step::failed;
  switch (read_frame(ahead(), at_, frame)) {
    case FrameState::good:
      at_ = at_ + frame.size();
      return Step::frame;
    case FrameState::cut_short:
      problem_ = "the file ends within a frame";
      return Step::fault;
    case FrameState::bad:
      break;
  }
  problem_ = "a frame is damaged";
  return Step::fault;
}

LogCursor::Step LogCursor::find_good(LogPosition position) {
  at_ = std::max(position, files_.chain.front().head.begin);
  open_file(files_.index_of(at_));
  for (;;) {
    for (; at_ < current().end; at_ = at_ + 1) {
      if (!fill()) return Step::failed;
      if (!may_be_frame(ahead(), FrameType::mutations)) continue;
      Frame frame;
      if (read_frame(ahead(), at_, frame) == FrameState::good) return Step::frame;
    }
    if (is_last()) return Step::end;
    at_ = files_.chain[index_ + 1].head.begin;
    open_file(index_ + 1);
  }
}

LogFault LogCursor::place(LogPosition position, std::string what) const {
  const LogFile& file = files_.chain[files_.index_of(position)];
  return {.file = file.name,
          .offset = segment_offset(file.head.begin, position),
          .at = position,
          .what = std::move(what)};
}

}  // namespace quoris::persistence
