#!/bin/sh
# The dashboard as a script: a main window, and others that join and leave.
#   dashboard.sh         the main window: prints who comes and goes
#   dashboard.sh NAME    another window. Typed into it: "theme dark" for all, "@NAME text" for one
set -u
connect=${CONNECT:-connect}
for program in "$connect" jq; do
    command -v "$program" >/dev/null || {
        echo "dashboard.sh: there is no $program; install it (the command also: CONNECT=…)" >&2
        exit 127
    }
done

if [ $# = 0 ]; then
    exec "$connect" hub dashboard --json | jq --unbuffered -r '
        if .event == "listening" then "the dashboard is open"
        elif .event == "connected" and (.id | test("^[0-9]+$") | not) then "+ " + .id
        elif .event == "disconnected" and (.id | test("^[0-9]+$") | not) then "- " + .id
        else empty end'
fi
name=$1

# Prints what the others say, for as long as the main window is there.
"$connect" subscribe dashboard theme note --as "$name" --wait 5 --json | jq --unbuffered -r '
    select(.event == "event") | if .type == "theme" then "theme " + .json.theme + ", by " + .json.by
    else .json.by + ": " + .json.text end' &
trap 'kill $! 2>/dev/null' EXIT

# Posts a JSON object: post TYPE FIELD VALUE [OPTION…]
post() {
    object=$(jq -cn --arg by "$name" --arg field "$2" --arg value "$3" '{by: $by, ($field): $value}')
    type=$1 && shift 3
    "$connect" post dashboard "$type" --as-json "$object" "$@" || echo "it was not sent"
}

while read -r word rest; do
    case $word in
    theme) post theme theme "$rest" ;;
    @*) post note text "$rest" --peer "${word#@}" ;;
    *) echo 'theme NAME: for all windows;  @NAME TEXT: for one of them' ;;
    esac
done
