"""clang-format and clang-tidy, with their complaints as (path, line number, message)."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess

COMPLAINT = re.compile(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$")


def find_tool(name):
    """Debian's version 14, whatever else is on the machine."""
    return shutil.which(f"{name}-14")


def complaints(output, root):
    seen = set()
    for line in output.splitlines():
        match = COMPLAINT.match(line)
        if match:
            path = os.path.relpath(os.path.join(root, match.group(1)), root)
            finding = (path, int(match.group(2)), match.group(3))
            if finding not in seen:
                seen.add(finding)
                yield finding


def run_clang_format(files, root):
    tool = find_tool("clang-format")
    if tool is None:
        return [("tests/tidy/run", 1, "clang-format-14 is not installed")]
    if not files:
        return []
    done = subprocess.run([tool, "--dry-run", "-Werror", *files], cwd=root, text=True,
                          capture_output=True, check=False)
    found = [(path, line, "not as clang-format-14 would have it")
             for path, line, _ in complaints(done.stderr, root)]
    if done.returncode != 0 and not found:
        found = [("tests/tidy/run", 1, done.stderr.strip())]
    return found


def git(root, *arguments):
    try:
        done = subprocess.run(["git", "-C", root, *arguments], text=True, capture_output=True,
                              check=False)
    except FileNotFoundError:
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None


def changed_files(root):
    """Paths that differ from the base, uncommitted ones included; None if there is no base.

    The base is where the branch left origin/main, or the last commit's parent on main itself.
    """
    head = git(root, "rev-parse", "HEAD")
    fork = git(root, "merge-base", "HEAD", "origin/main") if head else None
    base = fork if fork and fork != head else git(root, "rev-parse", "--verify", "-q", "HEAD~1")
    if not base:
        return None
    changed = git(root, "diff", "--name-only", base[0]) or []
    untracked = git(root, "ls-files", "--others", "--exclude-standard") or []
    return sorted(set(changed) | set(untracked))


def sources_to_check(compiled, changed):
    """Of the compiled sources those that changed, or whose header of the same name did."""
    if changed is None:
        return sorted(compiled)
    stems = {os.path.splitext(path)[0] for path in changed if path.endswith((".cc", ".h"))}
    return sorted(path for path in compiled if os.path.splitext(path)[0] in stems)


def compiled_sources(build, root):
    """The sources in the build's compile_commands.json that belong to the repository."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    paths = {os.path.relpath(os.path.join(entry["directory"], entry["file"]), root)
             for entry in entries}
    return {path for path in paths if not path.startswith(("..", "build/"))}


def run_clang_tidy(files, build, root):
    tool = find_tool("clang-tidy")
    if tool is None:
        return [("tests/tidy/run", 1, "clang-tidy-14 is not installed")]

    def check(path):
        done = subprocess.run([tool, "-p", build, "--quiet", path], cwd=root, text=True,
                              capture_output=True, check=False)
        found = list(complaints(done.stdout, root))
        if done.returncode != 0 and not found:
            found = [(path, 1, (done.stdout + done.stderr).strip())]
        return found

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return sorted({finding for found in pool.map(check, files) for finding in found})
