// The three links to each peer, by what must not wait for what.
//
// control: gossip, votes, leases, the map: small, and never behind anything large.
// data:    requests, replication and its acknowledgements: a pipeline.
// bulk:    values in chunks, repair, migration: may fill up and wait.
// Used by: message tables, Bus. The ordinals stand in HELLO: append only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quoris::bus {

enum class LinkKind : uint8_t { control, data, bulk };

inline constexpr std::array kLinkKinds{LinkKind::control, LinkKind::data, LinkKind::bulk};

[[nodiscard]] constexpr size_t index_of(LinkKind kind) noexcept {
  return static_cast<size_t>(kind);
}

[[nodiscard]] constexpr std::string_view name_of(LinkKind kind) noexcept {
  constexpr std::array<std::string_view, kLinkKinds.size()> kNames{"control", "data", "bulk"};
  return kNames[index_of(kind)];
}

}  // namespace quoris::bus
