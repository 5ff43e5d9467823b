#include "base/byte_chain.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/free_list.h"

namespace quoris {

namespace {

// Up to this size splice() copies. A linked chunk holds more than a quarter of what it occupies.
constexpr size_t kSpliceCopyMax = ByteChain::kChunkSize / 4;

// A gap is made only where as many bytes can follow it in the same block.
constexpr size_t kRoomBehindGap = 64;

}  // namespace

struct ByteChain::Block {
  size_t bytes;  // of the whole allocation
  Block* next_free;

  static void destroy(Block* block) noexcept { std::free(block); }
};

struct ByteChain::Chunk {
  Chunk* next;
  Block* block;
  char* begin;
  char* end;  // stale in the tail: write_ counts there
  bool open;  // a gap that was not filled yet
};

ByteChain::Block* ByteChain::take_block(size_t bytes) {
  if (bytes == kChunkSize) {
    Block* pooled = FreeList<Block, kPooledMax>::take();
    if (pooled != nullptr) return pooled;
  }
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return new (memory) Block{bytes, nullptr};
}

void ByteChain::give_back(Block* block) noexcept {
  if (block->bytes == kChunkSize) {
    FreeList<Block, kPooledMax>::put(block);
  } else {
    Block::destroy(block);
  }
}

ByteChain::ByteChain(ByteChain&& other) noexcept { take(other); }

ByteChain& ByteChain::operator=(ByteChain&& other) noexcept {
  if (this != &other) {
    clear();
    take(other);
  }
  return *this;
}

ByteChain::~ByteChain() { clear(); }

void ByteChain::take(ByteChain& other) noexcept {
  head_ = std::exchange(other.head_, nullptr);
  tail_ = std::exchange(other.tail_, nullptr);
  write_ = std::exchange(other.write_, nullptr);
  limit_ = std::exchange(other.limit_, nullptr);
  size_ = std::exchange(other.size_, 0);
  memory_ = std::exchange(other.memory_, 0);
  open_gaps_ = std::exchange(other.open_gaps_, 0);
}

size_t ByteChain::held(const Chunk* chunk) const noexcept {
  return static_cast<size_t>((chunk == tail_ ? write_ : chunk->end) - chunk->begin);
}

void ByteChain::link(Chunk* chunk) {
  if (tail_ != nullptr) {
    tail_->end = write_;
    tail_->next = chunk;
  } else {
    head_ = chunk;
  }
  tail_ = chunk;
  write_ = chunk->begin;
}

void ByteChain::add_block(size_t room_wanted) {
  constexpr size_t kHeaders = sizeof(Block) + sizeof(Chunk);
  Block* block = take_block(std::max(kChunkSize, kHeaders + room_wanted));
  char* base = reinterpret_cast<char*>(block);
  char* begin = base + kHeaders;
  link(new (base + sizeof(Block)) Chunk{nullptr, block, begin, begin, false});
  limit_ = base + block->bytes;
  memory_ += block->bytes;
}

void ByteChain::add_reserved(size_t count) {
  QUORIS_ASSERT(count <= kChunkSize / 2);
  add_block(count);
}

void ByteChain::append_slow(std::string_view bytes) {
  const size_t first = std::min(room(), bytes.size());
  if (first > 0) copy_in(bytes.substr(0, first));
  bytes.remove_prefix(first);
  if (bytes.empty()) return;
  add_block(bytes.size());
  copy_in(bytes);
}

ByteChain::Gap ByteChain::gap() {
  constexpr size_t kAlign = alignof(Chunk);
  constexpr size_t kNeeded = kAlign - 1 + 2 * sizeof(Chunk) + kGapBytes + kRoomBehindGap;
  static_assert(kGapBytes % kAlign == 0);
  if (room() < kNeeded) add_block(kNeeded);

  Block* block = tail_->block;
  const size_t misaligned = reinterpret_cast<uintptr_t>(write_) % kAlign;
  char* at = write_ + (misaligned == 0 ? 0 : kAlign - misaligned);
  char* place = at + sizeof(Chunk);
  auto* hole = new (at) Chunk{nullptr, block, place, place, true};
  char* behind = place + kGapBytes;
  char* rest = behind + sizeof(Chunk);
  link(hole);
  link(new (behind) Chunk{nullptr, block, rest, rest, false});
  open_gaps_++;
  return Gap{hole};
}

void ByteChain::fill(Gap gap, std::string_view bytes) {
  auto* hole = static_cast<Chunk*>(gap.chunk);
  QUORIS_ASSERT(hole != nullptr);
  QUORIS_ASSERT(hole->open);
  QUORIS_ASSERT(bytes.size() <= kGapBytes);
  bytes.copy(hole->begin, bytes.size());
  hole->end = hole->begin + bytes.size();
  hole->open = false;
  open_gaps_--;
  size_ += bytes.size();
}

void ByteChain::splice(ByteChain&& other) {
  QUORIS_ASSERT(this != &other);
  QUORIS_ASSERT(other.open_gaps_ == 0);
  if (head_ == nullptr) {
    take(other);
    return;
  }
  if (other.size_ <= kSpliceCopyMax) {
    for (const Chunk* chunk = other.head_; chunk != nullptr; chunk = chunk->next) {
      append({chunk->begin, other.held(chunk)});
    }
    other.clear();
    return;
  }
  tail_->end = write_;
  tail_->next = std::exchange(other.head_, nullptr);
  tail_ = std::exchange(other.tail_, nullptr);
  write_ = std::exchange(other.write_, nullptr);
  limit_ = std::exchange(other.limit_, nullptr);
  size_ += std::exchange(other.size_, 0);
  memory_ += std::exchange(other.memory_, 0);
}

void ByteChain::pieces(std::vector<std::string_view>& out, size_t limit) const {
  out.clear();
  for (const Chunk* chunk = head_; chunk != nullptr && out.size() < limit; chunk = chunk->next) {
    const size_t bytes = held(chunk);
    if (bytes > 0) out.emplace_back(chunk->begin, bytes);
  }
}

void ByteChain::consume(size_t count) {
  QUORIS_ASSERT(count <= size_);
  size_ -= count;
  while (count > 0) {
    QUORIS_ASSERT(head_ != nullptr);
    const size_t bytes = held(head_);
    if (bytes > count) {
      head_->begin += count;
      return;
    }
    count -= bytes;
    if (head_ == tail_) {
      head_->begin = write_;
      break;
    }
    drop_head();
  }
  if (size_ == 0 && open_gaps_ == 0) {
    clear();
    return;
  }
  while (head_ != tail_ && !head_->open && held(head_) == 0) drop_head();
}

// REQUIRES: there is a head.
void ByteChain::drop_head() noexcept {
  const Chunk* gone = head_;
  Block* block = gone->block;
  if (gone->open) open_gaps_--;
  head_ = gone->next;
  // The chunks of a block follow each other in the chain, so the last of them takes it along.
  if (head_ != nullptr && head_->block == block) return;
  memory_ -= block->bytes;
  give_back(block);
}

void ByteChain::clear() noexcept {
  while (head_ != nullptr) drop_head();
  tail_ = nullptr;
  write_ = nullptr;
  limit_ = nullptr;
  size_ = 0;
}

}  // namespace quoris
