// Proposals: changes of the map that this node has asked for, and what became of them.
//
// Each is with the leader, here or elsewhere, until it is applied, refused or given up. A leader
// that goes away may have taken it or not, so it is proposed again to the next one: changes bear
// that (map_change.h), and the second answer tells what holds.
//
// Invariants: `done` is called once per proposal, by whoever asks take_ready().
// Limits: the caller's (Options::proposals_max). Used by: Control. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "cluster/control/messages.h"
#include "cluster/topology/map_change.h"

namespace quoris::control {

struct ProposalResult {
  enum class Kind : uint8_t {
    applied,
    refused,      // by the map: `why`, `message`
    unreachable,  // no leader answered in time: it may still come about
  };

  Kind kind = Kind::unreachable;
  topology::Applied applied{};
  topology::Refusal why{};
  std::string message{};
};

using ProposalDone = std::function<void(const ProposalResult&)>;

class Proposals {
 public:
  struct Pending {
    std::string change;
    ProposalDone done;
    uint64_t send_at_us = 0;
    uint64_t give_up_at_us = 0;
    // What the leader has said; the result waits until the entry is applied here.
    LogIndex awaited{0};
    ProposalResult result{};
  };

  void add(std::string change, ProposalDone done, uint64_t now_us, uint64_t timeout_us);

  // Requests of each life have numbers of their own.
  void begin_life(BootNumber boot) { last_request_ = raw(boot) << 32U; }

  // That have no answer yet.
  [[nodiscard]] size_t size() const { return pending_.size(); }

  // Those that are to be sent now; each is due again after `retry_us`.
  [[nodiscard]] std::vector<Propose> take_due(uint64_t now_us, uint64_t retry_us);
  // When something is due, the maximum if nothing is.
  [[nodiscard]] uint64_t next_due_us() const;

  // The leader changed: all that has no answer is due at once.
  void send_again(uint64_t now_us);

  void on_answer(const ProposeAnswer& answer, LogIndex applied, uint64_t now_us, uint64_t retry_us);
  // The map has got there.
  void on_applied(LogIndex index);
  void give_up(uint64_t now_us);

  using Ready = std::pair<ProposalDone, ProposalResult>;

  [[nodiscard]] std::vector<Ready> take_ready() { return std::exchange(ready_, {}); }

 private:
  void settle(uint64_t request);

  std::map<uint64_t, Pending> pending_;
  std::vector<Ready> ready_;
  uint64_t last_request_ = 0;
};

// The leader's side: what it has proposed for others (and itself), by the index it is going to
// have. An entry of another term in its place: it was not to be.
class Requests {
 public:
  struct Request {
    NodeNumber from{0};
    uint64_t request = 0;
    Term term{0};
  };

  // The same request is under way already.
  [[nodiscard]] bool has(NodeNumber from, uint64_t request) const;

  void add(LogIndex index, const Request& request) { by_index_.emplace(index, request); }

  // All that waited for an entry up to `index`; `term` is the one of the entry at it.
  [[nodiscard]] std::vector<std::pair<LogIndex, Request>> take(LogIndex index);

  [[nodiscard]] size_t size() const { return by_index_.size(); }

  void clear() { by_index_.clear(); }

 private:
  std::multimap<LogIndex, Request> by_index_;
};

}  // namespace quoris::control
