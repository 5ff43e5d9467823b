// Small files that are read and replaced as a whole, as text that a person can read:
//   quoris <kind> <format version>
//   <name> <value>            any number of them, a name may stand several times
//   checksum <16 hexadecimal digits>   XXH3-64 of all before this line
// Replacing is atomic: whoever reads finds the old or the new text, after a power cut too.
// Used by: manifest, identity, cluster/raft.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/disk.h"

namespace quoris::persistence {

struct Record {
  std::vector<std::pair<std::string, std::string>> fields;

  void add(std::string_view name, std::string value) {
    fields.emplace_back(name, std::move(value));
  }

  void add(std::string_view name, uint64_t value) { add(name, std::to_string(value)); }

  // The first of that name; null if there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  // False if it isn't there or no number.
  [[nodiscard]] bool get(std::string_view name, uint64_t& value) const;
};

[[nodiscard]] std::string record_text(std::string_view kind, const Record& record);

// Errors: corrupt; unsupported if a later version wrote it.
[[nodiscard]] Result<Record> parse_record(std::string_view kind, std::string_view text);

// Errors: not_found, too; they name the file.
[[nodiscard]] Result<Record> read_record(Disk& disk, const std::string& path,
                                         std::string_view kind);

// Durable when it returns. Errors: invalid_argument for a value of several lines. A file of this
// name with ".tmp" behind it is used on the way.
[[nodiscard]] Status replace_record(Disk& disk, const std::string& directory, std::string_view name,
                                    std::string_view kind, const Record& record);

}  // namespace quoris::persistence
