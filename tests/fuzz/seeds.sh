#!/usr/bin/env bash
# seeds.sh DIR OUT [MAX] - the SQL of sqllogictest files under DIR as fuzzing seeds, a file a record, at most MAX.
set -eu
mkdir -p "$2"
find "$1" -name '*.slt' | sort | xargs awk -v out="$2" -v max="${3:-4000}" '
    FNR == 1 { sql = ""; on = 0 }
    /^(statement|query)/ { on = 1; sql = ""; next }
    on && (/^----/ || /^$/) { if (sql != "" && length(sql) < 2000) { n++; if (n % step() == 0 && kept < max) { f = sprintf("%s/seed%06d", out, ++kept); printf "%s", sql > f; close(f) } } on = 0; next }
    on { sql = sql $0 "\n" }
    function step() { return 7 }'
