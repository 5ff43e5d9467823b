// Subscriptions: what one connection is subscribed to.
//
// Changed by PubSub only, which keeps the other direction. Also where messages to the connection
// are put while a command of its own runs: in front of the command's reply, for a message within a
// reply would take the place of one of its elements.
// Used by: session (owns), pubsub, dispatcher.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/byte_chain.h"

namespace quoris::server {

struct Subscriptions {
  using Names = std::set<std::string, std::less<>>;

  Names channels;
  Names patterns;
  Names shard_channels;
  size_t name_bytes = 0;

  [[nodiscard]] size_t total() const {
    return channels.size() + patterns.size() + shard_channels.size();
  }

  [[nodiscard]] size_t memory() const {
    constexpr size_t kNode = sizeof(std::string) + 4 * sizeof(void*);
    return sizeof(Subscriptions) + total() * kNode + name_bytes;
  }

  // From here on `out` collects the reply of a command, and inbox() what comes before it.
  void hold_reply(ByteChain& out) {
    ahead_ = std::move(out);
    holding_ = true;
  }

  void release_reply(ByteChain& out) {
    ahead_.splice(std::move(out));
    out = std::move(ahead_);
    holding_ = false;
  }

  // Where messages go; `out`: the session's output.
  [[nodiscard]] ByteChain& inbox(ByteChain& out) { return holding_ ? ahead_ : out; }

 private:
  ByteChain ahead_;
  bool holding_ = false;
};

}  // namespace quoris::server
