#!/usr/bin/env bash
# Prepares the peers and runs the benchmark: run.sh BENCH_PROGRAM [its arguments]. Everything goes to build/bench/.
# What cannot be had is left out, and the program says so.
set -eu
bench=$1
shift
cd "$(dirname "$0")/.."
dir=$PWD/build/bench
duckdb_package=@duckdb/node-bindings-linux-x64@1.5.6-r.1
mkdir -p "$dir/data"
args=(--dir "$dir/data")

duckdb=$dir/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so
if [ ! -e "$duckdb" ] && command -v npm >/dev/null && [ "$(uname -sm)" = "Linux x86_64" ]; then
    npm install --prefix "$dir" --no-save --no-audit --no-fund --ignore-scripts --silent "$duckdb_package" >&2 || true
fi
[ -e "$duckdb" ] && args+=(--duckdb "$duckdb")

# The server refuses to run as root: it gets the user postgres then, whom Debian's package made.
as_server=()
[ "$(id -u)" -eq 0 ] && as_server=(setpriv --reuid postgres --regid postgres --init-groups)
pg=${PG_BIN:-$(ls -d /usr/lib/postgresql/15/bin 2>/dev/null || true)}
socket=
stop_server() {
    [ -z "$socket" ] && return
    (cd / && "${as_server[@]}" "$pg/pg_ctl" -D "$socket/data" -m immediate stop >/dev/null 2>&1) || true
    rm -rf "$socket"
}
start_server() {
    socket=$(mktemp -d)
    trap stop_server EXIT
    [ ${#as_server[@]} -gt 0 ] && chown postgres "$socket"
    cd /
    "${as_server[@]}" "$pg/initdb" -D "$socket/data" -U postgres -A trust -E UTF8 --locale=C >"$dir/postgres.log" 2>&1 &&
    "${as_server[@]}" "$pg/pg_ctl" -D "$socket/data" -w -l "$socket/log" -o "-k $socket -c listen_addresses='' \
        -c shared_buffers=4GB -c jit=off -c synchronous_commit=off -c work_mem=1GB -c maintenance_work_mem=1GB \
        -c max_wal_size=8GB" start >>"$dir/postgres.log" 2>&1
}
if [ -n "$pg" ]; then
    if start_server; then
        args+=(--pg "host=$socket user=postgres dbname=postgres")
    else
        echo "PostgreSQL could not be started: see $dir/postgres.log" >&2
    fi
fi
cd "$dir/../.."
"$bench" "${args[@]}" "$@"
