#!/usr/bin/env bash
# Loads this machine's Debian package catalogue into a server of its own and queries it.
# Usage: demo.sh BIN_DIR [WORK_DIR]    (./dev demo builds the programs and runs it)
# Exits with 0 when recall@10 is at least 0.95 and does not fall as alpha grows, and a killed server
# came back with the same answers.
set -euo pipefail

if (( $# < 1 )) || [[ ! -x "$1/ordinate" || ! -x "$1/packages_vectors" ]]; then
  echo "usage: demo.sh BIN_DIR [WORK_DIR]; BIN_DIR holds ordinate and packages_vectors" >&2
  exit 2
fi
bin="$(cd "$1" && pwd)"
work="${2:-$bin/../demo}"
min_recall=0.95
max_first_answer_ms=2000
server_pid=""

questions=("edit video files" "play chess against the computer" "store time series data")
filters=("section = 'video'" "section = 'games'" "NOT section IN ('debug', 'doc', 'oldlibs')")

step() { printf '\n== %s\n' "$*"; }
fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}
now_ms() { local now="${EPOCHREALTIME/[.,]/}"; printf '%s' "$(( now / 1000 ))"; }
ordinate() { "$bin/ordinate" "$@"; }

# Ends the server that this script started, and no other process.
stop_server() {
  if [[ -n "$server_pid" ]]; then
    kill "-$1" "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=""
  fi
}
trap 'stop_server TERM' EXIT

# Prints a port of 127.0.0.1 from the argument on that nothing listens on.
free_port() {
  local port="$1"
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$(( port + 1 )); done
  printf '%s' "$port"
}

start_server() {
  "$bin/ordinate" serve --data-dir "$work/data" --listen "$ORDINATE_SERVER" \
    --metrics-listen "$metrics" >>"$work/server.log" 2>&1 &
  server_pid=$!
}

# Until the command succeeds; the server must not end meanwhile.
until_it_answers() {
  local deadline=$(( $(now_ms) + 30000 ))
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$server_pid" 2>/dev/null || (( $(now_ms) > deadline )); then
      tail -n 20 "$work/server.log" >&2
      fail "the server did not answer; the end of $work/server.log is above"
    fi
  done
}

# ask NUMBER [options]: the ten best packages for one question, in its sections.
ask() {
  local number="$1"
  shift
  ordinate query packages --column embedding --vector-file "$work/question$number.json" \
    --metric COSINE -k 10 --order-by installed_size:asc --filter "${filters[number]}" \
    --columns name,installed_size,description "$@"
}

# Every answer whole, but for the time it took.
answers() {
  local i
  for i in "${!questions[@]}"; do
    ask "$i" --output json | sed -E 's/,"server_time_ms":[0-9.e+-]+//'
  done
}

# The index's generation, which a rebuild raises.
generation() {
  ordinate status packages_embedding --output json | grep -o -m 1 '"generation": *"*[0-9]*' ||
    fail "the status of packages_embedding tells no generation"
}

# More candidates must not lose neighbours. The pool is kept no larger than W, so that alpha decides.
recall_by_alpha() {
  local alpha mean before=0
  for alpha in 1 2 4 6 10; do
    mean="$(ordinate recall packages --column embedding --metric COSINE -k 10 \
      --queries "$work/held_out.jsonl" --set "vector.preselect_alpha=$alpha" \
      --set vector.search.ef_search=10 --output json | grep -o '"recall_mean":[0-9.]*')"
    mean="${mean#*:}"
    LC_ALL=C printf 'alpha %-4s recall@10 mean  %.4f\n' "$alpha" "$mean"
    if awk "BEGIN { exit !($mean < $before) }"; then
      fail "recall@10 falls from $before to $mean at alpha $alpha"
    fi
    before="$mean"
  done
}

show_metrics() {
  local line shown=0
  exec 3<>"/dev/tcp/${metrics%:*}/${metrics##*:}"
  printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  while IFS= read -r line <&3; do
    if [[ "$line" == ordinate_index_*packages_embedding* ]] && (( shown++ < 8 )); then
      printf '%s\n' "$line"
    fi
  done
  exec 3>&-
}

mkdir -p "$work"
work="$(cd "$work" && pwd)"
rm -rf "$work/data" "$work/server.log"
ORDINATE_SERVER="127.0.0.1:$(free_port 50051)"
metrics="127.0.0.1:$(free_port 9464)"
export ORDINATE_SERVER

step "1/8 Turning the package catalogue into vectors"
apt-cache dumpavail >"$work/dumpavail.txt"
if [[ ! -s "$work/dumpavail.txt" ]]; then
  fail "this machine has no package lists: run 'apt-get update' as root, then this again"
fi
"$bin/packages_vectors" build --model "$work/model" --rows "$work/rows.jsonl" \
  --queries "$work/held_out.jsonl" --held-out 200 <"$work/dumpavail.txt"
for i in "${!questions[@]}"; do
  "$bin/packages_vectors" embed --model "$work/model" "${questions[i]}" >"$work/question$i.json"
done

step "2/8 Starting a server on $ORDINATE_SERVER"
start_server
until_it_answers ordinate table list
echo "process $server_pid, log in $work/server.log"

step "3/8 Loading the catalogue"
ordinate table create packages --key name:STRING --attr section:STRING --attr priority:STRING \
  --attr installed_size:INT64 --attr description:STRING --vector embedding:256
ordinate load packages "$work/rows.jsonl"

step "4/8 Creating an HNSW index"
ordinate index create packages_embedding --table packages --column embedding --engine HNSW \
  --metric COSINE --ef-search 128 --wait
ordinate status packages_embedding

step "5/8 Asking"
for i in "${!questions[@]}"; do
  printf '\n-- "%s", %s; by distance, then installed size\n' "${questions[i]}" "${filters[i]}"
  ask "$i" --plan
done
answers >"$work/answers_before.json"

step "6/8 Measuring recall@10 over the held-out queries"
recalled=0
ordinate recall packages --column embedding --metric COSINE -k 10 \
  --queries "$work/held_out.jsonl" --min-recall "$min_recall" || recalled=$?
if (( recalled != 0 )); then fail "recall@10 is below $min_recall, or could not be measured"; fi
recall_by_alpha

step "7/8 Killing the server with SIGKILL and starting it again"
generation_before="$(generation)"
stop_server KILL
started="$(now_ms)"
start_server
until_it_answers ask 0 --output json
first_answer=$(( $(now_ms) - started ))
echo "first answer $first_answer ms after the process was started"
generation_after="$(generation)"
if (( first_answer > max_first_answer_ms )); then
  fail "the first answer took $first_answer ms; it should take at most $max_first_answer_ms ms"
fi
if [[ "$generation_before" != "$generation_after" ]]; then
  fail "the index was rebuilt: $generation_before before, $generation_after after the restart"
fi
answers >"$work/answers_after.json"
if ! diff "$work/answers_before.json" "$work/answers_after.json"; then
  fail "the answers before (<) and after (>) the restart differ"
fi
echo "no rebuild, and the same answers to all ${#questions[@]} questions"

step "8/8 The index in the metrics"
show_metrics
stop_server TERM

cat <<TEXT

Done. To keep a server with this data running:
  $bin/ordinate serve --data-dir $work/data --listen $ORDINATE_SERVER --metrics-listen $metrics
Then its metrics are under /metrics on $metrics, and another question is asked by:
  $bin/packages_vectors embed --model $work/model "draw diagrams" > question.json
  $bin/ordinate query packages --server $ORDINATE_SERVER --column embedding \\
    --vector-file question.json --metric COSINE -k 10 --columns name,section,description --plan
TEXT
