// Serves an empty database with TimescaleDB's Community edition on a free port of 127.0.0.1 and prints the address; ends when
// its standard input does, so that it never outlives the tests. One client at a time is served, the others wait.
import { PGlite } from "@electric-sql/pglite";
import { timescaledb } from "@electric-sql/pglite/timescaledb";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

// There is one session for all clients. What one leaves in it (a transaction, settings, locks, statements) is removed for the
// next. The search path that it starts with is empty.
const NEW_SESSION = ["ROLLBACK", "DISCARD ALL", 'SET search_path = "$user", public'];
const NOTHING = new Uint8Array();

// The socket server passes on what it reads, however a message was cut up on the way; PGlite crashes on half a message.
// Source of the lengths: PostgreSQL documentation, "Message Formats".
class Database extends PGlite {
  #unread = Buffer.alloc(0);
  #started = false;

  // Called for each client, before its first bytes.
  runExclusive(use) {
    return super.runExclusive(() => {
      this.#unread = Buffer.alloc(0);
      this.#started = false;
      for (const statement of NEW_SESSION) this.execProtocolRawSync(query(statement));
      return use();
    });
  }

  async execProtocolRaw(bytes, options) {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    let end = 0;
    for (;;) {
      // The first message of a client has no type.
      const length = end + (this.#started ? 1 : 0);
      if (this.#unread.length < length + 4) break;
      const next = length + this.#unread.readInt32BE(length);
      if (this.#unread.length < next) break;
      end = next;
      this.#started = true;
    }
    if (end === 0) return NOTHING;
    const whole = new Uint8Array(this.#unread.subarray(0, end));
    this.#unread = this.#unread.subarray(end);
    return super.execProtocolRaw(whole, options);
  }
}

function query(statement) {
  const text = Buffer.from(`${statement}\0`);
  const head = Buffer.from("Q\0\0\0\0");
  head.writeInt32BE(4 + text.length, 1);
  return new Uint8Array(Buffer.concat([head, text]));
}

const db = new Database({ extensions: { timescaledb } });
await db.waitReady;
const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0 });
await server.start();
console.log(server.getServerConn());
process.stdin.on("end", () => process.exit()).resume();
