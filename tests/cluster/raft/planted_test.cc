// Every checker has been seen to fail: each planted bug (base/planted.h) is found by a directed
// case, by random seeds, or both.

#include "base/planted.h"

#include <catch2/catch.hpp>

#include "tests/cluster/raft/lone_raft.h"
#include "tests/cluster/raft/simulated_cluster.h"

namespace quoris::raft::testing {

namespace {

class Planted {
 public:
  explicit Planted(std::string_view name) { plant_bug(name); }

  ~Planted() { plant_bug({}); }

  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

// The number of the first seed that finds it; 0: none did.
uint64_t seeds_until_found(uint64_t seeds_max, std::string& violation) {
  for (uint64_t seed = 1; seed <= seeds_max; ++seed) {
    SimulatedCluster cluster(random_setup(seed, seed % 2 == 0 ? 3 : 5));
    violation = cluster.run(15'000'000);
    if (!violation.empty()) return seed;
  }
  return 0;
}

void require_found(std::string_view bug, uint64_t seeds_max) {
  if (!kHasPlantedBugs) return;
  const Planted planted(bug);
  std::string violation;
  const uint64_t seed = seeds_until_found(seeds_max, violation);
  INFO(bug << ": " << violation << " (seed " << seed << ")");
  REQUIRE(seed != 0);
}

// Runs a directed case without the bug and with it: the first must hold, the second must not.
void require_found_by(std::string_view bug, const std::function<bool()>& holds) {
  INFO(bug);
  REQUIRE(holds());
  if (!kHasPlantedBugs) return;
  const Planted planted(bug);
  REQUIRE_FALSE(holds());
}

// As above; what is violated is said in these words.
void require_found_as(std::string_view bug, std::string_view words,
                      const std::function<std::string()>& violation_of) {
  INFO(bug);
  REQUIRE(violation_of().empty());
  if (!kHasPlantedBugs) return;
  const Planted planted(bug);
  const std::string violation = violation_of();
  INFO(violation);
  REQUIRE(violation.find(words) != std::string::npos);
}

// --- directed cases
// -------------------------------------------------------------------------------

// A voter's vote is lost with the power before it was durable, and it votes again in the same term.
bool vote_survives_a_power_cut() {
  LoneRaft before(log_of({1}));
  before.wait_out_silence();
  before.is_disk_quick = false;
  before.step(2, request(5, 1, 1));
  const bool was_told = before.last<VoteReply>(2) && before.last<VoteReply>(2)->is_granted;
  LoneRaft after(log_of({1}));
  after.wait_out_silence();
  after.step(3, request(5, 1, 1));
  return !(was_told && after.last<VoteReply>(3)->is_granted);
}

// The same by whole nodes. A and C, cut off from B, elect A; the power of C goes as soon as it has
// voted, and takes a vote that isn't durable; back again, it and B elect B.
bool terms_have_one_leader() {
  int tried = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SimulatedCluster cluster({.seed = seed, .disk_us_max = 200'000});
    uint16_t a = 0;
    uint16_t c = 0;
    bool has_voted = false;
    cluster.filter = [&](uint16_t from, uint16_t to, const Message& message) {
      const auto* asked = std::get_if<VoteRequest>(&message);
      if (a == 0 && asked != nullptr && !asked->is_pre_vote) {
        a = from;
        c = to;
      }
      if (a == 0) return true;
      const auto* answer = std::get_if<VoteReply>(&message);
      if (from == c && answer != nullptr && !answer->is_pre_vote && answer->is_granted)
        has_voted = true;
      return (from != a && to != a) || from == c || to == c;
    };
    // Where C was a candidate itself the votes are split.
    if (!cluster.advance_until([&] { return has_voted; }, 3'000'000)) continue;
    ++tried;
    cluster.crash(c);
    cluster.advance(200'000);
    cluster.cut(a, c);
    cluster.start(c);
    cluster.advance(3'000'000);
    if (!cluster.violation().empty()) return false;
  }
  REQUIRE(tried > 20);
  return true;
}

// Figure 3.7: (c) the entry of term 2 is on a majority, (d) another one overwrites it.
bool figure_3_7_holds() {
  LoneRaft one(in_term(log_of({1, 2}, voters({1, 2, 3, 4, 5})), 3));
  one.become_leader();
  one.acknowledge(2, 2);
  one.acknowledge(3, 2);
  const bool is_committed = one.commit() >= 2;
  LoneRaft five(in_term(log_of({1, 3}, voters({1, 2, 3, 4, 5})), 4), 5);
  five.wait_out_silence();
  five.advance(2 * kElectionUs);
  for (const uint16_t voter : Numbers{2, 3}) five.vote(voter, Term{5}, true);
  LoneRaft two(in_term(log_of({1, 2}, voters({1, 2, 3, 4, 5})), 4), 2);
  two.wait_out_silence();
  two.step(5, *five.last<VoteRequest>(2));
  const bool is_overwritten = two.last<VoteReply>(5)->is_granted;
  return !(is_committed && is_overwritten);
}

bool acks_say_what_is_durable() {
  LoneRaft lone(log_of({1}));
  lone.step(2, heartbeat(2));
  lone.is_disk_quick = false;
  lone.step(2, append_of(2, 1, 1, {entry_of(2, 2)}));
  return lone.last<AppendReply>()->durable == LogIndex{1};
}

bool acks_say_what_was_verified() {
  LoneRaft lone(log_of({1, 2, 2}));
  lone.step(2, append_of(3, 1, 1));
  return lone.last<AppendReply>()->durable == LogIndex{1};
}

bool leader_counts_what_is_durable() {
  LoneRaft lone(log_of({1}));
  lone.become_leader();
  lone.is_disk_quick = false;
  REQUIRE(lone.raft->propose(lone.now_us, "x"));
  lone.take();
  lone.acknowledge(2, 3);
  return lone.commit() == 2;
}

bool voters_are_quiet_within_the_lease() {
  LoneRaft lone(log_of({1}));
  lone.wait_out_silence();
  lone.step(2, heartbeat(2));
  lone.step(3, request(9, 9, 8));
  return lone.raft->term() == Term{2};
}

bool restarted_nodes_are_quiet() {
  LoneRaft lone(log_of({1}));
  lone.step(3, request(9, 9, 8));
  return lone.raft->term() == Term{1};
}

// The lease of a leader that hands over, and what the new one thinks of it.
bool hand_over_overlaps_no_lease() {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SimulatedCluster cluster({.seed = seed});
    const uint16_t old = cluster.settle();
    cluster.advance(1'000'000);
    cluster.hand_over(old, 0);
    cluster.advance(2'000'000);
    if (!cluster.violation().empty()) return false;
  }
  return true;
}

// The old leader's lease is nearly over when it asks its target to campaign; then answers to its
// last heartbeats arrive, and it hears of nothing else.
bool deposed_leader_has_no_lease() {
  Setup setup{.seed = 1, .voters = 5};
  setup.network = {.delay_min_us = 5000, .delay_max_us = 5000};
  SimulatedCluster cluster(setup);
  const uint16_t old = cluster.settle();
  const Term term = cluster.raft(old).term();
  cluster.advance(1'000'000);
  bool hides_answers = true;
  bool has_begun_round = false;
  bool has_asked = false;
  cluster.filter = [&](uint16_t from, uint16_t to, const Message& message) {
    if (from == old && std::holds_alternative<Heartbeat>(message)) has_begun_round = true;
    if (to != old) return true;
    const auto* answer = std::get_if<HeartbeatReply>(&message);
    if (answer != nullptr) return !hides_answers && answer->term == term;
    return !has_asked;
  };
  for (int i = 0; i < 8; ++i) {
    REQUIRE(cluster.propose(old));
    cluster.advance(50'000);
  }
  has_begun_round = false;
  REQUIRE(cluster.advance_until([&] { return has_begun_round; }, 200'000));
  hides_answers = false;
  cluster.hand_over(old, old % 5 + 1);
  has_asked = true;
  cluster.advance(2'000'000);
  return cluster.violation().empty();
}

// Ongaro's bug report of 2015: two leaders each half way through a change of one server. L promotes
// S while it is cut off from all others; they elect M, which removes L with only B's help; then L
// wins with S and C, who know of neither.
bool changes_have_no_disjoint_majorities() {
  SimulatedCluster cluster({.seed = 4, .voters = 4, .spares = 1});
  const uint16_t s = 5;
  const uint16_t l = cluster.settle();
  REQUIRE(cluster.change(l, ChangeKind::add_learner, s));
  cluster.advance(1'000'000);
  for (uint16_t each = 1; each <= 4; ++each) {
    if (each == l) continue;
    cluster.cut(l, each);
    cluster.cut(s, each);
  }
  REQUIRE(cluster.change(l, ChangeKind::promote, s));
  uint16_t m = 0;
  uint16_t c = 0;
  cluster.filter = [&](uint16_t from, uint16_t to, const Message& message) {
    // C hears nothing from M but the question for its vote, and so keeps the log it has.
    return !(from == m && to == c) || std::holds_alternative<VoteRequest>(message);
  };
  REQUIRE(cluster.advance_until(
      [&] {
        m = cluster.leader() == l ? 0 : cluster.leader();
        if (m == 0) {
          for (uint16_t each = 1; each <= 4; ++each) {
            // Whoever campaigns: one of the other two is going to be C.
            if (each == l || cluster.raft(each).role() != Role::candidate) continue;
            m = each;
          }
          c = 0;
          for (uint16_t each = 1; each <= 4; ++each) {
            if (each != l && each != m) c = each;
          }
        }
        return cluster.leader() != 0 && cluster.leader() != l && cluster.leader() == m;
      },
      5'000'000));
  const bool is_changed = cluster.change(m, ChangeKind::remove, l);
  cluster.advance(20'000);
  (void)cluster.propose(m);
  cluster.advance(200'000);
  cluster.heal();
  for (uint16_t each = 1; each <= 5; ++each) {
    // M and B on one side; L, S and C on the other.
    const bool is_old_side = each == l || each == s || each == c;
    for (uint16_t other = 1; other <= 5; ++other) {
      const bool is_other_old = other == l || other == s || other == c;
      if (is_old_side != is_other_old) cluster.cut(each, other);
    }
  }
  cluster.advance(5'000'000);
  if (cluster.leader() == l || cluster.leader() == s) (void)cluster.propose(cluster.leader());
  cluster.advance(1'000'000);
  cluster.heal();
  cluster.advance(3'000'000);
  return !is_changed && cluster.violation().empty();
}

// What a majority has on its disks isn't yet on each one's.
std::string violation_with_slow_disks() {
  SimulatedCluster cluster({.seed = 3, .disk_us_max = 100'000});
  for (int i = 0; i < 100 && cluster.violation().empty(); ++i) {
    if (const uint16_t leader = cluster.leader(); leader != 0) (void)cluster.propose(leader);
    cluster.advance(50'000);
  }
  return cluster.violation();
}

std::string violation_where_all_is_well() {
  SimulatedCluster cluster({.seed = 3});
  return cluster.run(2'000'000);
}

}  // namespace

TEST_CASE("planted: what is applied before it is durable is found", "[raft]") {
  require_found_as("raft: what is not durable here is applied", "which is not durable there",
                   violation_with_slow_disks);
}

TEST_CASE("planted: that nobody can be elected is found", "[raft]") {
  require_found_as("raft: a pre-vote is never granted", "no progress, though all is well",
                   violation_where_all_is_well);
}

TEST_CASE("planted: a vote that is sent before it is durable is found", "[raft]") {
  const char* bug = "raft: a vote is sent before it is durable";
  require_found_by(bug, vote_survives_a_power_cut);
  require_found_by(bug, terms_have_one_leader);
}

TEST_CASE("planted: an older term's entry that is committed by counting is found", "[raft]") {
  require_found_by("raft: an older term's entry is committed", figure_3_7_holds);
}

TEST_CASE("planted: an ack before the fsync is found", "[raft]") {
  const char* bug = "raft: an ack doesn't wait for the disk";
  require_found_by(bug, acks_say_what_is_durable);
  require_found(bug, 100);
}

TEST_CASE("planted: a leader that counts what its disk lacks is found", "[raft]") {
  const char* bug = "raft: a leader counts what its disk lacks";
  require_found_by(bug, leader_counts_what_is_durable);
  require_found(bug, 30);
}

TEST_CASE("planted: an ack of more than was verified is found", "[raft]") {
  const char* bug = "raft: an ack covers what was not verified";
  require_found_by(bug, acks_say_what_was_verified);
}

TEST_CASE("planted: a change of a member before the term has begun is found", "[raft]") {
  require_found_by("raft: a member changes before the term has begun",
                   changes_have_no_disjoint_majorities);
}

TEST_CASE("planted: a new leader that doesn't wait for leases is found", "[raft]") {
  const char* bug = "raft: a new leader doesn't wait for leases";
  require_found_by(bug, hand_over_overlaps_no_lease);
  require_found(bug, 30);
}

TEST_CASE("planted: a deposed leader that keeps its lease is found", "[raft]") {
  const char* bug = "raft: a deposed leader keeps its lease";
  require_found_by(bug, deposed_leader_has_no_lease);
  require_found(bug, 30);
}

TEST_CASE("planted: a vote within the lease is found", "[raft]") {
  const char* bug = "raft: a vote is given within the lease";
  require_found_by(bug, voters_are_quiet_within_the_lease);
}

TEST_CASE("planted: a restart that forgets the silence is found", "[raft]") {
  const char* bug = "raft: a restart forgets the silence";
  require_found_by(bug, restarted_nodes_are_quiet);
}

TEST_CASE("planted: how many random seeds find each", "[.long]") {
  for (const char* bug :
       {"raft: a vote is sent before it is durable", "raft: an older term's entry is committed",
        "raft: an ack doesn't wait for the disk", "raft: a leader counts what its disk lacks",
        "raft: an ack covers what was not verified",
        "raft: a member changes before the term has begun",
        "raft: a new leader doesn't wait for leases", "raft: a deposed leader keeps its lease",
        "raft: a vote is given within the lease", "raft: a restart forgets the silence",
        "raft: what is not durable here is applied", "raft: a pre-vote is never granted"}) {
    const Planted planted(bug);
    std::string violation;
    const uint64_t seed = seeds_until_found(300, violation);
    WARN(bug << ": seed " << seed << ", " << violation);
  }
}

}  // namespace quoris::raft::testing
