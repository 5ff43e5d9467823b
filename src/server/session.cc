#include "server/session.h"

#include <algorithm>

#include "base/assert.h"
#include "server/node.h"

namespace quoris::server {

void QueuedCommand::arguments(std::vector<std::string_view>& out) const {
  std::string_view rest = bytes;
  for (const uint32_t length : lengths) {
    out.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
}

bool is_valid_client_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; });
}

Session::Session(Node& node, SessionId id, std::unique_ptr<Stream> stream)
    : node_(node), id_(id), stream_(std::move(stream)) {}

Session::~Session() = default;

std::span<char> Session::read_buffer() {
  if (closing_ || read_this_turn_ >= kReadPerTurnMax) {
    reading_stopped_ = true;
    node_.mark_dirty(*this);
    return {};
  }
  return reader_.prepare();
}

void Session::on_read(size_t count) {
  if (closing_) return;
  read_this_turn_ += count;
  last_active_ms = node_.now_ms();
  NodeStats& stats = node_.stats();
  stats.input_bytes += count;
  ++stats.reads;
  parse(count);
}

void Session::parse(size_t count) {
  const SettingValues& values = node_.values();
  const resp::RequestLimits limits{.bulk_max = values.proto_max_bulk_len,
                                   .buffer_max = values.client_query_buffer_limit,
                                   .authenticated = authenticated || values.requirepass.empty()};
  const resp::ReadStatus status = reader_.commit(count, limits);
  node_.stats().lasting.recent_input.note(reader_.memory(), node_.now_us() / 1'000'000);
  if (status == resp::ReadStatus::over_limit) {
    ++node_.stats().query_buffer_limit_disconnections;
    node_.log().write(LogLevel::warning,
                      "closing client id={} addr={}: its query buffer passed the limit of {} bytes",
                      raw(id_), stream_->peer_address(), limits.buffer_max);
    close_now();
    return;
  }
  if (!reader_.commands().empty() || !reader_.error().empty()) node_.mark_ready(*this);
}

void Session::on_drained() { over_soft_limit_since_s = 0; }

void Session::on_closed() {
  peer_gone_ = true;
  node_.note_closed(*this);
}

std::string_view Session::name() const {
  return names_ ? std::string_view(names_->name) : std::string_view();
}

void Session::set_name(std::string_view name) {
  if (!names_) names_ = std::make_unique<Names>();
  names_->name = name;
}

std::string_view Session::library_name() const {
  return names_ ? std::string_view(names_->library_name) : std::string_view();
}

std::string_view Session::library_version() const {
  return names_ ? std::string_view(names_->library_version) : std::string_view();
}

void Session::set_library(std::string_view name, std::string_view version) {
  if (!names_) names_ = std::make_unique<Names>();
  names_->library_name = name;
  names_->library_version = version;
}

Transaction& Session::begin_transaction() {
  transaction_ = std::make_unique<Transaction>();
  return *transaction_;
}

void Session::end_transaction() {
  QUORIS_ASSERT(!in_exec_);
  transaction_.reset();
}

const Transaction& Session::begin_exec() {
  QUORIS_ASSERT(in_multi());
  transaction_->open = false;
  in_exec_ = true;
  return *transaction_;
}

void Session::finish_exec() {
  QUORIS_ASSERT(in_exec_);
  in_exec_ = false;
  transaction_.reset();
}

WatchedKeys& Session::watched() {
  if (!watched_) watched_ = std::make_unique<WatchedKeys>();
  return *watched_;
}

Subscriptions& Session::make_subscriptions() {
  if (!subscriptions_) subscriptions_ = std::make_unique<Subscriptions>();
  return *subscriptions_;
}

size_t Session::output_memory() const {
  return out_.memory() + (held_ ? held_->memory : 0) + stream_->pending();
}

void Session::close_after_reply() {
  closing_ = true;
  node_.mark_dirty(*this);
}

void Session::close_now() {
  closing_ = true;
  close_dropping_ = true;
  node_.note_closed(*this);
}

std::string Session::flags_text(bool watched_changed) const {
  std::string flags;
  if (monitor) flags += 'O';
  if (is_subscribed()) flags += 'P';
  if (is_waiting()) flags += 'b';
  if (in_multi() || in_exec_) flags += 'x';
  if (watched_changed) flags += 'd';
  if (closing_) flags += close_dropping_ ? 'A' : 'c';
  if (stream_->is_unix()) flags += 'U';
  if (no_evict) flags += 'e';
  if (no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

size_t Session::memory() const {
  size_t bytes = sizeof(Session) + reader_.memory() + output_memory();
  if (names_) {
    bytes += sizeof(Names) + names_->name.capacity() + names_->library_name.capacity() +
             names_->library_version.capacity();
  }
  if (transaction_) bytes += sizeof(Transaction) + transaction_->bytes;
  if (watched_) bytes += watched_->memory();
  if (blocked_) bytes += sizeof(Blocked) + blocked_->bytes;
  if (subscriptions_) bytes += subscriptions_->memory();
  return bytes;
}

}  // namespace quoris::server
