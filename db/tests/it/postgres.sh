# Runs a PostgreSQL server in a temporary folder until standard input ends, so that it stops with the
# test program however that ends: normally, by a panic, or by SIGKILL. Prints "READY <folder>".
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/weir-db-test.XXXXXX") || exit 1
fail() { echo "$1:" >&2; cat "$dir/log" >&2; rm -rf "$dir"; exit 1; }
initdb --pgdata="$dir/data" --username=weir --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
    >"$dir/log" 2>&1 || fail "initdb failed"
postgres -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=200 >"$dir/log" 2>&1 </dev/null &
server=$!
until pg_isready --quiet --host="$dir"; do
    kill -0 "$server" 2>/dev/null || fail "postgres failed"
    sleep 0.05
done
echo "READY $dir"
cat >/dev/null
kill -INT "$server"
wait "$server"
rm -rf "$dir"
