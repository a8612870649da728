// Sends records as grpc-log-stream's clients do: the seed's proto loaded at run time, one SendLog a record. Usage:
//   node send.js host:port path/to/logger.proto < requests.json   (an array of LogRequest as JSON)
// Prints a JSON array with one {success} or {code, details} a request. It must not retry.
'use strict';

const { readFileSync } = require('node:fs');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [address, proto] = process.argv.slice(2);
const requests = JSON.parse(readFileSync(0, 'utf8'));

const definition = protoLoader.loadSync(proto, { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
const { Logger } = grpc.loadPackageDefinition(definition).LoggerService;
const client = new Logger(address, grpc.credentials.createInsecure());

function send(request) {
  return new Promise((resolve) => {
    client.SendLog(request, { deadline: Date.now() + 30_000 }, (error, response) => {
      resolve(error ? { code: error.code, details: error.details } : { success: response.success });
    });
  });
}

Promise.all(requests.map(send)).then((answers) => {
  process.stdout.write(JSON.stringify(answers));
  client.close();
});
