// Control: what the bus asks and tells. Who may be here, who is there, what they say.
#include <fmt/format.h>

#include <algorithm>

#include "cluster/control/control.h"

namespace quoris::control {

using bus::Notice;
using bus::Refusal;
using topology::Member;

// --- who may be here ----------------------------------------------------------------------------

namespace {

// The member is connected here from another address: of two processes with the same data one was
// made from a copy, and the first is in possession. One that was killed and moves has no links.
std::optional<Notice> refuse_second(const bus::Bus& bus, const Member& member,
                                    const bus::NodeFacts& said) {
  if (!bus.is_up(member.number, bus::LinkKind::control)) return std::nullopt;
  const std::optional<bus::PeerId> first = bus.find(member.number);
  const bus::NodeFacts* facts = first ? bus.facts(*first) : nullptr;
  if (facts == nullptr) return std::nullopt;
  const bus::Address& here = facts->cluster_address;
  const bus::Address& there = said.cluster_address;
  const bool is_same = here.port == there.port &&
                       (here.host.empty() || there.host.empty() || here.host == there.host);
  if (is_same) return std::nullopt;
  return Notice{
      .reason = Refusal::name_taken,
      .text = fmt::format("node {} runs at {}:{} already; this one, at {}:{}, has a copy "
                          "of its data directory",
                          raw(member.number), here.host, here.port, there.host, there.port)};
}

}  // namespace

std::optional<Notice> Control::admit(const bus::PeerFacts& peer) {
  const bool knows_cluster = !file_.cluster_id.empty() && !peer.cluster_id.empty();
  if (knows_cluster && file_.cluster_id != peer.cluster_id) {
    return Notice{
        .reason = Refusal::other_data,
        .text = fmt::format("this is cluster {} with id {}, the data of {} are of the "
                            "cluster with id {}",
                            file_.cluster_name, file_.cluster_id, peer.node.name, peer.cluster_id)};
  }
  if (!map_.is_founded()) return std::nullopt;
  if (const Member* member = known_map().find_identity(peer.node.identity)) {
    if (peer.node.number != topology::kNoNode && peer.node.number != member->number) {
      return Notice{
          .reason = Refusal::other_data,
          .text = fmt::format("{} says that it is node {}, the map says {}", peer.node.name,
                              raw(peer.node.number), raw(member->number))};
    }
    if (peer.began_here) return std::nullopt;
    if (std::optional<Notice> refusal = refuse_second(*bus_, *member, peer.node)) return refusal;
    note_address(*member, peer.node);
    return std::nullopt;
  }
  // A member that this node has not heard of yet, or, for good, has no more to do with.
  if (peer.node.number >= map_.next_number) return std::nullopt;
  if (peer.node.number != topology::kNoNode) {
    // What is only in the log here lets in, and refuses nobody.
    if (map_.find_identity(peer.node.identity) != nullptr) return std::nullopt;
    if (const Member* holder = known_map().find(peer.node.number)) {
      return Notice{.reason = Refusal::removed,
                    .text = fmt::format("{} says that it is node {}, which is {} with the data of "
                                        "another directory; start it with an empty one to let it "
                                        "in as a new node",
                                        peer.node.name, raw(holder->number), holder->name)};
    }
    return Notice{.reason = Refusal::removed,
                  .text = fmt::format("node {} was removed from the cluster; start it with an "
                                      "empty data directory to let it in again",
                                      raw(peer.node.number))};
  }
  return admit_newcomer(peer);
}

std::optional<Notice> Control::admit_newcomer(const bus::PeerFacts& peer) const {
  const int64_t limit = options_.clock_limit_us;
  if (peer.clock_offset_us > limit || peer.clock_offset_us < -limit) {
    return Notice{.reason = Refusal::clock,
                  .text = fmt::format("the clock of {} differs from this one's by {} ms; more than "
                                      "{} ms are not let in",
                                      peer.node.name, peer.clock_offset_us / 1000, limit / 1000)};
  }
  const Member* holder = map_.find_name(peer.node.name);
  if (holder == nullptr || holder->state == topology::MemberState::down) return std::nullopt;
  return Notice{.reason = Refusal::name_taken,
                .text = fmt::format("{} is the id of another node, number {}, which is not down",
                                    peer.node.name, raw(holder->number))};
}

namespace {

// What refuses early has not said its name.
std::string_view who(const bus::RefusalReport& report) {
  return report.node.name.empty() ? std::string_view("the node") : report.node.name;
}

}  // namespace

void Control::on_refused(const bus::RefusalReport& report) {
  const bool is_true = !report.by_peer || report.proven || file_.secret.empty();
  if (is_true && !asked_seeds_.empty() && report.began_here &&
      report.notice.reason == Refusal::other_data) {
    return fatal(fmt::format(
        "{} at {} belongs to another cluster, and the data directory holds one of its own ({}, id "
        "{}): to join the other start with an empty directory, to go on start without --seed",
        who(report), report.address, map_.name, map_.id));
  }
  const bool is_believed = report.by_peer && (report.proven || file_.secret.empty());
  if (!is_believed) return;
  switch (report.notice.reason) {
    case Refusal::removed:
      // Who belongs to the cluster says so when it is called.
      if (!report.began_here) break;
      return fatal("the cluster says: " + report.notice.text);
    case Refusal::other_identity:
    case Refusal::other_data:
      // Somebody who belongs to a cluster looked for another node here. Who is alone in a cluster
      // of its own has lost the data of the one that others remember.
      if (report.began_here || known_map().members.size() > 1 || phase_ != Phase::member) break;
      return fatal(fmt::format(
          "{} at {} belongs to a cluster that knows another node at this address: this node has "
          "founded a second cluster, with a data directory that was empty or is no longer the "
          "right one. Start it with --seed and an empty data directory to join the one that is "
          "there",
          who(report), report.address));
    default:
      break;
  }
  if (phase_ != Phase::newcomer) return;
  if (std::exchange(last_refusal_, report.notice.text) == report.notice.text) return;
  parts_.log.write(LogLevel::warning, "not let in by {} at {}: {}", who(report), report.address,
                   report.notice.text);
}

// --- who is there -------------------------------------------------------------------------------

void Control::on_link_up(bus::PeerId peer, bus::LinkKind link) {
  if (link != bus::LinkKind::control) return;
  join_due_us_ = 0;
  const bus::NodeFacts* facts = bus_->facts(peer);
  if (facts == nullptr) return;
  if (const Member* member = member_of(peer)) {
    if (gossip_ != nullptr) gossip_->on_link_made(member->number, moment());
  } else if (facts->number != topology::kNoNode) {
    strangers_[facts->number] = peer;
  }
}

// It has started at another port or host, and can't tell the leader before somebody calls it there.
void Control::note_address(const Member& member, const bus::NodeFacts& facts) {
  HostPort said{.host = facts.cluster_address.host, .port = facts.cluster_address.port};
  if (said.host.empty()) said.host = member.addresses.host;
  const HostPort known{.host = member.addresses.host, .port = member.addresses.cluster_port};
  const bool is_there = said == known || said.port == 0 || facts.boot < member.boot;
  const auto moved = moved_.find(member.number);
  if (is_there ? moved == moved_.end() : moved != moved_.end() && moved->second == said) return;
  if (is_there) {
    moved_.erase(moved);
  } else {
    moved_[member.number] = std::move(said);
  }
  // Not within the handshake.
  has_moved_ = true;
}

void Control::on_link_down(bus::PeerId peer, bus::LinkKind link, bus::EndReason reason) {
  if (link != bus::LinkKind::control) return;
  std::erase_if(strangers_, [peer](const auto& entry) { return entry.second == peer; });
  const Member* member = member_of(peer);
  if (gossip_ == nullptr || member == nullptr) return;
  using bus::EndReason;
  const bool is_closed =
      reason == EndReason::gone || reason == EndReason::unreachable || reason == EndReason::refused;
  gossip_->on_link_lost(member->number,
                        is_closed ? membership::LinkLoss::closed : membership::LinkLoss::silent,
                        moment());
}

const topology::ClusterMap& Control::known_map() const {
  return ahead_.version > map_.version ? ahead_ : map_;
}

// Null: none that is known here.
const Member* Control::member_of(bus::PeerId peer) const {
  const bus::NodeFacts* facts = bus_->facts(peer);
  return facts == nullptr ? nullptr : known_map().find_identity(facts->identity);
}

// A leader that came into the cluster while this node was away is heard, or this node would never
// learn of it. Its number is its own word, but it has proved that it knows the secret.
NodeNumber Control::number_of(const bus::Sender& from) const {
  if (from.number != topology::kNoNode) return from.number;
  const auto found = std::ranges::find_if(
      strangers_, [&from](const auto& entry) { return entry.second == from.peer; });
  return found == strangers_.end() ? topology::kNoNode : found->first;
}

// Members to call, gossip's members, and what this node says of itself.
void Control::tell_bus() {
  has_moved_ = false;
  bus::LocalNode local = bus_->local();
  local.cluster = file_.cluster_name;
  local.cluster_id = file_.cluster_id;
  local.secret = file_.secret;
  local.facts.identity = parts_.identity;
  local.facts.number = number_;
  local.facts.boot = file_.boot;
  local.facts.name = file_.name;
  local.facts.client_address = {.host = host_, .port = file_.client_port};
  local.facts.cluster_address = {.host = host_, .port = file_.cluster_port};
  bus_->set_local(std::move(local));

  std::vector<bus::Member> members;
  std::vector<membership::MemberSpec> specs;
  for (const Member& member : known_map().members) {
    specs.push_back({.number = member.number, .boot = member.boot});
    HostPort address{.host = member.addresses.host, .port = member.addresses.cluster_port};
    if (const auto moved = moved_.find(member.number); moved != moved_.end()) {
      if (moved->second == address) {
        moved_.erase(moved);
      } else {
        address = moved->second;
      }
    }
    members.push_back(
        {.number = member.number, .identity = member.identity, .address = std::move(address)});
  }
  bus_->set_members(members);
  if (known_map().members.size() > 1) asked_seeds_.clear();
  bus_->set_seeds(phase_ == Phase::newcomer ? file_.contacts : asked_seeds_);
  if (gossip_ != nullptr) gossip_->set_members(specs, moment());
}

// --- what they say ------------------------------------------------------------------------------

namespace {

template <class T, class... Ts>
inline constexpr bool kIsAnyOf = (std::same_as<T, Ts> || ...);

template <class T, class Variant>
inline constexpr bool kIsIn = false;
template <class T, class... Ts>
inline constexpr bool kIsIn<T, std::variant<Ts...>> = kIsAnyOf<T, Ts...>;

}  // namespace

Status Control::on_message(const bus::Sender& from, bus::Words words) {
  auto decoded = bus::Channel<ControlMessages>::decode(from, words);
  if (!decoded) return decoded.error();
  // It may have called without a number at first: what it says of itself since it was let in
  // counts.
  const bus::NodeFacts* facts = bus_->facts(from.peer);
  const bool is_stranger = from.number == topology::kNoNode && facts != nullptr;
  if (is_stranger && facts->number != topology::kNoNode) strangers_[facts->number] = from.peer;
  std::visit(
      [&](const auto& message) {
        using T = std::decay_t<decltype(message)>;
        if constexpr (kIsIn<T, membership::Message>) {
          if (gossip_ != nullptr && from.number != topology::kNoNode) {
            gossip_->step(from.number, message, moment());
          }
        } else if constexpr (kIsIn<T, raft::Message>) {
          const NodeNumber node = number_of(from);
          // The lease is asked for in the packet that answers the heartbeat.
          if (kIsAnyOf<T, raft::Heartbeat>) lease_due_us_ = 0;
          if (raft_ != nullptr && node != topology::kNoNode) raft_->step(now_us(), node, message);
        } else {
          on_message(from, message);
        }
      },
      *decoded);
  return ok();
}

}  // namespace quoris::control
