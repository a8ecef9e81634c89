# What tests of the program share, to be read in by a script of the build
# folder: a folder $work that goes with it, and checks that count $failures.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

# wants WHAT FOUND WANTED
wants() {
  [ "$2" = "$3" ] && return
  printf '%s\n  wanted: %s\n  found:  %s\n' "$1" "$3" "$2"
  failures=$((failures + 1))
}

must() {
  "$@" > "$work/log" 2>&1 && return
  printf 'failed: %s\n' "$*"
  cat "$work/log"
  failures=$((failures + 1))
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
