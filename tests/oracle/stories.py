"""stories.py - the packets of scenario files through both sides.

`scenarios --dump` tells a file's statements and the bytes of its packets.  What the kernel cannot
be told that way (ports, deletions, virtio-net headers, options for our table alone) is left out,
scenario by scenario.  Waits are real: those of a scenario may sum up to a limit.
"""
import multiprocessing
import subprocess

import kernel
from engine import host_options
from generated import ACCEPT
from play import Play

# Of the router, with what lies behind wg0; all else lies behind eth0.
ADDRESSES = {"wg0": ["10.0.1.253/24", "fd00:1::fd/64"], "eth0": ["10.0.2.253/24", "fd00:2::fd/64"]}
HOST = host_options(ADDRESSES, ("10.0.1.0/24=wg0", "fd00:1::/64=wg0", "0.0.0.0/0=eth0",
                                "::/0=eth0"))
BEHIND_WG0 = (bytes([10, 0, 1]), bytes.fromhex("fd00000100000000"))
# Each wait is that much longer, lest it ends at the very moment at which a timer does.
LONGER = 0.03
# Options that the kernel has for the host as a whole.
UNFIT = ("max-flows", "expect-max")


class Story:
    def __init__(self, title):
        self.title = title
        self.ruleset = ACCEPT
        self.config = {}
        self.items = []
        self.unfit = None  # why the kernel cannot be told this one

    @property
    def seconds(self):
        return sum(packet for side, packet in self.items if side == "wait")

    def add(self, word, rest):
        if word == "packet":
            packet = bytes.fromhex(rest)
            self.items.append((side(packet), packet))
        elif word == "wait":
            self.items.append(("wait", int(rest) / 1e9 + LONGER))
        elif word == "ruleset" and not self.items:
            # Not our own tables in the kernel.
            self.ruleset = bytes.fromhex(rest).decode().removeprefix("flush ruleset") + "\n"
        elif word == "config" and not self.items and not rest.startswith(UNFIT):
            name, value = rest.split()
            self.config[name] = value
        else:
            self.unfit = self.unfit or word


def side(packet):
    at = 12 if packet[:1] and packet[0] >> 4 == 4 else 8
    return "wg0" if packet[at:at + 8].startswith(BEHIND_WG0) else "eth0"


def read(scenarios, files):
    """All stories of these files, by the program that runs them.  One that fails there is cut."""
    text = subprocess.run([scenarios, "--dump"] + files, stdout=subprocess.PIPE,
                          check=False).stdout.decode()
    stories = []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "scenario":
            stories.append(Story(rest))
        else:
            stories[-1].add(word, rest)
    return stories


def tell(job):
    """One story; what differs, as text.  None when nft does not take its rules."""
    driver, story = job
    try:
        play = Play(story.ruleset, driver, story.config, ADDRESSES, HOST)
    except kernel.Refused:
        return story.title, None
    try:
        play.run(story.items, to_the_end=True)
    finally:
        play.close()
    return story.title, ["packet %d: %s" % (i + 1, text) for i, _, text in play.differences]


def compare(driver, scenarios, files, limit):
    """The number of scenarios that differ."""
    stories = read(scenarios, files)
    fit = [s for s in stories if s.items and not s.unfit and s.seconds <= limit]
    unfit = sum(1 for s in stories if s.unfit or not s.items)
    failed = refused = 0
    # They mostly wait.  A process each, since a namespace is a process's.
    with multiprocessing.Pool(16, maxtasksperchild=1) as pool:
        for title, found in pool.imap(tell, [(driver, s) for s in fit], chunksize=1):
            refused += found is None
            failed += bool(found)
            for text in (found or [])[:5]:
                print("%s\n    %s" % (title, text), flush=True)
    print("%d scenarios: %d compared, %d differ; %d would take too long, %d are of no use to the "
          "kernel, nft refuses the rules of %d" % (
              len(stories), len(fit) - refused, failed, len(stories) - len(fit) - unfit, unfit,
              refused))
    return failed
