#include "server/waiting.h"

#include <algorithm>

#include "base/assert.h"
#include "command/errors.h"
#include "server/node.h"

namespace quoris::server {
namespace {

QueuedCommand keep(const command::Command& command, std::span<const std::string_view> arguments) {
  QueuedCommand kept;
  kept.command = &command;
  for (const std::string_view argument : arguments) {
    kept.bytes += argument;
    kept.lengths.push_back(static_cast<uint32_t>(argument.size()));
  }
  return kept;
}

}  // namespace

void Waiting::add(Session& session, const command::Command& command,
                  std::span<const std::string_view> arguments,
                  const command::WaitRequest& request) {
  Waiter waiter{.ticket = next_ticket_++,
                .db = session.db,
                .type = request.type,
                .request = keep(command, arguments),
                .key_arguments = {}};
  for (uint32_t index = 0; index < arguments.size(); ++index) {
    const bool awaited = std::ranges::any_of(request.keys, [&](std::string_view key) {
      return key.data() == arguments[index].data() && key.size() == arguments[index].size();
    });
    if (awaited) waiter.key_arguments.push_back(index);
  }
  // The views of a request are of the command's arguments, never copies.
  QUORIS_ASSERT(waiter.key_arguments.size() >= request.keys.size());
  for (const std::string_view key : request.keys) {
    Key name{.db = session.db, .name = std::string(key), .type = request.type};
    queues_[std::move(name)].emplace(waiter.ticket, session.id());
  }
  const size_t bytes =
      sizeof(Waiter) + waiter.request.bytes.capacity() +
      waiter.request.lengths.capacity() * sizeof(uint32_t) +
      request.keys.size() * (sizeof(Key) + sizeof(Queue) + sizeof(Queue::value_type));
  const SessionId id = session.id();
  waiters_.emplace(id, std::move(waiter));
  node_.block(
      session, request.timeout_ms,
      [this, id](resp::ReplyWriter& reply, UnblockReason reason) { end(id, reply, reason); },
      bytes);
}

void Waiting::note_spent(const Session& session, uint64_t nanoseconds) {
  const auto found = waiters_.find(session.id());
  if (found != waiters_.end()) found->second.spent_ns = nanoseconds;
}

void Waiting::forget(const Session& session) {
  const auto found = waiters_.find(session.id());
  if (found != waiters_.end()) drop(found);
}

void Waiting::drop(Waiters::iterator found) {
  const Waiter& waiter = found->second;
  std::vector<std::string_view> arguments;
  waiter.request.arguments(arguments);
  for (const uint32_t index : waiter.key_arguments) {
    const auto queue =
        queues_.find(KeyLooked{.db = waiter.db, .name = arguments[index], .type = waiter.type});
    if (queue == queues_.end()) continue;  // the same key twice
    queue->second.erase(waiter.ticket);
    if (queue->second.empty()) queues_.erase(queue);
  }
  waiters_.erase(found);
}

// Ends a wait: the reply is written already if what it waited for has come.
void Waiting::end(SessionId id, resp::ReplyWriter& reply, UnblockReason reason) {
  const auto found = waiters_.find(id);
  QUORIS_ASSERT(found != waiters_.end());
  const Waiter& waiter = found->second;
  if (reason == UnblockReason::client_unblock) {
    reply.error(command::errors::kUnblocked);
  } else if (reason != UnblockReason::ready) {
    reply.null_array();
  }
  if (reason != UnblockReason::ready) {
    node_.dispatcher().note_wait_ended(*node_.find_session(id), waiter.request, waiter.spent_ns);
  }
  drop(found);
}

// --- filled keys --------------------------------------------------------------------------------

void Waiting::key_filled(DbIndex db, std::string_view key) {
  auto queue = queues_.lower_bound(KeyLooked{.db = db, .name = key});
  for (; queue != queues_.end() && queue->first.db == db && queue->first.name == key; ++queue) {
    if (is_ready_.insert(queue->first).second) ready_.push_back(queue->first);
  }
}

void Waiting::dbs_swapped(DbIndex a, DbIndex b) {
  for (const auto& [key, queue] : queues_) {
    if (key.db != a && key.db != b) continue;
    if (is_filled(key) && is_ready_.insert(key).second) ready_.push_back(key);
  }
}

bool Waiting::is_filled(const Key& key) const {
  store::Keyspace& keyspace = node_.store().db(key.db);
  const store::Entry* entry = keyspace.find(keyspace.hashed(key.name));
  return entry != nullptr && entry->type() == key.type && !entry->is_expired(node_.now_ms());
}

void Waiting::serve() {
  while (!ready_.empty()) {
    const Key key = std::move(ready_.front());
    ready_.pop_front();
    is_ready_.erase(key);
    serve_key(key);
  }
}

void Waiting::serve_key(const Key& key) {
  uint64_t last = 0;
  while (is_filled(key)) {
    const auto queue = queues_.find(key);
    if (queue == queues_.end()) return;
    const auto next = queue->second.upper_bound(last);
    if (next == queue->second.end()) return;
    last = next->first;
    serve_waiter(next->second, key.name);
  }
}

void Waiting::serve_waiter(SessionId id, const std::string& ready_key) {
  Session* session = node_.find_session(id);
  QUORIS_ASSERT(session != nullptr);
  if (session->is_leaving()) return;
  const Waiter& waiter = waiters_.at(id);
  std::vector<std::string_view> sent;
  waiter.request.arguments(sent);
  std::vector<std::string_view> arguments = sent;
  for (const uint32_t index : waiter.key_arguments) arguments[index] = ready_key;
  const bool replied = node_.dispatcher().run_again(*session, {.command = *waiter.request.command,
                                                               .arguments = arguments,
                                                               .sent = sent,
                                                               .spent_ns = waiter.spent_ns});
  if (replied) node_.unblock(*session, UnblockReason::ready);
}

}  // namespace quoris::server
