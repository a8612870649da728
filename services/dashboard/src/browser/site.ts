/** Reads what only the installation knows: the gateway's address, and where traces are shown. */

const GATEWAY_PORT = 4317;

export interface Site {
  /** Where services outside send logs to, as host:port. */
  readonly gateway: string;
  /** The address of a trace in the tracing UI, with {trace_id} for its id; "" without one. */
  readonly traceUrl: string;
}

/** Without a response: the gateway's default port on the page's own host, and no tracing UI. */
export async function readSite(host = window.location.hostname, request: typeof fetch = fetch): Promise<Site> {
  let answered: Record<string, unknown> = {};
  try {
    const response = await request("/site.json");
    const site: unknown = response.ok ? await response.json() : null;
    answered = (site ?? {}) as Record<string, unknown>;
  } catch {
    // The gateway's address only helps to send the first log; the default is a good guess.
  }
  return { gateway: gatewayAddress(textOf(answered.gateway), host), traceUrl: textOf(answered.trace_url) };
}

function gatewayAddress(configured: string, host: string): string {
  if (configured === "") return `${host}:${GATEWAY_PORT}`;
  return configured.startsWith(":") ? host + configured : configured;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
