// Settings: the values in force and the ways to change them.
//
// At the start assignments from the config file, the environment and flags are applied, in this
// order, so that a flag wins; afterwards CONFIG SET changes several at once, all or none.
// Invariant: values() always is a set of values that every row's rules allow.
// Used by: main, node, CONFIG. Errors: texts for people; of change() the very reply of CONFIG SET
// as redis-server 7.0.15 words it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/settings/setting_row.h"
#include "server/settings/settings.h"

namespace quoris::server {

// From the weakest to the strongest.
enum class SettingSource : uint8_t { built_in, file, environment, flag, command };

// One setting as it was found somewhere.
struct Assignment {
  std::string name;
  std::vector<std::string> words;
  SettingSource source = SettingSource::flag;
  std::string where;         // "--port", "QUORIS_PORT", "/etc/quoris.conf:12: port"
  std::string problem = {};  // not empty: why nothing can be made of this place
};

// A word as somebody wrote it, for a message: quoted where it isn't plain, so that it neither ends
// the line nor sends anything to the terminal.
[[nodiscard]] std::string shown_word(std::string_view word);

// A word that stands for all words of a multi_word setting, taken apart at single spaces as
// CONFIG SET does it; "" is no word at all. Other settings keep it whole.
[[nodiscard]] std::vector<std::string> words_of(const SettingRow& row, std::string_view value);

class Settings {
 public:
  Settings();

  [[nodiscard]] const SettingValues& values() const { return values_; }

  // --- the start --------------------------------------------------------------------------------
  // The error names where the setting was found, its value and what is allowed; for an unknown
  // name the nearest one.
  [[nodiscard]] Status apply(const Assignment& assignment);

  // Applies each that can be applied. The error has a line for each of the others, at most
  // kComplaintsMax, and at the end where to read what there is.
  [[nodiscard]] Status apply_all(std::span<const Assignment> assignments);

  static constexpr size_t kComplaintsMax = 200;

  // Where CONFIG REWRITE writes; empty: nowhere.
  [[nodiscard]] const std::string& config_file() const { return config_file_; }

  void set_config_file(std::string absolute_path) { config_file_ = std::move(absolute_path); }

  // What the start found out about the machine: full paths of what paths name (the config file
  // that CONFIG REWRITE writes then means the same files wherever it is read), and a limit on
  // clients that the system allows.
  struct Paths {
    std::string data_dir;
    std::string logfile;
    std::string pidfile;
  };

  void resolve_paths(Paths absolute);

  // The file, the environment or a flag says it. REQUIRES: there is such a setting.
  [[nodiscard]] bool is_given(std::string_view name) const;

  // The node belongs to a cluster, where its ports may stand with its data.
  void enter_cluster(uint16_t port, uint16_t cluster_port);

  void lower_maxclients(int64_t maxclients) { values_.maxclients = maxclients; }

  // --- CONFIG -----------------------------------------------------------------------------------
  using NamedText = std::pair<std::string, std::string>;

  // What CONFIG GET answers: names as asked where they are no patterns, each setting once.
  [[nodiscard]] std::vector<NamedText> get(std::span<const std::string_view> patterns) const;

  struct Change {
    std::string_view name;
    std::string_view value;
  };

  // Called for each changed setting with its new value in force. An error takes everything back;
  // then it is called again for those that had been accepted.
  using Hook = std::function<Status(const SettingRow& row)>;

  // All changes or none.
  [[nodiscard]] Status change(std::span<const Change> changes, const Hook& hook);

 private:
  struct Picked {
    const SettingRow* row = nullptr;
    std::string_view name;  // the one of its two that was used
    std::string_view value;
  };

  [[nodiscard]] static Result<std::vector<Picked>> pick(std::span<const Change> changes);

  SettingValues values_;
  std::vector<SettingSource> sources_;  // by row: where its value comes from
  std::string config_file_;
};

}  // namespace quoris::server
