"""A network of our own: a switch, and a network namespace per node with an address on it.

A cut takes a node's cable out of the switch: what it sends and what is sent to it vanishes, without
FIN, RST or a carrier that is gone, as with a switch that died. A one-way loss gives the sender a
wrong Ethernet address for the receiver: its packets go to nobody. Nothing of it is seen outside:
the switch is a bridge in a namespace too. Clients reach a node by its unix socket, as a file is in
no network namespace.

A bad network is made by the kernel's netem at a node's end of its cable, on what the node sends:
late, lost, doubled, out of order.

Needs root, the `ip` of iproute2, `nsenter`, a kernel with bridges and veth; for a bad network also
`tc` and sch_netem, which not every kernel has (why_no_netem). Used by: cluster.py.
"""

import atexit
import itertools
import os
import shutil
import subprocess

NETWORK = "10.51.0"
NOBODY = "02:51:ff:ff:ff:ff"
PREFIX = "quoris-test-"

_serial = itertools.count(1)
_networks = set()


@atexit.register
def remove_all():
    for network in list(_networks):
        network.remove()


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {' '.join(done.stderr.split())}")


def ip(*words, check=True):
    run("ip", *words, check=check)


def namespaces():
    try:
        return os.listdir("/run/netns")
    except FileNotFoundError:
        return []


def remove_leftovers():
    """Of test runs that were killed: their process is gone."""
    for name in namespaces():
        owner = name.removeprefix(PREFIX).split("-")[0]
        if name.startswith(PREFIX) and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            ip("netns", "del", name, check=False)


def why_not():
    """The reason why there can be no network of our own here, or None."""
    for program in ("ip", "nsenter"):
        if not shutil.which(program):
            return f"{program} is not on the PATH"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        network = Network()
        try:
            network.plug_in()
        finally:
            network.remove()
    except OSError as error:
        return f"network namespaces are not allowed here: {error}"
    return None


def why_no_netem():
    """The reason why there can be no bad network of our own here, or None. Tried on an interface
    that nobody else has."""
    reason = why_not()
    if reason:
        return reason
    if not shutil.which("tc"):
        return "tc is not on the PATH"
    try:
        network = Network()
        try:
            network.disturb(network.plug_in(), "delay", "1ms")
        finally:
            network.remove()
    except OSError as error:
        return f"no netem here: {error}"
    return None


class Port:
    """A node's place: its namespace, its address, its cable in the switch."""

    def __init__(self, network, number):
        self.number = number
        self.namespace = f"{network.name}-{number}"
        self.cable = f"port{number}"
        self.address = f"{NETWORK}.{number}"
        self.ethernet = f"02:51:00:00:00:{number:02x}"

    @property
    def command(self):
        """What goes before a command so that it runs here; the process id stays the same."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}"]

    def tell(self, other, ethernet):
        """Where packets for the other one go, whatever it answers to ARP."""
        ip("-n", self.namespace, "neigh", "replace", other.address, "lladdr", ethernet, "dev",
           "eth0", "nud", "permanent")


class Network:
    def __init__(self):
        remove_leftovers()
        self.name = f"{PREFIX}{os.getpid()}-{next(_serial)}"
        self.switch = f"{self.name}-switch"
        self.ports = []
        _networks.add(self)
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.switch, "link", "set", "bridge", "up")

    def plug_in(self):
        """A new port."""
        port = Port(self, len(self.ports) + 1)
        ip("netns", "add", port.namespace)
        self.ports.append(port)
        ip("-n", self.switch, "link", "add", port.cable, "type", "veth", "peer", "name", "eth0",
           "address", port.ethernet, "netns", port.namespace)
        ip("-n", self.switch, "link", "set", port.cable, "master", "bridge", "up")
        ip("-n", port.namespace, "link", "set", "lo", "up")
        ip("-n", port.namespace, "address", "add", f"{port.address}/24", "dev", "eth0")
        ip("-n", port.namespace, "link", "set", "eth0", "up")
        for other in self.ports[:-1]:
            self.mend_between(port, other)
        return port

    def cut(self, port):
        ip("-n", self.switch, "link", "set", port.cable, "nomaster")

    def mend(self, port):
        ip("-n", self.switch, "link", "set", port.cable, "master", "bridge")

    def lose(self, sender, receiver):
        """One way: what the sender sends to the receiver vanishes."""
        sender.tell(receiver, NOBODY)

    def mend_between(self, one, other):
        one.tell(other, other.ethernet)
        other.tell(one, one.ethernet)

    def disturb(self, port, *netem):
        """What the node sends suffers that, in the words of tc-netem(8), in place of what was."""
        run("tc", "-netns", port.namespace, "qdisc", "replace", "dev", "eth0", "root", "netem",
            *netem)

    def calm(self, port):
        """No disturbance any more. REQUIRES: there is one."""
        run("tc", "-netns", port.namespace, "qdisc", "del", "dev", "eth0", "root")

    def remove(self):
        _networks.discard(self)
        for name in [port.namespace for port in self.ports] + [self.switch]:
            ip("netns", "del", name, check=False)
