#include "server/settings/special_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.h"
#include "server/notifications.h"

namespace quoris::server::special {
namespace {

// As strtoll reads it, which is what Redis does here: leading zeros and an empty word (0) are
// fine, anything behind the digits is not.
std::optional<int64_t> parse_count(std::string_view word, int64_t low, int64_t high) {
  int64_t value = 0;
  if (!word.empty()) {
    const char* end = word.data() + word.size();
    const auto [stopped, failure] = std::from_chars(word.data(), end, value);
    if (failure != std::errc() || stopped != end) return std::nullopt;
  }
  if (value < low || value > high) return std::nullopt;
  return value;
}

struct LimitClass {
  std::string_view shown;      // by CONFIG GET
  std::string_view rewritten;  // by CONFIG REWRITE; both names are read
};

constexpr LimitClass kLimitClasses[] = {
    {"normal", "normal"}, {"slave", "replica"}, {"pubsub", "pubsub"}};

std::optional<size_t> find_limit_class(std::string_view word) {
  for (size_t i = 0; i < std::size(kLimitClasses); ++i) {
    if (equals_ignoring_case(word, kLimitClasses[i].shown) ||
        equals_ignoring_case(word, kLimitClasses[i].rewritten)) {
      return i;
    }
  }
  return std::nullopt;
}

// Bit i of the mask is kLogTopics[i], see LogTopic.
constexpr std::string_view kLogTopics[] = {"network", "expiry", "replication",
                                           "gossip",  "repair", "raft"};
static_assert(static_cast<uint32_t>(LogTopic::raft) == 1U << (std::size(kLogTopics) - 1));

std::vector<std::string> quoted_if_empty(std::string line) {
  if (line.empty()) line = "\"\"";
  return {std::move(line)};
}

}  // namespace

// --- bind ----------------------------------------------------------------------------------------

Outcome parse_bind(SettingValues& values, const Custom::Input& input) {
  if (input.words.size() > kBindAddressesMax) {
    return std::string("Too many bind addresses specified.");
  }
  for (const std::string& word : input.words) {
    // The system would take an empty address for every interface, cut one at a zero byte.
    if (word.empty() || word == "-" || word.find('\0') != std::string::npos) {
      return std::string("Failed to bind to specified addresses.");
    }
  }
  values.bind.assign(input.words.begin(), input.words.end());
  return Done{};
}

std::string format_bind(const SettingValues& values) {
  return fmt::format("{}", fmt::join(values.bind, " "));
}

std::vector<std::string> bind_lines(const SettingValues& values) {
  return quoted_if_empty(format_bind(values));
}

// --- save ----------------------------------------------------------------------------------------

Outcome parse_save(SettingValues& values, const Custom::Input& input) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  if (input.words.size() % 2 != 0) return std::string("Invalid save parameters");
  std::vector<SavePoint> points;
  if (input.add && !input.words.empty()) points = values.save;
  for (size_t i = 0; i < input.words.size(); i += 2) {
    const std::optional<int64_t> seconds = parse_count(input.words[i], 1, kMost);
    const std::optional<int64_t> changes = parse_count(input.words[i + 1], 0, kMost);
    if (!seconds || !changes) return std::string("Invalid save parameters");
    points.push_back({.seconds = *seconds, .changes = *changes});
  }
  values.save = std::move(points);
  return Done{};
}

std::string format_save(const SettingValues& values) {
  if (values.save.empty()) return {};
  return fmt::format("{}", fmt::join(save_lines(values), " "));
}

std::vector<std::string> save_lines(const SettingValues& values) {
  if (values.save.empty()) return quoted_if_empty({});
  std::vector<std::string> lines;
  for (const SavePoint& point : values.save) {
    lines.push_back(fmt::format("{} {}", point.seconds, point.changes));
  }
  return lines;
}

// --- client-output-buffer-limit ------------------------------------------------------------------

