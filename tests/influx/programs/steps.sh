#!/usr/bin/env bash
# The 18 steps of the original's own shell test, by curl; prints each step's name, status and body.
# Account paths are answered by the PHP program of the original, which is no part of InfluxDB.
set -u

url=http://127.0.0.1:$PORT name=test__test__ password=test_password
step() {
    local said=$1
    shift
    printf '%s\t%s\n' "$said" "$(curl -sS -m 20 -w ' %{http_code}' "$@" 2>&1 | tr -d '\n')"
}

step "1 ping" "$url/ping"
step "2 register" "$url/register" -d "username=$name" -d "password=$password"
step "3 register, badly" "$url/register" -d "username=x" -d "password=y"
step "4 list" "$url/users"
step "5 show" -u "$name:$password" "$url/user/$name"
step "6 another password" -u "$name:$password" "$url/user/change-password" -d "password=$password" -d "new_password=new_$password"
step "7 the old one again" -u "$name:new_$password" "$url/user/change-password" -d "password=new_$password" -d "new_password=$password"
step "8 write" -u "$name:$password" "$url/write?db=$name" --data-binary 'test,bla=fa value=0.42'
step "9 write without credentials" "$url/write?db=$name" --data-binary 'test,bla=fa value=0.42'
step "10 read" -u "$name:$password" -G "$url/query" -d "db=$name" --data-urlencode 'q=SELECT value, bla FROM test WHERE time < 0'
step "11 public reads" -u public:livetracking -G "$url/query" -d "db=$name" --data-urlencode 'q=SELECT COUNT(value) FROM test'
step "12 public does not write" -u public:livetracking "$url/write?db=$name" --data-binary 'test,bla=fa value=0.42'
step "13 SHOW USERS" -u "$name:$password" -G "$url/query" --data-urlencode 'q=SHOW USERS'
step "14 SHOW DATABASES" -u "$name:$password" -G "$url/query" --data-urlencode 'q=SHOW DATABASES'
step "15 SHOW GRANTS" -u "$name:$password" -G "$url/query" --data-urlencode "q=SHOW GRANTS FOR \"$name\""
step "16 CREATE RETENTION POLICY" -u "$name:$password" "$url/query" \
    --data-urlencode "q=CREATE RETENTION POLICY \"p\" ON \"$name\" DURATION 1h REPLICATION 1"
step "17 delete" -u "$name:$password" -X DELETE "$url/user" -d "password=$password"
step "18 gone" -u "$name:$password" "$url/write?db=$name" --data-binary 'test,bla=fa value=0.42'
