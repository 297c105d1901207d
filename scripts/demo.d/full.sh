# shellcheck shell=bash
# scripts/demo --full: every step of docs/guide.md while an application writes, then a migration from
# PostgreSQL without TimescaleDB.

# Puts the servers' own pg_dump, pg_dumpall and psql in PATH, where clone-schema looks for them.
offer_programs() {
  local name variable
  mkdir "$work/programs"
  for name in pg_dump pg_dumpall psql; do
    variable=BACKFILL_${name^^}
    printf '#!/bin/sh\nexec %s "$@"\n' "${!variable:-false}" >"$work/programs/$name"
    chmod +x "$work/programs/$name"
  done
  PATH=$work/programs:$PATH
}

# The application: writes new rows once a second to the source, and also to the target while the
# file "both" exists. Ends when the file "running" is gone, or after five minutes.
application() {
  local end=$((SECONDS + 300)) tick=$until_tick now
  while [[ -e $work/running ]] && ((SECONDS < end)); do
    now=$(date -u '+%F %T+00')
    measure "$BACKFILL_SOURCE" "$now" "$tick"
    [[ ! -e $work/both ]] || measure "$BACKFILL_TARGET" "$now" "$tick"
    tick=$((tick + 1))
    sleep 1
  done
}

# Adds the rows of one second and one tick to a database.
measure() {
  local next
  next=$(date -u -d "$2 1 second" '+%F %T+00')
  {
    cat "$parts"/{noise,conditions,cpu,event_now}.sql
    printf '\\set since %d\n\\set until %d\n' "$3" "$(($3 + 1))"
    cat "$parts/counters.sql"
  } | run_sql "$1" -v since="$2" -v until="$next"
}

# Arguments: the title, and the function that is the application. It must end when the file "running" is
# gone.
start_application() {
  heading "$1"
  touch "$work/running"
  "$2" 2>"$work/application_failed" &
  application=$!
}

clone_with_program() {
  heading "Clone the schema"
  perform 'timescaledb-backfill clone-schema --dry-run'
  perform 'timescaledb-backfill clone-schema'
}

write_to_both() {
  heading "Let the application write to both sides"
  touch "$work/both"
  echo "Waiting 15 s"
  refresh_source "$until"
  # Bash handles signals between commands, so sleep in short steps.
  for _ in {1..15}; do sleep 1; done
}

find_completion_points() {
  local found
  heading "Find the completion points, for time and for ticks"
  perform 'timescaledb-backfill completion-point' | tee "$work/points"
  found=$(sed -nE "s/^For .*: --until '([^']*)'; --until '([^']*)', or later\.$/\1|\2/p" "$work/points")
  [[ $found ]] || fail "found no completion points"
  IFS='|' read -r until until_tick <<<"$found"
}

list_jobs() {
  heading "List the jobs in the target, which are all off"
  perform 'timescaledb-backfill jobs list'
}

verify_quick() {
  heading "Compare the row counts that both catalogs estimate"
  perform "psql -X -q -d \"\$BACKFILL_SOURCE\" -c analyze"
  perform 'timescaledb-backfill verify --quick | tail -n 3'
}

stop_application() {
  heading "Stop the application"
  rm "$work/running"
  wait "$application" || fail "the application could not write: $(<"$work/application_failed")"
}

report() {
  heading "Write a report"
  perform 'timescaledb-backfill report --html migration.html'
  cp migration.html "$project/build/demo.html"
  echo "Saved as build/demo.html"
}

fill_plain_source() {
  heading "Fill another source, PostgreSQL without TimescaleDB"
  make_databases demo_plain
  run_sql "$BACKFILL_SOURCE" -v until="$until" < <(cat "$parts/noise.sql" "$parts/plain.sql")
  echo "A partitioned table with a year of rainfall"
}

clone_plain_schema() {
  heading "Clone the schema, with a hypertable for the partitioned table"
  perform "timescaledb-backfill clone-schema --create-hypertable 'public.rainfall.time:30 days'"
}

copy_plain() {
  heading "Copy the older half"
  half=$(date -u -d "$until 180 days ago" '+%F 00:00:00+00')
  perform "timescaledb-backfill check --until '$half'"
  perform "timescaledb-backfill stage --until '$half'"
  perform 'timescaledb-backfill copy'
  perform 'timescaledb-backfill verify'
}

export_and_import() {
  heading "Export the rest as CSV and import it"
  perform "$(
    cat <<TEXT
psql -X -d "\$BACKFILL_SOURCE" \\
    -c "copy (select * from rainfall where time >= '$half' order by time) to stdout (format csv, header)" |
    gzip > rainfall.csv.gz
TEXT
  )"
  perform "timescaledb-backfill import --table public.rainfall --until '$until' rainfall.csv.gz"
}

# The same steps as in docs/guide.md, with data up to the present.
show_full() {
  databases+=(demo_plain demo_passes)
  until=$(date -u '+%F %H:%M:00+00')
  materialized=$(date -u -d '4 hours ago' '+%F %H:00:00+00')
  first=$(date -u -d '42 days ago' '+%F 00:00:00+00')
  first_cpu=$(date -u -d '14 days ago' '+%F 00:00:00+00')
  offer_programs
  make_databases demo
  fill_source
  worth_keeping=yes
  start_application "Start an application that writes to the source every second" application
  clone_with_program
  write_to_both
  find_completion_points
  list_jobs
  check
  stage
  copy
  refresh_caggs
  verify
  verify_quick
  enable_jobs
  stop_application
  compare "$parts/tables.sql"
  report
  clean

  fill_plain_source
  clone_plain_schema
  copy_plain
  export_and_import
  BACKFILL_TIMESCALEDB_EDITION=plain compare "$parts/plain_tables.sql"
  clean

  show_passes
}
