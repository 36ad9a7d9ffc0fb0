// The script of tests/websocket/clients.py for Node: node client.mjs ws|undici|builtin, and the rest as JSON on stdin.
import { readFileSync } from "node:fs";

const make = process.argv[2];
const { url, token, toUserId, largest, tooLarge, fragments, goodbye } = JSON.parse(readFileSync(0, "utf8"));
const WebSocket =
  make === "builtin" ? globalThis.WebSocket : make === "undici" ? (await import("undici")).WebSocket : (await import("ws")).WebSocket;

/** Open a socket; `next()` gives its messages in order, `closed` its close code. */
function open(options) {
  const socket = options === undefined ? new WebSocket(url) : new WebSocket(url, options);
  const waiting = [];
  const messages = [];
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    waiting.length ? waiting.shift()(message) : messages.push(message);
  });
  socket.addEventListener("error", () => {}); // a close follows
  return {
    socket,
    opened: new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("close", (event) => reject(new Error(`closed ${event.code} before it was open`)));
    }),
    closed: new Promise((resolve) => socket.addEventListener("close", (event) => resolve(event.code))),
    next: () => new Promise((resolve) => (messages.length ? resolve(messages.shift()) : waiting.push(resolve))),
    send: (type, payload) => socket.send(JSON.stringify({ type, payload })),
  };
}

async function closeCodeAfter(message) {
  const { socket, opened, closed } = open();
  await opened;
  socket.send(message);
  return closed;
}

const report = { header: null, fragments: null, pong: null };
if (make !== "builtin") {
  const authorized = open({ headers: { Authorization: `Bearer ${token}` } });
  await authorized.opened;
  report.header = (await authorized.next()).type;
  authorized.socket.close();
  await authorized.closed;
}

const { socket, opened, closed, next, send } = open();
await opened;
report.extensions = socket.extensions;
send("auth", { token, protocol: 1 });
report.first = (await next()).type;
send("send", { msg_id: make, to_user_id: toUserId, content: largest });
const ack = await next();
report.ack = ack.type;
report.seq = ack.payload.seq;
send("history", { conversation_id: ack.payload.conversation_id, limit: 1 });
report.stored = Buffer.byteLength((await next()).payload.events.at(-1).content);
if (make === "ws") {
  fragments.forEach((part, index) => socket.send(part, { fin: index === fragments.length - 1 }));
  report.fragments = (await next()).id;
  const pong = new Promise((resolve) => socket.once("pong", resolve));
  socket.ping("ping");
  report.pong = (await pong).toString();
}
socket.close(goodbye, "bye");
report.goodbye = await closed;
report.binary = await closeCodeAfter(new Uint8Array([0]));
report.too_large = await closeCodeAfter(tooLarge);
process.stdout.write(JSON.stringify(report));
process.exit(0); // undici keeps its connections for a while
