// Control: what Raft has decided becomes the map, and what follows from a new map.
#include <fmt/format.h>

#include <algorithm>

#include "base/planted.h"
#include "cluster/control/control.h"
#include "cluster/topology/cluster_views.h"
#include "cluster/topology/map_codec.h"

namespace quoris::control {

using topology::Member;

void Control::apply(const raft::LogEntry& entry) {
  // What the map that came with the answer to JOIN holds already.
  if (entry.index <= map_.version) return;
  // Of a later term than what was in the log at the start: that, from here on, has not come about.
  if (entry.index <= ahead_.version && entry.term > ahead_term_) {
    ahead_ = {};
    is_ahead_lost_ = true;
  }
  if (entry.kind != raft::EntryKind::command) {
    topology::skip(map_, entry.index);
    return answer_requests(entry, nullptr);
  }
  if (QUORIS_PLANTED("control: a follower skips a change") && !raft_->is_leader() &&
      raw(entry.index) % 4 == 0) {
    return topology::skip(map_, entry.index);
  }
  const std::optional<topology::MapChange> change = topology::decode_change(entry.payload);
  if (!change) {
    return fatal(fmt::format(
        "the cluster map was changed in a way that this version ({}) does not know: entry {}",
        parts_.program, raw(entry.index)));
  }
  const Result<topology::Applied, topology::Refused> outcome =
      topology::apply(map_, entry.index, *change);
  if (!outcome) {
    ++figures_.proposals_refused;
    parts_.log.topic(LogTopic::raft, "entry {} changes nothing: {}", raw(entry.index),
                     outcome.error().message);
  }
  answer_requests(entry, &outcome);
}

// `outcome`: null for what is no change of the map.
void Control::answer_requests(const raft::LogEntry& entry,
                              const Result<topology::Applied, topology::Refused>* outcome) {
  for (const auto& [index, request] : requests_.take(entry.index)) {
    ProposeAnswer reply{.request = request.request};
    if (index == entry.index && request.term == entry.term && outcome != nullptr) {
      reply.index = index;
      reply.is_refused = !outcome->has_value();
      if (reply.is_refused) {
        reply.why = static_cast<uint8_t>(outcome->error().why);
        reply.message = outcome->error().message;
      } else {
        reply.number = (*outcome)->number;
      }
    }
    answer(request.from, reply);
  }
}

// A leader's snapshot. The map may be ahead of it: the answer to JOIN brought it.
void Control::restore(const raft::Snapshot& snapshot) {
  if (snapshot.index <= map_.version) return;
  Result<topology::ClusterMap> map = topology::decode_map(snapshot.data);
  if (!map) {
    return fatal("the leader's snapshot of the cluster map can't be read: " + map.error().message);
  }
  map_ = std::move(map).value();
  // Entries without a change behind the last one.
  if (map_.version < snapshot.index) topology::skip(map_, snapshot.index);
}

void Control::map_changed(const topology::ClusterMap& before) {
  map_hash_.reset();
  proposals_.on_applied(map_.version);
  // From now on the map says who is there, and not what was in the log at the start.
  const bool has_caught_up = ahead_.version > before.version && ahead_.version <= map_.version;
  if (std::exchange(is_ahead_lost_, false) || has_caught_up) tell_bus();
  if (before.members == map_.members && before.partitions == map_.partitions) return;
  log_changes(before);
  if (before.find(number_) != nullptr && map_.find(number_) == nullptr) {
    return fatal("this node was removed from the cluster; its data is of no use to it any more");
  }
  if (before.members != map_.members) tell_bus();
  publish_notes();
}

void Control::log_changes(const topology::ClusterMap& before) const {
  for (const Member& member : map_.members) {
    const Member* old = before.find(member.number);
    if (old != nullptr && old->state == member.state && old->departs == member.departs) continue;
    parts_.log.write(LogLevel::notice, "cluster: {} (node {}) is {}{}{}", member.name,
                     raw(member.number), topology::state_name(member.state),
                     member.departs ? " and departs" : "", why_stale(member));
  }
  for (const Member& old : before.members) {
    if (map_.find(old.number) != nullptr) continue;
    parts_.log.write(LogLevel::notice, "cluster: {} (node {}) is no member any more", old.name,
                     raw(old.number));
  }
}

// As gossip says at this moment.
std::string Control::why_stale(const Member& member) const {
  if (member.state != topology::MemberState::stale || gossip_ == nullptr) return {};
  const membership::Member* seen = gossip_->find(member.number);
  if (seen == nullptr) return {};
  if ((seen->notes.flags & membership::Notes::kDiskFailing) != 0) return ": its disk fails";
  int64_t offset_us = seen->notes.clock_offset_us;
  if ((seen->notes.flags & membership::Notes::kClockKnown) == 0) {
    const auto clock = gossip_->clock(member.number, moment());
    if (!clock) return {};
    offset_us = clock->offset_us;
  }
  return fmt::format(": its clock is off by {} ms", offset_us / 1000);
}

void Control::note_leader() {
  if (raft_ == nullptr) return;
  if (raft_->leader() == known_leader_ && raft_->term() == known_term_) return;
  const bool is_new = raft_->leader() != known_leader_ || raft_->leader() == number_;
  known_leader_ = raft_->leader();
  known_term_ = raft_->term();
  // Whoever leads now starts with nothing granted and nothing asked of it.
  grants_.clear();
  lease_requests_.clear();
  duties_.reset();
  proposed_ = LogIndex{0};
  requests_.clear();
  proposals_.send_again(now_us());
  lease_due_us_ = std::min(lease_due_us_, now_us());
  if (raft_->leader() == number_) ++figures_.elections_won;
  if (!is_new) return;
  const Member* leader = map_.find(known_leader_);
  if (known_leader_ == raft::kNobody) {
    parts_.log.write(LogLevel::notice, "cluster: there is no leader (term {})", raw(known_term_));
  } else {
    parts_.log.write(LogLevel::notice, "cluster: {} leads (term {})",
                     known_leader_ == number_ ? "this node"
                     : leader != nullptr      ? leader->name
                                              : fmt::format("node {}", raw(known_leader_)),
                     raw(known_term_));
  }
}

void Control::on_event(const membership::Event& event) {
  using membership::EventKind;
  const Member* member = map_.find(event.member);
  const std::string name =
      member == nullptr ? fmt::format("node {}", raw(event.member)) : member->name;
  switch (event.kind) {
    case EventKind::superseded:
      return fatal(fmt::format(
          "others know a later life of this node (boot {}, this is {}): another process runs, or "
          "ran, with a copy of this data directory",
          raw(event.boot), raw(file_.boot)));
    case EventKind::seems_down:
      parts_.log.write(LogLevel::notice, "gossip: {} seems to be down", name);
      break;
    case EventKind::accused:
      parts_.log.write(LogLevel::notice, "gossip: this node was suspected, and has refuted it");
      break;
    case EventKind::suspected:
      parts_.log.topic(LogTopic::gossip, "{} is suspected by node {}", name, raw(event.told_by));
      break;
    case EventKind::refuted:
      parts_.log.topic(LogTopic::gossip, "{} has refuted", name);
      break;
    case EventKind::back:
      parts_.log.write(LogLevel::notice, "gossip: {} is back", name);
      break;
    case EventKind::joined:
    case EventKind::notes_changed:
      break;
  }
  duty_due_us_ = now_us();
}

// What the others can't know otherwise.
void Control::publish_notes() {
  if (gossip_ == nullptr) return;
  using membership::Notes;
  const membership::Moment now = moment();
  Notes notes;
  notes.map_version = raw(map_.version);
  if (keys_due_us_ <= now.monotonic_us) {
    constexpr uint64_t kMembers = 100;
    told_keys_ = keys_;
    keys_due_us_ = now.monotonic_us + options_.keys_us * (1 + map_.members.size() / kMembers);
  }
  notes.keys = told_keys_;
  // Of small differences nobody has to be told.
  constexpr int64_t kStepUs = 20'000;
  const auto limit = static_cast<uint64_t>(options_.clock_limit_us);
  if (const std::optional<int64_t> offset = gossip_->clock_offset_us(now, limit)) {
    notes.clock_offset_us = *offset / kStepUs * kStepUs;
    notes.flags |= Notes::kClockKnown;
  }
  if (raft_->role() == raft::Role::stopped) notes.flags |= Notes::kDiskFailing;
  if (phase_ == Phase::stopping) notes.flags |= Notes::kLeaving;
  gossip_->set_notes(notes);
}

}  // namespace quoris::control
