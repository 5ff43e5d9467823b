#include "tests/cluster/control/control_world.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "persistence/identity.h"

namespace quoris::control::testing {

TestNode::TestNode(ControlWorld& world, size_t index)
    : world_(world),
      index_(index),
      rng_(world.seed_, index + 1),
      clock_(world.queue_),
      timers_(world.queue_, clock_),
      loop_(world.queue_, clock_),
      disk_(std::make_unique<sim::SimDisk>(timers_)),
      host_(world.network_.add_host(fmt::format("10.0.0.{}", index + 1), loop_)),
      log_(*this),
      identity_(persistence::make_identity(rng_).node_id) {
  timers_.set_after_fired([this] { loop_.wake(); });
  disk_->set_latency_us(300);
  wish = {.cluster_name = {},
          .secret = "secret",
          .name = fmt::format("n{}", index + 1),
          .announce_host = {},
          .bind_host = address(),
          .client_port = kClientPort,
          .cluster_port = kClusterPort,
          .rack = {},
          .weight = 0,
          .replication_factor = 0,
          .partitions = 0,
          .seeds = {}};
}

std::string TestNode::address() const { return world_.network_.address(host_); }

Status TestNode::start() {
  fatal.clear();
  if (Status made = disk_->make_directory(kDirectory); !made) return made;
  auto opened =
      Control::open({.env = {.clock = clock_, .rng = rng_, .timers = timers_, .disk = *disk_},
                     .transport = world_.network_.transport(host_),
                     .log = log_,
                     .owner = *this,
                     .directory = kDirectory,
                     .identity = identity_,
                     .program = "0.1.0"},
                    world_.options, wish);
  if (!opened) return opened.error();
  control_ = std::move(opened).value();
  world_.network_.listen(host_, wish.cluster_port, control_->acceptor());
  loop_.set_turn_handler(control_.get());
  control_->start();
  loop_.wake();
  return ok();
}

void TestNode::kill() {
  if (control_ == nullptr) return;
  loop_.resume();
  timers_.resume();
  world_.network_.stop_listening(host_);
  loop_.set_turn_handler(nullptr);
  control_.reset();
  timers_.cancel_all();
  loop_.clear();
  disk_->kill();
}

void TestNode::pause() {
  loop_.pause();
  timers_.pause();
}

void TestNode::resume() {
  timers_.resume();
  loop_.resume();
}

void TestNode::wipe() {
  disk_ = std::make_unique<sim::SimDisk>(timers_);
  disk_->set_latency_us(300);
  identity_ = persistence::make_identity(rng_).node_id;
}

void TestNode::lose_identity() { identity_ = persistence::make_identity(rng_).node_id; }

bool TestNode::has_logged(std::string_view part) const {
  return std::ranges::any_of(
      lines, [part](const std::string& line) { return line.find(part) != std::string::npos; });
}

ControlWorld::ControlWorld(size_t nodes, uint64_t seed)
    : network_(queue_, sim::SimRng(seed, 1'000'000)), seed_(seed) {
  for (size_t i = 0; i < nodes; ++i) add_node();
}

TestNode& ControlWorld::add_node() {
  nodes_.push_back(std::make_unique<TestNode>(*this, nodes_.size()));
  TestNode& node = *nodes_.back();
  for (size_t i = 0; i + 1 < nodes_.size(); ++i) {
    node.wish.seeds.push_back({.host = nodes_[i]->address(), .port = kClusterPort});
  }
  return node;
}

void ControlWorld::start_all() {
  for (const auto& node : nodes_) {
    const Status started = node->start();
    INFO((started ? "" : started.error().message));
    REQUIRE(started);
  }
}

uint64_t ControlWorld::until(const std::function<bool()>& holds, uint64_t ms_max,
                             std::string_view what) {
  const uint64_t begin = queue_.now_us();
  while (!holds()) {
    if (queue_.now_us() - begin > ms_max * 1000) {
      for (const auto& node : nodes_) {
        for (const std::string& line : node->lines) UNSCOPED_INFO(node->wish.name << ": " << line);
        if (node->is_up() && node->control().raft() != nullptr) {
          const raft::Raft& raft = *node->control().raft();
          UNSCOPED_INFO(node->wish.name << " role " << static_cast<int>(raft.role()) << " term "
                                        << raw(raft.term()) << " leader " << raw(raft.leader())
                                        << " voters " << raft.configuration().voters.size());
        }
      }
      FAIL("after " << ms_max << " ms: " << what);
    }
    queue_.run_until(queue_.now_us() + 1000);
  }
  return (queue_.now_us() - begin) / 1000;
}

size_t ControlWorld::leader() const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->is_up() && nodes_[i]->control().is_settled_leader()) return i;
  }
  return nodes_.size();
}

size_t ControlWorld::voters() const {
  const size_t leading = leader();
  return leading == nodes_.size()
             ? 0
             : nodes_[leading]->control().raft()->configuration().voters.size();
}

bool ControlWorld::is_settled() {
  const size_t leading = leader();
  if (leading == nodes_.size()) return false;
  const Control& first = control(leading);
  return std::ranges::all_of(nodes_, [&first](const auto& node) {
    if (!node->is_up()) return true;
    const Control& control = node->control();
    const topology::Member* self = first.map().find(control.number());
    return control.is_member() && control.leader() == first.number() &&
           control.map() == first.map() && self != nullptr &&
           self->state == topology::MemberState::up && self->boot == control.boot();
  });
}

void ControlWorld::cut(size_t a, size_t b) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    cuts_.emplace_back(node(from).host(), node(to).host());
    network_.cut(cuts_.back().first, cuts_.back().second);
  }
}

void ControlWorld::isolate(size_t index) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (i != index) cut(i, index);
  }
}

void ControlWorld::mend() {
  for (const auto& [from, to] : cuts_) network_.mend(from, to);
  cuts_.clear();
}

}  // namespace quoris::control::testing
