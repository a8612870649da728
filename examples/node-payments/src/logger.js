/**
 * @file Makes the service's logger. Records that cannot be sent are reported on standard error, not logged: a log record about
 * them would have to be sent, too.
 */
import { LogstreamTransport } from "@logstream/winston-transport";
import winston from "winston";

/**
 * @param {string} node Name of the service.
 * @param {string} target The gateway, host:port.
 * @returns {winston.Logger}
 */
export function makeLogger(node, target) {
  const transport = new LogstreamTransport({ target, node });
  for (const event of ["unreachable", "unconfirmed", "rejected", "dropped"]) {
    transport.on(event, (details) => console.error(event, details));
  }
  return winston.createLogger({ level: "debug", levels: winston.config.npm.levels, transports: [transport] });
}
