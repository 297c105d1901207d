# shellcheck shell=bash
# The steps of the short demonstration; full.sh uses most of them too.

# Adds the rows of one hypertable between two points in time (or ticks) to a database.
fill() {
  run_sql "$1" -v since="$3" -v until="$4" < <(cat "$parts/noise.sql" "$parts/$2.sql")
}

fill_source() {
  heading "Fill the source with sensor data"
  make_extension "$BACKFILL_SOURCE"
  # Servers that the caller gave: the edition can only be read in a database with the extension.
  [[ $BACKFILL_TIMESCALEDB_EDITION ]] ||
    BACKFILL_TIMESCALEDB_EDITION=$(run_sql "$BACKFILL_SOURCE" <<<"SELECT CASE
      current_setting('timescaledb.license') WHEN 'apache' THEN 'apache' ELSE 'community' END")
  echo "Filling four hypertables with about 3 million rows; this takes about 20 s"
  run_sql "$BACKFILL_SOURCE" <"$parts/schema.sql" >/dev/null
  {
    fill "$BACKFILL_SOURCE" conditions "$first" "$until"
    fill "$BACKFILL_SOURCE" event "$first" "$until"
  } 2>"$work/failed" &
  fill "$BACKFILL_SOURCE" cpu "$first_cpu" "$until"
  fill "$BACKFILL_SOURCE" counters 0 "$until_tick"
  wait "$!" || fail "could not fill the source: $(<"$work/failed")"
  if [[ $BACKFILL_TIMESCALEDB_EDITION == community ]]; then
    echo "Compressing the older chunks of public.conditions, creating a continuous aggregate"
    run_sql "$BACKFILL_SOURCE" -v until="$until" -v materialized="$materialized" \
      <"$parts/community.sql" >/dev/null
  else
    echo "The Apache edition has no compressed chunks and no continuous aggregates"
  fi
  run_sql "$BACKFILL_SOURCE" <"$parts/overview.sql" >"$work/overview"
  # On the Apache edition, drop the column of compressed chunks.
  [[ $BACKFILL_TIMESCALEDB_EDITION == community ]] ||
    sed -i -E 's/^(([^|]*\|){4})[^|]*\|/\1/' "$work/overview"
  columns <"$work/overview"
}

clone_schema() {
  heading "Clone the schema and the plain tables to the target, with empty chunks"
  perform "$(
    cat <<'TEXT'
pg_dump -d "$BACKFILL_SOURCE" --format=plain --quote-all-identifiers \
    --no-tablespaces --no-owner --no-privileges \
    --exclude-table-data='_timescaledb_internal.*' > dump.sql
TEXT
  )"
  perform "$(
    cat <<'TEXT'
psql -X -q -o /dev/null -d "$BACKFILL_TARGET" -v ON_ERROR_STOP=1 \
    -c 'select public.timescaledb_pre_restore()' \
    -f - \
    -c 'select public.timescaledb_post_restore()' < dump.sql
TEXT
  )"
  perform 'timescaledb-backfill jobs disable'
}

# Refreshes the continuous aggregate in the source, as its policy would. The target's policy is off.
refresh_source() {
  [[ $BACKFILL_TIMESCALEDB_EDITION == community ]] || return 0
  run_sql "$BACKFILL_SOURCE" <<<"CALL refresh_continuous_aggregate('public.conditions_hourly',
    '$materialized', '$1')"
}

# Prints the number of rows after the completion points, and a digest that changes if any is rewritten.
dual_written() {
  run_sql "$1" -v until="$until" -v until_tick="$until_tick" <"$parts/dual_written.sql"
}

dual_write() {
  local database
  heading "Write rows after the completion points to both sides, as the application would"
  for database in "$BACKFILL_SOURCE" "$BACKFILL_TARGET"; do
    fill "$database" conditions "$until" "$last"
    fill "$database" event "$until" "$last"
    fill "$database" cpu "$until" "$last"
    fill "$database" counters "$until_tick" "$last_tick"
  done
  refresh_source "$last"
  dual_written_before=$(dual_written "$BACKFILL_TARGET")
  echo "${dual_written_before%|*} rows on each side, from $until and tick $until_tick on"
}

check() {
  heading "Check for problems"
  perform "timescaledb-backfill check --until '$until' \\
    --filter '^(public|metrics)\\.' | grep -v '^ok'"
}

stage() {
  heading "Stage everything before the completion points"
  perform "timescaledb-backfill stage --until '$until' \\
    --filter '^(public|metrics)\\.'"
  perform "timescaledb-backfill stage --until $until_tick --filter '^machine\\.counters\$'"
}

copy() {
  heading "Copy"
  perform 'timescaledb-backfill copy --parallelism 2'
}

refresh_caggs() {
  heading "Refresh the continuous aggregates up to the source's watermark"
  perform 'timescaledb-backfill refresh-caggs'
}

enable_jobs() {
  heading "Turn the jobs back on"
  perform 'timescaledb-backfill jobs enable'
}

verify() {
  heading "Verify what was copied"
  perform 'timescaledb-backfill verify --parallelism 2 | tail -n 3'
}

# Joins what the two sides printed into one line of fields for each table, separated by |.
join_sides() {
  awk -F'|' -v edition="$BACKFILL_TIMESCALEDB_EDITION" '
    function compressed(text) { return edition == "community" ? FS text : "" }
    NR == FNR { source[$1] = $0; order[++tables] = $1; next }
    { target[$1] = $0 }
    END {
      print "table|source rows|target rows" compressed("compressed chunks") "|"
      for (i = 1; i <= tables; i++) {
        split(source[order[i]], s); split(target[order[i]], t)
        same = s[3] == t[3] && s[4] == t[4] && s[5] == t[5]
        print order[i] FS s[4] FS t[4] compressed(s[3] " and " t[3]) FS (same ? "equal" : "DIFFERENT")
      }
    }' "$1" "$2"
}

compare() {
  local tables=$1 differences
  heading "Compare all rows of both sides"
  run_sql "$BACKFILL_SOURCE" <"$tables" >"$work/source" 2>"$work/failed" &
  run_sql "$BACKFILL_TARGET" <"$tables" >"$work/target"
  wait "$!" || fail "could not read the source: $(<"$work/failed")"
  join_sides "$work/source" "$work/target" >"$work/compared"
  columns <"$work/compared"
  differences=$(grep -c 'DIFFERENT$' "$work/compared") || true
  ((differences == 0)) || fail "tables that differ: $differences"
}

compare_dual_written() {
  local after
  after=$(dual_written "$BACKFILL_TARGET")
  [[ $after == "$dual_written_before" ]] ||
    fail "rows after the completion points have changed in the target"
  echo "None of the ${after%|*} rows that the application wrote has changed."
}

clean() {
  heading "Remove the queue"
  perform 'timescaledb-backfill clean'
}
