#include "command/syntax.h"

#include "base/text.h"

namespace quoris::command {

namespace {

std::string joined(std::span<const Argument> arguments, std::string_view separator);

// The argument without its token, brackets and repetition.
std::string bare(const Argument& argument) {
  switch (argument.type) {
    case ArgumentType::pure_token:
      return std::string(argument.token);
    case ArgumentType::oneof:
      return joined(argument.arguments, " | ");
    case ArgumentType::block:
      return joined(argument.arguments, " ");
    default:
      return std::string(argument.name);
  }
}

std::string with_token(const Argument& argument, std::string text) {
  if (argument.token.empty() || argument.type == ArgumentType::pure_token) return text;
  return to_upper(argument.token) + " " + text;
}

std::string rendered(const Argument& argument) {
  const bool is_optional = (argument.flags & Argument::optional) != 0;
  const bool repeats = (argument.flags & Argument::multiple) != 0;
  const bool repeats_token = (argument.flags & Argument::multiple_token) != 0;
  std::string text = bare(argument);
  // A choice stands alone between square brackets; anywhere else it needs its own.
  const bool is_choice = argument.type == ArgumentType::oneof && argument.arguments.size() > 1;
  if (is_choice && (!is_optional || repeats || !argument.token.empty())) text = "<" + text + ">";
  if (repeats_token) text = with_token(argument, text);
  if (repeats) text += is_choice ? " ..." : " [" + text + " ...]";
  if (!repeats_token) text = with_token(argument, text);
  return is_optional ? "[" + text + "]" : text;
}

std::string joined(std::span<const Argument> arguments, std::string_view separator) {
  std::string text;
  for (const Argument& argument : arguments) {
    if (!text.empty()) text += separator;
    text += rendered(argument);
  }
  return text;
}

}  // namespace

std::string arguments_syntax(std::span<const Argument> arguments) { return joined(arguments, " "); }

std::string syntax_line(const Command& command) {
  std::string text(command.spec->name);
  if (command.parent != nullptr) text = std::string(command.parent->spec->name) + " " + text;
  const std::string arguments = arguments_syntax(command.spec->arguments);
  return arguments.empty() ? text : text + " " + arguments;
}

}  // namespace quoris::command
