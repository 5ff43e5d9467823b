#include "persistence/record_file.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "persistence/paths.h"
#include "persistence/segment.h"

namespace quoris::persistence {

namespace {

constexpr std::string_view kChecksum = "checksum ";
constexpr size_t kChecksumDigits = 16;
constexpr size_t kChecksumLine = kChecksum.size() + kChecksumDigits + 1;

// A record is a few lines; what is larger is none.
constexpr uint64_t kSizeMax = uint64_t{1} << 20;

std::string checksum_line(std::string_view text) {
  return fmt::format("{}{:016x}\n", kChecksum, hash_bytes(text, {}));
}

// Takes the line off `text`, without its end.
std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Error damaged() { return {Errc::corrupt, "the file is damaged: its checksum doesn't fit"}; }

}  // namespace

const std::string* Record::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) return &value;
  }
  return nullptr;
}

bool Record::get(std::string_view name, uint64_t& value) const {
  const std::string* text = find(name);
  const std::optional<uint64_t> number = text != nullptr ? parse_uint64(*text) : std::nullopt;
  if (number) value = *number;
  return number.has_value();
}

std::string record_text(std::string_view kind, const Record& record) {
  std::string text = fmt::format("quoris {} {}\n", kind, kFormatVersion);
  for (const auto& [name, value] : record.fields) text += fmt::format("{} {}\n", name, value);
  return text + checksum_line(text);
}

Result<Record> parse_record(std::string_view kind, std::string_view text) {
  if (text.size() < kChecksumLine) return damaged();
  std::string_view rest = text.substr(0, text.size() - kChecksumLine);
  if (text.substr(rest.size()) != checksum_line(rest)) return damaged();
  std::string_view first = next_line(rest);
  const std::string head = fmt::format("quoris {} ", kind);
  if (!first.starts_with(head)) return Error{Errc::corrupt, "the file holds something else"};
  first.remove_prefix(head.size());
  const std::optional<uint64_t> version = parse_uint64(first);
  if (!version || *version > kFormatVersion) {
    return Error{Errc::unsupported,
                 fmt::format("written by a later version (format {}, this one knows {})", first,
                             kFormatVersion)};
  }
  Record record;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return damaged();
    record.add(line.substr(0, space), std::string(line.substr(space + 1)));
  }
  return record;
}

Result<Record> read_record(Disk& disk, const std::string& path, std::string_view kind) {
  const auto file = disk.open(path, Disk::Open::read);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  std::string text(std::min(*size, kSizeMax), '\0');
  const Result<size_t> read = (*file)->read_at(0, text);
  if (!read) return read.error();
  text.resize(*read);
  Result<Record> record = parse_record(kind, text);
  if (!record) return Error{record.error().code, path + ": " + record.error().message};
  return record;
}

Status replace_record(Disk& disk, const std::string& directory, std::string_view name,
                      std::string_view kind, const Record& record) {
  for (const auto& [field, value] : record.fields) {
    if (value.find('\n') == std::string::npos) continue;
    return Error{Errc::invalid_argument,
                 fmt::format("{} can't be kept in {}: it has more than one line", field, name)};
  }
  const std::string path = join(directory, name);
  const std::string temporary = path + std::string(kTemporarySuffix);
  if (Status removed = disk.remove(temporary); !removed) return removed;
  const auto file = disk.open(temporary, Disk::Open::create);
  if (!file) return file.error();
  const std::string text = record_text(kind, record);
  const std::string_view piece = text;
  if (Status written = (*file)->write_at(0, {&piece, 1}); !written) return written;
  if (Status synced = (*file)->sync(); !synced) return synced;
  if (Status renamed = disk.rename(temporary, path); !renamed) return renamed;
  return disk.sync_directory(directory);
}

}  // namespace quoris::persistence
