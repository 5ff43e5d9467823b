#include "sim/clients/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quoris::sim {

namespace {

using enum RequestKind;

struct Row {
  std::string_view name;
  std::array<uint16_t, kRequestKinds> weights;
};

//                     get set lrg gst snx del inc app spx gvl mst mgt exc hst hgt hdl ech bgs
constexpr std::array kRows = {
    Row{"mixed", {{20, 20, 2, 3, 3, 4, 8, 6, 4, 6, 5, 5, 5, 8, 6, 2, 3, 1}}},
    Row{"registers", {{30, 30, 3, 8, 6, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}}},
    Row{"counters", {{4, 2, 0, 0, 0, 0, 40, 30, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}}},
    Row{"transactions", {{4, 4, 0, 0, 0, 0, 4, 0, 0, 0, 20, 25, 25, 0, 0, 0, 2, 1}}},
    Row{"hashes", {{2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 30, 8, 2, 1}}},
    Row{"expiry", {{4, 4, 0, 0, 0, 0, 0, 0, 40, 40, 0, 0, 0, 0, 0, 0, 2, 1}}},
    Row{"writes", {{2, 40, 4, 0, 0, 4, 12, 10, 0, 0, 8, 1, 8, 16, 1, 1, 1, 1}}},
};

// Few, so that clients meet; and many more, so that a snapshot takes a while.
constexpr uint64_t kHotRegisters = 6;
constexpr uint64_t kColdRegisters = 250;
constexpr uint64_t kCounters = 3;
constexpr uint64_t kAppended = 3;
constexpr uint64_t kVolatile = 4;
constexpr uint64_t kPairs = 3;
constexpr uint64_t kHashes = 2;
constexpr uint64_t kFields = 60;

constexpr uint64_t kTtlMinMs = 20;
constexpr uint64_t kTtlMaxMs = 3'000;
constexpr uint64_t kUsPerMs = 1'000;
constexpr uint64_t kLargeMin = 2'000;
constexpr uint64_t kLargeMax = 40'000;
// An appended value is begun anew now and then, or it would grow for ever.
constexpr uint64_t kBeginsAnewPermille = 100;

void add_words(std::string& bytes, std::initializer_list<std::string_view> words) {
  bytes += fmt::format("*{}\r\n", words.size());
  for (const std::string_view word : words)
    bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
}

// The make of one request; a method per kind.
class Maker {
 public:
  Maker(SimRng& rng, size_t client, uint64_t number)
      : rng_(rng), client_(client), number_(number) {}

  [[nodiscard]] Request make(RequestKind kind);

 private:
  [[nodiscard]] std::string value_of(std::string_view target, size_t padding = 0) const {
    std::string value = fmt::format("{}={}.{}", target, client_, number_);
    if (padding > 0) value += ":" + std::string(padding, 'x');
    return value;
  }

  [[nodiscard]] std::string some_register() {
    if (rng_.below(2) == 0) return fmt::format("r:{}", rng_.below(kHotRegisters));
    return fmt::format("r:{}", kHotRegisters + rng_.below(kColdRegisters));
  }

  [[nodiscard]] std::string some(char prefix, uint64_t count) {
    return fmt::format("{}:{}", prefix, rng_.below(count));
  }

  void act(Action action) { request_.operation.actions.push_back(std::move(action)); }

  void ask(std::string_view command, std::initializer_list<std::string_view> words) {
    request_.operation.command = command;
    add_words(request_.bytes, words);
  }

  void make_on_register(RequestKind kind);
  void make_counting(RequestKind kind);
  void make_volatile(RequestKind kind);
  void make_pair(RequestKind kind);
  void make_on_hash(RequestKind kind);
  void make_other(RequestKind kind);

