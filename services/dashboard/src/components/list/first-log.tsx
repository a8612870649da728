/** Shown until the first record ever: how to send one. */
import { useState } from "react";
import { copyText } from "../../browser/copy";
import { firstLogWords } from "../../texts/first-log";
import { useWords } from "../preferences/preferences-context";
import "./first-log.css";

/** gateway: host:port, as services reach it. */
export function FirstLog({ gateway }: { gateway: string }) {
  const words = useWords(firstLogWords);
  return (
    <section className="first-log" aria-labelledby="first-log">
      <h2 id="first-log">{words.title}</h2>
      <p>{words.how(gateway)}</p>
      <Snippet
        title={words.shell}
        text={`grpcurl -plaintext -d '{"node": "hello", "level": "info", "message": "Hello, logstream"}' \\
  ${gateway} LoggerService.Logger/SendLog`}
      />
      <Snippet
        title={words.python}
        text={`import logging
from logstream_client import LogstreamHandler

log = logging.getLogger("hello")
log.setLevel(logging.INFO)
log.addHandler(LogstreamHandler("${gateway}", node="hello"))
log.info("Hello, logstream")`}
      />
      <Snippet
        title={words.node}
        text={`import winston from "winston";
import { LogstreamTransport } from "@logstream/winston-transport";

const logger = winston.createLogger({
  transports: [new LogstreamTransport({ target: "${gateway}", node: "hello" })],
});
logger.info("Hello, logstream");`}
      />
      <p role="status">{words.waiting}</p>
    </section>
  );
}

function Snippet({ title, text }: { title: string; text: string }) {
  const words = useWords(firstLogWords);
  const [said, setSaid] = useState("");
  const copy = async () => setSaid((await copyText(text)) ? words.copied : words.notCopied);
  return (
    <>
      <h3>{title}</h3>
      <div className="snippet">
        <pre>
          <code>{text}</code>
        </pre>
        <button type="button" className="small" aria-label={`${words.copy}: ${title}`} onClick={() => void copy()}>
          {words.copy}
        </button>
        <span role="status">{said}</span>
      </div>
    </>
  );
}
