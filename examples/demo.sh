#!/bin/sh
# The main job, live: a listener, two callers, and the bus only to introduce them.
# $CONNECT is the command to show; without a session bus a private one is started.
set -eu
connect=${CONNECT:-$(dirname "$0")/../.build/debug/connect}
processes=
trap 'for process in $processes; do kill "$process" 2>/dev/null || :; done; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
scratch=$(mktemp -d)
bold= dim= plain=
if [ -t 1 ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m'); fi

say() { printf '\n%s%s%s\n' "$dim" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }

# What the processes in the background say when they are ready.
mkfifo "$scratch/ready"
exec 3<>"$scratch/ready"

if [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ] && [ ! -S "${XDG_RUNTIME_DIR:-/nonexistent}/bus" ]; then
    say "There is no session bus here: a private one will do."
    dbus-daemon --session --nofork --print-address=3 2>/dev/null &
    processes=$!
    read -r DBUS_SESSION_BUS_ADDRESS <&3
    export DBUS_SESSION_BUS_ADDRESS
fi

name="the-listener of $$"
say "A listener registers a name. For each peer it runs a command, with the port as stdin and stdout."
show "connect listen '$name' --exec -- sed -u 's/.*/Welcome, &!/' &"
"$connect" listen "$name" --exec -- sed -u 's/.*/Welcome, &!/' 2>&3 &
listener=$!
processes="$processes $listener"
read -r line <&3
echo "$line"

say "Anybody on the bus can see who is there."
show "connect list"
"$connect" list

say "Two callers at once. The bus introduces them; then each has a line of its own."
show "connect to '$name' Ada & connect to '$name' Grace & wait"
"$connect" to "$name" Ada >"$scratch/ada" &
ada=$!
"$connect" to "$name" Grace >"$scratch/grace" &
grace=$!
wait "$ada"
wait "$grace"
cat "$scratch/ada" "$scratch/grace"

say "A hundred thousand messages, there and back."
show "seq 100000 | connect to '$name' | tail -n 1"
seq 100000 | "$connect" to "$name" | tail -n 1

say "The listener goes, and so does the name."
show "kill %1; connect to '$name' Hello"
kill "$listener"
wait "$listener" || :
"$connect" to "$name" Hello || echo "(exit code $?)"