  SimRng& rng_;
  size_t client_;
  uint64_t number_;
  Request request_;
};

Request Maker::make(RequestKind kind) {
  request_.kind = kind;
  switch (kind) {
    case get:
    case set:
    case set_large:
    case getset:
    case setnx:
    case del:
      make_on_register(kind);
      break;
    case incr:
    case append:
      make_counting(kind);
      break;
    case set_px:
    case get_volatile:
      make_volatile(kind);
      break;
    case mset:
    case mget:
    case exec:
      make_pair(kind);
      break;
    case hset:
    case hget:
    case hdel:
      make_on_hash(kind);
      break;
    default:
      make_other(kind);
  }
  return std::move(request_);
}

void Maker::make_on_register(RequestKind kind) {
  const std::string key = some_register();
  const std::string value =
      value_of(key, kind == set_large ? rng_.between(kLargeMin, kLargeMax) : 0);
  switch (kind) {
    case get:
      ask("GET", {"GET", key});
      return act({.kind = ActionKind::read, .target = key});
    case getset:
      ask("GETSET", {"GETSET", key, value});
      return act({.kind = ActionKind::swap, .target = key, .argument = value});
    case setnx:
      ask("SET NX", {"SET", key, value, "NX"});
      return act({.kind = ActionKind::write_if_absent, .target = key, .argument = value});
    case del:
      ask("DEL", {"DEL", key});
      return act({.kind = ActionKind::remove, .target = key});
    default:
      ask("SET", {"SET", key, value});
      return act({.kind = ActionKind::write, .target = key, .argument = value});
  }
}

void Maker::make_counting(RequestKind kind) {
  if (kind == incr) {
    const std::string key = some('c', kCounters);
    ask("INCR", {"INCR", key});
    return act({.kind = ActionKind::increment, .target = key});
  }
  const std::string key = some('a', kAppended);
  const std::string value = value_of(key) + ";";
  if (rng_.chance(kBeginsAnewPermille)) {
    request_.kind = set;
    ask("SET", {"SET", key, value});
    return act({.kind = ActionKind::write, .target = key, .argument = value});
  }
  ask("APPEND", {"APPEND", key, value});
  act({.kind = ActionKind::append, .target = key, .argument = value});
}

void Maker::make_volatile(RequestKind kind) {
  const std::string key = some('v', kVolatile);
  if (kind == get_volatile) {
    ask("GET", {"GET", key});
    return act({.kind = ActionKind::read, .target = key});
  }
  const uint64_t ttl_ms = rng_.between(kTtlMinMs, kTtlMaxMs);
  const std::string value = value_of(key);
  ask("SET PX", {"SET", key, value, "PX", fmt::format("{}", ttl_ms)});
  act({.kind = ActionKind::write, .target = key, .argument = value, .ttl_us = ttl_ms * kUsPerMs});
}

void Maker::make_pair(RequestKind kind) {
  const uint64_t pair = rng_.below(kPairs);
  const std::string first = fmt::format("p:{}:a", pair);
  const std::string second = fmt::format("p:{}:b", pair);
  if (kind == mget) {
    ask("MGET", {"MGET", first, second});
    act({.kind = ActionKind::read, .target = first});
    return act({.kind = ActionKind::read, .target = second});
  }
  const std::string value = value_of(fmt::format("p:{}", pair));
  request_.operation.is_batch = true;
  act({.kind = ActionKind::write, .target = first, .argument = value});
  act({.kind = ActionKind::write, .target = second, .argument = value});
  if (kind == mset) return ask("MSET", {"MSET", first, value, second, value});
  const std::string counter = some('c', kCounters);
  act({.kind = ActionKind::increment, .target = counter});
  ask("EXEC", {"MULTI"});
  ask("EXEC", {"SET", first, value});
  ask("EXEC", {"SET", second, value});
  ask("EXEC", {"INCR", counter});
  ask("EXEC", {"EXEC"});
  request_.replies = 5;
}

void Maker::make_on_hash(RequestKind kind) {
  const std::string key = some('h', kHashes);
  const std::string field = fmt::format("f{}", rng_.below(kFields));
  const std::string target = key + "/" + field;
  switch (kind) {
    case hset: {
      const std::string value = value_of(target);
      ask("HSET", {"HSET", key, field, value});
      return act({.kind = ActionKind::write, .target = target, .argument = value});
    }
    case hdel:
      ask("HDEL", {"HDEL", key, field});
      return act({.kind = ActionKind::remove, .target = target});
    default:
      ask("HGET", {"HGET", key, field});
      return act({.kind = ActionKind::read, .target = target});
  }
}

void Maker::make_other(RequestKind kind) {
  if (kind == bgsave) return ask("BGSAVE", {"BGSAVE", "SCHEDULE"});
  request_.token = value_of("echo");
  ask("ECHO", {"ECHO", request_.token});
}

// --- replies
// ----------------------------------------------------------------------------------------

using Kind = resp::Value::Kind;

// A reply's text; nothing for null.
std::optional<std::string> text_of(const resp::Value& value) {
  if (value.kind == Kind::null) return std::nullopt;
  return value.text;
}

bool is_ok(const resp::Value& value) { return value.kind == Kind::simple && value.text == "OK"; }

bool take_result(Action& action, const resp::Value& value) {
  switch (action.kind) {
    case ActionKind::read:
    case ActionKind::swap:
      action.text = text_of(value);
      return value.kind == Kind::bulk || value.kind == Kind::null;
    case ActionKind::write:
      // HSET answers how many fields are new.
      return is_ok(value) || value.kind == Kind::integer;
    case ActionKind::write_if_absent:
      action.done = value.kind != Kind::null;
      return is_ok(value) || value.kind == Kind::null;
    case ActionKind::remove:
      action.done = value.integer > 0;
      return value.kind == Kind::integer;
    case ActionKind::append:
    case ActionKind::increment:
      action.number = value.integer;
      return value.kind == Kind::integer;
  }
  return false;
}

// A value that was written to another register, or by nobody, is another request's reply.
bool belongs(const Action& action) {
  if (!action.text || action.kind != ActionKind::read) return true;
  const std::string_view target = action.target;
  if (target.starts_with("c:")) return true;
  if (target.starts_with("p:"))
    return action.text->starts_with(target.substr(0, target.size() - 2));
  return action.text->starts_with(action.target + "=");
}

bool take_results(Request& request, const resp::Value& reply) {
  std::vector<Action>& actions = request.operation.actions;
  switch (request.kind) {
    case echo:
      return reply.kind == Kind::bulk && reply.text == request.token;
    case bgsave:
      return reply.kind == Kind::simple;
    case mset:
      return is_ok(reply);
    case mget:
    case exec: {
      if (reply.kind != Kind::array || reply.items.size() != actions.size()) return false;
      bool fits = true;
      for (size_t i = 0; i < actions.size(); ++i) {
        fits = fits && take_result(actions[i], reply.items[i]);
      }
      return fits;
    }
    default:
      return take_result(actions[0], reply);
  }
}

// What an error says of its operation. Refused: surely not done.
Outcome outcome_of(std::string_view code) {
  return code == "UNCERTAIN" ? Outcome::unknown : Outcome::refused;
}

// Errors that a healthy client may get: the node loads, its disk fails, a snapshot runs already.
constexpr std::array<std::string_view, 8> kExpected = {
    "LOADING", "MISCONF", "EXECABORT", "UNAVAILABLE", "NOPRIMARY", "UNCERTAIN", "OOM", "ERR"};

}  // namespace

