# shellcheck shell=bash
# Cleans up when scripts/demo ends, for whatever reason.

# True if servers are up that were not up before.
are_ours() {
  local now
  [[ $given == no ]] || return 1
  [[ $servers_started == no ]] || return 0
  [[ $servers_tried == yes ]] || return 1
  now=$(servers env 2>/dev/null) && [[ $now != "$servers_before" ]]
}

print_kept() {
  local as=echo database
  # Only the passwords of our own servers may be shown.
  [[ $given == no ]] || as=hide_password
  printf '\nLeft running:\n'
  for database in "${databases[@]}"; do
    printf '  source  %s\n' "$($as "$(to_database "$source_server" "$database")")"
    printf '  target  %s\n' "$($as "$(to_database "$target_server" "$database")")"
  done
  if [[ $given == yes ]]; then
    printf 'To remove them, on both sides:%s\n' "$(printf '  DROP DATABASE %s;' "${databases[@]}")"
  else
    echo "To take them down:  scripts/servers down${choice:+ --timescaledb $choice}"
  fi
}

finish() {
  local status=$? database
  trap '' HUP INT PIPE TERM
  trap - EXIT
  set +e
  cd /
  ((status < 128)) || printf '\nInterrupted, cleaning up\n' >&2
  [[ -z $work ]] || rm -f "$work/running"
  if [[ $keep == yes && $worth_keeping == yes ]] && ((status < 128)); then
    print_kept
  elif are_ours; then
    servers down
  elif [[ $databases_made == yes ]]; then
    # FORCE ends the sessions that are still filling it.
    for database in "${databases[@]}"; do
      drop_database "$source_server" "$database" "WITH (FORCE)" 2>/dev/null
      drop_database "$target_server" "$database" "WITH (FORCE)" 2>/dev/null
    done
  fi
  wait
  [[ -z $work ]] || rm -rf "$work"
  exit "$status"
}

watch_for_the_end() {
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
}
