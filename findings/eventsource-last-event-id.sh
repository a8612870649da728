#!/usr/bin/env bash
# eventsource 4.1.1 on Node (5.1.5 for comparison).
# One would have guessed: lastEventId of a message is the last id that the stream had, also if the message itself had
# none, as the HTML standard says.
# What happens: it is "" for a message without an id of its own, although the client remembers the last id and sends it
# as Last-Event-ID when it reconnects. 5.1.5 gives the last id.
# Why it matters: a program that stores lastEventId with each message, to go on from there after a restart, loses its
# place at each message without an id. Keep the last one that was not empty.
# Seen 2026-11-29 on Node 20.20.2. Corrected with EventSource/eventsource#358.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" \
  eventsource-4@npm:eventsource@4.1.1 eventsource-5@npm:eventsource@5.1.5
# Two messages a response, the first with an id, both with the Last-Event-ID of the request as their data. The server
# would end by itself.
cat >"$dir/server.mjs" <<'JS'
import { createServer } from "node:http";

const server = createServer((request, response) => {
  const last = request.headers["last-event-id"] ?? "none";
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(`retry: 100\nid: 7\ndata: ${last}\n\ndata: ${last}\n\n`);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
setTimeout(() => process.exit(), 60_000);
JS
cat >"$dir/read.mjs" <<'JS'
const [, , name, port] = process.argv;
const { EventSource } = await import(name);
const source = new EventSource(`http://127.0.0.1:${port}/`);
const running = setInterval(() => {}, 1000);
const seen = [];
source.onmessage = ({ data, lastEventId }) => {
  seen.push(`"${lastEventId}" (sent ${data})`);
  if (seen.length < 4) return;
  source.close();
  clearInterval(running);
  console.log(seen.join(", "));
};
JS
cd "$dir"
node server.mjs >port &
server=$!
for _ in {1..100}; do
  [ ! -s port ] || break
  sleep 0.1
done
port=$(cat port)

four=$(timeout 20 node read.mjs eventsource-4 "$port")
five=$(timeout 20 node read.mjs eventsource-5 "$port")
echo "Node $(node --version), eventsource $(node -p 'require("./node_modules/eventsource-4/package.json").version') and" \
  "$(node -p 'require("./node_modules/eventsource-5/package.json").version')"
echo "4.1.1: $four"
echo "5.1.5: $five"
if [ "$four" != '"7" (sent none), "" (sent none), "7" (sent 7), "" (sent 7)' ]; then
  echo 'Changed: with 4.1.1 every second lastEventId was expected to be "", with 7 sent on reconnect.' >&2
  exit 1
fi
if [ "$five" != '"7" (sent none), "7" (sent none), "7" (sent 7), "7" (sent 7)' ]; then
  echo "Changed: with 5.1.5 each lastEventId was expected to be 7." >&2
  exit 1
fi
echo 'As expected: 4.1.1 has "" for a message without an id of its own.'
