#include "sim/check/linearizability.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "base/text.h"

namespace quoris::sim {

namespace {

uint64_t mixed(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

// A set of calls and a state, told apart by 128 bits of hash: one in 2^64 searches of this size
// would mistake two for each other.
struct Configuration {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const Configuration&) const = default;
};

struct ConfigurationHash {
  size_t operator()(const Configuration& each) const noexcept { return each.low; }
};

class Search {
 public:
  // Hopeful: what nobody heard of and nobody can have seen is left out. Much quicker; but when it
  // finds no order there may be one yet.
  Search(std::span<const Call> calls, const RegisterState& initial,
         const LinearizabilityOptions& options, bool is_hopeful);

  [[nodiscard]] LinearizabilityVerdict run();

 private:
  static constexpr size_t kHead = 0;

  // Calls and returns in the order of time; index 0 is the list's head, 0 as `next` its end.
  struct Node {
    size_t call = 0;
    bool is_return = false;
    size_t match = 0;  // of a call: its return, if it has one
    size_t next = 0;
    size_t previous = 0;
  };

  struct Choice {
    size_t node = 0;
    size_t state_before = 0;
  };

  void build_list();
  // A call without a result that is worth a try now.
  [[nodiscard]] bool is_worth_trying(size_t call) const;
  [[nodiscard]] bool may_be_seen(const RegisterState& state) const;
  void lift(size_t node);
  void put_back(size_t node);
  void unlink(size_t node);
  void link(size_t node);
  // The number of a state, which is the same for equal ones.
  [[nodiscard]] size_t number_of(RegisterState state);
  // Nothing: the result can't be had from this state.
  [[nodiscard]] std::optional<size_t> step(const Call& call, size_t state);
  [[nodiscard]] std::optional<RegisterState> apply(const Call& call, const RegisterState& state);
  [[nodiscard]] RegisterState written(const Call& call) const;
  void note_blocked(size_t node);

