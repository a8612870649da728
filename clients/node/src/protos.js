/** @file Loads the protos: functions that turn objects into bytes and back. It must not know the network. */
import { fileURLToPath } from "node:url";
import { loadSync } from "@grpc/proto-loader";

/** @typedef {import("@grpc/proto-loader").MessageTypeDefinition<any, any>} Message */

const definitions = loadSync(["logger.proto", "logstream/v1/logs.proto", "errors.proto"], {
  includeDirs: [fileURLToPath(new URL("../proto", import.meta.url))],
  longs: Number,
});

/** @param {string} name @returns {Message} */
const message = (name) => /** @type {Message} */ (definitions[name]);

export const LogRequest = message("LoggerService.LogRequest");
export const LogResponse = message("LoggerService.LogResponse");
export const LogBatch = message("logstream.v1.LogBatch");
export const Status = message("google.rpc.Status");
export const RetryInfo = message("google.rpc.RetryInfo");
