#!/bin/bash
# The package was installed, and filtered; then somebody spoilt its configuration, and the
# machine is switched on.  What was in force last is in the daemon's copy.
. "$(dirname "$0")/lib.sh"
WORK=$(mktemp -d)
install 1
sanitizers
configure_open_wg0
rules_plain
command install -m 644 -o ctfw -g ctfw /etc/ctfw/ctfwd.conf /var/lib/ctfw/ctfwd.conf
echo "nonsense" >>/etc/ctfw/ctfwd.conf
systemctl enable ctfwd
