#include "sim/faults/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace quoris::sim {

namespace {

using enum FaultKind;

constexpr std::array<std::string_view, kFaultKinds> kNames = {
    "partition",
    "partition_inbound",
    "partition_outbound",
    "flicker",
    "slow_link",
    "lossy_link",
    "reset",
    "slow_disk",
    "failing_writes",
    "failing_syncs",
    "full_disk",
    "clock_jump",
    "clock_drift",
    "pause",
    "kill",
    "power_cut",
    "kill_at_step",
    "power_cut_at_step",
    "power_cut_at_reply",
    "power_cut_in_snapshot",
    "crash_in_recovery",
    "split",
    "cut_pair",
    "channel",
    "restart",
    "pause_past_lease",
    "power_cut_leader_at_step",
    "cut_new_leader",
    "hand_over",
    "blackout",
    "join",
    "leave",
    "wipe",
};

constexpr std::array kNetwork = {partition,
                                 partition_inbound,
                                 partition_outbound,
                                 flicker,
                                 slow_link,
                                 lossy_link,
                                 reset,
                                 split,
                                 cut_pair,
                                 channel};
constexpr std::array kDisk = {slow_disk, failing_writes, failing_syncs, full_disk};
constexpr std::array kClock = {clock_jump, clock_drift};
constexpr std::array kCrash = {pause,
                               kill,
                               power_cut,
                               kill_at_step,
                               power_cut_at_step,
                               power_cut_at_reply,
                               power_cut_in_snapshot,
                               crash_in_recovery};
constexpr std::array kLeader = {
    pause_past_lease, power_cut_leader_at_step, cut_new_leader, hand_over, restart, blackout};
constexpr std::array kMembers = {join, leave, wipe};
constexpr std::array kCalm = {slow_link, pause, kill, restart, join, leave};

struct Profile {
  FaultProfile shown;
  std::span<const FaultKind> kinds;
};

constexpr std::string_view kNone = "none";

constexpr std::array kProfiles = {
    Profile{.shown = {kNone, "nothing goes wrong"}, .kinds = {}},
    Profile{.shown = {"calm", "a slow link, a pause, an end, members that come and go"},
            .kinds = kCalm},
    Profile{.shown = {"network", "cuts, flickers, delays, losses, resets"}, .kinds = kNetwork},
    Profile{.shown = {"disk", "slow, failing and full disks"}, .kinds = kDisk},
    Profile{.shown = {"clock", "clocks that jump and drift"}, .kinds = kClock},
    Profile{.shown = {"crash", "killed processes and power cuts, random and aimed"},
            .kinds = kCrash},
    Profile{.shown = {"leader", "what is worst for a leader, at the worst moment"},
            .kinds = kLeader},
    Profile{.shown = {"members", "members that come, go, and lose their disk"}, .kinds = kMembers},
};

constexpr std::string_view kAll = "all";

void add(std::span<const FaultKind> kinds, std::array<bool, kFaultKinds>& chosen) {
  for (const FaultKind kind : kinds) chosen[static_cast<size_t>(kind)] = true;
}

bool add_named(std::string_view word, std::array<bool, kFaultKinds>& chosen) {
  if (word == kAll) {
    chosen.fill(true);
    return true;
  }
  const auto profile =
      std::ranges::find(kProfiles, word, [](const Profile& each) { return each.shown.name; });
  if (profile != kProfiles.end()) {
    add(profile->kinds, chosen);
    return true;
  }
  const auto name = std::ranges::find(kNames, word);
  if (name == kNames.end()) return false;
  chosen[static_cast<size_t>(name - kNames.begin())] = true;
  return true;
}

}  // namespace

std::string_view name_of(FaultKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::vector<FaultProfile> fault_profiles() {
  std::vector<FaultProfile> shown;
  shown.reserve(kProfiles.size() + 1);
  for (const Profile& profile : kProfiles) shown.push_back(profile.shown);
  shown.push_back({kAll, "all of these"});
  return shown;
}

Result<std::vector<FaultKind>> parse_faults(std::string_view text) {
  std::array<bool, kFaultKinds> chosen{};
  const std::vector<std::string_view> words = words_of_faults(text);
  for (const std::string_view word : words) {
    if (word == kNone && words.size() > 1) {
      return Error{Errc::invalid_argument, "none stands alone: no fault beside it"};
    }
    if (!add_named(word, chosen)) {
      return Error{Errc::invalid_argument,
                   fmt::format("there is no fault '{}'; there are {} and the profiles {}, all",
                               word, fmt::join(kNames, ", "), [] {
                                 std::string names;
                                 for (const Profile& each : kProfiles) {
                                   if (!names.empty()) names += ", ";
                                   names += each.shown.name;
                                 }
                                 return names;
                               }())};
    }
  }
  std::vector<FaultKind> kinds;
  for (size_t i = 0; i < kFaultKinds; ++i) {
    if (chosen[i]) kinds.push_back(static_cast<FaultKind>(i));
  }
  return kinds;
}

std::vector<std::string_view> words_of_faults(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const size_t end = text.find(',');
    words.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end + 1);
  }
}

}  // namespace quoris::sim
