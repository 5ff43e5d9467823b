// LoneRaft: one Raft with a test for its peers, its disk and its clock.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/raft/raft.h"
#include "sim/env/sim_env.h"

namespace quoris::raft::testing {

inline constexpr uint64_t kElectionUs = 500'000;
inline constexpr uint64_t kHeartbeatUs = 100'000;

using Numbers = std::vector<uint16_t>;

inline NodeNumber node(uint16_t number) { return NodeNumber{number}; }

inline Configuration voters(const Numbers& numbers) {
  Configuration configuration;
  for (const uint16_t number : numbers) configuration.voters.push_back(node(number));
  return configuration;
}

inline LogEntry entry_of(uint64_t index, uint64_t term, std::string payload = "x") {
  return {.index = LogIndex{index},
          .term = Term{term},
          .kind = EntryKind::command,
          .payload = std::move(payload)};
}

inline LogEntry configuration_entry(uint64_t index, uint64_t term,
                                    const Configuration& configuration) {
  return {.index = LogIndex{index},
          .term = Term{term},
          .kind = EntryKind::configuration,
          .payload = encode_configuration(configuration)};
}

// A log with these terms from index 1 on; the first entry says who votes.
inline StoredState log_of(const std::vector<uint64_t>& terms,
                          const Configuration& configuration = voters({1, 2, 3})) {
  StoredState state;
  for (const uint64_t term : terms) {
    const uint64_t index = state.entries.size() + 1;
    state.entries.push_back(index == 1 ? configuration_entry(1, term, configuration)
                                       : entry_of(index, term));
    state.hard_state.term = Term{term};
  }
  return state;
}

inline StoredState in_term(StoredState state, uint64_t term) {
  state.hard_state.term = Term{term};
  return state;
}

inline std::vector<uint64_t> terms_of(const RaftLog& log) {
  std::vector<uint64_t> terms;
  for (LogIndex i = log.base().index + 1; i <= log.last_index(); i = i + 1) {
    terms.push_back(raw(log.at(i).term));
  }
  return terms;
}

class LoneRaft {
 public:
  explicit LoneRaft(StoredState state, uint16_t self = 1, Options options = {}) {
    options.self = node(self);
    raft = std::make_unique<Raft>(options, std::move(state), *rng, now_us);
    take();
  }

  // --- what happens -----------------------------------------------------------------------------
  void step(uint16_t from, const Message& message) {
    raft->step(now_us, node(from), message);
    take();
  }

  void advance(uint64_t us) {
    now_us += us;
    raft->tick(now_us);
    take();
  }

  // Past all that quiet and the election timer ask for.
  void wait_out_silence() { now_us += kElectionUs + 1; }

  void persist_all() {
    if (!writes.empty()) raft->persisted(now_us, writes.back().sequence);
    take();
  }

  void take() {
    for (;;) {
      Output output = raft->take_output();
      if (output.is_empty()) return;
      if (output.restore != nullptr) restored = output.restore;
      for (Outgoing& each : output.messages) sent.push_back(std::move(each));
      for (LogEntry& each : output.committed) applied.push_back(std::move(each));
      if (!output.persist) continue;
      writes.push_back(*std::move(output.persist));
      if (is_disk_quick) raft->persisted(now_us, writes.back().sequence);
    }
  }

