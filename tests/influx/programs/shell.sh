#!/usr/bin/env bash
# The influx shell of Debian at work with one server; prints each check's name and what the shell said.
set -u

shell() { influx -host 127.0.0.1 -port "$PORT" -username "$ACCOUNT" -password "$PASSWORD" -database "$ACCOUNT" "$@" 2>&1; }
check() {
    local name=$1 said code=0
    shift
    said=$(shell "$@") || code=$?
    # The port is not the same for both servers.
    printf '%s\t%s [%s]\n' "$name" "$(tr '\n' '|' <<<"${said//127.0.0.1:$PORT/HOST}")" "$code"
}

export INFLUX_USERNAME= INFLUX_PASSWORD=
check "INSERT" -execute "INSERT shell,bike=road hr_bpm=120,n=1i,s=\"a b\" ${BASE}000000000"
check "INSERT, no tags" -execute "INSERT shell hr_bpm=121.5 ${BASE}500000000"
check "INSERT, seconds" -precision s -execute "INSERT shell hr_bpm=122 $((BASE + 5))"
check "INSERT, into the policy" -execute "INSERT INTO livetracking shell hr_bpm=123 ${BASE}900000000"
check "INSERT, a bad line" -execute "INSERT shell hr_bpm="
check "INSERT, another type" -execute "INSERT shell hr_bpm=\"x\" ${BASE}000000000"
for format in json csv column; do
    check "$format" -format "$format" -execute "SELECT * FROM shell"
    check "$format, grouped" -format "$format" -execute "SELECT hr_bpm FROM shell GROUP BY bike"
    check "$format, two" -format "$format" -execute "SELECT hr_bpm FROM shell LIMIT 1; SELECT MAX(n) FROM shell"
    check "$format, nothing" -format "$format" -execute "SELECT * FROM nothing"
    check "$format, SHOW" -format "$format" -execute "SHOW DATABASES; SHOW MEASUREMENTS; SHOW FIELD KEYS; SHOW TAG KEYS; SHOW RETENTION POLICIES; SHOW SERIES"
done
check "json, pretty" -format json -pretty -execute "SELECT hr_bpm FROM shell"
for precision in rfc3339 h m s ms u ns; do
    check "precision $precision" -precision "$precision" -format csv -execute "SELECT hr_bpm FROM shell"
done
check "a syntax error" -execute "SELECT FROM"
check "an error that runs" -execute "SELECT badfunc(hr_bpm) FROM shell"
check "another database" -execute "SELECT * FROM other..samples"
check "an admin's statement" -execute "SHOW USERS"
check "wrong password" -password "wrong horse" -execute "SHOW DATABASES"
check "wrong password, INSERT" -password "wrong horse" -execute "INSERT shell hr_bpm=1"
import=$(mktemp)
trap 'rm -f "$import"' EXIT
printf '# DML\n# CONTEXT-DATABASE: %s\n# CONTEXT-RETENTION-POLICY: livetracking\nimported f=1 %s\nimported f=2 %s\n' \
    "$ACCOUNT" "${BASE}000000000" "${BASE}000000001" >"$import"
code=0
shell -import -path "$import" >/dev/null || code=$?
printf 'import\t[%s]\n' "$code"
check "what was imported" -format csv -execute "SELECT * FROM imported"
