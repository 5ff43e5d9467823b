// Raft as a follower: entries, heartbeats and snapshots of a leader.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "cluster/raft/raft.h"

namespace quoris::raft {

namespace {

// Heartbeats in a row that tell of lost entries, before this node believes it.
constexpr uint32_t kLostRounds = 5;

}  // namespace

// False if `from` can't be the leader of our term. REQUIRES: a term not below ours.
bool Raft::hear_leader(NodeNumber from, Term term) {
  QUORIS_ASSERT(term >= this->term());
  if (term == this->term()) {
    if (role_ == Role::leader) return false;
    if (leader_ != kNobody && leader_ != from) return false;
  }
  if (term > this->term() || role_ != Role::follower) become_follower(term, from);
  leader_ = from;
  quiet_until_us_ = std::max(quiet_until_us_, now_us_ + options_.election_timeout_us);
  restart_election_timer();
  return true;
}

void Raft::on_message(NodeNumber from, const Heartbeat& heartbeat) {
  if (heartbeat.term < term()) {
    send(from, HeartbeatReply{.term = term(), .round = 0});
    return;
  }
  if (!hear_leader(from, heartbeat.term)) return;
  // The leader tells no more than what we acknowledged in this term, be it in an earlier life; then
  // it was durable, and in one term it isn't taken back.
  // One message alone, from somebody who takes himself for the leader, ends nobody's part.
  if (heartbeat.commit <= last_index()) {
    lost_rounds_ = 0;
    commit_to(heartbeat.commit);
  } else if (++lost_rounds_ == kLostRounds) {
    lost_ = heartbeat.commit;
    return fail();
  }
  send(from, HeartbeatReply{.term = term(), .round = heartbeat.round});
}

void Raft::commit_to(LogIndex index) { commit_ = std::max(commit_, index); }

// --- entries ------------------------------------------------------------------------------------

void Raft::on_message(NodeNumber from, const Append& append) {
  if (append.term < term()) {
    AppendReply reply;
    reply.term = term();
    send(from, reply);
    return;
  }
  if (!hear_leader(from, append.term)) return;
  if (append.previous_index < commit_) {
    if (contradicts_committed(append)) return;
  } else if (log_.term_at(append.previous_index) != append.previous_term) {
    return refuse(append);
  }
  take_entries(append);
}

// A leader has all that is committed (section 3.6.3): one who says otherwise is none.
bool Raft::contradicts_committed(const Append& append) const {
  return std::ranges::any_of(append.entries, [this](const LogEntry& entry) {
    if (entry.index < log_.base().index || entry.index > commit_) return false;
    return log_.term_at(entry.index) != entry.term;
  });
}

void Raft::refuse(const Append& append) {
  AppendReply reply;
  reply.term = term();
  reply.refused = append.previous_index;
  reply.hint_index = log_.last_possible_match(append.previous_index, append.previous_term);
  reply.hint_term = log_.term_at(reply.hint_index).value_or(Term{0});
  send(leader_, reply);
}

void Raft::take_entries(const Append& append) {
  for (const LogEntry& entry : append.entries) {
    if (entry.index <= commit_ || log_.term_at(entry.index) == entry.term) continue;
    if (entry.index <= last_index()) truncate_from(entry.index);
    log_.append(entry);
  }
  const LogIndex end = std::max(commit_, append.previous_index + append.entries.size());
  verified_ = std::max(verified_, end);
  commit_to(std::min(append.commit, end));
  acknowledge();
}

// What lies behind `verified_` may be left over from another leader.
void Raft::acknowledge() {
  AppendReply reply;
  reply.term = term();
  reply.is_accepted = true;
  reply.verified = verified_;
  if (QUORIS_PLANTED("raft: an ack covers what was not verified")) reply.verified = last_index();
  reply.durable = std::min(reply.verified, durable_);
  if (QUORIS_PLANTED("raft: an ack doesn't wait for the disk")) reply.durable = reply.verified;
  acked_ = reply.durable;
  send(leader_, reply);
}

// --- snapshots ----------------------------------------------------------------------------------

void Raft::on_message(NodeNumber from, const SnapshotChunk& chunk) {
  if (chunk.term < term()) {
    send(from, SnapshotReply{.term = term(), .index = chunk.index, .offset = 0});
    return;
  }
  if (!hear_leader(from, chunk.term)) return;
  if (chunk.index <= commit_) {
    incoming_.reset();
    verified_ = std::max(verified_, commit_);
    return acknowledge();
  }
  if (!incoming_ || incoming_->index != chunk.index || incoming_->term != chunk.snapshot_term) {
    incoming_ = Incoming{.index = chunk.index, .term = chunk.snapshot_term, .data = {}};
  }
  if (chunk.offset == incoming_->data.size()) incoming_->data += chunk.bytes;
  const uint64_t size = incoming_->data.size();
  send(from, SnapshotReply{.term = term(), .index = chunk.index, .offset = size});
  if (size == chunk.size) install(chunk);
}

void Raft::install(const SnapshotChunk& last_chunk) {
  Snapshot snapshot{.index = last_chunk.index,
                    .term = last_chunk.snapshot_term,
                    .configuration = last_chunk.configuration,
                    .data = std::move(incoming_->data)};
  incoming_.reset();
  const LogIndex known = commit_;
  commit_ = snapshot.index;
  verified_ = std::max(verified_, commit_);
  // The log holds it all (section 5.1): it only has to be applied.
  if (log_.term_at(snapshot.index) == snapshot.term) return acknowledge();
  // Until the snapshot is durable the disk has the old log, of which only this is sure to be right.
  durable_ = std::min(durable_, known);
  for (Write& write : writes_) write.last = std::min(write.last, known);
  log_.restart(snapshot);
  unwritten_ = snapshot.index + 1;
  snapshot_ = std::make_shared<Snapshot>(std::move(snapshot));
  snapshot_is_new_ = true;
  snapshot_is_installed_ = true;
  log_restarts_ = true;
}

}  // namespace quoris::raft
