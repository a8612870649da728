// Reads an event stream as others do, with npm's eventsource. Usage:
//   node read.js 4|5 url   (the major version)
// Prints a JSON object a line: {kind: "open"}, {kind: "error", status, closed} and {kind: "event", name, id, data}, id being
// what the client says of the event. It goes on until it is killed; to connect again is the client's own affair.
'use strict';

const NAMES = ['message', 'logs', 'live', 'counts', 'gap', 'dropped', 'status'];

const [version, url] = process.argv.slice(2);
// Version 5 lets a process end that waits for nothing but to connect again.
setInterval(() => {}, 1 << 30);
const print = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

import(`eventsource-${version}`).then(({ EventSource }) => {
  const source = new EventSource(url);
  source.onopen = () => print({ kind: 'open' });
  source.onerror = (error) =>
    print({ kind: 'error', status: error.code ?? null, closed: source.readyState === EventSource.CLOSED });
  for (const name of NAMES) {
    source.addEventListener(name, (event) => print({ kind: 'event', name, id: event.lastEventId, data: event.data }));
  }
});
