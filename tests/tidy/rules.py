"""Rules on the text of a file: each takes its path and lines, yields (line number, message)."""

import re

from rooms import on_the_edge, room_of

LINE_LENGTH_MAX = 100
FILE_LINES_MAX = 800

LITERAL = re.compile(
    r"""//[^\n]*                          # comment to the end of the line
      | /\*.*?\*/                         # comment in between
      | R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"  # raw string
      | "(?:\\.|[^"\\\n])*"               # string
      | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'  # character, not a digit separator
    """,
    re.VERBOSE | re.DOTALL,
)


def code_lines(lines):
    """The lines of a C++ file without comments and literals; #include lines keep their names."""

    def blank(match):
        return "\n" * match.group(0).count("\n") or " "

    stripped = LITERAL.sub(blank, "\n".join(lines)).split("\n")
    return [line if line.lstrip().startswith("#include") else bare
            for line, bare in zip(lines, stripped)]


def header(*names):
    return r"#\s*include\s*<(?:" + "|".join(names) + r")>"


# What the core may not touch: (what it is, pattern). The core gets an Env instead.
OUTSIDE_WORLD = (
    ("libuv", r"\buv_\w+|" + header(r"uv\.h")),
    ("spdlog", r"\bspdlog::|" + header(r"spdlog/[^>]*")),
    (
        "the clock",
        r"\b\w*_clock::now\b|\bclock_gettime\b|\bgettimeofday\b|\bstd::(?:time|clock)\s*\("
        r"|(?<![\w.:>])time\s*\(\s*(?:nullptr|NULL|0|&)|\blocaltime(?:_r)?\b|\b__?rdtscp?\b"
        r"|\btimerfd_\w+|\bsetitimer\b",
    ),
    (
        "randomness",
        r"(?<![\w.:>])s?rand\s*\(|\bstd::s?rand\b|\brandom_device\b|\bgetrandom\b|\bgetentropy\b"
        r"|\barc4random\w*|\bmt19937\w*|\bdefault_random_engine\b|\bminstd_rand0?\b"
        r"|\b[dlm]rand48\b|" + header("random"),
    ),
    (
        "files",
        r"\b(?:f|fd|fre)open\b|\b[io]?fstream\b|\bstd::filesystem\b"
        r"|(?<![\w.>])(?:::)?\bopen\s*\(\s*\"|(?<!\w)::(?:open|openat|unlink|rename)\s*\(|"
        + header("fstream", "filesystem", r"fcntl\.h", r"sys/stat\.h", r"dirent\.h", r"unistd\.h"),
    ),
    (
        "sockets",
        header(r"sys/socket\.h", r"sys/epoll\.h", r"sys/un\.h", r"netinet/\w+\.h", r"arpa/inet\.h",
               r"netdb\.h", r"poll\.h"),
    ),
    (
        "threads",
        r"\bstd::(?:jthread|thread|this_thread|async|(?:\w+_)?mutex|condition_variable\w*"
        r"|lock_guard|unique_lock|scoped_lock|call_once|(?:counting|binary)_semaphore|latch"
        r"|barrier)\b|\bpthread_\w+|"
        + header("thread", "mutex", "shared_mutex", "condition_variable", "future",
                 r"pthread\.h"),
    ),
    ("the environment", r"\b(?:secure_)?getenv\b|\b(?:un)?setenv\b|\benviron\b"),
)
OUTSIDE_WORLD = [(what, re.compile(pattern)) for what, pattern in OUTSIDE_WORLD]


def check_outside_world(path, lines):
    """libuv, clocks, randomness, files, sockets, threads and spdlog only on the edge."""
    if room_of(path) is None and not path.startswith("src/") or on_the_edge(path):
        return
    for number, line in enumerate(code_lines(lines), 1):
        for what, pattern in OUTSIDE_WORLD:
            match = pattern.search(line)
            if match:
                found = match.group(0).strip()
                yield number, f"{what} outside src/net and src/main.cc: {found}"


SLEEP = re.compile(r"\bsleep_(?:for|until)\b|(?<![\w.:>])(?:u|nano)?sleep\s*\(")


def check_sleeps(path, lines):
    """Unit tests advance a clock of their own; none of them sleeps."""
    if not path.startswith("tests/"):
        return
    for number, line in enumerate(code_lines(lines), 1):
        if SLEEP.search(line):
            yield number, "a test may not sleep: advance the test's clock"


TEST_NAME = re.compile(r'TEST_CASE\(\s*"((?:\\.|[^"\\])*)"')


def check_test_names(path, lines):
    """CMake's lists end at a semicolon and nest at a bracket: ctest would run something else."""
    if not path.startswith("tests/"):
        return
    text = "\n".join(lines)
    for match in TEST_NAME.finditer(text):
        if any(character in match.group(1) for character in "[];\\"):
            number = text.count("\n", 0, match.start()) + 1
            yield number, "no brackets, semicolons or backslashes in the name of a test"


def check_line_length(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH_MAX:
            yield number, f"{len(line)} columns, at most {LINE_LENGTH_MAX}"


MARKER = re.compile(r"\b(?:FIXME|XXX|HACK|TODO)\b")
REASONED = re.compile(r"\bTODO\([^)]{8,}\): \S.{8,}")


def check_markers(path, lines):
    """`TODO(why it is not done): the way out` is the only marker."""
    for number, line in enumerate(lines, 1):
        if MARKER.search(line) and not REASONED.search(line):
            yield number, "no FIXME; `TODO(why it is not done): the way out`, or nothing"


def check_file_length(path, lines, allowed=None):
    """Past 800 lines a file wants splitting. `allowed`: old sins, path to lines; only shrinks."""
    limit = (allowed or {}).get(path, FILE_LINES_MAX)
    if len(lines) > limit:
        yield limit + 1, f"{len(lines)} lines, at most {limit}: split it by idea"
    elif limit > FILE_LINES_MAX and len(lines) < limit:
        yield 1, f"shrunk to {len(lines)} lines: say so in tests/tidy/long_files.txt"
