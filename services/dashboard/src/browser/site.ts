/** What the page can't know by itself of the installation it belongs to. */

const GATEWAY_PORT = 4317;

/** Where services outside send logs to, as host:port. Without an answer, the gateway's usual port on the page's own host. */
export async function gatewayAddress(host = window.location.hostname, ask: typeof fetch = fetch): Promise<string> {
  let configured = "";
  try {
    const answer = await ask("/site.json");
    const site: unknown = answer.ok ? await answer.json() : null;
    const { gateway } = (site ?? {}) as Record<string, unknown>;
    if (typeof gateway === "string") configured = gateway;
  } catch {
    // The address is a help for the first log; the usual one is a good guess.
  }
  if (configured === "") return `${host}:${GATEWAY_PORT}`;
  return configured.startsWith(":") ? host + configured : configured;
}
