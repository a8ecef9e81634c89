# What tests of the program share, to be read in by a script of the build
# folder: a folder $work that goes with it, and checks that count $failures.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
checks=0 failures=0

fails() {
  printf '%s\n' "$@"
  failures=$((failures + 1))
}

# wants WHAT FOUND WANTED
wants() {
  checks=$((checks + 1))
  [ "$2" = "$3" ] || fails "$1" "  wanted: $3" "  found:  $2"
}

must() {
  "$@" > "$work/log" 2>&1 || fails "failed: $*" "$(cat "$work/log")"
}

# says WHAT TEXT COMMAND...
says() {
  what=$1 text=$2
  shift 2
  if "$@" > "$work/log" 2>&1 || ! grep -q -- "$text" "$work/log"; then
    printf '%s\n  wanted: %s\n  found:  %s\n' "$what" "$text" \
      "$(cat "$work/log")"
    failures=$((failures + 1))
  fi
}
