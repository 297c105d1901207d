# shellcheck shell=bash
# Builds the program.

make_program() (
  cd "$project" && cmake --preset release &&
    cmake --build --preset release --target timescaledb-backfill
)

# Copies a build's output; at the first file that is compiled, prints a notice to descriptor 3.
announce_building() {
  local line said=no
  while IFS= read -r line; do
    echo "$line"
    if [[ $said == no && $line == *"] Building "* ]]; then
      said=yes
      # 116 units took 300 s of CPU time on a busy machine.
      echo "Building: two or three minutes on two cores" >&3
    fi
  done
}

build() {
  local log=$project/build/demo.log
  heading "Build"
  "$here/dependencies" build servers
  mkdir -p "$project/build"
  make_program 2>&1 | announce_building 3>&1 >"$log" || {
    tail -n 20 "$log" >&2
    fail "the build failed; its output is in $log"
  }
  PATH=$project/build/release:$PATH
  perform 'timescaledb-backfill --version'
}
