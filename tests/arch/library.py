#!/usr/bin/python3
"""libctfw opens no file, reads no clock, logs nothing, and has no global state.

    library.py libctfw.a

Looks at the symbols of its objects: what they want of others, and what variables they
have."""
import re
import subprocess
import sys

# libevent's names begin as some of ours do.
FORBIDDEN = re.compile(
    r"^_*(open(at)?(64)?(_2)?|creat(64)?|f?d?open(64)?|freopen(64)?|popen|opendir|scandir|glob"
    r"|read|write|pread(64)?|pwrite(64)?|readv|writev|unlink|rename|stat|fstat|mmap(64)?"
    r"|clock_gettime|gettimeofday|time|clock|nanosleep|usleep|sleep"
    r"|v?printf(_chk)?|v?fprintf(_chk)?|v?dprintf(_chk)?|f?puts|f?putc|putchar|fwrite|perror"
    r"|v?syslog(_chk)?|openlog|std(out|err|in)"
    r"|socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|poll|select|ioctl"
    r"|getenv|secure_getenv|setenv|system|fork|exec[a-z]*|_?exit|kill|signal|sigaction"
    r"|s?rand(_r)?|s?random|getrandom|arc4random|getpid|gethostname"
    r"|json_load_file|json_loadf|json_load_callback|json_dump_file|json_dumpf|json_dumpfd"
    r"|event_(?!((catch_up|commit|deliver|destroy|expect)$|hub_)).*|evbuffer_.*|bufferevent_.*|nl_.*|rtnl_.*|sd_.*|seccomp_.*|pcap_.*)$")
# In writable memory, and each with its reason.
STATE = {
    "rcu_tsan_token",  # an address for ThreadSanitizer, never written
    "serial",          # hostview.c: a number that must be unique in the process
}
# What sanitizers and the compiler add.
ADDED = re.compile(r"^(__asan|__odr_asan|__tsan|__ubsan|__sancov|__gcov|\.L|\.|_GLOBAL_|completed"
                   r"|___asan|llvm|__start|__stop|\$)|asan_gen|^__func__|\.lto_priv")


def run(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def main():
    archive = sys.argv[1]
    wrong = []
    objects = 0
    for line in run("nm", "-A", "-u", archive).splitlines():
        where, symbol = re.match(r".*:([^:]+\.o):.*\s(\S+)$", line).groups()
        if FORBIDDEN.match(symbol.split("@")[0]):
            wrong.append("%s calls %s" % (where, symbol))
    current = ""
    for line in run("objdump", "-t", archive).splitlines():
        m = re.match(r"(\S+\.o): +file format", line)
        if m:
            current = m.group(1)
            objects += 1
        # address, flags (object), section, size, name
        m = re.match(r"[0-9a-f]+ .{6}O (\S+)\s+([0-9a-f]+) (?:\.\w+ )?(\S+)$", line)
        if not m or int(m.group(2), 16) == 0:
            continue
        section, name = m.group(1), re.sub(r"\.\d+$", "", m.group(3))
        if not re.match(r"\.(bss|data)(\.|$)|\*COM\*", section) or ".rel.ro" in section:
            continue
        if name not in STATE and not ADDED.search(name):
            wrong.append("%s has a variable %s: state belongs into a context" % (current, name))
    for text in wrong:
        print(text)
    print("%d objects, %d wrong" % (objects, len(wrong)))
    return bool(wrong) or objects < 10


sys.exit(main())
