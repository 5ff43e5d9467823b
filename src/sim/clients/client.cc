#include "sim/clients/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quoris::sim {

namespace {

constexpr uint64_t kBackoffMinUs = 20'000;
constexpr uint64_t kBackoffMaxUs = 500'000;

// Mostly one at a time; of ten requests one begins a pipeline.
constexpr uint64_t kPipelinePermille = 100;
constexpr uint64_t kPipelineMax = 6;

}  // namespace

SimClient::SimClient(World& world, const Workload& workload, const Options& options)
    : world_(world),
      workload_(workload),
      options_(options),
      rng_(world.rng_for(fmt::format("client {}", options.index))),
      clock_(world.queue()),
      timers_(world.queue(), clock_),
      loop_(world.queue(), clock_),
      host_(world.network().add_host(
          fmt::format("10.1.{}.{}", options.index / 250, options.index % 250 + 1), loop_)) {}

SimClient::~SimClient() = default;

void SimClient::start() { connect(); }

void SimClient::finish() {
  finished_ = true;
  timers_.cancel(think_timer_);
}

// --- the connection
// ---------------------------------------------------------------------------------

void SimClient::connect() {
  parser_ = resp::ReplyParser();
  const std::string& address = world_.network().address(world_.machine(options_.node).host());
  stream_ = world_.network().transport(host_).connect(
      {.host = address, .port = Machine::kClientPort}, *this);
  deadline_ = timers_.schedule(kConnectUs, [this] {
    stream_.reset();
    connect_later();
  });
}

void SimClient::on_connected() {
  timers_.cancel(deadline_);
  connected_ = true;
  backoff_us_ = 0;
  think();
}

void SimClient::on_failed(const Error& /*error*/) {
  timers_.cancel(deadline_);
  stream_.reset();
  connect_later();
}

void SimClient::on_closed() { hang_up("the connection broke"); }

void SimClient::hang_up(std::string_view why) {
  connected_ = false;
  timers_.cancel(think_timer_);
  timers_.cancel(deadline_);
  stream_.reset();
  for (Request& request : std::exchange(pending_, {})) {
    request.operation.outcome = Outcome::unknown;
    request.operation.error = why;
    conclude(request);
  }
  connect_later();
}

void SimClient::connect_later() {
  if (finished_) return;
  backoff_us_ = std::clamp(backoff_us_ * 2, kBackoffMinUs, kBackoffMaxUs);
  static_cast<void>(timers_.schedule(rng_.between(backoff_us_ / 2, backoff_us_), [this] {
    if (!finished_) connect();
  }));
}

// --- operations
// -------------------------------------------------------------------------------------

void SimClient::think() {
  if (finished_) return;
  think_timer_ = timers_.schedule(rng_.between(0, 2 * options_.think_us), [this] { issue(); });
}

void SimClient::issue() {
  const uint64_t count = rng_.chance(kPipelinePermille) ? rng_.between(2, kPipelineMax) : 1;
  ByteChain out;
  for (uint64_t i = 0; i < count; ++i) send_one(out);
  stream_->write(std::move(out));
  deadline_ = timers_.schedule(kAnswerUs, [this] { hang_up("no answer in time"); });
}

void SimClient::send_one(ByteChain& out) {
  Request request = workload_.next(rng_, options_.index, next_number_);
  Operation& operation = request.operation;
  operation.id = (uint64_t{options_.index} << 32) | next_number_++;
  operation.client = options_.index;
  operation.node = options_.node;
  operation.keyspace = world_.machine(options_.node).keyspace();
  operation.invoked_us = world_.now_us();
  out.append(request.bytes);
  request.bytes.clear();
  pending_.push_back(std::move(request));
}

void SimClient::on_read(size_t count) {
  parser_.feed({buffer_.data(), count});
  while (connected_) {
    const Result<std::optional<resp::Value>> reply = parser_.next();
    if (!reply) {
      if (!pending_.empty()) pending_.front().operation.complaint = reply.error().message;
      return hang_up("bytes that are no reply");
    }
    if (!*reply) return;
    take(**reply);
  }
}

void SimClient::take(const resp::Value& reply) {
  if (pending_.empty()) {
    Request nobody;
    nobody.operation.client = options_.index;
    nobody.operation.node = options_.node;
    nobody.operation.keyspace = world_.machine(options_.node).keyspace();
    nobody.operation.invoked_us = world_.now_us();
    nobody.operation.outcome = Outcome::unknown;
    nobody.operation.complaint = "a reply that nobody asked for";
    return conclude(nobody);
  }
  // All but a transaction's last reply only say that it was queued.
  if (--pending_.front().replies > 0) return;
  Request request = std::move(pending_.front());
  pending_.pop_front();
  take_reply(request, reply);
  if (request.operation.outcome != Outcome::unknown) {
    request.operation.returned_us = world_.now_us();
  }
  conclude(request);
  if (!pending_.empty()) return;
  timers_.cancel(deadline_);
  think();
}

void SimClient::conclude(Request& request) {
  request.operation.ended_us = world_.now_us();
  world_.note_operation(request.operation);
}

}  // namespace quoris::sim
