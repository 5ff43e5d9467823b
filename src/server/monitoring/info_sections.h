// The sections of INFO: a table of names and of what writes them.
//
// Sections, fields and their order are redis-server 7.0.15's, because exporters and client
// libraries read them by name; what has no counterpart here stands with the value that Redis
// shows when it is not used. Our own fields stand behind a section's last one.
// Used by: INFO.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace quoris::server {

class Node;

// Lines of one section: "name:value".
class InfoWriter {
 public:
  explicit InfoWriter(std::string& out) : out_(out) {}

  void title(std::string_view name) { fmt::format_to(std::back_inserter(out_), "# {}\r\n", name); }

  template <class T>
  void add(std::string_view name, const T& value) {
    fmt::format_to(std::back_inserter(out_), "{}:{}\r\n", name, value);
  }

  // With so many decimals as Redis has there.
  void add_decimal(std::string_view name, double value, int decimals = 2) {
    fmt::format_to(std::back_inserter(out_), "{}:{:.{}f}\r\n", name, value, decimals);
  }

  void add_percent(std::string_view name, double percent) {
    fmt::format_to(std::back_inserter(out_), "{}:{:.2f}%\r\n", name, percent);
  }

  // Microseconds, shown as seconds.
  void add_seconds(std::string_view name, int64_t microseconds) {
    fmt::format_to(std::back_inserter(out_), "{}:{}.{:06}\r\n", name, microseconds / 1'000'000,
                   microseconds % 1'000'000);
  }

  void add_zeros(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) add(name, 0);
  }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += "\r\n";
  }

 private:
  std::string& out_;
};

struct InfoSection {
  std::string_view name;       // as an argument of INFO
  std::string_view title;      // as the reply shows it
  bool by_default = true;      // part of INFO without arguments
  bool needs_cluster = false;  // a node that runs alone has no such section
  void (*write)(Node& node, InfoWriter& out) = nullptr;
};

// In the order in which INFO shows them.
[[nodiscard]] std::span<const InfoSection> info_sections();

// What INFO with these section names answers, whatever their case and order.
[[nodiscard]] std::string info_text(Node& node, std::span<const std::string_view> names);

}  // namespace quoris::server
