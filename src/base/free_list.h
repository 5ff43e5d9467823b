// A small stock of freed objects per thread, last in, first out: what is needed every turn of the
// loop shall cost no allocation. Empty under AddressSanitizer, which must see every use after free.
//
// Node has a member `Node* next_free` and a static `void destroy(Node*) noexcept`.
// Invariant: at most kMax nodes are held; the thread's end destroys them.
// Used by: ByteChain (chunks), resp::RequestReader (query buffers).
#pragma once

#include <cstddef>
#include <utility>

namespace quoris {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kFreeLists = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kFreeLists = false;
#else
inline constexpr bool kFreeLists = true;
#endif
#else
inline constexpr bool kFreeLists = true;
#endif

template <class Node, size_t kMax>
class FreeList {
 public:
  // The node that was put last; null when there is none.
  [[nodiscard]] static Node* take() noexcept {
    State& here = state;
    if (here.first == nullptr) return nullptr;
    here.count--;
    return std::exchange(here.first, here.first->next_free);
  }

  // Keeps `node`, or destroys it when the stock is full or the thread is ending.
  static void put(Node* node) noexcept {
    State& here = state;
    if (!kFreeLists || here.closed || here.count == kMax) {
      Node::destroy(node);
      return;
    }
    if (!here.guarded) {
      here.guarded = true;
      static thread_local Guard guard;
    }
    node->next_free = std::exchange(here.first, node);
    here.count++;
  }

 private:
  // Trivially destroyed, so that owners which outlive the guard (statics) may still use it.
  struct State {
    Node* first = nullptr;
    size_t count = 0;
    bool guarded = false;
    bool closed = false;
  };

  struct Guard {
    Guard() = default;
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    ~Guard() {
      State& here = state;
      here.closed = true;
      here.count = 0;
      while (here.first != nullptr) {
        Node::destroy(std::exchange(here.first, here.first->next_free));
      }
    }
  };

  static inline constinit thread_local State state{};
};

}  // namespace quoris
