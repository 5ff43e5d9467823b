// A queue of bytes in chunks: what a session has to say and the socket has not taken yet.
//
// Appending never moves bytes that are already in it, so a gap can be reserved and filled later
// (the header of an array whose length is not known yet). An empty chain holds no memory, so an
// idle connection costs nothing; freed chunks go to a small per-thread pool.
// Invariant: no chunk but the last one and open gaps is empty at the front; size() is what
// pieces() would show.
// Used by: resp::ReplyWriter (fills), server::Session (owns), Stream implementations (drain).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace quoris {

class ByteChain {
 public:
  // Usual size of a chunk in bytes, its header included; a larger append gets a chunk of its own.
  static constexpr size_t kChunkSize = 16UL * 1024;

  // Chunks that a thread keeps for reuse, at most. Costs kPooledMax * kChunkSize after a burst
  // (2 MiB), saves an allocation per turn for that many clients answered in one turn.
  static constexpr size_t kPooledMax = 128;

  // Names a gap made by gap(). Valid until the chain is cleared, spliced away or consumed past
  // it; a move of the chain takes its gaps along.
  struct Gap {
    void* chunk = nullptr;
  };

  ByteChain() = default;
  ByteChain(ByteChain&& other) noexcept;
  ByteChain& operator=(ByteChain&& other) noexcept;
  ByteChain(const ByteChain&) = delete;
  ByteChain& operator=(const ByteChain&) = delete;
  ~ByteChain();

  [[nodiscard]] size_t size() const noexcept { return size_; }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  // Bytes of memory held, for the accounting of output buffers.
  [[nodiscard]] size_t memory() const noexcept { return memory_; }

  void append(std::string_view bytes) {
    if (bytes.size() <= room()) [[likely]] {
      copy_in(bytes);
    } else {
      append_slow(bytes);
    }
  }

  // At least `count` contiguous bytes to write to, then commit what was written (at most count).
  // REQUIRES: count <= kChunkSize / 2.
  [[nodiscard]] char* reserve(size_t count) {
    if (count > room()) [[unlikely]]
      add_reserved(count);
    return write_;
  }

  // REQUIRES: reserve() was the last call, with at least `count`.
  void commit(size_t count) noexcept {
    write_ += count;
    size_ += count;
  }

  // Leaves a place where up to kGapBytes can be put later, with fill(). Size counts on filling.
  static constexpr size_t kGapBytes = 32;
  [[nodiscard]] Gap gap();
  // REQUIRES: the gap is of this chain and was not filled yet; bytes.size() <= kGapBytes.
  void fill(Gap gap, std::string_view bytes);

  // All of `other` behind what is here; other is empty afterwards. Little is copied, much is
  // linked, so that many small chains don't add up to many chunks that are nearly empty.
  // REQUIRES: other has no open gap and is not this chain.
  void splice(ByteChain&& other);

  // Replaces what is in `out` by up to `limit` pieces from the front, in order, without empty
  // ones. They are valid until the next call that is not const.
  void pieces(std::vector<std::string_view>& out, size_t limit) const;

  // Drops `count` bytes from the front. REQUIRES: count <= size().
  void consume(size_t count);

  void clear() noexcept;

 private:
  struct Block;  // one allocation: chunks behind each other, parted by gaps
  struct Chunk;  // where a run of bytes begins and ends; lies in the block before its bytes

  [[nodiscard]] size_t room() const noexcept { return static_cast<size_t>(limit_ - write_); }

  void copy_in(std::string_view bytes) noexcept {
    bytes.copy(write_, bytes.size());
    commit(bytes.size());
  }

  void append_slow(std::string_view bytes);
  void add_reserved(size_t count);
  void add_block(size_t room_wanted);
  void link(Chunk* chunk);
  void drop_head() noexcept;
  void take(ByteChain& other) noexcept;
  [[nodiscard]] size_t held(const Chunk* chunk) const noexcept;
  [[nodiscard]] static Block* take_block(size_t bytes);
  static void give_back(Block* block) noexcept;

  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  char* write_ = nullptr;  // end of the tail's bytes, the only place where it is kept
  char* limit_ = nullptr;  // end of the tail's block
  size_t size_ = 0;
  size_t memory_ = 0;
  size_t open_gaps_ = 0;
};

}  // namespace quoris
