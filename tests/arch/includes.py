#!/usr/bin/python3
"""Includes point downward only.

    includes.py SOURCE-TREE

Reads every #include under include/ and daemon/.  A module is a directory of daemon/ with its
contract headers in include/ctfw; the table below says which layer it is in and which
headers are its own.  A header that is in no row is an error, so that a new one finds its
place."""
import os
import re
import sys

# Module: layer, contract headers.
MODULES = {
    "base": (0, "addr arena clock counter cursor diag hook hostview jhash locale nat_range rcu siphash spin state text zone"),
    "packet": (1, "packet checksum mangle translate build frag reason"),
    "conntrack": (2, "conntrack event expect flow helper helper_kind nat tuple timeout"),
    "ruleset": (2, "ruleset policy set_dynamic"),
    "engine": (3, "engine generation trace"),
    "control": (4, "control"),
    "config": (5, "config hostclock regular"),
    "steer": (6, "netlink plan steer"),
    "host": (7, "hostlocale localzone rulefile"),
    "ctl": (8, ""),
    "main": (9, ""),  # ctfwd.c, ctfwctl.c
}
# What else a module may include of one beside it.
EXCEPTIONS = {"ruleset": {"ctfw/flow.h", "ctfw/tuple.h", "ctfw/helper_kind.h"}}

# L0 to L3 and control know no event loop, no netlink, no systemd, no file formats.
LIBRARY = {"base", "packet", "conntrack", "ruleset", "engine", "control"}
FOREIGN = re.compile(r"event2/|event\.h|netlink/|linux/(rt)?netlink|linux/if_tun|systemd/|ini\.h"
                     r"|seccomp|pcap|syslog\.h|sys/socket\.h|sys/un\.h|fcntl\.h|time\.h|sys/time\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')

HEADER_OF = {}
for module, (_, names) in MODULES.items():
    for name in names.split():
        HEADER_OF[name] = module


def module_of(path):
    """Of a file relative to the tree, or None."""
    parts = path.split("/")
    if parts[0] == "include":
        return HEADER_OF.get(os.path.splitext(parts[-1])[0])
    return parts[1] if len(parts) > 2 else "main"


def refused(module, path, kind, name):
    """Why this include is wrong, or None."""
    if kind == "<":
        if module in LIBRARY and FOREIGN.match(name):
            return "is not for the library: whoever calls it brings files, time and sockets"
        return None
    if name.startswith("ctfw/"):
        target = module_of("include/" + name)
        if target is None:
            return "is in no module: give it a row in tests/arch/includes.py"
    elif "/" in name:
        target = name.split("/")[0]
        if target != module and module != "main":
            return "is private to %s" % target
    else:
        return "say from which module, as \"%s/%s\"" % (module, name)
    if target not in MODULES:
        return "names no module"
    if target == module or name in EXCEPTIONS.get(module, ()):
        return None
    if MODULES[target][0] >= MODULES[module][0]:
        return "points upward or sideways: %s is not below %s" % (target, module)
    return None


def main():
    os.chdir(sys.argv[1])
    wrong = files = 0
    for top in ("include", "daemon"):
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                if not name.endswith((".c", ".h", ".def")):
                    continue
                path = os.path.join(folder, name)
                module = module_of(path)
                files += 1
                if module not in MODULES:
                    print("%s: is in no module: give it a row in tests/arch/includes.py" % path)
                    wrong += 1
                    continue
                with open(path, encoding="utf-8") as f:
                    for number, line in enumerate(f, 1):
                        m = INCLUDE.match(line)
                        why = m and refused(module, path, m.group(1), m.group(2))
                        if why:
                            print("%s:%d: %s %s" % (path, number, m.group(2), why))
                            wrong += 1
    if files < 20:
        print("only %d files found: is %s the source tree?" % (files, sys.argv[1]))
        wrong += 1
    print("%d files, %d wrong" % (files, wrong))
    return wrong != 0


sys.exit(main())
