// Measures the log by itself: CPU per SET that a turn of so many costs the reactor under everysec,
// bytes per SET, and how fast the log is read again. Prints a table; nothing is judged here.
//
//   quoris_log_bench DIRECTORY [sets in millions, 5 by default]
//
// The directory is made, and has to be empty. Times are CPU time of the thread.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "net/uv_clock.h"
#include "net/uv_disk.h"
#include "net/uv_rng.h"
#include "net/uv_timers.h"
#include "persistence/append_log.h"
#include "persistence/log_reader.h"

namespace quoris::persistence {

namespace {

class Owner : public LogOwner {
 public:
  void on_log_advanced() override {}

  void on_log_failed(const Error& error) override { std::puts(error.message.c_str()); }

  void on_log_recovered() override {}
};

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return EXIT_FAILURE;
}

int measure(const std::string& directory, uint64_t sets) {
  auto loop = net::EventLoop::open();
  if (!loop) return fail(loop.error());
  net::UvTimers timers(**loop);
  net::UvClock clock;
  net::UvRng rng;
  net::UvDisk disk(**loop);
  if (const Status made = disk.make_directory(directory); !made) return fail(made.error());
  Owner owner;
  const Env env{.clock = clock, .rng = rng, .timers = timers, .disk = disk};
  auto log = AppendLog::open(env, owner, {.directory = directory}, {});
  if (!log) return fail(log.error());

  char key[] = "key:000000000000";
  store::Mutation set{.kind = store::MutationKind::put_string,
                      .encoding = store::Encoding::embstr,
                      .key = {key, sizeof key - 1},
                      .value = "xxx"};
  uint64_t stamp = uint64_t{200'000'000'000} << 23;
  for (const uint64_t per_turn : {uint64_t{1}, uint64_t{16}, uint64_t{800}}) {
    const LogPosition began = (*log)->appended();
    const uint64_t turns = sets / per_turn / (per_turn == 1 ? 10 : 1);
    uint64_t cpu_ns = 0;
    for (uint64_t turn = 0; turn < turns; ++turn) {
      const uint64_t before_ns = clock.thread_cpu_ns();
      for (uint64_t i = 0; i < per_turn; ++i) {
        stamp += uint64_t{1} << 11;
        key[8 + stamp / 4096 % 8] = static_cast<char>('0' + stamp / 2048 % 10);
        set.version = store::Version{stamp};
        (*log)->append({&set, 1});
      }
      (*log)->finish_turn();
      cpu_ns += clock.thread_cpu_ns() - before_ns;
      while (!(*log)->accepts() || (*log)->written() != (*log)->appended()) (*loop)->run_once();
      if (turn % 64 == 0) (*loop)->run_once();
    }
    std::printf("%4lu sets a turn: %5.1f ns and %4.1f bytes per set\n", per_turn,
                static_cast<double>(cpu_ns) / static_cast<double>(turns * per_turn),
                static_cast<double>(distance(began, (*log)->appended())) /
                    static_cast<double>(turns * per_turn));
  }
  (*log)->request_sync();
  while (!(*log)->is_idle()) (*loop)->run_once();

  const auto files = find_log_files(disk, directory);
  if (!files) return fail(files.error());
  uint64_t mutations = 0;
  const uint64_t before_ns = clock.thread_cpu_ns();
  const auto end = read_log(disk, *files, {}, [&mutations](const LogChunk& chunk) {
    mutations += chunk.mutations.size();
    return ok();
  });
  if (!end) return fail(end.error());
  const uint64_t cpu_ns = clock.thread_cpu_ns() - before_ns;
  std::printf("read: %lu mutations, %.2f million a second, %.0f MB/s\n", mutations,
              static_cast<double>(mutations) * 1000 / static_cast<double>(cpu_ns),
              static_cast<double>(raw(end->end)) * 1000 / static_cast<double>(cpu_ns));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace quoris::persistence

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: quoris_log_bench DIRECTORY [millions]\n", stderr);
    return EXIT_FAILURE;
  }
  const double millions = argc > 2 ? std::atof(argv[2]) : 5;
  return quoris::persistence::measure(argv[1], static_cast<uint64_t>(millions * 1e6));
}
