/** The shared worker: one hub for all windows of this origin. */
import type { Reply, ToHub } from "./protocol";
import { StreamHub } from "./stream-hub";

const hub = new StreamHub();
const scope = self as unknown as { onconnect: ((event: MessageEvent) => void) | null };

scope.onconnect = (event) => {
  const port = event.ports[0];
  if (port === undefined) return;
  const send = (reply: Reply) => port.postMessage(reply);
  port.onmessage = ({ data }: MessageEvent<ToHub>) => hub.receive(port, data, send);
};
