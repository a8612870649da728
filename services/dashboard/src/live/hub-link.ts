/** Connects this window to the hub: in the shared worker, or in the window itself where the browser has none. */
import { ANY_TURN, type Reply, type ToHub } from "./protocol";
import { StreamHub } from "./stream-hub";
import workerAddress from "./stream-worker?sharedworker&url";

export interface HubLink {
  send(message: ToHub): void;
}

/** The hub replies at once to a visible window that starts to watch. */
const REPLY_MS = 10_000;

/** `onReply` gets the hub's messages. If the worker cannot run, a hub in the window takes over and makes the window watch again. */
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
  let noReply: ReturnType<typeof setTimeout> | undefined;
  let replied = false;
  const takeOver = () => {
    clearTimeout(noReply);
    worker.onerror = port.onmessage = null;
    // If the worker runs after all, it must not watch for this window.
    port.postMessage({ kind: "leave" } satisfies ToHub);
    link = ownHub(onReply);
    onReply({ turn: ANY_TURN, message: { kind: "unknown" } });
  };
  port.onmessage = ({ data }: MessageEvent<Reply>) => {
    replied = true;
    clearTimeout(noReply);
    onReply(data);
  };
  worker.onerror = takeOver;
  return {
    send: (message) => {
      // The browser does not report a worker script that never finishes loading.
      if (message.kind === "watch" && message.visible && !replied) noReply ??= setTimeout(takeOver, REPLY_MS);
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

/** The only address the page trusts: its own worker's, which the build inserts. */
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
