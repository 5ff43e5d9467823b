#include "persistence/log_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace quoris::persistence {

class LogBuffer::Chunk {
 public:
  // Not std::string or make_unique: they would write zeros over it first.
  explicit Chunk(size_t capacity) : data_(new char[capacity]), capacity_(capacity) {}

  [[nodiscard]] char* data() { return data_.get(); }

  [[nodiscard]] char* limit() { return data_.get() + capacity_; }

  [[nodiscard]] size_t capacity() const { return capacity_; }

  void begin_at(LogPosition position) {
    begin_ = position;
    size_ = 0;
  }

  void grow(size_t bytes) { size_ += bytes; }

  [[nodiscard]] LogPosition begin() const { return begin_; }

  [[nodiscard]] LogPosition end() const { return begin_ + size_; }

  // REQUIRES: begin() <= from <= to <= end().
  [[nodiscard]] std::string_view view(LogPosition from, LogPosition to) const {
    return {data_.get() + distance(begin_, from), distance(from, to)};
  }

 private:
  std::unique_ptr<char[]> data_;
  size_t capacity_;
  LogPosition begin_{0};
  size_t size_ = 0;  // sealed
};

void LogBuffer::append(std::span<const store::Mutation> batch) {
  const size_t size_max = MutationEncoder::size_max(batch);
  const bool fits = frame_ != nullptr && room() >= size_max &&
                    static_cast<size_t>(write_ - frame_) + size_max <= kFrameMax;
  if (!fits) begin_frame(size_max);
  write_ = encoder_.encode(batch, write_);
  // Nothing is added to a frame that is too large already: no other batch may be in its parts.
  if (static_cast<size_t>(write_ - frame_) > kFrameMax) seal_open_frame();
}

void LogBuffer::finish_turn(LogPosition synced) {
  synced_ = synced;
  if (frame_ != nullptr) seal_open_frame();
}

void LogBuffer::mark(LogPosition synced) {
  QUORIS_ASSERT(frame_ == nullptr);
  const LogPosition batches_end = batches_end_;
  begin_frame(0);
  finish_turn(synced);
  batches_end_ = batches_end;
}

void LogBuffer::begin_frame(size_t room_wanted) {
  if (frame_ != nullptr) seal_open_frame();
  const size_t headers = 1 + room_wanted / kFramePayloadMax;
  const size_t wanted = headers * kFrameHeaderSize + room_wanted;
  if (room() < wanted) add_chunk(std::max(kChunkBytes, wanted));
  frame_ = write_;
  write_ += kFrameHeaderSize;
  encoder_.restart();
}

void LogBuffer::add_chunk(size_t capacity) {
  ChunkPtr chunk;
  if (capacity == kChunkBytes && !spare_.empty()) {
    chunk = std::move(spare_.back());
    spare_.pop_back();
  } else {
    chunk = std::make_shared<Chunk>(capacity);
  }
  chunk->begin_at(sealed_);
  write_ = chunk->data();
  limit_ = chunk->limit();
  chunks_.push_back(std::move(chunk));
}

void LogBuffer::seal_open_frame() {
  const auto payload = static_cast<size_t>(write_ - frame_) - kFrameHeaderSize;
  if (payload > kFramePayloadMax) {
    seal_in_parts(frame_, payload);
  } else {
    seal_frame(frame_, payload, {.at = sealed_, .synced = synced_});
  }
  const auto size = static_cast<size_t>(write_ - frame_);
  chunks_.back()->grow(size);
  sealed_ = sealed_ + size;
  said_ = synced_;
  batches_end_ = sealed_;
  frame_ = nullptr;
}

// Makes room for a header before each part but the first, which has one: from the last on, so that
// every byte is moved once.
void LogBuffer::seal_in_parts(char* frame, size_t payload) {
  const size_t parts = (payload + kFramePayloadMax - 1) / kFramePayloadMax;
  for (size_t part = parts; part-- > 0;) {
    const size_t begin = part * kFramePayloadMax;
    const size_t size = std::min(kFramePayloadMax, payload - begin);
    char* const at = frame + part * kFrameMax;
    std::memmove(at + kFrameHeaderSize, frame + kFrameHeaderSize + begin, size);
    seal_frame(at, size,
               {.part = {.begins_earlier = part > 0, .continues = part + 1 < parts},
                .at = sealed_ + part * kFrameMax,
                .synced = synced_});
  }
  write_ = frame + payload + parts * kFrameHeaderSize;
  QUORIS_ASSERT(write_ <= limit_);
}

void LogBuffer::pieces(LogPosition from, LogPosition to, Pieces& out) const {
  QUORIS_ASSERT(released_ <= from && from <= to && to <= sealed_);
  out.views.clear();
  out.chunks.clear();
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend() && (*chunk)->end() > from; ++chunk) {
    if ((*chunk)->begin() >= to) continue;
    out.views.push_back(
        (*chunk)->view(std::max(from, (*chunk)->begin()), std::min(to, (*chunk)->end())));
    out.chunks.push_back(*chunk);
  }
  std::reverse(out.views.begin(), out.views.end());
}

void LogBuffer::release(LogPosition to) {
  QUORIS_ASSERT(released_ <= to && to <= sealed_);
  released_ = to;
  while (!chunks_.empty() && chunks_.front()->end() <= to) {
    ChunkPtr& front = chunks_.front();
    const bool is_last = chunks_.size() == 1;
    if (is_last && frame_ != nullptr) return;
    if (is_last && front.use_count() == 1 && front->capacity() == kChunkBytes) {
      // Nobody looks at it any more: begin it again.
      front->begin_at(sealed_);
      write_ = front->data();
      return;
    }
    if (is_last) write_ = limit_ = nullptr;
    if (front.use_count() == 1 && front->capacity() == kChunkBytes && spare_.size() < kSpareMax) {
      spare_.push_back(std::move(front));
    }
    chunks_.pop_front();
  }
}

}  // namespace quoris::persistence
