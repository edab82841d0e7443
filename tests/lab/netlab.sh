# A network of two machines that are none: two network namespaces, "server" and "client", joined by a link
# that can really be cut. What is lost here is lost before TCP sees it, so TCP_INFO shows what it shows in
# the field: retransmissions, back-off, unacknowledged data. Sourced after tests/end_to_end/lib.sh.
#
#   lab_up [MTU]                  both, joined (MTU 1500); skips the test where that is not permitted. After it
#                                 start_holdfastd serves in "server", and $HOLDFAST runs in "client"
#   in_server COMMAND...          runs it there; in_client likewise
#   cut_link WAY                  WAY is to_server, to_client or both: every packet is lost, at the receiver's door
#   lose_neighbour WAY            the sender's neighbour entry is wrong: packets go to nobody
#   lose_longer_than BYTES WAY    packets of more bytes vanish, shorter ones pass
#   lose_share PERCENT WAY        so many of a hundred packets are lost, at random
#   throttle KBYTES WAY           what comes faster than so many a second is lost
#   heal                          ends all of these
#   tcp_of client PORT            what `ss` says of the connections with that port, seen from there

LAB_SERVER_ADDRESS=192.0.2.1
LAB_CLIENT_ADDRESS=192.0.2.2

lab_up() {
  local mtu="${1:-1500}"
  need ip nft ss
  [[ $EUID -eq 0 ]] || skip "needs root: network namespaces"
  LAB="hf$$"
  ip netns add "$LAB-server" 2> "$WORK/lab.log" || skip "no network namespaces here: $(cat "$WORK/lab.log")"
  at_exit ip netns del "$LAB-server"
  ip netns add "$LAB-client"
  at_exit ip netns del "$LAB-client"
  ip link add wire netns "$LAB-server" mtu "$mtu" type veth peer name wire netns "$LAB-client" mtu "$mtu" 2> "$WORK/lab.log" ||
    skip "no veth here: $(cat "$WORK/lab.log")"
  lab_side server "$LAB_SERVER_ADDRESS"
  lab_side client "$LAB_CLIENT_ADDRESS"
  lab_program HOLDFASTD server
  lab_program HOLDFAST client
  # shellcheck disable=SC2034 # start_holdfastd's
  ADDRESS="$LAB_SERVER_ADDRESS"
}

# lab_side SIDE ADDRESS
lab_side() {
  ip -n "$LAB-$1" addr add "$2/24" dev wire
  ip -n "$LAB-$1" link set lo up
  # One packet a frame: else the stack hands 64 KiB from end to end in one piece, which no rule for lengths sees.
  ip -n "$LAB-$1" link set dev wire gso_max_segs 1
  ip -n "$LAB-$1" link set dev wire up
  ip netns exec "$LAB-$1" nft 'add table inet lab; add chain inet lab door { type filter hook prerouting priority raw; }' \
    2> "$WORK/lab.log" || skip "no nftables here: $(cat "$WORK/lab.log")"
}

# lab_program VARIABLE SIDE: the program that it names runs there from now on.
lab_program() {
  local script="$WORK/in-lab-${1,,}"
  printf '#!/bin/sh\nexec ip netns exec %q %q "$@"\n' "$LAB-$2" "${!1}" > "$script"
  chmod +x "$script"
  printf -v "$1" '%s' "$script"
}

in_server() { ip netns exec "$LAB-server" "$@"; }
in_client() { ip netns exec "$LAB-client" "$@"; }

# lab_doors WAY: where packets of that way arrive.
lab_doors() {
  case "$1" in
    to_server) echo server ;;
    to_client) echo client ;;
    # The client first: between the two it must not hear what would tell it the direction.
    both) echo client server ;;
    *) fail "'$1' is none of to_server, to_client, both" ;;
  esac
}

# lab_rule WAY RULE...
lab_rule() {
  local side sides
  sides="$(lab_doors "$1")"
  shift
  for side in $sides; do ip netns exec "$LAB-$side" nft "add rule inet lab door iifname wire $*"; done
}

cut_link() { lab_rule "$1" drop; }
lose_longer_than() { lab_rule "$2" "meta length > $1 drop"; }
lose_share() { lab_rule "$2" "numgen random mod 100 < $1 drop"; }
throttle() { lab_rule "$2" "limit rate over $1 kbytes/second drop"; }

lose_neighbour() {
  local side
  for side in $(lab_doors "$1"); do
    # The sender is the other side.
    if [[ "$side" == server ]]; then
      ip -n "$LAB-client" neigh replace "$LAB_SERVER_ADDRESS" lladdr 02:00:00:00:00:99 dev wire nud permanent
    else
      ip -n "$LAB-server" neigh replace "$LAB_CLIENT_ADDRESS" lladdr 02:00:00:00:00:99 dev wire nud permanent
    fi
  done
}

heal() {
  local side
  for side in server client; do
    ip netns exec "$LAB-$side" nft flush chain inet lab door
    ip -n "$LAB-$side" neigh flush dev wire nud permanent
  done
}

tcp_of() { ip netns exec "$LAB-$1" ss -Htino "( sport = :$2 or dport = :$2 )"; }
