# shellcheck shell=bash
# scripts/demo --full: a migration in passes ("Without writing to both" in docs/guide.md). The application
# writes to the source only, and changes and deletes what it has written.

fill_changing_source() {
  heading "Fill a third source, whose application changes and deletes rows"
  make_databases demo_passes
  make_extension "$BACKFILL_SOURCE"
  run_sql "$BACKFILL_SOURCE" -v until="$until" <"$parts/changing.sql" >/dev/null
  echo "A week of orders, customers and their addresses"
}

# Ends when the file "running" is gone, or after five minutes.
changing_application() {
  local end=$((SECONDS + 300)) turn=0
  while [[ -e $work/running ]] && ((SECONDS < end)); do
    run_sql "$BACKFILL_SOURCE" -v until="$until" -v turn="$turn" <"$parts/changes.sql" >/dev/null
    turn=$((turn + 1))
    sleep 0.2
  done
}

clone_changing_schema() {
  heading "Clone the schema and the plain tables"
  perform 'timescaledb-backfill clone-schema'
}

first_pass() {
  heading "Copy everything, while the application goes on"
  perform 'timescaledb-backfill stage --until 2100-01-01'
  perform 'timescaledb-backfill copy --parallelism 2'
}

# A pass. Arguments: its title, and the exit status that sync-tables may have: 3 if rows that the
# application has just written are left to the next pass.
further_pass() {
  heading "$1"
  perform 'timescaledb-backfill stage --until 2100-01-01 --changed'
  perform 'timescaledb-backfill copy --parallelism 2'
  perform 'timescaledb-backfill sync-tables --delete' || (($? == $2))
}

verify_everything() {
  heading "Verify history, plain tables and sequences"
  perform 'timescaledb-backfill verify --all | tail -n 2'
  perform 'timescaledb-backfill verify --tables'
  perform 'timescaledb-backfill status'
}

show_passes() {
  fill_changing_source
  clone_changing_schema
  start_application "Start the application, which writes to the source only" changing_application
  first_pass
  further_pass "Copy what has changed" 3
  further_pass "Copy what has changed since" 3
  stop_application
  further_pass "Copy the rest: the source does not change any more" 0
  verify_everything
  BACKFILL_TIMESCALEDB_EDITION=plain compare "$parts/plain_tables.sql"
  clean
}