  std::span<const Call> calls_;
  LinearizabilityOptions options_;
  bool is_hopeful_;
  std::vector<size_t> twins_;  // by call: the one before that is its like, or itself
  std::vector<bool> taken_;    // by call: it is in the order
  std::vector<Node> nodes_{1};
  std::vector<const RegisterState*> states_;
  std::map<RegisterState, size_t> numbers_;
  std::vector<Choice> chosen_;
  std::unordered_set<Configuration, ConfigurationHash> seen_;
  Configuration done_;
  size_t state_ = 0;
  size_t returns_left_ = 0;
  size_t deepest_ = 0;
  std::string blocked_;
};

Search::Search(std::span<const Call> calls, const RegisterState& initial,
               const LinearizabilityOptions& options, bool is_hopeful)
    : calls_(calls), options_(options), is_hopeful_(is_hopeful), taken_(calls.size()) {
  state_ = number_of(initial);
  build_list();
}

// Increments that nobody heard of are all alike, and so are removals: of such the one that was
// called first goes first, or their subsets alone would fill the memory.
bool Search::is_worth_trying(size_t call) const {
  return calls_[call].has_result || twins_[call] == call || taken_[twins_[call]];
}

bool Search::may_be_seen(const RegisterState& state) const {
  return std::ranges::any_of(calls_, [&](const Call& call) {
    return call.has_result && call.action->text && call.action->text->starts_with(*state.value);
  });
}

void Search::build_list() {
  struct Event {
    uint64_t at_us = 0;
    bool is_return = false;
    size_t call = 0;
  };

  std::vector<Event> events;
  for (size_t i = 0; i < calls_.size(); ++i) {
    events.push_back({.at_us = calls_[i].invoked_us, .is_return = false, .call = i});
    if (!calls_[i].has_result) continue;
    events.push_back({.at_us = calls_[i].returned_us, .is_return = true, .call = i});
    ++returns_left_;
  }
  // At the same moment calls come first: they overlap.
  std::ranges::stable_sort(events, [](const Event& a, const Event& b) {
    return std::pair(a.at_us, a.is_return) < std::pair(b.at_us, b.is_return);
  });
  std::vector<size_t> call_nodes(calls_.size());
  std::map<ActionKind, size_t> last_unheard;
  twins_.resize(calls_.size());
  for (const Event& event : events) {
    const size_t node = nodes_.size();
    if (!event.is_return) {
      const Call& call = calls_[event.call];
      const ActionKind kind = call.action->kind;
      const bool has_twins = kind == ActionKind::increment || kind == ActionKind::remove;
      twins_[event.call] = event.call;
      if (!call.has_result && has_twins) {
        const auto [last, is_first] = last_unheard.try_emplace(kind, event.call);
        if (!is_first) twins_[event.call] = std::exchange(last->second, event.call);
      }
    }
    nodes_.push_back({.call = event.call,
                      .is_return = event.is_return,
                      .match = 0,
                      .next = 0,
                      .previous = node - 1});
    nodes_[node - 1].next = node;
    if (event.is_return) {
      nodes_[call_nodes[event.call]].match = node;
    } else {
      call_nodes[event.call] = node;
    }
  }
}

void Search::unlink(size_t node) {
  const Node& gone = nodes_[node];
  nodes_[gone.previous].next = gone.next;
  if (gone.next != 0) nodes_[gone.next].previous = gone.previous;
}

void Search::link(size_t node) {
  const Node& back = nodes_[node];
  nodes_[back.previous].next = node;
  if (back.next != 0) nodes_[back.next].previous = node;
}

void Search::lift(size_t node) {
  unlink(node);
  if (nodes_[node].match == 0) return;
  unlink(nodes_[node].match);
  --returns_left_;
}

void Search::put_back(size_t node) {
  if (nodes_[node].match != 0) {
    link(nodes_[node].match);
    ++returns_left_;
  }
  link(node);
}

size_t Search::number_of(RegisterState state) {
  const auto [found, is_new] = numbers_.try_emplace(std::move(state), states_.size());
  if (is_new) states_.push_back(&found->first);
  return found->second;
}

RegisterState Search::written(const Call& call) const {
  RegisterState state{.value = call.action->argument};
  const uint64_t ttl_us = call.action->ttl_us;
  if (ttl_us == 0) return state;
  const uint64_t slack_us = options_.expiry_slack_us;
  if (slack_us == RegisterState::kNever) {
    state.dies_after_us = 0;
    return state;
  }
  const uint64_t first_us = call.invoked_us + ttl_us;
  state.dies_after_us = first_us > slack_us ? first_us - slack_us : 0;
  if (call.has_result) state.dies_before_us = call.returned_us + ttl_us + slack_us;
  return state;
}

std::optional<RegisterState> Search::apply(const Call& call, const RegisterState& state) {
  const Action& action = *call.action;
  const bool knows = call.has_result;
  // Registers with an expiry are only read, written and removed.
  const bool may_be_gone = !state.value || !knows || call.returned_us >= state.dies_after_us;
  const bool may_be_there = state.value && (!knows || call.invoked_us <= state.dies_before_us);
  switch (action.kind) {
    case ActionKind::read:
      if (!knows) return state;
      if (!action.text) {
        if (!may_be_gone) return std::nullopt;
        // While its log can't be written a node hides what has expired and removes nothing; once a
        // clock has gone back it is there again.
        const bool may_be_hidden = options_.expiry_slack_us == RegisterState::kNever &&
                                   state.value && state.dies_after_us != RegisterState::kNever;
        return may_be_hidden ? state : RegisterState{};
      }
      return may_be_there && state.value == action.text ? std::optional(state) : std::nullopt;
    case ActionKind::write:
      return written(call);
    case ActionKind::write_if_absent:
      if (knows && action.done == state.value.has_value()) return std::nullopt;
      return state.value ? state : written(call);
    case ActionKind::remove:
      if (knows && !(action.done ? may_be_there : may_be_gone)) return std::nullopt;
      return RegisterState{};
    case ActionKind::swap:
      if (knows && action.text != state.value) return std::nullopt;
      return written(call);
    case ActionKind::append: {
      RegisterState after{.value = state.value.value_or("") + action.argument};
      const bool fits = knows ? action.number == static_cast<int64_t>(after.value->size())
                              : !is_hopeful_ || may_be_seen(after);
      return fits ? std::optional(std::move(after)) : std::nullopt;
    }
    case ActionKind::increment: {
      const int64_t before = parse_int64(state.value.value_or("0")).value_or(0);
      if (knows && action.number != before + 1) return std::nullopt;
      return RegisterState{.value = std::to_string(before + 1)};
    }
  }
  return std::nullopt;
}

std::optional<size_t> Search::step(const Call& call, size_t state) {
  std::optional<RegisterState> after = apply(call, *states_[state]);
  if (!after) return std::nullopt;
  return number_of(std::move(*after));
}

void Search::note_blocked(size_t node) {
  if (chosen_.size() < deepest_ && !blocked_.empty()) return;
  deepest_ = chosen_.size();
  const Call& call = calls_[nodes_[node].call];
  const std::optional<std::string>& value = states_[state_]->value;
  blocked_ = fmt::format(
      "{}, called at {} us, returned at {} us: after {} calls in order the register holds {}",
      describe(*call.action, true), call.invoked_us, call.returned_us, chosen_.size(),
      value ? "'" + value->substr(0, 80) + "'" : "nothing");
}

LinearizabilityVerdict Search::run() {
  size_t at = nodes_[kHead].next;
  while (returns_left_ > 0) {
    const Node& node = nodes_[at];
    if (!node.is_return) {
      std::optional<size_t> after;
      if (is_worth_trying(node.call)) after = step(calls_[node.call], state_);
      const Configuration with = {.high = done_.high ^ mixed(2 * node.call),
                                  .low = done_.low ^ mixed(2 * node.call + 1)};
      if (after && seen_
                       .insert({.high = with.high ^ mixed(~*after),
                                .low = with.low ^ mixed(*after + (uint64_t{1} << 40))})
                       .second) {
        if (seen_.size() > options_.configurations_max) {
          return {.outcome = Linearizability::undecided,
                  .explanation = {},
                  .configurations = seen_.size()};
        }
        chosen_.push_back({.node = at, .state_before = state_});
        taken_[node.call] = true;
        done_ = with;
        state_ = *after;
        lift(at);
        at = nodes_[kHead].next;
      } else {
        at = node.next;
      }
      continue;
    }
    // A call that has to come before this moment fits nowhere.
    note_blocked(at);
    if (chosen_.empty()) {
      return {.outcome = Linearizability::broken,
              .explanation = blocked_,
              .configurations = seen_.size()};
    }
    const Choice last = chosen_.back();
    chosen_.pop_back();
    const size_t call = nodes_[last.node].call;
    done_ = {.high = done_.high ^ mixed(2 * call), .low = done_.low ^ mixed(2 * call + 1)};
    state_ = last.state_before;
    taken_[call] = false;
    put_back(last.node);
    at = nodes_[last.node].next;
  }
  return {.outcome = Linearizability::holds, .explanation = {}, .configurations = seen_.size()};
}

// What nobody heard of, and nobody saw: most histories hold without it, and are much shorter.
bool is_unseen(const Call& call, std::span<const Call> calls) {
  if (call.has_result) return false;
  if (call.action->kind != ActionKind::write && call.action->kind != ActionKind::swap) return false;
  return std::ranges::none_of(calls, [&](const Call& other) {
    return other.has_result && other.action->text == call.action->argument;
  });
}

}  // namespace

LinearizabilityVerdict check_register(std::span<const Call> calls, const RegisterState& initial,
                                      const LinearizabilityOptions& options) {
  std::vector<Call> seen;
  for (const Call& call : calls) {
    const bool tells_nothing = !call.has_result && call.action->kind == ActionKind::read;
    if (!tells_nothing && !is_unseen(call, calls)) seen.push_back(call);
  }
  LinearizabilityVerdict verdict = Search(seen, initial, options, true).run();
  const bool is_whole = std::ranges::all_of(calls, &Call::has_result);
  if (verdict.outcome == Linearizability::holds || is_whole) return verdict;
  return Search(calls, initial, options, false).run();
}

}  // namespace quoris::sim
