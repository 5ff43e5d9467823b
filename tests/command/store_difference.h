// Compares two stores by all that a replica or a recovered store must have alike.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "store/elements.h"
#include "store/packed.h"
#include "store/store.h"

namespace quoris::command::testing {

// Elements as texts, in the value's order where it has one.
inline std::string describe_collection(const store::Entry& entry) {
  const bool in_pairs = entry.type() == store::Type::hash || entry.type() == store::Type::zset;
  std::vector<std::string> items;
  size_t parts = 0;
  char scratch[21];
  store::for_each_piece(entry, 100, [&](std::string_view elements, size_t) {
    store::packed::for_each_element(elements, [&](const store::StringView& element) {
      if (!in_pairs || parts++ % 2 == 0) items.emplace_back();
      items.back() += std::string(element.text(scratch)) + "|";
    });
  });
  if (entry.type() == store::Type::hash || entry.type() == store::Type::set) {
    std::sort(items.begin(), items.end());
  }
  std::string text = std::to_string(store::collection_size(entry)) + ":";
  for (const std::string& item : items) text += item + ",";
  return text;
}

inline std::string describe(const store::Entry& entry) {
  char scratch[21];
  const std::string value = entry.type() == store::Type::string
                                ? std::string(entry.string().text(scratch))
                                : describe_collection(entry);
  return "key '" + std::string(entry.key()) + "' " + std::string(store::type_name(entry.type())) +
         " " + std::to_string(static_cast<int>(entry.encoding())) + " '" + value + "' version " +
         std::to_string(raw(entry.version())) + " expiry " + std::to_string(entry.expire_at_ms());
}

// What differs between two stores; nothing if they are equal.
inline std::optional<std::string> difference(store::Store& a, store::Store& b) {
  for (size_t i = 0; i < a.databases(); ++i) {
    const DbIndex db{static_cast<uint16_t>(i)};
    const std::string where = "database " + std::to_string(i) + ": ";
    if (a.db_version(db) != b.db_version(db)) return where + "versions of the database";
    if (a.db(db).size() != b.db(db).size()) return where + "number of keys";
    std::optional<std::string> found;
    a.db(db).for_each([&](store::Entry& entry) {
      const store::Entry* other = b.db(db).find(b.db(db).hashed(entry.key()));
      if (other == nullptr) {
        found = where + describe(entry) + " is missing";
      } else if (describe(entry) != describe(*other)) {
        found = where + describe(entry) + " became " + describe(*other);
      }
      return !found;
    });
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace quoris::command::testing
