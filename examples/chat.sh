#!/bin/sh
# A chat room for everybody on this session bus.    chat.sh ROOM [NICKNAME]
# Whoever comes first keeps the room: it ends when they leave. ^D leaves.
set -u
room=chat/${1:?"usage: chat.sh ROOM [NICKNAME]"}
nickname=${2:-$(id -un)}
connect=${CONNECT:-connect}
command -v "$connect" >/dev/null || {
    echo "chat.sh: there is no $connect; install it, or say where it is: CONNECT=…" >&2
    exit 127
}

# A pipe back to where it came from; open, it needs no name.
relay=$(mktemp -u) && mkfifo -m 600 "$relay" && exec 3<>"$relay" && rm "$relay" || exit
trap 'kill "$keeper" 2>/dev/null' EXIT
trap 'exit 130' INT TERM HUP

# The keeper: what one says goes back to all. In an existing room it ends at once, as the name is taken.
"$connect" listen "$room" --quiet <&3 2>/dev/null | cat >&3 &
keeper=$!
exec 3>&-

speak() {
    echo "* $nickname is here"
    while IFS= read -r line; do printf '%s: %s\n' "$nickname" "$line"; done
    echo "* $nickname left"
}

hear() { # all but what we said ourselves, until we have left
    while IFS= read -r line; do
        case $line in
        "$nickname: "*) ;;
        "* $nickname left") break ;;
        *) printf '%s\n' "$line" ;;
        esac
    done
}

speak | "$connect" to "$room" --wait 5 | hear
