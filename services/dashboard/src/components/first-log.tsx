/** Shown until the first record ever: how to send one. */


export function FirstLog({ gateway }: { gateway: string }) {
  return (
    <section className="first-log" aria-labelledby="first-log">
      <h2 id="first-log">No log has arrived yet</h2>
      <p>Send one to the gateway, at {gateway} unless it was configured otherwise. It appears here by itself.</p>
      <h3>From a shell, with grpcurl</h3>
      <Snippet
        text={`grpcurl -plaintext -d '{"node": "hello", "level": "info", "message": "Hello, logstream"}' \\
  ${gateway} LoggerService.Logger/SendLog`}
      />
      <h3>From Python, with the handler in clients/python</h3>
      <Snippet
        text={`import logging
from logstream_client import LogstreamHandler

log = logging.getLogger("hello")
log.setLevel(logging.INFO)
log.addHandler(LogstreamHandler("${gateway}", node="hello"))
log.info("Hello, logstream")`}
      />
      <h3>From Node, with the winston transport in clients/node</h3>
      <Snippet
        text={`import winston from "winston";
import { LogstreamTransport } from "@logstream/winston-transport";

const logger = winston.createLogger({
  transports: [new LogstreamTransport({ target: "${gateway}", node: "hello" })],
});
logger.info("Hello, logstream");`}
      />
    </section>
  );
}

function Snippet({ text }: { text: string }) {
  return (
    <pre>
      <code>{text}</code>
    </pre>
  );
}
