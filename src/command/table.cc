#include "command/table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::command {

namespace {

// Up to 8 bytes as one word, zero-padded; together with `count` it tells all contents apart.
uint64_t load_word(const char* bytes, size_t count) {
  if (count >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes, 8);
    return word;
  }
  if (count >= 4) {
    uint32_t head = 0;
    uint32_t tail = 0;
    std::memcpy(&head, bytes, 4);
    std::memcpy(&tail, bytes + count - 4, 4);
    return head | uint64_t{tail} << 32;
  }
  if (count == 0) return 0;
  const auto byte = [bytes](size_t index) { return uint64_t{static_cast<uint8_t>(bytes[index])}; };
  return byte(0) | byte(count / 2) << 8 | byte(count - 1) << 16;
}

// The letters A-Z of eight bytes to lower case, all other bytes as they are.
uint64_t lower_word(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighBits = kOnes * 0x80;
  const uint64_t low_bits = word & ~kHighBits;
  const uint64_t from_a = low_bits + kOnes * (0x80 - 'A');      // high bit: byte >= 'A'
  const uint64_t past_z = low_bits + kOnes * (0x80 - 'Z' - 1);  // high bit: byte > 'Z'
  const uint64_t letters = (from_a ^ past_z) & ~word & kHighBits;
  return word | letters >> 2;  // 0x80 >> 2 is the bit between 'A' and 'a'
}

uint32_t derived_categories(const CommandSpec& spec) {
  uint32_t categories = spec.extra_categories;
  if (spec.has(write)) categories |= cat_write;
  if (spec.has(readonly) && (categories & cat_scripting) == 0) categories |= cat_read;
  if (spec.has(admin)) categories |= cat_admin | cat_dangerous;
  if (spec.has(pubsub)) categories |= cat_pubsub;
  if (spec.has(blocking)) categories |= cat_blocking;
  categories |= spec.has(fast) ? cat_fast : cat_slow;
  return categories;
}

// The triple (first key, last key, step), and whether it says less than the specs do. Specs
// behind each other with step 1 count as one range; others are left to COMMAND GETKEYS.
void derive_key_range(Command& command) {
  const auto specs = command.spec->keys;
  int first = 0;
  int last = 0;
  bool movable = false;
  for (const KeySpec& spec : specs) {
    const bool plain = spec.begin == KeySpec::Begin::index && spec.find == KeySpec::Find::range;
    const bool follows = last == 0 || (spec.key_step == 1 && last == spec.begin_index - 1);
    if (!plain || (specs.size() > 1 && spec.key_step != 1) || !follows) {
      movable = true;
      continue;
    }
    if ((spec.flags & key_incomplete) != 0) movable = true;
    if (first == 0) first = spec.begin_index;
    command.key_step = spec.key_step;
    last = spec.last_key < 0 ? spec.last_key : spec.begin_index + spec.last_key;
  }
  command.first_key = first;
  command.last_key = last;
  if (movable) command.flags |= movablekeys;
}

}  // namespace

CommandTable::CommandTable(std::span<const std::span<const CommandSpec>> families) {
  for (const auto family : families) {
    for (const CommandSpec& spec : family) {
      Command& command = add(spec, nullptr);
      top_.push_back(&command);
      for (const CommandSpec& word : spec.subcommands) {
        command.subcommands.push_back(&add(word, &command));
      }
    }
  }
  fill_slots();
}

Command& CommandTable::add(const CommandSpec& spec, const Command* parent) {
  QUORIS_ASSERT(spec.name.size() <= kNameMax);
  QUORIS_ASSERT(spec.name == to_upper(spec.name));
  auto command = std::make_unique<Command>();
  command->spec = &spec;
  command->parent = parent;
  command->table = this;
  command->index = static_cast<uint32_t>(all_.size());
  command->flags = spec.flags;
  command->categories = derived_categories(spec);
  command->full_name = to_lower(spec.name);
  if (parent != nullptr) command->full_name = parent->full_name + "|" + command->full_name;
  derive_key_range(*command);
  command->prefetch_key = static_first_key(*command);
  all_.push_back(std::move(command));
  return *all_.back();
}

void CommandTable::fill_slots() {
  slots_.resize(std::bit_ceil(std::max<size_t>(top_.size(), 1) * 4));
  for (const Command* command : top_) {
    const FoldedName name = fold(command->spec->name);
    size_t slot = slot_of(name);
    while (slots_[slot].command != nullptr) {
      QUORIS_ASSERT(slots_[slot].name != name);
      slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = {name, command};
  }
}

CommandTable::FoldedName CommandTable::fold(std::string_view name) {
  FoldedName folded;
  folded.length = name.size();
  const size_t size = name.size();
  const char* bytes = name.data();
  if (size <= 8) {
    folded.words[0] = lower_word(load_word(bytes, size));
    return folded;
  }
  // The last word may overlap the one before: cheaper than padding.
  folded.words[0] = lower_word(load_word(bytes, 8));
  folded.words[1] = lower_word(load_word(size <= 16 ? bytes + size - 8 : bytes + 8, 8));
  if (size > 16) folded.words[2] = lower_word(load_word(bytes + size - 8, 8));
  return folded;
}

size_t CommandTable::slot_of(const FoldedName& name) const {
  const uint64_t mixed =
      (name.words[0] ^ std::rotl(name.words[1], 23) ^ std::rotl(name.words[2], 47) ^ name.length) *
      0x9E3779B97F4A7C15;
  return (mixed >> 32) & (slots_.size() - 1);
}

const Command* CommandTable::find(std::string_view name) const {
  if (name.size() > kNameMax) return nullptr;
  const FoldedName folded = fold(name);
  size_t slot = slot_of(folded);
  while (slots_[slot].command != nullptr) {
    if (slots_[slot].name == folded) return slots_[slot].command;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return nullptr;
}

const Command* CommandTable::find_subcommand(const Command& container,
                                             std::string_view word) const {
  const auto found = std::ranges::find_if(container.subcommands, [word](const Command* subcommand) {
    return equals_ignoring_case(subcommand->spec->name, word);
  });
  return found == container.subcommands.end() ? nullptr : *found;
}

const Command* CommandTable::find_full(std::string_view full_name) const {
  const size_t bar = full_name.find('|');
  const Command* command = find(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return find_subcommand(*command, full_name.substr(bar + 1));
}

const Command* CommandTable::find_request(std::span<const std::string_view> arguments) const {
  if (arguments.empty()) return nullptr;
  const Command* command = find(arguments[0]);
  if (command == nullptr || !command->is_container() || arguments.size() == 1) return command;
  return find_subcommand(*command, arguments[1]);
}

std::span<const std::span<const CommandSpec>> data_command_families() {
  static const std::array<std::span<const CommandSpec>, 7> families = {
      string_command_rows(), key_command_rows(), sort_command_rows(),      hash_command_rows(),
      list_command_rows(),   set_command_rows(), sorted_set_command_rows()};
  return families;
}

}  // namespace quoris::command
