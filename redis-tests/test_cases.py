"""Each section of each file in cases/, in each protocol, as a test; see transcript.py."""

import glob
import os
import re

from compare import PairTest
from transcript import CaseFile, Player

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


def make_test(section, protocol):
    def test(self):
        for server in (self.quoris, self.oracle):
            if not server.running:
                self.fail(f"{server.binary} has died:\n{server.output()[-4000:]}")
        player = Player(self.quoris, self.oracle, protocol)
        player.play(section)
        if player.differences:
            self.fail("\n  ".join([f"{len(player.differences)} differences", *player.differences]))

    return test


def make_class(path):
    """A PairTest with a method per section and protocol."""
    cases = CaseFile(path)
    members = {"ARGUMENTS": ("--enable-debug-command", "yes", *cases.arguments),
               "setUp": lambda self: None, "__module__": __name__}
    for place, section in enumerate(cases.sections):
        title = re.sub(r"\W+", "_", section.title).strip("_")
        for protocol in cases.protocols:
            name = f"test_{place:02}_{title}_RESP{protocol}"
            members[name] = make_test(section, protocol)
    return type(f"Cases_{os.path.basename(path)[:-4]}", (PairTest,), members)


for case_path in sorted(glob.glob(os.path.join(CASES, "*.txt"))):
    case_class = make_class(case_path)
    globals()[case_class.__name__] = case_class
del case_class, PairTest
