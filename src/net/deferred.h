// Deferred: something the event loop runs once, right behind the next turn.
//
// A stream must not call its handler from within a call of that handler (a write that fails, a
// close that is through at once), and an end of stream must not overtake the requests that were
// read with it. Both wait here. The link takes itself out of the list when it is destroyed.
// Used by: EventLoop (runs), UvStream (waits).
#pragma once

namespace quoris::net {

// A node of a circular list; alone, it points to itself.
class DeferredLink {
 public:
  DeferredLink() = default;
  DeferredLink(const DeferredLink&) = delete;
  DeferredLink& operator=(const DeferredLink&) = delete;

  ~DeferredLink() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != this; }

  [[nodiscard]] DeferredLink* next() const noexcept { return next_; }

  void unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = this;
    next_ = this;
  }

  // REQUIRES: !linked().
  void insert_before(DeferredLink& other) noexcept {
    previous_ = other.previous_;
    next_ = &other;
    previous_->next_ = this;
    other.previous_ = this;
  }

  // Takes this head's place in its list; the head is empty afterwards.
  void take_over(DeferredLink& head) noexcept {
    if (!head.linked()) return;
    insert_before(head);
    head.unlink();
  }

 private:
  DeferredLink* previous_ = this;
  DeferredLink* next_ = this;
};

class Deferred : private DeferredLink {
 public:
  // The object may be destroyed within.
  virtual void run_deferred() = 0;

 protected:
  Deferred() = default;
  ~Deferred() = default;

 private:
  friend class EventLoop;
};

}  // namespace quoris::net
