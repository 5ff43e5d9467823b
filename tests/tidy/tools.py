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


def find_base(root):
    """(commit, what it is): what a change is compared with; None if there is nothing.

    It is where the branch left origin/main, or the last commit's parent on main itself.
    """
    head = git(root, "rev-parse", "HEAD")
    fork = git(root, "merge-base", "HEAD", "origin/main") if head else None
    if fork and fork != head:
        return fork[0], "where the branch left origin/main"
    parent = git(root, "rev-parse", "--verify", "-q", "HEAD~1")
    return (parent[0], "the last commit's parent") if parent else None


def changed_files(root, base):
    """Paths that differ from the commit `base`, uncommitted ones included."""
    changed = git(root, "diff", "--name-only", base) or []
    untracked = git(root, "ls-files", "--others", "--exclude-standard") or []
    return sorted(set(changed) | set(untracked))


def sources_to_check(compiled, changed):
    """Of the compiled sources those that changed, or whose header of the same name did."""
    stems = {os.path.splitext(path)[0] for path in changed if path.endswith((".cc", ".h"))}
    return sorted(path for path in compiled if os.path.splitext(path)[0] in stems)


def choose_sources(compiled, root, everything):
    """(sources for clang-tidy, which ones they are and against what they were chosen)."""
    base = None if everything else find_base(root)
    if base is None:
        why = "--all" if everything else "no commit to compare with, so all"
        return sorted(compiled), f"{len(compiled)} of {len(compiled)} sources: {why}"
    chosen = sources_to_check(compiled, changed_files(root, base[0]))
    return chosen, (f"{len(chosen)} of {len(compiled)} sources: changed since {base[0][:10]}, "
                    f"{base[1]}")


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
