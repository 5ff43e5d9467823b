#include "cluster/raft/messages.h"

namespace quoris::raft {

namespace {

template <class... Numbers>
bool are_sane(Numbers... numbers) {
  return ((raw(numbers) <= kNumberMax) && ...);
}

bool is_sane_entry(const LogEntry& entry) {
  if (entry.payload.size() > kPayloadBytesMax) return false;
  switch (entry.kind) {
    case EntryKind::no_op:
      return entry.payload.empty();
    case EntryKind::command:
      return true;
    case EntryKind::configuration:
      return decode_configuration(entry.payload).has_value();
  }
  return false;
}

bool is_sane(const VoteRequest& request) {
  return are_sane(request.term, request.last_index, request.last_term) &&
         request.last_term < request.term;
}

bool is_sane(const VoteReply& reply) { return are_sane(reply.term, reply.election); }

bool is_sane(const Append& append) {
  if (!are_sane(append.term, append.previous_index, append.previous_term, append.commit))
    return false;
  if (append.entries.size() > kAppendEntriesMax) return false;
  LogIndex index = append.previous_index;
  Term term = append.previous_term;
  for (const LogEntry& entry : append.entries) {
    index = index + 1;
    if (entry.index != index || entry.term < term || !is_sane_entry(entry)) return false;
    term = entry.term;
  }
  return term <= append.term;
}

bool is_sane(const AppendReply& reply) {
  return are_sane(reply.term, reply.verified, reply.durable, reply.refused, reply.hint_index,
                  reply.hint_term) &&
         reply.durable <= reply.verified;
}

bool is_sane(const Heartbeat& heartbeat) { return are_sane(heartbeat.term, heartbeat.commit); }

bool is_sane(const HeartbeatReply& reply) { return are_sane(reply.term); }

bool is_sane(const SnapshotChunk& chunk) {
  if (!are_sane(chunk.term, chunk.index, chunk.snapshot_term)) return false;
  if (chunk.index == LogIndex{0} || chunk.snapshot_term > chunk.term) return false;
  if (chunk.size > kSnapshotBytesMax || chunk.bytes.size() > kSnapshotChunkMax) return false;
  if (chunk.offset > chunk.size || chunk.bytes.size() > chunk.size - chunk.offset) return false;
  return chunk.configuration.is_valid();
}

bool is_sane(const SnapshotReply& reply) {
  return are_sane(reply.term, reply.index) && reply.offset <= kSnapshotBytesMax;
}

bool is_sane(const TimeoutNow& message) { return are_sane(message.term); }

}  // namespace

Term term_of(const Message& message) {
  return std::visit([](const auto& each) { return each.term; }, message);
}

bool is_valid(const Message& message) {
  return std::visit([](const auto& each) { return is_sane(each); }, message);
}

}  // namespace quoris::raft
