"""The rooms of the code and what each may use: the one list, checked against CMakeLists.txt.

A room is a folder with a target of its own. Its files include their own room and the rooms in
their row, nothing else; src/main.cc, src/program and the tests may include every room.
"""

import os
import re

# room: (folder, rooms it may use). A room that is not built yet may stand here already.
ROOMS = {
    "base": ("src/base", []),
    "resp": ("resp", ["base"]),
    "store": ("src/store", ["base"]),
    "persistence": ("persistence", ["base", "store"]),
    "command": ("src/command", ["base", "resp", "store"]),
    "membership": ("cluster/membership", ["base"]),
    "topology": ("cluster/topology", ["base"]),
    "cluster": ("cluster", ["base", "resp", "store", "persistence"]),
    "raft": ("cluster/raft", ["base", "persistence"]),
    "fault": ("cluster/fault", ["base"]),
    "bus": ("cluster/bus", ["base", "resp", "fault"]),
    "control": (
        "cluster/control",
        ["base", "resp", "persistence", "fault", "bus", "raft", "membership", "topology"],
    ),
    "access": ("src/access", ["base", "command"]),
    "server": (
        "src/server",
        [
            "base", "resp", "store", "persistence", "command", "control", "topology", "fault",
            "bus", "raft", "membership", "cluster", "access",
        ],
    ),
    "admin": ("src/admin", ["server"]),
    "sim_env": ("src/sim/env", ["base"]),
    "sim": (
        "src/sim",
        [
            "base", "resp", "store", "persistence", "command", "fault", "bus", "raft", "membership",
            "topology", "control", "server", "sim_env",
        ],
    ),
    "net": ("src/net", ["base"]),
}

# The edge: the only code that may touch the outside world.
EDGE = ("src/net/", "src/program/", "src/main.cc")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LIBRARY = re.compile(r"quoris_library\(\s*(\w+)\s+DIR\s+(\S+)\s+DEPS\s*([^)]*?)"
                     r"(?:\s+HEAVY\b[^)]*)?\)")


def room_of(path):
    """The room a path lies in, the deepest one that fits; None outside every room."""
    fitting = [room for room, (folder, _) in ROOMS.items() if path.startswith(folder + "/")]
    return max(fitting, key=lambda room: len(ROOMS[room][0]), default=None)


def on_the_edge(path):
    return path.startswith(EDGE)


def check_includes(path, lines, root):
    """Includes by full path, of a file that exists, in a room that this one may use."""
    room = room_of(path)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match or match.group(1) != '"':
            continue
        included = match.group(2)
        if "/" not in included or included.startswith((".", "src/")):
            yield number, f'include "{included}" by its path from the root or from src'
            continue
        places = [place for place in (included, f"src/{included}")
                  if os.path.isfile(os.path.join(root, place))]
        if not places:
            yield number, f'include "{included}" names no file of the repository'
            continue
        other = room_of(places[0])
        if room and other and other != room and other not in ROOMS[room][1]:
            allowed = ", ".join(ROOMS[room][1]) or "nothing"
            yield number, f"{room} may not include {other} (it may use {allowed})"


def check_cmake(text):
    """Each quoris_library() has its row here: same folder, same rooms as far as they are built."""
    built = {match.group(1): match for match in LIBRARY.finditer(text)}
    for room, match in built.items():
        number = text.count("\n", 0, match.start()) + 1
        if room not in ROOMS:
            yield number, f"room {room} has no row in tests/tidy/rooms.py"
            continue
        folder, allowed = ROOMS[room]
        if match.group(2) != folder:
            yield number, f"room {room} lies in {match.group(2)}, tests/tidy/rooms.py says {folder}"
        expected = sorted(name for name in allowed if name in built)
        if sorted(match.group(3).split()) != expected:
            yield number, f"DEPS of {room} should be {' '.join(expected) or 'empty'}"
