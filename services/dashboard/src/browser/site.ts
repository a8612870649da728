/** Reads what only the installation knows: the gateway's address. */

const GATEWAY_PORT = 4317;

/** Where services outside send logs to, as host:port. Without a response: the gateway's default port on the page's own host. */
export async function gatewayAddress(host = window.location.hostname, request: typeof fetch = fetch): Promise<string> {
  let configured = "";
  try {
    const response = await request("/site.json");
    const site: unknown = response.ok ? await response.json() : null;
    const { gateway } = (site ?? {}) as Record<string, unknown>;
    if (typeof gateway === "string") configured = gateway;
  } catch {
    // The address only helps to send the first log; the default is a good guess.
  }
  if (configured === "") return `${host}:${GATEWAY_PORT}`;
  return configured.startsWith(":") ? host + configured : configured;
}
