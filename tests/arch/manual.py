#!/usr/bin/python3
"""The man pages are sound, and know every option, command and drop reason.

    manual.py SOURCE-TREE WORDS-PROGRAM"""
import os
import re
import subprocess
import sys

PAGES = {"ctfwd.8", "ctfwctl.8", "ctfwd.conf.5", "ctfw-ruleset.5"}


def render(path):
    # Wide, so that no line breaks at a hyphen.
    text = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=900", path], check=True,
                          capture_output=True, text=True).stdout
    text = re.sub(".\b", "", text)
    return text.replace("\u2010", "-").replace("\u2212", "-")


def knows(text, word):
    return re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(word), text) is not None


def main():
    tree, words = sys.argv[1:3]
    man = os.path.join(tree, "man")
    wrong = []
    missing = PAGES - set(os.listdir(man))
    for page in sorted(missing):
        wrong.append("man/%s: missing" % page)
    pages = {page: "" for page in PAGES}
    for page in sorted(os.listdir(man)):
        if not re.search(r"\.[1-8]$", page):
            continue
        path = os.path.join(man, page)
        pages[page] = render(path)
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "style", path],
                              capture_output=True, text=True)
        # Pages that others install are not to be found here.
        wrong += [line for line in lint.stdout.splitlines()
                  if "referenced manual not found" not in line]
    everything = "\n".join(pages.values())
    count = 0
    for line in subprocess.run([words], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        kind, *rest = line.split()
        word = rest[-1]
        text, where = {
            "option": (pages["ctfwd.conf.5"], "ctfwd.conf.5"),
            "command": (pages["ctfwctl.8"], "ctfwctl.8"),
            "flag": (pages["ctfwctl.8"], "ctfwctl.8"),
            "check": (pages["ctfwctl.8"], "ctfwctl.8"),
            "reason": (everything, "any page"),
        }[kind]
        count += 1
        if not knows(text, word):
            wrong.append("%s does not know %s" % (where, line))
    for text in wrong:
        print(text)
    print("%d pages, %d words, %d wrong" % (len(pages), count, len(wrong)))
    return bool(wrong) or count < 40


sys.exit(main())
