"""batch.py - rulesetctl as a process that is asked text by text; the ruleset is in its memory."""
import os
import subprocess


class Died(Exception):
    """The ruleset's code ended by a signal, or a sanitizer ended it."""


class Batch:
    def __init__(self, ctl):
        self.ctl = ctl
        self.asked = 0
        self.start()

    def start(self):
        # Times and hours are said in the zone that nftables' own tests have.
        self.process = subprocess.Popen([self.ctl, "--batch"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=dict(os.environ, TZ="UTC-2"))

    def ask(self, verb, text=b"", options="-"):
        """Whether it was done, and what was printed: the errors where it was not."""
        text = text.encode() if isinstance(text, str) else text
        self.asked += 1
        try:
            self.process.stdin.write(b"%s %s %d\n" % (verb.encode(), options.encode(), len(text)))
            self.process.stdin.write(text)
            self.process.stdin.flush()
            status, out, err = (int(n) for n in self.process.stdout.readline().split())
        except (OSError, ValueError):
            self.die()
        out = self.process.stdout.read(out)
        err = self.process.stdout.read(err)
        return status == 0, (err if status else out).decode(errors="replace")

    def die(self):
        """Go on with a new process; whoever asked is told."""
        errors = self.process.communicate()[1].decode(errors="replace")
        status = self.process.returncode
        self.start()
        raise Died("ended with %d: %s" % (status, errors[-3000:]))

    def apply(self, text, options="-"):
        return self.ask("apply", text, options)

    def close(self):
        self.process.stdin.close()
        return self.process.wait()
