#!/usr/bin/env bash
# eventsource 5.1.5 on Node (4.1.1 for comparison).
# One would have guessed: a program that only watches a stream goes on when the server ends the response, since an
# EventSource reconnects by itself. With 4.1.1 it does.
# What happens: with 5.1.5 the program ends at the first such moment, with status 0 and without a reconnect. The timer
# that waits for it is unref'd, so that nothing keeps Node running meanwhile.
# Why it matters: a watcher under a supervisor that restarts only failures stays away after the server's first restart.
# Something else must keep the program running, for instance a setInterval that is cleared when it is to end.
# Seen 2026-11-29 on Node 20.20.2, and tried on 22.23.3 (5.1.5 asks for 22.12.0 or later). It was done on purpose
# (commit 23e8b26 of EventSource/eventsource) and is so since 5.0.0, but the README of 5.1.5 says nothing of it.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" \
  eventsource-4@npm:eventsource@4.1.1 eventsource-5@npm:eventsource@5.1.5
# Each response ends after one message. The server is a process of its own and would end by itself.
cat >"$dir/server.mjs" <<'JS'
import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end("retry: 100\ndata: hello\n\n");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
setTimeout(() => process.exit(), 60_000);
JS
cat >"$dir/watch.mjs" <<'JS'
const [, , name, port, kept] = process.argv;
const { EventSource } = await import(name);
const other = kept ? setInterval(() => {}, 1000) : undefined;
const source = new EventSource(`http://127.0.0.1:${port}/`);
let messages = 0;
source.onmessage = () => {
  messages += 1;
  if (messages < 3) return;
  source.close();
  clearInterval(other);
};
process.on("exit", () => console.log(messages));
JS
cd "$dir"
node server.mjs >port &
server=$!
for _ in {1..100}; do
  [ ! -s port ] || break
  sleep 0.1
done
port=$(cat port)

# The watcher stops after three messages, each from a connection of its own.
watch() {
  local messages status=0
  messages=$(timeout 20 node watch.mjs "$@") || status=$?
  echo "status $status, $messages of 3 messages"
}

five=$(watch eventsource-5 "$port")
kept=$(watch eventsource-5 "$port" kept)
four=$(watch eventsource-4 "$port")
echo "Node $(node --version), eventsource $(node -p 'require("./node_modules/eventsource-5/package.json").version') and" \
  "$(node -p 'require("./node_modules/eventsource-4/package.json").version')"
echo "5.1.5: $five"
echo "5.1.5 with a setInterval beside it: $kept"
echo "4.1.1: $four"
if [ "$five" != "status 0, 1 of 3 messages" ]; then
  echo "Changed: with 5.1.5 the program was expected to end after the first message, with status 0." >&2
  exit 1
fi
if [ "$kept" != "status 0, 3 of 3 messages" ] || [ "$four" != "status 0, 3 of 3 messages" ]; then
  echo "Changed: a reconnect was expected with 4.1.1, and with 5.1.5 when something keeps the program running." >&2
  exit 1
fi
echo "As expected: 5.1.5 lets the program end instead of reconnecting."
