// Peers that say anything: what they send is dropped or believed, and never breaks an assertion.

#include <catch2/catch.hpp>

#include "tests/cluster/raft/lone_raft.h"

namespace quoris::raft::testing {

namespace {

// Messages of small numbers, so that many of them mean something to a small log.
class Babbler {
 public:
  explicit Babbler(uint64_t seed) : rng_(seed) {}

  [[nodiscard]] uint64_t below(uint64_t bound) { return rng_.below(bound); }

  [[nodiscard]] Message message(const Raft& raft) {
    Term term = raft.term();
    if (below(20) == 0) term = next(term);
    if (below(10) == 0) term = old_term(term);
    switch (below(9)) {
      case 0:
        return vote_request(term);
      case 1:
        return VoteReply{.term = term,
                         .election = Term{raw(term) + below(2)},
                         .is_pre_vote = below(2) == 0,
                         .is_granted = below(4) != 0};
      case 2:
      case 3:
        return append(raft, term);
      case 4:
        return append_reply(raft, term);
      case 5:
        return Heartbeat{.term = term, .round = below(5), .commit = index(raft)};
      case 6:
        return HeartbeatReply{.term = term, .round = below(20)};
      case 7:
        return chunk(raft, term);
      default:
        break;
    }
    if (below(2) == 0) return SnapshotReply{.term = term, .index = index(raft), .offset = below(9)};
    return TimeoutNow{.term = term, .lease_left_us = rng_.next()};
  }

 private:
  [[nodiscard]] LogIndex index(const Raft& raft) {
    if (below(50) == 0) return LogIndex{rng_.next()};
    const uint64_t last = raw(raft.last_index()) + 2;
    return LogIndex{last - std::min(last, below(8))};
  }

  [[nodiscard]] Term old_term(Term term) { return Term{raw(term) - std::min(raw(term), below(4))}; }

  [[nodiscard]] VoteRequest vote_request(Term term) {
    VoteRequest wanted = request(raw(term), below(20), raw(old_term(term)));
    wanted.is_pre_vote = below(2) == 0;
    wanted.is_transfer = below(4) == 0;
    return wanted;
  }

  // Half of them fit the log at their beginning.
  [[nodiscard]] Append append(const Raft& raft, Term term) {
    const LogIndex previous = index(raft);
    const Term at = raft.log().term_at(previous).value_or(old_term(term));
    Append message = append_of(raw(term), raw(previous), raw(below(4) == 0 ? old_term(term) : at));
    message.commit = index(raft);
    Term last = message.previous_term;
    for (uint64_t i = 1; i <= below(5); ++i) {
      if (below(3) == 0) last = Term{raw(last) + below(2)};
      LogEntry entry = entry_of(raw(previous) + i, raw(last));
      if (below(6) == 0) entry = configuration_entry(raw(previous) + i, raw(last), members());
      if (below(30) == 0) entry.kind = static_cast<EntryKind>(below(5));
      message.entries.push_back(std::move(entry));
    }
    return message;
  }

  [[nodiscard]] AppendReply append_reply(const Raft& raft, Term term) {
    AppendReply reply;
    reply.term = term;
    reply.is_accepted = below(2) == 0;
    reply.verified = index(raft);
    reply.durable = std::min(reply.verified, index(raft));
    reply.refused = index(raft);
    reply.hint_index = index(raft);
    reply.hint_term = old_term(term);
    return reply;
  }

  [[nodiscard]] SnapshotChunk chunk(const Raft& raft, Term term) {
    const uint64_t size = below(4);
    const uint64_t offset = below(size + 1);
    return {.term = term,
            .index = index(raft),
            .snapshot_term = old_term(term),
            .configuration = members(),
            .size = size,
            .offset = offset,
            .bytes = std::string(below(size - offset + 1), 'x')};
  }

  [[nodiscard]] Configuration members() {
    Configuration some = voters({1, 2, 3});
    if (below(3) == 0) some.learners.push_back(node(4));
    if (below(5) == 0) some.voters.erase(some.voters.begin());
    return some;
  }

  sim::SimRng rng_;
};

// Silence for a while, and the votes it takes.
void elect(LoneRaft& lone) {
  lone.advance(2 * kElectionUs);
  const Term wanted = next(lone.raft->term());
  for (const bool is_pre_vote : {true, false}) {
    for (const uint16_t voter : Numbers{2, 3}) lone.vote(voter, wanted, is_pre_vote);
    lone.persist_all();
  }
}

void do_something(LoneRaft& lone, Babbler& babbler) {
  Raft& raft = *lone.raft;
  if (babbler.below(60) == 0) elect(lone);
  switch (babbler.below(12)) {
    case 0:
      lone.advance(babbler.below(150'000));
      break;
    case 1:
      lone.persist_all();
      break;
    case 2:
      (void)raft.propose(lone.now_us, "mine");
      break;
    case 3:
      (void)raft.propose_change(lone.now_us,
                                {.kind = static_cast<ChangeKind>(babbler.below(4)),
                                 .node = node(static_cast<uint16_t>(babbler.below(6)))});
      break;
    case 4:
      (void)raft.hand_over(lone.now_us, node(static_cast<uint16_t>(babbler.below(5))));
      break;
    case 5:
      (void)raft.compact(LogIndex{raw(raft.applied_index()) - babbler.below(2)}, "state");
      break;
    default:
      lone.step(static_cast<uint16_t>(babbler.below(6)), babbler.message(raft));
      break;
  }
  lone.take();
}

}  // namespace

TEST_CASE("hostile peers: whatever they say, a node stands", "[raft]") {
  uint64_t elections = 0;
  uint64_t restored = 0;
  uint64_t committed = 0;  // by a leader
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Babbler babbler(seed);
    Options options;
    options.entries_kept = seed % 4;
    LoneRaft lone(log_of({1, 1, 2}), 1, options);
    lone.is_disk_quick = seed % 2 == 0;
    bool was_leader = false;
    for (int i = 0; i < 2000; ++i) {
      const LogIndex applied = lone.raft->applied_index();
      const Term term = lone.raft->term();
      const LogIndex commit = lone.raft->commit_index();
      do_something(lone, babbler);
      if (was_leader && lone.raft->commit_index() > commit) ++committed;
      REQUIRE(lone.raft->applied_index() >= applied);
      REQUIRE(lone.raft->term() >= term);
      REQUIRE(lone.raft->applied_index() <= lone.raft->commit_index());
      REQUIRE(lone.raft->commit_index() <= lone.raft->last_index());
      if (lone.raft->is_leader() && !was_leader) ++elections;
      was_leader = lone.raft->is_leader();
      lone.sent.clear();
    }
    if (lone.restored != nullptr) ++restored;
  }
  // They got somewhere.
  REQUIRE(elections > 60);
  REQUIRE(committed > 60);
  REQUIRE(restored > 30);
}

}  // namespace quoris::raft::testing
