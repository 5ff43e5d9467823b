// Mutations as JSON, for a person to read. One object per line.
//
// Keys and values are bytes, not text: each byte is one character of the JSON string, and what is
// not printable ASCII stands as \u00XX. So nothing is lost, and nothing reaches the terminal.
// Used by: check. Pure.
#pragma once

#include <string>

#include "persistence/log_position.h"
#include "store/mutation.h"

namespace quoris::persistence {

// Without the end of the line.
[[nodiscard]] std::string mutation_json(LogPosition frame, size_t batch,
                                        const store::Mutation& mutation);

// A JSON string, with its quotes.
[[nodiscard]] std::string json_string(std::string_view bytes);

}  // namespace quoris::persistence
