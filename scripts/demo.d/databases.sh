# shellcheck shell=bash
# The two servers and their databases.

# Runs scripts/servers. It takes BACKFILL_SOURCE and BACKFILL_TARGET for the caller's servers, so they
# are passed only if they are.
servers() (
  [[ $given == yes ]] || unset BACKFILL_SOURCE BACKFILL_TARGET
  "$here/servers" "$@" ${choice:+--timescaledb "$choice"}
)

# The servers' own client programs, under their usual names.
psql() { "${psql_words[@]}" "$@"; }

# Drops pg_dump's warnings about TimescaleDB's own catalog, which are harmless.
pg_dump() {
  {
    "${pg_dump_words[@]}" "$@" 2>&1 >&3 | sed -E >&2 \
      -e '/^pg_dump: (warning: there are circular|hint: You might not be|hint: Consider using a)/d' \
      -e '/^pg_dump: detail: (hypertable|chunk|continuous_agg)$/d'
  } 3>&1
}

# Runs the SQL on standard input in a database, and prints the rows without decoration. psql's error
# about a query that Ctrl-C cancelled is never shown, because the script ends first.
run_sql() {
  local errors=$work/errors.$BASHPID
  "${psql_words[@]}" -X -q -A -t -v ON_ERROR_STOP=1 -f - -d "$@" 2>"$errors" || {
    cat "$errors" >&2
    return 1
  }
}

# Prints a connection string with its database replaced.
to_database() {
  if [[ $1 =~ ^(postgres(ql)?://[^/?]*)(/[^?]*)?(\?.*)?$ ]]; then
    echo "${BASH_REMATCH[1]}/$2${BASH_REMATCH[4]}"
  else
    # In key=value form, the last value wins.
    echo "$1 dbname=$2"
  fi
}

# Drops a database, if it exists and this script made it.
drop_database() {
  run_sql "$1" -v database="$2" -v mark="$mark" -v how="${3:-}" <<'TEXT'
SELECT format('DROP DATABASE %I ', datname) || :'how' FROM pg_database
WHERE datname = :'database' AND shobj_description(oid, 'pg_database') = :'mark'
\gexec
TEXT
}

make_database() {
  local name=$1 server=$2 database=$3
  drop_database "$server" "$database" ||
    fail "could not drop the database $database of an earlier run in the $name"
  run_sql "$server" -v database="$database" -v mark="$mark" <<'TEXT' ||
CREATE DATABASE :"database";
COMMENT ON DATABASE :"database" IS :'mark';
TEXT
    fail "could not create the database $database in the $name"
}

make_extension() {
  run_sql "$1" -v version="$BACKFILL_TIMESCALEDB_VERSION" <<'TEXT'
SET client_min_messages = error;
CREATE EXTENSION timescaledb VERSION :'version';
TEXT
}

start_servers() {
  local assignments
  heading "Start two servers"
  servers_before=$(servers env 2>/dev/null) || servers_before=''
  servers_tried=yes
  servers up
  assignments=$(servers env)
  [[ $assignments == "$servers_before" ]] || servers_started=yes
  eval "$assignments"
  [[ $BACKFILL_PSQL && $BACKFILL_PG_DUMP ]] || fail "psql or pg_dump is missing"
  read -ra psql_words <<<"$BACKFILL_PSQL"
  read -ra pg_dump_words <<<"$BACKFILL_PG_DUMP"
  source_server=$BACKFILL_SOURCE target_server=$BACKFILL_TARGET
}

# Creates a database on both sides, and points the program to them.
make_databases() {
  BACKFILL_SOURCE=$(to_database "$source_server" "$1")
  BACKFILL_TARGET=$(to_database "$target_server" "$1")
  databases_made=yes
  make_database source "$source_server" "$1"
  make_database target "$target_server" "$1"
  make_extension "$BACKFILL_TARGET"
  show "export BACKFILL_SOURCE='$(hide_password "$BACKFILL_SOURCE")'"
  show "export BACKFILL_TARGET='$(hide_password "$BACKFILL_TARGET")'"
}
