#include "sim/check/convergence_checker.h"

#include <fmt/format.h>

#include "sim/world.h"
#include "store/hash_value.h"

namespace quoris::sim {

namespace {

std::string describe_entry(const store::Entry& entry) {
  std::string text =
      fmt::format("{} version {}:", store::type_name(entry.type()), raw(entry.version()));
  char scratch[21];
  if (entry.type() == store::Type::string) {
    text += entry.string().text(scratch);
  } else if (entry.type() == store::Type::hash) {
    // In an order that does not depend on how the table came about.
    std::map<std::string, std::string> fields;
    store::HashView(entry).for_each(
        [&](const store::StringView& field, const store::StringView& value) {
          char other[21];
          fields.emplace(field.text(scratch), value.text(other));
          return true;
        });
    for (const auto& [field, value] : fields) text += fmt::format(" {}={}", field, value);
  }
  return text;
}

std::map<std::string, std::string> contents_of(Machine& machine) {
  std::map<std::string, std::string> contents;
  if (machine.node() == nullptr) return contents;
  machine.node()->store().db(DbIndex{0}).for_each([&](store::Entry& entry) {
    if (!entry.has_expiry()) contents.emplace(entry.key(), describe_entry(entry));
    return true;
  });
  return contents;
}

}  // namespace

void ConvergenceChecker::remember() {
  for (size_t i = 0; i < world().nodes(); ++i) held_[i] = contents_of(world().machine(i));
}

void ConvergenceChecker::compare(std::string_view what) {
  for (size_t i = 0; i < world().nodes(); ++i) {
    Machine& machine = world().machine(i);
    if (!machine.is_deployed()) continue;
    if (!machine.is_serving()) {
      complain(fmt::format("{} does not serve again after {}", machine.name(), what));
      continue;
    }
    const std::map<std::string, std::string> now = contents_of(machine);
    for (const auto& [key, text] : held_[i]) {
      const auto found = now.find(key);
      if (found != now.end() && found->second == text) continue;
      complain(fmt::format("{} after {}: {} was {}, and is {}", machine.name(), what, key,
                           text.substr(0, 100),
                           found == now.end() ? "gone" : found->second.substr(0, 100)));
    }
    for (const auto& [key, text] : now) {
      if (held_[i].contains(key)) continue;
      complain(fmt::format("{} after {}: {} has come from nowhere: {}", machine.name(), what, key,
                           text.substr(0, 100)));
    }
  }
}

}  // namespace quoris::sim
