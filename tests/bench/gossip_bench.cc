// Measures the gossip core alone over a simulated network: load per node, how soon changes are
// known, and that nobody well is taken for down. Prints the table of docs/cluster.md.
//
//   quoris_gossip_bench [--seed N] [--quick] [nodes]...     3 10 100 1000 by default
//
// Simulated time, so the figures are the same on every machine; --quick takes tenths of the times.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cluster/membership/scenarios.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kHour = 3600 * kSecond;

struct Row {
  std::string name;
  std::vector<std::string> cells;
};

std::string text(const char* format, double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string time_text(uint64_t us) {
  return us < 100'000 ? text("%.0f ms", static_cast<double>(us) / 1e3)
                      : text("%.2f s", static_cast<double>(us) / 1e6);
}

std::string text(const Times& times) {
  std::string cell = time_text(times.median_us()) + ", " + time_text(times.max_us());
  if (times.unknown() > 0) cell += ", unknown to " + std::to_string(times.unknown());
  return cell;
}

std::string text(const Calm& calm, bool with_back) {
  std::string cell = std::to_string(calm.suspected) + ", " + std::to_string(calm.seen_down);
  if (with_back) cell += ", " + time_text(calm.back_us);
  if (!calm.all_well) cell += " (not all well in the end)";
  return cell;
}

void measure(size_t nodes, uint64_t seed, uint64_t divisor, std::vector<Row>& rows) {
  size_t row = 0;
  const auto put = [&rows, &row, nodes](const char* name, const std::string& cell) {
    std::fprintf(stderr, "%4zu nodes: %s: %s\n", nodes, name, cell.c_str());
    if (rows.size() == row) rows.push_back({.name = name, .cells = {}});
    rows[row++].cells.push_back(cell);
  };
  const uint64_t hour = kHour / divisor;
  const uint64_t stall_time = nodes > 100 ? hour / 6 : hour;

  const Load load = idle_load(nodes, seed, 60 * kSecond);
  put("messages sent per node and second, idle", text("%.1f", load.messages));
  put("bytes sent per node and second, idle", text("%.0f", load.bytes));
  const ChangeTimes times = change_times(nodes, seed, nodes > 100 ? 3 : 100 / divisor);
  put("join known: median, max", text(times.join));
  put("dead process known: median, max", text(times.crash));
  put("silent crash known: median, max", text(times.silent_crash));
  put("recovery known: median, max", text(times.recovery));
  put("1 % of messages lost: suspicions, taken for down",
      text(with_loss(nodes, seed, hour, {.loss_ppm = 10'000}), false));
  put("1 % sent again after 0.2 s, what is behind them waits: suspicions, taken for down",
      text(with_loss(nodes, seed, hour, {.loss_ppm = 10'000, .resend_us = 200'000}), false));
  put("stalls up to 0.5 s: suspicions, taken for down",
      text(with_stalls(nodes, seed, stall_time, {}), false));
  put("stalls of 1 s: suspicions, taken for down, all rid of it after",
      text(with_stalls(nodes, seed, stall_time, {.min_us = kSecond, .max_us = kSecond}), true));
}

void print(const std::vector<size_t>& sizes, const std::vector<Row>& rows) {
  std::string head = "| nodes |";
  std::string rule = "| --- |";
  for (const size_t nodes : sizes) {
    head += " " + std::to_string(nodes) + " |";
    rule += " --- |";
  }
  std::printf("%s\n%s\n", head.c_str(), rule.c_str());
  for (const Row& row : rows) {
    std::string line = "| " + row.name + " |";
    for (const std::string& cell : row.cells) line += " " + cell + " |";
    std::printf("%s\n", line.c_str());
  }
}

int run(const std::vector<std::string_view>& arguments) {
  uint64_t seed = 1;
  uint64_t divisor = 1;
  std::vector<size_t> sizes;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--quick") {
      divisor = 10;
    } else if (argument == "--seed" && i + 1 < arguments.size()) {
      seed = std::strtoull(arguments[++i].data(), nullptr, 10);
    } else if (const size_t nodes = std::strtoull(argument.data(), nullptr, 10);
               nodes >= 2 && nodes < kMemberNumberMax) {
      sizes.push_back(nodes);
    } else {
      std::fputs("usage: quoris_gossip_bench [--seed N] [--quick] [nodes]...\n", stderr);
      return argument == "--help" ? EXIT_SUCCESS : 2;
    }
  }
  if (sizes.empty()) sizes = {3, 10, 100, 1000};
  std::fprintf(stderr, "seed %lu, times divided by %lu\n", seed, divisor);
  std::vector<Row> rows;
  for (const size_t nodes : sizes) measure(nodes, seed, divisor, rows);
  print(sizes, rows);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace quoris::membership

int main(int argc, char** argv) { return quoris::membership::run({argv + 1, argv + argc}); }
