#include "server/monitoring/cluster_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cluster/control/control.h"
#include "server/node.h"
#include "server/versions.h"

namespace quoris::server {
namespace {

// Its host stays empty, as Redis shows a node that has not met another: clients take the address at
// which they have reached it.
topology::Member lone_member(Node& node, topology::MemberState state) {
  topology::Member member;
  member.name = node.node_id();
  member.addresses.client_port = static_cast<uint16_t>(node.values().port);
  member.program = kQuorisVersion;
  member.state = state;
  const persistence::DataDirectory* directory = node.durability().directory();
  member.identity = directory != nullptr ? directory->identity().node_id : node.run_id();
  return member;
}

}  // namespace

ClusterView cluster_view(Node& node) {
  using topology::MemberState;
  ClusterView view;
  const control::Control* control = node.cluster();
  if (control == nullptr || !control->is_member()) {
    const MemberState state = control == nullptr ? MemberState::up : MemberState::joining;
    topology::Member member = lone_member(node, state);
    if (control != nullptr) {
      member.identity = control->identity();
      member.name = control->name();
      member.boot = control->boot();
      member.addresses.cluster_port = control->bus().local().facts.cluster_address.port;
    }
    view.lone.members.push_back(std::move(member));
    view.looks.push_back({.state = topology::state_name(state)});
    return view;
  }
  view.shared = &control->map();
  view.self = control->number();
  view.leader = control->leader();
  for (const topology::Member& member : view.map().members) {
    const bool is_self = member.number == view.self;
    view.looks.push_back(
        {.state = control->state_of(member),
         .is_linked = is_self || control->bus().is_up(member.number, bus::LinkKind::control)});
  }
  return view;
}

const topology::Member* find_member(const topology::ClusterMap& map, std::string_view word) {
  if (const topology::Member* member = map.find_name(word); member != nullptr) return member;
  if (const topology::Member* member = map.find_identity(to_lower(word)); member != nullptr) {
    return member;
  }
  const std::optional<uint64_t> number = parse_uint64(word);
  if (!number || *number == 0 || *number > topology::kNodeNumberMax) return nullptr;
  return map.find(static_cast<NodeNumber>(*number));
}

std::string address_text(const std::string& host, uint16_t port) {
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

std::string client_address(const topology::Member& member) {
  return address_text(topology::client_host(member), member.addresses.client_port);
}

bool is_ip_address(std::string_view host) {
  if (host.find(':') != std::string_view::npos) return true;
  const bool is_dotted =
      std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  return is_dotted && std::ranges::count(host, '.') == 3;
}

std::vector<std::vector<topology::SlotRange>> slots_by_member(const topology::ClusterMap& map) {
  std::vector<std::vector<topology::SlotRange>> all(map.members.size());
  for (const topology::OwnedRange& owned : topology::owned_ranges(map)) {
    const auto member =
        std::ranges::lower_bound(map.members, owned.primary, {}, &topology::Member::number);
    if (member == map.members.end() || member->number != owned.primary) continue;
    auto& ranges = all[static_cast<size_t>(member - map.members.begin())];
    if (!ranges.empty() && raw(ranges.back().last) + 1 == raw(owned.slots.first)) {
      ranges.back().last = owned.slots.last;
    } else {
      ranges.push_back(owned.slots);
    }
  }
  return all;
}

}  // namespace quoris::server