Outcome parse_output_limits(SettingValues& values, const Custom::Input& input) {
  constexpr size_t kWordsPerClass = 4;
  constexpr int64_t kSecondsMax = std::numeric_limits<int32_t>::max();
  if (input.words.size() % kWordsPerClass != 0) {
    return std::string("Wrong number of arguments in buffer limit configuration.");
  }
  auto limits = values.client_output_buffer_limit;
  for (size_t i = 0; i < input.words.size(); i += kWordsPerClass) {
    const std::optional<size_t> which = find_limit_class(input.words[i]);
    if (!which) {
      return std::string("Invalid client class specified in buffer limit configuration.");
    }
    const auto hard = parse_memory_size(input.words[i + 1]);
    const auto soft = parse_memory_size(input.words[i + 2]);
    const std::optional<int64_t> seconds = parse_count(input.words[i + 3], 0, kSecondsMax);
    if (!hard || !soft || !seconds) {
      return std::string(
          "Error in hard, soft or soft_seconds setting in buffer limit "
          "configuration.");
    }
    limits[*which] = {.hard = *hard, .soft = *soft, .soft_seconds = *seconds};
  }
  values.client_output_buffer_limit = limits;
  return Done{};
}

std::string format_output_limits(const SettingValues& values) {
  std::vector<std::string> classes;
  for (size_t i = 0; i < std::size(kLimitClasses); ++i) {
    const OutputLimit& limit = values.client_output_buffer_limit[i];
    classes.push_back(fmt::format("{} {} {} {}", kLimitClasses[i].shown, limit.hard, limit.soft,
                                  limit.soft_seconds));
  }
  return fmt::format("{}", fmt::join(classes, " "));
}

std::vector<std::string> output_limit_lines(const SettingValues& values) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::size(kLimitClasses); ++i) {
    const OutputLimit& limit = values.client_output_buffer_limit[i];
    lines.push_back(fmt::format("{} {} {} {}", kLimitClasses[i].rewritten,
                                format_memory_size(limit.hard), format_memory_size(limit.soft),
                                limit.soft_seconds));
  }
  return lines;
}

// --- latency-tracking-info-percentiles -----------------------------------------------------------

