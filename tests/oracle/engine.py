"""engine.py - the engine's side: oracle-driver as a process that is asked packet by packet."""
import json
import subprocess
import tempfile

from packets import HOST_ADDRESSES

ROUTES = ("10.8.0.0/24=wg0", "fd08::/64=wg0", "0.0.0.0/0=eth0", "::/0=eth0")


def host_options(addresses=HOST_ADDRESSES, routes=ROUTES):
    options = []
    for side in addresses:
        for address in addresses[side]:
            options += ["--local", "%s@%s" % (address.split("/")[0], side)]
    for route in routes:
        options += ["--route", route]
    return options


class Engine:
    def __init__(self, driver, ruleset, config=None, host=None):
        """config: options of [conntrack] and their values; host: from host_options()."""
        self.files = []
        command = [driver, self.file(ruleset)]
        if config:
            command += ["--config", self.file("[daemon]\nruleset = /\n[conntrack]\n" + "".join(
                "%s = %s\n" % item for item in config.items()))]
        self.process = subprocess.Popen(command + (host or host_options()),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def file(self, text):
        f = tempfile.NamedTemporaryFile("w", prefix="oracle.")
        f.write(text)
        f.flush()
        self.files.append(f)
        return f.name

    def ask(self, line):
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the engine's side failed: exit status %d" % self.process.wait())
        return json.loads(line)

    def packet(self, time, packet):
        return self.ask("%d %s\n" % (time, packet.hex()))

    def flows(self, time):
        return [f["entry"] for f in self.ask("%d flows\n" % time)["flows"]]

    def expectations(self, time):
        return self.ask("%d expects\n" % time)["expects"]

    def finish(self):
        """All flows and the ruleset, as lists for people to read."""
        self.process.stdin.close()
        end = self.answer()
        if self.process.wait():
            raise SystemExit("the engine's side failed at the end")
        return end

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        for f in self.files:
            f.close()
