#!/usr/bin/env python3
"""dialogs.py --ctl RULESETCTL [--update] [FILE...] - commands and what they answer.

dialogs/NAME.txt is a dialogue with one ruleset:

    > -a list tables            options, then a command
    table ip t # handle 1       what it prints
    > add chain ip nope c       a refusal: the message, each line behind an exclamation mark
    ! <batch>:1:14: there is no table "nope" in the family ip

Where nft 1.0.6 and the right to make a namespace are at hand, nft is told the same and has to
print the same, or to refuse as well, but for commands behind a line

    # not nft: why

or in a file that begins with

    # not nft at all: why

--update writes what our side answers into the files, to be read before it is believed.
"""
import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
NS = "ctfw-dialogs"


class Ours:
    def __init__(self, ctl):
        self.process = subprocess.Popen([ctl, "--batch"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, options, command):
        """(refused, text)"""
        text = command.encode()
        letters = options or "-"
        self.process.stdin.write(f"apply {letters} {len(text)}\n".encode() + text)
        self.process.stdin.flush()
        err, out, diag = (int(n) for n in self.process.stdout.readline().split())
        out, diag = self.process.stdout.read(out), self.process.stdout.read(diag)
        return err != 0, (diag if err else out).decode()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Nft:
    """A namespace of its own for each dialogue, since handles begin anew in it."""
    def __init__(self):
        self.name = None

    def open(self):
        self.close()
        self.name = f"{NS}-{id(self) % 100000}"
        subprocess.run(["ip", "netns", "add", self.name], check=True, capture_output=True)

    def close(self):
        if self.name:
            subprocess.run(["ip", "netns", "del", self.name], check=False)
        self.name = None

    def ask(self, options, command):
        argv = ["ip", "netns", "exec", self.name, "nft"]
        argv += ["-" + options] if options else []
        done = subprocess.run(argv + [command], capture_output=True, text=True, check=False)
        # An echo ends with a line about nft itself.
        lines = done.stdout.splitlines(keepends=True)
        return done.returncode != 0, "".join(line for line in lines
                                             if not line.startswith("# new generation"))


def nft_there():
    try:
        version = subprocess.run(["nft", "--version"], capture_output=True, text=True,
                                 check=True).stdout
        nft = Nft()
        nft.open()
        refused, _ = nft.ask("", "list ruleset")
        nft.close()
    except (OSError, subprocess.CalledProcessError):
        return False
    return "v1.0.6" in version and not refused


def turns(text):
    """(lines before, options, command, expected answer) of each turn."""
    before, found = [], []
    for line in text.splitlines():
        if line.startswith("> "):
            words = line[2:]
            options = ""
            if words.startswith("-"):
                options, _, words = words.partition(" ")
            found.append([before, options[1:], words, []])
            before = []
        elif line.startswith("#"):
            before.append(line)
        elif found and not before:
            found[-1][3].append(line)
        elif line:
            sys.exit(f"a line that belongs nowhere: {line}")
    return found


def show(refused, text):
    lines = text.splitlines()
    return ["! " + line if line else "!" for line in lines] if refused else lines


def play(path, ctl, nft, update):
    failed, written = 0, []
    ours = Ours(ctl)
    if nft:
        nft.open()
    alone = path.read_text().startswith("# not nft at all")
    for before, options, command, want in turns(path.read_text()):
        refused, text = ours.ask(options, command)
        got = show(refused, text)
        written += before + [f"> -{options} {command}" if options else f"> {command}"] + got
        if got != want and not update:
            print(f"{path.name}: {command}", *("  want: " + line for line in want),
                  *("   got: " + line for line in got), sep="\n")
            failed += 1
        if not nft or alone or any(line.startswith("# not nft") for line in before):
            continue
        theirs = nft.ask(options, command)
        if theirs[0] != refused or (not refused and theirs[1] != text):
            print(f"{path.name}: {command}: nft {'refuses' if theirs[0] else 'prints'}",
                  theirs[1], sep="\n")
            failed += 1
    ours.close()
    if nft:
        nft.close()
    if update:
        path.write_text("\n".join(written) + "\n")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--ctl", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    nft = Nft() if nft_there() else None
    if not nft:
        print("nft 1.0.6 is not here to be compared with")
    files = args.files or sorted((HERE / "dialogs").glob("*.txt"))
    failed = sum(play(path, args.ctl, nft, args.update) for path in files)
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
