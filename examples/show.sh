# shellcheck shell=bash
# What demonstrations show: titles, commands as a person would type them, and what these say. For
# scripts that set `shop`, the directory of the configuration.

portolan=${PORTOLAN:-${CARGO_TARGET_DIR:-target}/debug/portolan}
output=$(mktemp)
trap 'rm -f "$output"' EXIT

title() { printf '\n=== %s\n\n' "$*"; }

# Runs the program, and prints its first and last lines.
run() { # FIRST LAST ARGUMENTS...
    local first=$1 last=$2 status=0 all
    shift 2
    printf '$ portolan -C %s %s\n' "$shop" "$*"
    "$portolan" -C "$shop" "$@" >"$output" 2>&1 || status=$?
    all=$(wc -l <"$output")
    if [ "$all" -le $((first + last)) ]; then
        cat "$output"
    else
        head -n "$first" "$output"
        printf '\n  [%d lines more]\n\n' $((all - first - last))
        tail -n "$last" "$output"
    fi
    return "$status"
}

# Prints a file under its name.
show() { printf '%s:\n\n' "$1" && sed 's/^/    /' "$1" && echo; }

# Takes away what an earlier demonstration has made.
clean_up() {
    if [ -e "$shop/.portolan" ]; then
        run 0 0 destroy --auto-approve >/dev/null
    fi
}
