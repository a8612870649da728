/** Connects this window to the hub: in the shared worker, or in the window itself where the browser has none. */
import { ANY_TURN, type Reply, type ToHub } from "./protocol";
import { StreamHub } from "./stream-hub";
import workerAddress from "./stream-worker?sharedworker&url";

export interface HubLink {
  send(message: ToHub): void;
}

/** The hub answers at once whoever begins to watch and is seen. */
const ANSWER_MS = 10_000;

/** `onReply` is called with what the hub says. When the worker can't run, the window's own hub takes over, and asks again. */
export function connectHub(onReply: (reply: Reply) => void): HubLink {
  if (typeof SharedWorker === "undefined") return ownHub(onReply);
  let worker: SharedWorker;
  try {
    worker = new SharedWorker(trusted(workerAddress) as string, { type: "module", name: "logstream" });
  } catch {
    return ownHub(onReply);
  }
  const { port } = worker;
  let link: HubLink = { send: (message) => port.postMessage(message) };
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  let answered = false;
  const takeOver = () => {
    clearTimeout(unanswered);
    worker.onerror = port.onmessage = null;
    // Should it run after all, it must not watch for nobody.
    port.postMessage({ kind: "leave" } satisfies ToHub);
    link = ownHub(onReply);
    onReply({ turn: ANY_TURN, message: { kind: "unknown" } });
  };
  port.onmessage = ({ data }: MessageEvent<Reply>) => {
    answered = true;
    clearTimeout(unanswered);
    onReply(data);
  };
  worker.onerror = takeOver;
  return {
    send: (message) => {
      // Its script may be on its way for ever, of which the browser says nothing.
      if (message.kind === "watch" && message.visible && !answered) unanswered ??= setTimeout(takeOver, ANSWER_MS);
      link.send(message);
    },
  };
}

function ownHub(onReply: (reply: Reply) => void): HubLink {
  const hub = new StreamHub();
  const window = {};
  return { send: (message) => hub.receive(window, message, onReply) };
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): {
    createScriptURL(url: string): unknown;
  };
}

/** The page's only trusted address: that of its own worker, which the build has put in. */
function trusted(address: string): unknown {
  const types = (window as unknown as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) return address;
  const policy = types.createPolicy("logstream", {
    createScriptURL: (url) => {
      if (url !== workerAddress) throw new TypeError(`not the page's worker: ${url}`);
      return url;
    },
  });
  return policy.createScriptURL(address);
}
