#!/bin/bash
# The same with OpenVPN's tap, where the clients ask by ARP for the host's address.
VPN=tap0
# As by DHCP: it lets them in.
SPOOFED=
. "$(dirname "$0")/test_openvpn.sh"
