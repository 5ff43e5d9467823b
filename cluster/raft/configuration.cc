#include "cluster/raft/configuration.h"

#include "cluster/raft/varints.h"

namespace quoris::raft {

namespace {

bool is_ascending(const std::vector<NodeNumber>& nodes) {
  return std::ranges::adjacent_find(nodes, std::greater_equal<>()) == nodes.end();
}

bool is_number(NodeNumber node) { return raw(node) > 0 && raw(node) <= kMembersMax; }

void insert(std::vector<NodeNumber>& nodes, NodeNumber node) {
  nodes.insert(std::ranges::lower_bound(nodes, node), node);
}

}  // namespace

bool Configuration::is_valid() const {
  if (voters.empty() || voters.size() > kVotersMax) return false;
  if (!is_ascending(voters) || !is_ascending(learners)) return false;
  return std::ranges::all_of(voters, is_number) && std::ranges::all_of(learners, is_number) &&
         std::ranges::none_of(learners, [this](NodeNumber node) { return is_voter(node); });
}

std::optional<Configuration> changed(const Configuration& from, const Change& change) {
  if (!is_number(change.node)) return std::nullopt;
  const bool is_voter = from.is_voter(change.node);
  const bool is_learner = from.is_learner(change.node);
  Configuration to = from;
  std::erase(to.voters, change.node);
  std::erase(to.learners, change.node);
  switch (change.kind) {
    case ChangeKind::add_learner:
      if (is_voter || is_learner) return std::nullopt;
      insert(to.learners, change.node);
      break;
    case ChangeKind::promote:
      if (!is_learner) return std::nullopt;
      insert(to.voters, change.node);
      break;
    case ChangeKind::demote:
      if (!is_voter) return std::nullopt;
      insert(to.learners, change.node);
      break;
    case ChangeKind::remove:
      if (!is_voter && !is_learner) return std::nullopt;
      break;
  }
  if (!to.is_valid()) return std::nullopt;
  return to;
}

std::string encode_configuration(const Configuration& configuration) {
  std::string bytes;
  put_varints(bytes, {configuration.voters.size()});
  for (const NodeNumber node : configuration.voters) put_varints(bytes, {raw(node)});
  for (const NodeNumber node : configuration.learners) put_varints(bytes, {raw(node)});
  return bytes;
}

std::optional<Configuration> decode_configuration(std::string_view bytes) {
  VarintReader reader(bytes);
  uint64_t voters = 0;
  if (!reader.read({&voters}) || voters > kVotersMax) return std::nullopt;
  Configuration configuration;
  while (reader.left() > 0) {
    uint64_t node = 0;
    if (!reader.read({&node}) || node > kMembersMax) return std::nullopt;
    const bool is_voter = configuration.voters.size() < voters;
    (is_voter ? configuration.voters : configuration.learners)
        .push_back(NodeNumber{static_cast<uint16_t>(node)});
  }
  if (configuration.voters.size() != voters || !configuration.is_valid()) return std::nullopt;
  return configuration;
}

}  // namespace quoris::raft
