/** @file The exports of the package. */
export { LogstreamTransport } from "./transport.js";

/** @typedef {import("./settings.js").LogstreamOptions} LogstreamOptions */
/** @typedef {import("./outbox.js").Stats} Stats */
