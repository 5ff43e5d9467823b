#include "persistence/check.h"

#include <fmt/format.h>

#include "base/text.h"
#include "persistence/dump.h"
#include "persistence/repair.h"
#include "persistence/survey.h"

namespace quoris::persistence {

namespace {

Status ignore(const LogChunk& /*chunk*/) { return ok(); }

void say_small_files(const Survey& survey, const LineSink& out) {
  if (survey.identity) {
    const Identity& identity = *survey.identity;
    out(fmt::format("{}: good; node {}, {}", kIdentityName, identity.node_id,
                    identity.clean_end
                        ? fmt::format("shut down cleanly at position {}", raw(*identity.clean_end))
                        : "running or not shut down cleanly"));
  } else if (survey.identity.error().code == Errc::not_found) {
    out(fmt::format("{}: not there; a node makes a new one", kIdentityName));
  } else {
    out(fmt::format("{}: DAMAGED: {}", kIdentityName, survey.identity.error().message));
  }
  if (!survey.ceiling) {
    out(fmt::format("{}: DAMAGED: {}", kCeilingName, survey.ceiling.error().message));
  } else {
    out(fmt::format("{}: {}", kCeilingName,
                    survey.has_ceiling ? "good" : "not there; a node makes a new one"));
  }
  if (!survey.manifest) {
    out(fmt::format("{}: DAMAGED: {}", kManifestName, survey.manifest.error().message));
    return;
  }
  const std::string end =
      survey.manifest->log_end ? fmt::format("to {}", raw(*survey.manifest->log_end)) : "on";
  out(fmt::format("{}: {}; the log is needed from position {} {}", kManifestName,
                  survey.has_manifest ? "good" : "not there", raw(survey.log_begin), end));
}

void say_snapshots(const Survey& survey, const LineSink& out) {
  for (const SnapshotState& state : survey.snapshots) {
    const ManifestSnapshot& snapshot = state.snapshot;
    out(state.problem.empty()
            ? fmt::format("{}: good; positions {} to {}, {}", snapshot.name, raw(snapshot.begin),
                          raw(snapshot.end), counted(state.mutations, "mutation"))
            : fmt::format("{}: DAMAGED: {}", snapshot.name, state.problem));
  }
}

std::string describe(const LogFault& fault) {
  return fmt::format("at offset {} (position {}): {}", fault.offset, raw(fault.at), fault.what);
}

void say_log(const Survey& survey, const LineSink& out) {
  for (const LogFile& file : survey.files.chain) {
    const auto found = survey.mutations.find(file.name);
    const uint64_t mutations = found == survey.mutations.end() ? 0 : found->second;
    out(fmt::format("{}: positions {} to {}, {}", file.name, raw(file.head.begin), raw(file.end),
                    counted(mutations, "mutation")));
  }
  for (const HeadlessFile& file : survey.files.headless) {
    out(fmt::format("{}: {} bytes that are not used: {}", file.name, file.size, file.problem));
  }
  for (const std::string& name : survey.files.replaced) {
    out(fmt::format("{}: a leftover, another file has taken its place", name));
  }
  for (const DamagedRange& range : survey.damages) {
    out(fmt::format("{}: DAMAGED {}; {}", range.fault.file, describe(range.fault),
                    range.to ? fmt::format("the log goes on at position {}", raw(*range.to))
                             : "nothing good follows"));
  }
  if (survey.end.unused_bytes > 0) {
    out(
        fmt::format("{} bytes of the log behind position {} are not used: no good snapshot goes "
                    "with them; they go at the next start",
                    survey.end.unused_bytes, raw(*survey.manifest->log_end)));
  }
  if (survey.end.torn) {
    out(
        fmt::format("{}: a torn tail {}; {} bytes were being written when the machine or the node "
                    "stopped, and go at the next start",
                    survey.end.torn->file, describe(*survey.end.torn), survey.end.torn_bytes));
  }
}

std::string fault_json(std::string_view kind, const LogFault& fault) {
  return fmt::format(R"({{"{}":{},"file":{},"offset":{},"position":{}}})", kind,
                     json_string(fault.what), json_string(fault.file), fault.offset, raw(fault.at));
}

}  // namespace

Result<bool> check_directory(Disk& disk, const std::string& directory, const LineSink& out,
                             const CheckOthers& others) {
  const Result<Survey> survey = survey_directory(disk, directory, &ignore);
  if (!survey) return survey.error();
  say_small_files(*survey, out);
  say_snapshots(*survey, out);
  say_log(*survey, out);
  const Result<std::string> advice = others ? others(out) : Result<std::string>(std::string());
  if (!survey->is_sound()) {
    out(
        fmt::format("DAMAGED; `quoris check {} --repair` keeps the originals and leaves out what "
                    "is damaged",
                    directory));
  }
  if (!advice) return advice.error();
  if (!advice->empty()) out("DAMAGED: " + *advice);
  const bool is_sound = survey->is_sound() && advice->empty();
  if (is_sound) out("sound");
  return is_sound;
}

Result<bool> dump_directory(Disk& disk, const std::string& directory, const LineSink& out) {
  const auto print = [&out](const LogChunk& chunk) -> Status {
    size_t next = 0;
    for (size_t batch = 0; batch < chunk.batches.size(); ++batch) {
      for (size_t i = 0; i < chunk.batches[batch]; ++i) {
        out(mutation_json(chunk.begin, batch, chunk.mutations[next++]));
      }
    }
    return ok();
  };
  const Result<Survey> survey = survey_directory(disk, directory, print);
  if (!survey) return survey.error();
  for (const DamagedRange& range : survey->damages) out(fault_json("damaged", range.fault));
  if (survey->end.unused_bytes > 0) {
    out(fmt::format(R"({{"unused_bytes":{},"position":{}}})", survey->end.unused_bytes,
                    raw(*survey->manifest->log_end)));
  }
  if (survey->end.torn) out(fault_json("torn", *survey->end.torn));
  return survey->is_sound();
}

Result<bool> repair_directory(Disk& disk, const std::string& directory, const LineSink& out,
                              const CheckOthers& others) {
  {
    const auto lock = disk.lock(directory);
    if (!lock) return lock.error();
    if (const Status repaired = repair_files(disk, directory, out); !repaired) {
      return repaired.error();
    }
  }
  return check_directory(disk, directory, out, others);
}

}  // namespace quoris::persistence
