"""changes.py CTFWCTL FOLDER - random elements into sets and out of them, a command each, until one
fails or FOLDER/stop is there; FOLDER/before has what was there before the one that failed, a line
each, and FOLDER/after what would have been.  It begins with FOLDER/before.

changes.py --read - the same lines from a listing."""
import os
import random
import re
import subprocess
import sys


def read(listing):
    """Lines of a listing: SET ELEMENT."""
    found = set()
    for name, body in re.findall(r"\b(?:set|map) (\w+) \{(.*?)\n\t\}", listing, re.S):
        elements = re.search(r"elements = \{(.*?)\}", body, re.S)
        for element in elements.group(1).split(",") if elements else []:
            found.add("%s %s" % (name, " ".join(element.split())))
    return found


def write(path, lines):
    with open(path, "w") as f:
        f.writelines(line + "\n" for line in sorted(lines))


def main():
    if sys.argv[1] == "--read":
        sys.stdout.writelines(line + "\n" for line in sorted(read(sys.stdin.read())))
        return
    ctl, folder = sys.argv[1:]
    with open(folder + "/before") as f:
        there = set(f.read().splitlines())
    after = there
    while after == there and not os.path.exists(folder + "/stop"):
        n = random.randrange(200)
        # Apart from each other, so that none are joined.
        line = random.choice(["addresses 10.0.0.%d" % n, "prefixes 10.%d.0.0/24" % n,
                              "marks %d : 0x%08x" % (n + 1, n)])
        name, element = line.split(" ", 1)
        verb = "delete" if line in there else "add"
        after = there ^ {line}
        command = "%s element inet filter %s { %s }" % (verb, name, element)
        if subprocess.run([ctl, "-n", command]).returncode == 0:
            there = after
    write(folder + "/before", there)
    write(folder + "/after", after)


main()