Result<Workload> Workload::named(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end()) {
    return Error{Errc::invalid_argument, fmt::format("there is no workload '{}'; there are {}",
                                                     name, fmt::join(names(), ", "))};
  }
  Workload workload;
  workload.name_ = row->name;
  workload.weights_ = row->weights.data();
  for (const uint16_t weight : row->weights) workload.weight_sum_ += weight;
  return workload;
}

std::vector<std::string_view> Workload::names() {
  std::vector<std::string_view> all;
  for (const Row& row : kRows) all.push_back(row.name);
  return all;
}

Request Workload::next(SimRng& rng, size_t client, uint64_t number) const {
  uint64_t left = rng.below(weight_sum_);
  size_t kind = 0;
  while (left >= weights_[kind]) left -= weights_[kind++];
  return Maker(rng, client, number).make(static_cast<RequestKind>(kind));
}

void take_reply(Request& request, const resp::Value& reply) {
  Operation& operation = request.operation;
  if (reply.kind == Kind::error) {
    operation.error = reply.text.substr(0, reply.text.find(' '));
    operation.outcome = outcome_of(operation.error);
    const bool may_be = std::ranges::find(kExpected, operation.error) != kExpected.end();
    const bool is_plain_error = operation.error == "ERR" && request.kind != bgsave;
    if (!may_be || is_plain_error) operation.complaint = "the error " + reply.text;
    return;
  }
  operation.outcome = Outcome::ok;
  if (!take_results(request, reply)) {
    operation.complaint = "a reply of another kind or to another request";
    return;
  }
  const auto foreign = std::ranges::find_if_not(operation.actions, belongs);
  if (foreign != operation.actions.end()) {
    operation.complaint =
        fmt::format("{} holds what nobody wrote there: {}", foreign->target, *foreign->text);
  }
}

std::string partner_of(std::string_view target) {
  if (!target.starts_with("p:")) return {};
  std::string partner(target);
  partner.back() = target.back() == 'a' ? 'b' : 'a';
  return partner;
}

bool is_volatile(std::string_view target) { return target.starts_with("v:"); }

}  // namespace quoris::sim
