#include "persistence/dump.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "persistence/mutation_codec.h"
#include "store/packed_element.h"
#include "store/score.h"

namespace quoris::persistence {

namespace {

using store::Mutation;
using store::MutationKind;
using store::Type;

// By their ordinals.
constexpr auto kKindNames = std::to_array<std::string_view>(
    {"none", "put_string", "remove", "expire", "set_expiry", "append", "set_range", "flush", "swap",
     "put_collection", "set_elements", "remove_elements", "list_insert", "list_erase", "list_set",
     "list_remove"});

bool is_collection_kind(MutationKind kind) { return kind >= MutationKind::put_collection; }

bool has_key(MutationKind kind) {
  return kind != MutationKind::flush && kind != MutationKind::swap;
}

// Its elements; the raw bytes if they are none (store::apply will refuse them).
std::string value_json(const Mutation& mutation) {
  const bool scores = mutation.type == Type::zset && mutation.kind != MutationKind::remove_elements;
  std::string json = "[";
  std::string_view rest = mutation.value;
  for (size_t i = 0; !rest.empty(); ++i) {
    const store::packed::Decoded element = store::packed::decode_checked(rest);
    if (element.size == 0) return json_string(mutation.value);
    rest.remove_prefix(element.size);
    if (i > 0) json += ',';
    char digits[kInt64TextMax + 1] = {};
    if (scores && i % 2 == 1 && store::is_score(element.value)) {
      json += json_string(format_double(store::score_of(element.value)));
    } else {
      json += json_string(element.value.text(digits));
    }
  }
  return json + ']';
}

}  // namespace

std::string json_string(std::string_view bytes) {
  std::string json = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte >= 0x20 && byte < 0x7F) {
      json += c;
    } else {
      json += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    }
  }
  return json + '"';
}

std::string mutation_json(LogPosition frame, size_t batch, const Mutation& mutation) {
  std::string json =
      fmt::format(R"({{"position":{},"batch":{},"kind":"{}","db":{},"version":{},"at_ms":{})",
                  raw(frame), batch, kKindNames[static_cast<size_t>(mutation.kind)],
                  raw(mutation.db), raw(mutation.version), store::version_ms(mutation.version));
  if (keeps_base_version(mutation.kind)) {
    json += fmt::format(R"(,"base_version":{})", raw(mutation.base_version));
  }
  if (is_collection_kind(mutation.kind)) {
    json += fmt::format(R"(,"type":"{}","encoding":"{}")", store::type_name(mutation.type),
                        store::encoding_name(mutation.type, mutation.encoding));
  }
  if (mutation.expire_at_ms != store::kNoExpiry || mutation.kind == MutationKind::set_expiry) {
    json += fmt::format(R"(,"expire_at_ms":{})", mutation.expire_at_ms);
  }
  if (mutation.kind == MutationKind::swap) {
    json += fmt::format(R"(,"other_db":{})", raw(mutation.other_db));
  }
  if (mutation.offset != 0) json += fmt::format(R"(,"offset":{})", mutation.offset);
  if (mutation.count != 0) json += fmt::format(R"(,"count":{})", mutation.count);
  if (has_key(mutation.kind)) json += R"(,"key":)" + json_string(mutation.key);
  if (mutation.kind == MutationKind::put_string && mutation.encoding == store::Encoding::integer) {
    json += fmt::format(R"(,"value":"{}")", mutation.integer);
  } else if (is_collection_kind(mutation.kind)) {
    if (mutation.kind != MutationKind::list_erase) json += R"(,"elements":)" + value_json(mutation);
  } else if (!mutation.value.empty() || mutation.kind == MutationKind::put_string) {
    json += R"(,"value":)" + json_string(mutation.value);
  }
  return json + '}';
}

}  // namespace quoris::persistence
