#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "command/args.h"
#include "server/commands/admin_commands.h"
#include "server/node.h"
#include "server/node_context.h"
#include "server/versions.h"

namespace quoris::server {
namespace {

struct Size {
  int width = 61;
  int height = 21;
};

constexpr int kPlaces = 96;  // points of the ring
constexpr size_t kReplicas = 3;
constexpr size_t kWordsMax = 9;  // each is drawn with its number

// A ring drawn with characters, places going round clockwise from the top.
class Ring {
 public:
  explicit Ring(Size size)
      : size_(size),
        canvas_(static_cast<size_t>(size.height),
                std::string(static_cast<size_t>(size.width), ' ')) {
    for (int place = 0; place < kPlaces; ++place) at(place) = '.';
  }

  char& at(int place) {
    const double angle = 2 * std::numbers::pi * place / kPlaces;
    const double x = (size_.width - 1) / 2.0 * (1 + std::sin(angle));
    const double y = (size_.height - 1) / 2.0 * (1 - std::cos(angle));
    return canvas_[static_cast<size_t>(std::lround(y))][static_cast<size_t>(std::lround(x))];
  }

  // The key on its place, and the next free places clockwise for those that keep it.
  void put(std::string_view word, char digit) {
    int place = static_cast<int>(hash_bytes(word, HashSecret{}) % kPlaces);
    const auto next_free = [&] {
      for (int tries = 0; tries < kPlaces && at(place) != '.'; ++tries) {
        place = (place + 1) % kPlaces;
      }
      return place;
    };
    at(next_free()) = digit;
    for (size_t replica = 0; replica < kReplicas; ++replica) {
      for (int step = 0; step < kStep; ++step) place = (place + 1) % kPlaces;
      at(next_free()) = 'o';
    }
  }

  void caption(std::string_view text) {
    const auto width = static_cast<size_t>(size_.width);
    text = text.substr(0, width - 4);
    canvas_[canvas_.size() / 2].replace((width - text.size()) / 2, text.size(), text);
  }

  [[nodiscard]] std::string text() const {
    std::string all;
    for (const std::string& line : canvas_) {
      all += line.substr(0, line.find_last_not_of(' ') + 1);
      all += '\n';
    }
    return all;
  }

 private:
  static constexpr int kStep = 3;  // places between a key's replicas

  Size size_;
  std::vector<std::string> canvas_;
};

// What LOLWUT VERSION 5 or 6 asks for: columns, and for 6 rows. Version 5's other two numbers are
// about squares.
Size size_of(int64_t version, std::span<const int64_t> numbers) {
  constexpr Size kSmallest{.width = 8, .height = 3};
  constexpr Size kLargest{.width = 200, .height = 100};
  constexpr int kColumnsPerRow = 3;
  Size size;
  if (numbers.empty()) return size;
  size.width = static_cast<int>(std::clamp<int64_t>(numbers[0], kSmallest.width, kLargest.width));
  const int64_t rows =
      version == 6 && numbers.size() > 1 ? numbers[1] : size.width / kColumnsPerRow;
  size.height = static_cast<int>(std::clamp<int64_t>(rows, kSmallest.height, kLargest.height));
  return size;
}

}  // namespace

// LOLWUT [VERSION number [size ...]] [word ...]: words become keys on a ring, each followed by the
// three that keep it. The same words give the same picture.
void handle_lolwut(NodeContext& context) {
  size_t first = 1;
  Size size;
  if (context.count() > 2 && command::is(context.argument(1), "VERSION")) {
    const auto version = command::integer_argument(context.argument(2));
    if (!version) return context.reply().error(version.error());
    first = 3;
    // Redis's pictures of these versions have so many numbers.
    const size_t numbers_max = *version == 5 ? 3 : *version == 6 ? 2 : 0;
    std::vector<int64_t> numbers;
    while (numbers.size() < numbers_max && first < context.count()) {
      const auto number = command::integer_argument(context.argument(first++));
      if (!number) return context.reply().error(number.error());
      numbers.push_back(*number);
    }
    size = size_of(*version, numbers);
  }
  std::vector<std::string_view> words(context.arguments().begin() + static_cast<ptrdiff_t>(first),
                                      context.arguments().end());
  if (words.empty()) words = {"OK", "means", "kept"};
  Ring ring(size);
  std::string caption;
  for (size_t index = 0; index < words.size() && index < kWordsMax; ++index) {
    const auto digit = static_cast<char>('1' + index);
    ring.put(words[index], digit);
    caption += caption.empty() ? "" : " ";
    for (const char c : words[index]) caption += c > ' ' && c <= '~' ? c : '?';
  }
  ring.caption(caption);
  context.reply().verbatim("txt", ring.text() + "\nQuoris " + std::string(kQuorisVersion) +
                                      ", Redis ver. " + std::string(kRedisVersion) + "\n");
}

}  // namespace quoris::server
