// What a disk may hold where mutations should stand: decoding stays inside the bytes, and what was
// decoded is encoded to what decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "persistence/dump.h"
#include "persistence/frame.h"
#include "persistence/mutation_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quoris::persistence;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Frame frame;
  (void)read_frame(bytes, LogPosition{0}, frame);
  std::vector<quoris::store::Mutation> mutations;
  if (!decode_batches(bytes, mutations) || mutations.empty()) return 0;
  std::vector<char> encoded(MutationEncoder::size_max(mutations));
  MutationEncoder encoder;
  const char* end = encoder.encode(mutations, encoded.data());
  std::vector<quoris::store::Mutation> again;
  if (!decode_batches({encoded.data(), static_cast<size_t>(end - encoded.data())}, again)) abort();
  if (again.size() != mutations.size()) abort();
  for (size_t i = 0; i < again.size(); ++i) {
    if (mutation_json(LogPosition{0}, 0, again[i]) !=
        mutation_json(LogPosition{0}, 0, mutations[i])) {
      abort();
    }
  }
  return 0;
}
