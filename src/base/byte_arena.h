// ByteArena: copies of bytes that all live until the same moment.
//
// No allocation per copy: they lie behind each other in chunks, of which the first stays for the
// next time. What is larger than a chunk gets one of its own. Views stay valid until clear().
// Used by: server::Outbox.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace quoris {

class ByteArena {
 public:
  // Memory that stays between two uses, at most.
  static constexpr size_t kChunkBytes = size_t{64} * 1024;

  [[nodiscard]] std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > left_) add_chunk(bytes.size());
    char* const copied = next_;
    std::memcpy(copied, bytes.data(), bytes.size());
    next_ += bytes.size();
    left_ -= bytes.size();
    return {copied, bytes.size()};
  }

  void clear() {
    if (chunks_.empty()) return;
    if (chunks_.size() > 1) chunks_.resize(1);
    next_ = chunks_.front().get();
    left_ = kChunkBytes;
  }

 private:
  void add_chunk(size_t size) {
    // The first is of the size that clear() takes it for.
    if (chunks_.empty() && size > kChunkBytes) chunks_.emplace_back(new char[kChunkBytes]);
    left_ = size > kChunkBytes ? size : kChunkBytes;
    next_ = chunks_.emplace_back(new char[left_]).get();
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace quoris
