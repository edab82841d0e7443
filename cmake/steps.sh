# Sourced by ./check and ./demo: steps that say what they do. $logs is the folder for their output.

say() { printf '== %s\n' "$*"; }
# Shows how far a long step is: the last line of its log, in place on a terminal, else now and then.
watch_log() {
  local every=15 never
  [[ -t 1 ]] && every=1
  exec {never}<> <(:)  # to wait on without a sleep that would outlive this loop
  until read -rt "$every" -u "$never"; do
    if [[ -t 1 ]]; then
      printf '\r\033[K%s' "$(tail -n 1 "$1" | cut -c "1-$((${COLUMNS:-80} - 1))")"
    else
      printf '   %s\n' "$(tail -n 1 "$1")"
    fi
  done
}

# step NAME COMMAND...: the whole output goes to a log, which is shown only if the command fails.
step() {
  local name="$1" began=$SECONDS outcome=0
  shift
  say "$name: $*"
  : > "$logs/$name.log"
  watch_log "$logs/$name.log" &
  local watcher=$!
  "$@" < /dev/null > "$logs/$name.log" 2>&1 || outcome=$?
  kill "$watcher" 2> /dev/null
  wait "$watcher" 2> /dev/null
  [[ -t 1 ]] && printf '\r\033[K'
  if [[ $outcome -eq 0 ]]; then
    say "$name: done in $((SECONDS - began)) s"
    return 0
  fi
  say "$name: FAILED after $((SECONDS - began)) s; $logs/$name.log says:"
  cat "$logs/$name.log"
  return 1
}

# build PRESET [CMAKE-OPTION...] [-- TARGET...]: ccache helps if it happens to be there.
build() {
  local preset="$1" options=()
  shift
  while [[ $# -gt 0 && "$1" != -- ]]; do options+=("$1"); shift; done
  if command -v ccache > /dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  step "configure-$preset" cmake --preset "$preset" "${options[@]}" &&
    step "build-$preset" ninja -C "build/$preset" -j "$(nproc)" "${@:2}"
}
