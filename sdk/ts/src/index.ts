/** PingMe from TypeScript: connect, send, listen, look back (README.md). */

export type * from "./api.js";
export { Client, type LogListener } from "./client.js";
export { ErrorCode, type ErrorKind, PingMeError } from "./errors.js";
export { indexedDbStore } from "./indexeddb.js";
export { type Change, type LocalStore, memoryStore, type Table } from "./store.js";
export { events } from "./stream.js";
export type * from "./wire.js";
