// Whether calls to one register can be put in an order that explains all their results: each takes
// effect at once at some moment between its call and its return.
//
// Calls without a result (the client never heard) may have taken effect at any moment since they
// were made, or never. The search tries orders in depth (Wing and Gong 1993), and remembers which
// sets of calls have led to which state (Lowe 2017), so that it ends; beyond a bound it gives up
// and says so.
// Pure. Used by: RegisterChecker; fit for a cluster's histories as well.
// Sources: Herlihy and Wing 1990; Lowe, "Testing for linearizability" (2017).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/history.h"

namespace quoris::sim {

struct Call {
  const Action* action = nullptr;
  uint64_t invoked_us = 0;
  uint64_t returned_us = Operation::kNotReturned;  // meaningless without a result
  bool has_result = false;
};

// A value, and when it goes by itself: not before `dies_after_us`, surely by `dies_before_us`.
struct RegisterState {
  static constexpr uint64_t kNever = ~uint64_t{0};

  std::optional<std::string> value;
  uint64_t dies_after_us = kNever;
  uint64_t dies_before_us = kNever;

  auto operator<=>(const RegisterState&) const = default;
};

enum class Linearizability : uint8_t { holds, broken, undecided };

struct LinearizabilityVerdict {
  Linearizability outcome = Linearizability::holds;
  std::string explanation;  // of a broken one: the call that no order explains
  uint64_t configurations = 0;
};

struct LinearizabilityOptions {
  uint64_t configurations_max = 2'000'000;
  // How far clocks may make an expiry come early or late; kNever: at any time.
  uint64_t expiry_slack_us = 100'000;
};

[[nodiscard]] LinearizabilityVerdict check_register(std::span<const Call> calls,
                                                    const RegisterState& initial,
                                                    const LinearizabilityOptions& options = {});

}  // namespace quoris::sim
