#include "cluster/topology/map_codec.h"

#include <optional>

#include "base/field_codec.h"
#include "base/hash.h"
#include "cluster/topology/map_check.h"

namespace quoris::topology {

namespace {

constexpr size_t kSealSize = 8;

std::string encode_body(const ClusterMap& map) {
  std::string bytes(1, static_cast<char>(kMapFormat));
  append_fields(bytes, map);
  return bytes;
}

uint64_t seal_of(std::string_view body) { return hash_bytes(body, HashSecret{}); }

}  // namespace

std::string encode_map(const ClusterMap& map) {
  std::string bytes = encode_body(map);
  uint64_t seal = seal_of(bytes);
  for (size_t i = 0; i < kSealSize; ++i, seal >>= 8) bytes.push_back(static_cast<char>(seal));
  return bytes;
}

Result<ClusterMap> decode_map(std::string_view bytes) {
  if (bytes.size() > kMapBytesMax) return Error{Errc::limit_exceeded, "cluster map: too large"};
  if (bytes.size() <= kSealSize) return Error{Errc::corrupt, "cluster map: cut short"};
  const std::string_view body = bytes.substr(0, bytes.size() - kSealSize);
  uint64_t seal = 0;
  for (size_t i = bytes.size(); i-- > body.size();) {
    seal = (seal << 8) | static_cast<uint8_t>(bytes[i]);
  }
  if (seal != seal_of(body)) return Error{Errc::corrupt, "cluster map: wrong checksum"};
  if (static_cast<uint8_t>(body[0]) != kMapFormat) {
    return Error{Errc::unsupported, "cluster map: a format of another version of Quoris"};
  }
  std::optional<ClusterMap> map = decode_fields<ClusterMap>(body.substr(1));
  if (!map) return Error{Errc::corrupt, "cluster map: not one"};
  if (const Status sound = check(*map); !sound) return sound.error();
  return *std::move(map);
}

uint64_t hash_of(const ClusterMap& map) { return seal_of(encode_body(map)); }

}  // namespace quoris::topology
