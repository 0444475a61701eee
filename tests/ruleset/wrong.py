#!/usr/bin/env python3
"""wrong.py --ctl RULESETCTL [--update] [FILE...] - texts with a mistake, and what is said of it.

wrong/NAME.txt has mistakes of one kind, each told to a ruleset that is wrong/given.nft:

    > add rule inet filter input tcp dprot 22     the text, line by line
    ! 1:32 "dprot": "tcp" has no "dprot"          line, column, what the carets are under, message
    ! did you mean "dport"?                       a line more about it

Whether the picture with the carets is drawn well is what errors/ is for.  Where nft 1.0.6 and
the right to make a namespace are at hand, nft has to refuse the text as well, but for one that
a line is before:

    # not nft: why

--update writes what our side says into the files, to be read before it is believed.
"""
import argparse
import ctypes
import os
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "oracle"))
from batch import Batch, Died  # noqa: E402
from libnft import Nft  # noqa: E402

CLONE_NEWNET = 0x40000000
GIVEN = "flush ruleset\n" + (HERE / "wrong" / "given.nft").read_text()
PLACE = re.compile(r"<batch>:(\d+:\d+): (.*)")


def brief(message):
    """Each error as one line, with what its carets are under in place of the picture."""
    lines = message.splitlines()
    while lines:
        line = lines.pop(0)
        place = PLACE.fullmatch(line)
        if place and len(lines) > 1:
            shown, carets = lines.pop(0), lines.pop(0)
            guilty = shown[carets.find("^"):len(carets)]
            line = f'{place[1]} "{guilty}": {place[2]}'
        yield line


def cases(text):
    """(remarks, text, expected lines) of each."""
    remarks, found = [], []
    open_text = False
    for line in text.splitlines():
        if line.startswith("#"):
            remarks.append(line)
        elif line.startswith(">"):
            if not open_text:
                found.append((remarks, [], []))
                remarks = []
            found[-1][1].append(line[2:])
        elif line.startswith("! "):
            found[-1][2].append(line[2:])
        elif line:
            sys.exit(f"a line that belongs nowhere: {line}")
        open_text = line.startswith(">")
    return found


def nft_refuses(nft, text):
    if "define" in text:
        nft.restart()  # what was defined before stays defined
    taken, _ = nft(text, check=True)
    if taken is None or not taken:
        return True
    # Some of it the kernel finds when it commits, and not before.
    taken, _ = nft(text)
    nft(GIVEN)
    return not taken


def play(path, batch, nft, update):
    failed, written = 0, []
    for remarks, lines, want in cases(path.read_text()):
        text = "\n".join(lines) + "\n"
        try:
            taken, message = batch.apply(text, "c")
        except Died as e:
            taken, message = True, str(e)
            batch.apply(GIVEN)
        got = ["TAKEN"] if taken else list(brief(message))
        written += remarks + ["> " + line for line in lines] + ["! " + line for line in got]
        if taken or (got != want and not update):
            print(f"{path.name}: {text}", *("  want: " + line for line in want),
                  *("   got: " + line for line in got), sep="\n")
            failed += 1
        if not nft or any(line.startswith("# not nft") for line in remarks):
            continue
        if not nft_refuses(nft, text):
            print(f"{path.name}: nft takes it: {text}")
            failed += 1
    if update:
        path.write_text("\n".join(written) + "\n")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctl", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    batch, nft = Batch(args.ctl), None
    libc = ctypes.CDLL(None, use_errno=True)
    if not os.geteuid() and shutil.which("nft") and not libc.unshare(CLONE_NEWNET):
        nft = Nft()
        assert nft(GIVEN)[0], "nft refuses what is given"
    else:
        print("nft is not here to be asked")
    taken, message = batch.apply(GIVEN)
    assert taken, message
    files = args.files or sorted((HERE / "wrong").glob("*.txt"))
    failed = sum(play(path, batch, nft, args.update) for path in files)
    if nft:
        nft.close()
    batch.close()
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
