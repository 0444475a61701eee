"""libnft.py - nft without a process for each command: libnftables, in this process's namespace.

It is loaded into a process of its own, for some rules end nft 1.0.6 by an assertion.
"""
import ctypes
import os
import struct
import subprocess
import sys

LIBRARY = "libnftables.so.1"


class Nft:
    def __init__(self):
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def __call__(self, text, check=False):
        """Whether it was taken, and what was printed: errors where it was not.  None: nft died."""
        data = text.encode()
        self.process.stdin.write(struct.pack("=?I", check, len(data)) + data)
        self.process.stdin.flush()
        head = self.process.stdout.read(5)
        if len(head) < 5:
            self.restart()
            return None, "nft died"
        good, size = struct.unpack("=?I", head)
        return good, self.process.stdout.read(size).decode(errors="replace")

    def restart(self):
        self.close()
        self.start()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()


def serve():
    lib = ctypes.CDLL(LIBRARY)
    lib.nft_ctx_new.restype = ctypes.c_void_p
    lib.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    lib.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    context = ctypes.c_void_p(lib.nft_ctx_new(0))
    lib.nft_ctx_buffer_error(context)
    lib.nft_ctx_buffer_output(context)
    while True:
        head = sys.stdin.buffer.read(5)
        if len(head) < 5:
            return
        check, size = struct.unpack("=?I", head)
        lib.nft_ctx_set_dry_run(context, ctypes.c_bool(check))
        status = lib.nft_run_cmd_from_buffer(context, sys.stdin.buffer.read(size))
        out = lib.nft_ctx_get_output_buffer(context)
        errors = lib.nft_ctx_get_error_buffer(context)
        said = errors if status else out
        sys.stdout.buffer.write(struct.pack("=?I", status == 0, len(said)) + said)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