  // By an ordinary election with the votes of 2 and 3; the no-op is sent and not acknowledged.
  void become_leader() {
    wait_out_silence();
    while (raft->role() != Role::pre_candidate) advance(10'000);
    elect();
  }

  void elect() {
    const Term wanted{raw(raft->term()) + 1};
    for (const uint16_t voter : Numbers{2, 3}) vote(voter, wanted, true);
    persist_all();
    for (const uint16_t voter : Numbers{2, 3}) vote(voter, wanted, false);
    REQUIRE(raft->is_leader());
    REQUIRE(raft->term() == wanted);
  }

  void vote(uint16_t from, Term election, bool is_pre_vote) {
    const Term term{raw(election) - (is_pre_vote ? 1 : 0)};
    step(from,
         VoteReply{
             .term = term, .election = election, .is_pre_vote = is_pre_vote, .is_granted = true});
  }

  void acknowledge(uint16_t from, uint64_t index) { acknowledge(from, index, index); }

  void acknowledge(uint16_t from, uint64_t verified, uint64_t durable) {
    AppendReply reply;
    reply.term = raft->term();
    reply.is_accepted = true;
    reply.verified = LogIndex{verified};
    reply.durable = LogIndex{durable};
    step(from, reply);
  }

  // --- what it says -----------------------------------------------------------------------------
  // All messages of a kind to a node (0: to any), oldest first.
  template <class Kind>
  [[nodiscard]] std::vector<Kind> all(uint16_t to = 0) const {
    std::vector<Kind> found;
    for (const Outgoing& each : sent) {
      if (to != 0 && each.to != node(to)) continue;
      if (const Kind* message = std::get_if<Kind>(&each.message)) found.push_back(*message);
    }
    return found;
  }

  template <class Kind>
  [[nodiscard]] std::optional<Kind> last(uint16_t to = 0) const {
    std::vector<Kind> found = all<Kind>(to);
    if (found.empty()) return std::nullopt;
    return found.back();
  }

  [[nodiscard]] uint64_t commit() const { return raw(raft->commit_index()); }

  uint64_t now_us = 10'000'000;
  bool is_disk_quick = true;
  // Not moved with this, for the Raft refers to it.
  std::unique_ptr<sim::SimRng> rng = std::make_unique<sim::SimRng>(7);
  std::unique_ptr<Raft> raft;
  std::vector<Outgoing> sent;
  std::vector<Persist> writes;
  std::vector<LogEntry> applied;
  SnapshotPtr restored;
};

// A candidate's request in a term, with a log that ends so.
inline VoteRequest request(uint64_t term, uint64_t last_index, uint64_t last_term) {
  VoteRequest wanted;
  wanted.term = Term{term};
  wanted.last_index = LogIndex{last_index};
  wanted.last_term = Term{last_term};
  return wanted;
}

inline VoteRequest pre_vote(uint64_t term, uint64_t last_index, uint64_t last_term) {
  VoteRequest wanted = request(term, last_index, last_term);
  wanted.is_pre_vote = true;
  return wanted;
}

inline Heartbeat heartbeat(uint64_t term, uint64_t round = 1, uint64_t commit = 0) {
  return {.term = Term{term}, .round = round, .commit = LogIndex{commit}};
}

inline Append append_of(uint64_t term, uint64_t previous_index, uint64_t previous_term,
                        std::vector<LogEntry> entries = {}, uint64_t commit = 0) {
  return {.term = Term{term},
          .previous_index = LogIndex{previous_index},
          .previous_term = Term{previous_term},
          .commit = LogIndex{commit},
          .entries = std::move(entries)};
}

// Two Rafts talk to each other until they have nothing to say, or `messages_max` are exchanged.
// Returns how many.
inline size_t converse(LoneRaft& a, uint16_t a_number, LoneRaft& b, uint16_t b_number,
                       size_t messages_max = 1000) {
  size_t count = 0;
  while (count < messages_max) {
    std::vector<Outgoing> from_a = std::exchange(a.sent, {});
    std::vector<Outgoing> from_b = std::exchange(b.sent, {});
    std::erase_if(from_a, [&](const Outgoing& each) { return each.to != node(b_number); });
    std::erase_if(from_b, [&](const Outgoing& each) { return each.to != node(a_number); });
    if (from_a.empty() && from_b.empty()) break;
    for (const Outgoing& each : from_a) b.step(a_number, each.message);
    for (const Outgoing& each : from_b) a.step(b_number, each.message);
    count += from_a.size() + from_b.size();
  }
  return count;
}

}  // namespace quoris::raft::testing
