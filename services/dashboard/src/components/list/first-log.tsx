/** Shown until the first record arrives: how to send a log. */
import { useState } from "react";
import { copyText } from "../../browser/copy";
import { firstLogTexts } from "../../texts/first-log";
import { useTexts } from "../preferences/preferences-context";
import "./first-log.css";

/** gateway: host:port, as services reach it. */
export function FirstLog({ gateway }: { gateway: string }) {
  const texts = useTexts(firstLogTexts);
  return (
    <section className="first-log" aria-labelledby="first-log">
      <h2 id="first-log">{texts.title}</h2>
      <p>{texts.how(gateway)}</p>
      <Snippet
        title={texts.shell}
        text={`grpcurl -plaintext -d '{"node": "hello", "level": "info", "message": "Hello, logstream"}' \\
  ${gateway} LoggerService.Logger/SendLog`}
      />
      <Snippet
        title={texts.python}
        text={`import logging
from logstream_client import LogstreamHandler

log = logging.getLogger("hello")
log.setLevel(logging.INFO)
log.addHandler(LogstreamHandler("${gateway}", node="hello"))
log.info("Hello, logstream")`}
      />
      <Snippet
        title={texts.node}
        text={`import winston from "winston";
import { LogstreamTransport } from "@logstream/winston-transport";

const logger = winston.createLogger({
  transports: [new LogstreamTransport({ target: "${gateway}", node: "hello" })],
});
logger.info("Hello, logstream");`}
      />
      <p role="status">{texts.waiting}</p>
    </section>
  );
}

function Snippet({ title, text }: { title: string; text: string }) {
  const texts = useTexts(firstLogTexts);
  const [result, setResult] = useState("");
  const copy = async () => setResult((await copyText(text)) ? texts.copied : texts.notCopied);
  return (
    <>
      <h3>{title}</h3>
      <div className="snippet">
        <pre>
          <code>{text}</code>
        </pre>
        <button type="button" className="small" aria-label={`${texts.copy}: ${title}`} onClick={() => void copy()}>
          {texts.copy}
        </button>
        <span role="status">{result}</span>
      </div>
    </>
  );
}
