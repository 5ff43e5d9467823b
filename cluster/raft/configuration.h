// Configuration: who votes and who only learns, and the changes of one server at a time.
//
// A server uses the newest configuration in its log, committed or not (section 4.1). Two
// configurations that one change lies between have no disjoint majorities; that is all the safety
// of changes rests on, with the rules in Raft::propose_change(). Invariants of a valid one: at
// least one voter, both lists ascending, nobody twice. Used by: this room, and its owner (to show
// it). Pure. Sources: Ongaro's thesis, chapter 4; learners: section 4.2.1.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/ids.h"

namespace quoris::raft {

// More voters make each commit slower and survive hardly more.
inline constexpr size_t kVotersMax = 7;
inline constexpr size_t kMembersMax = (size_t{1} << kNodeNumberBits) - 1;

struct Configuration {
  std::vector<NodeNumber> voters;
  std::vector<NodeNumber> learners;

  static constexpr auto kFields = std::make_tuple(&Configuration::voters, &Configuration::learners);

  bool operator==(const Configuration&) const = default;

  [[nodiscard]] bool is_voter(NodeNumber node) const {
    return std::ranges::binary_search(voters, node);
  }

  [[nodiscard]] bool is_learner(NodeNumber node) const {
    return std::ranges::binary_search(learners, node);
  }

  [[nodiscard]] size_t majority() const { return voters.size() / 2 + 1; }

  [[nodiscard]] bool is_valid() const;
};

// The greatest value that a majority of the voters has reached; Value{} without voters.
template <class Value, class Of>
[[nodiscard]] Value reached_by_majority(const Configuration& configuration, Of of) {
  std::vector<Value> values;
  for (const NodeNumber voter : configuration.voters) values.push_back(of(voter));
  if (values.empty()) return Value{};
  std::ranges::sort(values, std::greater<>());
  return values[configuration.majority() - 1];
}

enum class ChangeKind : uint8_t {
  add_learner,
  promote,  // a learner becomes a voter
  demote,   // and back
  remove,
};

struct Change {
  ChangeKind kind = ChangeKind::add_learner;
  NodeNumber node{0};
};

// The configuration after a change; nothing if it makes no sense there (a voter who is to be added,
// the last voter who is to go, too many of them).
[[nodiscard]] std::optional<Configuration> changed(const Configuration& from, const Change& change);

// The payload of an entry: the count of voters, the voters, the learners; varints.
[[nodiscard]] std::string encode_configuration(const Configuration& configuration);

// Nothing if these bytes are no valid configuration's.
[[nodiscard]] std::optional<Configuration> decode_configuration(std::string_view bytes);

}  // namespace quoris::raft
