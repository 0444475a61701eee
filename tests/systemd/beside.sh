# beside.sh - words for tests beside what else configures a VPN host's network: how it is without
# ctfw, and with it.  Sourced after lib.sh.
#
# It is steering that is tried, not the package: the daemon is this build's, and the test's.
. "$HERE/daemon.sh"
. "$HERE/checking.sh"

# Where the other is a firewall, and the kernel translates: no way to clients is known outside.
firewall_host() {
	net_up
	ip -n "$PREFIX-server" route del 10.8.0.0/16
	serve_in client host server
}
goes_out() { traffic_in client tcp $SERVER4 "${1:-22}" | grep "^open $HOSTNET4 "; }

# The TUNs get the host's default of rp_filter, as distributions have it.
ctfw_up() {
	configure <<-END
		[capture wg0]
		networks = 10.8.0.0/24 fd08::/64
		fail-closed = no
	END
	sysctl -qw net.ipv4.conf.default.rp_filter=1
	daemon_up
}
# All of the steering stands that ctfw_up made.
none_put_back() {
	local restored
	restored=$(status steering restored) && ! grep [1-9] <<<"$restored"
}
