#!/usr/bin/python3
"""ftpd.py ADDRESS DIRECTORY - an FTP server that knows its peer by any form of its address.

pyftpdlib itself compares IPv6 addresses as text, and so refuses EPRT with leading zeroes, as
NAT writes it (the kernel's as well); other servers compare addresses."""
import ipaddress
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer


class Handler(FTPHandler):
    def ftp_EPRT(self, line):
        fields = line.split(line[:1])
        fields[2] = str(ipaddress.ip_address(fields[2]))
        return super().ftp_EPRT("|".join(fields))


Handler.authorizer = DummyAuthorizer()
Handler.authorizer.add_anonymous(sys.argv[2])
FTPServer((sys.argv[1], 21), Handler).serve_forever()
