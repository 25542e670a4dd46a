#!/bin/sh
# BASE: runs what BASE.request says, one word a line, and writes how it ended.
base=$1
set --
while IFS= read -r word; do
    set -- "$@" "$word"
done <"$base.request"
"$@" </dev/null >"$base.out" 2>"$base.err"
echo $? >"$base.part"
mv "$base.part" "$base.code"