Outcome parse_percentiles(SettingValues& values, const Custom::Input& input) {
  std::vector<double> percentiles;
  for (const std::string& word : input.words) {
    const std::optional<double> value = parse_double(word);
    if (!value) return std::string("Invalid latency-tracking-info-percentiles parameters");
    if (*value < 0 || *value > 100) {
      return std::string(
          "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    percentiles.push_back(*value);
  }
  values.latency_tracking_info_percentiles = std::move(percentiles);
  return Done{};
}

std::string format_percentiles(const SettingValues& values) {
  std::vector<std::string> words;
  for (const double value : values.latency_tracking_info_percentiles) {
    std::string word = fmt::format("{:f}", value);
    word.resize(word.find_last_not_of('0') + 1);  // there is a point, so this stops in time
    if (word.back() == '.') word.pop_back();
    words.push_back(std::move(word));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

std::vector<std::string> percentile_lines(const SettingValues& values) {
  return quoted_if_empty(format_percentiles(values));
}

// --- log-debug -----------------------------------------------------------------------------------

Outcome parse_log_topics(SettingValues& values, const Custom::Input& input) {
  uint32_t mask = 0;
  for (const std::string& word : input.words) {
    std::string_view rest = word;
    while (!rest.empty()) {
      const std::string_view topic = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(topic.size() + 1, rest.size()));
      if (topic.empty()) continue;
      const auto* const known = std::ranges::find_if(
          kLogTopics, [topic](std::string_view each) { return equals_ignoring_case(each, topic); });
      if (known == std::end(kLogTopics)) {
        return fmt::format("argument(s) must be one of the following: {}",
                           fmt::join(kLogTopics, ", "));
      }
      mask |= 1U << (known - std::begin(kLogTopics));
    }
  }
  values.log_topics = mask;
  return Done{};
}

std::string format_log_topics(const SettingValues& values) {
  std::vector<std::string_view> topics;
  for (size_t i = 0; i < std::size(kLogTopics); ++i) {
    if ((values.log_topics & (1U << i)) != 0) topics.push_back(kLogTopics[i]);
  }
  return fmt::format("{}", fmt::join(topics, ","));
}

std::vector<std::string> log_topic_lines(const SettingValues& values) {
  return quoted_if_empty(format_log_topics(values));
}

// --- consistency ---------------------------------------------------------------------------------

Outcome parse_consistency(SettingValues& values, const Custom::Input& input) {
  const std::string expected =
      "argument must be a level (ANY, ONE, QUORUM, ALL, STRONG), or READ level WRITE level";
  const std::span<const std::string> words = input.words;
  if (words.size() == 1) {
    const std::optional<Level> level = parse_level(words[0]);
    if (!level) return expected;
    values.consistency = {.read = *level, .write = *level};
    return Done{};
  }
  if (words.empty() || words.size() % 2 != 0) return expected;
  Consistency consistency = values.consistency;
  for (size_t i = 0; i < words.size(); i += 2) {
    const std::optional<Level> level = parse_level(words[i + 1]);
    if (!level) return expected;
    if (equals_ignoring_case(words[i], "read")) {
      consistency.read = *level;
    } else if (equals_ignoring_case(words[i], "write")) {
      consistency.write = *level;
    } else {
      return expected;
    }
  }
  values.consistency = consistency;
  return Done{};
}

std::string format_consistency(const SettingValues& values) {
  const Consistency& consistency = values.consistency;
  if (consistency.read == consistency.write) return std::string(level_name(consistency.read));
  return fmt::format("READ {} WRITE {}", level_name(consistency.read),
                     level_name(consistency.write));
}

// --- notify-keyspace-events
// -----------------------------------------------------------------------

Outcome parse_events(SettingValues& values, const Custom::Input& input) {
  const std::optional<EventMask> mask = parse_event_mask(input.words[0]);
  if (!mask) return std::string("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  values.notify_keyspace_events = *mask;
  return Done{};
}

std::string format_events(const SettingValues& values) {
  return format_event_mask(values.notify_keyspace_events);
}

std::vector<std::string> event_lines(const SettingValues& values) {
  return quoted_if_empty(format_events(values));
}

// --- node-id -------------------------------------------------------------------------------------

Outcome parse_node_id(SettingValues& values, const Custom::Input& input) {
  constexpr size_t kLengthMax = 64;
  const std::string& word = input.words[0];
  const auto fits = [](char c) {
    const char small = lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (word.size() > kLengthMax || !std::ranges::all_of(word, fits)) {
    return std::string("argument must be at most 64 letters, digits, '-', '_' and '.'");
  }
  values.node_id = word;
  return Done{};
}

std::string format_node_id(const SettingValues& values) { return values.node_id; }

std::vector<std::string> node_id_lines(const SettingValues& values) {
  return quoted_if_empty(values.node_id);
}

// --- only "no" -----------------------------------------------------------------------------------

Outcome parse_daemonize(SettingValues& /*values*/, const Custom::Input& input) {
  if (equals_ignoring_case(input.words[0], "no")) return Done{};
  return std::string(
      "only 'no' is possible: this server doesn't go to the background by itself; start it as a "
      "service (systemd, Type=exec), or in a shell with '&'");
}

Outcome parse_supervised(SettingValues& /*values*/, const Custom::Input& input) {
  if (equals_ignoring_case(input.words[0], "no")) return Done{};
  return std::string(
      "only 'no' is possible: this server doesn't tell a supervisor when it is ready; under "
      "systemd use Type=exec");
}

std::string format_no(const SettingValues& /*values*/) { return "no"; }

}  // namespace quoris::server::special
